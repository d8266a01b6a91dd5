"""What an OpenAI-compatible server streams: server-sent events, chunks, tokens.

Invariants: how bytes become `Token`s, and nothing about connections or failures. The format is
the one of OpenAI's chat completion chunks as vLLM, SGLang, llama-server and `transformers serve` send
it; what a chunk holds beyond these fields is ignored.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from playground.inference.types import Alternative, Token


def sse_data(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The `data` of each server-sent event (WHATWG HTML, section 9.2), comments and other fields left out.

    Lines are split as bytes: text decoders also split at characters such as U+2028, which may stand
    unescaped in JSON. An event the stream breaks off in is not given.
    """
    data: list[bytes] = []
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in (line.removesuffix(b"\r") for line in lines):
            if line.startswith(b"data:"):
                data.append(line.removeprefix(b"data:").removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data = []


class TokenChance(BaseModel):
    """A token and its natural log probability; `id` where the server tells one (llama-server)."""

    token: str
    logprob: float
    id: int | None = None


class SaidToken(TokenChance):
    """A token of the reply with the likeliest ones of its place."""

    top_logprobs: tuple[TokenChance, ...] | None = None


class Logprobs(BaseModel):
    content: tuple[SaidToken, ...] | None = None


class Delta(BaseModel):
    """What a chunk adds: to the reply, or to the reasoning (two names for the same thing)."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class Choice(BaseModel):
    delta: Delta = Delta()
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class PromptDetails(BaseModel):
    cached_tokens: int | None = None


class Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None


class Chunk(BaseModel):
    """One event of the stream; `error` (or `object` "error" with `message`) is a failure told inside it."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    error: Any = None
    object: str | None = None
    message: str | None = None


def tokens_of(choice: Choice, alternatives: int) -> list[Token]:
    """The tokens of a chunk, reasoning first; their texts joined are exactly the text of the chunk.

    Text without log probabilities is given as one token per chunk.
    """
    delta = choice.delta
    thought, text = delta.reasoning_content or delta.reasoning or "", delta.content or ""
    said = (choice.logprobs.content if choice.logprobs else None) or ()
    if not said:
        return [Token(part, reasoning=part is thought) for part in (thought, text) if part]
    # A chunk that ends the one and begins the other does not say where: the probabilities go to the reply.
    tokens = [Token(thought, reasoning=True)] if thought and text else []
    shares = split_as([entry.token for entry in said], text or thought)
    tokens += [
        Token(
            share,
            entry.id,
            entry.logprob,
            tuple(
                Alternative(other.id, other.token, other.logprob)
                for other in sorted(entry.top_logprobs or (), key=lambda other: -other.logprob)[:alternatives]
            ),
            reasoning=bool(thought and not text),
        )
        for entry, share in zip(said, shares, strict=True)
    ]
    if choice.finish_reason == "stop":  # the token that ends a reply is no part of it, though some servers tell it
        while tokens and not tokens[-1].text:
            tokens.pop()
    return tokens


def split_as(pieces: Sequence[str], text: str) -> list[str]:
    """Cut `text` into one share per piece, `"".join(shares) == text`, each its own piece where that is found.

    The pieces (at least one) are how a server names its tokens. They differ from the text where a
    token is a part of a character: such a token gets nothing, and the one that ends it gets the
    character.
    """
    shares = [""] * len(pieces)
    at = 0  # text[:at] is given out
    for index, piece in enumerate(pieces):
        found = text.find(piece, at) if piece else -1
        if found > at and index and not shares[index - 1]:
            shares[index - 1] = text[at:found]
            at = found
        if found == at:
            shares[index] = piece
            at += len(piece)
    shares[-1] += text[at:]
    return shares
