"""Boxes as four numbers in brackets, for models that were trained on no dialect.

Invariants: fractions, or pixels of the picture, told apart by their size. Words before a colon name the box
behind it; nothing else is taken for a name.
"""

import re
from collections.abc import Sequence

from playground.grounding.codecs.answer_builder import AnswerBuilder
from playground.grounding.codecs.base import binned, without_angle_brackets
from playground.grounding.codecs.parse_report import Fault
from playground.grounding.types import Box, ParsedAnswer

BINS = 10_000  # four decimals
MAX_NAME = 80  # characters
_NUMBER = r"\s*+(-?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++))\s*+"
_BOX = re.compile(rf"\[{','.join([_NUMBER] * 4)}\]")
_BEGUN = re.compile(r"\[[\s0-9,.-]*+")
_BULLETS = " \t-*•·"
_BETWEEN = ("", ",", ";")


class Plain:
    """`phrase: [x0, y0, x1, y1], [x0, y0, x1, y1]`."""

    name = "plain"

    def format_box(self, box: Box, size: tuple[int, int]) -> str:
        (x0, x1), (y0, y1) = binned(box.x0, box.x1, BINS, BINS), binned(box.y0, box.y1, BINS, BINS)
        return f"[{', '.join(f'{number / BINS:.4f}' for number in (x0, y0, x1, y1))}]"

    def format_phrase(self, text: str, boxes: Sequence[Box], size: tuple[int, int]) -> str:
        words = without_angle_brackets(text).replace("[", "(").replace("]", ")").replace(";", ",").strip(_BULLETS)
        where = ", ".join(self.format_box(box, size) for box in boxes)
        return f"{words}: {where}" if words and where else words + where

    def parse(self, raw: str, size: tuple[int, int], complete: bool = True) -> ParsedAnswer:
        builder, place = AnswerBuilder(), 0
        bracket = raw.rfind("[")
        markup_start = bracket if bracket >= 0 and _BEGUN.fullmatch(raw, bracket) else len(raw)
        for found in _BOX.finditer(raw):
            words = raw[place : found.start()]
            if place == 0 or words.strip() not in _BETWEEN:
                builder.add_text(words)
                _name(words, builder)
            place = found.end()
            builder.add_box(builder.report.box(*_edges([float(number) for number in found.groups()], size)))
        rest = raw[place:markup_start]
        if complete or place == 0 or rest.strip() not in _BETWEEN:
            builder.add_text(rest)
        if complete and markup_start < len(raw):
            if "," in raw[markup_start:]:
                builder.report.add(Fault.CUT)
            else:
                builder.add_text(raw[markup_start:])
        return builder.build()


def _name(words: str, builder: AnswerBuilder) -> None:
    """Let the words just said name the box that comes, if a colon stands behind them."""
    said = words.strip()
    if not said.endswith(":"):
        return
    start = max(said.rfind("\n", 0, -1), said.rfind(";", 0, -1)) + 1
    name = said[start:-1].rstrip()
    bare = name.lstrip(_BULLETS)
    if 0 < len(bare) <= MAX_NAME:
        builder.claim_text(len(said) - start - len(name) + len(bare), bare)


def _edges(values: Sequence[float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Edges as fractions: of numbers none of which is above 1, or that are just above and no whole numbers."""
    x0, y0, x1, y1 = values
    most = max(values)
    if most <= 1 or (most < 2 and any(value != int(value) for value in values)):
        return x0, y0, x1, y1
    return x0 / size[0], y0 / size[1], x1 / size[0], y1 / size[1]


PLAIN = Plain()
