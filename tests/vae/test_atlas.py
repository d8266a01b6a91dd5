"""The atlas: made by its recipe of a small rendered world and tiny random models, read by the service."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from playground.avatars.flow import AvatarFlow
from playground.core import Playground
from playground.drawn_world.attributes import ATTRIBUTES
from playground.drawn_world.sampling import Split
from playground.errors import UserError
from playground.imaging import uploads
from playground.settings import Settings
from playground.training import dataset, shards
from playground.training.dataset import World
from playground.training.recipes.atlas import make_atlas
from playground.training.recipes.self_organizing_map import laid_out, spread_over
from playground.vae import atlas
from playground.vae.service import VaeService
from tests.tiny_models.avatars import tiny_catalog, tiny_family, tiny_flow

VAE = "avatar-vae"
COUNT = 90


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("atlas")


@pytest.fixture(scope="module")
def world(folder: Path) -> World:
    shards.render(folder / "world", shards.Plan("natural", Split.TRAIN, COUNT, 64), processes=1, progress=False)
    return dataset.read(folder / "world")


@pytest.fixture(scope="module")
def models(folder: Path, world: World) -> dict[str, Path]:
    found = tiny_family(folder)
    make_atlas(
        found[VAE], found["avatar-flow"], found["avatar-judge"], world, held_out=20, probes=3, effort=0, progress=False
    )
    return found


@pytest.fixture(scope="module")
def service(folder: Path, models: dict[str, Path]) -> Iterator[VaeService]:
    catalogue = tiny_catalog(folder / "own.toml", models)
    made = Playground(Settings(offline=True, catalogs=(catalogue,), cache=folder / "cache"))
    yield made.vae
    made.close()


@pytest.fixture(scope="module")
def made(service: VaeService) -> atlas.Atlas:
    return service.atlas(VAE)


def test_it_holds_the_portraits_as_they_were_drawn(made: atlas.Atlas, world: World) -> None:
    rows = np.array([0, 63, 64, COUNT - 1])
    for portrait, original in zip(made.portraits(rows), world.images(rows), strict=True):
        assert np.array_equal(portrait, original)
    assert np.array_equal(made.labels, world.labels(np.arange(COUNT)))
    assert made.names == tuple(attribute.name for attribute in ATTRIBUTES)
    described = made.attributes_of(3)
    assert described["skin"] == str(ATTRIBUTES[0].values[world.labels(np.array([3]))[0, 0]])
    first = world.images(made.shown[:1])[0].astype(float)
    assert np.abs(made.thumbnails[0] - first.reshape(32, 2, 32, 2, 3).mean((1, 3))).max() <= 0.5


def test_its_latents_are_what_the_model_encodes(made: atlas.Atlas, service: VaeService, world: World) -> None:
    found = service.encode(VAE, uploads.from_array(world.images(np.array([5]))[0]))
    assert np.allclose(made.latents[5], found.latent, rtol=2e-3, atol=1e-4)  # half precision
    assert made.spread == pytest.approx(made.latents.std(0), abs=1e-5)


def test_every_place_of_the_map_shows_something(made: atlas.Atlas, service: VaeService) -> None:
    assert made.points.min() > 0 and made.points.max() < 1
    assert len({tuple(point) for point in made.points.tolist()}) == COUNT
    assert len(made.shown) == 81 and len(set(made.shown.tolist())) == 81
    for row in (0, 17, 89):
        x, y = made.points[row].tolist()
        assert np.allclose(service.latent_at(VAE, x, y), made.latents[row], atol=1e-3)
        assert not np.allclose(service.latent_at(VAE, min(1, x + 0.1), y), made.latents[row], atol=1e-3)
    for x, y in ((0, 0), (1, 1), (0.3, 1)):
        assert np.isfinite(service.latent_at(VAE, x, y)).all()
    for wrong in (-0.1, 1.1, float("nan"), True, "0.5"):
        with pytest.raises(UserError, match="0 to 1"):
            service.latent_at(VAE, wrong, 0.5)  # type: ignore[arg-type]


def test_neighbours_on_the_map_look_alike() -> None:
    rng = np.random.default_rng(0)
    colours = rng.uniform(30, 225, (400, 1, 1, 3)) + rng.normal(0, 4, (400, 32, 32, 3))
    images = colours.clip(0, 255).astype(np.uint8)
    points = laid_out(images)
    assert np.array_equal(points, laid_out(images))
    means = images.mean((1, 2))
    away = np.linalg.norm(means[:, None] - means[None], axis=-1)
    squares = ((points[:, None] - points[None]) ** 2).sum(-1) + 9 * np.eye(400)
    assert away[np.arange(400), squares.argmin(1)].mean() < 0.4 * away.mean()
    shown = spread_over(points, most=10).reshape(10, 10)
    assert points[shown[:, 0], 0].max() < points[shown[:, -1], 0].min()  # columns go from left to right
    assert points[shown[0], 1].max() < points[shown[-1], 1].min()


def test_the_nearest_portrait_of_a_portrait_is_itself(made: atlas.Atlas, service: VaeService, world: World) -> None:
    found = service.nearest(VAE, made.latents[40], 3)
    assert np.array_equal(np.asarray(found[0]), world.images(np.array([40]))[0])
    away = np.linalg.norm(made.latents[made.nearest(made.latents[40], 3)] - made.latents[40], axis=1)
    assert away.tolist() == sorted(away) and away[0] == 0


def test_dimensions_come_with_what_they_change(made: atlas.Atlas, service: VaeService) -> None:
    found = service.dimensions(VAE)
    assert sorted(dimension.index for dimension in found) == list(range(64))
    assert [dimension.kl for dimension in found] == sorted((dimension.kl for dimension in found), reverse=True)
    for dimension in found:
        changes = dict(dimension.changes)
        assert set(changes) == set(made.names) and all(0 <= change <= 1 for change in changes.values())
        assert list(changes.values()) == sorted(changes.values(), reverse=True)
    assert max(change for dimension in found for _, change in dimension.changes) > 0


def test_typicality_is_the_flows(made: atlas.Atlas, service: VaeService, models: dict[str, Path]) -> None:
    flow = AvatarFlow.from_pretrained(models["avatar-flow"]).eval()
    z = made.latents[1]
    with torch.no_grad():
        exact = float(flow.log_prob(torch.from_numpy(z)[None])[0])
    found = service.typicality(VAE, z)
    assert found.log_prob == pytest.approx(exact, abs=1e-3)
    assert found.bits_per_dim == pytest.approx(-exact / 64 / np.log(2), abs=1e-4)
    assert service.typicality(VAE, z + 15).percentile == 0
    assert np.all(np.diff(made.log_prob) >= 0) and np.all(np.diff(made.psnr) >= 0)
    assert made.percentile(float(made.log_prob[50])) == pytest.approx(0.5, abs=0.02)
    middle = service.pull_back(VAE, z, 1)
    assert service.typicality(VAE, middle).log_prob > service.typicality(VAE, z + 3).log_prob


def test_a_picture_counts_as_of_this_world_by_how_it_comes_back(made: atlas.Atlas, service: VaeService) -> None:
    usual, rare = float(made.log_prob[50]), float(made.log_prob[0]) - 1
    assert made.in_distribution(float(made.psnr[1]) + 0.1, usual)
    assert not made.in_distribution(float(made.psnr[1]) - 0.1, usual)
    assert not made.in_distribution(99, rare)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    found = service.encode(VAE, uploads.from_array(noise))
    assert found.typicality is not None
    assert found.in_distribution == made.in_distribution(found.psnr, found.typicality.log_prob)


def test_an_atlas_of_another_model_is_refused(models: dict[str, Path], made: atlas.Atlas, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another model"):
        atlas.read_atlas(models[VAE], 32)
    with pytest.raises(UserError, match="no atlas"):
        atlas.read_atlas(tmp_path, 64)
    for wrong in (
        replace(made, points=made.points[:5]),
        replace(made, shown=made.shown + COUNT),
        replace(made, kl=made.kl[:3]),
        replace(made, psnr=made.psnr[:9]),
    ):
        atlas.write_atlas(tmp_path, wrong)
        with pytest.raises(UserError, match="another model"):
            atlas.read_atlas(tmp_path, 64)
    (tmp_path / atlas.FILE).write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    with pytest.raises(UserError, match="cannot be read"):
        atlas.read_atlas(tmp_path, 64)


def test_models_that_do_not_belong_together_make_no_atlas(
    models: dict[str, Path], world: World, tmp_path: Path
) -> None:
    shutil.copytree(models[VAE], tmp_path / "vae")
    with pytest.raises(UserError, match="belong together"):
        make_atlas(tmp_path / "vae", tiny_flow(tmp_path / "flow", width=32), models["avatar-judge"], world)
    other = replace(world, plan=replace(world.plan, split=Split.JUDGE))
    with pytest.raises(UserError, match="natural people"):
        make_atlas(tmp_path / "vae", models["avatar-flow"], models["avatar-judge"], other)
