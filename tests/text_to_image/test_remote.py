"""Pictures from another server: a real one on loopback, on good days and on bad ones."""

import base64
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from playground.catalog import Entry, Remote
from playground.errors import Cancelled, UserError
from playground.runtime.task import Task
from playground.runtime.worker import Worker
from playground.text_to_image import remote as remote_engine
from playground.text_to_image.options import ImageOptions
from playground.text_to_image.remote import RemoteImages
from playground.text_to_image.types import Done, ImageEvent, ImageRequest, Picture, Started
from tests.support.openai_server import Exchange, ScriptedServer, scripted_server
from tests.support.ports import free_port

KEY = "sk-very-secret-0123456789"
WISH = ImageRequest("a red fox", "blurry", 64, 32, 4, 2.5, seed=2**32 - 3, count=1, written="fox")


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def far(server: ScriptedServer) -> RemoteImages:
    """One engine for all tests that neither set it up otherwise nor leave something behind in it."""
    return engine(server.url)


def engine(url: str, key_variable: str = "", **options: float) -> RemoteImages:
    remote = Remote(url=url, model="m/flux", key_variable=key_variable)
    entry = Entry(
        id="far",
        tab="image",
        label="Far away",
        family="openai-images",
        licence="?",
        remote=remote,
        options=ImageOptions(),
    )
    return RemoteImages(remote, entry, **options)


def ask(images: RemoteImages, request: ImageRequest = WISH) -> list[ImageEvent]:
    return list(images.generate(request, Task()))


def failure(images: RemoteImages, request: ImageRequest = WISH) -> tuple[str, list[ImageEvent]]:
    events: list[ImageEvent] = []
    with pytest.raises(UserError) as caught:
        events.extend(images.generate(request, Task()))  # keeps what came before the error
    return str(caught.value), events


def coded(colour: tuple[int, int, int] = (9, 200, 30), size: tuple[int, int] = (64, 32), form: str = "PNG") -> str:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, form)
    return base64.b64encode(buffer.getvalue()).decode()


def gives(**data: object) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.refuse(200, {"created": 1, "data": [data]})


def refusal(status: int, body: object = None, **headers: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.refuse(status, body, **headers)


fine = gives(b64_json=coded())


# What is asked, and what comes


def test_the_request_says_all_there_is_to_say(server: ScriptedServer, far: RemoteImages) -> None:
    server.play(fine)
    started, picture, done = ask(far)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/images/generations")
    assert "authorization" not in asked.headers
    assert asked.body == {
        "model": "m/flux", "prompt": "a red fox", "negative_prompt": "blurry", "n": 1, "size": "64x32",
        "seed": 2**32 - 3, "num_inference_steps": 4, "guidance_scale": 2.5, "response_format": "b64_json",
        "output_format": "png", "generator_device": "cpu",
    }  # fmt: skip
    assert isinstance(started, Started) and isinstance(picture, Picture) and isinstance(done, Done)
    assert started.notes == () and started.settings == picture.settings
    said = picture.settings
    assert (said.model, said.seed, said.steps, said.guidance, said.written) == ("far", 2**32 - 3, 4, 2.5, "fox")
    assert (said.negative_prompt, said.width, said.height) == ("blurry", 64, 32)
    assert picture.image.mode == "RGB" and picture.image.getpixel((3, 3)) == (9, 200, 30)
    assert 0 <= picture.seconds <= done.seconds


def test_what_is_left_to_the_model_is_left_out(server: ScriptedServer, far: RemoteImages) -> None:
    server.play(gives(b64_json=coded(size=(40, 24))))
    _, picture, _ = ask(far, ImageRequest("a fox"))
    assert not {"size", "num_inference_steps", "guidance_scale", "negative_prompt"} & server.asked[0].body.keys()
    assert isinstance(picture, Picture)
    assert (picture.settings.width, picture.settings.height) == (40, 24), "the size is that of the picture"
    assert (picture.settings.steps, picture.settings.guidance) == (0, 0.0)


def test_every_picture_of_a_batch_has_its_own_seed_and_request(server: ScriptedServer, far: RemoteImages) -> None:
    server.play(lambda exchange: gives(b64_json=coded((exchange.asked.body["seed"], 1, 1)))(exchange))
    events = ask(far, ImageRequest("a fox", seed=7, count=3))
    assert [asked.body["seed"] for asked in server.asked] == [7, 8, 9]
    pictures = [event for event in events if isinstance(event, Picture)]
    assert [(p.index, p.settings.seed, p.image.getpixel((0, 0))) for p in pictures] == [
        (index, 7 + index, (7 + index, 1, 1)) for index in range(3)
    ]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_pictures_of_every_form(server: ScriptedServer, far: RemoteImages, form: str) -> None:
    server.play(gives(b64_json=None, url=f"data:image/{form.lower()};base64," + coded(form=form)))
    assert isinstance(ask(far)[1], Picture)


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("", "/v1/images/generations"),
        ("/v1/", "/v1/images/generations"),
        ("/v1/images/generations", "/v1/images/generations"),
        ("/api/v3", "/api/v3/images/generations"),
    ],
)
def test_the_url_may_end_in_v1_or_not(server: ScriptedServer, suffix: str, path: str) -> None:
    server.play(fine)
    ask(engine(server.url + suffix))
    assert server.asked[0].path == path


