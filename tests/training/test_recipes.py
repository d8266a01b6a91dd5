"""The recipes and the evaluation, at a scale of seconds: they learn, go on where they were cut, and tell the truth."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from playground.avatars.controls import make_controls
from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
from playground.avatars.latent_layout import blocks
from playground.drawn_world.attributes import ATTRIBUTES, BY_NAME, visible
from playground.drawn_world.sampling import Split, edited, person, seeds
from playground.errors import UserError
from playground.training.dataset import World, read
from playground.training.evaluation import metrics, model_card
from playground.training.evaluation import vae as vae_evaluation
from playground.training.recipes import flow, gan, judge, vae
from playground.training.recipes.training_loop import Run, Schedule, pictures, tiled, to_uint8
from playground.training.recipes.vae_posteriors import Latents, latents_of
from playground.training.shards import Plan, render

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def world(folder: Path) -> World:
    render(folder / "world", Plan("portraits", Split.TRAIN, 96, 64, per_shard=64), processes=1, progress=False)
    return read(folder / "world")


@pytest.fixture(scope="module")
def edits(folder: Path) -> World:
    render(folder / "edits", Plan("edits", Split.TRAIN, 96, 64, per_shard=64), processes=1, progress=False)
    return read(folder / "edits")


def schedule(images: int, batch: int = 16) -> Schedule:
    return Schedule(images, batch, 1e-3, warmup=16, averaging=64)


def test_an_edit_changes_one_attribute_that_is_to_be_seen() -> None:
    changed = set()
    for seed in seeds(Split.TRAIN, 200):
        before, after = person(seed), edited(seed)
        different = [a.name for a in ATTRIBUTES if getattr(before, a.name) is not getattr(after, a.name)]
        assert len(different) == 1 and different[0] in visible(before)
        changed.add(different[0])
    assert changed == set(BY_NAME), "every attribute is edited now and then"


def test_targets_know_what_is_hidden(world: World) -> None:
    rows = np.arange(32)
    codes, known = vae.targets(blocks(vae.attribute_config()), world.labels(rows))
    for block, name in zip(blocks(vae.attribute_config()), BY_NAME, strict=True):
        for row in rows.tolist():
            who = person(int(world.seeds(rows)[row]))
            assert bool(known[row, block.slice].all()) == (name in visible(who))
            if name in visible(who):
                np.testing.assert_array_equal(codes[row, block.slice].numpy(), block.code(str(getattr(who, name))))


def test_the_vae_learns_is_cut_and_goes_on(world: World, edits: World, folder: Path) -> None:
    torch.manual_seed(0)
    first = vae.train(world, edits, folder / "vae", schedule(64))
    assert (folder / "vae" / "grid.png").stat().st_size > 1000
    state = json.loads((folder / "vae" / "progress.json").read_text())
    assert state["images"] == 64
    longer = vae.train(world, edits, folder / "vae", Schedule(640, 16, 2e-3, warmup=16, averaging=64))
    assert json.loads((folder / "vae" / "progress.json").read_text())["images"] == 640

    def error(model: object) -> float:
        images = pictures(world.images(np.arange(16)), torch.device("cpu"))
        with torch.no_grad():
            return float((model.decode(model.encode(images)[0]) - images).abs().mean())  # type: ignore[attr-defined]

    assert error(longer) < 0.9 * error(first)
    longer.save_pretrained(folder / "vae" / "model")
    again = vae.train(world, edits, folder / "vae-2", schedule(16), init_from=folder / "vae" / "model")
    assert error(again) < 0.9 * error(first), "it starts from the weights it was given"


def test_a_folder_of_another_recipe_is_refused(folder: Path, world: World, edits: World) -> None:
    if not (folder / "vae" / "progress.json").exists():
        vae.train(world, edits, folder / "vae", schedule(16))
    with pytest.raises(UserError, match="Choose another"):
        flow.train(Latents(torch.zeros(64, 64), torch.ones(64, 64)), folder / "vae", schedule(16), held_back=16)


def test_the_flow_learns_a_distribution(folder: Path) -> None:
    mean = torch.randn(512, 8) * torch.linspace(0.05, 1, 8)
    trained = flow.train(
        Latents(mean, torch.full((512, 8), 0.05)), folder / "flow", schedule(10_000, 256), held_back=64
    )
    plain = torch.distributions.Normal(0.0, 1.0).log_prob(mean).sum(1).mean()
    with torch.no_grad():
        assert float(trained.log_prob(mean).mean()) > float(plain) + 2


def test_a_larger_portrait_is_read_as_a_small_one() -> None:
    shipped = metrics.judge("avatar-judge", Path(__file__).parents[2] / "assets" / "models")
    people = [person(seed) for seed in seeds(Split.HELD_OUT, 24)]
    (small, true), (large, _) = metrics.drawn(people, shipped.size), metrics.drawn(people, 2 * shipped.size)
    assert large.shape[-1] == 2 * small.shape[-1]
    for pictures_ in (small, large):
        read = metrics.read(shipped, pictures_)
        assert (read.labels == true).mean() > 0.99 and read.valid.mean() > 0.9


def test_the_judge_learns_and_is_calibrated(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "KEPT_BACK", 32)
    trained = judge.train(world, folder / "judge", Schedule(1600, 32, 2e-3, warmup=32, averaging=64), "convolutional")
    rows = np.arange(64)
    labels, _ = trained.predict(pictures(world.images(rows), torch.device("cpu")))
    right = (labels.numpy() == world.labels(rows)).mean()
    assert right > 0.5, "far above chance, which is about a quarter"
    assert len(trained.temperatures) == len(ATTRIBUTES) and 0 < trained.threshold < 1


def test_the_two_parts_of_the_gan(world: World, folder: Path, edits: World, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(gan, "HEAD_START", 16)
    model = vae.train(world, edits, folder / "vae-gan", schedule(16))
    known = latents_of(model, world, 96, folder / "posteriors.safetensors")
    generator = AvatarGenerator(hidden=16, couplings=2, w_dim=16, widths=(16, 16, 12, 8))
    discriminator = AvatarDiscriminator(widths=(8, 8, 8, 8), hidden=16)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    gan.styles(generator, known, world, folder / "styles", schedule(32))
    moved = {name for name, value in generator.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and not any(name.startswith("mapping.prior") for name in moved)
    before = {name: value.clone() for name, value in discriminator.state_dict().items()}
    gan.game(generator, discriminator, known, world, folder / "game", schedule(48))
    weights = {name: value for name, value in discriminator.state_dict().items() if name.endswith("weight")}
    assert all(not torch.equal(value, before[name]) for name, value in weights.items())
    assert float(generator.w_mean.abs().max()) > 0, "truncation has a mean to draw to"
    assert torch.isfinite(generator(torch.randn(2, 64))).all()


def test_a_run_averages_and_resumes_exactly(tmp_path: Path) -> None:
    def fresh() -> tuple[Run, torch.nn.Linear, torch.optim.Optimizer]:
        layer = torch.nn.Linear(2, 2)
        optimiser = torch.optim.AdamW(layer.parameters(), 0.1)
        run = Run(tmp_path, {"layer": layer}, {"adam": optimiser}, schedule(32, 8), ("layer",), "a layer")
        return run, layer, optimiser

    run, layer, optimiser = fresh()

    def step(batch: int) -> dict[str, float]:
        optimiser.zero_grad()
        loss = (layer(torch.ones(1, 2)) - 3).square().sum()
        loss.backward()
        optimiser.step()
        return {"loss": loss.item()}

    run.train(step)
    average = {name: value.clone() for name, value in run.average("layer").items()}
    assert not torch.equal(average["weight"], layer.weight), "the average lags behind"
    again, layer_again, optimiser_again = fresh()
    torch.testing.assert_close(layer_again.weight, layer.weight)
    torch.testing.assert_close(again.average("layer")["weight"], average["weight"])
    assert again.seen == 32
    for old, new in zip(optimiser.state.values(), optimiser_again.state.values(), strict=True):
        torch.testing.assert_close(new["exp_avg_sq"], old["exp_avg_sq"])


def test_pictures_go_to_tensors_and_back() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8(pictures(images, torch.device("cpu"))), images)
    sheet = tiled(images, 3)
    assert sheet.shape == (16, 24, 3)
    np.testing.assert_array_equal(sheet[8:, 16:], images[5])


def test_kid_tells_the_same_from_another_distribution() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1500, 16))
    assert abs(metrics.kid(a, b)) < 5
    assert metrics.kid(a, b + 0.5) > 50


def test_an_even_path_has_evenness_one() -> None:
    line = np.linspace(0, 1, 9)[:, None] * np.ones((1, 5))
    assert metrics.evenness(line) == pytest.approx(1)
    line[4:] += 1
    assert metrics.evenness(line) > 3


def test_only_edits_with_one_true_answer_are_asked_for() -> None:
    rng = np.random.default_rng(0)
    asked = 0
    for seed in seeds(Split.HELD_OUT, 60):
        who = person(seed)
        for control in make_controls(blocks(vae.attribute_config())):
            found = vae_evaluation._edit(control, who, rng)
            if found is None:
                continue
            value, after = found
            asked += 1
            assert value == str(getattr(after, control.block.name)) != str(getattr(who, control.block.name))
            assert visible(after) <= visible(who)
    assert asked > 300


def test_a_card_is_written_between_its_marks_only(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{model_card.BEGIN}\nold\n{model_card.END}\nafter\n")
    text = model_card.markdown([model_card.Row("measure", model_card.percent(0.5), "1 %")], "a command")
    model_card.write(path, text)
    model_card.write(path, text)
    written = path.read_text()
    assert written.startswith("before\n") and written.endswith("after\n")
    assert "50.0 %" in written and "old" not in written and written.count(model_card.BEGIN) == 1
    path.write_text("no place")
    with pytest.raises(UserError, match="Add them"):
        model_card.write(path, text)
