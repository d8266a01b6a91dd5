"""Boxes as numbers: checked, compared, thinned out, and brought to pixels.

Invariants: fractions of the picture in, fractions out; only `pixels` leaves that measure. Nothing here draws.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real

import numpy as np

from playground.errors import UserError
from playground.grounding.types import Box, ParsedAnswer

SMALLEST = 1e-6  # of a side; what is thinner has no inside
FARTHEST = 1.0  # how far outside a number may lie and still be a hand that slipped, not pixels


def checked(values: object) -> Box:
    """The box of four numbers from a person or a program: x0, y0, x1, y1 in fractions of the picture.

    Edges given the wrong way round are swapped, and what lies a little outside is cut at the picture's edge.

    Raises:
        UserError: not four finite numbers, numbers that can only be pixels, or a box without an inside.
    """
    form = "A box is four numbers between 0 and 1: left, top, right, bottom, for example [0.1, 0.2, 0.5, 0.6]."
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or len(values) != 4:
        raise UserError(form)
    if any(isinstance(value, bool) or not isinstance(value, Real) for value in values):
        raise UserError(form)
    try:
        x0, y0, x1, y1 = (float(value) for value in values)
    except OverflowError as error:  # an integer of hundreds of digits
        raise UserError(form) from error
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise UserError(form)
    if not all(-FARTHEST <= value <= 1 + FARTHEST for value in (x0, y0, x1, y1)):
        raise UserError(f"{form} These look like pixels: divide by the picture's width and height.")
    left, right = sorted((_clipped(x0), _clipped(x1)))
    top, bottom = sorted((_clipped(y0), _clipped(y1)))
    if right - left < SMALLEST or bottom - top < SMALLEST:
        raise UserError("This box has no inside within the picture. Draw it larger, from one corner to the other.")
    return Box(left, top, right, bottom)


def area(box: Box) -> float:
    """The part of the picture that a box covers, 0..1."""
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (area(a) + area(b) - shared)


def nms(boxes: Sequence[Box], most: float) -> tuple[Box, ...]:
    """Non-maximum suppression: the boxes, in their order, without those that a surer one covers.

    A box goes if its IoU with a kept one of a higher score is above `most` (0..1). A box without a score counts as
    sure; of equals the first stays.
    """
    if len(boxes) < 2:
        return tuple(boxes)
    edges = np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes])  # (n, 4)
    scores = np.array([1.0 if box.score is None else box.score for box in boxes])
    areas = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
    left = np.argsort(-scores, kind="stable")
    kept = []
    while left.size:
        best, others = left[0], left[1:]
        kept.append(int(best))
        sides = np.minimum(edges[best, 2:], edges[others, 2:]) - np.maximum(edges[best, :2], edges[others, :2])
        shared = sides.clip(0).prod(axis=1)
        left = others[shared / (areas[best] + areas[others] - shared) <= most]
    return tuple(boxes[index] for index in sorted(kept))


def thinned(reading: ParsedAnswer, most: float) -> ParsedAnswer:
    """The reading with `nms` applied to the boxes of each phrase; numbers and colours stay."""
    return replace(
        reading,
        entities=tuple(replace(entity, boxes=nms(entity.boxes, most)) for entity in reading.entities),
    )


def above(reading: ParsedAnswer, threshold: float) -> ParsedAnswer:
    """The reading with only the boxes whose score is at least `threshold`; those without a score stay.

    An entity that loses all its boxes stays without any, so that the numbers and colours of the others do not move.
    """
    return replace(
        reading,
        entities=tuple(
            replace(entity, boxes=tuple(box for box in entity.boxes if box.score is None or box.score >= threshold))
            for entity in reading.entities
        ),
    )


def pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a picture of `size` = (width, height): right and bottom are outside the box.

    At least one pixel wide and high, and never outside the picture.
    """
    (left, right), (top, bottom) = _ends(box.x0, box.x1, size[0]), _ends(box.y0, box.y1, size[1])
    return left, top, right, bottom


def _ends(low: float, high: float, side: int) -> tuple[int, int]:
    start = min(round(low * side), side - 1)
    return start, min(max(round(high * side), start + 1), side)


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)
