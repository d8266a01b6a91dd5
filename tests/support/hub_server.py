"""A hub on loopback: the part of its protocol `huggingface_hub` needs, and ways to misbehave.

Invariants: real HTTP over a real socket. Files of the kinds a hub keeps in its big-file
storage are announced by their sha256 and served, by redirect, from another origin (`localhost`
instead of `127.0.0.1`), as the real one does; all others by their git object id, from the hub itself.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

# Kinds of files a hub keeps in its big-file storage, whatever their size.
BIG = (".safetensors", ".gguf", ".bin")
BLOCK = 16 * 1024


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Repo:
    """One repository: its files by name, and who may read it."""

    files: dict[str, bytes]
    gated: bool = False
    revisions: tuple[str, ...] = ("main",)

    @property
    def commit(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    range: str | None
    authorization: str | None


@dataclass
class HubServer:
    """What is served and how. Change it while it runs; `asked` remembers every request."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    seconds_per_block: float = 0.0  # how slow a file comes
    cuts: list[int] = field(default_factory=list)  # each: drop the connection after so many bytes of one big file
    instead: dict[bytes, bytes] = field(default_factory=dict)  # content served in place of another
    status: int | None = None  # answer everything with this
    busy: int = 0  # so many answers of 503 before a big file
    ranges: bool = True  # honour Range

    def bodies_asked(self) -> list[Asked]:
        """The requests for contents, as against for lists and headers."""
        return [one for one in self.asked if one.method == "GET" and not one.path.startswith("/api/")]


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms between its headers and its body

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        split = urlsplit(self.path)
        headers = self.headers
        self.hub.asked.append(Asked(self.command, split.path, headers.get("Range"), headers.get("Authorization")))
        parts = unquote(split.path).strip("/").split("/")
        if self.hub.status is not None:
            self._refuse(self.hub.status, "")
        elif parts[0] == "cdn":
            self._big_file(parts[1])
        else:
            self._repository(parts, blobs="blobs" in parse_qs(split.query))

    def _repository(self, parts: list[str], blobs: bool) -> None:
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        repo = self.hub.repos.get(name)
        if repo is None:
            return self._refuse(404, "RepoNotFound")
        rest = parts[4:] if api else parts[2:]
        revision = rest[1] if len(rest) > 1 else "main"
        if revision not in (*repo.revisions, repo.commit):
            return self._refuse(404, "RevisionNotFound")
        if not api:
            return self._resolve(repo, "/".join(rest[2:]))
        if rest[:1] == ["tree"]:
            return self._json([self._entry(path, content) for path, content in repo.files.items()])
        return self._info(name, repo, blobs)

    def _info(self, name: str, repo: Repo, blobs: bool) -> None:
        siblings = []
        for path, content in repo.files.items():
            entry = self._entry(path, content)
            sibling: dict[str, object] = {"rfilename": path}
            if blobs:
                sibling |= {"size": entry["size"], "blobId": entry["oid"]}
                if "lfs" in entry:
                    sibling["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 130}
            siblings.append(sibling)
        self._json({"id": name, "sha": repo.commit, "siblings": siblings, "tags": []})

    def _entry(self, path: str, content: bytes) -> dict[str, object]:
        entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": git_id(content)}
        if path.endswith(BIG):
            entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 130}
        return entry

    def _resolve(self, repo: Repo, path: str) -> None:
        if repo.gated and self.headers.get("Authorization") is None:
            return self._refuse(401, "GatedRepo")
        if path not in repo.files:
            return self._refuse(404, "EntryNotFound")
        content = repo.files[path]
        headers = {"X-Repo-Commit": repo.commit}
        if not path.endswith(BIG):
            return self._body(content, headers | {"ETag": f'"{git_id(content)}"'})
        elsewhere = self.hub.url.replace("127.0.0.1", "localhost")
        self.send_response(302)
        headers |= {"Location": f"{elsewhere}/cdn/{sha256(content)}", "Content-Length": "0"}
        for key, value in (
            headers | {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        ).items():
            self.send_header(key, value)
        self.end_headers()
        return None

    def _big_file(self, digest: str) -> None:
        if self.hub.busy:
            self.hub.busy -= 1
            return self._refuse(503, "")
        contents = [content for repo in self.hub.repos.values() for content in repo.files.values()]
        content = next(content for content in contents if sha256(content) == digest)
        cut = self.hub.cuts.pop(0) if self.hub.cuts else None
        return self._body(content, {"ETag": f'"{digest}"'}, cut)

    def _body(self, content: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        content = self.hub.instead.get(content, content)
        start, total = 0, len(content)
        if (asked := self.headers.get("Range")) and self.hub.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= total:
                return self._refuse(416, "")
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(total - start))
        self.end_headers()
        if self.command == "HEAD":
            return None
        body = content[start:][:cut]
        for at in range(0, len(body), BLOCK):
            self.wfile.write(body[at : at + BLOCK])
            time.sleep(self.hub.seconds_per_block)
        if cut is not None:
            self.close_connection = True
        return None

    def _json(self, data: object) -> None:
        self._body(json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the client stopped: what these tests are about
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve_hub() -> Iterator[HubServer]:
    """A running server without repositories, closed at the end."""
    hub = HubServer()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def plain_library(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """`huggingface_hub` as on a machine of its own: online, no token, and asking no other host than the test's."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
