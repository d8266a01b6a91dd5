"""The other models that say something about a generator's pictures: discriminator, judge, VAE and its atlas.

Invariants: they are leased for as long as they are asked, and what was measured once is kept with the model it
was measured on. A generator of another size than theirs is looked at in their size.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.catalog import Catalog
from playground.errors import UserError
from playground.gan import validation
from playground.gan.derived_cache import DerivedCache
from playground.gan.types import Neighbour
from playground.imaging import uploads
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.vae import atlas
from playground.weights.store import WeightStore

if TYPE_CHECKING:
    from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
    from playground.avatars.judge import AvatarJudge
    from playground.avatars.vae import AvatarVAE

VAE = "avatar-vae"
JUDGE = "avatar-judge"
DISCRIMINATOR = "discriminator"
REFERENCE = 256  # samples: enough for a percentile
MOST_NEIGHBOURS = 24


class AuxiliaryModels:
    """Asks other models about pictures."""

    def __init__(self, catalog: Catalog, models: ModelCache, weights: WeightStore, kept: DerivedCache) -> None:
        self._catalog = catalog
        self._models = models
        self._weights = weights
        self._kept = kept

    def vae(self, task: Task | None = None) -> AbstractContextManager["AvatarVAE"]:
        return self._models.use(ModelKey(VAE), task)

    def judge(self, task: Task | None = None) -> AbstractContextManager["AvatarJudge"]:
        return self._models.use(ModelKey(JUDGE), task)

    def atlas(self, vae: "AvatarVAE") -> atlas.Atlas:
        """The atlas of the VAE. Raises `UserError` where there is none."""

        def read() -> atlas.Atlas:
            return atlas.read(self._weights.fetch(self._catalog.get(VAE), Task()).path, vae.latent)

        return self._kept.get(vae, "atlas", read)

    def percentiles(self, model_id: str, generator: "AvatarGenerator", pictures: np.ndarray) -> list[float]:
        """How many of 256 samples the discriminator finds less real than each of (B, S, S, 3): shares 0..1."""
        from playground.gan import forward

        entry = self._catalog.get(model_id)
        if not (self._weights.fetch(entry, Task()).path / DISCRIMINATOR / "config.json").is_file():
            raise UserError(
                f"{entry.label} came without its discriminator, so nothing says how real its pictures look. Save it "
                f"in the folder “{DISCRIMINATOR}” within the model's."
            )
        with self._models.use(ModelKey(model_id, DISCRIMINATOR)) as discriminator:
            reference = self._kept.get(generator, "reference", lambda: _reference(generator, discriminator))
            places = np.searchsorted(reference, forward.discriminator_logits(discriminator, pictures))
            return [float(place) / len(reference) for place in places]

    def nearest(self, picture: np.ndarray, count: Any) -> list[Neighbour]:
        """The portraits of the atlas whose latents are nearest to that of `picture` (S, S, 3), the nearest first."""
        from playground.vae import forward

        count = validation.whole(count, "The number of portraits", 1, MOST_NEIGHBOURS)
        with self.vae() as vae:
            known = self.atlas(vae)
            seen, _ = uploads.square(uploads.from_array(picture), vae.size)
            latent = forward.encode(vae, uploads.to_array(seen)[None])[0][0]
        rows = known.nearest(latent, count)
        away = np.linalg.norm(known.latents[rows] - latent, axis=1)
        return [
            Neighbour(uploads.from_array(portrait), float(distance), known.described(row))
            for row, distance, portrait in zip(rows.tolist(), away, known.portraits(rows), strict=True)
        ]


def _reference(generator: "AvatarGenerator", discriminator: "AvatarDiscriminator") -> np.ndarray:
    """(256,): what the discriminator says of samples, sorted; always the same samples."""
    from playground.gan import forward

    w = forward.map_seeds(generator, range(REFERENCE))
    batches = (forward.to_uint8(x) for x in forward.in_batches(generator, w))
    return np.sort(np.concatenate([forward.discriminator_logits(discriminator, pictures) for pictures in batches]))
