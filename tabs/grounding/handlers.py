"""What happens when a visitor asks about a picture: the answer comes, its boxes with it, and Stop ends it.

Invariants: a handler takes plain values, changes the visitor's `SessionState`, and returns what to draw. However an
answer ends (its last word, Stop, an error, a page that closes), what had come of it is kept.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from playground.errors import Cancelled, UserError
from playground.grounding.limits import Limits
from playground.grounding.service import GroundingService
from playground.grounding.types import Answer, Asked, GroundingTask, PartialAnswer, Question
from playground.runtime.task import Phase
from playground.runtime.worker import Job
from tabs.common.progress import phase_text
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.grounding import render, request_builder
from tabs.grounding.session import Exchange, Options, SessionState, Updates

UPDATE_S = 1 / 15  # more often costs the browser more than it shows the eye
Outputs = Iterator[tuple[Any, ...]]


@dataclass
class GroundingHandlers:
    """The events that ask a model, over a `GroundingService`."""

    service: GroundingService
    update_s: float = UPDATE_S

    # --- questions ------------------------------------------------------------------------------------

    def ask(self, visit: SessionState, drawn: str, prompt: str, request: gr.Request, *values: Any) -> Outputs:
        """The question of the prompt; `drawn` is the visitor's box as the page keeps it."""
        language = language_of(request)
        self.idle(visit, language)
        options = Options.of(values)
        limits = self.service.limits(options.model)
        question = request_builder.asked(visit, prompt, drawn, options, limits, language)
        yield from self._ask(visit, question, options, request, prompt=request_builder.after(question))

    def identify(self, visit: SessionState, data: gr.EventData, request: gr.Request, *values: Any) -> Outputs:
        """What is in the box that was drawn?"""
        yield from self._about_box(visit, data, request, values)

    def back(self, visit: SessionState, data: gr.EventData, request: gr.Request, *values: Any) -> Outputs:
        """The round trip: the words for a box are asked for, and the box that comes back is held against it."""
        language = language_of(request)
        self.idle(visit, language)
        known = visit.found(request_builder.sent(data, "turn"))
        if known is None or visit.image is None:
            raise UserError(say(language, "ground_gone"))
        options = Options.of(values)
        words = known.parsed.text.strip().rstrip(".")
        question = Question(
            GroundingTask.REFER, visit.image, words, temperature=options.temperature, seed=options.seed
        )
        yield from self._ask(visit, question, options, request, origin=known)

    def similar(self, visit: SessionState, data: gr.EventData, request: gr.Request, *values: Any) -> Outputs:
        """What else looks like the inside of the box?"""
        language = language_of(request)
        self.idle(visit, language)
        options, box = Options.of(values), request_builder.box_of(data)
        image = self._image(visit, language)
        exchange = self._exchange(visit, options.model, GroundingTask.CHAT, say(language, "ground_similar_asked"))
        job = self.service.similar(visitor_of(request), options.model, image, box)
        yield from self._follow(visit, exchange, job, Updates(seed=options.seed), language)

    def heat(self, visit: SessionState, phrase: str, request: gr.Request, *values: Any) -> Outputs:
        """Where the model's eyes find a phrase."""
        language = language_of(request)
        self.idle(visit, language)
        options = Options.of(values)
        job = self.service.heat(visitor_of(request), options.model, self._image(visit, language), phrase or "")
        visit.job, said, error = job, say(language, "ground_starting"), None
        try:
            yield self.drawing(visit, language, status=said, running=True).updates()
            for event in job.events():
                if isinstance(event, Phase) and event.kind != "ready":
                    yield Updates(status=phase_text(event, language)).updates()
                elif isinstance(event, np.ndarray):
                    visit.heat, said = render.heat_uri(event), say(language, "ground_eyes_done")
        except Cancelled:
            said = say(language, "ground_stopped")
        except UserError as raised:
            error, said = raised, str(raised)
        finally:
            _let_go(visit, job)
        yield self.drawing(visit, language, status=said, running=False).updates()
        if error is not None:
            raise error

    def stop(self, visit: SessionState) -> None:
        """Release the visitor now; whoever draws notices within a heartbeat."""
        if visit.job is not None:
            visit.job.cancel()

    # --- while it is answered -------------------------------------------------------------------------

    def idle(self, visit: SessionState, language: str) -> None:
        """Raise `UserError` where something is under way for this visitor."""
        if visit.job is not None:
            raise UserError(say(language, "ground_busy"))

    def drawing(self, visit: SessionState, language: str, **other: Any) -> Updates:
        """Picture and conversation as they are now."""
        limits = self.limits(visit)
        return Updates(stage=render.stage(visit, limits, language), talk=render.talk(visit, limits, language), **other)

    def limits(self, visit: SessionState) -> Limits | None:
        """Those of the model whose settings are on the page."""
        return self.service.limits(visit.model) if visit.model else None

    def _about_box(
        self, visit: SessionState, data: gr.EventData, request: gr.Request, values: tuple[Any, ...]
    ) -> Outputs:
        language = language_of(request)
        self.idle(visit, language)
        options = Options.of(values)
        question = Question(
            GroundingTask.IDENTIFY, self._image(visit, language), render.STARTS[GroundingTask.IDENTIFY],
            request_builder.box_of(data),
            temperature=options.temperature, seed=options.seed, max_new_tokens=options.most,
        )  # fmt: skip
        yield from self._ask(visit, question, options, request)

    def _ask(
        self,
        visit: SessionState,
        question: Question,
        options: Options,
        request: gr.Request,
        prompt: str | None = None,
        origin: Exchange | None = None,
    ) -> Outputs:
        """Ask the chosen model, and after it the one to compare with."""
        language = language_of(request)
        compare = options.compare if origin is None and options.compare != options.model else ""
        models = [options.model, *([compare] if compare else [])]
        for place, model in enumerate(models):
            limits = self.service.limits(model)
            exchange = self._exchange(visit, model, question.task, question.text, question.box)
            wish = request_builder.to_model(question, visit, model, limits, first=place == 0)
            job = self.service.answer(visitor_of(request), model, wish)
            before = visit.current() if place else None
            begun = Updates(prompt=prompt if not place else None, seed=options.seed)

            def compared(done: Exchange, before: Exchange | None = before) -> None:
                self._compare(visit, done, before, origin, language)

            yield from self._follow(visit, exchange, job, begun, language, model != models[-1], compared)
            if exchange.answer is None:
                return

    def _exchange(self, visit: SessionState, model: str, ask: GroundingTask, text: str, box: Any = None) -> Exchange:
        entry = self.service.entry(model)
        return Exchange(visit.new_key(), ask, text, box, model, entry.label, self.service.limits(model).scores)

    def _follow(
        self,
        visit: SessionState,
        exchange: Exchange,
        job: Job[Any],
        begun: Updates,
        language: str,
        more: bool = False,
        finished: Callable[[Exchange], None] = lambda exchange: None,
    ) -> Outputs:
        """Draw what the job yields; `more` where another model is asked next."""
        visit.job, visit.heat, error = job, "", None
        visit.begin(exchange)
        said, drawn, waiting, began = say(language, "ground_starting"), 0.0, False, time.monotonic()
        try:
            yield self.drawing(
                visit, language, status=said, prompt=begun.prompt, seed=begun.seed, running=True
            ).updates()
            for event in job.events():
                if isinstance(event, Phase):
                    text = say(language, "ground_ready") if event.kind == "ready" else phase_text(event, language)
                    if text != said:
                        said = text
                        yield Updates(status=said).updates()
                elif isinstance(event, Asked):
                    exchange.prompt = event.prompt
                    exchange.said += event.notes
                    said, waiting = say(language, "ground_ready"), True
                    yield Updates(status=said).updates()
                elif isinstance(event, PartialAnswer):
                    exchange.parsed, exchange.raw, waiting = event.parsed, event.raw, True
                elif isinstance(event, Answer):
                    exchange.answer, exchange.parsed, exchange.raw = event, event.parsed, event.raw
                    exchange.prompt = event.prompt or exchange.prompt
                if waiting and time.monotonic() - drawn >= self.update_s:
                    drawn, waiting = time.monotonic(), False
                    yield self.drawing(visit, language).updates()
            finished(exchange)
            said = say(language, "ground_asked_done", s=time.monotonic() - began)
        except Cancelled:
            said = say(language, "ground_stopped")
            exchange.said.append(said)
        except UserError as raised:
            error, said = raised, str(raised)
            exchange.said.append(said)
        finally:
            exchange.live = False
            _let_go(visit, job)
        running = None if more and exchange.answer is not None else False
        yield self.drawing(visit, language, status=said, running=running).updates()
        if error is not None:
            raise error

    def _compare(
        self, visit: SessionState, done: Exchange, before: Exchange | None, origin: Exchange | None, language: str
    ) -> None:
        """Say how a finished answer agrees with the one beside it, and with the box it should give back."""
        found = request_builder.boxes_of(visit.filtered_answer(done))
        if origin is not None and origin.box is not None:
            best = request_builder.agreement([origin.box], found[:1])[0]
            words = say(language, "ground_back_iou", iou=best) if found else say(language, "ground_back_none")
            done.origin = origin.box
            done.said.append(words)
        if before is not None:
            done.beside = before.key
            iou, pairs = request_builder.agreement(request_builder.boxes_of(visit.filtered_answer(before)), found)
            key = "ground_compared" if pairs else "ground_compared_none"
            done.said.append(say(language, key, other=before.label, n=pairs, iou=iou))

    def _image(self, visit: SessionState, language: str) -> Any:
        if visit.image is None:
            raise UserError(say(language, "ground_no_picture"))
        return visit.image


def _let_go(visit: SessionState, job: Job[Any]) -> None:
    """The job has ended, or its page was closed: a newer one is left alone."""
    if visit.job is job:
        visit.job = None
    job.cancel()
