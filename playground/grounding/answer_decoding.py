"""From raw words to an answer: what every adapter that writes text does with what its model says.

Invariants: one way for all of them, local or remote. A codec reads the raw text, the engine may mend the
reading (who was asked for), and half markup is never shown. No model library.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from playground.grounding.types import Answer, Box, ParsedAnswer, PartialAnswer

if TYPE_CHECKING:
    from playground.grounding.codecs import Codec

_REGION = re.compile(r"\[(r[1-9]\d{0,2})\]", re.IGNORECASE)


def decode_answer(
    pieces: Iterable[tuple[str, int]],
    codec: "Codec",
    size: tuple[int, int],
    prompt: str,
    most: int,
    mended: Callable[[ParsedAnswer], ParsedAnswer] = lambda reading: reading,
    began: float | None = None,
) -> Iterator[PartialAnswer | Answer]:
    """`PartialAnswer` for each of `pieces` (raw text so far, tokens so far), and the `Answer` at last.

    `size` is (width, height) as the codec wants it; `most` the tokens at which the answer counts as cut. `began` is
    when the work began by `time.monotonic()`, now where not given.
    """
    began = time.monotonic() if began is None else began
    raw, tokens = "", 0
    for grown, count in pieces:
        tokens = count
        if grown != raw:
            raw = grown
            yield PartialAnswer(mended(codec.read(_spoken(raw), size, whole=False)), raw)
    reading = mended(codec.read(_spoken(raw), size, whole=True))
    yield Answer(reading, raw, prompt, time.monotonic() - began, tokens, stopped=tokens >= most)


def named(phrase: str) -> Callable[[ParsedAnswer], ParsedAnswer]:
    """Give entities without a phrase the one that was asked for: a model told to find something says only where."""

    def mended(reading: ParsedAnswer) -> ParsedAnswer:
        entities = tuple(
            entity if entity.phrase else replace(entity, phrase=phrase, span=None) for entity in reading.entities
        )
        return replace(reading, entities=entities)

    return mended


def placed(reading: ParsedAnswer) -> ParsedAnswer:
    """Tie entities without a place in the text to the first place there that has their words, where there is one.

    Models that list boxes behind a sentence name things as the sentence did.
    """
    lower = reading.text.lower()
    taken = [entity.span for entity in reading.entities if entity.span is not None]
    entities = []
    for entity in reading.entities:
        span = entity.span
        if span is None and entity.phrase.strip():
            span = _free(lower, entity.phrase.strip().lower(), taken)
            taken += [span] if span else []
        entities.append(replace(entity, span=span))
    return replace(reading, entities=tuple(entities))


def with_regions(text: str, regions: Mapping[str, Box], write: Callable[[Box], str]) -> str:
    """`text` with the names of regions (`[r1]`) written as boxes; `write` is the codec's, with its size filled in."""

    def written(found: re.Match[str]) -> str:
        box = regions.get(found[1].lower())
        return found[0] if box is None else write(box)

    return _REGION.sub(written, text)


def _spoken(raw: str) -> str:
    """What a model says behind its thoughts, where it thinks aloud first."""
    if not raw.lstrip().startswith("<think>"):
        return raw
    return raw.partition("</think>")[2].lstrip()


def _free(text: str, phrase: str, taken: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The first whole words of `text` that are `phrase` and in nobody's place."""
    for found in re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", text):
        start, end = found.span()
        if all(end <= other_start or start >= other_end for other_start, other_end in taken):
            return start, end
    return None
