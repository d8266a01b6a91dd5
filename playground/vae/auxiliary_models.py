"""What belongs to a VAE beside its weights: its config and controls, its flow, its judge, its atlas.

Invariants: read from disk once, without a model library. A VAE of one's own may have none of the companions; who
asks for one that is missing gets words that say which, and everything else works.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.avatars.controls import Control, controls
from playground.avatars.latent_layout import blocks
from playground.catalog import Catalog, Entry
from playground.errors import UserError
from playground.runtime.task import Task
from playground.vae import atlas
from playground.weights.store import WeightStore

FAMILY = "avatar-vae"
JUDGE = "avatar-judge"


@dataclass(frozen=True)
class VaeConfig:
    """What a page must know of a VAE before it draws, from its config alone."""

    size: int  # pixels of a side
    latent: int  # coordinates
    controls: tuple[Control, ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]  # names and values


class AuxiliaryModels:
    """Looks up by the id of a VAE; remembers what it read."""

    def __init__(self, catalog: Catalog, weights: WeightStore) -> None:
        self._catalog = catalog
        self._weights = weights
        self._about: dict[str, VaeConfig] = {}
        self._configs: dict[str, dict[str, Any]] = {}
        self._atlases: dict[str, atlas.Atlas] = {}

    def entry(self, model_id: str) -> Entry:
        """The VAE of an id. Raises `UserError` for an unknown id or a model of another family."""
        entry = self._catalog.get(model_id)
        if entry.family != FAMILY:
            known = ", ".join(other.id for other in self._catalog if other.family == FAMILY) or "none"
            raise UserError(f"{entry.label} has no named controls. Models that have: {known}.")
        return entry

    def about(self, model_id: str) -> VaeConfig:
        """Read once from the model's `config.json`."""
        if model_id not in self._about:
            entry = self.entry(model_id)
            self._about[model_id] = _about(entry, self._config(model_id))
        return self._about[model_id]

    def atlas(self, model_id: str) -> atlas.Atlas:
        """Raises `UserError` where the model has none."""
        if model_id not in self._atlases:
            self._atlases[model_id] = atlas.read(self.folder(model_id), self.about(model_id).latent)
        return self._atlases[model_id]

    def flow(self, model_id: str) -> str:
        """The id of the flow over this VAE's latent: "avatar-flow" for "avatar-vae", "x-flow" for "x" or "x-vae"."""
        entry = self.entry(model_id)
        flow = model_id.removesuffix("-vae") + "-flow"
        if not any(other.id == flow and other.family == "avatar-flow" for other in self._catalog):
            raise UserError(
                f"{entry.label} has no flow, so nothing tells how typical a latent is. Add one to the catalogue as "
                f"“{flow}”, or sample with the normal prior."
            )
        width = self._config(flow).get("width", 64)
        if width != self.about(model_id).latent:
            raise UserError(f"The flow “{flow}” is for latents of {width} numbers, and those of {entry.label} have "
                            f"{self.about(model_id).latent}.")  # fmt: skip
        return flow

    def judge(self, model_id: str) -> str:
        """The id of the judge that reads this VAE's pictures."""
        entry, mine = self.entry(model_id), self.about(model_id)
        if not any(other.id == JUDGE and other.family == JUDGE for other in self._catalog):
            raise UserError("There is no judge in the catalogue, so nothing can be read from a picture.")
        config = self._config(JUDGE)
        read = tuple((about["name"], tuple(about["values"])) for about in config["attributes"])
        if read != mine.attributes or config.get("size", 64) != mine.size:
            raise UserError(f"The judge knows other attributes or sizes than {entry.label}, so it cannot read it.")
        return JUDGE

    def folder(self, model_id: str) -> Path:
        """Where the files of any of these models are on this disk; fetched if need be."""
        return self._weights.fetch(self._catalog.get(model_id), Task()).path

    def _config(self, model_id: str) -> dict[str, Any]:
        if model_id not in self._configs:
            try:
                config = json.loads((self.folder(model_id) / "config.json").read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                label = self._catalog.get(model_id).label
                raise UserError(
                    f"The config.json of {label} cannot be read ({error}). Save the model again."
                ) from error
            self._configs[model_id] = config
        return self._configs[model_id]


def _about(entry: Entry, config: dict[str, Any]) -> VaeConfig:
    """What is not in a config is at the class's default."""
    try:
        attributes = config["attributes"]
        named = tuple((str(a["name"]), tuple(map(str, a["values"]))) for a in attributes)
        of = controls(blocks(attributes))
        return VaeConfig(int(config.get("size", 64)), int(config.get("latent", 64)), of, named)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"The config.json of {entry.label} names no attributes that can be read ({error!r})."
        ) from error
