"""Ways for a pipeline to draw faster than as it is loaded, for whoever asks for them when the app starts.

Invariants: a way changes in which order numbers are computed, so a picture differs by rounding alone; and it is
for weights that stay where they are. What a way gains depends on the machine: `python -m playground.bench ways` tells.
"""

import logging
from typing import Any

import torch

from playground.errors import UserError
from playground.runtime.task import Phase, Task
from playground.settings import CHANNELS_LAST, COMPILED
from playground.text_to_image.embedding_cache import attend_once
from playground.text_to_image.types import ImageRequest

log = logging.getLogger(__name__)


def choose_ways(parts: list[torch.nn.Module], ways: tuple[str, ...]) -> None:
    """Have these parts of a pipeline compute in the ways asked for (`settings.WAYS`)."""
    if CHANNELS_LAST in ways:
        for part in parts:
            if any(isinstance(layer, torch.nn.Conv2d) for layer in part.modules()):
                part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for part in parts:
        if COMPILED in ways and (blocks := repeated(part)):
            for block in blocks:
                _compile(block)
        else:
            attend_once(part)  # which a compiler would have to look through


class Compiler:
    """What one has worked for; `parts` are those it was asked to work on."""

    def __init__(self, parts: list[torch.nn.Module]) -> None:
        self._works = any(map(repeated, parts))
        self._known = set[tuple[int, int, int]]()

    def announce(self, request: ImageRequest, task: Task, what: str) -> None:
        """Report that the first picture of this size makes its visitor wait."""
        size = (request.width, request.height, request.count)
        if self._works and size not in self._known:
            self._known.add(size)
            task.report(Phase("warming up", what))


def repeated(part: torch.nn.Module) -> list[torch.nn.Module]:
    """The blocks that diffusers says are worth compiling; of some models (Sana) none."""
    names = getattr(part, "_repeated_blocks", None) or ()
    return [block for block in part.modules() if type(block).__name__ in names]


def _compile(block: torch.nn.Module) -> None:
    """Compile what this block computes, when it first does and for every new size. Not what looks in on it before.

    One after another and not the whole network (regional compilation): blocks of a kind share what was compiled.
    """
    from torch._dynamo.exc import TorchDynamoException

    quick = torch.compile(block.forward)  # `fullgraph` would fail where there are more kinds than it keeps

    def forward(*given: Any, **options: Any) -> Any:
        try:
            return quick(*given, **options)
        except TorchDynamoException as error:
            log.exception("Compiling a model failed")
            raise UserError(
                f"This model could not be compiled here ({type(error).__name__}; the terminal the app runs in says "
                f"why). Start the app without --faster {COMPILED}: it needs a C++ compiler, and Triton on a GPU."
            ) from error

    block.forward = forward
