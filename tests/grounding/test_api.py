"""`/ground` as a program meets it: a client, a server on loopback, and a remote model that a test scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from playground.core import Playground
from playground.settings import Settings
from tabs.grounding.api import grounding_endpoint
from tests.support.openai_server import Exchange, ScriptedServer, scripted_server
from tests.support.ports import free_port
from tests.tiny_models.grounding import catalogue

ANSWER = "<p>a hat</p> {<10><20><50><60>}<delim>{<0><0><10><300>} on <p>somebody</p> {<5><5><20><90>}. <script>"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, server: ScriptedServer) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("grounding-api")
    where = {"family": "openai-vision", "remote": f'url = "{server.url}/v1", model = "m"'}
    path = catalogue(
        folder / "models.toml",
        {"id": "far", "grounding": 'codec = "minigpt_v2"', **where},
        {"id": "narrow", "grounding": 'codec = "minigpt_v2", asks = ["vqa"]', **where},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "temp"))
        playground = Playground(Settings(offline=True, catalogs=(path,), cache=folder / "cache"))
        with gr.Blocks(analytics_enabled=False) as page:
            grounding_endpoint(playground.grounding)
        page.queue().launch(
            server_name="127.0.0.1", server_port=free_port(), prevent_thread_lock=True, quiet=True, ssr_mode=False
        )
        yield Client(page.local_url, verbose=False)
        page.close()
        playground.close()


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph that lies on its side, as cameras save it: upright it is 30 wide and 40 high."""
    path = tmp_path_factory.mktemp("pictures") / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30), "teal").save(path, exif=exif)
    return path


def ground(client: Client, path: Path, *args: Any, **named: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.predict(handle_file(path), *args, **({"model": "far"} | named), api_name="/ground")
    return found


def says(words: str) -> Any:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        for place in range(0, len(words), 7):
            exchange.say(words[place : place + 7])
        exchange.finish()

    return script


def test_an_answer_with_its_boxes_as_plain_data(client: Client, server: ScriptedServer, turned: Path) -> None:
    server.play(says(ANSWER))
    found = ground(client, turned, "grounded_caption")
    assert set(found) == {"text", "entities", "raw", "prompt", "warnings"}
    assert found["text"] == "a hat on somebody. <script>" and found["raw"] == ANSWER and found["prompt"]
    hat, somebody = found["entities"]
    assert found["text"][slice(*hat["span"])] == hat["phrase"] == "a hat"
    assert hat["boxes"][0] == pytest.approx([0.1, 0.2, 0.5, 0.6], abs=0.01) and hat["score"] is None
    assert somebody["boxes"] == [pytest.approx([0.05, 0.05, 0.2, 0.9], abs=0.01)]
    assert found["warnings"], "a coordinate out of range is told"
    assert all(0 <= edge <= 1 for entity in found["entities"] for box in entity["boxes"] for edge in box)


def test_boxes_and_tags_go_in_both_ways(client: Client, server: ScriptedServer, turned: Path) -> None:
    server.play(says("a hat"))
    found = ground(client, turned, "identify", "what is this", [0.6, 0.5, 0.2, 0.1])
    assert "{<20><10><60><50>}" in found["prompt"] and found["text"] == "a hat"
    found = ground(client, turned, "chat", "[identify] what is this {<20><10><60><50>}")
    assert "{<20><10><60><50>}" in found["prompt"]
    server.play(says("{<20><10><60><50>}"))
    found = ground(client, turned, "refer", "the hat <p>")
    assert found["entities"][0]["phrase"] == "the hat ‹p›" and found["entities"][0]["span"] is None
    assert any("replaced" in warning for warning in found["warnings"])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"task": "sing"}, "no task"),
        ({"task": 7}, "words"),
        ({"task": "refer"}, "nothing to look for"),
        ({"task": "identify"}, "no box"),
        ({"task": "identify", "box": [0, 0, 0, 0]}, "no inside"),
        ({"task": "identify", "box": [10, 20, 300, 400]}, "pixels"),
        ({"task": "identify", "box": "all"}, "four numbers"),
        ({"text": {"a": 1}}, "words"),
        ({"text": "who?", "model": "nobody"}, "no model"),
        ({"text": "who?", "model": "smollm2-135m"}, "answers no questions"),
        ({"text": "who?", "task": "caption", "model": "narrow"}, "It can do: vqa"),
    ],
)
def test_what_cannot_be_is_told_in_words(client: Client, turned: Path, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(AppError, match=told):
        ground(client, turned, **wrong)


def test_files_that_are_no_pictures(client: Client, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no picture")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    for name, told in (("no.png", "not a picture"), ("dot.png", "nothing to see")):
        with pytest.raises(AppError, match=told):
            ground(client, tmp_path / name, "caption")
    with pytest.raises(AppError, match="picture file"):
        client.predict("/etc/passwd", "caption", "", None, "far", api_name="/ground")


def test_the_contract(client: Client) -> None:
    info = client.view_api(return_format="dict")
    assert isinstance(info, dict)
    parameters = info["named_endpoints"]["/ground"]["parameters"]
    assert [one["parameter_name"] for one in parameters] == ["image", "task", "text", "box", "model"]
    assert [one["parameter_has_default"] for one in parameters] == [False, *[True] * 4]
