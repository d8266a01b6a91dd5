"""Ask a chat engine as the chat tab does, and read what it answers; ask a page for one of its handlers."""

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from playground.catalog import Remote
from playground.chat.remote import RemoteChat
from playground.chat.types import ChatEngine, ChatEvent, ChatRequest, Turn
from playground.errors import UserError
from playground.inference.types import Sampling, Token
from playground.runtime.task import Task

HELLO = ChatRequest((Turn("user", "Hello"),), Sampling(max_new_tokens=16), alternatives=0)


def handler_of(page: gr.Blocks, name: str) -> Callable[..., Any]:
    """The one function of this name that an event of the page calls."""
    (found,) = {block.fn for block in page.fns.values() if block.name == name}
    assert found is not None
    return found


def engine(url: str, model: str = "m", key_variable: str = "", context: int = 4096, **options: object) -> RemoteChat:
    return RemoteChat(Remote(url=url, model=model, key_variable=key_variable), context, **options)  # type: ignore[arg-type]


def ask(chat: ChatEngine, request: ChatRequest = HELLO) -> list[ChatEvent]:
    return list(chat.stream(request, Task()))


def tokens(events: list[ChatEvent]) -> list[Token]:
    return [event for event in events if isinstance(event, Token)]


def reply(events: list[ChatEvent]) -> str:
    return "".join(token.text for token in tokens(events) if not token.reasoning)


def failure(chat: ChatEngine, request: ChatRequest = HELLO) -> tuple[str, list[ChatEvent]]:
    """The message of the error a request ends with, and the events before it."""
    events: list[ChatEvent] = []
    with pytest.raises(UserError) as caught:
        events.extend(chat.stream(request, Task()))  # keeps what came before the error
    return str(caught.value), events
