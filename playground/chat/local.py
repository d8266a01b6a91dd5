"""A local chat model: the conversation becomes token ids that fit the context, a decoder does the rest.

Invariants: what the model said keeps the ids it said it with (re-tokenising its words could give
others), and nothing is forgotten in silence: what did not fit is told in the `Prompt`.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import replace

from playground.chat.types import ChatEvent, ChatRequest, Decoder, Piece, Prompt, Turn
from playground.errors import UserError
from playground.runtime.task import Task

REPLY_SHARE = 4  # at least a quarter of the context is kept for the reply, unless less is asked for


class LocalChat:
    """The `ChatEngine` over a `Decoder`."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def stream(self, request: ChatRequest, task: Task) -> Iterator[ChatEvent]:
        prompt = fit(self.decoder, request)
        task.check()
        yield prompt
        sampling = replace(request.sampling, max_new_tokens=prompt.max_new_tokens)
        yield from self.decoder.decode([piece.id for piece in prompt.pieces], sampling, request.alternatives, task)


def fit(decoder: Decoder, request: ChatRequest) -> Prompt:
    """The prompt of a request, with the oldest exchanges left out until it fits.

    The system prompt and the last exchange always stay. The reply's share is `max_new_tokens`, but at
    most a quarter of the context; more where the prompt leaves more. Raises `UserError` if even the
    last exchange does not fit.
    """
    wish = request.sampling.max_new_tokens
    room = decoder.context - min(wish, decoder.context // REPLY_SHARE)
    system = tuple(turn for turn in request.turns if turn.role == "system")
    turns = tuple(turn for turn in request.turns if turn.role != "system")
    asked = [place for place, turn in enumerate(turns) if turn.role == "user"]
    for start in (0, *asked[1:]):
        text, pieces = tokenize_turns(decoder, system + turns[start:], request)
        if len(pieces) <= room:
            return Prompt(text, tuple(pieces), start, min(wish, decoder.context - len(pieces)))
    raise UserError(
        f"The last message with its system prompt is {len(pieces):,} tokens; this model reads {decoder.context:,} "
        f"and {decoder.context - room:,} of them are kept for the reply. Shorten the message or the system prompt, "
        "lower “max tokens”, or choose a model with a longer context."
    )


def tokenize_turns(decoder: Decoder, turns: tuple[Turn, ...], request: ChatRequest) -> tuple[str, list[Piece]]:
    """The rendered prompt and its tokens.

    A reply whose tokens are known stands with these very ids: the template is rendered with a mark in
    its place, and what is round the marks is tokenised. It borders on special tokens or on the
    generation prompt, where the model itself had a token border too.
    """
    mark = secrets.token_hex(16)  # no conversation holds it
    known = {f"{mark}:{place}:": turn for place, turn in enumerate(turns) if _known_pieces(turn)}
    marked = tuple(
        replace(turn, text=name) if (name := f"{mark}:{place}:") in known else turn for place, turn in enumerate(turns)
    )
    rendered = decoder.render(marked, request.continue_last, request.thinking)
    text = ""
    pieces: list[Piece] = []
    for part in re.split(f"({mark}:[0-9]+:)", rendered):
        if part in known:
            text += known[part].text
            pieces += _known_pieces(known[part])
        elif part:
            text += part
            pieces += decoder.tokenize(part)
    return text, pieces


def _known_pieces(turn: Turn) -> list[Piece]:
    """The tokens of a reply as the model said them; empty if it was edited or an id is unknown."""
    if not turn.text or "".join(token.text for token in turn.tokens) != turn.text:
        return []
    pieces = [Piece(token.id, token.text) for token in turn.tokens if token.id is not None]
    return pieces if len(pieces) == len(turn.tokens) else []
