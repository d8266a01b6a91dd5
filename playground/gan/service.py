"""The GAN's verbs: what the tab and the API endpoints call.

Invariants: nothing of a visitor is kept; styles, edits and own directions travel with every request and are
checked. What moves under a finger (`frame`, `samples`) runs at once; what takes longer is a `Job`.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from threading import Semaphore
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from playground.catalog import Catalog, Entry
from playground.errors import UserError
from playground.gan import generator_config, interpolation, seed_parsing, styles, validation
from playground.gan.auxiliary_models import AuxiliaryModels
from playground.gan.derived_cache import DerivedCache
from playground.gan.directions import Directions
from playground.gan.editing import Editor, components
from playground.gan.renderer import Renderer
from playground.gan.types import Edit, Frame, GeneratorConfig, Histogram, Neighbour, Sample, Step
from playground.imaging import animation, latent_file, uploads
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Phase, Task
from playground.runtime.worker import Job, Worker
from playground.weights.store import WeightStore

if TYPE_CHECKING:
    from PIL import Image

    from playground.avatars.gan import AvatarGenerator

SHEET = tuple(round(-1 + 0.25 * step, 2) for step in range(11))  # psi from -1 to 1.5
STEPS = (1, 500)  # of a projection
KEPT_STYLES = 256
SIDES = (16, 1024)  # pixels of a picture that is shown


class GanService:
    """Pictures of any generator of the catalogue."""

    def __init__(
        self, catalog: Catalog, models: ModelCache, worker: Worker, live: Semaphore, weights: WeightStore
    ) -> None:
        self.catalog = catalog
        self._models = models
        self._worker = worker
        self._weights = weights
        self._about: dict[str, GeneratorConfig] = {}
        kept = DerivedCache()
        self._editor = Editor(kept)
        self._companions = AuxiliaryModels(catalog, models, weights, kept)
        self._drawing = Renderer(live)
        self._style = lru_cache(KEPT_STYLES)(self._style_of)  # a drag of psi asks for the same one again and again

    def entry(self, model_id: str) -> Entry:
        """The generator of an id. Raises `UserError` for an unknown id or a model of another tab."""
        entry = self.catalog.get(str(model_id))
        if entry.tab != "gan" or entry.family != "avatar-gan":
            raise UserError(f"{entry.label} is not a GAN. Choose one from the GAN tab's menu.")
        return entry

    def about(self, model_id: str, task: Task | None = None) -> GeneratorConfig:
        """Its sizes, from its config alone, read once; fetches a model that is not on this disk."""
        entry = self.entry(model_id)
        if entry.id not in self._about:
            self._about[entry.id] = generator_config.read(self._weights.fetch(entry, task or Task()).path)
        return self._about[entry.id]

    def style(self, model_id: str, seed: int) -> np.ndarray:
        """(layers, w) of a seed, untouched by truncation."""
        return self._style(self.entry(model_id).id, seed_parsing.one(seed)).copy()

    def samples(
        self,
        model_id: str,
        wanted: str | Sequence[int],
        truncation: float = 1.0,
        cutoff: int | None = None,
        judged: bool = False,
    ) -> list[Sample]:
        """One picture a seed, in their order; with `judged`, each with the discriminator's percentile.

        Raises:
            UserError: seeds that are none or too many, a truncation or cutoff out of range.
        """
        chosen = seed_parsing.parse(wanted)
        psi = validation.truncation(truncation)
        with self._generator(model_id) as model:
            from playground.gan import forward

            mean, until = forward.mean_style(model), validation.cutoff(cutoff, model.layers)
            drawn = self._drawing.many(model, styles.truncated(forward.map_seeds(model, chosen), mean, psi, until))
            real = self._companions.percentiles(model_id, model, drawn) if judged else [None] * len(drawn)
            return [Sample(*each) for each in zip(chosen, map(uploads.from_array, drawn), real, strict=True)]

    def frame(
        self,
        model_id: str,
        style: Any,
        truncation: float = 1.0,
        cutoff: int | None = None,
        edits: Sequence[Edit] = (),
        own: Sequence[Any] = (),
        side: int = 128,
    ) -> Frame:
        """A live picture: the style truncated first, then moved along every edit. `side` is in pixels.

        Args:
            style: (layers, w), array or lists.
            own: vectors (w,) that edits of kind "own" name by their place.

        Raises:
            UserError: anything in it that is not what this model takes.
        """
        side = validation.whole(side, "The side of a picture", *SIDES)
        with self._generator(model_id) as model:
            final = self._editor.apply(model, style, truncation, cutoff, edits, own)
            return Frame(self._drawing.live(model, final, side), final)

    def render(self, model_id: str, style: Any) -> "Image.Image":
        """The picture of a style, at the model's own size."""
        with self._generator(model_id) as model:
            return uploads.from_array(
                self._drawing.many(model, validation.style(style, model.layers, model.w_dim)[None])[0]
            )

    def mix(self, style_a: np.ndarray, style_b: np.ndarray, layers: Sequence[int] | styles.Group) -> np.ndarray:
        """Style a with the chosen layers of style b. Raises `UserError` for layers that are not there."""
        return styles.mixed(style_a, style_b, layers)

    def directions(
        self, model_id: str, kind: Literal["pca", "sefa"], count: int, layers: tuple[int, int] | None = None
    ) -> Directions:
        """The strongest directions of w; SeFa's are those of a range of layers (default: all)."""
        with self._generator(model_id) as model:
            if kind not in ("pca", "sefa"):
                raise UserError("Directions are found by “pca” or “sefa”.")
            validation.whole(count, "The number of directions", 1, components(model))
            span = validation.span(layers or (0, model.layers - 1), model.layers)
            found = self._editor.directions(model, kind, span)
            return Directions(found.vectors[:count], found.deviations[:count])

    def truncation_sheet(
        self, model_id: str, style: Any, cutoff: int | None = None, psis: Sequence[float] = SHEET
    ) -> list[tuple[float, "Image.Image"]]:
        """The same style at many truncations, in one call of the network."""
        with self._generator(model_id) as model:
            from playground.gan import forward

            if not 1 <= len(psis) <= forward.BATCH:
                raise UserError(f"A sheet has 1 to {forward.BATCH} pictures.")
            checked = validation.style(style, model.layers, model.w_dim)
            until, mean = validation.cutoff(cutoff, model.layers), forward.mean_style(model)
            rows = [styles.truncated(checked, mean, validation.truncation(psi), until) for psi in psis]
            drawn = self._drawing.many(model, np.stack(rows))
            return [(psi, uploads.from_array(each)) for psi, each in zip(psis, drawn, strict=True)]

    def video(
        self,
        visitor: str,
        model_id: str,
        keys: Sequence[Any],
        seconds: float = 6.0,
        fps: float = 24.0,
        loop: bool = True,
        side: int = 256,
    ) -> Job[bytes]:
        """A film through key frames (layers, w): phases tell the frames done, the result is a looping WebP's bytes."""
        entry = self.entry(model_id)
        lasts = validation.number(seconds, "The length of a film in seconds", 0.5, 60)
        rate = validation.number(fps, "The frames a second", 1, 60)
        between, total = interpolation.frames_between(len(keys), lasts, rate, loop)
        side = validation.whole(side, "The side of a picture", *SIDES)

        def work(task: Task) -> Iterator[bytes]:
            def report(done: int) -> None:
                task.report(Phase("preparing", entry.label, done, total))

            with self._generator(model_id, task) as model:
                from playground.gan import forward

                checked = np.stack([validation.style(key, model.layers, model.w_dim) for key in keys])
                frames = forward.film(model, interpolation.along(checked, between, loop))
                yield animation.webp(frames, rate, side, task, report, total)

        return self._worker.submit(visitor, work)

    def project(
        self, visitor: str, model_id: str, image: Any, steps: int = 200, crop: uploads.Crop | None = None
    ) -> Job[Step]:
        """Look for the style of a picture (a path, or opened), with the best so far on the way."""
        self.entry(model_id)
        steps = validation.whole(steps, "The number of steps", *STEPS)
        picture = uploads.read(image)

        def work(task: Task) -> Iterator[Step]:
            others = self._companions
            with self._generator(model_id, task) as model, others.judge(task) as judge, others.vae(task) as vae:
                from playground.gan.projection import project

                target = uploads.to_array(uploads.square(picture, model.size, crop)[0])
                yield from project(model, judge, vae, target, self._editor.spread(model).overall, steps, task)

        return self._worker.submit(visitor, work)

    def histogram(
        self, visitor: str, model_id: str, count: int = seed_parsing.MOST_COUNTED, truncation: float = 1.0
    ) -> Job[Histogram]:
        """What samples of the seeds 1 to `count` show beside what the world shows; it grows while it is counted."""
        self.entry(model_id)
        psi = validation.truncation(truncation)
        chosen = range(1, validation.whole(count, "The number of samples", 1, seed_parsing.MOST_COUNTED) + 1)

        def work(task: Task) -> Iterator[Histogram]:
            others = self._companions
            with others.vae(task) as vae:
                world = others.atlas(vae)
            with self._generator(model_id, task) as model, others.judge(task) as judge:
                from playground.gan.attribute_histogram import histogram

                yield from histogram(model, judge, world, chosen, psi, task)

        return self._worker.submit(visitor, work)

    def realness(self, model_id: str, style: Any) -> float:
        """The share (0..1) of 256 samples that the discriminator finds less real than this style's picture."""
        with self._generator(model_id) as model:
            drawn = self._drawing.many(model, validation.style(style, model.layers, model.w_dim)[None])
            return self._companions.percentiles(model_id, model, drawn)[0]

    def nearest(self, model_id: str, style: Any, count: int = 6) -> list[Neighbour]:
        """The portraits of the world nearest to this style's picture, in the latent of the VAE."""
        return self._companions.nearest(uploads.to_array(self.render(model_id, style)), count)

    def save(self, model_id: str, style: Any, png: bool) -> bytes:
        """The style as a file: JSON, or the PNG of its picture with the style inside."""
        with self._generator(model_id) as model:
            checked = validation.style(style, model.layers, model.w_dim)
        file = latent_file.LatentFile("gan", model_id, checked.tolist())
        return latent_file.into_png(self.render(model_id, checked), file) if png else latent_file.dumps(file).encode()

    def load(self, model_id: str, file: str | Path) -> np.ndarray:
        """(layers, w) of a file that `save` wrote. Raises `UserError` for another model's, or anything else."""
        known = self.about(model_id)
        found = latent_file.expect(latent_file.from_file(file), "gan", model_id, (len(known.resolutions), known.w_dim))
        return validation.style(found, len(known.resolutions), known.w_dim)

    def _generator(self, model_id: str, task: Task | None = None) -> AbstractContextManager["AvatarGenerator"]:
        self.about(model_id, task)  # words of its own for a folder of something else
        return self._models.use(ModelKey(model_id), task)

    def _style_of(self, model_id: str, seed: int) -> np.ndarray:
        with self._generator(model_id) as model:
            from playground.gan import forward

            return forward.map_seeds(model, [seed])[0]
