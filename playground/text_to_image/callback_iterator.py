"""Work that calls back, as an iterator: the events of a pipeline's loop come out one by one.

Two threads could take turns as well. But the one that computes then wakes up on the core of the threads that compute
with it, which made a small picture take a tenth longer; and compiled CUDA graphs belong to the thread that made them.

Invariants: the work and its consumer take turns on one thread, each on a stack of its own. Whatever the consumer does
between two events (load another model, score a picture) it does while the work stands still, and when the consumer
leaves, the work is over. Of what the work set for its thread, torch's modes do not hold for the consumer.
"""

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import TypeVar

import torch
from greenlet import getcurrent, greenlet

from playground.errors import Cancelled

T = TypeVar("T")
R = TypeVar("R")


def callback_iterator(work: Callable[[Callable[[T], None]], R]) -> Generator[T, None, R]:
    """Run work and yield what it puts. Closing the iterator raises `Cancelled` in the `put` at which the work stands.

    Args:
        work: Called with `put`, which takes an event.

    Yields:
        The events. To be read on one thread.

    Returns:
        What the work returns.
    """

    def put(event: T) -> None:
        with torch.inference_mode(False):  # and with gradients, as in any other code
            stack.parent.switch((event,))

    stack = greenlet(lambda: work(put))
    try:
        while True:
            stack.parent = getcurrent()
            switched = stack.switch()
            if stack.dead:
                result: R = switched
                return result
            yield switched[0]
    finally:
        if not stack.dead:
            with suppress(Cancelled):
                stack.throw(Cancelled)
