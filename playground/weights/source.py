"""What the store asks of every kind of source, and the few words all of them share.

Invariants: a place stands for one source of one entry. `find` and `check` never touch the
network; only `missing_bytes` and `fetch` may.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

from playground.errors import UserError
from playground.runtime.devices import format_bytes
from playground.runtime.task import Phase, Task
from playground.weights.interruptible import POLL
from playground.weights.types import Weights


class WeightSource(Protocol):
    """One source of one model."""

    name: str  # in words, for messages
    needs_network: bool  # a fetch may open a socket

    def find(self) -> Weights | None:
        """The files as they lie on this disk, unverified, or None. Cheap: looks at names and sizes only."""
        ...

    def check(self, weights: Weights, what: str, task: Task, /) -> None:
        """Verify what `find` found. What is damaged is removed if it is ours to remove; raises `UserError`."""
        ...

    def missing_bytes(self, task: Task, /) -> int:
        """What `fetch` would download, in bytes. Raises `UserError` where nobody can tell."""
        ...

    def fetch(self, what: str, task: Task, /) -> Weights:
        """Bring the files here, verified. `what` names the model in the phases reported."""
        ...


class ProgressMeter:
    """Bytes of one download: added to by the threads that receive them, shown by the one that waits."""

    def __init__(self, task: Task, what: str, total: int) -> None:
        self.done = 0
        self.total = total
        self.note = ""  # why nothing moves just now
        self._task = task
        self._what = what
        self._shown: Phase | None = None

    def show(self) -> None:
        """Report the phase where it moved on. Never goes back: a file that starts again catches up unseen."""
        before = self._shown.done if self._shown else 0
        what = f"{self._what} ({self.note})" if self.note else self._what
        phase = Phase("downloading", what, max(before, min(self.done, self.total)), self.total)
        if phase != self._shown:
            self._shown = phase
            self._task.report(phase)

    def finish(self) -> None:
        self.done, self.note = self.total, ""
        self.show()


def preparing(task: Task, what: str, total: int) -> Callable[[int], None]:
    """A function to be called with each block's length while files are read or unpacked: obeys Stop, tells how far."""
    done, told = 0, 0.0

    def advance(count: int) -> None:
        nonlocal done, told
        done += count
        task.check()
        if time.monotonic() - told >= POLL or done >= total:
            told = time.monotonic()
            task.report(Phase("preparing", what, done, total))

    return advance


def is_safe_name(name: str) -> bool:
    """Whether a name from an archive or a server stays below the folder it is joined to, on any system."""
    windows = PureWindowsPath(name)
    return bool(name) and not (
        PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\0" in name
    )


def require_space(folder: Path, needed: int) -> None:
    """Raise `UserError` if less than `needed` bytes are free on the disk of `folder` (which need not exist yet)."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise UserError(
            f"The disk of {folder} has {format_bytes(free)} free and {format_bytes(needed)} are needed. "
            "Free some space there, or choose a smaller model."
        )
