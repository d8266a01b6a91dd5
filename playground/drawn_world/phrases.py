"""Phrases about a person, written and read by one table.

Invariants: `claims` reads any text by the same patterns that `sayings` writes, so a caption can always be judged
against the picture, and so can what a user typed.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from playground.drawn_world.attributes import Person, visible
from playground.drawn_world.nouns import Claims, implied, who_is
from playground.drawn_world.vocabulary import COLOUR_WORDS, PHRASES, Phrase, colour_words


@dataclass(frozen=True)
class Saying:
    """A phrase written out, with what it claims."""

    phrase: Phrase
    text: str
    claims: tuple[tuple[str, frozenset[StrEnum]], ...]


def sayings(person: Person, known: frozenset[str] | None = None, typed: bool = False) -> list[Saying]:
    """Everything that is true of this person in one phrase, with and without its colour.

    `known` are the attributes that may be named; by default those that a portrait shows. `typed` adds the phrases
    that people type and careful captions do not use.
    """
    known = visible(person) if known is None else known
    found = []
    for phrase in PHRASES:
        if not (phrase.written or typed) or not _true(person, phrase.claims, known):
            continue
        if phrase.bare:
            found.append(_saying(phrase.pattern, ""))
        if phrase.slot in known:
            colour = getattr(person, phrase.slot)
            found += [_saying(phrase.pattern, word) for word in COLOUR_WORDS[phrase.slot][colour]]
    return found


@functools.cache
def _saying(pattern: str, word: str) -> Saying:
    """The phrase of this pattern with this colour word, or without one."""
    phrase = next(phrase for phrase in PHRASES if phrase.pattern == pattern)
    said = phrase.claims
    if phrase.slot and word:
        said += ((phrase.slot, frozenset({colour_words(phrase.slot)[word]})),)
    return Saying(phrase, phrase.write(word), said)


def agrees(person: Person, said: Claims) -> bool:
    """True where every claim holds for this person, and is about something that a portrait shows."""
    return _true(person, said.items(), visible(person))


def _true(person: Person, said: Iterable[tuple[str, frozenset[StrEnum]]], known: frozenset[str]) -> bool:
    return all(name in known and getattr(person, name) in values for name, values in said)


def claims(text: str) -> Claims:
    """What a text says of one person: each attribute it names, with the values its words allow.

    Of overlapping phrases the longest counts. Where a text says two things of one attribute that cannot both
    hold, the first counts. Words outside the table say nothing. A noun claims what it implies (`nouns.implied`) of
    attributes that no phrase names.
    """
    said = outright(text)
    return said | implied(who_is(text)[0], said)


def outright(text: str) -> Claims:
    """What the phrases of a text claim, without what its noun implies."""
    said: Claims = {}
    for found in _scan(text):
        for name, values in found.items():
            both = said.get(name, values) & values
            said[name] = both or said[name]
    return said


def _scan(text: str) -> Iterator[Claims]:
    """What each phrase of a text claims, in the order of the text; of overlapping phrases the longest stands."""
    hits = [(m, phrase) for phrase, pattern in _patterns() for m in pattern.finditer(text)]
    hits.sort(key=lambda hit: (hit[0].start() - hit[0].end(), hit[0].start()))
    kept: list[tuple[re.Match[str], Phrase]] = []
    for match, phrase in hits:
        if all(match.end() <= other.start() or match.start() >= other.end() for other, _ in kept):
            kept.append((match, phrase))
    for match, phrase in sorted(kept, key=lambda hit: hit[0].start()):
        said = dict(phrase.claims)
        if phrase.slot and match[1]:
            said[phrase.slot] = frozenset({colour_words(phrase.slot)[match[1].lower()]})
        yield said


def phrase_end(text: str, start: int, role: str) -> int | None:
    """Where the longest phrase of this role ("with", "wearing", …) ends that begins at `start`; None without one."""
    found = (m.end() for phrase, p in _patterns() if phrase.role == role and (m := p.match(text, start)))
    return max(found, default=None)


@functools.cache
def _patterns() -> tuple[tuple[Phrase, re.Pattern[str]], ...]:
    return tuple((phrase, re.compile(rf"(?<![\w-]){phrase.regex()}(?![\w-])", re.IGNORECASE)) for phrase in PHRASES)


def phrase_words() -> frozenset[str]:
    """Every word that the phrases know, in lower case."""
    texts = [phrase.write(word) for phrase in PHRASES for word in ("", *colour_words(phrase.slot))]
    return frozenset(word for text in texts for word in text.lower().split())
