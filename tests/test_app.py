"""The running app from outside: its contract, its limits, its start and its end."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from playground.core import Playground
from playground.errors import UserError
from playground.settings import PROFILES, Settings, read_settings
from tabs.shell import build
from tests.conftest import ROOT, RunningApp, StartApp

pytestmark = pytest.mark.slow

SHORT = {"max_new_tokens": 12, "temperature": 0.0}


ENDPOINTS = {"chat", "text_to_image", "ground", "vae_encode", "vae_decode", "gan_sample", "models"}


@pytest.fixture(scope="module", autouse=True)
def prefetching(app_cache: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`--prefetch`, begun before all else: it takes half a minute of one core."""
    process = _prefetch("smollm2-135m", app_cache)
    yield process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def client(app: RunningApp) -> Client:
    return new_client(app)


def new_client(app: RunningApp) -> Client:
    return Client(app.url, verbose=False, ssl_verify=False)  # without TLS; reading its certificates takes a while


# --- the contract ---------------------------------------------------------------------------------------


def test_chat_streams_a_reply_that_grows(client: Client) -> None:
    job = client.submit("What is the capital of France? One word.", api_name="/chat", **SHORT)
    assert "Paris" in job.result(timeout=120)
    streamed = job.outputs()
    assert len(streamed) > 2
    assert all(later.startswith(earlier) for earlier, later in pairwise(streamed))


def test_chat_knows_its_history_and_its_system_prompt(client: Client) -> None:
    history = [{"role": "user", "content": "My cat is called Zephyr."}, {"role": "assistant", "content": "Nice name!"}]
    reply = client.predict("What is my cat called? Answer with the name.", history=history, api_name="/chat", **SHORT)
    assert "Zephyr" in reply
    assert client.predict("Hi", system_prompt="Be a pirate.", seed=4, api_name="/chat", max_new_tokens=5)


def test_same_seed_same_reply(client: Client) -> None:
    said = [
        client.predict("Name a colour.", seed=7, temperature=1.5, max_new_tokens=8, api_name="/chat") for _ in "ab"
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"message": ""}, "empty"),
        ({"message": "x " * 20_000}, "Shorten"),
        ({"message": "x" * 300_000}, "characters"),
        ({"message": "hi", "model": "gpt-17"}, "no model"),
        ({"message": "hi", "history": [{"role": "wizard", "content": "x"}]}, "history"),
        ({"message": "hi", "history": [{"role": "user", "content": {"deep": 1}}]}, "history"),
        ({"message": "hi", "temperature": -1}, "temperature"),
        ({"message": "hi", "top_p": 7}, "top_p"),
        ({"message": "hi", "max_new_tokens": 10**9}, "max_new_tokens"),
        ({"message": "hi", "seed": -3}, "seed"),
        ({"message": "hi", "model": "smollm2-360m"}, "offline"),
    ],
)
def test_what_cannot_be_answered_is_told_in_words_and_the_app_lives_on(
    client: Client, wrong: dict[str, object], told: str
) -> None:
    with pytest.raises(AppError, match=re.compile(told, re.IGNORECASE)):
        client.predict(**wrong, api_name="/chat")
    assert client.predict("Hi", api_name="/chat", max_new_tokens=1)


def test_models_lists_everything_with_its_state(client: Client) -> None:
    models = {model["id"]: model for model in client.predict(api_name="/models")}
    assert models["smollm2-135m"]["state"] == "embedded"
    assert models["qwen3-0.6b"]["state"] == "to download"
    assert models["gemma-3-1b"]["state"] == "gated"
    for model in models.values():
        assert {"tab", "source", "licence", "download_bytes", "memory_bytes", "state"} <= set(model)


def test_the_contract_and_nothing_else_is_offered(client: Client) -> None:
    info = client.view_api(return_format="dict")
    assert isinstance(info, dict)
    assert set(info["named_endpoints"]) == {f"/{name}" for name in ENDPOINTS}
    names = [parameter["parameter_name"] for parameter in info["named_endpoints"]["/chat"]["parameters"]]
    assert names == [
        "message", "history", "model", "system_prompt", "max_new_tokens", "temperature", "top_p", "top_k", "seed",
    ]  # fmt: skip


