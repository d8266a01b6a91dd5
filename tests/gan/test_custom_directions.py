"""A user's own generator through a catalogue file: of another size than judge and VAE, or refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from playground.catalog import read_catalog
from playground.core import Playground
from playground.errors import UserError
from playground.gan import validation
from playground.gan.edit_state import EditState
from playground.runtime.task import Phase
from playground.settings import Settings
from tests.tiny_models.avatars import tiny_catalog, tiny_generator, tiny_judge
from tests.tiny_models.gan import GAN, SMALL, gan_playground


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    made = gan_playground(tmp_path_factory.mktemp("own"))
    yield made
    made.close()


def test_a_generator_of_ones_own_does_all_that_the_embedded_one_does(playground: Playground) -> None:
    gan = playground.gan
    entry = playground.catalog.get(SMALL)
    assert (entry.tab, entry.family) == ("gan", "avatar-gan")
    known = gan.config(SMALL)
    assert (known.size, known.resolutions) == (32, (4, 8, 8, 16, 16))
    (sample,) = gan.samples(SMALL, "3", 0.7, judged=True)
    assert sample.picture.size == (32, 32)
    assert sample.realness is not None
    assert gan.frame(EditState(SMALL, 3)).style.shape == (5, 16)
    assert len(gan.nearest(EditState(SMALL, 3), 2)) == 2, "judge and VAE look at it at their size"
    last = [e for e in gan.project("v", SMALL, gan.samples(GAN, "1")[0].picture, 3).events() if e][-1]
    assert not isinstance(last, Phase)
    assert last.picture.size == (32, 32)
    counted = [e for e in gan.histogram("v", SMALL, 8).events() if e][-1]
    assert not isinstance(counted, Phase)
    assert counted.count == 8
    with pytest.raises(UserError, match="5 layers of 16 numbers"):
        validation.style(gan.frame(EditState(GAN, 3)).style, known.layers, known.w_dim)


def one(tmp_path: Path, folder: Path) -> Playground:
    path = tiny_catalog(tmp_path / "own.toml", {GAN: folder})
    return Playground(Settings(offline=True, catalogs=(path,), cache=tmp_path / "cache"))


@pytest.mark.parametrize("name", ["network-snapshot.pkl", "pytorch_model.bin", "generator.pth"])
@pytest.mark.parametrize("direct", [False, True])
def test_a_pickle_is_refused_with_the_reason(tmp_path: Path, name: str, direct: bool) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    torch.save({"w": torch.zeros(2)}, folder / name)
    (folder / "config.json").write_text("{}")
    made = one(tmp_path, folder / name if direct else folder)
    try:
        for ask in (made.gan.config, lambda id_: made.gan.samples(id_, "1")):
            with pytest.raises(UserError, match=r"pickle.*can run") as told:
                ask(GAN)
            assert "safetensors" in str(told.value), "and what to do"
    finally:
        made.close()


def test_a_folder_of_another_network_is_refused(tmp_path: Path) -> None:
    made = one(tmp_path, tiny_judge(tmp_path / "judge"))
    try:
        for ask in (made.gan.config, lambda id_: made.gan.samples(id_, "1")):
            with pytest.raises(UserError, match="avatar-gan"):
                ask(GAN)
    finally:
        made.close()


def test_a_config_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    folder = tiny_generator(tmp_path / "odd")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "size": 128}))
    made = one(tmp_path, folder)
    try:
        with pytest.raises(UserError, match=r"config\.json"):
            made.gan.config(GAN)
        with pytest.raises(UserError, match=r"config\.json"):
            made.gan.samples(GAN, "1")
    finally:
        made.close()


def test_a_generator_without_a_discriminator_draws_and_says_what_it_lacks(tmp_path: Path) -> None:
    folder = tiny_generator(tmp_path / "alone")
    for file in (folder / "discriminator").iterdir():
        file.unlink()
    (folder / "discriminator").rmdir()
    made = one(tmp_path, folder)
    try:
        assert np.asarray(made.gan.samples(GAN, "1")[0].picture).shape == (64, 64, 3)
        with pytest.raises(UserError, match="came without its discriminator"):
            made.gan.samples(GAN, "1", judged=True)
    finally:
        made.close()


def test_a_gan_entry_of_another_family_is_refused(tmp_path: Path) -> None:
    path = tiny_catalog(tmp_path / "own.toml", {GAN: tiny_generator(tmp_path / "gan")})
    path.write_text(path.read_text().replace('family = "avatar-gan"', 'family = "stylegan3"'))
    with pytest.raises(UserError, match=r"avatar-gan.*family"):
        read_catalog(path)
    text = path.read_text().replace('family = "stylegan3"', 'family = "avatar-judge"')
    path.write_text(text.replace('tab = "gan"', 'tab = "companion"'))
    made = Playground(Settings(offline=True, catalogs=(path,), cache=tmp_path / "cache"))
    try:
        with pytest.raises(UserError, match="not a GAN"):
            made.gan.config(GAN)
    finally:
        made.close()
