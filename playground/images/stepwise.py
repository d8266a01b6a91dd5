"""Work that calls back, as an iterator: the events of a pipeline's loop come out one by one.

Rule of the room: the two threads take turns, never both at once. Whatever the consumer does between two events (load
another model, score a picture) it does while the work stands still, and when the consumer leaves, the work is over.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from playground.errors import Cancelled

T = TypeVar("T")


class Turns(Generic[T]):
    """The place where the work hands over its events."""

    def __init__(self) -> None:
        self._event: list[T] = []
        self._work_may_go = threading.Semaphore(0)
        self._consumer_may_go = threading.Semaphore(0)
        self._left = False

    def put(self, event: T) -> None:
        """Hand an event over and wait until the next is wished. Raises `Cancelled` if none ever will be."""
        if self._left:
            raise Cancelled
        self._event.append(event)
        self._consumer_may_go.release()
        self._work_may_go.acquire()
        if self._left:
            raise Cancelled


def stepwise(work: Callable[[Callable[[T], None]], None]) -> Iterator[T]:
    """Run `work(put)` on a thread of its own and yield what it puts; raises what it raises.

    Closing the iterator makes the next `put` raise `Cancelled`, and waits for the work to end.
    """
    turns, failed = Turns[T](), list[BaseException]()

    def run() -> None:
        turns._work_may_go.acquire()
        try:
            if not turns._left:
                work(turns.put)
        except BaseException as error:  # the thread boundary: raised again where the events are read
            failed.append(error)
        finally:
            turns._consumer_may_go.release()

    thread = threading.Thread(target=run, name="pictures", daemon=True)
    thread.start()
    try:
        while True:
            turns._work_may_go.release()
            turns._consumer_may_go.acquire()
            if not turns._event:
                break
            yield turns._event.pop()
    finally:
        turns._left = True
        turns._work_may_go.release()
        thread.join()
    if failed:
        raise failed.pop()
