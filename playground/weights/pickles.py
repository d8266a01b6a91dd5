"""Pickles on the allow-list: read once, as data alone, and kept as safetensors from then on.

Invariants: the only place where a pickle is opened. Its name, commit and sha256 stand in the catalogue, its
bytes are hashed before they are read, and torch reads them with `weights_only=True`, which knows tensors and plain
values and calls nothing else.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.catalog import HubSource
from playground.errors import UserError
from playground.runtime.task import Phase, Task
from playground.weights.hashes import HashCache
from playground.weights.interruptible import held
from playground.weights.local_folders import Folder
from playground.weights.types import Weights

if TYPE_CHECKING:
    from torch import Tensor

    from playground.weights.hub import Hub

DEEPEST = 4  # dicts within dicts


class Pickled:
    """A hub source whose weights are allow-listed pickles; what it gives is a folder of safetensors in our cache."""

    needs_network = True

    def __init__(self, source: HubSource, hub: "Hub", converted: Path, stamps: HashCache) -> None:
        self._source = source
        self._hub = hub
        self._stamps = stamps
        hashes = "".join(pickle.sha256 for pickle in source.pickles) + source.revision
        name = f"{source.repo.replace('/', '--')}-{hashlib.sha256(hashes.encode()).hexdigest()[:16]}"
        self._folder = converted / name
        self.name = f"{hub.name}, converted"
        mend = f"Delete {self._folder} and try again."
        self._made = Folder(self._folder, self.name, mend)

    def find(self) -> Weights | None:
        return self._made.find()

    def check(self, weights: Weights, what: str, task: Task) -> None:
        self._made.check(weights, what, task)

    def missing_bytes(self, task: Task) -> int:
        return self._hub.missing_bytes(task)

    def fetch(self, what: str, task: Task) -> Weights:
        raw = self._hub.fetch(what, task).path
        with held(self._folder.with_name(f"{self._folder.name}.lock"), task):
            if self.find() is None:
                task.report(Phase("preparing", what))
                self._convert(raw, task)
        return self._made.find() or self._made.fetch(what, task)  # the latter says what is missing

    def _convert(self, raw: Path, task: Task) -> None:
        """Fill the folder: each pickle as safetensors beside the other files. All of it, or nothing."""
        from safetensors.torch import save_file

        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder.parent) as made:
            unfinished = Path(made) / "folder"
            unfinished.mkdir()
            for file in (*raw.glob("*.json"), *raw.glob("*.txt")):
                shutil.copyfile(file, unfinished / file.name)
            for pickle in self._source.pickles:
                task.check()
                tensors = self._read(raw / pickle.file, pickle.sha256, task)
                save_file(tensors, unfinished / f"{Path(pickle.file).stem}.safetensors", metadata={"format": "pt"})
            shutil.rmtree(self._folder, ignore_errors=True)
            os.replace(unfinished, self._folder)

    def _read(self, path: Path, sha256: str, task: Task) -> dict[str, "Tensor"]:
        from playground.weights.download_plan import not_the_allowed

        if self._stamps.sha256(path.resolve(), lambda _: task.check()) != sha256:
            raise UserError(not_the_allowed(self._source.repo, path.name))
        return read_tensors(path)


def read_tensors(path: Path) -> dict[str, "Tensor"]:
    """The tensors of a `.bin` or `.pth` file by name; those of nested dicts get names joined by dots.

    Numbers and words beside them (steps, names) are left out. Raises `UserError` for a file that holds anything that
    would have to be called or rebuilt, such as a training framework's checkpoint, and for one that holds no tensor.
    """
    from pickle import UnpicklingError

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise UserError(
            f"{path.name} holds more than tensors (or is damaged): reading it would mean to run what is hidden in it, "
            "so it was refused. Choose a model with .safetensors files, or a checkpoint of weights alone."
        ) from error
    while isinstance(content, dict) and list(content) == ["state_dict"]:
        content = content["state_dict"]
    # A copy each: safetensors keeps no tensors that share their memory.
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in _named(content, ())}
    if not tensors:
        raise UserError(f"{path.name} holds no tensors, so it is no model's weights. Choose another file.")
    return tensors


def _named(content: Any, path: tuple[str, ...]) -> Iterator[tuple[str, "Tensor"]]:
    from torch import Tensor

    if isinstance(content, Tensor) and path:
        yield ".".join(path), content
    elif isinstance(content, dict) and len(path) < DEEPEST:
        for key, value in content.items():
            yield from _named(value, (*path, str(key)))
