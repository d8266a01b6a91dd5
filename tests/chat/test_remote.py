"""The remote chat engine against a scripted server, which does what servers do only on a bad day."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.chat.remote import RemoteChat
from playground.chat.types import ChatEvent, ChatRequest, Done, Prompt, Turn
from playground.errors import Cancelled, UserError
from playground.inference.openai_stream import split_as, sse_data
from playground.inference.types import Sampling, Token
from playground.runtime.task import Task
from tests.support.openai_server import Exchange, ScriptedServer, fine, scripted_server
from tests.support.remote_chat import HELLO, ask, engine, failure, reply, tokens

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as scripted:
        yield scripted


@pytest.fixture
def chat(server: ScriptedServer) -> RemoteChat:
    return engine(server.url)


def end(reason: str) -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("word")
        exchange.finish(reason)

    return script


def refusal(status: int, body: object = None, **headers: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.refuse(status, body, **headers)


# What is asked


def test_the_request_says_all_there_is_to_say(server: ScriptedServer, chat: RemoteChat) -> None:
    turns = (
        Turn("system", "Be brief."),
        Turn("user", "你好"),
        Turn("assistant", "Hi!", reasoning="They greet me."),
        Turn("user", "And now?"),
    )
    sampling = Sampling(0.5, top_p=0.8, top_k=7, min_p=0.1, repetition_penalty=1.2, max_new_tokens=33, seed=2**32 - 1)
    events = ask(chat, ChatRequest(turns, sampling, alternatives=5))
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert "authorization" not in asked.headers
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    assert asked.body["messages"] == messages
    expected = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 33}
    expected |= {"temperature": 0.5, "top_p": 0.8, "top_k": 7, "min_p": 0.1, "repetition_penalty": 1.2}
    expected |= {"seed": 2**32 - 1, "logprobs": True, "top_logprobs": 5}
    assert expected.items() <= asked.body.items()
    assert not {"continue_final_message", "add_generation_prompt", "chat_template_kwargs"} & asked.body.keys()
    prompt = events[0]
    assert isinstance(prompt, Prompt)
    assert json.loads(prompt.text) == messages
    assert "你好" in prompt.text
    assert "\n" in prompt.text
    assert prompt.pieces == ()
    assert prompt.max_new_tokens == 33


def test_what_is_off_is_sent_as_off(server: ScriptedServer, chat: RemoteChat) -> None:
    """Left out, llama-server would put in min_p 0.05 and top_k 40, and vLLM what the model's folder says."""
    ask(chat, ChatRequest(HELLO.turns, Sampling(top_k=0, min_p=0, repetition_penalty=1), alternatives=0))
    body = server.asked[0].body
    assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (-1, 0, 1)
    assert "logprobs" not in body
    assert "top_logprobs" not in body


def test_no_more_is_wished_for_than_the_context_holds(server: ScriptedServer) -> None:
    events = ask(engine(server.url, context=100), ChatRequest(HELLO.turns, Sampling(max_new_tokens=8192)))
    assert server.asked[0].body["max_tokens"] == 100
    assert isinstance(events[0], Prompt)
    assert events[0].max_new_tokens == 100


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/below", "/below/v1/chat/completions"),
        ("/api/v3", "/api/v3/chat/completions"),
        ("/v1beta/openai", "/v1beta/openai/chat/completions"),
    ],
)
def test_the_url_may_end_in_v1_or_not(server: ScriptedServer, suffix: str, path: str) -> None:
    ask(engine(server.url + suffix))
    assert server.asked[0].path == path


@pytest.mark.parametrize("url", ["http://", "http://host:port/v1", "https:///v1"])
def test_a_url_without_a_host_is_refused_at_once(url: str) -> None:
    with pytest.raises(UserError, match="`url` in the catalogue"):
        engine(url)


def test_the_thinking_switch_reaches_the_template(server: ScriptedServer) -> None:
    chat = engine(server.url, thinking="switch")
    for thinking in (True, False):
        ask(chat, ChatRequest(HELLO.turns, thinking=thinking))
    assert [asked.body["chat_template_kwargs"] for asked in server.asked] == [
        {"enable_thinking": True},
        {"enable_thinking": False},
    ]


