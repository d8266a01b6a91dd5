"""The VAE tab's live pictures: from a payload of the stage to its answer.

Invariants: everything in a payload came from a browser and is checked here or by the service; nothing is kept.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.errors import UserError
from playground.vae.service import VaeService
from tabs.common.live.stage import StagePayload, parse_array, stage_answer
from tabs.vae.render import OWN_REACH, SIDE, WIDEST_DIMENSION
from tabs.vae.session import MOST_DIMENSIONS, MOST_OWN

WIDEST_LATENT = 4096
FARTHEST = 20.0  # where the service ends


@dataclass
class LiveHandlers:
    """The stage's server function, over a `VaeService`."""

    service: VaeService

    def draw(self, payload: Any) -> dict[str, Any]:
        """Apply raw coordinates and own attributes, then the named controls, which have the last word; decode.

        Raises:
            UserError: anything but a payload of a page of ours.
        """
        asked = StagePayload.parse(payload, dimensions=1, limit=WIDEST_LATENT)
        width = self.service.config(asked.model).latent
        named = {name: value for name, value in asked.values.items() if not name.startswith(("dim_", "own_"))}
        latent = asked.latent
        if latent is not None and len(latent) != width:
            raise UserError(f"A latent of this model has {width} numbers; this one has {len(latent)}.")
        if latent is not None:
            latent = _raw(latent.copy(), asked, width)
        frame = self.service.frame(asked.model, latent, named, _seed(asked.extra.get("seed")), SIDE)
        stands: dict[str, float | str] = dict(frame.values)
        for index in _indices(asked.extra.get("dimensions"), width):
            stands[f"dim_{index}"] = float(frame.latent[index])
        for name, value in asked.values.items():
            if name.startswith("own_"):
                stands[name] = value
        return stage_answer(frame.jpeg, frame.latent, stands)


def _raw(latent: np.ndarray, asked: StagePayload, width: int) -> np.ndarray:
    """(z,) with raw coordinates set, and own directions added."""
    own = asked.extra.get("own") or []
    if not isinstance(own, list) or len(own) > MOST_OWN:
        raise UserError(f"At most {MOST_OWN} attributes of your own can be moved at a time. Reload the page.")
    moved = [(name, value) for name, value in asked.values.items() if name.startswith(("dim_", "own_"))]
    for name, value in moved:
        kind, _, number = name.partition("_")
        place = int(number) if number.isdecimal() and len(number) < 6 else -1
        reach = WIDEST_DIMENSION if kind == "dim" else OWN_REACH
        if isinstance(value, str) or abs(value) > reach or not 0 <= place < (width if kind == "dim" else len(own)):
            raise UserError("That slider does not exist any more. Reset it, or reload the page.")
        if kind == "dim":
            latent[place] = value
        else:
            vector = parse_array(own[place], 1, WIDEST_LATENT)
            if len(vector) != width:
                raise UserError("An attribute of your own belongs to another model. Make it again.")
            latent += value * vector
    return latent.clip(-FARTHEST, FARTHEST) if moved else latent


def _indices(raw: Any, width: int) -> list[int]:
    if not isinstance(raw, list) or len(raw) > MOST_DIMENSIONS:
        return []
    return [index for index in raw if type(index) is int and 0 <= index < width]


def _seed(raw: Any) -> int:
    return raw if type(raw) is int and 0 <= raw < 2**32 else 0
