"""Looking inside a reply: which token, what else, where the model looked.

Invariants: what the engine told while it spoke is shown at once; what torch has to recompute
(attention, logit lens) follows when it is there, and its absence is explained.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.chat.limits import checked_sampling
from playground.chat.sampler_preview import after_sampler
from playground.chat.service import ChatService
from playground.errors import Cancelled, UserError
from playground.inference.types import Alternative, Sampling, Token
from playground.runtime.task import Phase
from tabs.chat import render
from tabs.chat.session import SessionState
from tabs.common.progress import phase_text
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say

MOST_ROWS = 10


@dataclass
class InspectionHandlers:
    """The inspector's events over a `ChatService`."""

    service: ChatService

    def look(
        self,
        visit: SessionState,
        model: str,
        system_prompt: str,
        data: gr.EventData,
        request: gr.Request,
        *samplers: Any,
    ) -> Iterator[dict[str, Any]]:
        """A token was clicked: its alternatives now, attention and logit lens when they are computed."""
        language = language_of(request)
        place, position = clicked(visit, data)
        token = visit.turns[place].tokens[position]
        sampling = _sampling(samplers)
        value = render.inside_value(visit.turns, language, place, position)
        value["detail"] = _alternatives(token, sampling, language)
        value["detail"]["wait"] = say(language, "looking")
        yield value
        try:
            job = self.service.inspect(
                visitor_of(request), model, visit.turns[: place + 1], position, system_prompt, sampling
            )
            for event in job.events():
                if isinstance(event, Phase):
                    value["detail"]["wait"] = phase_text(event, language)
                elif event is not None:
                    value["detail"] |= render.look_value(event, language)
                    value["detail"].pop("wait")
                else:
                    continue
                yield value
        except Cancelled:
            return
        except UserError as error:
            value["detail"]["wait"] = str(error)
            yield value

    def choose_turn(self, visit: SessionState, data: gr.SelectData, request: gr.Request) -> Any:
        """A message was clicked: show its tokens if it has any."""
        index = data.index if isinstance(data.index, int) else data.index[0]
        shown = render.places(visit.turns)
        if index >= len(shown) or not visit.turns[shown[index]].tokens:
            return gr.skip()
        return render.inside_value(visit.turns, language_of(request), shown[index])

    def resample(self, visit: SessionState, shown: dict[str, Any] | None, request: gr.Request, *samplers: Any) -> Any:
        """A sampler slider moved: what it would do to the token on show."""
        if not shown or shown.get("selected") is None or not _is_token(visit, shown["place"], shown["selected"]):
            return gr.skip()
        token = visit.turns[shown["place"]].tokens[shown["selected"]]
        fresh = _alternatives(token, _sampling(samplers), language_of(request))
        return shown | {"detail": (shown.get("detail") or {}) | fresh}


def clicked(visit: SessionState, data: gr.EventData) -> tuple[int, int]:
    """(place of the turn, number of the token) of an inspector event. The values come from a browser."""
    place, position = data._data.get("place"), data._data.get("token")
    if not _is_token(visit, place, position):
        raise UserError("That reply has changed meanwhile. Click a token of the reply on show.")
    return place, position


def choice_of(visit: SessionState, data: gr.EventData) -> tuple[int, int, Alternative]:
    """Which other token was chosen at which place."""
    place, position = clicked(visit, data)
    number = data._data.get("choice")
    alternatives = visit.turns[place].tokens[position].alternatives
    if not isinstance(number, int) or not 0 <= number < len(alternatives):
        raise UserError("That choice is not on show any more. Click the token again.")
    return place, position, alternatives[number]


def _is_token(visit: SessionState, place: Any, position: Any) -> bool:
    if not isinstance(place, int) or not isinstance(position, int) or not 0 <= place < len(visit.turns):
        return False
    return 0 <= position < len(visit.turns[place].tokens)


def _sampling(samplers: tuple[Any, ...]) -> Sampling:
    temperature, top_p, top_k, min_p, penalty = samplers
    return checked_sampling(temperature=temperature, top_p=top_p, top_k=top_k, min_p=min_p, repetition_penalty=penalty)


def _alternatives(token: Token, sampling: Sampling, language: str) -> dict[str, Any]:
    return render.alternatives_value(token, after_sampler(token.alternatives, sampling), MOST_ROWS, language)
