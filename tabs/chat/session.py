"""What belongs to one visitor of the chat tab, what they chose, and what is to be drawn for them."""

import secrets
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.chat import conversation
from playground.chat.limits import checked_sampling
from playground.chat.types import ChatEvent, Turn
from playground.inference.types import Sampling
from playground.runtime.worker import Job


class SessionState:
    """One visitor's chat: lives as long as the page is open. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        self.turns: tuple[Turn, ...] = ()
        self.job: Job[ChatEvent] | None = None
        self.model = ""  # whose settings are on the page


@dataclass(frozen=True)
class Options:
    """The values of the settings column, in the order of its components."""

    model: str
    system_prompt: str
    thinking: bool
    sampling: Sampling
    random_seed: bool

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> "Options":
        """Check raw component values. Raises `UserError`."""
        model, system_prompt, thinking, temperature, top_p, top_k, min_p, penalty, longest, seed, random = values
        conversation.check_text(system_prompt or "")
        sampling = checked_sampling(
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            min_p=min_p,
            repetition_penalty=penalty,
            max_new_tokens=longest,
            seed=secrets.randbelow(2**32) if random else seed,
        )
        return cls(model, system_prompt or "", bool(thinking), sampling, bool(random))


@dataclass
class Updates:
    """What a handler wants drawn; None leaves a component as it is."""

    chat: list[dict[str, Any]] | None = None
    message: str | None = None
    status: str | None = None
    running: bool | None = None
    seed: int | None = None
    inside: dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    held: str | None = None

    def updates(self) -> tuple[Any, ...]:
        """In the order of `drawn` in the layout."""
        values = (self.chat, self.message, self.status, self.seed, self.inside, self.prompt, self.held)
        drawn = [gr.skip() if value is None else value for value in values]
        if self.running is None:
            return (*drawn, gr.skip(), gr.skip())
        return (*drawn, gr.Button(visible=not self.running), gr.Button(visible=self.running))