def test_a_proxy_of_the_environment_does_not_stand_before_this_machine(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert reply(ask(engine(server.url))) == "All well"


# What is answered


def test_a_reply_without_probabilities(server: ScriptedServer, chat: RemoteChat) -> None:
    events = ask(chat)
    assert events[1:] == [Token("All"), Token(" well"), Done("end", 9, None, 2)]


def test_the_counts_tell_what_was_reused(server: ScriptedServer, chat: RemoteChat) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("word")
        usage = {"prompt_tokens": 30, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 25}}
        exchange.finish("length", usage)

    server.play(script)
    assert ask(chat)[-1] == Done("length", 30, 25, 1)


def test_probabilities_with_several_tokens_in_a_chunk(server: ScriptedServer, chat: RemoteChat) -> None:
    def chance(token: str, logprob: float, **more: object) -> dict[str, object]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())} | more

    def script(exchange: Exchange) -> None:
        exchange.begin()
        others = [chance(" you", -3.0), chance(" world", -0.1, id=8), chance(" me", -2.0)]
        exchange.say("Hello world", [chance("Hello", -0.5, id=7), chance(" world", -0.1, id=8, top_logprobs=others)])
        exchange.say("!", [chance("!", -0.2, top_logprobs=[]), chance("<|im_end|>", -0.3)])
        exchange.say(" And on", [])
        exchange.finish()

    server.play(script)
    first, second, third, end_of_turn, fourth = tokens(ask(chat, ChatRequest(HELLO.turns, alternatives=2)))
    assert (first.text, first.id, first.logprob, first.alternatives) == ("Hello", 7, -0.5, ())
    assert (second.text, second.id, second.logprob) == (" world", 8, -0.1)
    assert [(other.text, other.id, other.logprob) for other in second.alternatives] == [
        (" world", 8, -0.1),  # most likely first, no more than asked for
        (" me", None, -2.0),
    ]
    assert (third.text, third.id, third.logprob) == ("!", None, -0.2)
    assert end_of_turn.text == ""
    assert fourth == Token(" And on")


def test_the_token_that_ends_the_reply_is_no_part_of_it(server: ScriptedServer, chat: RemoteChat) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        said = [{"token": "Bye", "logprob": -1}, {"token": "<|im_end|>", "logprob": -0.1}]
        choice = {"delta": {"content": "Bye"}, "logprobs": {"content": said}, "finish_reason": "stop"}
        exchange.event({"choices": [choice]})
        exchange.event("[DONE]")
        exchange.end()

    server.play(script)
    assert [token.text for token in tokens(ask(chat))] == ["Bye"]


def test_a_character_of_several_tokens_is_said_by_the_last(server: ScriptedServer, chat: RemoteChat) -> None:
    part = {"token": "\ufffd", "logprob": -1.0}

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("", [part])
        exchange.say("🦊", [part])
        exchange.say("🙂 ok", [part, part, {"token": " ok", "logprob": -1.0}])
        exchange.finish()

    server.play(script)
    said = tokens(ask(chat))
    assert [token.text for token in said] == ["", "🦊", "", "🙂", " ok"]
    assert all(token.logprob == -1.0 for token in said)


@given(st.lists(st.text("ab�", max_size=3), min_size=1, max_size=5), st.text("ab🙂", max_size=8))
def test_the_shares_of_the_tokens_are_always_the_text(pieces: list[str], text: str) -> None:
    shares = split_as(pieces, text)
    assert "".join(shares) == text
    assert len(shares) == len(pieces)
    assert split_as(pieces, "".join(pieces)) == pieces


def test_reasoning_under_both_of_its_names(server: ScriptedServer, chat: RemoteChat) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say(None, reasoning_content="I ")
        exchange.say(None, [{"token": "think", "logprob": -1.0}], reasoning="think")
        exchange.say("42", [{"token": "42", "logprob": -2.0}], reasoning_content=".")
        exchange.finish()

    server.play(script)
    assert tokens(ask(chat)) == [
        Token("I ", reasoning=True),
        Token("think", logprob=-1.0, reasoning=True),
        Token(".", reasoning=True),
        Token("42", logprob=-2.0),
    ]


