"""`/text_to_image` as a program meets it: a client, a server on loopback, a tiny random pipeline."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from playground.core import Playground
from playground.settings import Settings
from playground.text_to_image import infotext
from tabs.text_to_image.api import image_endpoints
from tests.support.ports import free_port
from tests.tiny_models.diffusion import catalogue

PROMPT = "a hat: 人"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("image-api")
    playground = Playground(Settings(offline=True, catalogs=(catalogue(folder, "drawn"),), cache=folder / "cache"))
    before = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "temp")
    with gr.Blocks(analytics_enabled=False) as page:
        image_endpoints(playground.images)
    page.queue()
    page.launch(server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False)
    yield page.local_url
    page.close()
    os.environ.pop("GRADIO_TEMP_DIR") if before is None else os.environ.update(GRADIO_TEMP_DIR=before)
    playground.close()


@pytest.fixture(scope="module")
def client(url: str) -> Client:
    return Client(url, verbose=False)


def draw(client: Client, *args: Any, **named: Any) -> tuple[list[Path], list[dict[str, Any]]]:
    asked = {"model": "drawn", "steps": 2} | named
    files, about = client.predict(*args, **asked, api_name="/text_to_image")
    return [Path(file if isinstance(file, str) else file["path"]) for file in files], about


def array(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_pictures_come_with_seed_settings_seconds_and_score(client: Client) -> None:
    files, about = draw(client, PROMPT, negative_prompt="a hat", guidance=4.0, seed=40, count=3, width=96)
    assert [one["seed"] for one in about] == [40, 41, 42] and len(files) == 3
    for path, one in zip(files, about, strict=True):
        assert set(one) == {"seed", "settings", "seconds", "clip_score", "scored_by", "notes"}
        assert one["settings"]["prompt"] == PROMPT and one["settings"]["guidance"] == 4.0
        assert one["seconds"] > 0 and one["clip_score"] is None and one["notes"] == []
        assert Image.open(path).size == (96, 64) and path.suffix == ".png"
        found = infotext.read(path)
        assert (found.settings.prompt, found.settings.seed, found.model) == (PROMPT, one["seed"], "drawn")


def test_picture_k_of_a_batch_is_the_single_one_of_its_seed(client: Client) -> None:
    batch, _ = draw(client, PROMPT, seed=7, count=2)
    single, _ = draw(client, PROMPT, seed=8)
    assert np.abs(array(batch[1]) - array(single[0])).max() <= 1
    assert np.abs(array(batch[0]) - array(single[0])).max() > 1


def test_what_goes_too_far_is_changed_and_said(client: Client) -> None:
    files, about = draw(client, PROMPT, steps=10_000, width=70, seed=-1, count=1)
    assert about[0]["settings"]["steps"] == 60 and about[0]["settings"]["width"] == 72
    assert about[0]["seed"] >= 0 and len(about[0]["notes"]) == 3
    assert Image.open(files[0]).size == (72, 64)
    _, about = draw(client, "a hat " * 200, seed=2**32 - 1, count=1)
    assert any("Not read" in note for note in about[0]["notes"])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"prompt": ""}, "empty"),
        ({"prompt": 7}, "text"),
        ({"prompt": "x", "seed": 2**70}, "A seed must be a whole number from 0"),
        ({"prompt": "x", "model": "nobody"}, "no model"),
        ({"prompt": "x", "model": "smollm2-135m"}, "makes no pictures"),
        ({"prompt": "x", "model": ["drawn"]}, "no model"),
        ({"prompt": "x", "steps": "many"}, "steps"),
        ({"prompt": "x", "steps": 2.5}, "whole"),
        ({"prompt": "x", "guidance": [1]}, "guidance"),
        ({"prompt": "x", "width": None}, "width"),
        ({"prompt": "x", "seed": "1"}, "seed"),
        ({"prompt": "x", "count": True}, "count"),
        ({"prompt": "x", "negative_prompt": {"a": 1}}, "negative_prompt"),
    ],
)
def test_what_cannot_be_is_told_in_words(client: Client, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(AppError, match=told):
        draw(client, **wrong)


def test_the_contract(client: Client) -> None:
    info = client.view_api(return_format="dict")
    assert isinstance(info, dict)
    parameters = info["named_endpoints"]["/text_to_image"]["parameters"]
    assert [one["parameter_name"] for one in parameters] == [
        "prompt", "model", "negative_prompt", "width", "height", "steps", "guidance", "seed", "count",
    ]  # fmt: skip
    assert [one["parameter_has_default"] for one in parameters] == [False, *[True] * 8]
