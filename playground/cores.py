"""How many cores torch computes on: all of them for a large model, one for a small one.

Rule of the room: a layer of a small network is over before a second core has woken. As soon as a second thread of a
process computes on several cores, its OpenMP lets idle cores sleep between layers, and every layer waits for them:
`avatar-diffusion` took 1.3 s for 20 steps on one core and 2.9 s on two. Counts belong to threads: what is
set here holds for the calling one.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_FIRST = threading.Lock()
_usual: list[int] = []  # what torch, or whoever set OMP_NUM_THREADS, thinks right; read before anything was set


@contextmanager
def computing(one_core: bool) -> Iterator[None]:
    """torch on one core, or on as many as usual, until the block ends; nothing if torch is not imported."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with _FIRST:
        if not _usual:
            _usual.append(torch.get_num_threads())
    before = torch.get_num_threads()
    torch.set_num_threads(1 if one_core else _usual[0])
    try:
        yield
    finally:
        torch.set_num_threads(before)
