"""What was worked out once about a resident model, kept for as long as the model is.

Invariants: kept by the model object itself, weakly: a model that leaves takes along what was known of it. Two
visitors who want the same thing at the same time wait for one computation, and nobody else waits.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
_NOT_YET = object()


class _Thing:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: Any = _NOT_YET


class DerivedCache:
    """Things by model and name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: WeakKeyDictionary[Any, dict[Hashable, _Thing]] = WeakKeyDictionary()

    def get(self, model: object, name: Hashable, work_out: Callable[[], T]) -> T:
        """What is kept of `model` under `name`, worked out now if it is not there yet. `work_out` may raise."""
        with self._lock:
            thing = self._of.setdefault(model, {}).setdefault(name, _Thing())
        with thing.lock:
            if thing.value is _NOT_YET:
                thing.value = work_out()
            return thing.value
