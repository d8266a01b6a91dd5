"""The remote chat engine against two servers people run: `transformers serve` and llama-server."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from playground.chat.types import ChatRequest, Done, Prompt, Turn
from playground.errors import Cancelled
from playground.inference.types import Sampling, Token
from playground.runtime.task import Task
from tests.support.ports import free_port
from tests.support.remote_chat import HELLO, ask, engine, failure, reply, tokens
from tests.tiny_models.causal_lm import tiny_llama

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, "subprocess.Popen[bytes]"]]:
    """`transformers serve` with a tiny random Llama, begun before all else: it imports for a quarter of a minute.

    Its url, the model's name and the process.
    """
    folder = tiny_llama(tmp_path_factory.mktemp("served") / "tiny-llama")
    port = free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--device", "cpu"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}", str(folder), process
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def transformers_serve(serving: tuple[str, str, "subprocess.Popen[bytes]"]) -> tuple[str, str, int]:
    """The url, the model's name and the process id, once it listens."""
    url, model, process = serving
    wait_until_healthy(url, process)
    return url, model, process.pid


@pytest.fixture(scope="module")
def llama_server(smollm2_gguf: Path) -> Iterator[str]:
    """The url of a real llama-server with SmolLM2-135M-Instruct: the one inside xllamacpp."""
    program = (
        "import sys, xllamacpp\n"
        "params = xllamacpp.CommonParams()\n"
        "params.model.path = sys.argv[1]\n"
        "params.n_ctx, params.n_parallel, params.port, params.cpuparams.n_threads = 2048, 1, 0, 2\n"
        "server = xllamacpp.Server(params)\n"
        "print(server.listening_address, flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(smollm2_gguf)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        wait_until_healthy(url, process)
        yield url
    finally:
        process.kill()
        process.communicate()


def wait_until_healthy(url: str, process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 180  # it imports a lot, perhaps on a busy machine
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended before it listened"
        try:
            if httpx.get(f"{url}/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the server did not listen within three minutes")


def slot(url: str) -> dict[str, Any]:
    """What the one slot of a llama-server does, or did last."""
    (only,) = httpx.get(f"{url}/slots", trust_env=False, timeout=30).json()
    return dict(only)


def open_connections(process_id: int) -> int:
    connections = psutil.Process(process_id).net_connections("tcp")
    return sum(connection.status in (psutil.CONN_ESTABLISHED, psutil.CONN_CLOSE_WAIT) for connection in connections)


def test_llama_server_tells_probabilities(llama_server: str) -> None:
    chat = engine(llama_server, context=2048)
    request = ChatRequest(
        (Turn("user", "What is the capital of France?"),), Sampling(0, max_new_tokens=8), alternatives=4
    )
    events = ask(chat, request)
    said = tokens(events)
    assert len(said) == 8
    for token in said:
        assert token.id is not None
        assert token.logprob is not None
        assert token.logprob <= 0
        chances = [other.logprob for other in token.alternatives]
        assert len(chances) == 4
        assert chances == sorted(chances, reverse=True)
        assert token.id == token.alternatives[0].id  # greedy
    done = events[-1]
    assert isinstance(done, Done)
    assert (done.reason, done.new_tokens) == ("length", 8)
    again = ask(chat, request)
    assert reply(again) == reply(events)
    last = again[-1]
    assert isinstance(last, Done)
    assert last.reused_tokens
    assert last.reused_tokens > 10


def test_llama_server_takes_the_samplers_as_they_are_meant(llama_server: str) -> None:
    """In their order, over the whole context, and off where they are off: not its own 40 and 0.05."""
    chat = engine(llama_server, context=2048)
    sampling = Sampling(0.6, top_p=0.5, top_k=0, min_p=0, repetition_penalty=1.25, max_new_tokens=2, seed=5)
    ask(chat, ChatRequest(HELLO.turns, sampling))
    took = slot(llama_server)["params"]
    assert took["samplers"] == ["penalties", "temperature", "top_k", "top_p", "min_p"]
    assert (took["top_k"], took["min_p"], took["seed"], took["repeat_last_n"]) == (0, 0, 5, 2048)
    assert [took["temperature"], took["top_p"], took["repeat_penalty"]] == pytest.approx([0.6, 0.5, 1.25])


def test_llama_server_continues_a_reply(llama_server: str) -> None:
    turns = (Turn("user", "Count to ten."), Turn("assistant", "One, two, three,"))
    chat = engine(llama_server, context=2048)
    text = reply(ask(chat, ChatRequest(turns, Sampling(0, max_new_tokens=4), continue_last=True)))
    assert re.match(r"\s*four", text)


def test_llama_server_sees_stop(llama_server: str) -> None:
    task = Task()
    request = ChatRequest((Turn("user", "Write a very long story."),), Sampling(max_new_tokens=1900))
    events = engine(llama_server, context=2048).stream(request, task)
    while not isinstance(next(events), Token):
        pass
    assert slot(llama_server)["is_processing"]
    task.cancel()
    with pytest.raises(Cancelled):
        next(events)
    for _ in range(50):  # the whole reply would take several times as long
        if not slot(llama_server)["is_processing"]:
            break
        time.sleep(0.1)
    assert not slot(llama_server)["is_processing"]


def test_llama_server_says_when_the_context_is_full(llama_server: str) -> None:
    message, _ = failure(engine(llama_server), ChatRequest((Turn("user", "hello " * 3000),)))
    assert "do not fit" in message


def test_transformers_serve_streams_several_turns(transformers_serve: tuple[str, str, int]) -> None:
    url, model, _ = transformers_serve
    chat = engine(url, model, context=512)
    sampling = Sampling(temperature=0, max_new_tokens=12, top_k=0)
    first = ask(chat, ChatRequest((Turn("user", "Hello"),), sampling))
    assert isinstance(first[0], Prompt)
    done = first[-1]
    assert isinstance(done, Done)
    assert done.reason == "length"
    assert done.new_tokens == 12
    assert done.prompt_tokens
    assert done.prompt_tokens > 5
    assert len(tokens(first)) > 3, "the reply came in one piece"
    assert reply(ask(chat, ChatRequest((Turn("user", "Hello"),), sampling))) == reply(first)  # greedy
    turns = (Turn("system", "Be brief."), Turn("user", "Hello"), Turn("assistant", reply(first)), Turn("user", "你好"))
    second = ask(chat, ChatRequest(turns, sampling))[-1]
    assert isinstance(second, Done)
    assert second.prompt_tokens
    assert second.prompt_tokens > done.prompt_tokens + 12


def test_transformers_serve_sees_stop(transformers_serve: tuple[str, str, int]) -> None:
    url, model, process_id = transformers_serve
    chat = engine(url, model, context=100_000)
    task = Task()
    events = chat.stream(ChatRequest(HELLO.turns, Sampling(max_new_tokens=100_000)), task)
    while not isinstance(next(events), Token):
        pass
    assert open_connections(process_id) == 1
    task.cancel()
    with pytest.raises(Cancelled):
        next(events)
    for _ in range(50):
        if not open_connections(process_id):
            break
        time.sleep(0.1)
    assert open_connections(process_id) == 0
    assert reply(ask(chat))  # and is not busy with what nobody reads


def test_transformers_serve_cannot_continue(transformers_serve: tuple[str, str, int]) -> None:
    url, model, _ = transformers_serve
    turns = (Turn("user", "Hello"), Turn("assistant", "Well"))
    message, _ = failure(engine(url, model), ChatRequest(turns, continue_last=True))
    assert "cannot continue" in message


def test_transformers_serve_without_that_model(transformers_serve: tuple[str, str, int]) -> None:
    message, _ = failure(engine(transformers_serve[0], "another"))
    assert "another" in message
    assert "HTTP 400" in message
