"""What a download from the hub would bring, known before its first byte.

Invariants: safetensors (or one GGUF) and what belongs to them, never a pickle; a repository
from which nothing could be loaded is refused here, with the reason. Only imported lazily.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, try_to_load_from_cache
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import filter_repo_objects

from playground.catalog import HubSource
from playground.errors import UserError
from playground.weights.hub_errors import HUB_ERRORS, explain
from playground.weights.local_folders import PICKLES, WHY_NOT_PICKLE
from playground.weights.source import is_safe_name

WANTED = ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model", "*.tiktoken", "tokenizer*")
NEVER = (*PICKLES, "*.py", "*.onnx", "*.zip", "*.tar*")
ALLOWABLE = ("*.bin", "*.pth")  # by name and hash, see `HubSource.pickles`
# The same weights a second time: in a layout `from_pretrained` does not read, or for other runtimes.
TWICE = ("consolidated*.safetensors", "original/*", "onnx/*", "openvino/*")
# Of a pipeline of diffusers: its folders, without the single-file checkpoints beside them, and one variant of the
# weights ("model.fp16.safetensors"). The safety checker is never loaded, so it is not fetched either.
PIPELINE = ("model_index.json", "*/*.json", "*/*.txt", "*/*.jinja", "*/*.model", "*/*.tiktoken")
VARIANTS = ("fp16", "bf16", "fp32", "non_ema")
UNUSED_PARTS = ("safety_checker/*.safetensors", "*/flax_*", "*/openvino_*")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RemoteFile:
    """One file still to come, sizes in bytes. `blob` is its name in the cache: the sha256 of a big file."""

    name: str
    size: int
    blob: str
    here: int  # of an earlier, stopped download

    @property
    def big(self) -> bool:
        """Kept by the hub under its sha256 (git LFS), not in git itself."""
        return SHA256.fullmatch(self.blob) is not None


@dataclass(frozen=True)
class Plan:
    """The files a download will bring."""

    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def total(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def missing(self) -> int:
        return sum(file.size - file.here for file in self.files)


def patterns(source: HubSource) -> dict[str, Any]:
    """The two arguments every call of the library about this source takes."""
    if source.pickles:  # the catalogue made sure that no pattern beside them can match another one
        wanted = (*(source.files or ("*.json",)), *(pickle.file for pickle in source.pickles))
        return {"allow_patterns": list(wanted), "ignore_patterns": [p for p in NEVER if p not in ALLOWABLE]}
    if source.pipeline and not source.files:
        mark = f".{source.variant}" if source.variant else ""
        weights = [f"*/*{mark}.safetensors", f"*/*{mark}-?????-of-?????.safetensors"]
        others = [f"*/*.{name}*.safetensors" for name in VARIANTS if not mark]
        return {
            "allow_patterns": [*PIPELINE, *weights],
            "ignore_patterns": [*NEVER, *TWICE, *UNUSED_PARTS, *others],
        }
    ignored = NEVER if source.files else NEVER + TWICE
    return {"allow_patterns": list(source.files or WANTED), "ignore_patterns": list(ignored)}


def blobs_folder(source: HubSource, cache: Path) -> Path:
    return cache / repo_folder_name(repo_id=source.repo, repo_type="model") / "blobs"


def partial_path(blob: Path) -> Path:
    """Where a blob grows: the name the hub's own cache tools know, and clean up, as an unfinished download."""
    return blob.with_name(f"{blob.name}.incomplete")


def make_plan(source: HubSource, cache: Path, endpoint: str | None) -> Plan:
    """Ask the hub, in one request, for every file's size and hash. Raises `UserError`."""
    if not is_safe_name(source.revision):
        raise UserError(f"“{source.revision}” is not a revision of {source.repo}. Mend `revision` in the catalogue.")
    try:
        info = HfApi(endpoint=endpoint).model_info(
            source.repo, revision=source.revision, files_metadata=True, timeout=constants.HF_HUB_ETAG_TIMEOUT
        )
    except HUB_ERRORS as error:
        raise explain(error, source, endpoint) from error
    siblings = {file.rfilename: file for file in info.siblings or ()}
    names = list(filter_repo_objects(siblings, **patterns(source)))
    _refuse(source, list(siblings), names)
    _refuse_changed(source, {name: (file.lfs.sha256 if file.lfs else "") for name, file in siblings.items()})
    files = []
    for name in names:
        file = siblings[name]
        blob = (file.lfs.sha256 if file.lfs else file.blob_id) or ""
        path = blobs_folder(source, cache) / blob
        cached = try_to_load_from_cache(source.repo, name, cache_dir=cache, revision=info.sha)
        if not isinstance(cached, str) and not path.is_file():
            part = partial_path(path)
            here = part.stat().st_size if part.is_file() else 0
            files.append(RemoteFile(name, file.size or 0, blob, min(here, file.size or 0)))
    return Plan(str(info.sha), tuple(files))


def _refuse(source: HubSource, everything: list[str], names: list[str]) -> None:
    repo = source.repo
    for name in names:
        if not is_safe_name(name):
            raise UserError(
                f"{repo} holds a file named “{name[:80]}”, which would land elsewhere on this disk. Do not use it."
            )
    if source.pickles:
        return
    ggufs = [name for name in names if name.endswith(".gguf")]
    if len(ggufs) > 1:
        raise UserError(
            f"`files` of {repo} matches {len(ggufs)} .gguf files ({', '.join(ggufs[:3])}, …). Name one of them."
        )
    if ggufs or any(name.endswith(".safetensors") for name in names):
        return
    if any(name.endswith(".gguf") for name in everything):
        raise UserError(f"{repo} holds .gguf files. Name the one you want in `files` in the catalogue.")
    if list(filter_repo_objects(everything, allow_patterns=list(PICKLES))):
        raise UserError(
            f"{repo} has its weights only {WHY_NOT_PICKLE}. "
            "Choose a model with .safetensors files; many have a converted copy, or a revision with one. (A .bin or "
            ".pth that somebody has looked at can be allowed by its sha256: `pickles` in the catalogue.)"
        )
    raise UserError(f"{repo} holds no .safetensors file that `files` would take. Choose another model.")


def _refuse_changed(source: HubSource, published: dict[str, str]) -> None:
    """Allow-listed pickles that are not, or not any more, the bytes that were allowed: before any of them comes."""
    for pickle in source.pickles:
        if pickle.file not in published:
            raise UserError(f"{source.repo} holds no file “{pickle.file}”. Mend `pickles` in the catalogue.")
        if published[pickle.file] != pickle.sha256:
            raise UserError(not_the_allowed(source.repo, pickle.file))


def not_the_allowed(repo: str, file: str) -> str:
    """Why a pickle on the allow-list is refused all the same."""
    return (
        f"{file} of {repo} is not the file that the catalogue allows (its sha256 differs). It is a pickle, and "
        "loading one can run any program hidden in it, so it was not read. Look at the new file before you allow it, "
        "or choose a model with .safetensors files."
    )
