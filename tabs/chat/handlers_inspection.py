"""The inspector's events: which token, what else could have been said, where the model looked.

Invariants: what the engine told while it spoke is shown at once; what torch has to recompute (attention, logit lens)
follows when it is there, and its absence is explained.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.chat.limits import checked_sampling
from playground.chat.sampler_preview import after_sampler
from playground.chat.service import ChatService, InspectionResult
from playground.errors import UserError
from playground.inference.types import Alternative, Sampling, Token
from tabs.chat import render
from tabs.chat.components import ChatComponents
from tabs.chat.session import ChatSession, slider_values
from tabs.common.events import Updates, Values, event_data
from tabs.common.jobs import JobEnd, stream_job
from tabs.common.session import SessionState, visitor_of
from tabs.common.words import language_of, say

MOST_ROWS = 10


@dataclass
class InspectionHandlers:
    """The inspector's events over a `ChatService`."""

    service: ChatService
    ui: ChatComponents

    def look(self, values: Values, data: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """A token was clicked: its alternatives now, attention and logit lens when they are computed."""
        ui, language = self.ui, language_of(request)
        session: ChatSession = values[ui.session]
        place, position = clicked_token(session, data)
        sampling = self._sampling(values)
        shown = render.inspector_value(session.turns, language, place, position)
        detail = _alternatives(session.turns[place].tokens[position], sampling, language)
        shown["detail"] = detail | {"wait": say(language, "looking")}

        def phase(words: str) -> Updates:
            shown["detail"]["wait"] = words
            return {ui.inspector: shown}

        def result(look: InspectionResult) -> Updates:
            shown["detail"] = detail | render.inspection_value(look, language)
            return {ui.inspector: shown}

        def end(how: JobEnd) -> Updates:
            return {}  # what there is to see has been drawn; an error is told in the inspector

        yield {ui.inspector: shown}
        try:
            job = self.service.inspect(
                visitor_of(request), values[ui.menu.dropdown], session.turns[: place + 1], position,
                values[ui.system_prompt] or "", sampling,
            )  # fmt: skip
            yield from stream_job(SessionState(), job, language, start={}, phase=phase, result=result, end=end)
        except UserError as error:
            yield phase(str(error))

    def choose_turn(self, values: Values, data: gr.SelectData, request: gr.Request) -> Updates:
        """A message was clicked: show its tokens if it has any."""
        turns = values[self.ui.session].turns
        place = render.place_of(turns, data.index)
        if place is None or not turns[place].tokens:
            return {}
        return {self.ui.inspector: render.inspector_value(turns, language_of(request), place)}

    def resample(self, values: Values, request: gr.Request) -> Updates:
        """A sampler slider moved: what it would do to the token on show (`ui.inspector`)."""
        session, shown = values[self.ui.session], values[self.ui.inspector]
        if not shown or shown.get("selected") is None or not _is_token(session, shown["place"], shown["selected"]):
            return {}
        token = session.turns[shown["place"]].tokens[shown["selected"]]
        fresh = _alternatives(token, self._sampling(values), language_of(request))
        return {self.ui.inspector: shown | {"detail": (shown.get("detail") or {}) | fresh}}

    def _sampling(self, values: Values) -> Sampling:
        return checked_sampling(**slider_values(self.ui, values))


def clicked_token(session: ChatSession, data: gr.EventData) -> tuple[int, int]:
    """(place of the turn, number of the token) of an inspector event. The values come from a browser."""
    place, position = event_data(data, "place"), event_data(data, "token")
    if not _is_token(session, place, position):
        raise UserError("That reply has changed meanwhile. Click a token of the reply on show.")
    return place, position


def clicked_choice(session: ChatSession, data: gr.EventData) -> tuple[int, int, Alternative]:
    """Which other token was chosen at which place."""
    place, position = clicked_token(session, data)
    number = event_data(data, "choice")
    alternatives = session.turns[place].tokens[position].alternatives
    if not isinstance(number, int) or not 0 <= number < len(alternatives):
        raise UserError("That choice is not on show any more. Click the token again.")
    return place, position, alternatives[number]


def _is_token(session: ChatSession, place: Any, position: Any) -> bool:
    if not isinstance(place, int) or not isinstance(position, int) or not 0 <= place < len(session.turns):
        return False
    return 0 <= position < len(session.turns[place].tokens)


def _alternatives(token: Token, sampling: Sampling, language: str) -> dict[str, Any]:
    return render.alternatives_value(token, after_sampler(token.alternatives, sampling), MOST_ROWS, language)
