"""`/vae_encode` and `/vae_decode` as a program meets them: a client, a server on loopback, tiny random models."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from playground.core import Playground
from playground.settings import Settings
from tabs.vae.api import vae_endpoints
from tests.support.ports import free_port
from tests.tiny_models.avatars import tiny_catalog, tiny_family, tiny_vae


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("api")
    models = tiny_family(folder) | {"other": tiny_vae(folder / "other", seed=9)}
    catalogue = tiny_catalog(folder / "own.toml", models, {"other": "avatar-vae"})
    made = Playground(Settings(offline=True, catalogs=(catalogue,), cache=folder / "cache"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(playground: Playground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    before = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("temp"))
    with gr.Blocks(analytics_enabled=False) as page:
        vae_endpoints(playground)
    page.queue()
    page.launch(server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False)
    yield page.local_url
    page.close()
    os.environ.pop("GRADIO_TEMP_DIR") if before is None else os.environ.update(GRADIO_TEMP_DIR=before)


@pytest.fixture(scope="module")
def client(url: str) -> Client:
    return Client(url, verbose=False)


def decode(client: Client, *args: Any, **named: Any) -> np.ndarray:
    found = client.predict(*args, **named, api_name="/vae_decode")
    return np.asarray(Image.open(found if isinstance(found, str) else found["path"]).convert("RGB"))


def test_a_picture_goes_in_and_comes_back(client: Client, playground: Playground, tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8))
    picture.save(tmp_path / "mine.png")
    found, path = client.predict(handle_file(tmp_path / "mine.png"), api_name="/vae_encode")
    wanted = playground.vae.encode("avatar-vae", picture)
    assert found["latent"] == pytest.approx(wanted.latent.tolist(), abs=1e-4)
    assert found["psnr"] == pytest.approx(wanted.psnr, abs=0.01)
    assert set(found["attributes"]) == {control.name for control in playground.vae.controls("avatar-vae")}
    assert found["crop"] == [16, 0, 64, 64] and found["typicality"] is None
    back = Image.open(path)
    assert (
        np.array_equal(np.asarray(back), np.asarray(wanted.reconstruction)) and "avatar-vae" in back.info["parameters"]
    )
    # what encoding gives, decoding takes
    again = decode(client, found["latent"]).astype(int)
    assert np.abs(again - np.asarray(wanted.reconstruction)).max() <= 2
    moved = decode(client, found["latent"], {"skin": 4, "glasses": "round glasses"})
    z = playground.vae.edit_latent("avatar-vae", found["latent"], {"skin": 4, "glasses": "round glasses"})
    assert np.array_equal(moved, np.asarray(playground.vae.render("avatar-vae", z)))
    assert not np.array_equal(moved, again)


def test_all_that_was_encoded_can_be_sent_back(client: Client, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "olive").save(tmp_path / "mine.jpg")
    found, _ = client.predict(handle_file(tmp_path / "mine.jpg"), api_name="/vae_encode")
    assert decode(client, found["latent"], found["attributes"]).shape == (64, 64, 3)


def test_without_a_latent_the_seed_decides(client: Client) -> None:
    first = decode(client, seed=5)
    assert np.array_equal(first, decode(client, None, {}, seed=5))
    assert not np.array_equal(first, decode(client))
    assert not np.array_equal(first, decode(client, seed=5, model="other"))


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"latent": [0.0] * 63}, "64 numbers"), ({"latent": [[0.0] * 64]}, "64 numbers"),
        ({"latent": "x"}, "64 numbers"), ({"latent": {"a": 1}}, "64 numbers"),
        ({"latent": [None] * 64}, "something else"),
        ({"latent": [1e30] + [0.0] * 63}, "between -20 and 20"), ({"attributes": {"nose": 1}}, "no control"),
        ({"attributes": {"glasses": "monocle"}}, "round glasses"), ({"attributes": {"skin": 9}}, "0 to 4"),
        ({"attributes": {"skin": [1]}}, "number"), ({"attributes": [1]}, "object"), ({"attributes": "skin"}, "object"),
        ({"seed": 1.5}, "whole number"), ({"seed": -1}, "whole number"), ({"seed": 2**32}, "whole number"),
        ({"seed": "1"}, "whole number"), ({"seed": True}, "whole number"), ({"model": "nobody"}, "nobody"),
        ({"model": "avatar-gan"}, "no named controls"), ({"model": 3}, "id of a model"),
        ({"model": ["x"]}, "id of a model"), ({"latent": [0.0] * 64, "seed": -1}, "whole number"),
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_is_refused_in_words(client: Client, named: dict[str, Any], words: str) -> None:
    with pytest.raises(AppError, match=words):
        decode(client, **named)


def test_numbers_that_json_has_not_are_refused(url: str) -> None:
    """A client of Python's own cannot send them; whoever writes the request by hand can."""
    for number in ("NaN", "Infinity", "1e999"):
        data = f'{{"data": [[{number}{", 0" * 63}], null, "avatar-vae", 0]}}'
        headers = {"content-type": "application/json"}
        sent = httpx.post(f"{url}gradio_api/call/vae_decode", content=data, headers=headers, trust_env=False)
        if sent.is_success:
            event = sent.json()["event_id"]
            answer = httpx.get(f"{url}gradio_api/call/vae_decode/{event}", trust_env=False, timeout=20).text
            assert "event: error" in answer and "event: complete" not in answer
        else:
            assert sent.is_client_error


def test_what_is_no_picture_is_refused_in_words(client: Client, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("This is not a picture.")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:60])
    for name, words in (
        ("words.png", "not a picture"),
        ("dot.png", "at least 8"),
        ("cut.png", "damaged|not a picture"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(handle_file(tmp_path / name), api_name="/vae_encode")
    for wrong in (None, "text", 3, ["x"], {"path": "/etc/hostname"}):
        with pytest.raises(AppError, match="picture file"):
            client.predict(wrong, api_name="/vae_encode")


def test_no_file_of_the_server_can_be_named(url: str, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "private.png")
    for mark in ({"_type": "gradio.FileData"}, {"_type": "other"}, None):
        image = {"path": str(tmp_path / "private.png"), "meta": mark}
        sent = httpx.post(f"{url}gradio_api/call/vae_encode", json={"data": [image, "avatar-vae"]}, trust_env=False)
        event = sent.json()["event_id"]
        answer = httpx.get(f"{url}gradio_api/call/vae_encode/{event}", trust_env=False, timeout=20).text
        assert "event: error" in answer and "latent" not in answer


def test_the_schema_names_types_and_defaults(client: Client) -> None:
    described = client.view_api(return_format="dict")
    assert isinstance(described, dict)
    encode, decode_ = (described["named_endpoints"][name]["parameters"] for name in ("/vae_encode", "/vae_decode"))
    assert [(p["parameter_name"], p["parameter_has_default"]) for p in encode] == [("image", False), ("model", True)]
    assert [p["parameter_name"] for p in decode_] == ["latent", "attributes", "model", "seed"]
    assert all(p["parameter_has_default"] for p in decode_)
    assert [p["python_type"]["type"] for p in (encode[0], decode_[2], decode_[3])] == ["filepath", "str", "int"]
