"""What belongs to a VAE beside its weights: its config and controls, its flow, its judge, its atlas.

Invariants: read from disk once, without a model library. A user's own VAE may lack any of them; asking for a missing
one raises a `UserError` that names it, and everything else works.
"""

import json
from pathlib import Path
from typing import Any

from playground.avatars.controls import make_controls
from playground.avatars.latent_layout import blocks
from playground.catalog import Catalog, Entry
from playground.errors import UserError
from playground.runtime.task import Task
from playground.vae.atlas import Atlas, read_atlas
from playground.vae.types import VaeConfig
from playground.weights.store import WeightStore

FAMILY = "avatar-vae"
FLOW_FAMILY = "avatar-flow"
JUDGE = "avatar-judge"


class AuxiliaryModels:
    """Looks up a VAE's config, atlas, flow and judge by the VAE's id.

    Args:
        catalog: the known models.
        weights: finds their folders.
    """

    def __init__(self, catalog: Catalog, weights: WeightStore) -> None:
        self._catalog = catalog
        self._weights = weights
        self._vae_configs: dict[str, VaeConfig] = {}
        self._json_configs: dict[str, dict[str, Any]] = {}
        self._atlases: dict[str, Atlas] = {}

    def entry(self, model_id: str) -> Entry:
        """The catalogue entry of a VAE.

        Args:
            model_id: its catalogue id.

        Returns:
            The entry.

        Raises:
            UserError: an unknown id, or a model of another family.
        """
        entry = self._catalog.get(model_id)
        if entry.family != FAMILY:
            known = ", ".join(other.id for other in self._catalog if other.family == FAMILY) or "none"
            raise UserError(f"{entry.label} has no named controls. Models that have: {known}.")
        return entry

    def config(self, model_id: str) -> VaeConfig:
        """Shapes and controls of a VAE.

        Args:
            model_id: its catalogue id.

        Returns:
            The config, read from `config.json` on the first call.

        Raises:
            UserError: not a VAE, or a config that cannot be read.
        """
        if model_id not in self._vae_configs:
            entry = self.entry(model_id)
            self._vae_configs[model_id] = _parse_config(entry, self._json_config(model_id))
        return self._vae_configs[model_id]

    def atlas(self, model_id: str) -> Atlas:
        """The atlas of a VAE.

        Args:
            model_id: the VAE's catalogue id.

        Returns:
            The atlas, read on the first call.

        Raises:
            UserError: the model has none.
        """
        if model_id not in self._atlases:
            self._atlases[model_id] = read_atlas(self._folder(model_id), self.config(model_id).latent)
        return self._atlases[model_id]

    def flow(self, model_id: str) -> str:
        """The flow over a VAE's latent space: "avatar-flow" for "avatar-vae", "x-flow" for "x" or "x-vae".

        Args:
            model_id: the VAE's catalogue id.

        Returns:
            The flow's catalogue id.

        Raises:
            UserError: the catalogue has none, or it is for latents of another width.
        """
        entry = self.entry(model_id)
        flow = model_id.removesuffix("-vae") + "-flow"
        if not any(other.id == flow and other.family == FLOW_FAMILY for other in self._catalog):
            raise UserError(
                f"{entry.label} has no flow, so nothing tells how typical a latent is. Add one to the catalogue as "
                f"“{flow}”, or sample with the normal prior."
            )
        width = self._json_config(flow).get("width", 64)
        if width != self.config(model_id).latent:
            raise UserError(f"The flow “{flow}” is for latents of {width} numbers, and those of {entry.label} have "
                            f"{self.config(model_id).latent}.")  # fmt: skip
        return flow

    def judge(self, model_id: str) -> str:
        """The judge that classifies a VAE's pictures.

        Args:
            model_id: the VAE's catalogue id.

        Returns:
            The judge's catalogue id.

        Raises:
            UserError: the catalogue has none, or it knows other attributes or sizes.
        """
        entry, config = self.entry(model_id), self.config(model_id)
        if not any(other.id == JUDGE and other.family == JUDGE for other in self._catalog):
            raise UserError("There is no judge in the catalogue, so nothing can be read from a picture.")
        judge = self._json_config(JUDGE)
        attributes = tuple((each["name"], tuple(each["values"])) for each in judge["attributes"])
        if attributes != config.attributes or judge.get("size", 64) != config.size:
            raise UserError(f"The judge knows other attributes or sizes than {entry.label}, so it cannot read it.")
        return JUDGE

    def _folder(self, model_id: str) -> Path:
        return self._weights.fetch(self._catalog.get(model_id), Task()).path

    def _json_config(self, model_id: str) -> dict[str, Any]:
        if model_id not in self._json_configs:
            try:
                config = json.loads((self._folder(model_id) / "config.json").read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                label = self._catalog.get(model_id).label
                raise UserError(
                    f"The config.json of {label} cannot be read ({error}). Save the model again."
                ) from error
            self._json_configs[model_id] = config
        return self._json_configs[model_id]


def _parse_config(entry: Entry, config: dict[str, Any]) -> VaeConfig:
    """Keys that are missing have the class's defaults."""
    try:
        attributes = config["attributes"]
        named = tuple((str(each["name"]), tuple(map(str, each["values"]))) for each in attributes)
        controls = make_controls(blocks(attributes))
        return VaeConfig(int(config.get("size", 64)), int(config.get("latent", 64)), controls, named)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"The config.json of {entry.label} names no attributes that can be read ({error!r})."
        ) from error