@pytest.mark.parametrize("url", ["http://", "http://host:port/v1", "https:///v1"])
def test_a_url_without_a_host_is_refused_at_once(url: str) -> None:
    with pytest.raises(UserError, match="`url` in the catalogue"):
        engine(url)


def test_the_key_comes_from_the_environment(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.play(fine)
    monkeypatch.setenv("FAR_KEY", KEY)
    ask(engine(server.url, "FAR_KEY"))
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_picture_to_begin_from_cannot_be_sent(server: ScriptedServer, far: RemoteImages) -> None:
    server.play(fine)
    said, _ = failure(far, ImageRequest("a fox", start=Image.new("RGB", (8, 8))))
    assert "words alone" in said and not server.asked


# Fields a server does not know


def test_fields_refused_by_name_are_left_out_told_and_remembered(server: ScriptedServer) -> None:
    images = engine(server.url)
    server.play(
        refusal(400, {"error": {"message": "Unknown parameter: 'guidance_scale'."}}),
        refusal(
            422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not"}]}
        ),
        fine,
    )
    events = ask(images, ImageRequest("a fox", steps=4, guidance=3.0, seed=5))
    first, again, picture, _ = events
    assert isinstance(first, Started) and isinstance(again, Started) and isinstance(picture, Picture)
    assert first.notes == () and "guidance" in again.notes[0] and "the seed" in again.notes[0]
    assert picture.settings.guidance == 0.0 and picture.settings.steps == 4
    assert [{"guidance_scale", "seed"} & asked.body.keys() for asked in server.asked] == [
        {"guidance_scale", "seed"}, {"seed"}, set(),
    ]  # fmt: skip
    server.play(fine)
    events = ask(images, ImageRequest("a fox", guidance=3.0, seed=5))
    assert len(server.asked) == 1 and len(events) == 3, "asked once, told once"
    assert isinstance(events[0], Started) and "guidance" in events[0].notes[0]


def test_a_value_refused_is_not_a_field_refused(server: ScriptedServer, far: RemoteImages) -> None:
    server.play(refusal(400, {"error": {"message": "num_inference_steps must be at most 3"}}), fine)
    said, _ = failure(far)
    assert "num_inference_steps must be at most 3" in said and "Change the prompt or the settings" in said
    ask(far)
    assert "num_inference_steps" in server.asked[-1].body


def test_a_field_that_cannot_be_left_out_ends_it(server: ScriptedServer, far: RemoteImages) -> None:
    server.play(refusal(400, {"error": {"message": "Unknown parameter: 'prompt'."}}))
    assert "Unknown parameter" in failure(far)[0]
    assert len(server.asked) == 1


def test_a_server_that_always_names_another_field_is_given_up(server: ScriptedServer) -> None:
    server.play(lambda exchange: exchange.refuse(400, {"error": f"unknown field: {list(exchange.asked.body)[-1]}"}))
    assert "refused the request" in failure(engine(server.url))[0]
    assert len(server.asked) <= 1 + len(remote_engine.OPTIONAL)


# Bad days


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (refusal(401, {"error": "no"}), "wants a key (HTTP 401)"),
        (refusal(403), "wants a key (HTTP 403)"),
        (refusal(404, {"error": {"message": "The model `m/flux` does not exist"}}), "no model “m/flux”"),
        (refusal(400, {"error": {"message": "prompt violates policy"}}), "prompt violates policy"),
        (refusal(413), "HTTP 413"),
        (refusal(429), "busy"),
        (refusal(500, "<html>oops</html>", content_type="text/html"), "failed (HTTP 500)."),
        (refusal(503, {"detail": "loading"}), "failed (HTTP 503): loading"),
        (refusal(302, None, location="http://elsewhere.example/"), "redirects to elsewhere.example"),
        (refusal(200, "<html>"), "not with JSON"),
        (refusal(200, "[" * 100_000), "not with JSON"),
        (refusal(200, '{"data": [{"b64_js'), "not with JSON"),
        (refusal(200, {"data": []}), "without a picture"),
        (refusal(200, {"data": [7]}), "without a picture"),
        (refusal(200, []), "without a picture"),
        (gives(b64_json=""), "without a picture"),
        (gives(b64_json={"a": 1}), "without a picture"),
        (gives(url="http://169.254.169.254/latest"), "not followed"),
        (gives(b64_json="%%%"), "base64 is damaged"),
        (gives(b64_json=coded()[:-7]), "base64 is damaged"),
        (gives(b64_json="猫"), "not a whole PNG"),
        (gives(b64_json=base64.b64encode(b"MZ\x90\x00 not a picture").decode()), "not a whole PNG"),
        (gives(b64_json=base64.b64encode(base64.b64decode(coded())[:60]).decode()), "not a whole PNG"),
        (gives(b64_json=coded(form="TIFF")), "not a whole PNG"),
        (gives(b64_json=coded((0, 0, 0))), "all black"),
        (lambda exchange: exchange.drop(), "closed the connection"),
        (lambda exchange: exchange.drop(reset=True), "closed the connection"),
    ],
)
def test_what_goes_wrong_is_said_and_the_next_picture_works(
    server: ScriptedServer, far: RemoteImages, script: Callable[[Exchange], None], words: str
) -> None:
    server.play(script)
    said, events = failure(far)
    assert words in said and "127.0.0.1" in said and said.endswith(".")
    assert [type(event) for event in events] == [Started]
    server.play(fine)
    assert isinstance(ask(far)[-1], Done)


