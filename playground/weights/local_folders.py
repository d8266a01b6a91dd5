"""Models that lie on this disk already: folders that come with the app, folders and files of the user's.

Invariants: nothing here is ours to change. A fault is told, never mended, and a folder is
taken only in the layout `from_pretrained` reads, as safetensors.
"""

import json
from pathlib import Path

from playground.errors import UserError
from playground.runtime.task import Task
from playground.weights.types import Weights

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "*.h5", "*.msgpack")
WHY_NOT_PICKLE = "as pickle files, and loading one of those can run any program hidden in it"


class Folder:
    """A source that is a folder or a `.gguf` file here; `mend` tells what to do about a fault."""

    needs_network = False

    def __init__(self, path: Path, source: str, mend: str) -> None:
        self._path = path
        self._mend = mend
        self.name = source

    def find(self) -> Weights | None:
        if fault(self._path):
            return None
        return Weights(self._path, "gguf" if self._path.is_file() else "folder", self.name)

    def check(self, weights: Weights, _what: str, task: Task) -> None:
        from safetensors import SafetensorError, safe_open  # heavy: only where a model is about to load

        for file in _tensor_files(weights.path):
            task.check()
            try:
                # Opening reads the header and compares the length it announces with the file's.
                with safe_open(file, framework="np"):
                    pass
            except SafetensorError as error:
                raise UserError(f"{file} is damaged or cut short ({error}). {self._mend}") from error

    def missing_bytes(self, _task: Task) -> int:
        raise UserError(f"{fault(self._path)} {self._mend}")

    def fetch(self, _what: str, _task: Task) -> Weights:
        raise UserError(f"{fault(self._path)} {self._mend}")


def fault(path: Path) -> str | None:
    """Why nothing can be loaded from `path`, as a sentence, or None. Reads small json files at most."""
    if not path.is_dir():
        return _file_fault(path)
    if not _tensor_files(path):
        if any(next(path.glob(depth + pattern), None) for pattern in PICKLES for depth in ("", "*/")):
            return f"{path} holds its weights only {WHY_NOT_PICKLE}."
        return f"{path} holds no .safetensors file."
    if not (path / "config.json").is_file() and not (path / "model_index.json").is_file():
        return f"{path} has neither a config.json nor a model_index.json."
    try:
        missing = _missing_parts(path)
    except (ValueError, KeyError, AttributeError) as error:
        return f"An index in {path} cannot be read ({error})."
    return f"{path} lacks {', '.join(missing[:3])}." if missing else None


def _file_fault(path: Path) -> str | None:
    if not path.exists():
        return f"There is no folder or file {path}."
    if path.suffix != ".gguf":
        why = f" It keeps its weights {WHY_NOT_PICKLE}." if f"*{path.suffix}" in PICKLES else ""
        return f"{path} is neither a folder nor a .gguf file.{why}"
    with path.open("rb") as file:
        return None if file.read(4) == b"GGUF" else f"{path} is not a GGUF file, whatever its name says."


def _tensor_files(path: Path) -> list[Path]:
    """All safetensors of a layout: of the model itself, or one level down of a pipeline's parts."""
    return sorted([*path.glob("*.safetensors"), *path.glob("*/*.safetensors")])


def _missing_parts(folder: Path) -> list[str]:
    """Shards named by an index, and parts named by a pipeline, that are not there."""
    missing = []
    for index in (*folder.glob("*.safetensors.index*.json"), *folder.glob("*/*.safetensors.index*.json")):
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        missing += [shard for shard in sorted(shards) if not (index.parent / shard).is_file()]
    pipeline = folder / "model_index.json"
    if pipeline.is_file():
        for part, made_by in json.loads(pipeline.read_text(encoding="utf-8")).items():
            # A part is [library, class]; one the pipeline goes without is [null, null].
            if isinstance(made_by, list) and None not in made_by and not any((folder / part).glob("*")):
                missing.append(f"{part}/")
    return missing