def test_mcp_lists_the_same_with_descriptions(app: RunningApp) -> None:
    schema = httpx.get(f"{app.url}/gradio_api/mcp/schema", trust_env=False).json()
    tools = {tool["name"]: tool for tool in schema}
    assert set(tools) == ENDPOINTS
    assert "growing" in tools["chat"]["description"] or "streamed" in tools["chat"]["description"]
    assert "seed" in str(tools["chat"]["inputSchema"])


def test_twenty_visitors_each_get_their_own_answer(app: RunningApp) -> None:
    words = [f"{animal}{number}" for number in range(4) for animal in ("cat", "owl", "fox", "bee", "cow")]

    def visit(word: str) -> str:
        """One visitor over plain HTTP, without a client that first reads the whole page."""
        history = [{"role": "user", "content": f"The password is {word}."}, {"role": "assistant", "content": "I see."}]
        asked = ["Repeat the password.", history, "smollm2-135m", "", 16, 0.0, 0.9, 40, 0]
        event = http.post("/chat", json={"data": asked}).json()["event_id"]
        *_, last = http.get(f"/chat/{event}").text.strip().split("\n\n")
        told, _, data = last.partition("\n")
        assert told == "event: complete", last
        return str(json.loads(data.removeprefix("data: "))[0])

    to: dict[str, Any] = {"base_url": f"{app.url}/gradio_api/call", "timeout": 240, "trust_env": False}
    with httpx.Client(**to) as http, ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(visit, words))
    for word, reply in zip(words, replies, strict=True):
        others = [other for other in words if other != word and re.search(rf"{other}(?!\d)", reply)]
        assert not others, (word, reply)
    assert sum(word in reply for word, reply in zip(words, replies, strict=True)) >= 15


def test_a_client_that_leaves_frees_the_line(app: RunningApp, client: Client) -> None:
    one = new_client(app)
    job = one.submit("Tell me an endless story.", max_new_tokens=4000, temperature=1.0, api_name="/chat")
    while not job.outputs():
        time.sleep(0.05)
    job.cancel()
    began = time.monotonic()
    assert client.predict("Hi", api_name="/chat", **SHORT)
    assert time.monotonic() - began < 20  # 4,000 tokens would take minutes


# --- start and end --------------------------------------------------------------------------------------


def test_no_model_library_is_loaded_before_a_model_is_asked_for(app: RunningApp) -> None:
    assert "libpython" in app.libraries or "python3" in app.libraries
    assert "libtorch" not in app.libraries
    assert "xllamacpp" not in app.libraries


