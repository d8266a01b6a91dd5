"""What the catalogue says of using a grounding model: its tasks, its box dialect and what else it can do.

Invariants: each family has a class of its own here, with the box dialects its models write (the first is theirs unless
the entry names another) and the tasks they were trained for. No model library.
"""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from playground.catalog_entry import Options
from playground.grounding.codecs import CODECS, Codec
from playground.grounding.codecs.json_boxes import QWEN_ABS, QWEN_REL1000
from playground.grounding.codecs.location_tokens import FLORENCE_LOC, PALIGEMMA_LOC
from playground.grounding.codecs.plain_brackets import PLAIN
from playground.grounding.codecs.tag_dialects import KOSMOS_PATCH, MINIGPT_V2
from playground.grounding.types import GroundingTask

Tokens = Annotated[int, Field(ge=1, le=8192)]


class GroundingOptions(Options):
    """What a model can be asked about a picture, and how it says where. The base of every family's options.

    Attributes:
        dialects: how models of the family write boxes; a family of its own dialect sets this.
        asks: tasks the model can do, by itself or by its adapter's composing.
        everything: told to detect nothing in particular, it finds all it knows.
        codec: the name of its box dialect, one of `dialects`; "" for the first of them.
        streams: it writes words one by one (a detector does not).
        scores: every box has a score.
        threshold: where the slider over the scores starts, 0..1.
        heat: it shows what its vision encoder attends to.
        similar: it finds what looks like a box.
        turns: earlier questions and answers are sent along.
        max_new_tokens: (least, usual, most).
        working_bytes: memory that one question takes beside the weights.
    """

    dialects: ClassVar[tuple[Codec, ...]] = (PLAIN,)

    asks: tuple[GroundingTask, ...] = tuple(GroundingTask)
    everything: bool = False
    codec: str = ""
    streams: bool = True
    scores: bool = False
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    heat: bool = False
    similar: bool = False
    turns: bool = False
    max_new_tokens: tuple[Tokens, Tokens, Tokens] = (1, 256, 1024)
    working_bytes: Annotated[int, Field(ge=0)] = 500_000_000

    @model_validator(mode="after")
    def _is_consistent(self) -> "GroundingOptions":
        least, usual, most = self.max_new_tokens
        if not least <= usual <= most:
            raise ValueError("`max_new_tokens` is (least, usual, most), in this order")
        if not self.asks or len(set(self.asks)) < len(self.asks):
            raise ValueError("`asks` names at least one task, each once")
        if self.threshold and not self.scores:
            raise ValueError("`threshold` is for models whose boxes have `scores`")
        if self.codec and self.codec not in (names := [dialect.name for dialect in self.dialects]):
            raise ValueError(f"`codec` of this family is one of: {', '.join(names)}")
        return self

    @property
    def dialect(self) -> Codec:
        """The codec of the model's box dialect."""
        return next((each for each in self.dialects if each.name == self.codec), self.dialects[0])


class MiniGPTOptions(GroundingOptions):
    """Models after MiniGPT-v2: all seven tasks, boxes in 0..99 between angle brackets."""

    dialects = (MINIGPT_V2,)


class FlorenceOptions(GroundingOptions):
    """Florence-2: fixed tasks, boxes as location tokens."""

    dialects = (FLORENCE_LOC,)

    asks: tuple[GroundingTask, ...] = (
        GroundingTask.CAPTION,
        GroundingTask.GROUNDED_CAPTION,
        GroundingTask.REFER,
        GroundingTask.DETECT,
        GroundingTask.IDENTIFY,
    )
    everything: bool = True
    max_new_tokens: tuple[Tokens, Tokens, Tokens] = (1, 512, 1024)
    working_bytes: Annotated[int, Field(ge=0)] = 800_000_000


class KosmosOptions(GroundingOptions):
    """Kosmos-2: sentences with boxes as pairs of patch tokens."""

    dialects = (KOSMOS_PATCH,)

    asks: tuple[GroundingTask, ...] = (
        GroundingTask.CAPTION,
        GroundingTask.GROUNDED_CAPTION,
        GroundingTask.REFER,
        GroundingTask.DETECT,
        GroundingTask.IDENTIFY,
        GroundingTask.VQA,
    )
    max_new_tokens: tuple[Tokens, Tokens, Tokens] = (1, 128, 512)
    working_bytes: Annotated[int, Field(ge=0)] = 1_000_000_000


class PaliGemmaOptions(GroundingOptions):
    """PaliGemma: short answers, boxes as location tokens."""

    dialects = (PALIGEMMA_LOC,)

    asks: tuple[GroundingTask, ...] = (
        GroundingTask.CAPTION,
        GroundingTask.REFER,
        GroundingTask.DETECT,
        GroundingTask.IDENTIFY,
        GroundingTask.VQA,
    )
    max_new_tokens: tuple[Tokens, Tokens, Tokens] = (1, 128, 512)
    working_bytes: Annotated[int, Field(ge=0)] = 1_000_000_000


class QwenOptions(GroundingOptions):
    """Qwen vision-language models: all tasks, boxes as JSON in thousandths (Qwen2.5-VL: in pixels)."""

    dialects = (QWEN_REL1000, QWEN_ABS)

    turns: bool = True
    max_new_tokens: tuple[Tokens, Tokens, Tokens] = (1, 512, 2048)
    working_bytes: Annotated[int, Field(ge=0)] = 1_500_000_000


class DetectorOptions(GroundingOptions):
    """Open-vocabulary detectors: they find what is named, with a score for every box, and write no words."""

    asks: tuple[GroundingTask, ...] = (GroundingTask.DETECT, GroundingTask.REFER)
    streams: bool = False
    scores: bool = True
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.3
    working_bytes: Annotated[int, Field(ge=0)] = 1_500_000_000


class OwlOptions(DetectorOptions):
    """OWL-ViT and OWLv2, which also find what looks like a part of a picture."""

    threshold: Annotated[float, Field(ge=0, le=1)] = 0.1
    similar: bool = True
    working_bytes: Annotated[int, Field(ge=0)] = 800_000_000


class ServerOptions(GroundingOptions):
    """A model on another server: which dialect it writes is known of the model, so the entry names it."""

    dialects = (PLAIN, *(codec for codec in CODECS.values() if codec is not PLAIN))
