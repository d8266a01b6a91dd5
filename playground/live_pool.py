"""Where live pictures are drawn: a few threads of their own, beside everybody's queue.

Rule of the room: first come, first served, and as many at once as there are cores. The networks are small: each
computes on one core (`playground.cores`), so that a drag leaves one to the browser, the chat or somebody else's drag.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from playground.cores import computing

T = TypeVar("T")


class LivePool:
    """As many threads as the machine has cores."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, "live")

    def run(self, draw: Callable[[], T]) -> T:
        """What `draw` gives, or its error."""
        return self.start(draw).result()

    def start(self, draw: Callable[[], T]) -> Future[T]:
        """The same for who has something else to do meanwhile."""
        return self._pool.submit(_on_one_core, draw)

    def close(self) -> None:
        """Let what is being drawn end; draw no more."""
        self._pool.shutdown(cancel_futures=True)


def _on_one_core(draw: Callable[[], T]) -> T:
    with computing(one_core=True):
        return draw()
