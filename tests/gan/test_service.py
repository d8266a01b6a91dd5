"""The GAN service on tiny random generators of the real class."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from PIL import Image

from playground.core import Playground
from playground.errors import Cancelled, UserError
from playground.gan.edit_state import CustomDirection, DirectionEdit, EditState, Kind
from playground.gan.service import GanService
from playground.gan.styles import layer_groups
from playground.runtime.records import ModelKey
from playground.runtime.task import Phase
from playground.runtime.worker import Job
from tests.tiny_models.gan import GAN, PORTRAITS, SMALL, gan_playground

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    made = gan_playground(tmp_path_factory.mktemp("gan"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def gan(playground: Playground) -> GanService:
    return playground.gan


def pixels(image: Image.Image | bytes) -> np.ndarray:
    opened = Image.open(BytesIO(image)) if isinstance(image, bytes) else image
    return np.asarray(opened.convert("RGB")).astype(int)


def style_of(gan: GanService, seed: int, model: str = GAN) -> np.ndarray:
    """(layers, w_dim) of a seed, untruncated."""
    return gan.frame(EditState(model, seed)).style


def results(job: Job[T]) -> list[T]:
    """What a job gave, without its phases and heartbeats."""
    return [event for event in job.events() if event is not None and not isinstance(event, Phase)]


def test_its_sizes_are_known_before_torch_is(playground: Playground, gan: GanService) -> None:
    for model_id in (GAN, SMALL):
        known = gan.config(model_id)
        with playground.models.use(ModelKey(model_id)) as model:
            assert known.resolutions == model.synthesis.resolutions()
            assert (known.size, known.z_dim, known.w_dim) == (model.size, model.z_dim, model.w_dim)
    folder = playground.catalog.get(GAN).sources[0].path.parent  # type: ignore[union-attr]
    code = (
        "import sys\nfrom pathlib import Path\nfrom playground.core import Playground\n"
        "from playground.settings import Settings\n"
        f"made = Playground(Settings(offline=True, catalogs=(Path({str(folder / 'own.toml')!r}),)))\n"
        f"print(made.gan.config({GAN!r}).size, 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "64 False"


def test_a_seed_gives_its_picture_alone_or_among_others_in_one_call(playground: Playground, gan: GanService) -> None:
    calls: list[int] = []
    with playground.models.use(ModelKey(GAN)) as model:
        hook = model.synthesis.register_forward_hook(lambda module, given, drawn: calls.append(len(drawn)))
        found = gan.samples(GAN, "16-16, 1-14, 16")
        hook.remove()
        z = torch.from_numpy(np.random.RandomState(9).randn(1, model.z_dim).astype(np.float32))
        with torch.no_grad():
            own = model(z)[0].permute(1, 2, 0).add(1).mul(127.5).round().clamp(0, 255).numpy().astype(int)
    assert calls == [16]
    assert [sample.seed for sample in found] == [16, *range(1, 15), 16]
    assert np.array_equal(pixels(found[0].picture), pixels(found[-1].picture))
    assert np.abs(pixels(found[9].picture) - own).max() <= 1, "the seed rule, and the network's own picture"
    for place in (0, 9):
        alone = gan.samples(GAN, [found[place].seed])[0].picture
        assert np.abs(pixels(alone) - pixels(found[place].picture)).max() <= 1
    assert np.abs(pixels(found[1].picture) - pixels(found[2].picture)).mean() > 2, "other seeds, other pictures"
    assert len(gan.samples(GAN, "1-40")) == 40


def test_truncation_from_the_mean_to_the_picture_itself(playground: Playground, gan: GanService) -> None:
    with playground.models.use(ModelKey(GAN)) as model:
        mean = model.w_mean.numpy()
    means = gan.samples(GAN, "1-5", truncation=0.0)
    mean_picture = pixels(gan.render(EditState(GAN).with_style(np.tile(mean, (7, 1)))))
    for sample in means:
        assert np.array_equal(pixels(sample.picture), pixels(means[0].picture))
        assert np.abs(pixels(sample.picture) - mean_picture).max() <= 1
    style = style_of(gan, 3)
    assert np.array_equal(gan.frame(EditState(GAN, 3, truncation=0.0)).style, np.tile(mean, (7, 1)))
    assert np.array_equal(pixels(gan.samples(GAN, [3], 1.0)[0].picture), pixels(gan.render(EditState(GAN, 3))))
    cut = gan.frame(EditState(GAN, 3, truncation=0.0, cutoff=2)).style
    assert np.array_equal(cut[:2], np.tile(mean, (2, 1)))
    assert np.array_equal(cut[2:], style[2:])
    assert np.array_equal(gan.frame(EditState(GAN, 3, truncation=0.3, cutoff=0)).style, style)
    psis = (0, 0.3, 0.7, 1.0, 1.5)
    away = [np.abs(gan.frame(EditState(GAN, 3, truncation=psi)).style - mean).mean() for psi in psis]
    assert all(a < b for a, b in pairwise(away))


def test_a_truncation_sheet_holds_the_same_pictures(gan: GanService) -> None:
    sheet = gan.truncation_sheet(EditState(GAN, 5))
    assert [psi for psi, _ in sheet] == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]
    for psi, picture in sheet:
        assert np.abs(pixels(picture) - pixels(gan.samples(GAN, [5], psi)[0].picture)).max() <= 1
    with pytest.raises(UserError):
        gan.truncation_sheet(EditState(GAN, 5), psis=[0.1] * 17)


def test_a_frame_is_a_jpeg_of_the_side_asked_for(gan: GanService) -> None:
    assert pixels(gan.frame(EditState(GAN, 1, truncation=0.7), side=320).jpeg).shape == (320, 320, 3)
    small = pixels(gan.frame(EditState(GAN, 1), side=64).jpeg)
    assert np.abs(small - pixels(gan.render(EditState(GAN, 1)))).mean() < 6


def test_directions_are_those_of_w(playground: Playground, gan: GanService) -> None:
    with playground.models.use(ModelKey(GAN)) as model, torch.no_grad():
        z = np.random.RandomState(0).randn(10_000, model.z_dim).astype(np.float32)
        w = model.mapping(torch.from_numpy(z)).double().numpy()
        weights = [layer.style.weight.numpy() for layer in model.synthesis.convolutions]
    _, values, rows = np.linalg.svd(w - w.mean(axis=0), full_matrices=False)
    found = gan.directions(GAN, "pca", 5)
    assert np.allclose(found.deviations, values[:5] / np.sqrt(9999), rtol=1e-3)
    assert np.allclose(np.abs((found.vectors * rows[:5]).sum(axis=1)), 1, atol=1e-3)
    for layers in (None, (0, 1), (2, 6)):
        first, last = layers or (0, 6)
        stacked = np.concatenate(weights[first : last + 1])
        sefa = gan.directions(GAN, "sefa", 4, layers)
        assert np.allclose(np.linalg.norm(stacked @ sefa.vectors.T, axis=0), np.linalg.svd(stacked)[1][:4], rtol=1e-4)
        assert np.allclose(sefa.deviations, np.std(w @ sefa.vectors.T, axis=0), rtol=1e-3)
    for kind, count, span in (("ica", 1, None), ("pca", 17, None), ("pca", 0, None), ("sefa", 1, (3, 9))):
        with pytest.raises(UserError):
            gan.directions(GAN, kind, count, span)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["pca", "sefa"])
def test_directions_move_their_layers_by_deviations_after_truncation(gan: GanService, kind: Kind) -> None:
    found = gan.directions(GAN, kind, 3, (1, 4))
    plain = EditState(GAN, 2, truncation=0.5)
    moved = gan.frame(replace(plain, directions=(DirectionEdit(kind, 2, (1, 4), -1.5),))).style
    unmoved = gan.frame(plain).style
    step = -1.5 * found.deviations[2] * found.vectors[2]
    assert np.allclose(moved[1:5] - unmoved[1:5], np.tile(step, (4, 1)), atol=1e-4)
    assert np.array_equal(moved[[0, 5, 6]], unmoved[[0, 5, 6]])


def test_a_custom_direction_moves_its_layers_and_back(gan: GanService) -> None:
    style, vector = style_of(gan, 2), tuple(np.eye(16)[3].tolist())

    def moved(*strengths: float) -> np.ndarray:
        custom = tuple(CustomDirection("mine", vector, (6, 6), strength) for strength in strengths)
        return gan.frame(EditState(GAN, 2, custom_directions=custom)).style

    assert np.allclose(moved(2.0, -2.0), style, atol=1e-4)
    there = moved(1.0) - style
    assert np.abs(there[6, 3]) > 0
    assert np.count_nonzero(there) == 1


def test_mixing_takes_layers_of_the_second_seed_and_coarse_layers_are_the_coarse_ones(gan: GanService) -> None:
    assert gan.config(GAN).resolutions == (4, 8, 8, 16, 16, 32, 32)
    assert layer_groups(7) == {"coarse": [0, 1, 2], "middle": [3, 4], "fine": [5, 6]}
    plain = pixels(gan.render(EditState(GAN, 1)))
    for layers in ((0, 1, 2), (5, 6)):
        mixed = EditState(GAN, 1, mix_seed=2, mix_layers=layers)
        style = gan.frame(mixed).style
        for layer in range(7):
            assert np.array_equal(style[layer], style_of(gan, 2 if layer in layers else 1)[layer])
        assert np.abs(pixels(gan.render(mixed)) - plain).mean() > 0.5


def test_an_animation_loops_through_its_key_frames(gan: GanService) -> None:
    keys = [EditState(GAN, seed) for seed in (1, 2, 3)]
    events = list(gan.animation("v", keys, seconds=1.0, fps=12, side=64).events())
    (webp,) = [event for event in events if isinstance(event, bytes)]
    reported = [event.done for event in events if isinstance(event, Phase) and event.kind == "preparing"]
    assert reported[-1] == 12
    assert reported == sorted(reported)
    opened = Image.open(BytesIO(webp))
    assert getattr(opened, "n_frames", 1) == 12
    frames = []
    for place in range(12):
        opened.seek(place)
        frames.append(pixels(opened))
    drawn = [pixels(gan.render(key)) for key in keys]
    for number, place in enumerate((0, 4, 8)):
        apart = [float(np.abs(frames[place] - other).mean()) for other in drawn]
        assert apart[number] < 0.6 * min(apart[:number] + apart[number + 1 :]), "lossy, but that picture"
    for bad in ([keys[0]], [keys[0], EditState(SMALL, 1)], []):
        with pytest.raises(UserError):
            gan.animation("v", bad, 1.0)


def test_realness_is_a_percentile_among_samples(playground: Playground, gan: GanService) -> None:
    found = gan.samples(GAN, "1-16", judged=True)
    with playground.models.use(ModelKey(GAN, "discriminator")) as discriminator, torch.no_grad():
        x = torch.from_numpy(np.stack([pixels(sample.picture) for sample in found])).permute(0, 3, 1, 2).float()
        raw = discriminator(x / 127.5 - 1).numpy()
    shares = np.array([sample.realness for sample in found])
    assert ((shares >= 0) & (shares <= 1)).all()
    assert len(set(shares)) > 8
    assert (np.diff(shares[np.argsort(raw)]) >= 0).all(), "the percentile keeps the discriminator's order"
    assert abs(gan.realness(EditState(GAN, 4)) - shares[3]) <= 0.002
    ours = gan.samples(GAN, "0-63", judged=True)
    assert 0.25 < np.mean([sample.realness for sample in ours]) < 0.75, "samples are like samples"


def test_the_nearest_portrait_of_a_portrait_is_itself(gan: GanService) -> None:
    for seed in (0, 5):
        found = gan.nearest(EditState(GAN, seed), count=3)
        assert np.abs(pixels(found[0].picture) - pixels(gan.samples(GAN, [seed])[0].picture)).mean() < 6
        assert found[0].distance <= found[1].distance <= found[2].distance
    assert "skin" not in gan.nearest(EditState(GAN, 0), 1)[0].attributes, "what is not seen is not told"
    assert len(gan.nearest(EditState(GAN, 0), 24)) == PORTRAITS


def test_projection_gets_nearer_and_can_be_stopped(gan: GanService) -> None:
    target = gan.samples(GAN, [11])[0].picture
    told = results(gan.project("v", GAN, target, steps=40))
    assert [told[0].step, told[-1].step] == [0, 40]
    assert len(told) > 10
    assert all(b.loss <= a.loss for a, b in pairwise(told)), "the best so far"
    assert told[-1].psnr > told[0].psnr + 1
    assert np.abs(pixels(gan.render(EditState(GAN).with_style(told[-1].style))) - pixels(told[-1].picture)).max() <= 1
    job = gan.project("v", GAN, target, steps=500)
    with pytest.raises(Cancelled):
        for event in job.events():
            if event and not isinstance(event, Phase):
                job.cancel()
    assert job.ended.wait(10)
    assert gan.samples(GAN, "1-2")[1].seed == 2, "the model is usable afterwards"


def test_a_histogram_counts_what_the_judge_sees(playground: Playground, gan: GanService) -> None:
    told = results(gan.histogram("v", GAN, 200, 0.7))
    assert [e.count for e in told] == [128, 200]
    found = {each.attribute: each for each in told[-1].attributes}
    with playground.models.use(ModelKey("avatar-judge")) as judge:
        pictures = [
            pixels(s.picture) for start in (1, 51, 101, 151) for s in gan.samples(GAN, f"{start}-{start + 49}", 0.7)
        ]
        x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
        labels, confidence = judge.predict(x)
    skin = labels[:, judge.names.index("skin")].numpy()
    shares = [np.mean(skin[skin >= 0] == value) for value in range(len(found["skin"].values))]
    assert np.allclose(found["skin"].samples, shares, atol=0.02), "up to rounding to 255 levels"
    assert abs(told[-1].precision - float((confidence.amin(dim=1) >= judge.threshold).float().mean())) < 0.02
    assert 0 < told[-1].coverage <= 1
    for each in found.values():
        assert 0 <= each.distance <= 1
        assert abs(sum(each.dataset) - 1) < 1e-6
    for count in (0, 1001, 1.5, "all"):
        with pytest.raises(UserError):
            gan.histogram("v", GAN, count)  # type: ignore[arg-type]


def test_live_pictures_come_while_a_job_runs(gan: GanService) -> None:
    target = gan.samples(GAN, [3])[0].picture
    states = {seed: EditState(GAN, seed, truncation=0.8) for seed in range(4)}
    expected = {seed: gan.frame(state).jpeg for seed, state in states.items()}
    wrong: list[int] = []
    job = gan.project("v", GAN, target, steps=500)

    def visit(seed: int) -> None:
        for _ in range(10):
            found = gan.frame(states[seed])
            if np.abs(pixels(found.jpeg) - pixels(expected[seed])).max() > 3:
                wrong.append(seed)

    visitors = [threading.Thread(target=visit, args=(seed,)) for seed in range(4)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert not wrong
    assert not job.ended.is_set(), "no picture waited for the job"
    job.cancel()
    assert job.ended.wait(10)


@pytest.mark.parametrize("model", ["nobody", "avatar-vae", None, ["avatar-gan"]])
def test_a_model_that_is_no_gan_is_refused_in_words(gan: GanService, model: Any) -> None:
    for ask in (lambda: gan.config(model), lambda: gan.samples(model, "1"), lambda: gan.frame(EditState(model, 1))):
        with pytest.raises(UserError):
            ask()
