"""What is handed down through long work: may it go on, and whom to tell.

Invariants: everything that may take longer than a blink takes a `Task`, calls `check()` at its
boundaries (token, step, file, block of a download) and `report()`s the phase it is in.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from playground.errors import Cancelled

PhaseKind = Literal["waiting", "downloading", "preparing", "loading", "warming up", "reading", "ready"]


@dataclass(frozen=True)
class Phase:
    """Where long work stands.

    `done` and `total` are bytes while downloading, tokens while reading the prompt, places in the
    line while waiting, and zero where a phase has no measure.
    """

    kind: PhaseKind
    what: str = ""
    done: int = 0
    total: int = 0


class Task:
    """One piece of work that can be stopped from another thread and that tells how far it is.

    Args:
        report: called with each phase, on the thread that works.
    """

    def __init__(self, report: Callable[[Phase], None] = lambda phase: None) -> None:
        self.report = report
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._on_cancel: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._stopped.is_set()

    def cancel(self) -> None:
        """Ask the work to end at its next boundary. Safe from any thread, any number of times."""
        with self._lock:
            self._stopped.set()
            callbacks, self._on_cancel = self._on_cancel, []
        for callback in callbacks:
            callback()

    def check(self) -> None:
        """Raise `Cancelled` if the work was asked to end: called at every boundary."""
        if self.cancelled:
            raise Cancelled

    @contextmanager
    def when_cancelled(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call a function on cancel, at once if that has happened: for work blocked in a socket.

        Args:
            callback: called on the thread that cancels.
        """
        with self._lock:
            already = self.cancelled
            if not already:
                self._on_cancel.append(callback)
        if already:
            callback()
        try:
            yield
        finally:
            with self._lock:
                if callback in self._on_cancel:
                    self._on_cancel.remove(callback)
