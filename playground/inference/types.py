"""Tokens and how they are drawn: plain data that local and remote language models share.

Invariants: no behaviour beyond what a record needs, no model library.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Alternative:
    """One token the model could have said. `logprob` is the model's own (natural log, before the sampler)."""

    id: int | None
    text: str
    logprob: float


@dataclass(frozen=True)
class Token:
    """One token the model said.

    `text` is what it adds to the reply; a token that only begins a character adds nothing and the
    one that ends it adds all of it. `id` is None where a server does not tell. `logprob` and
    `alternatives` (most likely first) are the model's own, before the sampler; None and empty where
    the engine cannot tell.
    """

    text: str
    id: int | None = None
    logprob: float | None = None
    alternatives: tuple[Alternative, ...] = ()
    reasoning: bool = False


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. The samplers act in this order, in every engine:
    repetition penalty (over prompt and reply), temperature, top-k, top-p, min-p.

    temperature 0..2 (0: always the likeliest), top_k 0 = off, top_p 0..1, min_p 0..1,
    repetition_penalty 1..2, max_new_tokens >= 1, seed 0..2**32-1.
    """

    temperature: float = 0.7
    top_p: float = 0.9
    top_k: int = 40
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 512
    seed: int = 0
