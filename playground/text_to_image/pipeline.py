"""Any text-to-image pipeline of diffusers as an `ImageEngine`.

Invariants: one thread at a time uses a pipeline (the device's worker sees to that); every request gets a new
scheduler, every picture a generator of its own on the CPU. The loop runs in the pipeline; decoding happens here, so
that a batch too large, a picture that is no number and Stop can be told apart.
"""

import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import ImageOps
from PIL.Image import Resampling

from playground.catalog import Entry
from playground.errors import UserError
from playground.inference.hooks import PeakMemory, between_layers, blocks_of
from playground.runtime import devices
from playground.runtime.cpu_threads import Steps
from playground.runtime.task import Task
from playground.settings import COMPILED
from playground.text_to_image.callback_iterator import callback_iterator
from playground.text_to_image.latent_decoding import Decoder
from playground.text_to_image.latent_space import LatentSpace
from playground.text_to_image.limits import limits_of
from playground.text_to_image.loading import Offload, Schedulers, load, parts_of, sibling
from playground.text_to_image.optimization import Compiler
from playground.text_to_image.options import ImageOptions
from playground.text_to_image.preview import Previews, Show
from playground.text_to_image.prompt_truncation import note
from playground.text_to_image.scheduler_tracker import SchedulerTracker
from playground.text_to_image.trajectory import TrajectoryRecorder
from playground.text_to_image.types import Done, Film, ImageEvent, ImageRequest, Picture, Settings, Started, Step
from playground.text_to_image.validation import NEGATIVE_ABOVE

if TYPE_CHECKING:
    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

Put = Callable[[ImageEvent], None]
SMALL_MODEL = 500_000_000  # bytes: on a CPU only such models make several pictures at once; looked at less closely


@dataclass(frozen=True)
class _Run:
    """One request under way."""

    request: ImageRequest
    task: Task
    put: Put
    steps: Steps
    decoder: "PhotoAutoencoder | None"


