"""Captions of portraits in varied English, each with the claims it makes.

Invariants: a caption names a random part of what the picture shows and nothing else, and
`phrases.claims(caption.text)` reads back exactly `caption.claims`. It speaks as people type: in sentences, in
sentences that end in a list, in bare lists, and with nouns that say nothing here (there is no gender in this world).
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from playground.drawn_world.attributes import Person
from playground.drawn_world.phrases import Claims, Saying, phrase_words, sayings
from playground.drawn_world.sampling import CAPTION, random_person, stream

T = TypeVar("T")

_OPENINGS = ("", "", "", "a portrait of", "a picture of", "a drawing of", "a cartoon of", "an avatar of")
_NOUNS = ("person", "person", "person", "cartoon person")
_TYPED_NOUNS = (*_NOUNS, *_NOUNS, "man", "woman", "boy", "girl", "face", "character")
_JOINTS = ("and", "who is", "the person has", "wears", "with", "wearing")
_GROUP_WORDS = (
    "one two three four five people: there are a picture of a group of them beards hats moustaches",
    "the person on the far left right leftmost rightmost in the middle at the top bottom biggest smallest",
    "first second third fourth fifth from",
)


@dataclass(frozen=True)
class Caption:
    """A text and what it says: attribute name to the values its words allow."""

    text: str
    claims: Claims
    parts: tuple[tuple[int, Claims], ...]  # how many characters in a phrase ends, and what is claimed by then


def portrait_caption(person: Person, rng: np.random.Generator, most: int = 8) -> Caption:
    """A caption that names between one and `most` things that a portrait of this person shows."""
    listed = rng.random() < 0.2
    elsewhere = "setting" if listed else "listed"
    ways = [saying for saying in sayings(person, typed=True) if saying.phrase.role != elsewhere]
    chosen = _choose(ways, rng, int(rng.integers(1, most + 1)), adjectives=4 if listed else 2)
    text = _list(chosen, rng) if listed else _typed(chosen, rng)
    if opening := pick(rng, _OPENINGS):
        text = f"{opening} {text}"
    if rng.random() < 0.3:
        text = text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
    return Caption(text, merged(chosen), _parts(text, chosen))


def caption_of(seed: int, person: Person) -> Caption:
    """The caption that belongs to this seed's picture in the shards."""
    return portrait_caption(person, stream(seed, CAPTION))


def held_out(text: str) -> bool:
    """Whether no model may ever learn this text: one in sixteen, told by a checksum of its letters."""
    return zlib.crc32(text.lower().encode()) % 16 == 0


def surprise(seed: int) -> str:
    """A prompt for "surprise me": some person nobody asked for, in one sentence."""
    rng = stream(seed, CAPTION)
    everyone = random_person(rng)
    return _sentence(_choose(sayings(everyone), rng, int(rng.integers(4, 8))), rng)


def words() -> tuple[str, ...]:
    """All words that captions and referring expressions of this world use or understand, sorted, in lower case."""
    grammar = " ".join((*_OPENINGS, *_TYPED_NOUNS, *_JOINTS, *_GROUP_WORDS)).replace(":", "").split()
    return tuple(sorted(phrase_words() | set(grammar)))


def merged(chosen: Sequence[Saying]) -> Claims:
    """What several sayings claim together."""
    said: Claims = {}
    for saying in chosen:
        for name, values in saying.claims:
            said[name] = said.get(name, values) & values
    return said


def topic(saying: Saying) -> str:
    """The attribute a saying is about; two sayings of one topic do not stand in one sentence."""
    name = saying.claims[0][0]
    return "clothing" if name == "clothing_colour" else name


def join(parts: list[str], last: str = " and ") -> str:
    """One, two and three: "a", "a and b", "a, b and c"; `last` joins the last of three or more."""
    if len(parts) < 3:
        return " and ".join(parts)
    return ", ".join(parts[:-1]) + last + parts[-1]


def with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _choose(true: list[Saying], rng: np.random.Generator, count: int, adjectives: int = 2) -> list[Saying]:
    """One saying for each of `count` topics, at most so many of them adjectives."""
    by_topic: dict[str, list[Saying]] = {}
    for saying in true:
        by_topic.setdefault(topic(saying), []).append(saying)
    names = sorted(by_topic)
    chosen: list[Saying] = []
    for index in rng.permutation(len(names))[:count]:
        ways = by_topic[names[index]]
        if sum(saying.phrase.role == "adjective" for saying in chosen) == adjectives:
            ways = [saying for saying in ways if saying.phrase.role != "adjective"]
        if ways:
            chosen.append(pick(rng, ways))
    return chosen


