"""Named controls over a latent: sliders, circles and chips that set an attribute's coordinates.

Invariants: numpy alone, so that a page can be built from a model's config before any model library is imported. A
control changes the coordinates of its own block and no others, so controls are orthogonal; a slider counts in steps of
the attribute's scale (skin 0 pale … 4 dark).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from playground.avatars.latent_layout import Block
from playground.errors import UserError

Kind = Literal["slider", "cycle", "chips"]


@dataclass(frozen=True)
class Control:
    """One control.

    Attributes:
        name: its name in pages and in the API.
        kind: "slider" along `values` in their order, "cycle" around them, or "chips" to choose one of them.
        values: words of the attribute.
        block: the coordinates it sets.
    """

    name: str
    kind: Kind
    values: tuple[str, ...]
    block: Block

    @property
    def minimum(self) -> float:
        """Least number of a slider or circle."""
        return 0.0

    @property
    def maximum(self) -> float:
        """Greatest number of a slider or circle; a circle's is its minimum again."""
        return float(len(self.values) if self.kind == "cycle" else len(self.values) - 1)

    def apply(self, latent: np.ndarray, value: float | str) -> np.ndarray:
        """A latent with this control at another value.

        Args:
            latent: (z_dim,).
            value: a number on a slider or circle, or one of the words.

        Returns:
            A copy (z_dim,) float32.

        Raises:
            UserError: a word or number that the control does not have.
        """
        changed = latent.astype(np.float32, copy=True)
        changed[self.block.slice] = self._point(value)
        return changed

    def value_in(self, latent: np.ndarray) -> float | str:
        """This control's value in a latent.

        Args:
            latent: (z_dim,).

        Returns:
            A number on a slider or circle, the nearest word for chips.
        """
        point = latent[self.block.slice]
        return self.block.nearest(point) if self.kind == "chips" else self.block.position(point)

    def _point(self, value: float | str) -> np.ndarray:
        if isinstance(value, str):
            if value in self.block.values:
                return self.block.code(value)
            known = ", ".join(self.block.values)
            raise UserError(f"{self.name} has no value “{value[:40]}”. Choose one of: {known}.")
        if self.kind == "chips":
            raise UserError(f"{self.name} is chosen by name. Choose one of: {', '.join(self.values)}.")
        if isinstance(value, bool) or not np.isfinite(value) or not self.minimum <= value <= self.maximum:
            raise UserError(f"{self.name} goes from {self.minimum:g} to {self.maximum:g}; {value} lies outside.")
        return self.block.point_at(value)


def make_controls(blocks: Sequence[Block]) -> tuple[Control, ...]:
    """The controls of a latent: a slider wherever values lie on a scale, chips wherever some do not.

    Args:
        blocks: the attributes' coordinates.

    Returns:
        One or two controls per block, in their order.
    """
    found: list[Control] = []
    for block in blocks:
        if block.order == "cyclic":
            found.append(Control(block.name, "cycle", block.scale, block))
            continue
        if block.scale:
            name = "hair_length" if block.name == "top" else block.name
            found.append(Control(name, "slider", block.scale, block))
        if set(block.values) != set(block.scale):
            found.append(
                Control(block.name if block.order == "nominal" else f"{block.name}_kind", "chips", block.values, block)
            )
    return tuple(found)


def apply_controls(controls: Sequence[Control], latent: np.ndarray, values: Mapping[str, float | str]) -> np.ndarray:
    """A latent with several controls at other values.

    Args:
        controls: those that exist.
        latent: (z_dim,).
        values: control name to value, applied in this order.

    Returns:
        A copy (z_dim,), or `latent` itself without values.

    Raises:
        UserError: a control or a value that does not exist.
    """
    by_name = {control.name: control for control in controls}
    for name, value in values.items():
        if name not in by_name:
            raise UserError(f"There is no control “{name[:40]}”. There are: {', '.join(by_name)}.")
        latent = by_name[name].apply(latent, value)
    return latent
