"""Qwen-VL and Gemini: a JSON list of objects, each a label and a box.

Invariants: a label that the prose before the list has in it is found there; any other is written in the place
of the list, so that every phrase can be read.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.grounding.codecs.answer_builder import AnswerBuilder
from playground.grounding.codecs.base import binned, without_angle_brackets
from playground.grounding.codecs.lenient_json import ENDS, STARTS, Found, begun_at, scan
from playground.grounding.codecs.parse_report import Fault
from playground.grounding.types import Box, ParsedAnswer

LABELS = ("label", "name", "text", "description")
POINTS = ("point_2d", "point")
DOT = 0.015  # half the side of the box that stands for a point
MAX_LINKED_LABELS = 30  # labels looked for in the prose: each costs a look through all of it


@dataclass(frozen=True)
class JsonBoxes:
    """`[{"bbox_2d": [x0, y0, x1, y1], "label": "…"}]`, in `bins` to the side, or in pixels where `bins` is 0.

    `keys` are what the box may be called, the first of them what it is called here; `y_first` where y stands first.
    """

    name: str
    keys: tuple[str, ...]
    bins: int = 1000
    y_first: bool = False

    def format_box(self, box: Box, size: tuple[int, int]) -> str:
        return json.dumps({self.keys[0]: self._numbers(box, size)})

    def format_phrase(self, text: str, boxes: Sequence[Box], size: tuple[int, int]) -> str:
        label = without_angle_brackets(text)
        items = [{self.keys[0]: self._numbers(box, size), "label": label} for box in boxes]
        return json.dumps(items, ensure_ascii=False) if boxes else label

    def parse(self, raw: str, size: tuple[int, int], complete: bool = True) -> ParsedAnswer:
        builder = AnswerBuilder()
        markup_start = begun_at(raw)
        if complete and not raw[markup_start:].startswith(("```json", "```JSON", "[")):
            markup_start = len(raw)  # a lone brace, or the end of somebody's code
        place = 0
        prose: _Prose | None = None
        while (start := STARTS.search(raw, place, markup_start)) is not None:
            builder.add_text(raw[place : start.start()])
            found = scan(raw, start.end(), len(raw))
            items = [item for item in found.objects if self._is_item(item)]
            begun = found.begun if found.begun is not None and self._is_item(found.begun) else None
            place = found.end
            if not items and begun is None:
                if found.cut and not complete:
                    return builder.build()
                if found.objects or found.cut or raw[start.end() : place].strip("[] \t\r\n"):
                    builder.add_text(raw[start.start() : place])  # other JSON than boxes is text
                    continue
            prose = prose or _Prose(builder.text())
            self._items(items, begun, found, complete, size, prose, builder)
            fence = ENDS.match(raw, place, markup_start) if start.end() > start.start() else None
            place = fence.end() if fence is not None else place
        builder.add_text(raw[place:markup_start])
        if complete and place <= markup_start < len(raw):
            builder.report.add(Fault.UNFINISHED)
        return builder.build()

    def _items(
        self,
        items: list[dict[str, Any]],
        begun: dict[str, Any] | None,
        found: Found,
        complete: bool,
        size: tuple[int, int],
        prose: "_Prose",
        builder: AnswerBuilder,
    ) -> None:
        builder.skip_tag()
        for item in items:
            self._item(item, size, prose, builder)
        if begun is not None and (complete or not found.cut):
            self._item(begun, size, prose, builder)
        elif complete and found.cut and found.begun is not None:
            builder.report.add(Fault.CUT)

    def _item(self, item: dict[str, Any], size: tuple[int, int], prose: "_Prose", builder: AnswerBuilder) -> None:
        boxes = [box for values in self._values(item) if (box := self._box(values, size, builder)) is not None]
        label = next((item[key] for key in LABELS if isinstance(item.get(key), str)), "")
        name = " ".join(label.split())
        span = prose.find(name) if boxes and name and not builder.has_label(name) else None
        if span is None:
            builder.add_labelled_boxes(name, boxes)
        else:
            builder.link_label(name, prose.text[slice(*span)], span, boxes)

    def _is_item(self, item: dict[str, Any]) -> bool:
        return any(isinstance(item.get(key), list) for key in (*self.keys, *POINTS))

    def _values(self, item: dict[str, Any]) -> list[Any]:
        """The lists of numbers of an item: one, or a list of them."""
        value = next(item[key] for key in (*self.keys, *POINTS) if isinstance(item.get(key), list))
        return value if value and all(isinstance(one, list) for one in value) else [value]

    def _box(self, values: Any, size: tuple[int, int], builder: AnswerBuilder) -> Box | None:
        if not all(isinstance(value, float) for value in values) or len(values) not in (2, 4):
            builder.report.add(Fault.MISCOUNTED)
            return None
        across, down = (self.bins, self.bins) if self.bins else size
        sides = (down, across) if self.y_first else (across, down)
        edges = [value / sides[place % 2] for place, value in enumerate(values)]
        if self.y_first:
            edges = [edges[place ^ 1] for place in range(len(edges))]
        if len(edges) == 4:
            return builder.report.box(*edges)
        x, y = edges
        around = (max(x - DOT, 0.0), max(y - DOT, 0.0), min(x + DOT, 1.0), min(y + DOT, 1.0))
        box = builder.report.box(*around) if 0 <= x <= 1 and 0 <= y <= 1 else builder.report.box(2, 2, 3, 3)
        if box is not None:
            builder.report.add(Fault.POINT)
        return box

    def _numbers(self, box: Box, size: tuple[int, int]) -> list[int]:
        across, down = (self.bins, self.bins) if self.bins else size
        (x0, x1), (y0, y1) = binned(box.x0, box.x1, across, across), binned(box.y0, box.y1, down, down)
        return [y0, x0, y1, x1] if self.y_first else [x0, y0, x1, y1]


class _Prose:
    """The words before the first list, and which of them are somebody's phrase."""

    def __init__(self, text: str) -> None:
        self.text = text
        lower = text.lower()
        self._lower = lower if len(lower) == len(text) else text  # where it is longer, places would shift
        self._taken: list[tuple[int, int]] = []
        self._looks = 0

    def find(self, name: str) -> tuple[int, int] | None:
        """The first place of these words, whole ones and nobody's; None where there is none."""
        words, place = name.lower(), -1
        while self._looks < MAX_LINKED_LABELS:
            self._looks += 1
            place = self._lower.find(words, place + 1)
            if place < 0:
                return None
            span = place, place + len(words)
            if self._is_whole(span) and all(span[1] <= start or end <= span[0] for start, end in self._taken):
                self._taken.append(span)
                return span
        return None

    def _is_whole(self, span: tuple[int, int]) -> bool:
        before, after = self.text[: span[0]][-1:], self.text[span[1] : span[1] + 1]
        return not before.isalnum() and not after.isalnum()


# Qwen3-VL and Qwen3.5: thousandths of width and height. GLM-4.1V writes the same.
QWEN_REL1000 = JsonBoxes("qwen_rel1000", ("bbox_2d", "bbox"))
# Bai et al. 2025, arXiv:2502.13923: pixels of the resized input, whose size the caller gives.
QWEN_ABS = JsonBoxes("qwen_abs", ("bbox_2d", "bbox"), bins=0)
# Gemini and Gemma: thousandths, y first.
GEMINI_YXYX1000 = JsonBoxes("gemini_yxyx1000", ("box_2d",), y_first=True)