def _by_role(chosen: list[Saying]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {"adjective": [], "with": [], "wearing": [], "setting": []}
    for saying in chosen:
        texts[saying.phrase.role].append(saying.text)
    return texts


def _typed(chosen: list[Saying], rng: np.random.Generator) -> str:
    """The sayings as a sentence or two, in any of the ways in which people put them together."""
    form = rng.random()
    nouns = _TYPED_NOUNS
    if form < 0.5:
        return _sentence(chosen, rng, nouns)
    texts = _by_role(chosen)
    subject, after = _subject(texts["adjective"], rng, nouns)
    if form < 0.65 and texts["with"] + texts["wearing"] and not after:
        verbs = [f"has {join(texts['with'])}"] if texts["with"] else []
        verbs += [f"wears {join(texts['wearing'])}"] if texts["wearing"] else []
        return " ".join([subject, *texts["setting"]]) + ". The person " + " and ".join(verbs) + "."
    # What somebody has and wears in one list, in any order; some of it may trail behind commas, without its article.
    things = [thing for role in ("with", "wearing") for thing in texts[role]]
    things = [things[index] for index in rng.permutation(len(things))]
    led = int(rng.integers(1, len(things) + 1)) if things and rng.random() < 0.4 else len(things)
    clause = [f"with {join(things[:led], pick(rng, (' and ', ', and ', ', ')))}"] if things else []
    bare = rng.random() < 0.6
    trailing = [_bare(thing) if bare else thing for thing in things[led:]]
    comma = rng.random() < 0.4
    text = ", ".join([" ".join([subject, *after, *clause]), *trailing, *(texts["setting"] if comma else [])])
    return text if comma else " ".join([text, *texts["setting"]])


def _sentence(chosen: list[Saying], rng: np.random.Generator, nouns: Sequence[str] = _NOUNS) -> str:
    """The sayings as one noun phrase."""
    texts = _by_role(chosen)
    subject, after = _subject(texts["adjective"], rng, nouns)
    last = pick(rng, (" and ", " and ", ", and "))
    clauses = [f"{role} {join(texts[role], last)}" for role in ("with", "wearing") if texts[role]]
    if len(clauses) == 2 and rng.random() < 0.3:
        clauses.reverse()
    return " ".join([subject, *after, *clauses, *texts["setting"]])


def _subject(adjectives: list[str], rng: np.random.Generator, nouns: Sequence[str]) -> tuple[str, list[str]]:
    """The noun with its adjectives before it, or the adjectives in a clause behind."""
    noun = pick(rng, nouns)
    if adjectives and rng.random() < 0.2:
        return with_article(noun), ["who is " + join(adjectives)]
    return with_article(", ".join(adjectives) + " " + noun if adjectives else noun), []


def _list(chosen: list[Saying], rng: np.random.Generator) -> str:
    """The sayings between commas, mostly without their articles; adjectives first, with a noun or without."""
    adjectives = [saying.text for saying in chosen if saying.phrase.role == "adjective"]
    things = [saying.text for saying in chosen if saying.phrase.role != "adjective"]
    if rng.random() < 0.8:
        things = [_bare(thing) for thing in things]
    if rng.random() < 0.5:
        return ", ".join([", ".join(adjectives) + (" " if adjectives else "") + pick(rng, _TYPED_NOUNS), *things])
    return ", ".join(adjectives + things)


def _bare(thing: str) -> str:
    """A thing without its article."""
    return re.sub(r"^an? ", "", thing)


def _parts(text: str, chosen: list[Saying]) -> tuple[tuple[int, Claims], ...]:
    """Where each saying ends in the text, in its order, and what the words up to there claim."""
    low = text.lower()
    ends = sorted(((low.index(_bare(s.text).lower()) + len(_bare(s.text)), s) for s in chosen), key=lambda end: end[0])
    so_far = [saying for _, saying in ends]
    return tuple((end, merged(so_far[: index + 1])) for index, (end, _) in enumerate(ends))


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each equally likely."""
    return options[int(rng.integers(len(options)))]
