"""A chat server on loopback that does what a test tells it, and remembers what it was asked.

Invariants: real HTTP over a real socket, so that what is tested is the client as it is. A
`Script` answers one request through the verbs of `Exchange`; when there are fewer scripts than
requests, the last one answers again.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Exchange:
    """One request and the verbs to answer it with."""

    def __init__(self, handler: "_Handler", asked: Asked) -> None:
        self._handler = handler
        self.asked = asked

    def refuse(self, status: int, body: object = None, **headers: str) -> None:
        """Answer with a status and a JSON body (a string goes as it is), and no stream."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self._handler.send_response(status)
        for name, value in ({"content-type": "application/json"} | headers).items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.send_header("content-length", str(len(data)))
        self._handler.end_headers()
        self._handler.wfile.write(data)

    def begin(self, content_type: str = "text/event-stream") -> None:
        """Send the headers of a stream whose end is told (chunked encoding), so that a drop can be seen."""
        self._handler.send_response(200)
        self._handler.send_header("content-type", content_type)
        self._handler.send_header("transfer-encoding", "chunked")
        self._handler.end_headers()

    def raw(self, data: bytes) -> None:
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self._handler.wfile.flush()

    def event(self, data: object) -> None:
        """One server-sent event; anything but a string as JSON with unescaped characters."""
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        self.raw(f"data: {text}\n\n".encode())

    def say(self, text: str | None = None, logprobs: Sequence[dict[str, Any]] = (), **delta: str) -> None:
        """A chunk that adds text, with the log probabilities of its tokens where given."""
        choice: dict[str, Any] = {"index": 0, "delta": {"content": text} | delta, "finish_reason": None}
        if logprobs:
            choice["logprobs"] = {"content": list(logprobs)}
        self.event({"object": "chat.completion.chunk", "choices": [choice]})

    def finish(self, reason: str = "stop", usage: dict[str, Any] | None = None, done: bool = True) -> None:
        """The last chunk, the counts where given, and the end of the stream."""
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if usage:
            self.event({"choices": [], "usage": usage})
        if done:
            self.event("[DONE]")
        self.end()

    def end(self) -> None:
        self._handler.wfile.write(b"0\r\n\r\n")

    def drop(self, reset: bool = False) -> None:
        """Close the connection in the middle; `reset` as a crashed machine would (RST)."""
        connection = self._handler.connection
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(connection.detach())  # `close()` would wait for the handler's files
        else:
            connection.shutdown(socket.SHUT_RDWR)

    def disconnected(self, seconds: float) -> bool:
        """Wait for the client to close; whether it did within `seconds`."""
        self._handler.connection.settimeout(seconds)
        try:
            return self._handler.connection.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True


Script = Callable[[Exchange], None]


def fine(exchange: Exchange) -> None:
    """A short reply without log probabilities."""
    exchange.begin()
    exchange.say("All")
    exchange.say(" well")
    exchange.finish(usage={"prompt_tokens": 9, "completion_tokens": 2})


@dataclass
class ScriptedServer:
    """`url` has no `/v1`; `asked` grows with each request; scripts that fail are in `faults`."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=lambda: [fine])

    def play(self, *scripts: Script) -> None:
        """What the next requests are answered with, in turn."""
        self.asked.clear()
        self.scripts = list(scripts)

    def next_script(self) -> Script:
        return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script_server: ScriptedServer

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def do_GET(self) -> None:
        self._answer(None)

    def _answer(self, body: object) -> None:
        self.close_connection = True
        server = self.script_server
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        server.asked.append(asked)
        try:
            server.next_script()(Exchange(self, asked))
        except OSError:
            pass  # the client has gone, or the script has dropped it
        except Exception as fault:  # shown by the fixture instead of lost in this thread
            server.faults.append(fault)

    def finish(self) -> None:
        with suppress(OSError, ValueError):  # flushing a connection that was dropped
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """The server, ready to be asked; a script that failed fails the test."""
    server = ScriptedServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"script_server": server}))
    http.daemon_threads = True
    http.block_on_close = False
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
    if server.faults:
        raise server.faults[0]
