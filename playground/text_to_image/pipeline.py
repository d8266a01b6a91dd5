"""Any text-to-image pipeline of diffusers as an `ImageEngine`.

Invariants: one thread at a time uses a pipeline (the device's worker sees to that); every request gets a new
scheduler, every picture a generator of its own on the CPU. The loop runs in the pipeline; decoding happens here, so
that a batch too large, a picture that is no number and Stop can be told apart.
"""

import inspect
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image, ImageOps

from playground.catalog import Entry
from playground.errors import UserError
from playground.inference.hooks import PeakMemory, between_layers, blocks_of
from playground.runtime import devices
from playground.runtime.cpu_threads import Steps
from playground.runtime.task import Task
from playground.settings import COMPILED
from playground.text_to_image.callback_iterator import callback_iterator
from playground.text_to_image.latent_space import LatentDecoder, LatentSpace, to_picture
from playground.text_to_image.limits import limits_of
from playground.text_to_image.loading import Offload, Schedulers, image_to_image_pipeline, load, networks_of
from playground.text_to_image.optimization import CompilationState, compilation_errors_explained
from playground.text_to_image.options import ImageOptions
from playground.text_to_image.preview import BatchPreviews, Previewer, tiny_decode
from playground.text_to_image.prompt_truncation import truncation_note
from playground.text_to_image.scheduler_tracker import SchedulerTracker
from playground.text_to_image.trajectory import TrajectoryRecorder
from playground.text_to_image.types import Done, ImageEvent, ImageRequest, Picture, Settings, Started, Step, Trajectory

if TYPE_CHECKING:
    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

SMALL_MODEL = 500_000_000  # bytes: on a CPU only such models make several pictures at once; looked at less closely
FRAME_DECODE_S = 0.25  # a frame that takes longer is decoded by the tiny autoencoder, where there is one
FRAME_SIDE = 256  # pixels of the longer side of a trajectory's frames, at most


@dataclass(frozen=True)
class _Run:
    """One request under way."""

    request: ImageRequest
    task: Task
    steps: Steps
    decoder: "PhotoAutoencoder | None"


@dataclass(frozen=True, eq=False)
class _Denoised:
    """One batch of finished latents, (B, C, h, w) of unit variance."""

    latents: torch.Tensor
    steps: int
    scheduler: Any
    recorder: TrajectoryRecorder | None