def test_an_app_at_rest_rests(app: RunningApp) -> None:
    def switches() -> int:
        status = [path.read_text() for path in Path(f"/proc/{app.process.pid}/task").glob("*/status")]
        return sum(int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", text, re.M)[0]) for text in status)

    def a_second() -> int:
        before = switches()
        time.sleep(1)
        return switches() - before

    # Left alone, Gradio's queue wakes a thousand times a second. Another test's work may still be ending.
    assert any(a_second() < 500 for _ in range(30))


def test_ctrl_c_ends_it_promptly_even_while_it_speaks(start_app: StartApp) -> None:
    app = start_app("--offline")
    job = new_client(app).submit("A long story.", max_new_tokens=2000, api_name="/chat")
    while not job.outputs():
        time.sleep(0.05)
    began = time.monotonic()
    assert app.interrupt() == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in app.output.read_text()


def test_a_taken_port_is_told_in_words(app: RunningApp) -> None:
    port = app.url.rsplit(":", 1)[1]
    run = subprocess.run(
        [sys.executable, "app.py", "--port", port], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 2
    assert f"--port {int(port) + 1}" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_wrong_catalogue_stops_the_start_in_words(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[[model]]\nid = "x"\n')
    run = subprocess.run(
        [sys.executable, "app.py", "--port", "0", "--catalog", str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "own.toml" in run.stderr and "`tab`" in run.stderr


# --- settings -------------------------------------------------------------------------------------------


def test_flags_win_over_environment_and_both_over_defaults() -> None:
    environ = {"PLAYGROUND_PORT": "8000", "PLAYGROUND_OFFLINE": "1", "PLAYGROUND_RAM": "2.5"}
    settings = read_settings(["--port", "9000"], environ)
    assert (settings.port, settings.offline, settings.ram) == (9000, True, 2_500_000_000)
    assert read_settings([], environ).port == 8000
    assert read_settings([], {}).port == 7860


def test_an_open_door_asks_for_auth() -> None:
    for flags in (["--share"], ["--host", "0.0.0.0"]):
        with pytest.raises(UserError, match="--auth"):
            read_settings(flags, {})
        assert read_settings([*flags, "--auth", "guest:secret"], {}).auth == ("guest", "secret")
    with pytest.raises(UserError, match="USER:PASSWORD"):
        read_settings(["--auth", "guest"], {})


def test_a_space_gets_its_own_profile_without_being_told() -> None:
    settings = read_settings([], {"SPACE_ID": "someone/playground"})
    assert settings.profile == PROFILES["space"]
    assert settings.host == "0.0.0.0"
    assert not settings.profile.mcp and settings.profile.strangers


def test_strangers_cannot_name_models_of_their_own() -> None:
    with_profile = {name: build(Playground(Settings(profile=PROFILES[name]))) for name in PROFILES}
    for name, page in with_profile.items():
        menus = [block for block in page.blocks.values() if getattr(block, "elem_id", None) == "model"]
        assert [menu.allow_custom_value for menu in menus] == [name == "local"]  # type: ignore[attr-defined]


def test_every_reply_event_lets_everybody_in_and_the_quick_ones_never_queue() -> None:
    page = build(Playground(Settings()))
    names = {"send", "regenerate", "go_on", "edit", "continue_from"}
    for function in page.fns.values():
        if function.name in names:
            assert function.concurrency_limit is None, function.name
            assert function.api_visibility == "private"
        if function.name in {"stop_job", "resample", "choose_turn"}:
            assert function.queue is False, function.name


def test_loopback_only_by_default() -> None:
    assert Settings().host == "127.0.0.1"


def test_stop_listens_while_every_thread_is_busy(app: RunningApp, client: Client) -> None:
    """Forty visitors wait; the page and its quick events still answer."""
    jobs = [new_client(app).submit("A story.", max_new_tokens=400, api_name="/chat") for _ in range(8)]
    done = threading.Event()
    began = time.monotonic()
    assert httpx.get(app.url, trust_env=False, timeout=10).is_success
    assert client.predict(api_name="/models")
    assert time.monotonic() - began < 10
    for job in jobs:
        job.cancel()
    done.set()
    with socket.create_connection(("127.0.0.1", int(app.url.rsplit(":", 1)[1])), timeout=5):
        pass


# --- prefetch, which has been under way since the first test --------------------------------------------


def test_prefetch_makes_everything_ready_and_tells_it(prefetching: subprocess.Popen[bytes], app_cache: Path) -> None:
    away = _prefetch("qwen3-4b-instruct", app_cache)
    assert prefetching.wait(220) == 0, _told(app_cache, "smollm2-135m")
    assert "smollm2-135m: on this disk" in _told(app_cache, "smollm2-135m")
    assert (app_cache / "dequantised" / "smollm2-135m" / "config.json").is_file()  # what the inspector needs
    assert away.wait(220) == 2
    assert "offline" in _told(app_cache, "qwen3-4b-instruct").lower()


def _prefetch(model: str, cache: Path) -> subprocess.Popen[bytes]:
    """Begun; what it tells goes into a file, since nobody reads along."""
    with (cache / f"{model}.txt").open("wb") as told:
        return subprocess.Popen(
            [sys.executable, "app.py", "--offline", "--prefetch", model],
            cwd=ROOT,
            env={**os.environ, "PLAYGROUND_CACHE": str(cache)},
            stdout=told,
            stderr=subprocess.STDOUT,
        )


def _told(cache: Path, model: str) -> str:
    return (cache / f"{model}.txt").read_text(encoding="utf-8")
