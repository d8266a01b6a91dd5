"""The chat's verbs: answer, look closer. What the tab and the API endpoints call.

Invariants: every verb returns a `Job` at once; the work behind it knows nothing of pages.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from playground.catalog import Catalog, Entry
from playground.chat.local import LocalChat, fit
from playground.chat.reply import raw_text
from playground.chat.types import TORCH, ChatEngine, ChatEvent, ChatRequest, Piece, Turn
from playground.errors import UserError
from playground.inference.types import Sampling
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Job, Worker

if TYPE_CHECKING:
    from playground.chat.inspection import Inspection

ALTERNATIVES = 20  # the most llama.cpp and OpenAI-compatible servers agree to tell


@dataclass(frozen=True)
class InspectionResult:
    """An `Inspection`, and the tokens the model saw before the one inspected."""

    inspection: "Inspection"
    seen: tuple[Piece, ...]


class ChatService:
    """Answers with any chat model of the catalogue: local ones in line, remote ones side by side."""

    def __init__(self, catalog: Catalog, models: ModelCache, worker: Worker, remote_worker: Worker) -> None:
        self.catalog = catalog
        self._models = models
        self._worker = worker
        self._remote_worker = remote_worker
        self._remotes: dict[str, ChatEngine] = {}

    def entry(self, model_id: str) -> Entry:
        """The chat model of an id. Raises `UserError` for an unknown id or a model of another tab."""
        entry = self.catalog.get(model_id)
        if entry.tab != "chat":
            raise UserError(f"{entry.label} is not a chat model. Choose one from the chat tab's menu.")
        return entry

    def reply(
        self,
        visitor: str,
        model_id: str,
        turns: tuple[Turn, ...],
        system_prompt: str = "",
        sampling: Sampling = Sampling(),
        continue_last: bool = False,
        thinking: bool = True,
    ) -> Job[ChatEvent]:
        """Answer the last turn; with `continue_last`, go on with it."""
        entry = self.entry(model_id)
        request = self._request(entry, turns, system_prompt, sampling, continue_last, thinking)
        if entry.remote is not None:
            engine = self._remote(entry)
            return self._remote_worker.submit(visitor, lambda task: engine.stream(request, task))

        def work(task: Task) -> Iterator[ChatEvent]:
            with self._models.use(ModelKey(entry.id), task) as engine:
                yield from engine.stream(request, task)

        return self._worker.submit(visitor, work)

    def inspect(
        self,
        visitor: str,
        model_id: str,
        turns: tuple[Turn, ...],
        position: int,
        system_prompt: str,
        sampling: Sampling,
    ) -> "Job[InspectionResult]":
        """What the model knew when it said token `position` of the last of `turns`."""
        entry = self.entry(model_id)
        said = turns[-1]
        ids = [token.id for token in said.tokens[: position + 1] if token.id is not None]
        if entry.remote is not None:
            raise UserError("A remote server shows neither attention nor layers. Choose a local model to see them.")
        if said.model != entry.id:
            raise UserError("Another model said this. Choose that model again to look inside it.")
        if len(ids) != position + 1:
            raise UserError("The ids of some tokens before this one are not known, so it cannot be looked into.")
        request = self._request(entry, turns[:-1], system_prompt, sampling)

        def work(task: Task) -> "Iterator[InspectionResult]":
            from playground.chat.inspection import inspect_position

            with self._models.use(self._inspectable(entry, task), task) as engine:
                pieces = fit(engine.decoder, request).pieces
                seen = (*pieces, *(Piece(id_, token.text) for id_, token in zip(ids, said.tokens, strict=False)))
                position_in_all = len(pieces) + position
                ids_seen = [piece.id for piece in seen]
                found = inspect_position(engine.decoder, ids_seen, position_in_all, sampling, task=task)
                yield InspectionResult(found, seen[:-1])

        return self._worker.submit(visitor, work)

    def held(self) -> tuple[list[tuple[str, int, str]], str]:
        """What is in memory as (label, bytes, "device" or "ram"), and why torch runs where it runs ("" if it does not
        run yet: asking would load it)."""
        records = self._models.snapshot()
        models = [(self.catalog.get(record.key.id).label, record.nbytes, str(record.where)) for record in records]
        return models, self._models.device.reason if "torch" in sys.modules and models else ""

    def _request(
        self,
        entry: Entry,
        turns: tuple[Turn, ...],
        system_prompt: str,
        sampling: Sampling,
        continue_last: bool = False,
        thinking: bool = True,
    ) -> ChatRequest:
        prepared = tuple(_for_model(turn, entry.id) for turn in turns)
        if continue_last:
            prepared = (*prepared[:-1], replace(prepared[-1], text=raw_text(prepared[-1])))
        if system_prompt.strip():
            prepared = (Turn("system", system_prompt), *prepared)
        return ChatRequest(prepared, sampling, continue_last, thinking, ALTERNATIVES)

    def _inspectable(self, entry: Entry, task: Task) -> ModelKey:
        """The resident that torch can look into: the model itself, or the twin of a GGUF model."""
        with self._models.use(ModelKey(entry.id), task) as engine:
            assert isinstance(engine, LocalChat)
            return ModelKey(entry.id) if engine.decoder.inspectable else ModelKey(entry.id, TORCH)

    def _remote(self, entry: Entry) -> ChatEngine:
        from playground.chat.remote import RemoteChat

        assert entry.remote is not None
        return self._remotes.setdefault(entry.id, RemoteChat(entry.remote, entry.context, thinking=entry.thinking))


def _for_model(turn: Turn, model_id: str) -> Turn:
    """Token ids mean nothing to another model: it is given the words alone."""
    return turn if turn.model == model_id else replace(turn, tokens=())
