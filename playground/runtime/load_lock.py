"""Models are built, moved and closed one at a time, in the whole process.

Invariants: whoever constructs a module of a library, here or in a recipe, does it inside
`with load_lock(task):`. Code that runs beside a load names the dtype of every tensor it makes.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playground.runtime.task import Phase, Task

LOAD_LOCK = threading.RLock()
"""Held round every construction, device move and close of a model.

It is one per process because what it guards is: `from_pretrained` of diffusers (through accelerate)
replaces `nn.Module.register_parameter`, and transformers and diffusers set torch's default dtype, for
all threads while they load. A module built beside that gets the wrong dtype or no weights at all.
"""

LOOK_S = 0.1  # how often a thread that waits looks whether it was stopped


@contextmanager
def load_lock(task: Task) -> Iterator[None]:
    """Hold `LOAD_LOCK` during the block.

    Args:
        task: told when another model is loading; stopping it releases a thread that still waits.

    Raises:
        Cancelled: the task was stopped before the lock was free.
    """
    if not LOAD_LOCK.acquire(blocking=False):
        task.report(Phase("waiting", "another model is loading"))
        while not LOAD_LOCK.acquire(timeout=LOOK_S):
            task.check()
    try:
        task.check()
        yield
    finally:
        LOAD_LOCK.release()
