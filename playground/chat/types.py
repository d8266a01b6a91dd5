"""Requests and results of the chat: plain data, the same for every engine, local or remote.

Invariants: no behaviour beyond what a record needs, no model library, nothing of the page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from playground.inference.types import Sampling, Token
from playground.runtime.task import Task

TORCH = "torch"  # the role of a GGUF model's twin in torch, which can show attention and the logit lens
Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Turn:
    """One message of the canonical conversation.

    `tokens` are the tokens of `text` as `model` said them; empty for what a person wrote or edited.
    `cut` tells why the reply is not whole: stopped by the visitor, or the token limit.
    """

    role: Role
    text: str
    reasoning: str = ""
    tokens: tuple[Token, ...] = ()
    model: str = ""
    cut: Literal["", "stopped", "length"] = ""


@dataclass(frozen=True)
class ChatRequest:
    """What an engine is asked. The last turn is the user's; or, with `continue_last`, an assistant's to go on with."""

    turns: tuple[Turn, ...]
    sampling: Sampling = Sampling()
    continue_last: bool = False
    thinking: bool = True
    alternatives: int = 8  # how many to report for each token; 0: none


@dataclass(frozen=True)
class Piece:
    """One token of a prompt: its id and its text (a lone byte of a character shows as \ufffd)."""

    id: int
    text: str


@dataclass(frozen=True)
class Prompt:
    """The prompt as the model sees it, and what was left out to make it fit.

    `pieces` is empty for a remote engine, which keeps its template to itself.
    """

    text: str
    pieces: tuple[Piece, ...] = ()
    dropped_turns: int = 0
    max_new_tokens: int = 0  # what is left of the wish in this context


@dataclass(frozen=True)
class Read:
    """The prompt is in the KV cache: `reused` tokens were there before, `new` were read now."""

    reused: int
    new: int


@dataclass(frozen=True)
class Done:
    """The reply is over: the model ended it, or its token limit did. Counts are None where unknown."""

    reason: Literal["end", "length"]
    prompt_tokens: int | None = None
    reused_tokens: int | None = None
    new_tokens: int | None = None


ChatEvent = Prompt | Read | Token | Done


class ChatEngine(Protocol):
    """Anything that answers: a local model or a server."""

    def stream(self, request: ChatRequest, task: Task) -> Iterator[ChatEvent]:
        """Yield `Prompt`, perhaps `Read`, then a `Token` each, then `Done`.

        Raises `Cancelled` at the next token after `task.cancel()`, and `UserError` for what the
        user can mend. The engine is usable again afterwards, whatever happened.
        """
        ...


class Decoder(Protocol):
    """The part of a local engine that knows one model: its template, its tokens, its KV cache."""

    context: int  # tokens the model can read at most, prompt and reply together
    inspectable: bool  # torch can show its attention and its layers

    def render(self, turns: Sequence[Turn], continue_last: bool, thinking: bool) -> str:
        """The chat template applied; ends where the assistant's reply starts (or goes on)."""
        ...

    def tokenize(self, text: str) -> list[Piece]:
        """Special tokens in `text` are read as such; nothing is added."""
        ...

    def decode(
        self, ids: Sequence[int], sampling: Sampling, alternatives: int, task: Task
    ) -> Iterator[Read | Token | Done]:
        """Read `ids` into the KV cache, reusing the longest common prefix, and yield `Read`; then each
        `Token`; then `Done`. Reuse is exact: the reply is the one a fresh cache would give."""
        ...
