"""Questions about a picture, and answers whose words point into it: plain data, the same for every model.

Invariants: no behaviour beyond what a record needs, no model library, nothing of the page. Every box that leaves
or enters an engine is a fraction of the upright original picture; what a model calls its coordinates stays in a codec.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from playground.runtime.task import Task

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


class GroundingTask(StrEnum):
    """What is asked: the six task identifiers of MiniGPT-v2 (Chen et al. 2023, arXiv:2310.09478), and none of them."""

    CHAT = "chat"
    CAPTION = "caption"
    GROUNDED_CAPTION = "grounded_caption"
    REFER = "refer"
    DETECT = "detect"
    IDENTIFY = "identify"
    VQA = "vqa"


@dataclass(frozen=True)
class Box:
    """A part of the picture, in fractions 0..1 of its width and height, x0 < x1 and y0 < y1.

    `score` is how sure a detector is, 0..1; None where a model does not say.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float | None = None


@dataclass(frozen=True)
class Entity:
    """Something named: the phrase, where it stands in the answer's text, and the boxes it names.

    `span` is (start, end) in characters of `text`, or None where the phrase is not in the text (a detector's label).
    The place of an entity in its answer is its number, and so its colour; it stays while the answer grows.
    """

    phrase: str
    span: tuple[int, int] | None
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Turn:
    """One earlier question about the same picture, with what the model said, both as the model saw them."""

    prompt: str
    raw: str


@dataclass(frozen=True)
class Question:
    """What is asked of one picture.

    `image` is upright (EXIF applied) and RGB. `box` is what `IDENTIFY` asks about. In `text` the names of `regions`,
    written `[r1]`, stand for boxes. `temperature` 0 is greedy; `max_new_tokens` 0 is as the model likes it.
    """

    task: GroundingTask
    image: "Image.Image"
    text: str = ""
    box: Box | None = None
    regions: dict[str, Box] = field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    temperature: float = 0.0
    seed: int = 0
    max_new_tokens: int = 0


@dataclass(frozen=True)
class ParsedAnswer:
    """What a codec makes of a model's words: the text without markup, what it points at, and what was wrong.

    A reading of words that are still coming holds only what is whole: half a box or half a tag is not shown.
    `warnings` are sentences for the parse report ("1 box left out: its right edge lies left of its left edge").
    """

    text: str
    entities: tuple[Entity, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """The work begins: the exact words the model was sent, and what of the question was changed."""

    prompt: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PartialAnswer:
    """The answer so far, whole: it replaces the one before."""

    parsed: ParsedAnswer
    raw: str


@dataclass(frozen=True)
class Answer:
    """The finished answer. `raw` is what the model said, markup and all; "" for a detector."""

    parsed: ParsedAnswer
    raw: str
    prompt: str
    seconds: float
    tokens: int = 0  # generated; 0 for a detector
    stopped: bool = False  # cut at the most tokens


GroundingEvent = Asked | PartialAnswer | Answer


class GroundingEngine(Protocol):
    """Anything that answers questions about pictures: a local model or a server."""

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """Yield `Asked`, then `PartialAnswer` while they come, then `Answer`.

        Raises `Cancelled` at the next token after `task.cancel()`, and `UserError` for what the user can mend; the
        engine is usable again afterwards, whatever happened.
        """
        ...


class SimilarEngine(Protocol):
    """An engine that also finds what looks like a part of the picture (OWL-ViT's image-guided detection)."""

    def similar(self, image: "Image.Image", box: Box, task: Task) -> ParsedAnswer: ...


class SeeingEngine(Protocol):
    """An engine that also shows what its eyes see."""

    def heat(self, image: "Image.Image", phrase: str, task: Task) -> "np.ndarray":
        """(h, w) float32 in 0..1 over the picture: where `phrase` (or, with "", the eyes' own attention) is."""
        ...
