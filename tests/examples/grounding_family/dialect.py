"""The box dialect of the example: `<obj>a hat</obj>(10% 20% 50% 60%)`, edges in percent of width and height."""

from collections.abc import Sequence

from playground.grounding.codecs.base import binned
from playground.grounding.codecs.tagged_codec import Edges, TaggedCodec
from playground.grounding.types import Box


def _edges(percent: Sequence[float]) -> Edges:
    x0, y0, x1, y1 = percent
    return x0 / 100, y0 / 100, x1 / 100, y1 / 100


def _percent(box: Box) -> tuple[int, int, int, int]:
    (x0, x1), (y0, y1) = binned(box.x0, box.x1, 100, 100), binned(box.y0, box.y1, 100, 100)
    return x0, y0, x1, y1


PERCENT = TaggedCodec(
    name="percent",
    opening="<obj>",
    closing="</obj>",
    start=r"\((?=[0-9]{1,3}%)",
    inside=r"[0-9]{1,3}+%?+\s*+",
    stop=r"\)",
    between=r"(?!)",  # one box to a pair of brackets
    number="([0-9]{1,3})%",
    count=4,
    edges=_edges,
    numbers=_percent,
    one=lambda numbers: f"({' '.join(f'{number}%' for number in numbers)})",
    group="".join,
    longest=("(0%", "(00%", "(000%"),
    silent=("</s>",),
)
