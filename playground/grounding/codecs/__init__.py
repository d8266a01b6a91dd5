"""How models write boxes in words, one codec to a dialect, each in both directions.

Invariants: pure functions of text. No codec imports a model library, and none ever raises on a model's words.
"""

from playground.grounding.codecs.base import Codec
from playground.grounding.codecs.json_boxes import GEMINI_YXYX1000, QWEN_ABS, QWEN_REL1000
from playground.grounding.codecs.location_tokens import FLORENCE_LOC, PALIGEMMA_LOC
from playground.grounding.codecs.plain_brackets import PLAIN
from playground.grounding.codecs.tag_dialects import KOSMOS_PATCH, MINIGPT_V2, REF_BOX_1000, REX_999

_ALL: tuple[Codec, ...] = (
    MINIGPT_V2, FLORENCE_LOC, KOSMOS_PATCH, PALIGEMMA_LOC, QWEN_REL1000, QWEN_ABS, GEMINI_YXYX1000, REF_BOX_1000,
    REX_999, PLAIN,
)  # fmt: skip
CODECS: dict[str, Codec] = {codec.name: codec for codec in _ALL}

__all__ = ["CODECS", "Codec"]