def test_the_stream_is_read_as_the_standard_has_it(server: ScriptedServer, chat: RemoteChat) -> None:
    """Comments, other fields, CRLF, pieces cut anywhere, line separators that stand unescaped in JSON."""
    text = "a\u2028b\u0085c 🙂"
    chunk = {"choices": [{"delta": {"content": text}}]}

    def script(exchange: Exchange) -> None:
        exchange.begin()
        stream = f": ping\n\nevent: message\r\ndata:{json.dumps(chunk, ensure_ascii=False)}\r\n\r\n".encode()
        for byte in stream:
            exchange.raw(bytes([byte]))
        exchange.finish()

    server.play(script)
    assert reply(ask(chat)) == text


def test_an_event_of_several_data_lines_is_one() -> None:
    assert list(sse_data([b"data: a\ndata: b\n", b"\ndata: unfinished"])) == [b"a\nb"]


def test_a_stream_may_end_without_its_last_word(server: ScriptedServer, chat: RemoteChat) -> None:
    """`transformers serve` sends no [DONE]; and a connection that drops after the end has lost nothing but counts."""

    def dropped(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("word")
        exchange.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        exchange.drop()

    def without_reason(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("word")
        exchange.event("[DONE]")
        exchange.end()

    server.play(dropped, without_reason)
    assert ask(chat)[1:] == [Token("word"), Done("end")]
    assert ask(chat)[1:] == [Token("word"), Done("end")]


# What a server does not take


def test_a_field_a_server_does_not_know_is_left_out_and_remembered(server: ScriptedServer, chat: RemoteChat) -> None:
    server.play(refusal(422, {"detail": "Unexpected fields in the request: {'top_k', 'samplers'}"}), fine)
    assert reply(ask(chat)) == "All well"
    assert reply(ask(chat)) == "All well"
    first, second, third = (asked.body.keys() for asked in server.asked)
    assert first - second == {"top_k", "samplers"}
    assert second == third >= {"min_p", "repetition_penalty", "temperature"}


def test_a_server_without_probabilities_answers_without_them(server: ScriptedServer, chat: RemoteChat) -> None:
    body = {"error": {"message": "logprobs are not supported by this model", "param": "logprobs"}}
    server.play(refusal(400, body), fine)
    request = ChatRequest(HELLO.turns, alternatives=8)
    assert reply(ask(chat, request)) == reply(ask(chat, request)) == "All well"
    first, second, third = (asked.body.keys() for asked in server.asked)
    assert first - second == {"logprobs", "top_logprobs"}
    assert second == third


def test_a_refusal_that_repeats_the_request_teaches_nothing(server: ScriptedServer, chat: RemoteChat) -> None:
    """Some servers send the whole request back when one value is wrong: that does not mean its fields."""

    def picky(exchange: Exchange) -> None:
        exchange.refuse(400, {"error": {"message": f"bad seed in {exchange.asked.body}"}})

    server.play(picky)
    message, _ = failure(chat)
    assert "bad seed" in message
    server.play(fine)
    ask(chat)
    assert {"top_k", "min_p", "stream_options"} <= server.asked[0].body.keys()


def test_a_cut_reply_is_continued(server: ScriptedServer, chat: RemoteChat) -> None:
    turns = (Turn("user", "Count"), Turn("assistant", "One, two,", cut="length"))
    assert reply(ask(chat, ChatRequest(turns, continue_last=True))) == "All well"
    body = server.asked[0].body
    assert body["messages"][-1] == {"role": "assistant", "content": "One, two,"}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_a_server_that_cannot_continue_says_so(server: ScriptedServer, chat: RemoteChat) -> None:
    server.play(refusal(422, {"detail": "Unexpected fields: {'continue_final_message', 'add_generation_prompt'}"}))
    turns = (Turn("user", "Count"), Turn("assistant", "One, two,"))
    message, _ = failure(chat, ChatRequest(turns, continue_last=True))
    assert "cannot continue" in message
    assert "Regenerate" in message
    server.play(fine)
    assert reply(ask(chat)) == "All well"


# Stop


class Stopped:
    """A script that stays silent at a chosen point until the client has gone; tells when it did."""

    def __init__(self, point: str) -> None:
        self.point = point
        self.reached = threading.Event()
        self.gone = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        if self.point != "before the headers":
            exchange.begin()
        if self.point == "between tokens":
            exchange.say("first")
        self.reached.set()
        if exchange.disconnected(20):
            self.gone.set()


@pytest.mark.parametrize("point", ["before the headers", "before the first token", "between tokens"])
def test_stop_closes_the_connection_at_once(server: ScriptedServer, chat: RemoteChat, point: str) -> None:
    script = Stopped(point)
    server.play(script, fine)
    task = Task()
    events: list[ChatEvent] = []
    released: list[float] = []

    def read() -> None:
        with pytest.raises(Cancelled):
            events.extend(chat.stream(HELLO, task))
        released.append(time.monotonic())

    reader = threading.Thread(target=read)
    reader.start()
    assert script.reached.wait(10)
    time.sleep(0.2)  # so that the reader is blocked in its read
    pressed = time.monotonic()
    task.cancel()
    assert time.monotonic() - pressed < 1  # who presses does not wait
    reader.join(10)
    assert released
    assert released[0] - pressed < 1
    assert script.gone.wait(5), "the server was left writing to nobody"
    assert len(tokens(events)) == (point == "between tokens")
    assert reply(ask(chat)) == "All well"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_stop_while_connecting(scheme: str) -> None:
    """To a port whose queue is full, as a host that drops packets; and to one that never answers a TLS handshake."""
    with full_port() if scheme == "http" else socket_that_only_listens() as address:
        task = Task()
        timer = threading.Timer(0.3, task.cancel)
        timer.start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            list(engine(f"{scheme}://{address}").stream(HELLO, task))
        assert time.monotonic() - began < 1.5  # connecting gives up after 5 s
        timer.join()


def test_what_was_stopped_before_it_began_asks_nothing(server: ScriptedServer, chat: RemoteChat) -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        list(chat.stream(HELLO, task))
    assert server.asked == []


def test_tokens_that_have_arrived_are_not_given_after_stop(server: ScriptedServer, chat: RemoteChat) -> None:
    task = Task()
    events = chat.stream(HELLO, task)
    assert isinstance(next(events), Prompt)
    assert next(events) == Token("All")
    task.cancel()
    with pytest.raises(Cancelled):
        next(events)


def test_a_reader_who_leaves_closes_the_connection(server: ScriptedServer, chat: RemoteChat) -> None:
    script = Stopped("between tokens")
    server.play(script)
    events = chat.stream(HELLO, Task())
    while not isinstance(next(events), Token):
        pass
    events.close()  # type: ignore[attr-defined]
    assert script.gone.wait(5)


def test_stopping_one_reply_leaves_another_alone(server: ScriptedServer, chat: RemoteChat) -> None:
    first = Stopped("between tokens")
    go_on = threading.Event()

    def second(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("All")
        assert go_on.wait(10)
        exchange.say(" well")
        exchange.finish()

    server.play(first, second)
    task = Task()
    stopped = chat.stream(HELLO, task)
    assert isinstance(next(stopped), Prompt)
    assert isinstance(next(stopped), Token)
    other = chat.stream(HELLO, Task())
    assert isinstance(next(other), Prompt)
    assert isinstance(next(other), Token)
    task.cancel()
    assert first.gone.wait(5)
    go_on.set()
    assert reply(list(other)) == " well"


# Failures


@contextmanager
def socket_that_only_listens() -> Iterator[str]:
    """The address of a port where connections are made and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def full_port() -> Iterator[str]:
    """The address of a port that listens and completes no more connections."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_nothing_there(server: ScriptedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    message, events = failure(engine(f"http://127.0.0.1:{port}"))
    assert f"Nothing answers at 127.0.0.1:{port}." in message
    assert "Check that the server runs" in message
    assert [type(event) for event in events] == [Prompt]


def test_a_name_nobody_knows() -> None:
    message, _ = failure(engine("http://nowhere.invalid:8000/v1"))
    assert "nowhere.invalid:8000" in message
    assert "not known" in message


def test_a_host_that_does_not_take_the_connection() -> None:
    with full_port() as address:
        message, _ = failure(engine(f"http://{address}", connect_seconds=0.3))
    assert "did not take the connection within 0.3 s" in message


def test_a_server_without_tls_behind_https(server: ScriptedServer) -> None:
    message, _ = failure(engine(server.url.replace("http:", "https:")))
    assert "No secure connection to 127.0.0.1" in message


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, {"error": {"message": "The model `m` does not exist."}}, ["no model “m”", "does not exist", "`model`"]),
        (429, {"error": {"message": "Rate limit reached"}}, ["HTTP 429", "Rate limit reached", "Try again later"]),
        (500, "<html>Oh no</html>", ["HTTP 500", "log"]),
        (503, {"error": {"code": 503, "message": "Loading model"}}, ["HTTP 503", "Loading model"]),
        (400, {"object": "error", "message": "temperature\nis too hot"}, ["HTTP 400", "temperature is too hot"]),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "too large"}]}, ["HTTP 422", "too large"]),
        (400, {"error": "just words"}, ["just words"]),
        (418, "not json", ["HTTP 418"]),
    ],
)
def test_a_refused_request(
    server: ScriptedServer, chat: RemoteChat, status: int, body: object, words: list[str]
) -> None:
    server.play(refusal(status, body))
    message, events = failure(chat)
    for word in ("127.0.0.1", *words):
        assert word in message
    assert "<html>" not in message
    assert "\n" not in message
    assert [type(event) for event in events] == [Prompt]


