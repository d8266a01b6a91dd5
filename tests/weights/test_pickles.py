"""Pickles: refused with a reason, or, where the catalogue allows these very bytes, read as data and converted once."""

import contextlib
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from playground.catalog import Entry, HubSource, read_catalog
from playground.errors import UserError
from playground.runtime.task import Phase, Task
from playground.weights.local_folders import fault
from playground.weights.pickles import read_tensors
from playground.weights.store import WeightStore
from playground.weights.types import State
from tests.support.hub_server import HubServer, Repo, plain_library, serve_hub, sha256

CONFIG = b'{"model_type": "gan"}'


class Payload:
    """What a hostile pickle holds: loading it calls something."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


class Callback:
    """What a training framework's checkpoint holds beside its weights: an object of a class of its own."""

    def __init__(self) -> None:
        self.best = Path("somewhere") / "best.ckpt"


def saved(path: Path, content: object) -> bytes:
    import torch

    torch.save(content, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A checkpoint as they are published: a state dict, nested, with a counter and two names for one tensor."""
    import torch

    tensor = torch.arange(6, dtype=torch.float32).view(2, 3)
    content = {"g": {"layer.weight": tensor, "tied": tensor, "turned": tensor.t()}, "step": 100, "name": "gan"}
    return saved(tmp_path_factory.mktemp("pickle") / "weights.bin", content)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    plain_library(monkeypatch, tmp_path)
    with serve_hub() as server:
        yield server


def a_store(hub: HubServer, tmp_path: Path, offline: bool = False) -> WeightStore:
    return WeightStore(
        tmp_path / "cache", tmp_path / "assets", offline, hub_endpoint=hub.url, hub_cache=tmp_path / "hub"
    )


def serve(hub: HubServer, content: bytes, name: str = "weights.bin") -> Repo:
    repo = Repo({"config.json": CONFIG, name: content, "other.bin": b"another pickle", "run.py": b"import os"})
    hub.repos["acme/gan"] = repo
    return repo


def entry(repo: Repo, digest: str, file: str = "weights.bin", **source: Any) -> Entry:
    return Entry.model_validate(
        {
            "id": "gan", "tab": "gan", "label": "A GAN", "family": "causal-lm", "licence": "MIT",
            "sources": [
                {
                    "kind": "hub", "repo": "acme/gan", "revision": repo.commit,
                    "pickles": [{"file": file, "sha256": digest}], **source,
                }
            ],
        }
    )  # fmt: skip


def test_an_allowed_pickle_is_converted_once_and_needs_no_network_again(
    hub: HubServer, tmp_path: Path, weights: bytes
) -> None:
    from safetensors.torch import load_file

    repo = serve(hub, weights)
    model, store = entry(repo, sha256(weights)), a_store(hub, tmp_path)
    assert store.state(model) is State.TO_DOWNLOAD
    phases: list[Phase] = []
    found = store.fetch(model, Task(phases.append))
    assert found.format == "folder" and "converted" in found.source
    assert {path.name for path in found.path.iterdir()} == {"config.json", "weights.safetensors"}
    tensors = load_file(found.path / "weights.safetensors")
    assert sorted(tensors) == ["g.layer.weight", "g.tied", "g.turned"]
    assert tensors["g.turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert {phase.kind for phase in phases} >= {"downloading", "preparing"}
    assert not any("other.bin" in asked.path or "run.py" in asked.path for asked in hub.asked)
    hub.asked.clear()
    again = a_store(hub, tmp_path, offline=True)
    assert again.state(model) is State.CACHED and again.missing_bytes(model, Task()) == 0
    assert again.fetch(model, Task()) == found
    assert hub.asked == []


def test_another_hash_is_refused_before_the_first_byte(hub: HubServer, tmp_path: Path, weights: bytes) -> None:
    repo = serve(hub, weights)
    with pytest.raises(UserError, match=r"sha256 differs.*run any program hidden in it"):
        a_store(hub, tmp_path).fetch(entry(repo, "0" * 64), Task())
    assert hub.bodies_asked() == []
    with pytest.raises(UserError, match=r"no file “missing\.bin”"):
        a_store(hub, tmp_path).fetch(entry(repo, sha256(weights), "missing.bin"), Task())


def test_a_file_changed_on_this_disk_is_not_read(hub: HubServer, tmp_path: Path, weights: bytes) -> None:
    repo = serve(hub, weights)
    model = entry(repo, sha256(weights))
    store = a_store(hub, tmp_path)
    found = store.fetch(model, Task()).path
    for file in found.iterdir():
        file.unlink()
    found.rmdir()
    proof = tmp_path / "it ran"
    blob = tmp_path / "hub" / "models--acme--gan" / "blobs" / sha256(weights)
    blob.write_bytes(pickle.dumps({"a": Payload(proof)}))
    with pytest.raises(UserError):
        store.fetch(model, Task())
    assert not proof.exists() and not found.exists()


@pytest.mark.filterwarnings("ignore")  # torch's, of an old format
@pytest.mark.parametrize("form", ["plain pickle", "torch file"])
def test_an_allowed_pickle_that_would_run_something_does_not_run_it(hub: HubServer, tmp_path: Path, form: str) -> None:
    import torch

    proof = tmp_path / "it ran"
    content = {"weight": Payload(proof)}
    data = pickle.dumps(content) if form == "plain pickle" else saved(tmp_path / "hostile.bin", content)
    with contextlib.suppress(RuntimeError):  # what the plain pickle then gives is no checkpoint
        torch.load(io.BytesIO(data), weights_only=False)
    proof.unlink()  # so the payload is real
    repo = serve(hub, data)
    with pytest.raises(UserError, match="holds more than tensors"):
        a_store(hub, tmp_path).fetch(entry(repo, sha256(data)), Task())
    assert not proof.exists()
    assert [path for path in (tmp_path / "cache" / "converted").iterdir() if path.is_dir()] == []


def test_a_training_frameworks_checkpoint_is_refused(tmp_path: Path) -> None:
    import torch

    content = {"state_dict": {"w": torch.zeros(2)}, "callbacks": {"checkpoint": Callback()}, "epoch": 3}
    saved(tmp_path / "last.bin", content)
    with pytest.raises(UserError, match="holds more than tensors"):
        read_tensors(tmp_path / "last.bin")


def test_files_that_are_no_weights_are_told(tmp_path: Path) -> None:
    import torch

    for name, data in {
        "empty.bin": b"",
        "text.bin": b"hello",
        "cut.bin": saved(tmp_path / "x", {"a": torch.zeros(9)})[:99],
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match="damaged"):
            read_tensors(tmp_path / name)
    for content in ({"step": 3}, [torch.zeros(2)], torch.zeros(2), {}):
        saved(tmp_path / "none.bin", content)
        with pytest.raises(UserError, match="holds no tensors"):
            read_tensors(tmp_path / "none.bin")
    saved(tmp_path / "wrapped.bin", {"state_dict": {"w": torch.ones(2)}})
    assert list(read_tensors(tmp_path / "wrapped.bin")) == ["w"]


@pytest.mark.parametrize("name", ["model.pkl", "model.ckpt", "model.pt", "model.bin", "model.pth"])
def test_pickles_that_nobody_allowed_are_refused_with_a_reason(hub: HubServer, tmp_path: Path, name: str) -> None:
    reason = "pickle files, and loading one of those can run any program"
    hub.repos["acme/gan"] = Repo({"config.json": CONFIG, name: b"x"})
    plain = Entry.model_validate(
        {
            "id": "gan", "tab": "gan", "label": "A GAN", "family": "causal-lm", "licence": "MIT",
            "sources": [{"kind": "hub", "repo": "acme/gan", "files": ["config.json", name]}],
        }
    )  # fmt: skip
    with pytest.raises(UserError, match=reason):
        a_store(hub, tmp_path).fetch(plain, Task())
    assert hub.bodies_asked() == []
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "config.json").write_bytes(CONFIG)
    (folder / name).write_bytes(b"x")
    assert reason in str(fault(folder)) and reason in str(fault(folder / name))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"pickles": [{"file": "a.bin", "sha256": "0" * 64}]}, "full commit"),
        ({"pickles": [{"file": "a.bin", "sha256": "0" * 63}], "revision": "0" * 40}, "pattern"),
        ({"pickles": [{"file": "a.pkl", "sha256": "0" * 64}], "revision": "0" * 40}, r"only \.bin and \.pth"),
        ({"pickles": [{"file": "a.ckpt", "sha256": "0" * 64}], "revision": "0" * 40}, r"only \.bin and \.pth"),
        ({"pickles": [{"file": "*.bin", "sha256": "0" * 64}], "revision": "0" * 40}, "pattern"),
        ({"pickles": [{"file": "../a.bin", "sha256": "0" * 64}], "revision": "0" * 40}, "pattern"),
        ({"pickles": [{"file": "a.bin", "sha256": "0" * 64}], "revision": "0" * 40, "files": ["*"]}, "may only match"),
    ],
)
def test_the_allow_list_is_exact(source: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        HubSource.model_validate({"kind": "hub", "repo": "acme/gan", **source})


def test_the_built_in_catalogue_allows_none() -> None:
    for model in read_catalog():
        assert not any(source.kind == "hub" and source.pickles for source in model.sources)
