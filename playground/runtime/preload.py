"""Loads the model of a tab that was just opened, while its visitor still reads and types.

Invariants: at most one model for a tab. The visitor is told nothing, and whoever asks for the model meanwhile waits
for the same load.
"""

import threading
from collections.abc import Iterator, Mapping

from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Worker


class Preloader:
    """Loads models on a thread of its own.

    Args:
        defaults: for each tab whose model is loaded ahead, that model's id: one that is quickly loaded.
        models: the model cache.
    """

    def __init__(self, defaults: Mapping[str, str], models: ModelCache) -> None:
        self._defaults = defaults
        self._models = models
        self._worker = Worker("preload", per_visitor=1)
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    def tab_opened(self, tab: str) -> None:
        """Load the tab's model unless it is there or on its way. Returns at once.

        Args:
            tab: the name of a tab; nothing happens for one without a model to be loaded ahead.
        """
        model_id = self._defaults.get(tab)
        with self._lock:
            if model_id is None or model_id in self._under_way:
                return
            self._under_way.add(model_id)
        self._worker.submit(model_id, lambda task: self._load(model_id, task))

    def close(self) -> None:
        """Stop loading at the next boundary."""
        self._worker.close()

    def _load(self, model_id: str, task: Task) -> Iterator[None]:
        try:
            self._models.preload([ModelKey(model_id)], task)
            yield
        finally:
            with self._lock:
                self._under_way.discard(model_id)
