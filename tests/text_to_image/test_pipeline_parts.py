"""What the engine of pictures is made of: limits and wishes, predictions, the film, loading, the service's extras."""

import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from playground.catalog import read_catalog
from playground.errors import UserError
from playground.text_to_image.callback_iterator import callback_iterator
from playground.text_to_image.limits import limits_of
from playground.text_to_image.options import ImageOptions
from playground.text_to_image.trajectory import shown_steps
from playground.text_to_image.types import ImageRequest
from playground.text_to_image.validation import validate_request
from tests.text_to_image.test_pipelines import PROMPT, Studio, array
from tests.tiny_models.diffusion import catalogue

REMOTE = """
[[model]]
id = "far"
tab = "image"
label = "Far away"
family = "openai-images"
licence = "?"
remote = { url = "http://127.0.0.1:9", model = "x" }
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("parts")
    path = catalogue(folder, "drawn", "xl")
    path.write_text(path.read_text() + REMOTE)
    made = Studio(folder, path)
    yield made
    made.close()


# Wishes


@pytest.mark.parametrize(
    ("wish", "field", "becomes", "said"),
    [
        ({"steps": 10_000}, "steps", 60, "10000 became 60"),
        ({"steps": -3}, "steps", 1, "-3 became 1"),
        ({"width": 70}, "width", 72, "in steps of 8"),
        ({"width": 67}, "width", 64, "in steps of 8"),
        ({"height": 100_000}, "height", 128, "from 32 to 128"),
        ({"guidance": -1.0}, "guidance", 1.0, "from 1 to 12"),
        ({"count": 1000}, "count", 6, "1000 became 6"),
        ({"steps": 10**5000}, "steps", 60, "of 5001 digits"),
        ({"scheduler": "NoSuchScheduler"}, "scheduler", "DDIMScheduler", "NoSuchScheduler"),
        ({"strength": 7.0}, "strength", 1.0, "from 0.05 to 1"),
        ({"prompt": "red " * 5000}, "prompt", ("red " * 2000), "20,000 characters"),
        ({"negative_prompt": "hat", "guidance": 1.0}, "negative_prompt", "", "guidance above 1"),
    ],
)
def test_what_goes_too_far_is_brought_back_and_said(
    studio: Studio, wish: dict[str, Any], field: str, becomes: Any, said: str
) -> None:
    entry = studio.catalog.get("drawn")
    found = validate_request(entry, ImageRequest(**{"prompt": PROMPT, **wish}))
    assert getattr(found.request, field) == becomes
    assert said in " ".join(found.notes)
    assert validate_request(entry, found.request).notes == ()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"prompt": "  \n"}, "prompt is empty"),
        ({"prompt": None}, "`prompt` must be text"),
        ({"steps": float("nan")}, "`steps` must be a finite"),
        ({"guidance": float("inf")}, "`guidance` must be a finite"),
        ({"guidance": "7"}, "`guidance` must be a number"),
        ({"seed": 1.5}, "A seed must be a whole"),
        ({"seed": True}, "A seed must be a whole number"),
        ({"seed": -7}, "A seed must be a whole number from 0 to 4294967295, not -7"),
        ({"seed": 2**32 + 5}, "not 4294967301"),
        ({"seed": 10**5000}, "not a number of 5001 digits"),
        ({"seed": 2**32 - 1, "count": 2}, "from 0 to 4294967294"),
        ({"count": 2.5}, "`count` must be a whole"),
        ({"width": [64]}, "`width` must be a number"),
        ({"start": "/etc/passwd"}, "must be a picture"),
    ],
)
def test_what_means_nothing_is_refused_at_once(studio: Studio, wish: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        studio.service.generate("me", "drawn", ImageRequest(**{"prompt": PROMPT, **wish}))


def test_any_seed_and_the_usual_values(studio: Studio) -> None:
    entry = studio.catalog.get("drawn")
    found = validate_request(entry, ImageRequest(PROMPT, seed=-1))
    assert 0 <= found.request.seed < 2**32 and str(found.request.seed) in found.notes[0]
    usual = validate_request(entry, ImageRequest(PROMPT, negative_prompt=" ")).request
    assert (usual.width, usual.height, usual.steps, usual.guidance, usual.scheduler) == (
        64,
        64,
        6,
        3.0,
        "DDIMScheduler",
    )


def test_what_is_left_to_a_server_stays_open(studio: Studio) -> None:
    entry = studio.catalog.get("far")
    limits = limits_of(entry)
    assert (limits.schedulers, limits.trajectory, limits.image_to_image, limits.tokens) == ((), False, False, 0)
    open_ = validate_request(entry, ImageRequest(PROMPT)).request
    assert (open_.width, open_.steps, open_.guidance, open_.scheduler) == (0, 0, None, "")
    found = validate_request(entry, ImageRequest(PROMPT, steps=9999, negative_prompt="hat", trajectory=True))
    assert found.request.steps == 100 and found.request.negative_prompt == "hat" and not found.request.trajectory


@given(
    steps=st.integers(1, 60),
    strength=st.floats(0, 1, allow_nan=False),
    size=st.tuples(st.integers(8, 900), st.just(90)),
)
def test_a_picture_to_begin_from_always_leaves_a_step(steps: int, strength: float, size: tuple[int, int]) -> None:
    entry = next(entry for entry in read_catalog() if entry.id == "sd-turbo")
    found = validate_request(
        entry, ImageRequest(PROMPT, steps=steps, strength=strength, start=Image.new("RGB", size))
    ).request
    assert int(found.steps * found.strength) >= 1
    least, _, most = ImageOptions.of(entry).sizes
    for side in (found.width, found.height):
        assert least <= side <= most and side % ImageOptions.of(entry).multiple == 0


# Predictions and the film


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    "name",
    [
        "DDIMScheduler",
        "EulerDiscreteScheduler",
        "EulerAncestralDiscreteScheduler",
        "DPMSolverMultistepScheduler",
        "UniPCMultistepScheduler",
        "LCMScheduler",
    ],
)
def test_the_clean_picture_expected_is_the_schedulers_own(name: str, prediction: str) -> None:
    """Of a model that knows the answer, every sampler is told it, at every step, whatever its own scales."""
    import diffusers

    from playground.text_to_image.scheduler_tracker import SchedulerTracker

    scheduler = getattr(diffusers, name)(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type=prediction,
        timestep_spacing="trailing",
        rescale_betas_zero_snr=prediction == "v_prediction",
        **({"clip_sample": False} if name == "DDIMScheduler" else {}),
    )
    generator = torch.Generator("cpu").manual_seed(0)
    clean = torch.randn((2, 4, 8, 8), generator=generator, dtype=torch.float32)
    watched = SchedulerTracker(scheduler, "diffusion", [torch.Generator("cpu").manual_seed(seed) for seed in (1, 2)])
    scheduler.set_timesteps(8)
    sample = torch.randn(clean.shape, generator=generator, dtype=torch.float32) * scheduler.init_noise_sigma
    signals = []
    for timestep in scheduler.timesteps:
        given = scheduler.scale_model_input(sample, timestep)  # at unit scale, as the denoiser is trained
        bar = float(scheduler.alphas_cumprod[round(float(timestep))])
        a, s = math.sqrt(bar), math.sqrt(1 - bar)
        epsilon = (given - a * clean) / s
        output = epsilon if prediction == "epsilon" else a * epsilon - s * clean
        sample = scheduler.step(output, timestep, sample, return_dict=False)[0]
        moment = watched.current
        assert moment is not None
        assert (moment.level.signal, moment.level.noise) == pytest.approx((a, s), abs=2e-3)
        assert moment.noisy == pytest.approx(given, abs=2e-3)
        if moment.level.signal > 0.05 or prediction == "v_prediction":
            assert float((moment.clean() - clean).abs().max()) < 0.05
        signals.append(moment.level.signal)
    assert signals == sorted(signals)
    assert float((sample - clean).abs().max()) < 0.2  # and so the sampler arrives there


def test_flow_and_trigflow_say_the_clean_picture_too() -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, SCMScheduler

    from playground.text_to_image.scheduler_tracker import SchedulerTracker

    clean, noise = torch.randn((2, 1, 4, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    flow = FlowMatchEulerDiscreteScheduler(shift=3.0)
    watched, sample = SchedulerTracker(flow, "flow", []), noise
    flow.set_timesteps(4)
    for timestep in flow.timesteps:
        sample = flow.step(noise - clean, timestep, sample, return_dict=False)[0]
        assert watched.current is not None and watched.current.clean() == pytest.approx(clean, abs=1e-5)
        assert watched.current.level.noise == pytest.approx(float(timestep) / 1000)
    assert sample == pytest.approx(clean, abs=1e-5)

    scm = SCMScheduler()
    watched, sample = SchedulerTracker(scm, "trigflow", [torch.Generator().manual_seed(0)]), noise * 0.5
    scm.set_timesteps(2)
    for timestep in scm.timesteps[:-1]:
        z = (sample / 0.5 - math.cos(timestep) * clean) / math.sin(timestep)
        output = (math.cos(timestep) * z - math.sin(timestep) * clean) * 0.5
        sample, denoised = scm.step(output, timestep, sample, return_dict=False)
        assert watched.current is not None and watched.current.clean() == pytest.approx(denoised / 0.5, abs=1e-5)
        assert watched.current.clean() == pytest.approx(clean, abs=1e-4)


@pytest.mark.parametrize("kind", ["drawn", "xl"])
def test_the_film_runs_from_noise_to_picture_and_back(studio: Studio, kind: str) -> None:
    steps = 14 if kind == "drawn" else 4
    pictures = studio.pictures(kind, seed=3, count=2, trajectory=True, steps=steps)
    for picture in pictures:
        film = picture.trajectory
        assert film is not None
        assert len(film.reverse) == len(film.forward) == min(steps, 10) + 1
        assert [frame.step for frame in film.reverse] == [*sorted(shown_steps(steps)), steps]
        assert film.reverse[0].step == 0 and film.reverse[0].noise > 0.99
        for there, back in zip(film.reverse, film.forward, strict=True):
            assert (there.step, there.timestep, there.signal, there.noise) == (
                back.step,
                back.timestep,
                back.signal,
                back.noise,
            )
            assert there.signal**2 + there.noise**2 == pytest.approx(1, abs=1e-3)
            assert (there.clean is None) == (there.step == steps) and back.clean is None
        # The end of one and the beginning of the other are the picture; the noise is the picture's own.
        assert np.array_equal(array(film.reverse[-1].noisy), array(picture.image))
        if kind == "drawn":  # whose schedule ends at no signal at all
            assert np.abs(array(film.reverse[0].noisy) - array(film.forward[0].noisy)).max() <= 1
        signals = [signal for _, signal, _ in film.schedule]
        assert signals == sorted(signals, reverse=True) and len(signals) > 50
    assert not np.array_equal(
        array(pictures[0].trajectory.forward[0].noisy),  # type: ignore[union-attr]
        array(pictures[1].trajectory.forward[0].noisy),  # type: ignore[union-attr]
    )
    plain = studio.pictures(kind, seed=3, count=2, steps=steps)
    assert all(np.array_equal(array(a.image), array(b.image)) for a, b in zip(plain, pictures, strict=True))


def test_few_frames_are_chosen_evenly() -> None:
    assert shown_steps(1) == {0} and shown_steps(4) == {0, 1, 2, 3}
    assert len(shown_steps(1000)) == 10 and {0, 999} <= shown_steps(1000)


def test_the_cheap_preview_finds_the_colours_of_a_decoder() -> None:
    """Of an autoencoder whose latents are colours in disguise, one colour a cell."""
    from playground.text_to_image.preview import Previewer

    mix = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, -0.5], [0.5, 0.0, 1.0], [1.0, 1.0, 1.0]], dtype=torch.float32)

    class Space:
        factor, vae = 8, torch.nn.Linear(1, 1)

        def encode(self, pixels: Any) -> Any:
            return torch.einsum("cd,bdhw->bchw", mix, torch.nn.functional.avg_pool2d(pixels, 8)) + 0.5

    previews = Previewer(Space(), decodes=True)  # type: ignore[arg-type]
    previews.prepare()
    wanted = torch.tensor([0.5, -0.25, 0.8], dtype=torch.float32)
    latents = (mix @ wanted + 0.5).view(1, 4, 1, 1).expand(1, 4, 8, 8)
    picture = previews.linear(latents, 64, 64)[0]
    assert picture.size == (64, 64)
    assert array(picture)[32, 32] == pytest.approx((wanted.numpy() + 1) * 127.5, abs=8)


# Turns between the work and who reads its events


def test_work_and_consumer_take_turns() -> None:
    told: list[str] = []

    def work(put: Any) -> None:
        for number in range(3):
            told.append(f"made {number}")
            put(number)
        told.append("end")

    for number in callback_iterator(work):
        told.append(f"got {number}")
    assert told == ["made 0", "got 0", "made 1", "got 1", "made 2", "got 2", "end"]


def test_the_work_is_done_on_the_thread_that_reads_and_its_modes_are_its_own() -> None:
    def work(put: Any) -> None:
        with torch.inference_mode():
            put((threading.get_ident(), torch.zeros(1).is_inference()))
            put((threading.get_ident(), torch.zeros(1).is_inference()))

    for thread, inference in callback_iterator(work):
        assert (thread, inference) == (threading.get_ident(), True)
        assert torch.is_grad_enabled() and not torch.zeros(1).is_inference()
    assert not torch.is_inference_mode_enabled()


def test_work_may_read_the_events_of_other_work() -> None:
    def inner(put: Any) -> None:
        put(1)
        put(2)

    def outer(put: Any) -> None:
        for number in callback_iterator(inner):
            put(10 * number)

    assert list(callback_iterator(outer)) == [10, 20]


def test_leaving_ends_the_work_and_a_fault_comes_through() -> None:
    ended: list[str] = []

    def work(put: Any) -> None:
        try:
            for number in range(1000):
                put(number)
        finally:
            ended.append("here")

    events = callback_iterator(work)
    assert next(events) == 0
    events.close()
    assert ended == ["here"]
    callback_iterator(work).close()
    assert ended == ["here"]  # what was never begun has nothing to end

    def broken(put: Any) -> None:
        put(1)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(callback_iterator(broken))
