"""Layout of the attributes in a latent: which coordinates belong to which attribute, and which point is which value.

Invariants: numpy and the standard library alone, so a page can reason about controls without a model library. Every
attribute owns a block of coordinates, so controls are orthogonal by construction. If an attribute's values are equally
likely, their codes have mean 0 and covariance I, like the prior:

* ordered (skin, mouth …): one coordinate, values at equal steps;
* cyclic (hue): two coordinates, values on a circle of radius sqrt(2);
* nominal with K values: K - 1 coordinates, values at the corners of a regular simplex. Where some of the values lie on
  a scale (no beard, short, full, long), the slider runs along the corners of that scale.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

Order = Literal["ordered", "cyclic", "nominal"]


@dataclass(frozen=True)
class Block:
    """The coordinates `start … start + width` of the latent, which hold one attribute.

    Attributes:
        name: of the attribute.
        order: "ordered", "cyclic" or "nominal".
        values: its words.
        scale: the values in the order of a slider; empty where there is none.
        start: first coordinate.
    """

    name: str
    order: Order
    values: tuple[str, ...]
    scale: tuple[str, ...]
    start: int

    @property
    def width(self) -> int:
        """How many coordinates it has."""
        return _width(self.order, self.values, self.scale)

    @property
    def slice(self) -> slice:
        """Its coordinates."""
        return slice(self.start, self.start + self.width)

    @cached_property
    def codes(self) -> np.ndarray:
        """(K, width) float32: the point of each value."""
        count = len(self.values)
        if self.order == "cyclic":
            angle = 2 * np.pi * np.arange(count) / count
            points = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        elif self.width == 1 and count > 2:
            places = np.array([self.scale.index(value) for value in self.values], float)
            points = ((places - places.mean()) / places.std())[:, None]
        else:
            points = np.sqrt(count) * _helmert(count).T
        return points.astype(np.float32)

    def code(self, value: str) -> np.ndarray:
        """The point of a value.

        Args:
            value: one of `values`.

        Returns:
            (width,) float32.

        Raises:
            ValueError: a value the attribute does not have.
        """
        return self.codes[self.values.index(value)]

    def point_at(self, position: float) -> np.ndarray:
        """The point at a position of the slider.

        Between two values it lies on the straight line between them (on the arc, for a cyclic scale, where the
        position is taken modulo the number of values). Positions beyond the ends of an ordered scale go on.

        Args:
            position: in steps of the scale, from 0.

        Returns:
            (width,) float32.
        """
        steps = len(self.scale)
        if self.order == "cyclic":
            angle = 2 * np.pi * position / steps
            return (np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)])).astype(np.float32)
        low = int(np.clip(np.floor(position), 0, steps - 2))
        first, second = self.code(self.scale[low]), self.code(self.scale[low + 1])
        return (first + (position - low) * (second - first)).astype(np.float32)

    def position(self, point: np.ndarray) -> float:
        """The position on the slider nearest to a point; the inverse of `point_at` within the scale.

        Args:
            point: (width,).

        Returns:
            In steps of the scale, from 0.
        """
        steps = len(self.scale)
        if self.order == "cyclic":
            return float(np.arctan2(point[1], point[0]) / (2 * np.pi) * steps % steps)
        if self.width == 1:  # this runs for every control of every live picture
            places, sign = self._line
            at = min(max(sign * float(point[0]), places[0]), places[-1])
            low = min(bisect_right(places, at), steps - 1) - 1
            return low + (at - places[low]) / (places[low + 1] - places[low])
        first, along, length = self._legs
        t = (((point - first) * along).sum(1) / length).clip(0, 1)
        distance = ((first + t[:, None] * along - point) ** 2).sum(1)
        low = int(np.argmin(distance > distance.min() + 1e-9))  # the first of equals
        return float(low + t[low])

    @cached_property
    def _half(self) -> np.ndarray:
        """Half of each code's length², (K,)."""
        return 0.5 * (self.codes**2).sum(1)

    @cached_property
    def _line(self) -> tuple[tuple[float, ...], float]:
        """Where the scale's values lie on the only coordinate, turned so that they grow, and the sign of the turn."""
        places = [float(self.code(value)[0]) for value in self.scale]
        sign = 1.0 if places[-1] > places[0] else -1.0
        return tuple(sign * place for place in places), sign

    @cached_property
    def _legs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """From each value of the scale to the next: where, which way (steps - 1, width), length² (steps - 1)."""
        points = np.stack([self.code(value) for value in self.scale]).astype(np.float64)
        along = np.diff(points, axis=0)
        return points[:-1], along, (along**2).sum(1)

    def nearest(self, point: np.ndarray) -> str:
        """The value whose code is nearest to a point.

        Args:
            point: (width,).

        Returns:
            One of `values`.
        """
        return self.values[int((self.codes @ point - self._half).argmax())]  # |c - p|² without |p|², halved


def blocks(attributes: Sequence[dict[str, Any]]) -> tuple[Block, ...]:
    """The blocks of a config's attributes, one after the other.

    Args:
        attributes: dicts of name, order, values and scale.

    Returns:
        One block per attribute.
    """
    found, start = [], 0
    for each in attributes:
        block = Block(each["name"], each["order"], tuple(each["values"]), tuple(each["scale"]), start)
        found.append(block)
        start += block.width
    return tuple(found)


def width(attributes: Sequence[dict[str, Any]]) -> int:
    """How many coordinates the attributes take together.

    Args:
        attributes: dicts of name, order, values and scale.

    Returns:
        The sum of their blocks' widths.
    """
    return sum(block.width for block in blocks(attributes))


def _width(order: Order, values: Sequence[str], scale: Sequence[str]) -> int:
    if order == "cyclic":
        return 2
    if order == "ordered" and set(values) == set(scale):
        return 1
    return len(values) - 1


def _helmert(count: int) -> np.ndarray:
    """(count - 1, count): orthonormal rows, each orthogonal to (1, …, 1)."""
    rows = np.zeros((count - 1, count))
    for row in range(1, count):
        rows[row - 1, :row] = 1
        rows[row - 1, row] = -row
        rows[row - 1] /= np.sqrt(row * (row + 1))
    return rows
