"""The GAN's verbs, on tiny random generators of the real class: every claim of the tab."""

import subprocess
import sys
import threading
from collections.abc import Iterator
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
from playground.gan import styles
from playground.gan.service import GanService
from playground.gan.types import Edit
from playground.imaging import latent_file
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


def results(job: Job[T]) -> list[T]:
    """What a job gave, without its phases and heartbeats."""
    return [event for event in job.events() if event is not None and not isinstance(event, Phase)]


def test_its_sizes_are_known_before_torch_is(playground: Playground, gan: GanService) -> None:
    for model_id in (GAN, SMALL):
        known = gan.about(model_id)
        with playground.models.use(ModelKey(model_id)) as model:
            assert known.resolutions == model.synthesis.resolutions()
            assert (known.size, known.z_dim, known.w_dim) == (model.size, model.z_dim, model.w_dim)
    folder = playground.catalog.get(GAN).sources[0].path.parent  # type: ignore[union-attr]
    code = (
        "import sys\nfrom pathlib import Path\nfrom playground.core import Playground\n"
        "from playground.settings import Settings\n"
        f"made = Playground(Settings(offline=True, catalogs=(Path({str(folder / 'own.toml')!r}),)))\n"
        f"print(made.gan.about({GAN!r}).size, 'torch' in sys.modules)"
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
    mean_picture = pixels(gan.render(GAN, np.tile(mean, (7, 1))))
    for sample in means:
        assert np.array_equal(pixels(sample.picture), pixels(means[0].picture))
        assert np.abs(pixels(sample.picture) - mean_picture).max() <= 1
    style = gan.style(GAN, 3)
    frame = gan.frame(GAN, style, 1.0)
    assert np.array_equal(frame.style, style)
    assert np.array_equal(gan.frame(GAN, style, 0.0).style, np.tile(mean, (7, 1)))
    assert np.array_equal(pixels(gan.samples(GAN, [3], 1.0)[0].picture), pixels(gan.render(GAN, style)))
    cut = gan.frame(GAN, style, 0.0, cutoff=2).style
    assert np.array_equal(cut[:2], np.tile(mean, (2, 1)))
    assert np.array_equal(cut[2:], style[2:])
    assert np.array_equal(gan.frame(GAN, style, 0.3, cutoff=0).style, style)
    away = [np.abs(gan.frame(GAN, style, psi).style - mean).mean() for psi in (0, 0.3, 0.7, 1.0, 1.5)]
    assert all(a < b for a, b in pairwise(away))


def test_a_truncation_sheet_holds_the_same_pictures(gan: GanService) -> None:
    style = gan.style(GAN, 5)
    sheet = gan.truncation_sheet(GAN, style)
    assert [psi for psi, _ in sheet] == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]
    for psi, picture in sheet:
        assert np.abs(pixels(picture) - pixels(gan.samples(GAN, [5], psi)[0].picture)).max() <= 1
    with pytest.raises(UserError):
        gan.truncation_sheet(GAN, style, psis=[0.1] * 17)


def test_a_frame_is_a_jpeg_of_the_side_asked_for(gan: GanService) -> None:
    style = gan.style(GAN, 1)
    assert pixels(gan.frame(GAN, style.tolist(), 0.7, side=320).jpeg).shape == (320, 320, 3)
    small = pixels(gan.frame(GAN, style, side=64).jpeg)
    assert np.abs(small - pixels(gan.render(GAN, style))).mean() < 6
    for side in (0, 5000, "320", float("nan"), None):
        with pytest.raises(UserError):
            gan.frame(GAN, style, side=side)  # type: ignore[arg-type]


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


