"""A vision-language model on another server: what it is sent, what comes back, and every way that can go wrong."""

import base64
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from playground.errors import Cancelled, UserError
from playground.grounding import remote_connection
from playground.grounding.remote import MAX_SIDE, RemoteGrounding
from playground.grounding.types import Answer, Asked, Box, GroundingTask, PartialAnswer, Question, Turn
from tests.support.openai_server import Exchange, ScriptedServer, scripted_server
from tests.support.ports import free_port
from tests.tiny_models.grounding import Desk, catalogue, near, picture

SECRET = "sk-very-secret"
JSON = '[{"bbox_2d": [100, 200, 500, 600], "label": "the hat"}]'
BOX = Box(0.25, 0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture(scope="module")
def desk(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("remote")
    dead = f"http://127.0.0.1:{free_port()}"

    def entry(name: str, codec: str, url: str = server.url) -> dict[str, str]:
        remote = f'url = "{url}", model = "seer", key_variable = "TEST_SEER_KEY"'
        fields = f'codec = "{codec}", turns = true, max_new_tokens = [1, 50, 200]'
        return {"id": name, "family": "openai-vision", "remote": remote, "grounding": fields}

    made = Desk(
        folder,
        catalogue(
            folder / "models.toml",
            entry("thousandths", "qwen_rel1000"),
            entry("pixels", "qwen_abs"),
            entry("plain", "plain"),
            entry("dead", "plain", dead),
        ),
    )
    yield made
    made.close()


def saying(*parts: str, reason: str = "stop", tokens: int = 7) -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        for part in parts:
            exchange.say(part)
        exchange.finish(reason, usage={"completion_tokens": tokens})

    return script


def sent_picture(body: Any) -> Image.Image:
    (found,) = [
        part["image_url"]["url"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    head, _, data = found.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(BytesIO(base64.b64decode(data)))


def test_a_picture_goes_out_and_a_box_comes_back(
    desk: Desk, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SEER_KEY", SECRET)
    server.play(saying("Here: ", JSON[:12], JSON[12:]))
    asked, *words, answer = desk.ask("thousandths", GroundingTask.REFER, "the hat", image=picture(3000, 1500), seed=5)
    assert isinstance(asked, Asked) and asked.prompt.startswith("Locate the hat, report")
    assert all(isinstance(event, PartialAnswer) and "bbox" not in event.parsed.text for event in words)
    assert isinstance(answer, Answer) and answer.raw == "Here: " + JSON and answer.tokens == 7 and not answer.stopped
    (entity,) = answer.parsed.entities
    assert entity.phrase == "the hat" and near(entity.boxes[0], 0.1, 0.2, 0.5, 0.6)
    (request,) = server.asked
    assert request.path == "/v1/chat/completions" and request.headers["authorization"] == f"Bearer {SECRET}"
    body = request.body
    assert (body["model"], body["max_tokens"], body["temperature"], body["seed"]) == ("seer", 50, 0.0, 5)
    seen = sent_picture(body)
    assert seen.size == (MAX_SIDE, MAX_SIDE // 2) and seen.convert("RGB").crop((0, 0, 9, 9)).getextrema()[0] == (
        254,
        254,
    )
    assert body["messages"][0]["content"][1] == {"type": "text", "text": asked.prompt}


def test_the_answer_comes_while_it_is_written(desk: Desk, server: ScriptedServer) -> None:
    seen: list[str] = []

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("A ")
        until = time.monotonic() + 5
        while not seen and time.monotonic() < until:
            time.sleep(0.01)
        exchange.say("hat." if seen else "late.")
        exchange.finish()

    server.play(script)
    job = desk.service.answer("me", "plain", Question(GroundingTask.CAPTION, picture()))
    for event in job.events():
        if isinstance(event, PartialAnswer):
            seen.append(event.raw)
    assert seen == ["A ", "A hat."]


def test_earlier_turns_go_along_and_boxes_in_the_model_s_numbers(desk: Desk, server: ScriptedServer) -> None:
    server.play(saying("a person"))
    turns = (Turn("Locate the hat.", JSON),)
    desk.ask("pixels", GroundingTask.IDENTIFY, "Who is left of [r1]?", box=BOX, regions={"r1": BOX}, turns=turns)
    body = server.asked[0].body
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"] == JSON and len(body["messages"][0]["content"]) == 2
    width, height = sent_picture(body).size
    assert width % 28 == 0 and height % 28 == 0
    last = body["messages"][2]["content"][0]["text"]
    assert last.count(f"{width // 4}, 0, {width // 2}, {height}") == 2 and "[r1]" not in last


def test_a_cut_answer_half_a_box_and_nonsense_are_readings(desk: Desk, server: ScriptedServer) -> None:
    server.play(saying('A hat [{"bbox_2d": [100, 20', reason="length"))
    answer = desk.answer("thousandths", GroundingTask.REFER, "the hat")
    assert answer.stopped and answer.tokens == 50 and answer.parsed.entities == ()
    for said in (
        "",
        "no idea",
        '[{"bbox_2d": [9999, -4, "x", null]}]',
        "<script>alert(1)</script>" * 20,
        "\x00\ufffd",
    ):
        server.play(saying(said))
        answer = desk.answer("thousandths", GroundingTask.DETECT, "hats")
        assert answer.raw == said and isinstance(answer.parsed.text, str)


def test_a_server_that_writes_without_end_is_cut_off(
    desk: Desk, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_connection, "MAX_ANSWER", 1000)
    left: list[bool] = []

    def endless(exchange: Exchange) -> None:
        exchange.begin()
        try:
            while True:
                exchange.say("word " * 20)
        except OSError:
            left.append(True)
            raise

    server.play(endless)
    answer = desk.answer("plain", GroundingTask.CAPTION)
    assert answer.stopped and len(answer.raw) == 1000
    until = time.monotonic() + 5
    while not left and time.monotonic() < until:
        time.sleep(0.02)
    assert left


def test_fields_a_server_does_not_know_are_left_out_and_remembered(tmp_path: Path) -> None:
    with scripted_server() as server:
        remote = {"id": "old", "family": "openai-vision", "remote": f'url = "{server.url}/v1", model = "m"'}
        desk = Desk(tmp_path, catalogue(tmp_path / "models.toml", remote | {"grounding": 'codec = "plain"'}))
        server.play(
            lambda exchange: exchange.refuse(400, {"error": {"message": "Unknown parameter: seed"}}),
            lambda exchange: exchange.refuse(
                400, {"error": {"message": "'max_tokens' is not supported, use 'max_completion_tokens'"}}
            ),
            saying("fine"),
        )
        assert desk.answer("old", GroundingTask.CAPTION).raw == "fine"
        assert "seed" not in server.asked[2].body and server.asked[2].body["max_completion_tokens"] == 256
        server.play(saying("again"))
        assert desk.answer("old", GroundingTask.CAPTION).raw == "again" and "seed" not in server.asked[0].body
        desk.close()


def broken(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("A ")
    exchange.drop(reset=True)


def unfinished(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("A ")
    exchange.end()


def told_inside(exchange: Exchange) -> None:
    exchange.begin()
    exchange.event({"error": {"message": f"model crashed {SECRET}"}})


def page(exchange: Exchange) -> None:
    exchange.begin("text/html")
    exchange.raw(b"<html>Hello</html>")
    exchange.end()


def rubbish(exchange: Exchange) -> None:
    exchange.begin()
    exchange.event("{not json")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (broken, "broke off in the middle"),
        (unfinished, "broke off in the middle"),
        (told_inside, "model crashed …"),
        (page, "not with a chat stream"),
        (rubbish, "no chat completion chunk"),
        (lambda exchange: exchange.refuse(401, {"error": f"bad key {SECRET}"}), "refused the key"),
        (lambda exchange: exchange.refuse(404, {"error": "?"}), "no model “seer”"),
        (lambda exchange: exchange.refuse(400, {"error": "image input is not supported"}), "sees pictures"),
        (lambda exchange: exchange.refuse(413, "too big"), "smaller one"),
        (lambda exchange: exchange.refuse(429), "busy"),
        (lambda exchange: exchange.refuse(500, "<html>"), "failed"),
        (lambda exchange: exchange.refuse(302, location="http://elsewhere.example/"), "redirects to elsewhere"),
    ],
)
def test_every_failure_is_told_in_words(
    desk: Desk,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    script: Callable[[Exchange], None],
    said: str,
) -> None:
    monkeypatch.setenv("TEST_SEER_KEY", SECRET)
    server.play(script)
    with pytest.raises(UserError, match=said) as failed:
        desk.ask("plain", GroundingTask.CAPTION)
    assert "127.0.0.1" in str(failed.value) and SECRET not in str(failed.value)


def test_nobody_there_and_nobody_who_speaks(desk: Desk, server: ScriptedServer) -> None:
    with pytest.raises(UserError, match="Nothing answers at"):
        desk.ask("dead", GroundingTask.CAPTION)

    def mute(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("A ")
        exchange.disconnected(5)

    entry = desk.catalog.get("plain")
    assert entry.remote is not None
    desk.service._remotes["plain"] = RemoteGrounding(entry.remote, entry, between_seconds=0.2)
    server.play(mute)
    with pytest.raises(UserError, match=r"nothing for 0\.2 s"):
        desk.ask("plain", GroundingTask.CAPTION)
    del desk.service._remotes["plain"]


def test_stop_is_at_once_and_closes_the_connection(desk: Desk, server: ScriptedServer) -> None:
    gone: list[bool] = []

    def slow(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("A ")
        gone.append(exchange.disconnected(5))

    server.play(slow)
    job = desk.service.answer("me", "plain", Question(GroundingTask.CAPTION, picture()))
    stopped = 0.0
    with pytest.raises(Cancelled):
        for event in job.events():
            if isinstance(event, PartialAnswer) and not stopped:
                job.cancel()
                stopped = time.monotonic()
    assert time.monotonic() - stopped < 0.3 + 0.5  # slack for a busy machine
    assert job.ended.wait(5)
    until = time.monotonic() + 5
    while not gone and time.monotonic() < until:
        time.sleep(0.02)
    assert gone == [True]
