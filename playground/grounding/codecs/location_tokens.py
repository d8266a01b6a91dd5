"""Florence-2 and PaliGemma: four location tokens to a box, its label before or behind them.

Invariants: tokens are taken one by one, so a box is there as soon as its fourth number is.
"""

import math
import re
from collections.abc import Sequence

from playground.grounding.codecs.answer_builder import AnswerBuilder
from playground.grounding.codecs.base import without_angle_brackets
from playground.grounding.codecs.parse_report import Fault, Report
from playground.grounding.codecs.partial_markup import partial_markup_at
from playground.grounding.types import Box, ParsedAnswer

BINS = 1000
LOCATIONS = 1024
_OTHERS = ("</s>", "<s>", "<pad>", "<poly>", "</poly>", "<sep>", "<and>", "<od>", "</od>")  # Florence-2's own
_FLORENCE = re.compile(rf"<loc_([0-9]{{1,6}})>|({'|'.join(_OTHERS)})")
_PALIGEMMA = re.compile(r"<loc([0-9]{1,6})>|(<seg[0-9]{1,3}>|<bos>|<eos>|<pad>)|(;)")


class FlorenceLoc:
    """`label<loc_x0><loc_y0><loc_x1><loc_y1>…`: the middles of 1000 bins (Xiao et al. 2023, arXiv:2311.06242).

    A label begins where the last box ended, and boxes without words between them are of one label. In the text the
    labels stand one after the other with commas.
    """

    name = "florence_loc"

    def format_box(self, box: Box, size: tuple[int, int]) -> str:
        # As Florence-2's quantiser: the bin that holds the edge.
        bins = (min(max(math.floor(edge * BINS), 0), BINS - 1) for edge in (box.x0, box.y0, box.x1, box.y1))
        return "".join(f"<loc_{number}>" for number in bins)

    def format_phrase(self, text: str, boxes: Sequence[Box], size: tuple[int, int]) -> str:
        return without_angle_brackets(text) + "".join(self.format_box(box, size) for box in boxes)

    def parse(self, raw: str, size: tuple[int, int], complete: bool = True) -> ParsedAnswer:
        builder, numbers, place = AnswerBuilder(), _Numbers(), 0
        markup_start = partial_markup_at(raw, ("<loc_000000>", *_OTHERS))
        for token in _FLORENCE.finditer(raw, 0, markup_start):
            self._words(raw[place : token.start()], builder, numbers)
            place = token.end()
            if token[1] is None:
                builder.skip_tag()
                continue
            if builder.open:
                builder.end_phrase()
            values = numbers.add(token[1])
            if values is not None:
                x0, y0, x1, y1 = values
                (x0, x1), (y0, y1) = _middles(x0, x1), _middles(y0, y1)
                builder.add_box(builder.report.box(x0 / BINS, y0 / BINS, x1 / BINS, y1 / BINS))
        self._words(raw[place:markup_start], builder, numbers)
        if complete:
            _at_end(raw, markup_start, builder, numbers)
        return builder.build()

    @staticmethod
    def _words(text: str, builder: AnswerBuilder, numbers: "_Numbers") -> None:
        if not text.strip():
            builder.add_text(text)
            return
        numbers.broken(builder.report)
        if not builder.open:
            builder.begin_list_item()
        builder.add_text(text)


