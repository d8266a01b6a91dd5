"""A grounding engine that says what a test tells it, behind the real service: its loader is the test's own.

Invariants: words go through the real codec of MiniGPT-v2, piece by piece, as a model's would.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import read_catalog
from playground.grounding.codecs import CODECS
from playground.grounding.service import GroundingService
from playground.grounding.types import (
    Answer,
    Asked,
    Box,
    Entity,
    GroundingEvent,
    ParsedAnswer,
    PartialAnswer,
    Question,
)
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import LoadedModel, ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Worker
from tests.tiny_models.grounding import catalogue

PIECE = 6  # characters that come at once
GROUNDED = (
    "<p>a bald man</p> {<69><29><94><60>} stands beside <p>two people in yellow</p> "
    "{<36><38><60><70>}<delim>{<61><68><86><100>} and <b>nobody</b> else."
)
ENTRIES = (
    {"id": "writer", "family": "avatar-minigpt", "grounding": 'codec = "minigpt_v2", heat = true, turns = true'},
    {"id": "second", "family": "avatar-minigpt", "grounding": 'codec = "minigpt_v2"'},
    {
        "id": "finder",
        "family": "owl-vit",
        "grounding": 'asks = ["detect", "refer"], streams = false, scores = true, threshold = 0.3, similar = true',
    },
)


@dataclass
class Scripted:
    """One engine for all entries; `asked` grows with each question."""

    says: list[str] = field(default_factory=lambda: [GROUNDED])
    asked: list[Question] = field(default_factory=list)
    parsed: ParsedAnswer = field(default_factory=lambda: ParsedAnswer(""))  # of the detector
    pause_s: float = 0.0
    go_on: threading.Event = field(default_factory=threading.Event)
    waits_after: int | None = None  # pieces, then it waits for `go_on`

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        self.asked.append(question)
        raw = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        yield Asked(f"[{question.task}] {question.text}")
        if raw == "":
            yield Answer(self.parsed, "", "", 0.1)
            return
        codec, size = CODECS["minigpt_v2"], question.image.size
        for count, end in enumerate(range(PIECE, len(raw), PIECE)):
            if count == self.waits_after:
                while not self.go_on.wait(0.01):
                    task.check()
            task.check()
            time.sleep(self.pause_s)
            yield PartialAnswer(codec.parse(raw[:end], size, complete=False), raw[:end])
        yield Answer(codec.parse(raw, size), raw, f"[{question.task}] {question.text}", 0.5, tokens=len(raw) // PIECE)

    def similar(self, image: Image.Image, box: Box, task: Task) -> ParsedAnswer:
        return ParsedAnswer("", (Entity("", None, (box, Box(0.0, 0.0, 0.1, 0.1, 0.4))),))

    def heat(self, image: Image.Image, phrase: str, task: Task) -> np.ndarray:
        return np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)


@dataclass
class _Loader:
    engine: Scripted

    def fetch(self, key: ModelKey, task: Task) -> Any:
        return None

    def build(self, key: ModelKey, fetched: Any, device: str, task: Task) -> LoadedModel:
        return LoadedModel(self.engine, 1)


@contextmanager
def scripted_service(folder: Path) -> Iterator[tuple[GroundingService, Scripted]]:
    """A service whose models are all the one scripted engine."""
    engine = Scripted()
    path = catalogue(folder / "scripted.toml", *({**entry, "path": str(folder)} for entry in ENTRIES))
    models = ModelCache(_Loader(engine), lambda key: 1)
    workers = Worker("scripted"), Worker("scripted-remote")
    yield GroundingService(read_catalog(path), models, *workers), engine
    for worker in workers:
        worker.close()
    models.close()
