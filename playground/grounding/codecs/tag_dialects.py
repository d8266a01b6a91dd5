"""MiniGPT-v2, Kosmos-2, InternVL and Rex-Omni: tags around a phrase, boxes behind it.

Invariants: each dialect is a record; what reads it is in `tagged_codec.py`.
"""

import math
from collections.abc import Sequence

from playground.grounding.codecs.base import binned
from playground.grounding.codecs.tagged_codec import Edges, TaggedCodec
from playground.grounding.types import Box

_NUMBER = r"-?[0-9]++(?:\.[0-9]++)?"
_ANGLED = rf"<\s*+({_NUMBER})\s*+>"
_ANGLED_BEGUN = r"<\s*+-?[0-9][0-9.]*+\s*+>?+"
PATCHES = 32  # to a side


def _scaled(values: Sequence[float], bins: float) -> Edges:
    x0, y0, x1, y1 = values
    return x0 / bins, y0 / bins, x1 / bins, y1 / bins


def _numbers(box: Box, bins: int, last: int) -> tuple[int, int, int, int]:
    (x0, x1), (y0, y1) = binned(box.x0, box.x1, bins, last), binned(box.y0, box.y1, bins, last)
    return x0, y0, x1, y1


def _angled(numbers: Sequence[int]) -> str:
    return "".join(f"<{number}>" for number in numbers)


def _of_patches(values: Sequence[float]) -> Edges:
    """Edges of the patches at the upper left and the lower right, as transformers' Kosmos-2 counts them.

    A box within one row or column reaches to the patches' outer edges, any other to their middles.
    """
    (top, left), (bottom, right) = divmod(values[0], PATCHES), divmod(values[1], PATCHES)
    inset = 0.0 if top == bottom or left == right else 0.5
    return _scaled((left + inset, top + inset, right + 1 - inset, bottom + 1 - inset), PATCHES)


def _patches(box: Box) -> tuple[int, int]:
    """The patches that hold the corners."""
    left, top = (min(math.floor(edge * PATCHES), PATCHES - 1) for edge in (box.x0, box.y0))
    right, bottom = (math.ceil(edge * PATCHES) - 1 for edge in (box.x1, box.y1))
    return top * PATCHES + left, bottom * PATCHES + right


# Chen et al. 2023, arXiv:2310.09478: integers 0..100 of width and height. Rounded here, where the original truncates:
# its reader takes the number as the edge, so the nearest is the truest.
MINIGPT_V2 = TaggedCodec(
    name="minigpt_v2",
    opening="<p>",
    closing="</p>",
    start=r"\{\s*+(?=<\s*+-?[0-9])",
    inside=rf"{_ANGLED_BEGUN}[\s,]*+",
    stop=r"\}",
    between=r"(?!)",
    number=_ANGLED,
    count=4,
    edges=lambda values: _scaled(values, 100),
    numbers=lambda box: _numbers(box, 100, 100),
    one=lambda numbers: f"{{{_angled(numbers)}}}",
    group="<delim>".join,
    longest=("{<0", "{<-0"),
    silent=("<delim>", "<s>", "</s>"),
    gap=" ",
)

# Peng et al. 2023, arXiv:2306.14824: two patches of a grid of 32 x 32, row by row.
KOSMOS_PATCH = TaggedCodec(
    name="kosmos_patch",
    opening="<phrase>",
    closing="</phrase>",
    start="<object>",
    inside=r"<patch_index_[0-9]{1,6}>|</delimiter_of_multi_objects/>|\s",
    stop="</object>",
    between="</delimiter_of_multi_objects/>",
    number="<patch_index_([0-9]{1,6})>",
    count=2,
    edges=_of_patches,
    numbers=_patches,
    one=lambda numbers: "".join(f"<patch_index_{number:04d}>" for number in numbers),
    group=lambda boxes: f"<object>{'</delimiter_of_multi_objects/>'.join(boxes)}</object>",
    longest=("<object>", "</object>", "<patch_index_000000>", "</delimiter_of_multi_objects/>"),
    silent=("<grounding>", "<image>", "</image>", "<s>", "</s>", "<pad>"),
    stray="<patch_index_[0-9]{1,6}>|</delimiter_of_multi_objects/>|</object>",
    lead=" ",
)

# InternVL: thousandths, lists of four.
REF_BOX_1000 = TaggedCodec(
    name="ref_box_1000",
    opening="<ref>",
    closing="</ref>",
    start="<box>",
    inside=r"[0-9\s,.\[\]()-]++",
    stop="</box>",
    between=r"\]",
    number=_NUMBER,
    count=4,
    edges=lambda values: _scaled(values, 1000),
    numbers=lambda box: _numbers(box, 1000, 1000),
    one=lambda numbers: f"[{', '.join(map(str, numbers))}]",
    group=lambda boxes: f"<box>[{', '.join(boxes)}]</box>",
    longest=("<box>", "</box>"),
    silent=("<|im_end|>", "<|endoftext|>", "</s>"),
    stray="</box>",
)

# Rex-Omni: 1000 bins whose last is the far edge.
REX_999 = TaggedCodec(
    name="rex_999",
    opening="<|object_ref_start|>",
    closing="<|object_ref_end|>",
    start=r"<\|box_start\|>",
    inside=rf"{_ANGLED_BEGUN}|[\s,]++",
    stop=r"<\|box_end\|>",
    between=",",
    number=_ANGLED,
    count=4,
    edges=lambda values: _scaled(values, 999),
    numbers=lambda box: _numbers(box, 999, 999),
    one=_angled,
    group=lambda boxes: f"<|box_start|>{', '.join(boxes)}<|box_end|>",
    longest=("<|box_start|>", "<|box_end|>"),
    silent=("<|im_end|>", "<|endoftext|>"),
    stray=r"<\|box_end\|>",
)
