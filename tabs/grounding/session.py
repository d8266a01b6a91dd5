"""What belongs to one visitor of the grounding tab, what they chose, and what is to be drawn for them."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.data_classes import FileDataDict
from PIL import Image

from playground.errors import UserError
from playground.grounding import boxes
from playground.grounding.types import Answer, Box, GroundingTask, ParsedAnswer, Turn
from playground.runtime.worker import Job

MAX_EXCHANGES = 60  # of one picture; older ones go
MAX_REGIONS = 32


@dataclass
class Exchange:
    """One question to one model, and its answer as far as it has come.

    `origin` is the box that the answer should give back, where it was asked for with the words for that box. `beside`
    is the key of the answer of another model to the same question. `prompt` and `raw` are what the model was sent and
    what it said.
    """

    key: int
    task: GroundingTask
    text: str
    box: Box | None
    model: str
    label: str
    scored: bool = False
    origin: Box | None = None
    beside: int | None = None
    parsed: ParsedAnswer = field(default_factory=lambda: ParsedAnswer(""))
    prompt: str = ""
    raw: str = ""
    answer: Answer | None = None
    live: bool = True
    said: list[str] = field(default_factory=list)  # notes, errors, how it ended


class SessionState:
    """One visitor's picture and what was asked of it. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        self.job: Job[Any] | None = None
        self.model = ""  # whose settings are on the page
        self.image: Image.Image | None = None
        self.file: FileDataDict | None = None  # what the page shows of it
        self.exchanges: list[Exchange] = []
        self.shown: int | None = None  # a key
        self.regions: dict[str, Box] = {}
        self.box: Box | None = None  # as the server set it last
        self.moved = 0
        self.heat = ""  # a PNG as data URI
        self.threshold = 0.0
        self.overlap = 1.0
        self.keys = 0

    def afresh(self, image: Image.Image, file: FileDataDict) -> None:
        """Another picture: nothing that was said of the last one holds."""
        self.image, self.file = image, file
        self.exchanges, self.regions, self.shown, self.heat = [], {}, None, ""
        self.place(None)

    def begin(self, exchange: Exchange) -> None:
        self.exchanges = [*self.exchanges, exchange][-MAX_EXCHANGES:]
        self.shown = exchange.key

    def new_key(self) -> int:
        self.keys += 1
        return self.keys

    def found(self, key: object) -> Exchange | None:
        """The exchange of a key that a page sent."""
        return next((one for one in self.exchanges if one.key == key), None)

    def current(self) -> Exchange | None:
        return self.found(self.shown)

    def place(self, box: Box | None) -> None:
        """Have the page show this box as the visitor's own, or none."""
        self.box = box
        self.moved += 1

    def filtered_answer(self, exchange: Exchange) -> ParsedAnswer:
        """What an exchange shows now: a detector's boxes from the threshold on, thinned where they overlap."""
        if not exchange.scored:
            return exchange.parsed
        return boxes.suppress_overlaps(boxes.filter_by_score(exchange.parsed, self.threshold), self.overlap)

    def turns(self, model: str) -> tuple[Turn, ...]:
        """What this model was asked before of this picture, and said."""
        return tuple(
            Turn(one.prompt, one.raw) for one in self.exchanges if one.model == model and one.answer and one.raw
        )

    def new_region(self) -> str:
        """The next name that is free. Raises `UserError` where there are too many."""
        if len(self.regions) >= MAX_REGIONS:
            raise UserError(f"There are {MAX_REGIONS} regions already. Take one away with its ×.")
        return next(f"r{n}" for n in range(1, MAX_REGIONS + 1) if f"r{n}" not in self.regions)


@dataclass(frozen=True)
class Options:
    """The values of the settings, in the order of their components; the service checks what they are."""

    model: str
    compare: str
    temperature: Any
    seed: Any
    new_seed: bool
    most: Any

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> "Options":
        model, compare, temperature, seed, new_seed, most = values
        drawn = secrets.randbelow(2**32) if new_seed else whole(seed)
        return cls(model, compare or "", temperature, drawn, bool(new_seed), whole(most))


@dataclass
class Updates:
    """What a handler wants drawn; None leaves a component as it is."""

    stage: dict[str, Any] | None = None
    talk: dict[str, Any] | None = None
    status: str | None = None
    prompt: str | None = None
    seed: int | None = None
    running: bool | None = None

    def updates(self) -> tuple[Any, ...]:
        """In the order of `drawn` in the layout."""
        status = None if self.status is None else {"text": self.status}
        values = (self.stage, self.talk, status, self.prompt, self.seed)
        shown = [gr.skip() if value is None else value for value in values]
        if self.running is None:
            return (*shown, gr.skip(), gr.skip())
        return (*shown, gr.Button(visible=not self.running), gr.Button(visible=self.running))


def whole(value: Any) -> Any:
    """Sliders send 12 or 12.0; anything else is for the service to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
