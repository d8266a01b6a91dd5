"""What every box dialect can do.

Invariants: the shape of a codec and the sums that several of them share; no dialect.
"""

import math
from collections.abc import Sequence
from typing import Protocol

from playground.grounding.types import Box, ParsedAnswer


class Codec(Protocol):
    """One way of writing boxes in words. Pure: the same words give the same parsed.

    `size` is (width, height) in pixels of the picture, or for `qwen_abs` of the input the model was given. Only the
    dialects that count in pixels look at it.
    """

    @property
    def name(self) -> str: ...

    def format_box(self, box: Box, size: tuple[int, int]) -> str:
        """One box as the model wants to be told of it. Reading it back gives the box within one bin."""
        ...

    def format_phrase(self, text: str, boxes: Sequence[Box], size: tuple[int, int]) -> str:
        """A phrase with its boxes as the dialect writes it. Letters that would be markup are replaced."""
        ...

    def parse(self, raw: str, size: tuple[int, int], complete: bool = True) -> ParsedAnswer:
        """What a model's words say and where they point. Never raises; time grows with the length of `raw` alone.

        With `complete=False` more words will come: partial markup at the end is hidden, and what is shown stays when
        `raw` grows: the text begins the later one, its entities keep their order, phrases and spans.
        """
        ...


def binned(low: float, high: float, bins: int, last: int) -> tuple[int, int]:
    """Two edges 0..1 as whole bins 0..`last` of `bins` to the side, the second at least one above the first.

    A box thinner than a bin becomes one bin wide: a model's words cannot say less, and a box has an inside.
    """
    start, end = round(low * bins), round(high * bins)
    if start >= end:
        start = math.floor(low * bins)
    start = min(max(start, 0), last - 1)
    return start, min(max(end, start + 1), last)


def without_angle_brackets(text: str) -> str:
    """A text on one line without angle brackets, so that none of it can pose as a tag."""
    return " ".join(text.replace("<", "‹").replace(">", "›").split())
