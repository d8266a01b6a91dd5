"""What happens when a visitor does something in the chat tab.

Invariants: a handler takes plain values, changes the visitor's `SessionState`, and returns what to draw.
The conversation is the `SessionState`'s; the page only shows it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from playground.chat import conversation
from playground.chat.reply import Reply
from playground.chat.service import ChatService
from playground.chat.types import Turn
from playground.errors import Cancelled, UserError
from playground.inference.types import Sampling
from playground.runtime.task import Phase
from tabs.chat import render
from tabs.chat.inspection import choice_of
from tabs.chat.session import Options, SessionState, Updates
from tabs.common.progress import phase_text
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say

UPDATE_S = 1 / 12  # more often costs the browser more than it shows the eye


@dataclass
class ChatHandlers:
    """The chat's events over a `ChatService`."""

    service: ChatService
    update_s: float = field(default=UPDATE_S)

    # --- replies -------------------------------------------------------------------------------------

    def send(self, visit: SessionState, message: str, request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
        """A message is sent: show it at once, then the reply as it comes."""
        self._idle(visit, request)
        options = Options.of(values)
        yield from self._answer(visit, conversation.ask(visit.turns, message or ""), options, request, sent=True)

    def regenerate(self, visit: SessionState, request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The last question once more."""
        self._idle(visit, request)
        yield from self._answer(visit, conversation.without_last_reply(visit.turns), Options.of(values), request)

    def go_on(self, visit: SessionState, request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Continue the last reply from where it ends."""
        self._idle(visit, request)
        if not visit.turns or visit.turns[-1].role != "assistant":
            raise UserError("There is no reply to continue yet. Send a message first.")
        yield from self._answer(visit, visit.turns, Options.of(values), request, go_on=True)

    def edit(
        self, visit: SessionState, data: gr.EditData, request: gr.Request, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        """A message was edited in place: a question is asked anew, a reply just gets its new words."""
        self._idle(visit, request)
        shown = render.places(visit.turns)
        index = data.index if isinstance(data.index, int) else data.index[0]
        place = shown[index] if index < len(shown) else -1
        turns, ask_again = conversation.edit(visit.turns, place, _text_of(data.value))
        if ask_again:
            yield from self._answer(visit, turns, Options.of(values), request)
            return
        visit.turns = turns
        yield Updates(chat=render.messages(turns, language_of(request)), inside=self._inside(visit, request)).updates()

    def continue_from(
        self, visit: SessionState, data: gr.EventData, request: gr.Request, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Say another token at the clicked place and go on from there."""
        self._idle(visit, request)
        place, token, choice = choice_of(visit, data)
        turns = conversation.cut_at(visit.turns, place, token, choice)
        yield from self._answer(visit, turns, Options.of(values), request, go_on=True)

    def stop(self, visit: SessionState) -> None:
        """Release the visitor now; whoever draws the reply notices within a heartbeat."""
        if visit.job is not None:
            visit.job.cancel()

    # --- the conversation ----------------------------------------------------------------------------

    def undo(self, visit: SessionState, request: gr.Request) -> tuple[Any, ...]:
        """Take the last exchange back into the message box."""
        self._idle(visit, request)
        visit.turns, message = conversation.undo(visit.turns)
        return self._redrawn(visit, request, message=message, status="")

    def clear(self, visit: SessionState, request: gr.Request) -> tuple[Any, ...]:
        """Start afresh; a reply under way is stopped."""
        self.stop(visit)
        visit.turns = ()
        return self._redrawn(visit, request, status="")

    def export(self, visit: SessionState, *values: Any) -> str:
        """The conversation as JSON text, which the browser saves."""
        options = Options.of(values)
        settings = {name: getattr(options.sampling, name) for name in Sampling.__dataclass_fields__}
        return conversation.to_json(visit.turns, options.system_prompt, options.model, settings)

    def import_(self, visit: SessionState, path: str, request: gr.Request) -> tuple[Any, ...]:
        """Read a conversation back; what is on the page stays if the file is not one."""
        self._idle(visit, request)
        with open(path, "rb") as file:
            turns, system_prompt = conversation.from_json(file.read(conversation.LARGEST_FILE_BYTES + 1))
        visit.turns = turns
        status = say(language_of(request), "imported", n=len(turns))
        return (*self._redrawn(visit, request, status=status), system_prompt)

    # --- inside --------------------------------------------------------------------------------------

    def _answer(
        self,
        visit: SessionState,
        turns: tuple[Turn, ...],
        options: Options,
        request: gr.Request,
        sent: bool = False,
        go_on: bool = False,
    ) -> Iterator[tuple[Any, ...]]:
        language = language_of(request)
        entry = self.service.entry(options.model)
        job = self.service.reply(
            visitor_of(request),
            entry.id,
            turns,
            options.system_prompt,
            options.sampling,
            go_on,
            options.thinking,
        )
        visit.job, visit.turns = job, turns
        mine = turns  # what this reply left in the conversation: after Clear it is there no more
        before = turns[-1] if go_on else None
        asked = turns[:-1] if go_on else turns
        reply = Reply(entry.id, before)
        status = say(language, "loading", what=entry.label)
        stopped, error = False, None
        try:
            yield Updates(
                chat=render.messages(turns, language),
                message="" if sent else None,
                status=status,
                running=True,
                seed=options.sampling.seed,
            ).updates()
            drawn = time.monotonic()
            for event in job.events():
                if isinstance(event, Phase):
                    status = phase_text(event, language)
                elif event is not None:
                    reply.add(event)
                    status = say(language, "ready")
                if time.monotonic() - drawn < self.update_s:
                    continue
                drawn = time.monotonic()
                if reply.tokens and visit.turns is mine:
                    visit.turns = mine = (*asked, reply.turn())
                yield Updates(
                    chat=render.messages(visit.turns, language) if reply.tokens else None, status=status
                ).updates()
        except Cancelled:
            stopped = True
        except UserError as raised:
            error = raised
        finally:
            if visit.job is job:
                visit.job = None
                if reply.tokens and visit.turns is mine:
                    visit.turns = (*asked, reply.turn(stopped or error is not None))
            job.cancel()  # a page that closed; nothing where it has ended
        yield Updates(
            chat=render.messages(visit.turns, language),
            status=str(error) if error else render.status_text(reply, entry, options.sampling.seed, stopped, language),
            running=False,
            inside=self._inside(visit, request),
            prompt=render.prompt_value(reply.prompt, language),
            held=render.held_text(*self.service.held(), language),
        ).updates()
        if error is not None:
            raise error

    def _idle(self, visit: SessionState, request: gr.Request) -> None:
        if visit.job is not None:
            raise UserError(say(language_of(request), "busy"))

    def _inside(self, visit: SessionState, request: gr.Request) -> dict[str, Any]:
        return render.inside_value(visit.turns, language_of(request))

    def _redrawn(self, visit: SessionState, request: gr.Request, **other: Any) -> tuple[Any, ...]:
        language = language_of(request)
        return Updates(
            chat=render.messages(visit.turns, language), inside=self._inside(visit, request), **other
        ).updates()


def _text_of(value: Any) -> str:
    """The text of an edited message: Gradio gives it plain or as a list of text blocks."""
    if isinstance(value, list):
        return "".join(block.get("text", "") for block in value if isinstance(block, dict))
    return value.get("text", "") if isinstance(value, dict) else str(value)
