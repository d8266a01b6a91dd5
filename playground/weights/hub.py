"""Models of a hub: listed, downloaded and kept by `huggingface_hub` in its own cache.

Invariants: safetensors (or one GGUF) and what belongs to them, never a pickle that is not on the
allow-list (and those only for `pickles` to convert); a cached model needs no network; a file is used
when its content hashes to the name the hub gave it.

The layout of the cache is the library's documented one: `snapshots/<commit>/<file>` is a link to
`blobs/<etag>`, the etag being the sha256 of a big file and the git object id of a small one.
Only imported lazily.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import constants, get_cached_repo_tree, hf_hub_url, snapshot_download
from huggingface_hub.errors import CachedRepoTreeNotFoundError, HFValidationError, LocalEntryNotFoundError
from huggingface_hub.utils import filter_repo_objects
from tqdm import tqdm

from playground.catalog import HubSource
from playground.errors import UserError
from playground.runtime.task import Task
from playground.weights.blob_download import fetch_blob
from playground.weights.download_plan import SHA256, Plan, RemoteFile, blobs_folder, make_plan, patterns
from playground.weights.hashes import HashCache, git_sha1
from playground.weights.hub_errors import HUB_ERRORS, explain
from playground.weights.interruptible import held, run_stoppable
from playground.weights.local_folders import fault
from playground.weights.source import ProgressMeter, is_safe_name, preparing, require_space
from playground.weights.types import Weights

GIT_SHA1 = re.compile(r"[0-9a-f]{40}")


class Hub:
    """One repository at one revision. `cache` None and `endpoint` None: as the library is configured."""

    needs_network = True

    def __init__(
        self, source: HubSource, locks: Path, stamps: HashCache, cache: Path | None, endpoint: str | None
    ) -> None:
        self._source = source
        self._locks = locks
        self._stamps = stamps
        self._cache = cache or Path(constants.HF_HUB_CACHE)
        self._endpoint = endpoint
        self._patterns = patterns(source)
        self.name = f"{source.repo} on the hub"

    def find(self) -> Weights | None:
        folder = self._cached()
        if folder is None:
            return None
        names = self._names(folder)
        if self._source.pickles:
            here = all(pickle.file in names for pickle in self._source.pickles)
            return Weights(folder, "folder", self.name) if here else None
        if any(name.endswith(".gguf") for name in names):
            files = [folder / name for name in names if name.endswith(".gguf")]
            return Weights(files[0], "gguf", self.name) if len(files) == 1 else None
        # Without the library's own listing (an older cache) the layout must tell whether all is there.
        whole = any(name.endswith(".safetensors") for name in names) if self._listing() else fault(folder) is None
        return Weights(folder, "folder", self.name) if whole else None

    def check(self, _weights: Weights, what: str, task: Task) -> None:
        folder = self._cached()
        assert folder is not None  # the weights came from there
        listing = self._listing()
        files = {name: folder / name for name in self._names(folder)}
        big = [_blob(path) for path in files.values() if SHA256.fullmatch(_blob(path).name)]
        unread = sum(blob.stat().st_size for blob in big if not self._stamps.known(blob))
        advance = preparing(task, f"{what} (checking its files)", unread)
        damaged = []
        for name, path in files.items():
            task.check()
            if path.stat().st_size != listing.get(name, path.stat().st_size) or not self._is_whole(
                _blob(path), advance
            ):
                _remove(path)
                damaged.append(name)
        if damaged:
            raise UserError(
                f"{', '.join(damaged[:3])} of {self._source.repo} on this disk was damaged (not what the hub "
                "published) and has been removed. Try again to download it anew."
            )

    def _is_whole(self, blob: Path, advance: Callable[[int], None]) -> bool:
        if SHA256.fullmatch(blob.name):
            return self._stamps.sha256(blob, advance) == blob.name
        if GIT_SHA1.fullmatch(blob.name):
            return git_sha1(blob) == blob.name
        return True  # a system without links keeps plain copies: their size is all there is to compare

    def missing_bytes(self, task: Task) -> int:
        return run_stoppable(self._plan, task).missing

    def fetch(self, what: str, task: Task) -> Weights:
        plan = run_stoppable(self._plan, task)
        require_space(self._cache, plan.missing)
        meter = ProgressMeter(task, what, plan.total)
        run_stoppable(lambda: self._download(plan, meter, task), task, meter.show)
        meter.finish()
        weights = self.find()
        assert weights is not None  # the plan made sure of it
        self.check(weights, what, task)
        return weights

    def _plan(self) -> Plan:
        return make_plan(self._source, self._cache, self._endpoint)

    def _download(self, plan: Plan, meter: ProgressMeter, task: Task) -> None:
        waiting = "another download of the same file is under way"
        try:
            for file in plan.files:
                if file.big:
                    self._fetch_blob(file, plan.commit, meter, task, waiting)
            folder = self._snapshot(tqdm_class=_byte_bar(meter, task))
            for file in plan.files:
                if not (folder / file.name).is_symlink():  # a system without links got a copy
                    (blobs_folder(self._source, self._cache) / file.blob).unlink(missing_ok=True)
        except HUB_ERRORS as error:
            raise explain(error, self._source, self._endpoint) from error

    def _fetch_blob(self, file: RemoteFile, commit: str, meter: ProgressMeter, task: Task, waiting: str) -> None:
        blob = blobs_folder(self._source, self._cache) / file.blob
        with held(self._locks / f"{file.blob}.lock", task, lambda: setattr(meter, "note", waiting)):
            meter.note = ""
            if blob.exists():  # the other one brought it
                meter.done += file.size
                return
            url = hf_hub_url(self._source.repo, file.name, revision=commit, endpoint=self._endpoint)
            fetch_blob(url, blob, file.size, meter, task)
            self._stamps.record(blob, file.blob)

    def _cached(self) -> Path | None:
        """The library's folder of this revision, or None if it is not here or known to be incomplete."""
        if not is_safe_name(self._source.revision):
            return None
        try:
            return self._snapshot(local_files_only=True)
        except (LocalEntryNotFoundError, HFValidationError):
            return None

    def _snapshot(self, **options: Any) -> Path:
        source = self._source
        where: dict[str, Any] = {"revision": source.revision, "cache_dir": self._cache, "endpoint": self._endpoint}
        return Path(snapshot_download(source.repo, **where, **self._patterns, **options))

    def _names(self, folder: Path) -> list[str]:
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        return sorted(filter_repo_objects(names, **self._patterns))

    def _listing(self) -> dict[str, int]:
        """Sizes by name as the library noted them at the download; empty for a cache it made without."""
        try:
            files = get_cached_repo_tree(self._source.repo, revision=self._source.revision, cache_dir=self._cache)
        except CachedRepoTreeNotFoundError:
            return {}
        return {file.path: file.size for file in files}


def _blob(path: Path) -> Path:
    """The blob a file of a snapshot is a link to: one link deep, for a blob may itself be a link to a store
    shared between repositories, where names are hashes of another kind."""
    return Path(os.path.normpath(path.parent / os.readlink(path))) if path.is_symlink() else path


def _remove(path: Path) -> None:
    """Unlink a file of a snapshot and all it links to."""
    while path.is_symlink():
        target = _blob(path)
        path.unlink()
        path = target
    path.unlink(missing_ok=True)


def _byte_bar(meter: ProgressMeter, task: Task) -> type[tqdm]:
    """A silent progress bar for `snapshot_download` that feeds `meter` and obeys Stop.

    The library makes three: bytes received, bytes written, files done. The first two count the same
    bytes, so the meter is given what the leading one gains.
    """
    leading = 0

    class ByteBar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"disable": True})
            self._counts_bytes = options.get("unit") == "B"

        def update(self, n: float | None = 1) -> None:
            nonlocal leading
            task.check()
            with self.get_lock():
                self.n += n or 0
                if self._counts_bytes and self.n > leading:
                    meter.done += int(self.n) - leading
                    leading = int(self.n)

    return ByteBar
