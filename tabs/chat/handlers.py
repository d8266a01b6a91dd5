"""The chat tab's events: replies, the conversation, the model.

Invariants: a handler is given what stands in components, changes the visitor's `ChatSession`, and returns updates.
The conversation is the session's; the page only shows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.catalog import Entry
from playground.chat import conversation
from playground.chat.options import ChatOptions
from playground.chat.reply import Reply
from playground.chat.service import ChatService
from playground.chat.types import ChatEvent, Turn
from playground.errors import UserError
from playground.inference.types import Sampling
from tabs.chat import render
from tabs.chat.components import ChatComponents
from tabs.chat.handlers_inspection import clicked_choice
from tabs.chat.session import ChatSession, ChatSettings
from tabs.common.download import download
from tabs.common.events import Updates, Values, run_buttons
from tabs.common.jobs import JobEnd, stream_job
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say

INTERVAL_S = 1 / 12  # more often costs the browser more than it shows the eye


@dataclass
class ChatHandlers:
    """The events over a `ChatService`; `values` are of `ui.settings` and what a handler names besides."""

    service: ChatService
    ui: ChatComponents
    interval_s: float = INTERVAL_S

    # --- replies -------------------------------------------------------------------------------------

    def send(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """A message (`ui.message`) is sent: show it at once, then the reply as it comes."""
        session = self._idle_session(values, request)
        settings = ChatSettings.read(self.ui, values)
        turns = conversation.ask(session.turns, values[self.ui.message] or "")
        yield from self._reply(session, turns, settings, request, {self.ui.message: ""})

    def regenerate(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """The last question once more."""
        session = self._idle_session(values, request)
        turns = conversation.without_last_reply(session.turns)
        yield from self._reply(session, turns, ChatSettings.read(self.ui, values), request)

    def go_on(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """Continue the last reply from where it ends."""
        session = self._idle_session(values, request)
        if not session.turns or session.turns[-1].role != "assistant":
            raise UserError("There is no reply to continue yet. Send a message first.")
        yield from self._reply(session, session.turns, ChatSettings.read(self.ui, values), request, go_on=True)

    def edit(self, values: Values, data: gr.EditData, request: gr.Request) -> Iterator[Updates]:
        """A message was edited in place: a question is asked anew, a reply just gets its new words."""
        session = self._idle_session(values, request)
        place = render.place_of(session.turns, data.index)
        turns, ask_again = conversation.edit(session.turns, -1 if place is None else place, _text_of(data.value))
        if ask_again:
            yield from self._reply(session, turns, ChatSettings.read(self.ui, values), request)
            return
        session.turns = turns
        yield self._show_conversation(session, request)

    def continue_from(self, values: Values, data: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """Say another token at the clicked place and go on from there."""
        session = self._idle_session(values, request)
        turns = conversation.cut_at(session.turns, *clicked_choice(session, data))
        yield from self._reply(session, turns, ChatSettings.read(self.ui, values), request, go_on=True)

    # --- the conversation ----------------------------------------------------------------------------

    def undo(self, values: Values, request: gr.Request) -> Updates:
        """Take the last exchange back into the message box."""
        session = self._idle_session(values, request)
        session.turns, message = conversation.undo(session.turns)
        return self._show_conversation(session, request) | {self.ui.message: message, self.ui.status: ""}

    def clear(self, values: Values, request: gr.Request) -> Updates:
        """Start afresh; a reply under way is stopped."""
        session: ChatSession = values[self.ui.session]
        session.stop()
        session.turns = ()
        return self._show_conversation(session, request) | {self.ui.status: ""}

    def export(self, values: Values) -> str:
        """The conversation and its settings as a JSON file."""
        session: ChatSession = values[self.ui.session]
        settings = ChatSettings.read(self.ui, values)
        sampling = {name: getattr(settings.sampling, name) for name in Sampling.__dataclass_fields__}
        text = conversation.to_json(session.turns, settings.system_prompt, settings.model, sampling)
        return download("conversation.json", "application/json", text)

    def upload(self, values: Values, request: gr.Request) -> Updates:
        """Read a conversation back (`ui.upload`); what is on the page stays if the file is not one."""
        session = self._idle_session(values, request)
        with open(values[self.ui.upload], "rb") as file:
            turns, system_prompt = conversation.from_json(file.read(conversation.LARGEST_FILE_BYTES + 1))
        session.turns = turns
        status = say(language_of(request), "imported", n=len(turns))
        shown = self._show_conversation(session, request)
        return shown | {self.ui.status: status, self.ui.system_prompt: system_prompt}

    # --- the model -----------------------------------------------------------------------------------

    def choose_model(self, values: Values, request: gr.Request) -> Updates:
        """Another model: the line about it, and its own defaults."""
        entry = self.service.entry(values[self.ui.menu.dropdown])
        values[self.ui.session].model = entry.id
        return self.ui.menu.chosen(entry, language_of(request)) | self._defaults(entry)

    def open_page(self, values: Values, request: gr.Request) -> Updates:
        """The page in the visitor's language, with the model they used last; no model is loaded for it."""
        ui, session, language = self.ui, values[self.ui.session], language_of(request)
        model = ui.menu.to_open(session, values[ui.menu.remembered])
        if model is None:
            return {}
        entry = self.service.entry(model)
        session.model = entry.id
        return {
            **ui.menu.opened(entry, language),
            **self._defaults(entry),
            ui.inspector: render.inspector_value((), language),
            ui.prompt: render.prompt_value(None, language),
            ui.memory: render.memory_text(*self.service.held(), language),
        }

    # --- parts ---------------------------------------------------------------------------------------

    def _reply(
        self,
        session: ChatSession,
        turns: tuple[Turn, ...],
        settings: ChatSettings,
        request: gr.Request,
        start: Updates | None = None,
        go_on: bool = False,
    ) -> Iterator[Updates]:
        """Have `turns` answered, or their last reply continued; `start` is drawn at once."""
        ui, language = self.ui, language_of(request)
        entry = self.service.entry(settings.model)
        state = ui.menu.state(entry)
        job = self.service.reply(
            visitor_of(request),
            entry.id,
            turns,
            settings.system_prompt,
            settings.sampling,
            go_on,
            settings.thinking,
        )
        reply = Reply(entry.id, turns[-1] if go_on else None)
        asked = turns[:-1] if go_on else turns
        session.turns = written = turns

        def keep(stopped: bool = False) -> None:
            """Put what has come into the conversation; after Clear it has no place there any more."""
            nonlocal written
            if reply.tokens and session.turns is written:
                session.turns = written = (*asked, reply.turn(stopped))

        def result(event: ChatEvent) -> None:
            reply.add(event)

        def draw() -> Updates:
            keep()
            return {ui.conversation: render.messages(session.turns, language), ui.status: say(language, "ready")}

        def end(how: JobEnd) -> Updates:
            keep(how.stopped or how.error is not None)
            figures = render.status_text(reply, entry, settings.sampling.seed, how.stopped, language)
            downloaded = ui.menu.state(entry) != state
            return {
                **self._show_conversation(session, request),
                **run_buttons(ui.send, ui.stop, running=False),
                **(ui.menu.refreshed(language) if downloaded else {}),
                ui.status: how.status(figures, figures),
                ui.prompt: render.prompt_value(reply.prompt, language),
                ui.memory: render.memory_text(*self.service.held(), language),
            }

        begun = {
            **run_buttons(ui.send, ui.stop, running=True),
            ui.conversation: render.messages(turns, language),
            ui.status: say(language, "loading", what=entry.label),
            ui.seed: settings.sampling.seed,
        }
        yield from stream_job(
            session,
            job,
            language,
            start=begun | (start or {}),
            phase=lambda words: {ui.status: words},
            result=result,
            draw=draw,
            end=end,
            interval_s=self.interval_s,
        )

    def _idle_session(self, values: Values, request: gr.Request) -> ChatSession:
        session: ChatSession = values[self.ui.session]
        session.require_idle(say(language_of(request), "busy"))
        return session

    def _show_conversation(self, session: ChatSession, request: gr.Request) -> Updates:
        language = language_of(request)
        return {
            self.ui.conversation: render.messages(session.turns, language),
            self.ui.inspector: render.inspector_value(session.turns, language),
        }

    def _defaults(self, entry: Entry) -> Updates:
        """What a model's own settings are."""
        own = ChatOptions.of(entry)
        sliders: Updates = {slider: getattr(own, name) for name, slider in self.ui.sliders.items()}
        return {self.ui.thinking: gr.Checkbox(visible=entry.thinking == "switch"), **sliders}


def _text_of(value: Any) -> str:
    """The text of an edited message: Gradio gives it plain or as a list of text blocks."""
    if isinstance(value, list):
        return "".join(block.get("text", "") for block in value if isinstance(block, dict))
    return value.get("text", "") if isinstance(value, dict) else str(value)
