"""What the page shows of a conversation: pure functions from our records to component values.

Invariants: the canonical turns are never read back from here; Gradio's chat view folds blanks and
splits reasoning off, so every shown message carries the place of its turn instead.
"""

import math
from collections.abc import Sequence
from typing import Any

from playground.catalog import Entry
from playground.chat.reply import Reply
from playground.chat.sampler_preview import AfterSampler
from playground.chat.service import InspectionResult
from playground.chat.types import Prompt, Turn
from playground.inference.types import Token
from tabs.common.words import say, size_text

MOST_SHOWN = 100  # messages drawn; older ones stay in the conversation and its export


def messages(turns: tuple[Turn, ...], language: str) -> list[dict[str, Any]]:
    """The turns as Chatbot messages; text goes in blocks, which Gradio leaves as it is."""
    shown: list[dict[str, Any]] = []
    for turn in turns[-MOST_SHOWN:]:
        if turn.reasoning:
            shown.append(
                _message("assistant", turn.reasoning, {"title": say(language, "reasoning"), "status": "done"})
            )
        if turn.text or not turn.reasoning:
            shown.append(_message(turn.role, turn.text))
    return shown


def place_of(turns: tuple[Turn, ...], index: int | Sequence[int]) -> int | None:
    """The place of the turn of a shown message, as an event of the Chatbot names it; None where there is none."""
    shown, number = places(turns), index if isinstance(index, int) else index[0]
    return shown[number] if 0 <= number < len(shown) else None


def places(turns: tuple[Turn, ...]) -> list[int]:
    """For each shown message, the place of its turn."""
    first = max(0, len(turns) - MOST_SHOWN)
    found: list[int] = []
    for place, turn in enumerate(turns[-MOST_SHOWN:], start=first):
        found += [place] * (bool(turn.reasoning) + bool(turn.text or not turn.reasoning))
    return found


def _message(role: str, text: str, metadata: dict[str, str] | None = None) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}], "metadata": metadata or {}}


def status_text(reply: Reply, entry: Entry, seed: int, stopped: bool, language: str) -> str:
    """The figures of a finished (or stopped) reply in one line."""
    parts: list[str] = []
    prompt_tokens = reply.done.prompt_tokens if reply.done else len(reply.prompt.pieces) if reply.prompt else None
    reused = reply.read.reused if reply.read else reply.done.reused_tokens if reply.done else None
    if prompt_tokens:
        text = say(language, "status_prompt", n=f"{prompt_tokens:,}")
        parts.append(f"{text} {say(language, 'status_reused', n=f'{reused:,}')}" if reused else text)
    if reply.seconds_to_first_token is not None:
        parts.append(say(language, "status_first", s=reply.seconds_to_first_token))
    if reply.tokens_per_second is not None:
        parts.append(say(language, "status_speed", n=len(reply.tokens), rate=reply.tokens_per_second))
    if reply.context_used is not None:
        parts.append(say(language, "status_context", used=reply.context_used, limit=entry.context))
    parts.append(say(language, "status_seed", seed=seed))
    if stopped:
        parts.append(say(language, "status_stopped"))
    elif reply.done and reply.done.reason == "length":
        parts.append(say(language, "status_length"))
    line = " · ".join(parts)
    if reply.prompt and reply.prompt.dropped_turns:
        line += "\n" + say(language, "status_dropped", n=reply.prompt.dropped_turns)
    return line


def memory_text(models: list[tuple[str, int, str]], reason: str, language: str) -> str:
    """The memory line: which models are loaded, and on what they run."""
    if not models:
        return say(language, "held_nothing")
    listed = ", ".join(
        f"{label} {size_text(count)} ({say(language, f'place_{where}')})" for label, count, where in models
    )
    return " ".join(part for part in (say(language, "held", models=listed), reason) if part)


# --- the inspector ------------------------------------------------------------------------------------

_INSPECTOR_WORDS = (
    "sure", "surprising", "bits", "alternatives", "before", "after", "from_here", "lens", "layer", "lens_top",
    "lens_said", "attention",
)  # fmt: skip


def inspector_value(
    turns: tuple[Turn, ...], language: str, place: int | None = None, selected: int | None = None
) -> dict[str, Any]:
    """The value of a `TokenInspector` for the turn at `place` (the last reply if None)."""
    replies = [number for number, turn in enumerate(turns) if turn.role == "assistant" and turn.tokens]
    if place is None:
        place = replies[-1] if replies and replies[-1] == len(turns) - 1 else None
    if place is None or place not in replies:
        return {"hint": say(language, "inside_empty")}
    return {
        "place": place,
        "tokens": [{"t": token.text, "b": surprise_bits(token)} for token in turns[place].tokens],
        "selected": selected,
        "words": {key: say(language, key) for key in _INSPECTOR_WORDS},
    }


def surprise_bits(token: Token) -> float | None:
    """-log2 of the probability the model gave the token it then said."""
    return None if token.logprob is None else round(-token.logprob / math.log(2), 2)


def prompt_value(prompt: Prompt | None, language: str) -> dict[str, Any]:
    """The value of a `PromptTokens`."""
    if prompt is None:
        return {"hint": say(language, "prompt_empty")}
    return {"text": prompt.text, "tokens": [[piece.id, piece.text] for piece in prompt.pieces]}


def alternatives_value(token: Token, after: AfterSampler | None, most: int, language: str) -> dict[str, Any]:
    """The likeliest tokens before and after the sampler; the said one is there even if it is far down."""
    rows = []
    for number, other in enumerate(token.alternatives):
        said = other.id == token.id if token.id is not None else other.text == token.text
        if number >= most and not said:
            continue
        rows.append(
            {
                "t": other.text,
                "p": math.exp(other.logprob),
                "q": after.probabilities[number] if after else None,
                "said": said,
                "can": "\ufffd" not in other.text and other.text != "",
                "n": number,
            }
        )
    if token.logprob is not None and not any(row["said"] for row in rows):
        rows.append({"t": token.text, "p": math.exp(token.logprob), "q": None, "said": True, "can": False, "n": -1})
    return {"alternatives": rows, "note": say(language, "estimate") if after and not after.exact else ""}


def inspection_value(look: InspectionResult, language: str) -> dict[str, Any]:
    """What torch computed for the clicked token: the logit lens, and where the model looked."""
    found = look.inspection
    weights = found.mean_attention
    return {
        "lens": [
            {
                "layer": layer.layer,
                "t": layer.top[0][0],
                "p": layer.top[0][1],
                "said": layer.probability,
                "rank": layer.rank,
            }
            for layer in found.lens
        ],
        # The first token is where attention rests when it has nothing to do: it would outshine all others.
        "brightest": max(weights[1:], default=1.0),
        "attention": [{"t": piece.text, "w": weight} for piece, weight in zip(look.seen, weights, strict=False)],
        "entropy": say(language, "entropy", bits=found.entropy_bits),
        "missing": " ".join(found.notes),
    }
