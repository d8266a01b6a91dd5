"""Captions of portraits in varied English, each with the claims it makes.

Rule of the room: a caption names a random part of what the picture shows and nothing else, and
`phrases.claims(caption.text)` reads back exactly `caption.claims`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from playground.training.attributes import Person
from playground.training.phrases import Claims, Saying, phrase_words, sayings
from playground.training.sampling import CAPTION, random_person, stream

T = TypeVar("T")

_OPENINGS = ("", "", "", "a portrait of", "a picture of", "a drawing of", "a cartoon of", "an avatar of")
_NOUNS = ("person", "person", "person", "cartoon person")
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


def portrait_caption(person: Person, rng: np.random.Generator, most: int = 6) -> Caption:
    """A caption that names between one and `most` things that a portrait of this person shows."""
    chosen = _choose(sayings(person), rng, int(rng.integers(1, most + 1)))
    opening = pick(rng, _OPENINGS)
    text = _sentence(chosen, rng)
    if opening:
        text = f"{opening} {text}"
    if rng.random() < 0.3:
        text = text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
    return Caption(text, merged(chosen))


def caption_of(seed: int, person: Person) -> Caption:
    """The caption that belongs to this seed's picture in the shards."""
    return portrait_caption(person, stream(seed, CAPTION))


def surprise(seed: int) -> str:
    """A prompt for "surprise me": some person nobody asked for, in one sentence."""
    rng = stream(seed, CAPTION)
    everyone = random_person(rng)
    return _sentence(_choose(sayings(everyone), rng, int(rng.integers(4, 8))), rng, sentences=1)


def words() -> tuple[str, ...]:
    """All words that captions and referring expressions of this world use or understand, sorted, in lower case."""
    grammar = " ".join((*_OPENINGS, *_NOUNS, *_JOINTS, *_GROUP_WORDS)).replace(":", "").split()
    return tuple(sorted(phrase_words() | set(grammar)))


def merged(chosen: list[Saying]) -> Claims:
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


def join(parts: list[str]) -> str:
    """One, two and three: "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _choose(true: list[Saying], rng: np.random.Generator, count: int) -> list[Saying]:
    """One saying for each of `count` topics, at most two of them adjectives."""
    by_topic: dict[str, list[Saying]] = {}
    for saying in true:
        by_topic.setdefault(topic(saying), []).append(saying)
    names = sorted(by_topic)
    chosen: list[Saying] = []
    for index in rng.permutation(len(names))[:count]:
        ways = by_topic[names[index]]
        if sum(saying.phrase.role == "adjective" for saying in chosen) == 2:
            ways = [saying for saying in ways if saying.phrase.role != "adjective"]
        if ways:
            chosen.append(pick(rng, ways))
    return chosen


def _sentence(chosen: list[Saying], rng: np.random.Generator, sentences: int = 2) -> str:
    """The sayings as one noun phrase, or as a sentence and a second that takes over the nouns."""
    texts: dict[str, list[str]] = {"adjective": [], "with": [], "wearing": [], "setting": []}
    for saying in chosen:
        texts[saying.phrase.role].append(saying.text)
    subject = pick(rng, _NOUNS)
    after: list[str] = []
    if texts["adjective"] and rng.random() < 0.2:
        after.append("who is " + join(texts["adjective"]))
    elif texts["adjective"]:
        subject = ", ".join(texts["adjective"]) + " " + subject
    subject = with_article(subject)
    if sentences == 2 and texts["with"] + texts["wearing"] and not after and rng.random() < 0.25:
        verbs = [f"has {join(texts['with'])}"] if texts["with"] else []
        verbs += [f"wears {join(texts['wearing'])}"] if texts["wearing"] else []
        return " ".join([subject, *texts["setting"]]) + ". The person " + " and ".join(verbs) + "."
    clauses = [f"{role} {join(texts[role])}" for role in ("with", "wearing") if texts[role]]
    if len(clauses) == 2 and rng.random() < 0.3:
        clauses.reverse()
    return " ".join([subject, *after, *clauses, *texts["setting"]])


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each equally likely."""
    return options[int(rng.integers(len(options)))]