def test_a_picture_too_large_is_not_decoded(server: ScriptedServer, far: RemoteImages) -> None:
    header = bytearray(base64.b64decode(coded()))
    header[16:24] = (9_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    server.play(gives(b64_json=base64.b64encode(bytes(header)).decode()))
    assert "9000 × 9000" in failure(far)[0]


def test_a_connection_cut_in_the_middle(server: ScriptedServer, far: RemoteImages) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin("application/json")
        exchange.raw(b'{"data": [{"b64_json": "iVBOR')
        exchange.drop()

    server.play(script)
    assert "broke off in the middle" in failure(far)[0]


def test_finished_pictures_of_a_batch_stay_when_the_next_fails(server: ScriptedServer, far: RemoteImages) -> None:
    server.play(fine, refusal(500))
    said, events = failure(far, ImageRequest("a fox", count=3))
    assert "HTTP 500" in said
    assert [type(event) for event in events] == [Started, Picture]


def test_an_answer_without_end_is_cut_off(
    server: ScriptedServer, far: RemoteImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_engine, "MOST_ANSWER", 1_000_000)
    cut = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.begin("application/json")
        try:
            while True:
                exchange.raw(b"A" * 65_536)
        except OSError:
            cut.set()
            raise

    server.play(script)
    assert "sent more than 1 MB" in failure(far)[0]
    assert cut.wait(5)


def test_a_refusal_without_end_is_cut_off(server: ScriptedServer, far: RemoteImages) -> None:
    def script(exchange: Exchange) -> None:
        exchange._handler.send_response(500)
        exchange._handler.send_header("content-length", str(10**9))
        exchange._handler.end_headers()
        while True:
            exchange._handler.wfile.write(b"A" * 65_536)

    server.play(script)
    assert "HTTP 500" in failure(far)[0]


@pytest.mark.parametrize("drip", [False, True], ids=["silence", "drip"])
def test_a_server_that_takes_too_long_is_left(server: ScriptedServer, drip: bool) -> None:
    def script(exchange: Exchange) -> None:
        if drip:
            exchange.begin("application/json")
            while True:
                exchange.raw(b" ")
                time.sleep(0.02)
        exchange.disconnected(10)

    server.play(script)
    began = time.monotonic()
    assert "within 0.4 s" in failure(engine(server.url, seconds=0.4))[0]
    assert time.monotonic() - began < 3


def test_nobody_at_the_address() -> None:
    assert "Nothing answers at" in failure(engine(f"http://127.0.0.1:{free_port()}"))[0]


@pytest.mark.parametrize("echo", [{"error": {"message": f"bad key {KEY}"}}, f"Bearer {KEY}"])
def test_the_key_is_never_shown(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, echo: object) -> None:
    monkeypatch.setenv("FAR_KEY", KEY)
    for status in (400, 401, 404, 500):
        server.play(refusal(status, echo))
        said, _ = failure(engine(server.url, "FAR_KEY"))
        assert KEY not in said
    monkeypatch.setenv("FAR_KEY", "né\ncessary")
    assert "plain ASCII" in failure(engine(server.url, "FAR_KEY"))[0]


# Stop


@pytest.mark.parametrize("when", ["before an answer", "in the middle"])
def test_stop_while_waiting_releases_at_once_and_closes_the_connection(
    server: ScriptedServer, far: RemoteImages, when: str
) -> None:
    waiting, closed = threading.Event(), threading.Event()

    def script(exchange: Exchange) -> None:
        if when == "in the middle":
            exchange.begin("application/json")
            exchange.raw(json.dumps({"data": []}).encode()[:4])
        waiting.set()
        if exchange.disconnected(10):
            closed.set()

    server.play(script)
    worker = Worker("remote")
    job = worker.submit("v", lambda task: far.generate(WISH, task))
    seen: list[Any] = []
    stopped = [0.0]

    def stop() -> None:
        waiting.wait(5)
        stopped[0] = time.monotonic()
        job.cancel()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(Cancelled):
        seen.extend(job.events())
    assert time.monotonic() - stopped[0] < 0.3 + 0.2
    assert any(isinstance(event, Started) for event in seen) or not seen
    assert closed.wait(3), "the server sees the connection close"
    assert job.ended.wait(3)
    server.play(fine)
    assert isinstance(ask(far)[-1], Done)
    worker.close()


def test_stop_between_two_pictures_keeps_the_first(server: ScriptedServer, far: RemoteImages) -> None:
    task = Task()
    server.play(fine)
    events: list[ImageEvent] = []
    with pytest.raises(Cancelled):
        for event in far.generate(ImageRequest("a fox", count=5), task):
            events.append(event)
            if isinstance(event, Picture):
                task.cancel()
    assert [type(event) for event in events] == [Started, Picture]
    assert len(server.asked) == 1
