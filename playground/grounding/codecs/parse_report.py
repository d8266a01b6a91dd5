"""What was wrong with the boxes of an answer, counted, and told in a few sentences.

Invariants: a box is fix or left out here and nowhere else, and never in silence. However wrong an answer is,
the report has at most one sentence per kind of fault.
"""

import math
from collections import Counter
from enum import Enum

from playground.grounding.types import Box

MAX_BOXES = 1000  # of one answer; a page can draw no more, and no picture holds so many


class Fault(Enum):
    """A kind of fault: what is said of one, and of several."""

    SWAPPED = ("box turned round: its edges stood the wrong way round", "boxes turned round: their edges stood so too")
    CLIPPED = ("box cut at the picture's edge: it reached outside", "boxes cut at the picture's edge")
    OUTSIDE = ("box left out: it lies outside the picture", "boxes left out: they lie outside the picture")
    FLAT = ("box left out: it has no width or no height", "boxes left out: they have no width or no height")
    MISCOUNTED = ("box left out: its numbers do not make a box", "boxes left out: their numbers do not make a box")
    CUT = ("box left out: the answer ends in the middle of it", "boxes left out: the answer ends in them")
    UNPAIRED = ("tag without its partner left out", "tags without their partners left out")
    UNFINISHED = ("tag left out: the answer ends in the middle of it", "tags left out: the answer ends in them")
    POINT = (
        "point drawn as a small box: the model gave no extent",
        "points drawn as small boxes",
    )
    TOO_MANY = ("box left out: no more than {most} are shown", "boxes left out: no more than {most} are shown")


class Report:
    """The faults of one answer."""

    def __init__(self) -> None:
        self._counts: Counter[Fault] = Counter()
        self._boxes = 0

    def add(self, fault: Fault) -> None:
        self._counts[fault] += 1

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Box | None:
        """The box of these edges, in fractions of the picture, fix if need be; None for one that is left out."""
        if not all(map(math.isfinite, (x0, y0, x1, y1))):
            self.add(Fault.OUTSIDE)
            return None
        left, right = sorted((x0, x1))
        top, bottom = sorted((y0, y1))
        if left == right or top == bottom:
            self.add(Fault.FLAT)
            return None
        inside = Box(max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))
        if inside.x0 >= inside.x1 or inside.y0 >= inside.y1:
            self.add(Fault.OUTSIDE)
            return None
        if self._boxes == MAX_BOXES:
            self.add(Fault.TOO_MANY)
            return None
        self._boxes += 1
        if (left, top) != (x0, y0):
            self.add(Fault.SWAPPED)
        if (inside.x0, inside.y0, inside.x1, inside.y1) != (left, top, right, bottom):
            self.add(Fault.CLIPPED)
        return inside

    def sentences(self) -> tuple[str, ...]:
        """A sentence per kind of fault, in the order of `Fault`."""
        return tuple(
            f"{count:,} {fault.value[count > 1].format(most=f'{MAX_BOXES:,}')}."
            for fault in Fault
            if (count := self._counts[fault])
        )
