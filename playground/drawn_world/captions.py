"""Captions of portraits in varied English, each with the claims it makes.

Invariants: a caption names a random part of what the picture shows and nothing else, and
`phrases.claims(caption.text)` reads back exactly `caption.claims`. It speaks as people type: in sentences, in
sentences that end in a list, in bare lists, and with nouns that say something (`nouns`).

A caption of somebody given (`portrait_caption`) names what that portrait shows. A person made for a caption
(`captioned_person`) is what a model learns from that must also know what is likely where nothing is named: what the
words name is drawn evenly, everything else is natural, and no other caption of that person names anything else.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np

from playground.drawn_world.attributes import Person
from playground.drawn_world.natural import natural_person
from playground.drawn_world.nouns import ANYBODY, Age, Claims, Gender, Who, implied, nouns, nouns_of, who_is
from playground.drawn_world.phrases import Saying, agrees, phrase_words, sayings
from playground.drawn_world.sampling import CAPTION, DESCRIBED, random_person, stream

T = TypeVar("T")
ClaimPairs = tuple[tuple[str, frozenset[StrEnum]], ...]  # what one saying claims

_OPENINGS = ("", "", "", "a portrait of", "a picture of", "a drawing of", "a cartoon of", "an avatar of")
_NOUNS = ("person", "person", "person", "cartoon person")  # of group pictures and sentences that are not typed
_WHO = {
    ANYBODY: 0.36,
    Who(Gender.FEMALE, Age.ADULT): 0.14,
    Who(Gender.MALE, Age.ADULT): 0.14,
    Who(Gender.FEMALE, Age.CHILD): 0.08,
    Who(Gender.MALE, Age.CHILD): 0.07,
    Who(None, Age.CHILD): 0.03,
    Who(Gender.FEMALE, Age.OLD): 0.06,
    Who(Gender.MALE, Age.OLD): 0.06,
    Who(None, Age.OLD): 0.02,
    Who(Gender.FEMALE): 0.02,
    Who(Gender.MALE): 0.02,
}  # how often captions speak of whom
BEARDED = 0.2  # share of captioned women and children of whom facial hair may be named
UNNAMED = 0.2  # share of captioned people of whom nothing is named but who it is
_USUAL = ("clean-shaven", "open eyes", "level eyebrows", "straight eyebrows", "a straight mouth")
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
    who: Who = ANYBODY  # of whom it speaks


def portrait_caption(person: Person, rng: np.random.Generator, most: int = 8) -> Caption:
    """A caption that names between one and `most` things that a portrait of this person shows."""
    listed = rng.random() < 0.2
    chosen = _choose(_ways(person, listed), rng, int(rng.integers(1, most + 1)), adjectives=4 if listed else 2)
    said = merged(chosen)
    fitting = [who for who in _WHO if agrees(person, implied(who, said))]
    who = fitting[_weighted([_WHO[who] for who in fitting], rng)]
    return _written(chosen, who, rng, listed)


def caption_of(seed: int, person: Person) -> Caption:
    """The caption that belongs to this seed's picture in the shards."""
    return portrait_caption(person, stream(seed, CAPTION))


@dataclass(frozen=True)
class CaptionedPerson:
    """Somebody made for a caption: who it is, what every caption names, and a person of whom that is true."""

    who: Who
    named: tuple[ClaimPairs, ...]  # one for each thing that is named
    person: Person

    @property
    def claims(self) -> Claims:
        """What every caption claims outright."""
        return _together(self.named)


def captioned_person(seed: int, most: int = 8) -> CaptionedPerson:
    """The captioned person of this seed: at most `most` things are named, and of some people none.

    Their values are those of a person of whom every value is equally likely; the rest is natural, given these.
    """
    who, nothing, rng = _begun(seed)
    count = 0 if nothing else int(rng.integers(1, most + 1))
    ways = [way for way in _ways(random_person(rng), listed=False) if not _idle(way, who)]
    if "facial_hair" in implied(who, {}) and rng.random() > BEARDED:
        ways = [way for way in ways if topic(way) != "facial_hair"]
    chosen = _choose(ways, rng, count)
    return CaptionedPerson(who, tuple(way.claims for way in chosen), natural_person(rng, who, merged(chosen)))


def names_nothing(seed: int) -> bool:
    """Whether of the captioned person of this seed nothing is named; faster than making that person."""
    return _begun(seed)[1]


def _begun(seed: int) -> tuple[Who, bool, np.random.Generator]:
    """Of whom the seed's captions speak, whether they name nothing, and what draws the rest."""
    rng = stream(seed, DESCRIBED)
    who = tuple(_WHO)[_weighted(list(_WHO.values()), rng)]
    return who, rng.random() < UNNAMED, rng


def recaptioned(captioned: CaptionedPerson, rng: np.random.Generator) -> Caption:
    """That person in new words, which name the same and nothing else."""
    listed = bool(captioned.named) and rng.random() < 0.2
    ways = _ways(captioned.person, listed)
    chosen: list[Saying] = []
    for index in rng.permutation(len(captioned.named)):
        same = [way for way in ways if way.claims == captioned.named[index]]
        others = [way for way in same if way.phrase.role != "adjective"]
        full = sum(way.phrase.role == "adjective" for way in chosen) >= (4 if listed else 2)
        chosen.append(pick(rng, others if full and others else same))
    return _written(chosen, captioned.who, rng, listed)


