"""The VAE's verbs: what the tab and the API endpoints call.

Invariants: a verb takes the id of a model and plain data from outside, which it checks; it keeps nothing of a
visitor. A live picture never waits in a line; what takes longer returns a `Job`.
"""

from collections.abc import Iterator, Sequence
from threading import Semaphore
from typing import Any, Literal

import numpy as np
from PIL import Image

from playground.avatars.controls import Control
from playground.catalog import Catalog
from playground.errors import UserError
from playground.imaging import animation, metrics, uploads
from playground.runtime.model_cache import ModelCache
from playground.runtime.task import Phase, Task
from playground.runtime.worker import Job, Worker
from playground.vae import interpolation, validation
from playground.vae.atlas import Atlas
from playground.vae.auxiliary_models import AuxiliaryModels, VaeConfig
from playground.vae.engine import Engine, Reading, leaks
from playground.vae.types import Dimension, Direction, Encoded, Frame, Leak, Typicality, Values
from playground.weights.store import WeightStore

Prior = Literal["flow", "normal"]
LONGEST_PATH = range(2, 65)  # pictures
MOST_KEYS = 12  # latents a film goes through
MOST_EXAMPLES = 32  # pictures in each group of a direction


class VaeService:
    """Works with any model of the family `avatar-vae`. Every method raises `UserError` for an unknown model."""

    def __init__(
        self, catalog: Catalog, models: ModelCache, worker: Worker, live: Semaphore, weights: WeightStore
    ) -> None:
        self.catalog = catalog
        self._worker = worker
        self._companions = AuxiliaryModels(catalog, weights)
        self._engine = Engine(models, live)

    def about(self, model_id: str) -> VaeConfig:
        """Size, latent width, controls and attributes; no model library is imported."""
        return self._companions.about(model_id)

    def controls(self, model_id: str) -> tuple[Control, ...]:
        """The named controls, from the model's config; no model library is imported."""
        return self.about(model_id).controls

    def lacks(self, model_id: str) -> dict[str, str]:
        """Which of "flow", "judge" and "atlas" this model does without, and why in words; no model library either."""
        found = {}
        for name in ("flow", "judge", "atlas"):
            try:
                getattr(self._companions, name)(model_id)
            except UserError as error:
                found[name] = str(error)
        return found

    def placed(self, model_id: str, latent: Any, values: Any, seed: int = 0) -> np.ndarray:
        """(z,): `latent` (None: the sample of `seed`) with the controls in `values` applied, in their order."""
        about, seed = self.about(model_id), validation.seed(seed)
        if latent is None:
            prior: Prior = "normal" if "flow" in self.lacks(model_id) else "flow"
            return validation.apply(about.controls, self.sample(model_id, seed, prior=prior), values)
        return validation.apply(about.controls, validation.latent(latent, about.latent), values)

    def frame(self, model_id: str, latent: Any, values: Any, seed: int = 0, side: int = 128) -> Frame:
        """One live picture of what `placed` gives. `side` is the JPEG's, in pixels.

        A page keeps one or two requests in flight; others wait a few milliseconds here, and never for the worker.
        """
        validation.count(side, "The side of a live picture", validation.SIDES)
        z = self.placed(model_id, latent, values, seed)
        return Frame(self._engine.live(model_id, z, side), z, _stand(self.about(model_id), z))

    def render(self, model_id: str, latent: Any) -> Image.Image:
        """The picture of a latent at the model's own size."""
        return uploads.from_array(self._engine.decoded(model_id, self._checked(model_id, latent)[None])[0])

    def encode(self, model_id: str, image: Image.Image, crop: uploads.Crop | None = None) -> Encoded:
        """Bring a picture into the model: the mean of q(z | x), and what it comes back as."""
        about = self.about(model_id)
        seen, crop = uploads.square(uploads.read(image), about.size, crop)
        before = uploads.to_array(seen)
        latent = self._engine.means(model_id, before[None])[0]
        after = self._engine.decoded(model_id, latent[None])[0]
        psnr = metrics.psnr(before, after)
        typicality, known = None, True
        if not self.lacks(model_id).keys() & {"flow", "atlas"}:
            typicality = self.typicality(model_id, latent)
            known = self.atlas(model_id).of_this_world(psnr, typicality.log_prob)
        return Encoded(
            seen=seen,
            crop=crop,
            reconstruction=uploads.from_array(after),
            latent=latent,
            values=_stand(about, latent),
            psnr=psnr,
            ssim=metrics.ssim(before, after),
            typicality=typicality,
            of_this_world=known,
        )

    def sample(self, model_id: str, seed: int, temperature: float = 1.0, prior: Prior = "flow") -> np.ndarray:
        """(z,): the latent of a seed. `temperature` (0..2) scales the noise before the flow makes a latent of it."""
        seed, temperature = validation.seed(seed), validation.number(temperature, "Temperature", 0, 2)
        if prior not in ("flow", "normal"):
            raise UserError("The prior is “flow” or “normal”.")
        flow_id = self._companions.flow(model_id) if prior == "flow" else None
        return self._engine.sampled(flow_id, self.about(model_id).latent, seed, temperature)

    def read(self, model_id: str, latent: Any) -> Reading:
        """What the judge sees in the picture of a latent: for every attribute, each value's probability."""
        return self._readings(model_id, self._checked(model_id, latent)[None])[0]

    def leak(self, model_id: str, before: Any, after: Any) -> tuple[Leak, ...]:
        """What going from one latent to the other changed, by the judge; the strongest change first."""
        latents = np.stack([self._checked(model_id, before), self._checked(model_id, after)])
        return leaks(*self._readings(model_id, latents))

    def typicality(self, model_id: str, latent: Any) -> Typicality:
        """How usual a latent is, by the flow, against the portraits of the atlas."""
        z, atlas = self._checked(model_id, latent), self.atlas(model_id)
        nats = self._engine.log_prob(self._companions.flow(model_id), z)
        return Typicality(nats, -nats / (len(z) * np.log(2)), atlas.percentile(nats))

    def pull_back(self, model_id: str, latent: Any, strength: float) -> np.ndarray:
        """(z,) nearer to the typical: its noise under the flow, times 1 - `strength` (0..1), made a latent again."""
        z, strength = self._checked(model_id, latent), validation.number(strength, "Strength", 0, 1)
        return self._engine.shrunk(self._companions.flow(model_id), z, 1 - strength)

    def dimensions(self, model_id: str) -> tuple[Dimension, ...]:
        """Every raw coordinate, the most informative (by KL) first."""
        atlas = self.atlas(model_id)
        return tuple(
            Dimension(int(index), float(atlas.kl[index]), float(atlas.spread[index]), _strongest(atlas, int(index)))
            for index in np.argsort(-atlas.kl, kind="stable")
        )

    def atlas(self, model_id: str) -> Atlas:
        """All of the atlas: portraits, their latents and labels, their places on the map."""
        return self._companions.atlas(model_id)

    def at_map(self, model_id: str, x: float, y: float) -> np.ndarray:
        """(z,): the latent of a place on the map; x and y in 0..1."""
        return self.atlas(model_id).at(validation.number(x, "x", 0, 1), validation.number(y, "y", 0, 1))

    def nearest(self, model_id: str, latent: Any, count: int = 8) -> list[Image.Image]:
        """The portraits of the world whose latents are nearest, as they were drawn; the nearest first."""
        z, count = self._checked(model_id, latent), validation.count(count, "How many", range(1, 33))
        atlas = self.atlas(model_id)
        return [uploads.from_array(portrait) for portrait in atlas.portraits(atlas.nearest(z, count))]

    def interpolate(self, model_id: str, a: Any, b: Any, count: int, mode: interpolation.Mode = "lerp") -> np.ndarray:
        """(count, S, S, 3) uint8 from `a` to `b`, both included."""
        ends = self._checked(model_id, a), self._checked(model_id, b)
        count = validation.count(count, "The number of pictures", LONGEST_PATH)
        return self._engine.decoded(model_id, interpolation.between(*ends, count, _mode(mode)))

    def direction(self, model_id: str, with_: Sequence[Image.Image], without: Sequence[Image.Image]) -> Direction:
        """An attribute of one's own: what the latents of one group have and the other's have not."""
        size, groups = self.about(model_id).size, []
        for pictures in (with_, without):
            if not 1 <= len(pictures) <= MOST_EXAMPLES:
                raise UserError(f"Each group needs 1 to {MOST_EXAMPLES} pictures; this one has {len(pictures)}.")
            seen = [uploads.to_array(uploads.square(uploads.read(picture), size)[0]) for picture in pictures]
            groups.append(self._engine.means(model_id, np.stack(seen)))
        return interpolation.difference(*groups)

    def arithmetic(self, model_id: str, a: Any, b: Any, c: Any) -> np.ndarray:
        """(z,): a - b + c, kept within what a latent may be."""
        first, second, third = (self._checked(model_id, latent) for latent in (a, b, c))
        return (first - second + third).clip(-validation.FARTHEST, validation.FARTHEST)

    def animation(
        self,
        visitor: str,
        model_id: str,
        latents: Sequence[Any],
        steps: int = 16,
        fps: float = 16,
        side: int = 256,
        mode: interpolation.Mode = "lerp",
        loop: bool = True,
    ) -> Job[bytes]:
        """A film through these latents, `steps` pictures from each to the next: a looping animated WebP. On the way a
        `Phase` tells how many pictures are made."""
        if not isinstance(latents, Sequence) or not 2 <= len(latents) <= MOST_KEYS:
            raise UserError(f"A film goes through 2 to {MOST_KEYS} latents.")
        keys = [self._checked(model_id, latent) for latent in latents]
        validation.count(steps, "The number of pictures between two latents", range(1, 61))
        validation.number(fps, "Pictures a second", 1, 60)
        validation.count(side, "The side of the film", validation.SIDES)
        path = interpolation.through(keys, steps, _mode(mode), loop)
        label = self._companions.entry(model_id).label

        def work(task: Task) -> Iterator[bytes]:
            def report(done: int) -> None:
                task.report(Phase("preparing", label, done, len(path)))

            frames = self._engine.one_by_one(model_id, path, task)
            yield animation.webp(frames, fps, side, task, report, len(path))

        return self._worker.submit(visitor, work)

    def _checked(self, model_id: str, latent: Any) -> np.ndarray:
        return validation.latent(latent, self.about(model_id).latent)

    def _readings(self, model_id: str, latents: np.ndarray) -> list[Reading]:
        judge_id = self._companions.judge(model_id)
        return self._engine.readings(judge_id, self._engine.decoded(model_id, latents))


def _stand(about: VaeConfig, latent: np.ndarray) -> Values:
    return {control.name: control.stands(latent) for control in about.controls}


def _mode(mode: object) -> interpolation.Mode:
    if mode not in ("lerp", "slerp"):
        raise UserError("The way from one latent to the next is “lerp” or “slerp”.")
    return mode


def _strongest(atlas: Atlas, index: int) -> tuple[tuple[str, float], ...]:
    changes = zip(atlas.names, atlas.changes[index].tolist(), strict=True)
    return tuple(sorted(changes, key=lambda change: -change[1]))
