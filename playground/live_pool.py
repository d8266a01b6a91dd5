"""Where live pictures are drawn: threads that compute on one core each.

Rule of the room: a drag's next picture must not wait for a second core that a browser, a chat reply or somebody
else's drag is using. Split over two busy cores, a small network's layers each wait for the slower half, and
the waiting itself burns what the others need: one core each draws more pictures a second in all.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_COUNTING = threading.Lock()


class LivePool:
    """As many threads as the machine has cores; torch computes on one core in each."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, "live", initializer=_one_core)

    def run(self, draw: Callable[[], T]) -> T:
        """What `draw` gives, or its error. Whoever asks waits, first come first served."""
        return self._pool.submit(draw).result()

    def close(self) -> None:
        """Let what is being drawn end; draw no more."""
        self._pool.shutdown(cancel_futures=True)


def _one_core() -> None:
    """One core for this thread.

    torch's count is OpenMP's, which belongs to the thread that sets it, but torch also hands the last one set to every
    thread that comes after: so a thread of its own sets that back.
    """
    import torch

    with _COUNTING:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        after = threading.Thread(target=torch.set_num_threads, args=(before,))
        after.start()
        after.join()
