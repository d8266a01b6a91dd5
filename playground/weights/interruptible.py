"""Work that may block in a socket, waited for so that Stop is obeyed at once.

Invariants: the caller leaves as soon as its task is stopped; the thread it leaves behind ends
at its own next `task.check()` (a block of a download) and holds nothing but its file lock till then.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from playground.runtime.task import Task

T = TypeVar("T")
POLL = 0.1  # seconds between two looks at the task: well below the 0.3 s in which Stop must act


def run_stoppable(work: Callable[[], T], task: Task, tick: Callable[[], None] = lambda: None) -> T:
    """The result of `work`, done on a thread of its own; `tick` is called on this one while waiting.

    Raises `Cancelled` as soon as `task` is stopped, else whatever `work` raises.
    """
    task.check()
    future: Future[T] = Future()

    def body() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # thread boundary: whatever it is belongs to the one who waits
            future.set_exception(error)

    # A daemon: a name server that never answers must not keep the program from ending.
    threading.Thread(target=body, name="weights", daemon=True).start()
    while not future.done():
        task.check()
        tick()
        wait([future], timeout=POLL)
    return future.result()


@contextmanager
def held(path: Path, task: Task, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file `path` against other threads and processes; `waiting` is called while another has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    while True:
        task.check()
        try:
            lock.acquire(timeout=POLL)
            break
        except Timeout:
            waiting()
    try:
        yield
    finally:
        lock.release()