def test_a_missing_model_names_those_there_are(server: ScriptedServer, chat: RemoteChat) -> None:
    server.play(refusal(404, {}), refusal(200, {"data": [{"id": "qwen"}, {"id": "llama"}]}))
    message, _ = failure(chat)
    assert "no model “m”" in message
    assert "It offers: qwen, llama." in message
    assert [(asked.method, asked.path) for asked in server.asked][1] == ("GET", "/v1/models")


@pytest.mark.parametrize(
    "body",
    [
        # llama-server, vLLM, SGLang
        {"error": {"message": "request (3031 tokens) exceeds the available context size (2048 tokens)"}},
        {"error": {"message": "This model's maximum context length is 4096 tokens. However, you requested 5000"}},
        {"message": "The input (9 tokens) is longer than the model's context length (8 tokens)."},
    ],
)
def test_a_conversation_longer_than_the_context(server: ScriptedServer, chat: RemoteChat, body: object) -> None:
    server.play(refusal(400, body))
    message, _ = failure(chat)
    assert "do not fit" in message
    assert "4096 tokens" in message
    assert "Lower “max new tokens”" in message


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "case",
    [
        ("", None, "`key_variable`"),
        ("SERVER_KEY", None, "SERVER_KEY is not set"),
        ("SERVER_KEY", KEY, "refused the key in the environment variable SERVER_KEY"),
    ],
)
def test_a_key_that_is_missing_or_wrong(
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
    case: tuple[str, str | None, str],
) -> None:
    variable, value, words = case
    monkeypatch.delenv("SERVER_KEY", raising=False)
    if value:
        monkeypatch.setenv("SERVER_KEY", value)
    server.play(refusal(status, {"error": {"message": f"Incorrect key: {KEY}"}}))
    with caplog.at_level(logging.DEBUG):
        message, _ = failure(engine(server.url, key_variable=variable))
    assert words in message
    assert str(status) in message
    assert KEY not in message
    assert KEY not in caplog.text
    assert server.asked[0].headers.get("authorization") == (f"Bearer {KEY}" if value else None)


