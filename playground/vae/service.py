"""The VAE service: what the tab and the API endpoints call.

Invariants: a method takes a model's id and plain data from outside, which it validates; no visitor's state is kept. A
live frame never waits in a line; longer work returns a `Job`.
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
from playground.vae.auxiliary_models import AuxiliaryModels
from playground.vae.engine import Engine, leaks
from playground.vae.types import (
    Classification,
    Dimension,
    Direction,
    Encoded,
    Frame,
    Leak,
    Typicality,
    VaeConfig,
    Values,
)
from playground.validation import validate_number, validate_seed, validate_whole
from playground.weights.store import WeightStore

Prior = Literal["flow", "normal"]
INTERPOLATION_COUNT = range(2, 65)  # pictures
MAX_KEYS = 12  # latents an animation goes through
MAX_EXAMPLES = 32  # pictures in each group of a direction


class VaeService:
    """Any model of the family `avatar-vae`. Every method raises `UserError` for an unknown model.

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
        self._worker = worker
        self._auxiliary = AuxiliaryModels(catalog, weights)
        self._engine = Engine(models, live)

    def config(self, model_id: str) -> VaeConfig:
        """Shapes, controls and attributes of a VAE; no model library is imported.

        Args:
            model_id: its catalogue id.

        Returns:
            The config.
        """
        return self._auxiliary.config(model_id)

    def controls(self, model_id: str) -> tuple[Control, ...]:
        """The named controls of a VAE; no model library is imported.

        Args:
            model_id: its catalogue id.

        Returns:
            The controls.
        """
        return self.config(model_id).controls

    def missing_parts(self, model_id: str) -> dict[str, str]:
        """Which of "flow", "judge" and "atlas" a model lacks; no model library is imported.

        Args:
            model_id: its catalogue id.

        Returns:
            Part to the reason in words.
        """
        missing = {}
        for name, find in (
            ("flow", self._auxiliary.flow),
            ("judge", self._auxiliary.judge),
            ("atlas", self._auxiliary.atlas),
        ):
            try:
                find(model_id)
            except UserError as error:
                missing[name] = str(error)
        return missing

    def edit_latent(self, model_id: str, latent: Any, values: Any, seed: int = 0) -> np.ndarray:
        """A latent with control values applied.

        Args:
            model_id: a VAE's catalogue id.
            latent: z_dim numbers; None for a sample from the prior.
            values: control name to number or word, applied in this order.
            seed: of the sample where `latent` is None.

        Returns:
            (z_dim,).

        Raises:
            UserError: arguments the model cannot take.
        """
        config, seed = self.config(model_id), validate_seed(seed)
        if latent is None:
            prior: Prior = "normal" if "flow" in self.missing_parts(model_id) else "flow"
            return validation.apply_values(config.controls, self.sample(model_id, seed, prior=prior), values)
        return validation.apply_values(config.controls, validation.latent(latent, config.latent), values)

    def frame(self, model_id: str, latent: Any, values: Any, seed: int = 0, side: int = 128) -> Frame:
        """A live picture.

        A page keeps one or two requests in flight; others wait a few milliseconds here, and never for the worker.

        Args:
            model_id: a VAE's catalogue id.
            latent: z_dim numbers; None for a sample from the prior.
            values: control name to number or word, applied in this order.
            seed: of the sample where `latent` is None.
            side: pixels of the JPEG's side, 16 to 1024.

        Returns:
            JPEG bytes, the latent that was decoded, and every control's value in it.

        Raises:
            UserError: arguments the model cannot take.
        """
        side = validate_whole(side, "The side of a live picture", validation.SIDES[0], validation.SIDES[-1])
        z = self.edit_latent(model_id, latent, values, seed)
        return Frame(self._engine.render_jpeg(model_id, z, side), z, _control_values(self.config(model_id), z))

    def render(self, model_id: str, latent: Any) -> Image.Image:
        """Decode a latent at the model's own size.

        Args:
            model_id: a VAE's catalogue id.
            latent: z_dim numbers.

        Returns:
            RGB of `size` x `size` pixels.
        """
        return uploads.from_array(self._engine.decode(model_id, self._latent(model_id, latent)[None])[0])

    def encode(self, model_id: str, image: Image.Image, crop: uploads.Crop | None = None) -> Encoded:
        """Encode a picture and reconstruct it.

        Args:
            model_id: a VAE's catalogue id.
            image: any picture.
            crop: the square to use; None for the centre.

        Returns:
            Latent, reconstruction and measures.

        Raises:
            UserError: not a picture, or a crop of another one.
        """
        config = self.config(model_id)
        seen, crop = uploads.square(uploads.read(image), config.size, crop)
        before = uploads.to_array(seen)
        latent = self._engine.encode(model_id, before[None])[0]
        after = self._engine.decode(model_id, latent[None])[0]
        psnr = metrics.psnr(before, after)
        typicality, in_distribution = None, True
        if not self.missing_parts(model_id).keys() & {"flow", "atlas"}:
            typicality = self.typicality(model_id, latent)
            in_distribution = self.atlas(model_id).in_distribution(psnr, typicality.log_prob)
        return Encoded(
            seen=seen,
            crop=crop,
            reconstruction=uploads.from_array(after),
            latent=latent,
            values=_control_values(config, latent),
            psnr=psnr,
            ssim=metrics.ssim(before, after),
            typicality=typicality,
            in_distribution=in_distribution,
        )

    def sample(self, model_id: str, seed: int, temperature: float = 1.0, prior: Prior = "flow") -> np.ndarray:
        """Sample a latent.

        Args:
            model_id: a VAE's catalogue id.
            seed: 0 to 2^32 - 1.
            temperature: factor of the noise before the flow, 0 to 2.
            prior: "flow", or "normal" for N(0, I).

        Returns:
            (z_dim,).

        Raises:
            UserError: arguments out of range, or a model without a flow.
        """
        seed, temperature = validate_seed(seed), validate_number(temperature, "Temperature", 0, 2)
        if prior not in ("flow", "normal"):
            raise UserError("The prior is “flow” or “normal”.")
        flow_id = self._auxiliary.flow(model_id) if prior == "flow" else None
        return self._engine.sample(flow_id, self.config(model_id).latent, seed, temperature)

    def leak(self, model_id: str, before: Any, after: Any) -> tuple[Leak, ...]:
        """What a change of the latent changed in the picture, by the judge.

        Args:
            model_id: a VAE's catalogue id.
            before: z_dim numbers.
            after: z_dim numbers.

        Returns:
            One entry per attribute, strongest change first.

        Raises:
            UserError: there is no judge for this model.
        """
        latents = np.stack([self._latent(model_id, before), self._latent(model_id, after)])
        return leaks(*self._classify(model_id, latents))

    def typicality(self, model_id: str, latent: Any) -> Typicality:
        """How typical a latent is under the flow, against the portraits of the atlas.

        Args:
            model_id: a VAE's catalogue id.
            latent: z_dim numbers.

        Returns:
            Log-likelihood and percentile.

        Raises:
            UserError: the model has no flow or no atlas.
        """
        z, atlas = self._latent(model_id, latent), self.atlas(model_id)
        nats = self._engine.log_prob(self._auxiliary.flow(model_id), z)
        return Typicality(nats, -nats / (len(z) * np.log(2)), atlas.percentile(nats))

    def pull_back(self, model_id: str, latent: Any, strength: float) -> np.ndarray:
        """A more typical latent: its noise under the flow is scaled by 1 - `strength`.

        Args:
            model_id: a VAE's catalogue id.
            latent: z_dim numbers.
            strength: 0 (unchanged) to 1 (the most typical latent).

        Returns:
            (z_dim,).

        Raises:
            UserError: the model has no flow, or a strength out of range.
        """
        z, strength = self._latent(model_id, latent), validate_number(strength, "Strength", 0, 1)
        return self._engine.scale_noise(self._auxiliary.flow(model_id), z, 1 - strength)

    def dimensions(self, model_id: str) -> tuple[Dimension, ...]:
        """Every coordinate of the latent, largest KL divergence first.

        Args:
            model_id: a VAE's catalogue id.

        Returns:
            One entry per coordinate.

        Raises:
            UserError: the model has no atlas.
        """
        atlas = self.atlas(model_id)
        return tuple(
            Dimension(int(index), float(atlas.kl[index]), float(atlas.spread[index]), _changes(atlas, int(index)))
            for index in np.argsort(-atlas.kl, kind="stable")
        )

    def atlas(self, model_id: str) -> Atlas:
        """The atlas: portraits, their latents and labels, their points on the map.

        Args:
            model_id: a VAE's catalogue id.

        Returns:
            The atlas.

        Raises:
            UserError: the model has none.
        """
        return self._auxiliary.atlas(model_id)

    def latent_at(self, model_id: str, x: float, y: float) -> np.ndarray:
        """The latent at a point of the map.

        Args:
            model_id: a VAE's catalogue id.
            x: 0 to 1, to the right.
            y: 0 to 1, downwards.

        Returns:
            (z_dim,).

        Raises:
            UserError: a point outside, or a model without an atlas.
        """
        return self.atlas(model_id).latent_at(validate_number(x, "x", 0, 1), validate_number(y, "y", 0, 1))

    def nearest(self, model_id: str, latent: Any, count: int = 8) -> list[Image.Image]:
        """The atlas portraits whose latents are nearest, as they were drawn.

        Args:
            model_id: a VAE's catalogue id.
            latent: z_dim numbers.
            count: how many, 1 to 32.

        Returns:
            Nearest first.

        Raises:
            UserError: the model has no atlas, or a count out of range.
        """
        z, count = self._latent(model_id, latent), validate_whole(count, "How many", 1, 32)
        atlas = self.atlas(model_id)
        return [uploads.from_array(portrait) for portrait in atlas.portraits(atlas.nearest(z, count))]

    def interpolate(
        self, model_id: str, a: Any, b: Any, count: int, mode: interpolation.Mode = "lerp"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Latents and pictures from one latent to another, both included.

        Args:
            model_id: a VAE's catalogue id.
            a: z_dim numbers.
            b: z_dim numbers.
            count: how many, 2 to 64.
            mode: "lerp" or "slerp".

        Returns:
            (count, z_dim) latents, (count, S, S, 3) uint8 pictures.

        Raises:
            UserError: arguments out of range.
        """
        ends = self._latent(model_id, a), self._latent(model_id, b)
        count = validate_whole(count, "The number of pictures", INTERPOLATION_COUNT[0], INTERPOLATION_COUNT[-1])
        latents = interpolation.interpolate(*ends, count, _mode(mode))
        return latents, self._engine.decode(model_id, latents)

    def direction(self, model_id: str, with_: Sequence[Image.Image], without: Sequence[Image.Image]) -> Direction:
        """A custom attribute: the difference of two groups' mean latents.

        Args:
            model_id: a VAE's catalogue id.
            with_: 1 to 32 pictures that have the attribute.
            without: 1 to 32 pictures that do not.

        Returns:
            The direction and its uncertainty.

        Raises:
            UserError: an empty group, or too many pictures.
        """
        size, groups = self.config(model_id).size, []
        for pictures in (with_, without):
            if not 1 <= len(pictures) <= MAX_EXAMPLES:
                raise UserError(f"Each group needs 1 to {MAX_EXAMPLES} pictures; this one has {len(pictures)}.")
            seen = [uploads.to_array(uploads.square(uploads.read(picture), size)[0]) for picture in pictures]
            groups.append(self._engine.encode(model_id, np.stack(seen)))
        return interpolation.group_difference(*groups)

    def arithmetic(self, model_id: str, a: Any, b: Any, c: Any) -> np.ndarray:
        """Latent arithmetic: a - b + c, clipped to the range of valid latents.

        Args:
            model_id: a VAE's catalogue id.
            a: z_dim numbers.
            b: z_dim numbers.
            c: z_dim numbers.

        Returns:
            (z_dim,).
        """
        first, second, third = (self._latent(model_id, latent) for latent in (a, b, c))
        return (first - second + third).clip(-validation.MAX_ABS, validation.MAX_ABS)

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
        """An animation through latents.

        Args:
            visitor: whose turn in the line it is.
            model_id: a VAE's catalogue id.
            latents: 2 to 12 latents of z_dim numbers.
            steps: pictures from each latent to the next, 1 to 60.
            fps: frames per second, 1 to 60.
            side: pixels of a frame's side, 16 to 1024.
            mode: "lerp" or "slerp".
            loop: whether it leads back to the first latent.

        Returns:
            A job that reports pictures done and yields a looping WebP.

        Raises:
            UserError: arguments out of range.
        """
        if not isinstance(latents, Sequence) or not 2 <= len(latents) <= MAX_KEYS:
            raise UserError(f"An animation goes through 2 to {MAX_KEYS} latents.")
        keys = [self._latent(model_id, latent) for latent in latents]
        steps = validate_whole(steps, "The number of pictures between two latents", 1, 60)
        fps = validate_number(fps, "Pictures a second", 1, 60)
        side = validate_whole(side, "The side of the animation", validation.SIDES[0], validation.SIDES[-1])
        path = interpolation.interpolate_keys(keys, steps, _mode(mode), loop)
        label = self._auxiliary.entry(model_id).label

        def work(task: Task) -> Iterator[bytes]:
            def report(done: int) -> None:
                task.report(Phase("preparing", label, done, len(path)))

            frames = self._engine.decode_stream(model_id, path, task)
            yield animation.webp(frames, fps, side, task, report, len(path))

        return self._worker.submit(visitor, work)

    def _latent(self, model_id: str, latent: Any) -> np.ndarray:
        return validation.latent(latent, self.config(model_id).latent)

    def _classify(self, model_id: str, latents: np.ndarray) -> list[Classification]:
        judge_id = self._auxiliary.judge(model_id)
        return self._engine.classify(judge_id, self._engine.decode(model_id, latents))


def _control_values(config: VaeConfig, latent: np.ndarray) -> Values:
    return {control.name: control.value_in(latent) for control in config.controls}


def _mode(mode: object) -> interpolation.Mode:
    if mode not in ("lerp", "slerp"):
        raise UserError("The path from one latent to the next is “lerp” or “slerp”.")
    return mode


def _changes(atlas: Atlas, index: int) -> tuple[tuple[str, float], ...]:
    changes = zip(atlas.names, atlas.changes[index].tolist(), strict=True)
    return tuple(sorted(changes, key=lambda change: -change[1]))