class LocalPipeline:
    """A loaded pipeline. Requests it is given are validated (`validation.validate_request`).

    Args:
        pipe: Any text-to-image pipeline of diffusers.
        entry: The model in the catalogue.
        offload: Where its weights are while it works.
        ways: The optional optimizations it was loaded with, of `settings.WAYS`.
    """

    def __init__(self, pipe: Any, entry: Entry, offload: Offload = "none", ways: tuple[str, ...] = ()) -> None:
        self.pipe = pipe
        self.entry = entry
        self._offload = offload
        self._schedulers = Schedulers(pipe.scheduler.config)  # as it was saved
        self._compilation = CompilationState(networks_of(pipe) if offload == "none" and COMPILED in ways else [])
        self._blocks = blocks_of(*networks_of(pipe), outermost=offload == "none" and self.nbytes <= SMALL_MODEL)
        self._space = LatentSpace(pipe, entry.label)
        self._previewer = Previewer(self._space, decodes=offload == "none")
        self._decoder = LatentDecoder(self._space, entry.label)

    @classmethod
    def from_folder(
        cls, folder: Path, entry: Entry, device: str, dtype: str, offload: Offload = "none", ways: tuple[str, ...] = ()
    ) -> "LocalPipeline":
        """Load safetensors in diffusers' layout.

        Args:
            folder: Of the pipeline.
            entry: The model in the catalogue.
            device: "cuda:0", "mps" or "cpu".
            dtype: The name of a torch dtype.
            offload: Where the weights are while the pipeline works.
            ways: Optional optimizations, of `settings.WAYS`.

        Raises:
            UserError: The files are of something else.
        """
        return cls(load(folder, entry, device, getattr(torch, dtype), offload, ways), entry, offload, ways)

    @property
    def nbytes(self) -> int:
        """Bytes of weights on the device: of all parts, or of the largest where they come one by one."""
        sizes = [devices.weights_bytes(part) for part in networks_of(self.pipe)]
        return {"none": sum(sizes), "parts": max(sizes), "layers": max(sizes) // 8}[self._offload]

    def move(self, device: str) -> None:
        """Move the weights.

        Args:
            device: "cuda:0", "mps" or "cpu".
        """
        self.pipe.to(device)
        self._space.placed()

    def close(self) -> None:
        """Let go of what an offload keeps on the device."""
        if self._offload == "parts":
            self.pipe.remove_all_hooks()

    def generate(
        self, request: ImageRequest, task: Task, decoder: "PhotoAutoencoder | None" = None
    ) -> Iterator[ImageEvent]:
        """Make the pictures of a request, as in `ImageEngine`: in batches, or one by one where memory runs out.

        Args:
            request: A validated request.
            task: Stops the work between two layers and is told its phases.
            decoder: A tiny autoencoder of the same latents, for the previews.

        Raises:
            UserError: Memory ran out for one picture alone, or values are not finite; told when the others are there.
        """
        began, peak = time.perf_counter(), PeakMemory(str(self._space.device))
        run = _Run(request, task, Steps(small=torch.get_num_threads() == 1), decoder)  # threads as the lease has it
        first, together, failed = 0, self._batch_size(request), list[UserError]()

        def look() -> None:
            task.check()
            peak.look()

        yield Started(self._settings(request, 0), tuple(self._notes(request)))
        self._compilation.announce(request, task, self.entry.label)
        try:
            with run.steps.gathered(), between_layers(self._blocks, look):
                if request.preview:
                    with self._inference_mode():
                        self._previewer.prepare()
                while first < request.count:
                    number = min(together, request.count - first)
                    try:
                        failed += yield from self._make_batch(run, first, number)
                    except (RuntimeError, MemoryError) as error:
                        if not devices.is_out_of_memory(error):
                            raise
                        devices.forget_locals(error)
                        out_of_memory = True
                    else:
                        out_of_memory = False
                    if not out_of_memory:
                        first += number
                        continue
                    devices.release_memory()
                    if number == 1:
                        raise self._decoder.too_large(request.width, request.height)
                    together = 1
        finally:
            self.pipe.maybe_free_model_hooks()
        if failed:
            raise failed[0]
        yield Done(time.perf_counter() - began, peak.bytes())

    def _make_batch(self, run: _Run, first: int, number: int) -> Generator[ImageEvent, None, list[UserError]]:
        """Make the pictures `first` .. `first + number - 1` at once; returns the errors of those that are none."""
        began, request = time.perf_counter(), run.request
        with compilation_errors_explained():
            batch = yield from callback_iterator(partial(self._denoise, run, first, number))
            with self._inference_mode():
                pixels = self._decoder.decode(batch.latents, request.width, request.height, self._previewer.timed)
        seconds = (time.perf_counter() - began) / number
        images, failed = dict[int, Image.Image](), list[UserError]()
        for offset, values in enumerate(pixels):
            try:
                images[offset] = self._space.picture(values, f"seed {request.seed + first + offset}")
            except UserError as error:
                failed.append(error)
        trajectories = self._trajectories(run, batch, images) if batch.recorder else {}
        for offset, image in images.items():
            settings = self._settings(request, first + offset)
            yield Picture(first + offset, image, settings, seconds, trajectory=trajectories.get(offset))
        return failed

    def _denoise(self, run: _Run, first: int, number: int, put: Callable[[Step], None]) -> _Denoised:
        """Run the pipeline's loop, with a `Step` after each of its steps."""
        request, steps = run.request, run.steps
        width, height = request.width, request.height
        pipe = self.pipe if request.start is None else self._image_to_image
        generators = [torch.Generator("cpu").manual_seed(request.seed + first + k) for k in range(number)]
        pipe.scheduler = scheduler = self._schedulers.new(request.scheduler)
        tracker = SchedulerTracker(scheduler, ImageOptions.of(self.entry).process, generators)
        previews = None
        if request.preview:
            previews = BatchPreviews(self._previewer, run.decoder, number, width, height, run.task)
        recorder = TrajectoryRecorder(from_noise=request.start is None) if request.trajectory else None
        last: list[torch.Tensor] = []

        def spatial(latents: torch.Tensor) -> torch.Tensor:
            return self._space.spatial(latents, height, width)

        def on_step(pipe: Any, index: int, _timestep: Any, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
            run.task.check()
            if index:  # the first one has the text encoder in it
                steps.end()
            step, count = tracker.current, int(pipe.num_timesteps)
            assert step is not None  # the scheduler was just asked
            if recorder:
                recorder.record(index, count, step, spatial)
            pictures = previews.pictures(lambda: spatial(step.clean()), index + 1 == count) if previews else ()
            last[:] = [tensors["latents"]]
            put(Step(first, number, index + 1, count, pictures))
            steps.begin()
            return {}

        options = self._options(pipe, request, number)
        with self._inference_mode():
            steps.begin()
            found = pipe(**options, generator=generators, callback_on_step_end=on_step, output_type="latent").images
            # Of a packed pipeline the last latents are those of its loop: what it gives is unpacked for the decoder.
            latents = spatial(last[0]) if self._space.packed else found
        return _Denoised(latents, int(pipe.num_timesteps), scheduler, recorder)

    def _trajectories(self, run: _Run, batch: _Denoised, images: dict[int, Image.Image]) -> dict[int, Trajectory]:
        """The trajectory of each picture of a batch, by its place there."""
        width, height = run.request.width, run.request.height
        assert batch.recorder is not None

        def to_pictures(latents: torch.Tensor) -> list[Image.Image]:
            run.task.check()
            cost = self._previewer.cost(width * height)
            if run.decoder is not None and (cost is None or cost > FRAME_DECODE_S):
                pictures = tiny_decode(run.decoder, latents, run.task)
            else:
                decoded = self._decoder.decode(latents, width, height, self._previewer.timed)
                pictures = [to_picture(torch.nan_to_num(pixels)) for pixels in decoded]
            for picture in pictures:
                picture.thumbnail((FRAME_SIDE, FRAME_SIDE), Image.Resampling.LANCZOS)
            return pictures

        nothing = Image.new("RGB", (width, height))  # in place of a picture that is none
        last = [images.get(offset, nothing) for offset in range(len(batch.latents))]
        process = ImageOptions.of(self.entry).process
        with self._inference_mode():
            made = batch.recorder.trajectories(batch.latents, last, batch.steps, to_pictures, batch.scheduler, process)
        return dict(enumerate(made))

    def _options(self, pipe: Any, request: ImageRequest, number: int) -> dict[str, Any]:
        """The arguments this pipeline knows, of all that any of them does."""
        known = inspect.signature(pipe.__call__).parameters
        options: dict[str, Any] = {
            "prompt": request.prompt,
            "num_images_per_prompt": number,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance,
            "width": request.width,
            "height": request.height,
            "use_resolution_binning": False,  # Sana: the size asked for, not the nearest of a table
        }
        if request.negative_prompt:  # left out by validation where it is not read
            options["negative_prompt"] = request.negative_prompt
        if "intermediate_timesteps" in known and request.steps != 2:
            options["intermediate_timesteps"] = None  # SCM has one for two steps alone
        if request.start is not None:
            size = (request.width, request.height)
            options["image"] = ImageOps.fit(request.start.convert("RGB"), size, Image.Resampling.LANCZOS)
            options["strength"] = request.strength
        return {name: value for name, value in options.items() if name in known}

    @cached_property
    def _image_to_image(self) -> Any:
        return image_to_image_pipeline(self.pipe)

    def _inference_mode(self) -> AbstractContextManager[None]:
        """Weights that come and go while they are used must not become tensors of inference mode."""
        return torch.inference_mode(self._offload == "none")

    def _batch_size(self, request: ImageRequest) -> int:
        """How many pictures are made at once."""
        if request.count == 1:
            return 1  # to add up all weights would take milliseconds
        small = self._space.device.type != "cpu" or self.nbytes <= SMALL_MODEL
        return min(request.count, ImageOptions.of(self.entry).batch if small else 1)

    def _settings(self, request: ImageRequest, number: int) -> Settings:
        return Settings(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            written=request.written,
            model=self.entry.id,
            scheduler=request.scheduler,
            steps=request.steps,
            guidance=float(request.guidance or 0.0),
            width=request.width,
            height=request.height,
            seed=request.seed + number,
            strength=1.0 if request.start is None or limits_of(self.entry).reference else request.strength,
        )

    def _notes(self, request: ImageRequest) -> Iterator[str]:
        limit = ImageOptions.of(self.entry).tokens
        for text, name in ((request.prompt, "prompt"), (request.negative_prompt, "negative prompt")):
            if note := truncation_note(self.pipe, text, limit, name):
                yield note