def test_a_server_that_repeats_the_key_does_not_show_it(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_KEY", f"  {KEY}\n")
    chat = engine(server.url, key_variable="SERVER_KEY")

    def inside(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event({"error": {"message": f"worker for {KEY} died"}})
        exchange.end()

    server.play(refusal(500, {"detail": f"cannot bill {KEY}"}), inside)
    for words in ("cannot bill …", "worker for … died"):
        message, _ = failure(chat)
        assert words in message
        assert KEY not in message


def test_what_is_no_key_is_neither_sent_nor_shown(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_KEY", "clé\nsecrète")
    message, _ = failure(engine(server.url, key_variable="SERVER_KEY"))
    assert "SERVER_KEY" in message
    assert "secrète" not in message
    assert server.asked == []


def test_redirects_are_not_followed(server: ScriptedServer, chat: RemoteChat, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server() as other:
        server.play(refusal(307, {}, location=other.url + "/v1/chat/completions"))
        message, _ = failure(chat)
        assert other.asked == []
    assert "redirects to 127.0.0.1" in message
    assert "`url`" in message


def test_a_page_instead_of_an_api(server: ScriptedServer, chat: RemoteChat) -> None:
    server.play(refusal(200, "<!doctype html><title>Welcome</title>", content_type="text/html"))
    message, _ = failure(chat)
    assert "not with a chat stream" in message
    assert "text/html" in message


@pytest.mark.parametrize("reset", [False, True])
def test_a_server_that_dies_in_the_middle(server: ScriptedServer, chat: RemoteChat, reset: bool) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("Half a")
        time.sleep(0.2)  # a reset also throws away what was sent and not yet read
        exchange.drop(reset)

    server.play(script, fine)
    message, events = failure(chat)
    assert "incomplete" in message
    assert "Continue or Regenerate" in message
    assert events[1:] == [Token("Half a")]
    assert reply(ask(chat)) == "All well"


@pytest.mark.parametrize("begin", [False, True])
def test_a_server_that_dies_before_it_speaks(server: ScriptedServer, chat: RemoteChat, begin: bool) -> None:
    def script(exchange: Exchange) -> None:
        if begin:
            exchange.begin()
        exchange.drop()

    server.play(script)
    message, _ = failure(chat)
    assert "broke off before" in message if begin else "closed the connection without an answer" in message


def test_a_stream_that_ends_too_early(server: ScriptedServer, chat: RemoteChat) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("Half a")
        exchange.end()  # a well-formed response, and yet no end of the reply

    server.play(script)
    message, events = failure(chat)
    assert "incomplete" in message
    assert events[1:] == [Token("Half a")]


@pytest.mark.parametrize("reason", ["abort", "content_filter"])
def test_a_reply_the_server_gave_up(server: ScriptedServer, chat: RemoteChat, reason: str) -> None:
    server.play(end(reason))
    message, events = failure(chat)
    assert f"“{reason}”" in message
    assert "incomplete" in message
    assert events[1:] == [Token("word")]


@pytest.mark.parametrize("data", ["{broken", '{"choices": "none"}', "[]"])
def test_a_chunk_that_is_none(server: ScriptedServer, chat: RemoteChat, data: str) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("word")
        exchange.event(data)
        exchange.finish()

    server.play(script)
    message, events = failure(chat)
    assert "no chat completion chunk" in message
    assert events[1:] == [Token("word")]


@pytest.mark.parametrize(
    "data",
    [
        {"error": {"message": "CUDA out of memory", "code": 500}},
        {"error": "CUDA out of memory"},
        {"object": "error", "message": "CUDA out of memory"},
    ],
)
def test_an_error_told_inside_the_stream(server: ScriptedServer, chat: RemoteChat, data: object) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("word")
        exchange.event(data)
        exchange.event("[DONE]")
        exchange.end()

    server.play(script)
    message, events = failure(chat)
    assert "CUDA out of memory" in message
    assert "incomplete" in message
    assert events[1:] == [Token("word")]


@pytest.mark.parametrize("begun", [False, True])
def test_a_server_that_falls_silent(server: ScriptedServer, begun: bool) -> None:
    script = Stopped("between tokens" if begun else "before the first token")
    server.play(script)
    chat = engine(server.url, first_seconds=20 if begun else 0.3, between_seconds=0.3 if begun else 20)
    asked = time.monotonic()
    message, events = failure(chat)
    assert time.monotonic() - asked < 10
    assert "0.3 s" in message
    assert ("incomplete" in message) == begun
    assert len(tokens(events)) == begun
    assert script.gone.wait(5)
