"""A reply while it grows: events in, the turn and its figures out.

Invariants: whatever has come stays, however the reply ends.
"""

import time
from dataclasses import dataclass, field
from typing import Literal

from playground.chat.types import ChatEvent, Done, Prompt, Read, Turn
from playground.inference.types import Token

OPEN, CLOSE = "<think>", "</think>"


@dataclass
class Reply:
    """Collects the events of one reply by `model`; `before` is the unfinished turn it goes on with."""

    model: str
    before: Turn | None = None
    tokens: list[Token] = field(default_factory=list)
    prompt: Prompt | None = None
    read: Read | None = None
    done: Done | None = None
    _asked: float = field(default_factory=time.perf_counter)
    _first: float = 0.0
    _last: float = 0.0

    def add(self, event: ChatEvent) -> None:
        """Take the next event of the engine, in order."""
        match event:
            case Token():
                self._last = time.perf_counter()
                self._first = self._first or self._last
                self.tokens.append(event)
            case Prompt():
                self.prompt = event
            case Read():
                self.read = event
            case Done():
                self.done = event

    def turn(self, stopped: bool = False) -> Turn:
        """The assistant's turn as it stands."""
        before = self.before or Turn("assistant", "")
        spoken = raw_text(before) + "".join(token.text for token in self.tokens if not token.reasoning)
        told = "".join(token.text for token in self.tokens if token.reasoning)
        opened = self.before is None and self.prompt is not None and self.prompt.text.rstrip().endswith(OPEN)
        reasoning, text = split_reasoning(spoken, opened)
        cut: Literal["", "stopped", "length"] = "stopped" if stopped else ""
        if self.done is not None and self.done.reason == "length":
            cut = "length"
        return Turn(
            "assistant",
            text,
            reasoning or before.reasoning + told,
            # A turn somebody wrote has no tokens to go on from: what is added would not match its text.
            (*before.tokens, *self.tokens) if before.tokens or not before.text else (),
            self.model,
            cut,
        )

    @property
    def seconds_to_first_token(self) -> float | None:
        """From the request (waiting and loading included) to the first token."""
        return self._first - self._asked if self._first else None

    @property
    def tokens_per_second(self) -> float | None:
        """Decoding speed between the first and the last token."""
        spent = self._last - self._first
        return (len(self.tokens) - 1) / spent if spent > 0 else None

    @property
    def context_used(self) -> int | None:
        """Tokens of prompt and reply together."""
        if self.done is not None and self.done.prompt_tokens is not None:
            return self.done.prompt_tokens + (self.done.new_tokens or 0)
        if self.prompt is not None and self.prompt.pieces:
            return len(self.prompt.pieces) + len(self.tokens)
        return None


def raw_text(turn: Turn) -> str:
    """What the model said, reasoning tags and all; the text itself where its tokens are not known."""
    if not turn.tokens:
        return turn.text
    return "".join(token.text for token in turn.tokens if not token.reasoning)


def split_reasoning(text: str, opened: bool = False) -> tuple[str, str]:
    """Divide what a thinking model said into (reasoning, reply).

    `opened`: the template itself opened the reasoning, so that the text starts inside it.
    """
    if not opened:
        if not text.lstrip().startswith(OPEN):
            return "", text
        text = text.lstrip()[len(OPEN) :]
    reasoning, closed, reply = text.partition(CLOSE)
    return reasoning.strip("\n"), reply.lstrip("\n") if closed else ""
