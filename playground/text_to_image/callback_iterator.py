"""Work that calls back, as an iterator: the events of a pipeline's loop come out one by one.

Invariants: the work and its consumer take turns on one thread, each on a stack of its own. Whatever the consumer
does between two events (load another model, score a picture) it does while the work stands still, and when the
consumer leaves, the work is over. Of what the work set for its thread torch's modes do not hold for the consumer.

Two threads could take turns as well. But the one that computes then wakes up on the core of the threads that compute
with it, which made a small picture take a tenth longer; and compiled CUDA graphs belong to the thread that made them.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

import torch
from greenlet import getcurrent, greenlet

from playground.errors import Cancelled

T = TypeVar("T")


def callback_iterator(work: Callable[[Callable[[T], None]], None]) -> Iterator[T]:
    """Run `work(put)` and yield what it puts; raises what it raises. To be read on one thread.

    Closing the iterator raises `Cancelled` in the `put` at which the work stands, and waits for the work to end.
    """

    def put(event: T) -> None:
        with torch.inference_mode(False):  # and with gradients, as in any other code
            stack.parent.switch((event,))

    stack = greenlet(lambda: work(put))
    try:
        while True:
            stack.parent = getcurrent()
            if (put_down := stack.switch()) is None:
                return
            yield put_down[0]
    finally:
        if not stack.dead:
            with suppress(Cancelled):
                stack.throw(Cancelled)
