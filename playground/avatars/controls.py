"""Named controls over a latent: what a slider or a chip does to its coordinates, and where it stands.

Invariants: numpy alone, so that a page can be built from a model's config before any model library is imported.
A control changes the coordinates of its own block and no others, so controls are orthogonal; a slider counts in steps
of the attribute's scale (skin 0 pale … 4 dark), so its unit is the attribute's own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from playground.avatars.latent_layout import Block, blocks
from playground.errors import UserError

Kind = Literal["slider", "cycle", "chips"]


@dataclass(frozen=True)
class Control:
    """What a person moves: a slider along `values` (their order), a closed circle of them, or chips to choose from."""

    name: str
    kind: Kind
    values: tuple[str, ...]
    block: Block

    @property
    def minimum(self) -> float:
        return 0.0

    @property
    def maximum(self) -> float:
        return float(len(self.values) if self.kind == "cycle" else len(self.values) - 1)

    def apply(self, latent: np.ndarray, value: float | str) -> np.ndarray:
        """A copy of `latent` (z,) with this control at `value`: a number on a slider or circle, or one of the words.

        Raises:
            UserError: a word or number that the control does not have.
        """
        changed = latent.astype(np.float32, copy=True)
        changed[self.block.slice] = self._point(value)
        return changed

    def stands(self, latent: np.ndarray) -> float | str:
        """Where this control stands in `latent` (z,): a number on a slider or circle, the nearest word for chips."""
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
        return self.block.at(value)


def controls(of: Sequence[Block]) -> tuple[Control, ...]:
    """Every control of these blocks: a slider wherever values lie on a scale, chips wherever some do not."""
    found: list[Control] = []
    for block in of:
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


def controls_of(folder: Path) -> tuple[Control, ...]:
    """The controls of a model on disk, from its `config.json`."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return controls(blocks(config["attributes"]))


def apply_all(of: Sequence[Control], latent: np.ndarray, values: Mapping[str, float | str]) -> np.ndarray:
    """A copy of `latent` (z,) with every named control at its value, in the order given.

    Raises:
        UserError: a control or a value that does not exist.
    """
    by_name = {control.name: control for control in of}
    for name, value in values.items():
        if name not in by_name:
            raise UserError(f"There is no control “{name[:40]}”. There are: {', '.join(by_name)}.")
        latent = by_name[name].apply(latent, value)
    return latent
