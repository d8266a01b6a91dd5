"""The GAN service: what the tab and the API endpoints call.

Invariants: no visitor's state is kept; an `EditState` travels with every request and was checked when it was parsed.
Live requests (`frame`, `samples`) run at once on the caller's thread; longer work is a `Job`.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from threading import Semaphore
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.catalog import Catalog, Entry
from playground.errors import UserError
from playground.gan import interpolation, seed_parsing, styles, validation
from playground.gan.auxiliary_models import AuxiliaryModels
from playground.gan.derived_cache import DerivedCache
from playground.gan.directions import Directions
from playground.gan.edit_state import KINDS, EditState, Kind
from playground.gan.editing import StyleEditor, base_style, component_count
from playground.gan.generator_config import read_generator_config
from playground.gan.renderer import Renderer
from playground.gan.types import AttributeHistogram, Frame, GeneratorConfig, Neighbour, ProjectionStep, Sample
from playground.imaging import animation, uploads
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Phase, Task
from playground.runtime.worker import Job, Worker
from playground.validation import validate_number, validate_whole
from playground.weights.store import WeightStore

if TYPE_CHECKING:
    from PIL import Image

    from playground.avatars.gan import AvatarGenerator

SHEET_PSI = tuple(round(-1 + 0.25 * step, 2) for step in range(11))  # -1 to 1.5
PROJECTION_STEPS = (1, 500)
CACHED_STYLES = 256
SIDES = (16, 1024)  # pixels of a picture that is shown


class GanService:
    """Pictures of any generator in the catalogue.

    Args:
        catalog: the known models.
        models: leases loaded models.
        worker: runs jobs, one at a time.
        live: limits how many live frames are computed at once.
        weights: finds a model's folder.
    """

    def __init__(
        self, catalog: Catalog, models: ModelCache, worker: Worker, live: Semaphore, weights: WeightStore
    ) -> None:
        self.catalog = catalog
        self._models = models
        self._worker = worker
        self._weights = weights
        self._configs: dict[str, GeneratorConfig] = {}
        cache = DerivedCache()
        self._editor = StyleEditor(cache)
        self._auxiliary = AuxiliaryModels(catalog, models, weights, cache)
        self._renderer = Renderer(live)
        # a drag of psi asks for the same style again and again
        self._style_of_seed = lru_cache(CACHED_STYLES)(self._map_seed)

    def entry(self, model_id: str) -> Entry:
        """The catalogue entry of a generator.

        Args:
            model_id: its catalogue id.

        Returns:
            The entry.

        Raises:
            UserError: an unknown id, or a model that is not a GAN.
        """
        entry = self.catalog.get(str(model_id))
        if entry.tab != "gan" or entry.family != "avatar-gan":
            raise UserError(f"{entry.label} is not a GAN. Choose one from the GAN tab's menu.")
        return entry

    def config(self, model_id: str, task: Task | None = None) -> GeneratorConfig:
        """Shapes of a generator, from its config alone; downloads a model that is not on this disk.

        Args:
            model_id: its catalogue id.
            task: receives the download's progress, and may cancel it.

        Returns:
            The shapes, read on the first call.

        Raises:
            UserError: not a GAN, or a folder that holds something else.
        """
        entry = self.entry(model_id)
        if entry.id not in self._configs:
            self._configs[entry.id] = read_generator_config(self._weights.fetch(entry, task or Task()).path)
        return self._configs[entry.id]

    def samples(
        self,
        model_id: str,
        seeds: str | Sequence[int],
        truncation: float = 1.0,
        judged: bool = False,
    ) -> list[Sample]:
        """One picture per seed.

        Args:
            model_id: a GAN's catalogue id.
            seeds: numbers 0 to 2^32 - 1, or text such as "1-16, 40"; at most 64.
            truncation: psi, -2 to 2.
            judged: whether the discriminator rates each picture.

        Returns:
            The samples in the order of the seeds.

        Raises:
            UserError: seeds or truncation that cannot be used, or `judged` for a model without a discriminator.
        """
        chosen = seed_parsing.parse_seeds(seeds)
        psi = validation.truncation(truncation)
        with self._generator(model_id) as model:
            from playground.gan import forward

            w = styles.truncate(forward.map_seeds(model, chosen), forward.mean_w(model), psi)
            pictures = self._renderer.render_batch(model, w)
            realness = self._auxiliary.percentiles(model_id, model, pictures) if judged else [None] * len(pictures)
            return [Sample(*each) for each in zip(chosen, map(uploads.from_array, pictures), realness, strict=True)]

    def frame(self, state: EditState, side: int = 128) -> Frame:
        """A live picture.

        Args:
            state: what to render.
            side: pixels of the JPEG's side, 16 to 1024.

        Returns:
            JPEG bytes and the final style.

        Raises:
            UserError: an unknown model.
        """
        base = self._base_style(state)
        with self._generator(state.model) as model:
            style = self._editor.final_style(model, base, state)
            return Frame(self._renderer.render_jpeg(model, style, side), style)

    def render(self, state: EditState) -> "Image.Image":
        """A picture at the model's own size.

        Args:
            state: what to render.

        Returns:
            RGB of `size` x `size` pixels.
        """
        base = self._base_style(state)
        with self._generator(state.model) as model:
            style = self._editor.final_style(model, base, state)
            return uploads.from_array(self._renderer.render_batch(model, style[None])[0])

    def directions(self, model_id: str, kind: Kind, count: int, layers: tuple[int, int] | None = None) -> Directions:
        """The strongest directions of w.

        Args:
            model_id: a GAN's catalogue id.
            kind: "pca" or "sefa".
            count: how many.
            layers: first and last layer that SeFa decomposes; None for all.

        Returns:
            Unit vectors and standard deviations, strongest first.

        Raises:
            UserError: another kind, a count or layers out of range.
        """
        with self._generator(model_id) as model:
            if kind not in KINDS:
                raise UserError("Directions are found by “pca” or “sefa”.")
            validate_whole(count, "The number of directions", 1, component_count(model))
            within = validation.layer_range(layers or (0, model.layers - 1), model.layers)
            found = self._editor.directions(model, kind, within)
            return Directions(found.vectors[:count], found.deviations[:count])

    def truncation_sheet(
        self, state: EditState, psis: Sequence[float] = SHEET_PSI
    ) -> list[tuple[float, "Image.Image"]]:
        """One style at many truncations, in one forward pass; movements along directions are left out.

        Args:
            state: seed or style, mixing and cutoff.
            psis: the truncations, 1 to 16 of them.

        Returns:
            psi and picture of each.

        Raises:
            UserError: too many truncations, or one out of range.
        """
        base = self._base_style(state)
        with self._generator(state.model) as model:
            from playground.gan import forward

            if not 1 <= len(psis) <= forward.BATCH:
                raise UserError(f"A sheet has 1 to {forward.BATCH} pictures.")
            mean = forward.mean_w(model)
            rows = [styles.truncate(base, mean, validation.truncation(psi), state.cutoff) for psi in psis]
            pictures = self._renderer.render_batch(model, np.stack(rows))
            return [(psi, uploads.from_array(each)) for psi, each in zip(psis, pictures, strict=True)]

    def animation(
        self,
        visitor: str,
        keys: Sequence[EditState],
        seconds: float = 6.0,
        fps: float = 24.0,
        loop: bool = True,
        side: int = 256,
    ) -> Job[bytes]:
        """An animation through key frames.

        Args:
            visitor: whose turn in the line it is.
            keys: 2 to 32 states of one model.
            seconds: length, 0.5 to 60.
            fps: frames per second, 1 to 60.
            loop: whether it leads back to the first key frame.
            side: pixels of a frame's side, 16 to 1024.

        Returns:
            A job that reports frames done and yields a looping WebP.

        Raises:
            UserError: arguments out of range.
        """
        lasts = validate_number(seconds, "The length of an animation in seconds", 0.5, 60)
        rate = validate_number(fps, "The frames a second", 1, 60)
        steps, total = interpolation.frame_counts(len(keys), lasts, rate, loop)
        side = validate_whole(side, "The side of a picture", *SIDES)
        if len({key.model for key in keys}) > 1:
            raise UserError("These key frames come from different models. Choose key frames of one model.")
        entry = self.entry(keys[0].model)

        def work(task: Task) -> Iterator[bytes]:
            def report(done: int) -> None:
                task.report(Phase("preparing", entry.label, done, total))

            bases = [self._base_style(key) for key in keys]
            with self._generator(entry.id, task) as model:
                from playground.gan import forward

                final = [self._editor.final_style(model, *each) for each in zip(bases, keys, strict=True)]
                frames = forward.synthesize_frames(model, interpolation.spline(np.stack(final), steps, loop))
                yield animation.webp(frames, rate, side, task, report, total)

        return self._worker.submit(visitor, work)

    def project(
        self, visitor: str, model_id: str, image: Any, steps: int = 200, crop: uploads.Crop | None = None
    ) -> Job[ProjectionStep]:
        """GAN inversion: look for the style of a picture.

        Args:
            visitor: whose turn in the line it is.
            model_id: a GAN's catalogue id.
            image: a path or a picture.
            steps: optimiser steps, 1 to 500.
            crop: the square to use; None for the centre.

        Returns:
            A job that yields the best result so far.

        Raises:
            UserError: not a GAN, not a picture, or steps out of range.
        """
        self.entry(model_id)
        steps = validate_whole(steps, "The number of steps", *PROJECTION_STEPS)
        picture = uploads.read(image)

        def work(task: Task) -> Iterator[ProjectionStep]:
            auxiliary = self._auxiliary
            with self._generator(model_id, task) as model, auxiliary.judge(task) as judge, auxiliary.vae(task) as vae:
                from playground.gan.projection import project

                target = uploads.to_array(uploads.square(picture, model.size, crop)[0])
                deviation = self._editor.statistics(model).rms_deviation
                yield from project(model, judge, vae, target, deviation, steps, task)

        return self._worker.submit(visitor, work)

    def histogram(
        self, visitor: str, model_id: str, count: int = seed_parsing.MAX_SAMPLES, truncation: float = 1.0
    ) -> Job[AttributeHistogram]:
        """Attribute frequencies of samples, beside the training data.

        Args:
            visitor: whose turn in the line it is.
            model_id: a GAN's catalogue id.
            count: samples of the seeds 1 to `count`, at most 1000.
            truncation: psi, -2 to 2.

        Returns:
            A job that yields cumulative histograms.

        Raises:
            UserError: not a GAN, or arguments out of range.
        """
        self.entry(model_id)
        psi = validation.truncation(truncation)
        seeds = range(1, validate_whole(count, "The number of samples", 1, seed_parsing.MAX_SAMPLES) + 1)

        def work(task: Task) -> Iterator[AttributeHistogram]:
            with self._auxiliary.vae(task) as vae:
                atlas = self._auxiliary.atlas(vae)
            with self._generator(model_id, task) as model, self._auxiliary.judge(task) as judge:
                from playground.gan.attribute_histogram import count_attributes

                yield from count_attributes(model, judge, atlas, seeds, psi, task)

        return self._worker.submit(visitor, work)

    def realness(self, state: EditState) -> float:
        """The discriminator's percentile of a picture.

        Args:
            state: what to render.

        Returns:
            The share (0..1) of 256 samples that the discriminator finds less real.

        Raises:
            UserError: the model has no discriminator.
        """
        base = self._base_style(state)
        with self._generator(state.model) as model:
            pictures = self._renderer.render_batch(model, self._editor.final_style(model, base, state)[None])
            return self._auxiliary.percentiles(state.model, model, pictures)[0]

    def nearest(self, state: EditState, count: int = 6) -> list[Neighbour]:
        """The training portraits nearest to a picture, in the VAE's latent space.

        Args:
            state: what to render.
            count: how many, 1 to 24.

        Returns:
            Nearest first.

        Raises:
            UserError: the VAE has no atlas, or a count out of range.
        """
        return self._auxiliary.nearest(uploads.to_array(self.render(state)), count)

    def _base_style(self, state: EditState) -> np.ndarray:
        model_id = self.entry(state.model).id
        return base_style(state, lambda seed: self._style_of_seed(model_id, seed))

    def _generator(self, model_id: str, task: Task | None = None) -> AbstractContextManager["AvatarGenerator"]:
        self.config(model_id, task)  # a clear message for a folder of something else
        return self._models.use(ModelKey(model_id), task)

    def _map_seed(self, model_id: str, seed: int) -> np.ndarray:
        with self._generator(model_id) as model:
            from playground.gan import forward

            return forward.map_seeds(model, [seed])[0]
