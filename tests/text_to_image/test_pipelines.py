"""Every kind of text-to-image pipeline, as tiny random checkpoints: pictures, seeds, previews, Stop, memory."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.catalog import read_catalog
from playground.errors import Cancelled, UserError
from playground.model_loader import ModelLoader
from playground.runtime import cpu_threads
from playground.runtime.cpu_threads import IdleCores, torch_threads
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Job, Worker
from playground.text_to_image.limits import limits_of
from playground.text_to_image.pipeline import LocalPipeline
from playground.text_to_image.service import ImageService
from playground.text_to_image.types import Done, ImageRequest, Picture, Started, Step
from playground.weights.store import WeightStore
from tests.tiny_models.diffusion import ENTRY, IMAGE, MAKERS, catalogue, poison, tiny_diffusion

pytestmark = pytest.mark.slow

PROMPT = "a smiling person with red hair"
KINDS = tuple(MAKERS)
WHOLE = ("klein", "sprint")  # these take no side below 64 pixels
FEW = {"drawn": 6, "xl": 2, "klein": 3, "z": 3, "sprint": 2}


class Studio:
    """A service over a catalogue file, with what the tests look at."""

    def __init__(self, folder: Path, catalog: Path, store: WeightStore | None = None) -> None:
        self.catalog = read_catalog(catalog)
        store = store or WeightStore(folder / "cache", folder / "assets", offline=True)
        loaders = ModelLoader(self.catalog, store, folder)
        self.models = ModelCache(loaders, loaders.estimate)
        self.worker = Worker("test")
        self.service = ImageService(self.catalog, self.models, self.worker, self.worker, None)  # type: ignore[arg-type]

    def make(self, model: str, **wish: Any) -> list[Any]:
        return all_of(self.service.generate("me", model, ImageRequest(PROMPT, **wish)))

    def pictures(self, model: str, **wish: Any) -> list[Picture]:
        return [event for event in self.make(model, **wish) if isinstance(event, Picture)]

    def all_here(self) -> None:
        """From now on every helper of the catalogue counts as being on this disk."""
        nobody: Any = None  # of the chat
        self.service = ImageService(self.catalog, self.models, self.worker, self.worker, nobody, lambda entry: True)

    def close(self) -> None:
        self.worker.close()
        self.models.close()


def all_of(job: Job[Any]) -> list[Any]:
    return [event for event in job.events() if isinstance(event, Started | Step | Picture | Done)]


def array(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[Studio]:
    made = Studio(folder, catalogue(folder))
    yield made
    made.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_what_the_plain_pipeline_gives(studio: Studio, folder: Path, kind: str) -> None:
    import torch
    from diffusers import DiffusionPipeline

    events = studio.make(kind, seed=7)
    started, done = events[0], events[-1]
    assert isinstance(started, Started) and isinstance(done, Done) and started.notes == ()
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, FEW[kind] + 1))
    assert done.peak_bytes > 10_000_000 and done.seconds > 0
    picture = next(event for event in events if isinstance(event, Picture))
    assert picture.settings == started.settings and picture.image.size == (64, 64)
    assert (picture.settings.seed, picture.settings.model, picture.settings.strength) == (7, kind, 1.0)

    pipe = DiffusionPipeline.from_pretrained(folder / kind, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    options: dict[str, Any] = {"use_resolution_binning": False} if kind == "sprint" else {}
    plain = pipe(
        prompt=PROMPT,
        width=64,
        height=64,
        num_inference_steps=FEW[kind],
        guidance_scale=limits_of(studio.catalog.get(kind)).guidance[1],
        generator=torch.Generator("cpu").manual_seed(7),
        **options,
    ).images[0]
    assert np.array_equal(array(plain), array(picture.image))


@pytest.mark.parametrize(("leased", "other"), [(2, 1), (1, 2)])
def test_the_thread_that_draws_has_the_cores_of_the_lease_and_a_small_model_those_that_are_idle(
    studio: Studio, leased: int, other: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(cpu_threads, "_usual", [2])
    monkeypatch.setattr(cpu_threads, "_idle_cores", lambda: IdleCores(3))
    counts: list[int] = []
    request = ImageRequest(PROMPT, width=64, height=64, steps=2, guidance=2.0, scheduler="DDIMScheduler")
    with studio.models.use(ModelKey("drawn")) as engine, torch_threads(one_core=leased == 1):
        events = engine.generate(request, Task())
        # A new thread begins with the count that any thread set last.
        elsewhere = threading.Thread(target=torch.set_num_threads, args=(other,))
        elsewhere.start()
        elsewhere.join()
        hook = engine.pipe.unet.register_forward_pre_hook(lambda *_: counts.append(torch.get_num_threads()))
        list(events)
        hook.remove()
    assert len(counts) == 2
    assert counts == [2, 2] if leased == 2 else counts[0] == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_pipeline_says_where_it_is_also_after_a_move(studio: Studio, folder: Path, kind: str) -> None:
    import diffusers

    with studio.models.use(ModelKey(kind)) as engine:
        pipe = engine.pipe
        plain = getattr(diffusers, type(pipe).__name__)
        assert isinstance(pipe, plain)
        assert pipe._execution_device == plain._execution_device.fget(pipe)
    engine = LocalPipeline.from_folder(folder / kind, studio.catalog.get(kind), "cpu", "float32")
    engine.move("meta")
    assert engine.pipe._execution_device.type == plain._execution_device.fget(engine.pipe).type == "meta"


@pytest.mark.parametrize("kind", KINDS)
def test_picture_k_of_a_batch_is_the_single_run_of_its_seed(studio: Studio, kind: str) -> None:
    batch = studio.pictures(kind, seed=40, count=3)
    assert [picture.settings.seed for picture in batch] == [40, 41, 42]
    assert [picture.index for picture in batch] == [0, 1, 2]
    assert np.abs(array(batch[0].image) - array(batch[1].image)).max() > 1
    for picture in batch:
        single = studio.pictures(kind, seed=picture.settings.seed, preview=False)[0]
        assert np.abs(array(single.image) - array(picture.image)).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_previews_come_and_change_nothing(studio: Studio, kind: str) -> None:
    events = studio.make(kind, seed=3, count=2)
    steps = [event for event in events if isinstance(event, Step)]
    assert {(step.first, step.together) for step in steps} == {(0, 2)}
    assert any(step.previews for step in steps)
    for step in steps:
        assert len(step.previews) in (0, 2)
        assert all(preview.size == (64, 64) for preview in step.previews)
    without = studio.make(kind, seed=3, count=2, preview=False)
    assert not any(event.previews for event in without if isinstance(event, Step))
    for a, b in zip(events, without, strict=True):
        if isinstance(a, Picture):
            assert np.array_equal(array(a.image), array(b.image))


@pytest.mark.parametrize("kind", KINDS)
def test_stop_releases_at_once_keeps_what_is_finished_and_leaves_the_model_usable(studio: Studio, kind: str) -> None:
    expected = studio.pictures(kind, seed=9, count=1)[0]
    most = limits_of(studio.catalog.get(kind))
    job = studio.service.generate("me", kind, ImageRequest(PROMPT, seed=9, count=5, steps=most.steps[2]))
    finished, stopped = 0, 0.0
    with pytest.raises(Cancelled):
        for event in job.events():
            finished += isinstance(event, Picture)
            if isinstance(event, Step) and event.first > 0 and not stopped:
                job.cancel()
                stopped = time.monotonic()
    assert time.monotonic() - stopped < 0.3 + 0.5  # slack for a busy machine
    assert finished == 2  # the first batch
    assert job.ended.wait(20)
    again = studio.pictures(kind, seed=9, count=1)[0]
    assert np.array_equal(array(again.image), array(expected.image))


def test_stop_acts_between_the_layers_of_a_step(studio: Studio) -> None:
    """Not only at its end: a step of a large model takes a minute on a CPU."""
    with studio.models.use(ModelKey("drawn")) as engine:
        seen: list[str] = []
        job: list[Job[Any]] = []
        first = engine.pipe.unet.down_blocks[0].register_forward_pre_hook(lambda *_: job[0].cancel())
        last = engine.pipe.unet.up_blocks[-1].register_forward_hook(lambda *_: seen.append("end of step"))
        try:
            # Submitted by this thread, done by the worker's: the hook cancels the job from within its own step.
            job.append(studio.service.generate("me", "drawn", ImageRequest(PROMPT)))
            with pytest.raises(Cancelled):
                all_of(job[0])
            assert job[0].ended.wait(20)
        finally:
            first.remove()
            last.remove()
    assert seen == []
    assert studio.pictures("drawn")


@pytest.mark.parametrize("kind", KINDS)
def test_out_of_memory_falls_back_to_single_pictures(studio: Studio, kind: str) -> None:
    """A real OutOfMemoryError from inside the denoiser, for as long as more than one picture is made."""
    import torch

    expected = studio.pictures(kind, seed=20, count=2)
    with studio.models.use(ModelKey(kind)) as engine:
        denoiser = getattr(engine.pipe, "unet", None) or engine.pipe.transformer
        guided = 2 if kind == "drawn" else 1

        def full(_module: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            given = args[0] if args else options["hidden_states"]
            if len(given) > guided:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

        hook = denoiser.register_forward_pre_hook(full, with_kwargs=True)
        try:
            events = studio.make(kind, seed=20, count=2)
        finally:
            hook.remove()
    made = [event for event in events if isinstance(event, Picture)]
    assert {event.together for event in events if isinstance(event, Step)} == {1}
    for a, b in zip(expected, made, strict=True):
        assert np.abs(array(a.image) - array(b.image)).max() <= 1


def test_a_decode_that_does_not_fit_is_done_in_tiles(studio: Studio) -> None:
    import torch

    with studio.models.use(ModelKey("drawn")) as engine:
        sizes: list[tuple[int, ...]] = []

        def full(_module: Any, args: tuple[Any, ...]) -> None:
            sizes.append(tuple(args[0].shape))
            if args[0].shape[-1] > 8:  # a tile is 64 pixels, 8 latent cells
                raise torch.OutOfMemoryError("CUDA out of memory.")

        hook = engine.pipe.vae.decoder.register_forward_pre_hook(full)
        try:
            picture = studio.pictures("drawn", width=128, height=128, preview=False)[0]
        finally:
            hook.remove()
        assert not engine.pipe.vae.use_tiling
    assert picture.image.size == (128, 128)
    assert (1, 8, 16, 16) in sizes and (1, 8, 8, 8) in sizes


def test_when_nothing_helps_the_error_has_numbers(studio: Studio) -> None:
    import torch

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with studio.models.use(ModelKey("drawn")) as engine:
        for part in (engine.pipe.unet, engine.pipe.vae.decoder):
            hook = part.register_forward_pre_hook(full)
            try:
                with pytest.raises(UserError, match=r"64 × 64 pixels .* (MB|GB) are free"):
                    studio.make("drawn", count=2, preview=False)
            finally:
                hook.remove()
    assert len(studio.pictures("drawn", count=2)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_it_begins_from_a_picture(studio: Studio, kind: str) -> None:
    red, blue = (Image.new("RGB", (256, 128), colour) for colour in ("red", "blue"))
    events = studio.make(kind, seed=5, start=red, strength=0.6)
    pictures = [event for event in events if isinstance(event, Picture)]
    assert pictures[0].image.size == (64, 64 if kind in WHOLE else 32)  # of the shape it began from
    assert pictures[0].settings.strength == (1.0 if kind == "klein" else 0.6)
    other = studio.pictures(kind, seed=5, start=blue, strength=0.6)
    assert not np.array_equal(array(pictures[0].image), array(other[0].image))
    steps = [event for event in events if isinstance(event, Step)]
    assert steps[-1].step == steps[-1].steps == {"drawn": 3, "xl": 1, "klein": 3, "z": 2, "sprint": 2}[kind]
    if kind == "klein":
        assert any("reference" in note for note in events[0].notes)


@pytest.mark.parametrize("kind", ["drawn", "xl", "klein", "z", "sprint"])
def test_every_scheduler_offered_works_and_is_its_own(studio: Studio, kind: str) -> None:
    names = studio.service.limits(kind).schedulers
    made = {}
    for name in names:
        picture = studio.pictures(kind, seed=1, scheduler=name, steps=3, count=2)[1]
        assert picture.settings.scheduler == name
        single = studio.pictures(kind, seed=2, scheduler=name, steps=3)[0]
        assert np.abs(array(picture.image) - array(single.image)).max() <= 1, name
        made[name] = array(picture.image)
    distinct = {value.tobytes() for value in made.values()}
    assert len(distinct) == len(names)


def test_one_step_and_very_many_work_with_every_scheduler(studio: Studio) -> None:
    for name in studio.service.limits("drawn").schedulers:
        for steps in (1, 12):
            assert studio.pictures("drawn", scheduler=name, steps=steps, preview=False), (name, steps)


def test_a_sampler_of_pixels_does_not_clip_latents(studio: Studio) -> None:
    with studio.models.use(ModelKey("xl")) as engine:
        assert "clip_sample" not in engine._schedulers._config  # Euler's saved config knows nothing of it
        assert engine._schedulers.new("DDIMScheduler").config.clip_sample is False


def test_numbers_that_are_none_are_said_and_never_shown(tmp_path: Path) -> None:
    for part in ("unet", "vae"):
        place = tmp_path / part
        text = ENTRY.format(id="broken", path=poison(tiny_diffusion(place / "model"), part), image=IMAGE["drawn"])
        catalog = place / "own.toml"
        catalog.write_text(text)
        studio = Studio(place, catalog)
        try:
            pictures = []
            with pytest.raises(UserError, match="no numbers for seed 4"):
                for event in studio.service.generate("me", "broken", ImageRequest(PROMPT, seed=4)).events():
                    pictures += [event] if isinstance(event, Picture) else []
            assert pictures == []
        finally:
            studio.close()


def test_what_a_prompt_loses_is_said(studio: Studio) -> None:
    for kind, room in (("drawn", 14), ("xl", 75), ("klein", 512), ("sprint", 298)):
        words = "red " * 600 + "violin"
        started = all_of(studio.service.generate("me", kind, ImageRequest(words, preview=False, steps=1)))[0]
        assert any("tokens and this model reads" in note and "Not read: “red" in note for note in started.notes), kind
        if kind in ("drawn", "xl"):
            assert f"reads {room}" in started.notes[-1]
    short = all_of(studio.service.generate("me", "drawn", ImageRequest("red hair", preview=False)))[0]
    assert short.notes == ()


def test_a_prompt_that_just_fits_loses_nothing(studio: Studio) -> None:
    with studio.models.use(ModelKey("drawn")) as engine:
        from playground.text_to_image.prompt_truncation import truncation

        word = "a " * 14
        assert truncation(engine.pipe, word, 16) == (14, 14, "")
        tokens, read, cut = truncation(engine.pipe, word + "person", 16)
        assert (tokens > 14, read, cut) == (True, 14, "person")
        ids = engine.pipe.tokenizer(word + "person", truncation=True).input_ids
        assert len(ids) == 16  # the pipeline reads just these
