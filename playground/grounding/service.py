"""Grounding's verbs: answer, find more like this, show what the eyes see. What the tab and the endpoint call.

Invariants: every verb returns a `Job` at once; the work behind it knows nothing of pages. Every question is
settled here, whoever asks, so an engine is only given what it can do.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from playground.catalog import Catalog, Entry
from playground.errors import UserError
from playground.grounding.limits import Limits, limits_of
from playground.grounding.options import GroundingOptions
from playground.grounding.types import Answer, Asked, Box, GroundingEngine, GroundingEvent, Question
from playground.grounding.validation import neutralize_markup, validate_box, validate_image, validate_request
from playground.runtime import devices
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Job, Worker

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

T = TypeVar("T")
MAX_PHRASE = 200  # characters, of what a heat map is asked for


class GroundingService:
    """Questions about pictures to any grounding model of the catalogue: local ones in line, remote ones beside."""

    def __init__(self, catalog: Catalog, models: ModelCache, worker: Worker, remote_worker: Worker) -> None:
        self.catalog = catalog
        self._models = models
        self._worker = worker
        self._remote_worker = remote_worker
        self._remotes: dict[str, GroundingEngine] = {}

    def entries(self) -> list[Entry]:
        """The grounding models, in the catalogue's order."""
        return self.catalog.of_tab("grounding")

    def entry(self, model_id: str) -> Entry:
        """The grounding model of an id. Raises `UserError` for an unknown id or a model of another tab."""
        entry = self.catalog.get(model_id)
        if entry.tab != "grounding":
            known = ", ".join(other.id for other in self.entries())
            raise UserError(f"{entry.label} answers no questions about pictures. Choose one of: {known}.")
        return entry

    def limits(self, model_id: str) -> Limits:
        """What can be asked of a model. Raises `UserError` like `entry`."""
        return limits_of(self.entry(model_id))

    def answer(self, visitor: str, model_id: str, question: Question) -> Job[GroundingEvent]:
        """Answer the question: yields `Asked`, `PartialAnswer` while they come, at last `Answer`.

        Raises `UserError` at once for a question that means nothing to this model (see `validate_request`). What was
        changed on the way is in `Asked.notes`.
        """
        entry = self.entry(model_id)
        settled, notes = validate_request(entry, question)

        def events(engine: GroundingEngine, task: Task) -> Iterator[GroundingEvent]:
            with closing(engine.answer(settled, task)) as answers:  # type: ignore[type-var]
                for event in answers:
                    yield replace(event, notes=notes + event.notes) if isinstance(event, Asked) else event

        return self._job(visitor, entry, events)

    def similar(self, visitor: str, model_id: str, image: "Image.Image", box: Box) -> Job[Answer]:
        """Find what looks like a part of the picture: yields one `Answer`. Raises `UserError` at once where the model
        cannot, and for a picture or box that is none."""
        entry = self.entry(model_id)
        if not GroundingOptions.of(entry).similar:
            raise self._unable(entry, "finds nothing by example", lambda limits: limits.similar)
        picture, part = validate_image(image), validate_box(box)

        def found(engine: Any, task: Task) -> Iterator[Answer]:
            began = time.monotonic()
            parsed = engine.similar(picture, part, task)
            yield Answer(parsed, "", "", time.monotonic() - began)

        return self._job(visitor, entry, found)

    def heat(self, visitor: str, model_id: str, image: "Image.Image", phrase: str = "") -> "Job[np.ndarray]":
        """Where in the picture `phrase` is to the model's eyes, or with "" what they attend to by themselves: yields
        one (h, w) float32 array in 0..1. Raises `UserError` at once like `similar`."""
        entry = self.entry(model_id)
        if not GroundingOptions.of(entry).heat:
            raise self._unable(entry, "does not show what it sees", lambda limits: limits.heat)
        if not isinstance(phrase, str):
            raise UserError("The phrase must be text.")
        picture, words = validate_image(image), neutralize_markup(phrase[:MAX_PHRASE]).strip()

        def seen(engine: Any, task: Task) -> "Iterator[np.ndarray]":
            yield engine.heat(picture, words, task)

        return self._job(visitor, entry, seen)

    def _unable(self, entry: Entry, what: str, able: Callable[[Limits], bool]) -> UserError:
        names = ", ".join(other.label for other in self.entries() if able(limits_of(other)))
        return UserError(f"{entry.label} {what}. " + (f"Choose one of: {names}." if names else "No model here does."))

    def _job(self, visitor: str, entry: Entry, work: Callable[[Any, Task], Iterator[T]]) -> Job[T]:
        def run(task: Task) -> Iterator[T]:
            with self._held(entry, task) as engine:
                try:
                    with closing(work(engine, task)) as results:  # type: ignore[type-var]
                        yield from results
                except (RuntimeError, MemoryError, OSError) as error:
                    if not devices.is_out_of_memory(error):
                        raise
                    raise UserError(
                        f"There was not enough memory for {entry.label} to look at this picture. Use a smaller "
                        "picture, close other programs, or choose a smaller model."
                    ) from error

        return (self._worker if entry.remote is None else self._remote_worker).submit(visitor, run)

    @contextmanager
    def _held(self, entry: Entry, task: Task) -> Iterator[Any]:
        """The engine of an entry, loaded if need be, which stays until the block ends."""
        if entry.remote is not None:
            yield self._remote(entry)
            return
        with self._models.use(ModelKey(entry.id), task, GroundingOptions.of(entry).working_bytes) as engine:
            yield engine

    def _remote(self, entry: Entry) -> GroundingEngine:
        from playground.grounding.remote import RemoteGrounding

        assert entry.remote is not None
        return self._remotes.setdefault(entry.id, RemoteGrounding(entry.remote, entry))