def test_edits_move_their_layers_by_deviations_after_truncation(gan: GanService) -> None:
    style, own = gan.style(GAN, 2), [np.eye(16)[3] * 7]
    for kind in ("pca", "sefa"):
        found = gan.directions(GAN, kind, 3, (1, 4))
        plain = gan.frame(GAN, style, 0.5).style
        moved = gan.frame(GAN, style, 0.5, edits=[Edit(kind, 2, -1.5, (1, 4))]).style
        step = -1.5 * found.deviations[2] * found.vectors[2]
        assert np.allclose(moved[1:5] - plain[1:5], np.tile(step, (4, 1)), atol=1e-4)
        assert np.array_equal(moved[[0, 5, 6]], plain[[0, 5, 6]])
    moved = gan.frame(
        GAN, style, 1.0, edits=[Edit("own", 0, 2.0, (6, 6)), Edit("own", 0, -2.0, (6, 6))], own=own
    ).style
    assert np.allclose(moved, style, atol=1e-4), "there and back"
    there = gan.frame(GAN, style, 1.0, edits=[Edit("own", 0, 1.0, (6, 6))], own=own).style - style
    assert np.abs(there[6, 3]) > 0
    assert np.count_nonzero(there) == 1
    with pytest.raises(UserError, match="none came"):
        gan.frame(GAN, style, edits=[Edit("own", 0, 1.0, (0, 6))])


def test_a_mixed_style_draws_and_coarse_layers_are_the_coarse_ones(gan: GanService) -> None:
    a, b = gan.style(GAN, 1), gan.style(GAN, 2)
    assert gan.about(GAN).resolutions == (4, 8, 8, 16, 16, 32, 32)
    assert styles.groups(7) == {"coarse": [0, 1, 2], "middle": [3, 4], "fine": [5, 6]}
    changed = [
        np.abs(pixels(gan.render(GAN, gan.mix(a, b, g))) - pixels(gan.render(GAN, a))).mean()
        for g in ("coarse", "fine")
    ]
    assert min(changed) > 0.5


def test_a_film_loops_through_its_keys(gan: GanService) -> None:
    keys = [gan.style(GAN, seed) for seed in (1, 2, 3)]
    events = list(gan.video("v", GAN, keys, seconds=1.0, fps=12, side=64).events())
    (film,) = [event for event in events if isinstance(event, bytes)]
    told = [event.done for event in events if isinstance(event, Phase) and event.kind == "preparing"]
    assert told[-1] == 12
    assert told == sorted(told)
    opened = Image.open(BytesIO(film))
    assert getattr(opened, "n_frames", 1) == 12
    frames = []
    for place in range(12):
        opened.seek(place)
        frames.append(pixels(opened))
    drawn = [pixels(gan.render(GAN, key)) for key in keys]
    for number, place in enumerate((0, 4, 8)):
        apart = [float(np.abs(frames[place] - other).mean()) for other in drawn]
        assert apart[number] < 0.6 * min(apart[:number] + apart[number + 1 :]), "lossy, but that picture"
    for bad in ([keys[0]], [keys[0], keys[1][:3]], [*keys, "no"]):
        with pytest.raises(UserError):
            list(gan.video("v", GAN, bad, 1.0).events())


def test_realness_is_a_rank_among_a_thousand(playground: Playground, gan: GanService) -> None:
    found = gan.samples(GAN, "1-16", judged=True)
    with playground.models.use(ModelKey(GAN, "discriminator")) as discriminator, torch.no_grad():
        x = torch.from_numpy(np.stack([pixels(sample.picture) for sample in found])).permute(0, 3, 1, 2).float()
        raw = discriminator(x / 127.5 - 1).numpy()
    shares = np.array([sample.realness for sample in found])
    assert ((shares >= 0) & (shares <= 1)).all()
    assert len(set(shares)) > 8
    assert (np.diff(shares[np.argsort(raw)]) >= 0).all(), "the percentile keeps the discriminator's order"
    assert abs(gan.realness(GAN, gan.style(GAN, 4)) - shares[3]) <= 0.002
    ours = gan.samples(GAN, "0-63", judged=True)
    assert 0.25 < np.mean([sample.realness for sample in ours]) < 0.75, "samples are like samples"


def test_the_nearest_portrait_of_a_portrait_is_itself(gan: GanService) -> None:
    for seed in (0, 5):
        found = gan.nearest(GAN, gan.style(GAN, seed), count=3)
        assert np.abs(pixels(found[0].picture) - pixels(gan.samples(GAN, [seed])[0].picture)).mean() < 6
        assert found[0].distance <= found[1].distance <= found[2].distance
    assert "skin" not in gan.nearest(GAN, gan.style(GAN, 0), 1)[0].attributes, "what is not seen is not told"
    assert len(gan.nearest(GAN, gan.style(GAN, 0), 24)) == PORTRAITS