class LocalPipeline:
    """A loaded pipeline. Requests it is given are settled (`validation.validate_request`)."""

    def __init__(self, pipe: Any, entry: Entry, offload: Offload = "none", ways: tuple[str, ...] = ()) -> None:
        self.pipe = pipe
        self.entry = entry
        self._offload = offload
        self._schedulers = Schedulers(pipe.scheduler.config)  # as it was saved
        self._compiler = Compiler(parts_of(pipe) if offload == "none" and COMPILED in ways else [])
        self._blocks = blocks_of(*parts_of(pipe), outermost=offload == "none" and self.nbytes <= SMALL_MODEL)
        self._space = LatentSpace(pipe, entry.label)
        self._previews = Previews(self._space, decodes=offload == "none")
        self._decoder = Decoder(self._space, entry.label)

    @classmethod
    def from_folder(
        cls, folder: Path, entry: Entry, device: str, dtype: str, offload: Offload = "none", ways: tuple[str, ...] = ()
    ) -> "LocalPipeline":
        """Load safetensors in diffusers' layout. Raises `UserError` for files of something else."""
        return cls(load(folder, entry, device, getattr(torch, dtype), offload, ways), entry, offload, ways)

    @property
    def nbytes(self) -> int:
        """Bytes of weights on the device: of all parts, or of the largest where they come one by one."""
        sizes = [devices.weights_bytes(part) for part in parts_of(self.pipe)]
        return {"none": sum(sizes), "parts": max(sizes), "layers": max(sizes) // 8}[self._offload]

    def move(self, device: str) -> None:
        self.pipe.to(device)
        self._space.placed()

    def close(self) -> None:
        """Let go of what an offload keeps on the device."""
        if self._offload == "parts":
            self.pipe.remove_all_hooks()

    def generate(
        self, request: ImageRequest, task: Task, decoder: "PhotoAutoencoder | None" = None
    ) -> Iterator[ImageEvent]:
        """As in `ImageEngine`; `decoder` is a tiny autoencoder of the same latents, for the previews."""
        steps = Steps(small=torch.get_num_threads() == 1)  # as the lease has it

        def work(put: Put) -> None:
            # Weights that come and go while they are used must not become tensors of inference mode.
            with steps.gathered(), torch.inference_mode(self._offload == "none"):
                self._run(_Run(request, task, put, steps, decoder))

        return callback_iterator(work)

    def _run(self, run: _Run) -> None:
        began, request = time.perf_counter(), run.request
        peak = PeakMemory(str(self._space.device))

        def look() -> None:
            run.task.check()
            peak.look()

        run.put(Started(self._settings(request, 0), tuple(self._notes(request))))
        self._compiler.announce(request, run.task, self.entry.label)
        try:
            with between_layers(self._blocks, look):
                if request.preview or request.film:
                    self._previews.prepare()
                self._make_all(run)
        finally:
            self.pipe.maybe_free_model_hooks()
        run.put(Done(time.perf_counter() - began, peak.bytes()))

    def _make_all(self, run: _Run) -> None:
        """Every picture of the request. What is no picture is told when the others are there."""
        request, first, failed = run.request, 0, list[UserError]()
        together = self._together(request)
        while first < request.count:
            number = min(together, request.count - first)
            try:
                failed += self._make(run, first, number)
            except (RuntimeError, MemoryError) as error:
                if not devices.is_out_of_memory(error):
                    raise
                devices.forget_locals(error)
                out_of_memory = True
            else:
                out_of_memory = False
            if out_of_memory:
                devices.release_memory()
                if number == 1:
                    raise self._decoder.too_large(request.width, request.height)
                together = 1
                continue
            first += number
        if failed:
            raise failed[0]

    def _make(self, run: _Run, first: int, number: int) -> list[UserError]:
        """The pictures `first` .. `first + number - 1`, all at once. Gives what to say of those that failed."""
        began, request = time.perf_counter(), run.request
        latents, films = self._denoise(run, first, number)
        pixels = self._decoder.decode(latents, request.width, request.height, self._previews.timed)
        seconds = (time.perf_counter() - began) / number
        failed, made = [], films(latents) if films else [None] * number
        for offset, (values, film) in enumerate(zip(pixels, made, strict=True)):
            settings = self._settings(request, first + offset)
            try:
                image = self._space.picture(values, f"seed {settings.seed}")
            except UserError as error:
                failed.append(error)
            else:
                run.put(Picture(first + offset, image, settings, seconds, film=film))
        return failed

    def _denoise(
        self, run: _Run, first: int, number: int
    ) -> tuple[torch.Tensor, Callable[[torch.Tensor], list[Film]] | None]:
        """The finished latents (number, C, h, w) of unit variance, and what makes their films of them."""
        request, process = run.request, ImageOptions.of(self.entry).process
        width, height = request.width, request.height
        pipe = self.pipe if request.start is None else self._from_picture
        generators = [torch.Generator("cpu").manual_seed(request.seed + first + k) for k in range(number)]
        pipe.scheduler = scheduler = self._schedulers.new(request.scheduler)
        watched = SchedulerTracker(scheduler, process, generators)
        show = Show(self._previews, run.decoder, number, width, height, run.task) if request.preview else None
        recorder = TrajectoryRecorder(from_noise=request.start is None) if request.film else None
        last: list[torch.Tensor] = []

        def spatial(latents: torch.Tensor) -> torch.Tensor:
            return self._space.spatial(latents, height, width)

        def on_step(pipe: Any, index: int, _timestep: Any, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
            run.task.check()
            if index:  # the first one has the words in it
                run.steps.end()
            moment, steps = watched.moment, int(pipe.num_timesteps)
            assert moment is not None  # the scheduler was just asked
            if recorder:
                recorder.keep(index, steps, moment, spatial)
            previews = show.pictures(lambda: spatial(moment.clean()), index + 1 == steps) if show else ()
            last[:] = [tensors["latents"]]
            run.put(Step(first, number, index + 1, steps, previews))
            run.steps.begin()
            return {}

        options = self._options(pipe, request, number)
        run.steps.begin()
        found = pipe(**options, generator=generators, callback_on_step_end=on_step, output_type="latent").images
        # Of a packed pipeline the last latents are those of its loop: what it gives is unpacked for the decoder.
        finished = spatial(last[0]) if self._space.packed else found
        if recorder is None:
            return finished, None
        return finished, lambda latents: recorder.films(
            latents, int(pipe.num_timesteps), lambda z: self._previews.for_film(z, width, height), scheduler, process
        )

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
        if request.negative_prompt and (request.guidance or 0) > NEGATIVE_ABOVE:
            options["negative_prompt"] = request.negative_prompt
        if "intermediate_timesteps" in known and request.steps != 2:
            options["intermediate_timesteps"] = None  # SCM has one for two steps alone
        if request.start is not None:
            size = (request.width, request.height)
            options["image"] = ImageOps.fit(request.start.convert("RGB"), size, Resampling.LANCZOS)
            options["strength"] = request.strength
        return {name: value for name, value in options.items() if name in known}

    @cached_property
    def _from_picture(self) -> Any:
        return sibling(self.pipe)

    def _together(self, request: ImageRequest) -> int:
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
        texts = ((request.prompt, "prompt"), (request.negative_prompt, "negative prompt"))
        yield from filter(
            None, (note(self.pipe, text, ImageOptions.of(self.entry).tokens, name) for text, name in texts)
        )
