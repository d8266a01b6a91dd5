"""Looking in on a model between its layers: Stop acts there, and memory is measured there.

Invariants: hooks on the blocks (members of module lists), not on every module, so that a step of a small model
takes no longer for being watched; all of them are gone when the block of code ends.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import torch

LOOK_S = 0.02


def blocks_of(*parts: torch.nn.Module, outermost: bool = False) -> list[torch.nn.Module]:
    """Every member of a module list, in all of these, that has parts itself: a last linear layer or a dropout is none.

    With `outermost` none that is inside another: for models of which even those are over in a moment. Takes
    milliseconds, so once is better than for every picture.
    """
    lists = [module for part in parts for module in part.modules() if isinstance(module, torch.nn.ModuleList)]
    blocks = [block for blocks in lists for block in blocks if block is not None and any(block.children())]
    if not outermost:
        return blocks
    inside = {inner for block in blocks for inner in block.modules() if inner is not block}
    return [block for block in blocks if block not in inside]


@contextmanager
def between_layers(blocks: list[torch.nn.Module], look: Callable[[], None]) -> Iterator[None]:
    """Call `look()` before each of these blocks. What it raises ends the work there."""
    hooks = [block.register_forward_pre_hook(lambda *_: look()) for block in blocks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class PeakMemory:
    """The most memory in use since it was made: the GPU's by its allocator, the process's on a CPU."""

    def __init__(self, device: str) -> None:
        self._cuda = device if device.startswith("cuda") else ""
        self._process = psutil.Process()
        self._most = 0
        self._looked = 0.0
        if self._cuda:
            torch.cuda.reset_peak_memory_stats(self._cuda)

    def look(self) -> None:
        """Cheap enough to be called between layers."""
        if self._cuda or (now := time.monotonic()) - self._looked < LOOK_S:
            return
        self._looked = now
        self._most = max(self._most, self._process.memory_info().rss)

    def bytes(self) -> int:
        """The peak so far, in bytes."""
        if self._cuda:
            return int(torch.cuda.max_memory_allocated(self._cuda))
        return max(self._most, self._process.memory_info().rss)
