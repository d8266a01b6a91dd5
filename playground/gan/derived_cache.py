"""Cache of values computed from a loaded model, which lives as long as the model.

Invariants: entries are held weakly by the model object, so an evicted model takes its entries along. Concurrent
requests for one entry wait for one computation; requests for other entries do not wait.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")
_EMPTY = object()


class _Slot:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value: Any = _EMPTY


class DerivedCache:
    """Values by model and name, each computed once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: WeakKeyDictionary[Any, dict[Hashable, _Slot]] = WeakKeyDictionary()

    def get(self, model: object, name: Hashable, compute: Callable[[], T]) -> T:
        """The cached value, computed now if it is missing.

        Args:
            model: the model the value is derived from.
            name: the entry's key.
            compute: called at most once at a time; what it raises is passed on and nothing is cached.

        Returns:
            What `compute` returned the first time.
        """
        with self._lock:
            slot = self._slots.setdefault(model, {}).setdefault(name, _Slot())
        with slot.lock:
            if slot.value is _EMPTY:
                slot.value = compute()
            return slot.value