class PaligemmaLoc:
    """`<locY0><locX0><locY1><locX1> label ; …`: 1024ths, y first (Beyer et al. 2024, arXiv:2407.07726).

    A `;` parts items only behind boxes; elsewhere it is a sentence's own.
    """

    name = "paligemma_loc"

    def format_box(self, box: Box, size: tuple[int, int]) -> str:
        (x0, x1), (y0, y1) = _locations(box.x0, box.x1), _locations(box.y0, box.y1)
        return "".join(f"<loc{number:04d}>" for number in (y0, x0, y1, x1))

    def format_phrase(self, text: str, boxes: Sequence[Box], size: tuple[int, int]) -> str:
        label = without_angle_brackets(text).replace(";", ",")
        return " ; ".join(f"{self.format_box(box, size)} {label}".rstrip() for box in boxes) or label

    def parse(self, raw: str, size: tuple[int, int], complete: bool = True) -> ParsedAnswer:
        builder, numbers, place = AnswerBuilder(), _Numbers(), 0
        markup_start = partial_markup_at(raw, ("<loc000000>", "<seg000>", "<bos>", "<eos>", "<pad>"))
        item = _Item()

        def words(text: str) -> None:
            if text.strip():
                numbers.broken(builder.report)
            if item.boxes is None:
                builder.add_text(text)
            else:
                item.add(text)

        for token in _PALIGEMMA.finditer(raw, 0, markup_start):
            words(raw[place : token.start()])
            place = token.end()
            if token[3] is not None:
                if item.boxes is None:
                    builder.add_text(";")
                else:
                    item.done(builder)
            elif token[1] is None:
                builder.skip_tag()
            else:
                if item.worded:
                    item.done(builder)  # the next item without a `;` before it
                values = numbers.add(token[1])
                if values is not None:
                    y0, x0, y1, x1 = values
                    (x0, x1), (y0, y1) = _apart(x0, x1), _apart(y0, y1)
                    edges = (edge / LOCATIONS for edge in (x0, y0, x1, y1))
                    item.box(builder.report.box(*edges))
        if item.boxes is None or complete:
            words(raw[place:markup_start])
        if complete:
            _at_end(raw, markup_start, builder, numbers)
            item.done(builder)
        return builder.build()


class _Item:
    """Boxes and the words behind them, until the item ends; `boxes` is None where there is no item."""

    def __init__(self) -> None:
        self.boxes: list[Box] | None = None
        self.worded = False
        self._words: list[str] = []

    def box(self, box: Box | None) -> None:
        if self.boxes is None:
            self.boxes = []
        if box is not None:
            self.boxes.append(box)

    def add(self, text: str) -> None:
        self._words.append(text)
        self.worded = self.worded or bool(text.strip())

    def done(self, builder: AnswerBuilder) -> None:
        if self.boxes is not None:
            builder.add_labelled_boxes("".join(self._words), self.boxes)
        self.boxes, self.worded, self._words = None, False, []


class _Numbers:
    """Location tokens until there are four."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def add(self, digits: str) -> list[float] | None:
        """The four numbers of a box, with its last one."""
        self.values.append(float(digits))
        if len(self.values) < 4:
            return None
        values, self.values = self.values, []
        return values

    def broken(self, report: Report) -> None:
        """Something else came between."""
        if self.values:
            report.add(Fault.MISCOUNTED)
            self.values = []


def _apart(low: float, high: float) -> tuple[float, float]:
    """Two edges in bins; of one bin, its own edges: so a thin box is told."""
    return (low, high) if low != high else (low, low + 1)


def _middles(low: float, high: float) -> tuple[float, float]:
    """The middles of two bins; of one bin, its own edges."""
    return (low + 0.5, high + 0.5) if low != high else (low, low + 1)


def _locations(low: float, high: float) -> tuple[int, int]:
    """The nearest numbers of two edges 0..1, or the one bin that holds both."""
    start, end = round(low * LOCATIONS), min(round(high * LOCATIONS), LOCATIONS - 1)
    if start >= end:
        start, end = math.floor(low * LOCATIONS), math.floor(high * LOCATIONS)
    return min(start, LOCATIONS - 1), min(end, LOCATIONS - 1)


def _at_end(raw: str, markup_start: int, builder: AnswerBuilder, numbers: _Numbers) -> None:
    """What of the end of a whole answer is markup that was cut, and what is text."""
    if numbers.values:
        builder.report.add(Fault.CUT)
    elif len(raw) - markup_start == 1:
        builder.add_text(raw[markup_start:])
    elif markup_start < len(raw):
        builder.report.add(Fault.UNFINISHED)


FLORENCE_LOC = FlorenceLoc()
PALIGEMMA_LOC = PaligemmaLoc()
