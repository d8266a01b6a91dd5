"""A tab that is opened gets its model ready while its visitor still reads and types.

Invariants: only a model that comes along is loaded ahead, and only one for a tab: what is large, or not on this
disk, waits until it is asked for. Nobody is told of it, and whoever asks meanwhile waits for the same load.
"""

import threading
from collections.abc import Iterator

from playground.catalog import Catalog, Entry
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Worker

TABS = ("image", "grounding")  # the faces' tabs draw at once, and chat's first word comes within a second


class Preloader:
    """Loads on a thread of its own."""

    def __init__(self, catalog: Catalog, models: ModelCache) -> None:
        self._catalog = catalog
        self._models = models
        self._worker = Worker("ahead", per_visitor=1)
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    def opened(self, tab: str) -> None:
        """Somebody looks at this tab. Returns at once; costs nothing if its model is there or on its way."""
        entry = next((e for e in self._catalog if e.tab == tab and e.embedded), None) if tab in TABS else None
        with self._lock:
            if entry is None or entry.id in self._under_way:
                return
            self._under_way.add(entry.id)
        self._worker.submit(entry.id, lambda task: self._load(entry, task))

    def close(self) -> None:
        """End at the next boundary."""
        self._worker.close()

    def _load(self, entry: Entry, task: Task) -> Iterator[None]:
        try:
            self._models.preload([ModelKey(entry.id)], task)
            yield
        finally:
            with self._lock:
                self._under_way.discard(entry.id)