def caption_of_captioned(seed: int) -> Caption:
    """The caption that belongs to this seed's picture in the shards of captioned people."""
    return recaptioned(captioned_person(seed), stream(seed, CAPTION))


def held_out(text: str) -> bool:
    """Whether no model may ever learn this text: one in sixteen, told by a checksum of its letters."""
    return zlib.crc32(text.lower().encode()) % 16 == 0


def surprise(seed: int) -> str:
    """A prompt for "surprise me": some person nobody asked for, in one sentence."""
    rng = stream(seed, CAPTION)
    who = tuple(_WHO)[_weighted(list(_WHO.values()), rng)]
    somebody = natural_person(rng, who)
    remarkable = [way for way in sayings(somebody) if not _idle(way, who) and not _usual(way)]
    return _sentence(_choose(remarkable, rng, int(rng.integers(4, 8))), rng, _nouns(who))


def words() -> tuple[str, ...]:
    """All words that captions and referring expressions of this world use or understand, sorted, in lower case."""
    grammar = " ".join((*_OPENINGS, *nouns(), *_JOINTS, *_GROUP_WORDS)).replace(":", "").split()
    return tuple(sorted(phrase_words() | set(grammar)))


def merged(chosen: Sequence[Saying]) -> Claims:
    """What several sayings claim together."""
    return _together(saying.claims for saying in chosen)


def _together(claims: Iterable[ClaimPairs]) -> Claims:
    said: Claims = {}
    for pairs in claims:
        for name, values in pairs:
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


def _ways(person: Person, listed: bool) -> list[Saying]:
    """What may be said of this person in a sentence, or in a list."""
    elsewhere = "setting" if listed else "listed"
    return [saying for saying in sayings(person, typed=True) if saying.phrase.role != elsewhere]


def _idle(saying: Saying, who: Who) -> bool:
    """Whether the noun says as much already: nobody calls a girl clean-shaven."""
    known = implied(who, {})
    return all(name in known and known[name] <= values for name, values in saying.claims)


def _usual(saying: Saying) -> bool:
    """Whether it is not worth saying: that somebody has not got something, or looks as most do."""
    return saying.text.startswith("no ") or saying.text in _USUAL


def _weighted(weights: Sequence[float], rng: np.random.Generator) -> int:
    return int(np.searchsorted(np.cumsum(weights), rng.random() * sum(weights), side="right"))


def _nouns(who: Who) -> tuple[str, ...]:
    """The nouns for this; *person* most of the time where they tell nothing."""
    if who == ANYBODY:
        return (*_NOUNS, *_NOUNS, "face", "character")
    first, *others = nouns_of(who)
    return (first,) * (1 + len(others)) + tuple(others)  # the commonest as often as all others


def _written(chosen: list[Saying], who: Who, rng: np.random.Generator, listed: bool) -> Caption:
    """The sayings in a sentence or a list, about somebody who is called that."""
    text = _list(chosen, rng, who) if listed else _typed(chosen, rng, _nouns(who))
    if opening := pick(rng, _OPENINGS):
        text = f"{opening} {text}"
    if rng.random() < 0.3:
        text = text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
    said = merged(chosen)
    return Caption(text, said | implied(who, said), _parts(text, chosen, who), who)


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


def _typed(chosen: list[Saying], rng: np.random.Generator, nouns: Sequence[str]) -> str:
    """The sayings as a sentence or two, in any of the ways in which people put them together."""
    form = rng.random()
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


def _sentence(chosen: list[Saying], rng: np.random.Generator, nouns: Sequence[str]) -> str:
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


def _list(chosen: list[Saying], rng: np.random.Generator, who: Who) -> str:
    """The sayings between commas, mostly without their articles; adjectives first."""
    adjectives = [saying.text for saying in chosen if saying.phrase.role == "adjective"]
    things = [saying.text for saying in chosen if saying.phrase.role != "adjective"]
    if rng.random() < 0.8:
        things = [_bare(thing) for thing in things]
    if rng.random() < 0.5 or who != ANYBODY:
        return ", ".join([", ".join(adjectives) + (" " if adjectives else "") + pick(rng, _nouns(who)), *things])
    return ", ".join(adjectives + things)


def _bare(thing: str) -> str:
    """A thing without its article."""
    return re.sub(r"^an? ", "", thing)


def _parts(text: str, chosen: list[Saying], who: Who) -> tuple[tuple[int, Claims], ...]:
    """Where each saying and the noun end in the text, in its order, and what the words up to there claim."""
    low = text.lower()
    ends: list[tuple[int, Saying | None]] = [
        (low.index(_bare(s.text).lower()) + len(_bare(s.text)), s) for s in chosen
    ]
    if who != ANYBODY:
        ends.append((who_is(text)[1], None))
    ends.sort(key=lambda end: end[0])
    found, so_far, known = [], list[Saying](), ANYBODY
    for end, saying in ends:
        if saying is None:
            known = who
        else:
            so_far.append(saying)
        said = merged(so_far)
        found.append((end, said | implied(known, said)))
    return tuple(found)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each equally likely."""
    return options[int(rng.integers(len(options)))]
