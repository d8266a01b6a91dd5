"""Models that evaluate a generator's pictures: discriminator, judge, VAE and its atlas.

Invariants: each is leased only while it is used; what was measured once is cached with the model it was measured on. A
generator of another size than theirs is evaluated at their size.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.catalog import Catalog
from playground.errors import UserError
from playground.gan.derived_cache import DerivedCache
from playground.gan.types import Neighbour
from playground.imaging import uploads
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.vae.atlas import Atlas, read_atlas
from playground.validation import validate_whole
from playground.weights.store import WeightStore

if TYPE_CHECKING:
    from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
    from playground.avatars.judge import AvatarJudge
    from playground.avatars.vae import AvatarVAE

VAE = "avatar-vae"
JUDGE = "avatar-judge"
DISCRIMINATOR = "discriminator"
REFERENCE_SAMPLES = 256  # enough for a percentile
MAX_NEIGHBOURS = 24


class AuxiliaryModels:
    """Access to the models beside a generator.

    Args:
        catalog: knows their ids.
        models: leases them.
        weights: finds their folders.
        cache: holds what was computed from a model.
    """

    def __init__(self, catalog: Catalog, models: ModelCache, weights: WeightStore, cache: DerivedCache) -> None:
        self._catalog = catalog
        self._models = models
        self._weights = weights
        self._cache = cache

    def vae(self, task: Task | None = None) -> AbstractContextManager["AvatarVAE"]:
        """A lease of the VAE.

        Args:
            task: receives progress while the model loads, and may cancel it.

        Returns:
            A context manager.
        """
        return self._models.use(ModelKey(VAE), task)

    def judge(self, task: Task | None = None) -> AbstractContextManager["AvatarJudge"]:
        """A lease of the judge.

        Args:
            task: receives progress while the model loads, and may cancel it.

        Returns:
            A context manager.
        """
        return self._models.use(ModelKey(JUDGE), task)

    def atlas(self, vae: "AvatarVAE") -> Atlas:
        """The atlas of the VAE.

        Args:
            vae: the loaded VAE.

        Returns:
            The atlas, read on the first call.

        Raises:
            UserError: the VAE's folder has none.
        """
        return self._cache.get(
            vae, "atlas", lambda: read_atlas(self._weights.fetch(self._catalog.get(VAE), Task()).path, vae.latent)
        )

    def percentiles(self, model_id: str, generator: "AvatarGenerator", pictures: np.ndarray) -> list[float]:
        """The discriminator's percentile of pictures among 256 samples.

        Args:
            model_id: the generator's catalogue id.
            generator: the loaded generator.
            pictures: (B, S, S, 3) uint8.

        Returns:
            Per picture, the share (0..1) of samples that the discriminator finds less real.

        Raises:
            UserError: the model has no discriminator.
        """
        from playground.gan import forward

        entry = self._catalog.get(model_id)
        if not (self._weights.fetch(entry, Task()).path / DISCRIMINATOR / "config.json").is_file():
            raise UserError(
                f"{entry.label} came without its discriminator, so nothing says how real its pictures look. Save it "
                f"in the folder “{DISCRIMINATOR}” within the model's."
            )
        with self._models.use(ModelKey(model_id, DISCRIMINATOR)) as discriminator:
            reference = self._cache.get(
                generator, "reference logits", lambda: _reference_logits(generator, discriminator)
            )
            places = np.searchsorted(reference, forward.discriminator_logits(discriminator, pictures))
            return [float(place) / len(reference) for place in places]

    def nearest(self, picture: np.ndarray, count: Any) -> list[Neighbour]:
        """The atlas portraits nearest to a picture in the VAE's latent space.

        Args:
            picture: (S, S, 3) uint8.
            count: how many, 1 to 24.

        Returns:
            Nearest first; fewer where the atlas holds fewer.

        Raises:
            UserError: a count out of range.
        """
        from playground.vae import forward

        count = validate_whole(count, "The number of portraits", 1, MAX_NEIGHBOURS)
        with self.vae() as vae:
            atlas = self.atlas(vae)
            cropped, _ = uploads.square(uploads.from_array(picture), vae.size)
            latent = forward.encode(vae, uploads.to_array(cropped)[None])[0][0]
        rows = atlas.nearest(latent, count)
        distances = np.linalg.norm(atlas.latents[rows] - latent, axis=1)
        return [
            Neighbour(uploads.from_array(portrait), float(distance), atlas.attributes_of(row))
            for row, distance, portrait in zip(rows.tolist(), distances, atlas.portraits(rows), strict=True)
        ]


def _reference_logits(generator: "AvatarGenerator", discriminator: "AvatarDiscriminator") -> np.ndarray:
    """(256,): the discriminator's logits of samples, sorted; always the same samples."""
    from playground.gan import forward

    w = forward.map_seeds(generator, range(REFERENCE_SAMPLES))
    batches = (forward.to_uint8(x) for x in forward.synthesize_batches(generator, w))
    return np.sort(np.concatenate([forward.discriminator_logits(discriminator, pictures) for pictures in batches]))
