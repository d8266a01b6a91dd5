"""Hub models against a real server on loopback: what is told before, during and after a download, and
what happens when the line, the server, the disk or the visitor does not play along."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import constants, snapshot_download
from safetensors.numpy import save

from playground.catalog import Entry, HubSource
from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase, Task
from playground.weights import blob_download, hub_errors
from playground.weights.store import WeightStore
from playground.weights.types import State
from tests.support.hub_server import HubServer, Repo, plain_library, serve_hub, sha256
from tests.support.ports import free_port
from tests.tiny_models.causal_lm import tiny_llama

TENSORS = save({"weight": np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)})  # 1 MB
FILES = {"config.json": b'{"model_type": "llama"}', "tokenizer.json": b"{}" * 100, "model.safetensors": TENSORS}
BESIDE = {"README.md": b"hello", "pytorch_model.bin": b"pickle", "model.onnx": b"onnx", "modeling.py": b"import os"}
TOTAL = sum(map(len, FILES.values()))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """A hub with one model, and a client that does not dawdle between two tries."""
    plain_library(monkeypatch, tmp_path)
    monkeypatch.setattr(blob_download, "PAUSE", 0.05)
    with serve_hub() as server:
        server.repos["acme/tiny"] = Repo(FILES | BESIDE)
        yield server


@pytest.fixture
def store(hub: HubServer, tmp_path: Path) -> WeightStore:
    return WeightStore(tmp_path / "cache", tmp_path / "assets", hub_endpoint=hub.url, hub_cache=tmp_path / "hub")


def entry(repo: str = "acme/tiny", gated: bool = False, **source: Any) -> Entry:
    return Entry.model_validate(
        {
            "id": "tiny",
            "tab": "chat",
            "label": "Tiny",
            "family": "causal-lm",
            "licence": "MIT",
            "gated": gated,
            "download_bytes": 5,
            "sources": [{"kind": "hub", "repo": repo, **source}],
        }
    )


def blobs(tmp_path: Path) -> Path:
    return tmp_path / "hub" / "models--acme--tiny" / "blobs"


def stopping_after(count: int) -> tuple[Task, list[Phase], list[float]]:
    """A task that is stopped, as by a visitor, once so many bytes have come."""
    phases: list[Phase] = []
    stopped: list[float] = []

    def report(phase: Phase) -> None:
        phases.append(phase)
        if phase.done >= count and not stopped:
            stopped.append(time.monotonic())
            task.cancel()

    task = Task(report)
    return task, phases, stopped


# The plain way


def test_a_real_model_is_fetched_and_loads(hub: HubServer, store: WeightStore, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tiny_llama(tmp_path / "made")
    hub.repos["acme/llama"] = Repo({path.name: path.read_bytes() for path in folder.iterdir()})
    weights = store.fetch(entry("acme/llama"), Task())
    assert (weights.format, weights.source) == ("folder", "acme/llama on the hub")
    AutoModelForCausalLM.from_pretrained(weights.path, use_safetensors=True)
    assert AutoTokenizer.from_pretrained(weights.path)("Hello").input_ids


def test_the_size_is_told_before_and_counted_during(hub: HubServer, store: WeightStore) -> None:
    hub.seconds_per_block = 0.01
    model = entry()
    assert store.state(model) is State.TO_DOWNLOAD
    assert store.missing_bytes(model, Task()) == TOTAL
    assert hub.bodies_asked() == []
    phases: list[Phase] = []
    weights = store.fetch(model, Task(phases.append))
    assert {path.name: path.read_bytes() for path in weights.path.iterdir()} == FILES  # and nothing of BESIDE
    assert {(phase.kind, phase.what, phase.total) for phase in phases} == {("downloading", "Tiny", TOTAL)}
    done = [phase.done for phase in phases]
    assert done == sorted(done)
    assert len(set(done)) > 3
    assert done[-1] == TOTAL
    assert store.state(model) is State.CACHED
    assert store.missing_bytes(model, Task()) == 0


def test_a_cached_model_needs_no_network(
    hub: HubServer, store: WeightStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = store.fetch(entry(), Task())

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for offline in (False, True):
        later = WeightStore(tmp_path / "cache", tmp_path / "assets", offline, hub.url, tmp_path / "hub")
        assert later.state(entry()) is State.CACHED
        assert later.missing_bytes(entry(), Task()) == 0
        phases: list[Phase] = []
        assert later.fetch(entry(), Task(phases.append)) == weights
        assert phases == []  # verified while it came: not read again


def test_the_hub_the_library_is_configured_for(hub: HubServer, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from playground.catalog import Entry\nfrom playground.runtime.task import Task\n"
        "from playground.weights.store import WeightStore\n"
        "entry = Entry.model_validate_json(sys.argv[2])\n"
        "print(WeightStore(Path(sys.argv[1]), Path(sys.argv[1])).fetch(entry, Task()).path)"
    )
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_CACHE": str(tmp_path / "theirs"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-c", script, str(tmp_path / "cache"), entry().model_dump_json()]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert Path(ended.stdout.strip()).is_relative_to(tmp_path / "theirs")


# Stop, and lines that break


def test_stop_leaves_at_once_and_the_next_try_goes_on(hub: HubServer, store: WeightStore, tmp_path: Path) -> None:
    hub.seconds_per_block = 0.05
    task, phases, stopped = stopping_after(200_000)
    with pytest.raises(Cancelled):
        store.fetch(entry(), task)
    assert time.monotonic() - stopped[0] < 1
    assert store.state(entry()) is State.TO_DOWNLOAD
    part = blobs(tmp_path) / f"{sha256(TENSORS)}.incomplete"
    kept = part.stat().st_size
    assert kept >= 190_000
    assert not (blobs(tmp_path) / sha256(TENSORS)).exists()

    hub.seconds_per_block = 0
    hub.asked.clear()
    assert store.missing_bytes(entry(), Task()) <= TOTAL - kept
    phases.clear()
    weights = store.fetch(entry(), Task(phases.append))
    assert (weights.path / "model.safetensors").read_bytes() == TENSORS
    assert phases[-1].done == phases[-1].total == TOTAL
    ranges = [one.range for one in hub.asked if one.path.startswith("/cdn/")]
    assert len(ranges) == 1
    assert int(str(ranges[0]).removeprefix("bytes=").rstrip("-")) >= kept
    assert not part.exists()


def test_stop_is_obeyed_by_a_server_that_never_answers(tmp_path: Path, hub: HubServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        store = WeightStore(tmp_path / "cache", tmp_path / "assets", hub_endpoint=address, hub_cache=tmp_path / "hub")
        for work in (store.fetch, store.missing_bytes):
            task = Task()
            threading.Timer(0.3, task.cancel).start()
            began = time.monotonic()
            with pytest.raises(Cancelled):
                work(entry(), task)
            assert time.monotonic() - began < 2


def test_a_line_that_breaks_is_taken_up_where_it_broke(hub: HubServer, store: WeightStore) -> None:
    hub.seconds_per_block = 0.01
    hub.cuts = [100_000, 0, 300_000]
    hub.busy = 1
    phases: list[Phase] = []
    weights = store.fetch(entry(), Task(phases.append))
    assert (weights.path / "model.safetensors").read_bytes() == TENSORS
    ranges = [one.range for one in hub.asked if one.path.startswith("/cdn/")]
    assert ranges == [None, None, "bytes=100000-", "bytes=100000-", "bytes=400000-"]
    assert phases[-1] == Phase("downloading", "Tiny", TOTAL, TOTAL)


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(hub: HubServer, store: WeightStore) -> None:
    hub.cuts = [500_000]
    hub.ranges = False
    hub.seconds_per_block = 0.01
    phases: list[Phase] = []
    weights = store.fetch(entry(), Task(phases.append))
    assert (weights.path / "model.safetensors").read_bytes() == TENSORS
    done = [phase.done for phase in phases]
    assert done == sorted(done)


def test_a_line_that_stays_broken_says_so_while_and_after(
    hub: HubServer, store: WeightStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(blob_download, "PAUSE", 0.3)
    hub.cuts = [100_000] + [0] * 20
    phases: list[Phase] = []
    with pytest.raises(UserError, match=r"cannot be reached.*Check the connection.*is kept"):
        store.fetch(entry(), Task(phases.append))
    assert Phase("downloading", "Tiny (connection lost, trying again)", 100_000, TOTAL) in phases
    assert (blobs(tmp_path) / f"{sha256(TENSORS)}.incomplete").stat().st_size == 100_000


def test_two_who_ask_for_the_same_model_download_it_once(hub: HubServer, store: WeightStore) -> None:
    hub.seconds_per_block = 0.01
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(store.fetch(entry(), Task()).path)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len([one for one in hub.asked if one.path.startswith("/cdn/")]) == 1


# Files that are not what was published


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("model.safetensors", TENSORS[:-1] + b"?"),
        ("model.safetensors", TENSORS[:-1000]),
        ("model.safetensors", TENSORS + b"more"),
        ("tokenizer.json", FILES["tokenizer.json"][:-1] + b" "),
    ],
)
def test_what_was_altered_on_the_way_is_removed(
    hub: HubServer, store: WeightStore, tmp_path: Path, name: str, wrong: bytes
) -> None:
    hub.instead = {FILES[name]: wrong}
    with pytest.raises(UserError, match=r"[Tt]ry again"):
        store.fetch(entry(), Task())
    assert wrong not in [path.read_bytes() for path in blobs(tmp_path).iterdir()]
    assert store.state(entry()) is State.TO_DOWNLOAD
    hub.instead = {}
    assert (store.fetch(entry(), Task()).path / name).read_bytes() == FILES[name]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["cut short", "altered"])
def test_what_was_damaged_on_this_disk_is_removed_and_told(
    hub: HubServer, store: WeightStore, name: str, how: str
) -> None:
    file = store.fetch(entry(), Task()).path / name
    file.write_bytes(FILES[name][:-1] + (b"" if how == "cut short" else b"?"))
    with pytest.raises(UserError, match=rf"{name} of acme/tiny on this disk was damaged.* removed\. Try again"):
        store.fetch(entry(), Task())
    assert not file.exists()
    assert store.state(entry()) is State.TO_DOWNLOAD
    assert store.missing_bytes(entry(), Task()) == len(FILES[name])
    hub.asked.clear()
    assert (store.fetch(entry(), Task()).path / name).read_bytes() == FILES[name]
    assert len([one for one in hub.bodies_asked() if "Range" not in one.path and one.path.endswith(name)]) == 1


def test_what_others_downloaded_is_read_before_its_first_use(
    hub: HubServer, store: WeightStore, tmp_path: Path
) -> None:
    folder = Path(snapshot_download("acme/tiny", cache_dir=tmp_path / "hub", endpoint=hub.url))
    phases: list[Phase] = []
    store.fetch(entry(), Task(phases.append))
    assert phases[-1] == Phase("preparing", "Tiny (checking its files)", len(TENSORS), len(TENSORS))
    shutil.rmtree(tmp_path / "cache")
    (folder / "model.safetensors").write_bytes(TENSORS[:-1] + b"?")
    with pytest.raises(UserError, match="was damaged"):
        store.fetch(entry(), Task())


def test_a_stop_while_files_are_verified(hub: HubServer, store: WeightStore, tmp_path: Path) -> None:
    snapshot_download("acme/tiny", cache_dir=tmp_path / "hub", endpoint=hub.url)
    task, phases, _ = stopping_after(1)
    hub.repos.clear()
    with pytest.raises(Cancelled):
        store.fetch(entry(), task)
    assert phases[0].kind == "preparing"


def test_a_blob_in_a_store_shared_between_repositories(hub: HubServer, store: WeightStore, tmp_path: Path) -> None:
    """The library may keep the bytes under another hash, with the blob a link to them."""
    file = store.fetch(entry(), Task()).path / "model.safetensors"
    place = blobs(tmp_path) / sha256(TENSORS)
    shared = tmp_path / "hub" / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    place.rename(shared)
    place.symlink_to(shared)
    assert store.fetch(entry(), Task()).path == file.parent
    shared.write_bytes(TENSORS[:-1])
    with pytest.raises(UserError, match="was damaged"):
        store.fetch(entry(), Task())
    assert not shared.exists()
    assert not place.is_symlink()
    assert not file.is_symlink()


def test_a_system_without_links_keeps_one_copy(
    hub: HubServer, store: WeightStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import file_download

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_SYMLINKS", True)
    monkeypatch.setattr(file_download, "_are_symlinks_supported_in_dir", {})
    file = store.fetch(entry(), Task()).path / "model.safetensors"
    assert file.read_bytes() == TENSORS
    assert not file.is_symlink()
    assert list(blobs(tmp_path).iterdir()) == []
    assert store.fetch(entry(), Task()).path == file.parent
    file.write_bytes(TENSORS[:-1])
    with pytest.raises(UserError, match="was damaged"):
        store.fetch(entry(), Task())


@pytest.mark.parametrize("lost", ["vae/diffusion_pytorch_model.safetensors", "model_index.json"])
def test_a_cache_without_a_listing_is_judged_by_its_layout(
    hub: HubServer, store: WeightStore, tmp_path: Path, lost: str
) -> None:
    index = b'{"_class_name": "P", "unet": ["diffusers", "U"], "vae": ["diffusers", "V"]}'
    parts = {f"{part}/diffusion_pytorch_model.safetensors": TENSORS + part.encode() for part in ("unet", "vae")}
    hub.repos["acme/tiny"] = Repo({"model_index.json": index, **parts})
    folder = store.fetch(entry(), Task()).path
    listing = tmp_path / "hub" / "models--acme--tiny" / "trees" / f"{folder.name}.json"
    listing.rename(tmp_path / "listing.json")
    from huggingface_hub import _tree_cache

    _tree_cache._IN_MEMORY_TREE_CACHE.clear()
    assert store.state(entry()) is State.CACHED
    (folder / lost).unlink()
    assert store.state(entry()) is State.TO_DOWNLOAD


# What is refused, and how it is said


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"config.json": b"{}", "pytorch_model.bin": b"x"}, r"pickle files, and loading one.*Choose a model with"),
        ({"config.json": b"{}"}, r"holds no \.safetensors file"),
        ({"a.gguf": b"GGUF", "b.gguf": b"GGUF"}, r"holds \.gguf files\. Name the one you want"),
        ({"../../evil.safetensors": TENSORS}, "would land elsewhere"),
        ({"C:\\evil.safetensors": TENSORS}, "would land elsewhere"),
        ({"/etc/evil.safetensors": TENSORS}, "would land elsewhere"),
    ],
)
def test_a_repository_nothing_can_be_loaded_from(
    hub: HubServer, store: WeightStore, tmp_path: Path, files: dict[str, bytes], why: str
) -> None:
    hub.repos["acme/tiny"] = Repo(files)
    assert store.missing_bytes(entry(), Task()) == 5
    with pytest.raises(UserError, match=why):
        store.fetch(entry(), Task())
    assert hub.bodies_asked() == []
    assert not (tmp_path / "hub").exists()


def test_one_gguf_by_its_pattern(hub: HubServer, store: WeightStore) -> None:
    hub.repos["acme/tiny"] = Repo({"tiny-q4.gguf": b"GGUF4", "tiny-q8.gguf": b"GGUF8", "config.json": b"{}"})
    with pytest.raises(UserError, match=r"matches 2 \.gguf files \(tiny-q4\.gguf, tiny-q8\.gguf"):
        store.fetch(entry(files=["*.gguf"]), Task())
    weights = store.fetch(entry(files=["*q4.gguf"]), Task())
    assert (weights.path.name, weights.format) == ("tiny-q4.gguf", "gguf")
    assert weights.path.read_bytes() == b"GGUF4"
    assert store.state(entry(files=["*q4.gguf"])) is State.CACHED
    assert store.state(entry(files=["*q8.gguf"])) is State.TO_DOWNLOAD


def test_pickles_do_not_come_even_when_asked_for(hub: HubServer, store: WeightStore) -> None:
    weights = store.fetch(entry(files=["*"]), Task())
    assert {path.name for path in weights.path.iterdir()} == {*FILES, "README.md"}


def test_a_gated_model_says_where_to_ask(hub: HubServer, store: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repos["acme/tiny"].gated = True
    assert store.state(entry(gated=True)) is State.GATED
    with pytest.raises(
        UserError, match=rf"gated: accept its licence at {hub.url}/acme/tiny in a browser\. Then.*HF_TOKEN"
    ):
        store.fetch(entry(gated=True), Task())
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.asked.clear()
    store.fetch(entry(gated=True), Task())
    assert store.state(entry(gated=True)) is State.CACHED
    sent = {one.authorization for one in hub.asked if one.path.startswith("/cdn/")}
    assert sent == {None}  # the token stays with the hub
    assert {one.authorization for one in hub.asked if not one.path.startswith("/cdn/")} == {"Bearer hf_secret"}


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, r"\(HTTP 401\).*hf auth login"),
        (403, r"\(HTTP 403\).*hf auth login"),
        (404, r"\(HTTP 404\).*Check `repo`"),
        (429, "asks for a pause"),
        (503, r"trouble of its own \(HTTP 503\)"),
    ],
)
def test_what_the_server_answers_is_translated(hub: HubServer, store: WeightStore, status: int, why: str) -> None:
    hub.status = status
    assert store.missing_bytes(entry(), Task()) == 5
    with pytest.raises(UserError, match=why):
        store.fetch(entry(), Task())


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (entry("acme/none"), "There is no model acme/none"),
        (entry(revision="v9"), "has no revision “v9”"),
        (entry(revision="../../refs"), "not a revision"),
        (entry("../.."), "not the name of a model"),
    ],
)
def test_names_that_do_not_exist(store: WeightStore, model: Entry, why: str) -> None:
    assert store.state(model) is State.TO_DOWNLOAD
    with pytest.raises(UserError, match=why):
        store.fetch(model, Task())


def test_no_network(hub: HubServer, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    store = WeightStore(tmp_path / "cache", tmp_path / "assets", hub_endpoint=address, hub_cache=tmp_path / "hub")
    assert store.missing_bytes(entry(), Task()) == 5  # the catalogue's figure
    with pytest.raises(UserError, match=rf"{address} cannot be reached.*Check the connection.*HF_ENDPOINT"):
        store.fetch(entry(), Task())


def test_the_librarys_own_offline_switch(store: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        store.fetch(entry(), Task())


def test_a_disk_too_small_is_told_before_the_first_byte(
    hub: HubServer, store: WeightStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": TOTAL - 1})())
    with pytest.raises(UserError, match=r"has 1 MB free and 1 MB are needed\. Free some space"):
        store.fetch(entry(), Task())
    assert hub.bodies_asked() == []


def test_a_disk_that_fills_up_on_the_way(
    hub: HubServer, store: WeightStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append: Callable[[blob_download.PartialFile, bytes], None] = blob_download.PartialFile.append

    def until_full(file: blob_download.PartialFile, block: bytes) -> None:
        if file.size > 300_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(file, block)

    monkeypatch.setattr(blob_download.PartialFile, "append", until_full)
    with pytest.raises(UserError, match=r"disk filled up.*Free some space and try again: what came is kept"):
        store.fetch(entry(), Task())
    assert (blobs(tmp_path) / f"{sha256(TENSORS)}.incomplete").stat().st_size > 300_000


def test_an_error_nobody_thought_of_still_names_model_and_host(hub: HubServer) -> None:
    source = HubSource(kind="hub", repo="acme/tiny")
    words = str(hub_errors.explain(OSError("odd"), source, hub.url))
    assert words.startswith(f"acme/tiny could not be downloaded from {hub.url}: odd.")