def test_projection_gets_nearer_and_can_be_stopped(gan: GanService) -> None:
    target = gan.samples(GAN, [11])[0].picture
    told = results(gan.project("v", GAN, target, steps=40))
    assert [told[0].step, told[-1].step] == [0, 40]
    assert len(told) > 10
    assert all(b.loss <= a.loss for a, b in pairwise(told)), "the best so far"
    assert told[-1].psnr > told[0].psnr + 1
    assert np.abs(pixels(gan.render(GAN, told[-1].style)) - pixels(told[-1].picture)).max() <= 1
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
    bars = {each.attribute: each for each in told[-1].bars}
    with playground.models.use(ModelKey("avatar-judge")) as judge:
        pictures = [
            pixels(s.picture) for start in (1, 51, 101, 151) for s in gan.samples(GAN, f"{start}-{start + 49}", 0.7)
        ]
        x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
        labels, confidence = judge.read(x)
    skin = labels[:, judge.names.index("skin")].numpy()
    shares = [np.mean(skin[skin >= 0] == value) for value in range(len(bars["skin"].values))]
    assert np.allclose(bars["skin"].samples, shares, atol=0.02), "up to rounding to 255 levels"
    assert abs(told[-1].precision - float((confidence.amin(dim=1) >= judge.threshold).float().mean())) < 0.02
    assert 0 < told[-1].coverage <= 1
    for each in bars.values():
        assert 0 <= each.distance <= 1
        assert abs(sum(each.world) - 1) < 1e-6
    for count in (0, 1001, 1.5, "all"):
        with pytest.raises(UserError):
            gan.histogram("v", GAN, count)  # type: ignore[arg-type]


@pytest.mark.parametrize("png", [False, True])
def test_a_style_is_saved_and_loaded(gan: GanService, tmp_path: Path, png: bool) -> None:
    style = gan.frame(GAN, gan.style(GAN, 8), 0.6).style
    path = tmp_path / "style"
    path.write_bytes(gan.save(GAN, style, png))
    if png:
        assert np.array_equal(pixels(path.read_bytes()), pixels(gan.render(GAN, style)))
    assert np.array_equal(gan.load(GAN, path), style)
    with pytest.raises(UserError, match=f"made by “{GAN}”"):
        gan.load(SMALL, path)
    path.write_text(latent_file.dumps(latent_file.LatentFile("vae", GAN, style.tolist())))
    with pytest.raises(UserError, match="VAE tab"):
        gan.load(GAN, path)
    path.write_text(latent_file.dumps(latent_file.LatentFile("gan", GAN, [[1.0]])))
    with pytest.raises(UserError, match="7 × 16"):
        gan.load(GAN, path)


def test_live_pictures_come_while_a_job_runs(gan: GanService) -> None:
    target = gan.samples(GAN, [3])[0].picture
    expected = {seed: gan.frame(GAN, gan.style(GAN, seed), 0.8).jpeg for seed in range(4)}
    wrong: list[int] = []
    job = gan.project("v", GAN, target, steps=500)

    def visit(seed: int) -> None:
        for _ in range(10):
            found = gan.frame(GAN, gan.style(GAN, seed), 0.8, edits=[Edit("pca", 0, 0.0, (0, 6))])
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


@pytest.mark.parametrize(
    "arguments",
    [
        {"model_id": "nobody"}, {"model_id": "avatar-vae"}, {"model_id": None}, {"model_id": ["avatar-gan"]},
        {"style": [[1.0]]}, {"style": "no"}, {"truncation": float("nan")}, {"truncation": 3}, {"truncation": "1"},
        {"cutoff": 8}, {"cutoff": -1}, {"cutoff": 1.5}, {"edits": "all"}, {"own": [[float("nan")] * 16]},
    ],
)  # fmt: skip
def test_hostile_frames_are_refused_in_words(gan: GanService, arguments: dict[str, Any]) -> None:
    good: dict[str, Any] = {"model_id": GAN, "style": gan.style(GAN, 1), "truncation": 1.0}
    with pytest.raises(UserError):
        gan.frame(**{**good, **arguments})
