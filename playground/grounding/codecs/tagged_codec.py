"""Dialects that write a phrase between tags and its boxes right behind it.

Invariants: one grammar, `OPEN phrase CLOSE box…`, told in patterns; the numbers are a dialect's own. All
patterns are possessive, so no text makes them go back.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from playground.grounding.codecs.answer_builder import AnswerBuilder
from playground.grounding.codecs.base import without_angle_brackets
from playground.grounding.codecs.parse_report import Fault
from playground.grounding.codecs.partial_markup import partial_markup_at
from playground.grounding.types import Box, ParsedAnswer

Edges = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions, not yet checked


@dataclass(frozen=True)
class TaggedCodec:
    """A dialect of this kind.

    `start`, `inside` and `stop` are patterns of a group of boxes: where it starts, one of the tokens it consists of,
    and where it ends. `between` parts its boxes; `number` finds the numbers of a box, `count` of them. `edges` makes
    edges of those numbers, `numbers` numbers of a box, `one` writes them, `group` joins boxes. `silent` are other
    tokens of the model, `stray` a pattern of those that mean something only inside a group. `longest` holds every
    token, with 0 for any digit, that may arrive in parts. `lead` and `gap` stand before a phrase and behind it.
    """

    name: str
    opening: str
    closing: str
    start: str
    inside: str
    stop: str
    between: str
    number: str
    count: int
    edges: Callable[[Sequence[float]], Edges]
    numbers: Callable[[Box], Sequence[int]]
    one: Callable[[Sequence[int]], str]
    group: Callable[[Sequence[str]], str]
    longest: tuple[str, ...]
    silent: tuple[str, ...] = ()
    stray: str = r"(?!)"
    lead: str = ""
    gap: str = ""

    @cached_property
    def _tokens(self) -> re.Pattern[str]:
        silent = "|".join(map(re.escape, self.silent)) or r"(?!)"
        return re.compile(
            rf"(?P<opening>{re.escape(self.opening)})|(?P<closing>{re.escape(self.closing)})"
            rf"|(?P<box>(?:{self.start})(?P<inside>(?:{self.inside})*+)(?P<stop>{self.stop})?+)"
            rf"|(?P<silent>{silent})|(?P<stray>{self.stray})"
        )

    def format_box(self, box: Box, size: tuple[int, int]) -> str:
        return self.group([self.one(self.numbers(box))])

    def format_phrase(self, text: str, boxes: Sequence[Box], size: tuple[int, int]) -> str:
        words = f"{self.opening}{self.lead}{without_angle_brackets(text)}{self.closing}"
        return words + (self.gap + self.group([self.one(self.numbers(box)) for box in boxes]) if boxes else "")

    def parse(self, raw: str, size: tuple[int, int], complete: bool = True) -> ParsedAnswer:
        builder = AnswerBuilder()
        markup_start = partial_markup_at(raw, (self.opening, self.closing, *self.longest, *self.silent))
        place, cut = 0, False
        for token in self._tokens.finditer(raw, 0, markup_start):
            builder.add_text(raw[place : token.start()])
            place = token.end()
            match token.lastgroup:
                case "opening":
                    if builder.open:
                        builder.report.add(Fault.UNPAIRED)
                    builder.begin_phrase()
                case "closing":
                    if not builder.open:
                        builder.report.add(Fault.UNPAIRED)
                    builder.end_phrase()
                case "silent":
                    builder.skip_tag()
                case "stray":
                    builder.report.add(Fault.UNPAIRED)
                    builder.skip_tag()
                case _:
                    cut = token["stop"] is None and token.end() == markup_start
                    self._boxes(token, cut, complete, builder)
        builder.add_text(raw[place:markup_start])
        if complete and builder.open:
            builder.report.add(Fault.UNPAIRED)
        if complete and not cut:
            if len(raw) - markup_start == 1:
                builder.add_text(raw[markup_start:])  # one letter is more likely meant as such
            elif markup_start < len(raw):
                builder.report.add(Fault.UNFINISHED)
        return builder.build()

    def _boxes(self, token: re.Match[str], cut: bool, complete: bool, builder: AnswerBuilder) -> None:
        """The boxes of a group; of one that is cut the last box counts only if nothing more will come."""
        builder.skip_tag()
        parts = re.split(self.between, token["inside"])
        for number, part in enumerate(parts, start=1):
            last = number == len(parts)
            if cut and last and not complete:
                return
            values = [float(value) for value in re.findall(self.number, part)]
            if len(values) == self.count:
                builder.add_box(builder.report.box(*self.edges(values)))
            elif values or len(parts) == 1:
                builder.report.add(Fault.CUT if cut and last else Fault.MISCOUNTED)
