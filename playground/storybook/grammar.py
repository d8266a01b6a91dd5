"""Captions of scenes in English and Chinese, each with the claims it makes: what both languages share.

Invariants:
    A caption names a random part of what the scene shows; what it names is true, and clear enough to be seen.
    Claims are read off the plan that the words were made of, never off the words.
    Things are numbered in the order in which the text first names them.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import TypeVar

import numpy as np

from playground.drawn_world.phrases import sayings
from playground.storybook.claims import (
    KINDS,
    Claims,
    Place,
    RelationClaim,
    ThingClaim,
    colour_of,
    is_at,
    matching,
    related,
    size_of,
)
from playground.storybook.things import PERSON
from playground.storybook.types import Background, Relation, Scene, Size

T = TypeVar("T")

MOST_WORDS = 40  # Chinese: one and a half characters to a word


@dataclass(frozen=True)
class Span:
    """Characters `start` <= i < `end` of a caption name the things of claim `thing`."""

    start: int
    end: int
    thing: int


@dataclass(frozen=True)
class Caption:
    """A text, its language ("en" or "zh"), what it says, and which characters name what."""

    text: str
    language: str
    claims: Claims
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Statement:
    """A relation that a caption states: groups by their index in the plan."""

    subjects: tuple[int, ...]
    relation: Relation
    object: int
    second: int | None = None


@dataclass(frozen=True)
class Plan:
    """What a caption is going to say."""

    groups: tuple[ThingClaim, ...]
    statement: Statement | None = None
    background: Background | None = None

    def rest(self) -> tuple[int, ...]:
        """The groups that no relation is about."""
        said = self.statement
        used = () if said is None else (*said.subjects, said.object, *(() if said.second is None else (said.second,)))
        return tuple(index for index in range(len(self.groups)) if index not in used)


class Writer:
    """A caption as it grows."""

    def __init__(self, plan: Plan, change: Callable[[str], str] = lambda text: text) -> None:
        """`change` is how this caption is typed (without capitals or punctuation); it sees every piece once."""
        self.plan = plan
        self.text = ""
        self.order: list[int] = []
        self._change = change
        self._spans: list[tuple[int, int, int]] = []

    def add(self, text: str) -> "Writer":
        self.text += self._change(text)
        return self

    def name(self, group: int, text: str) -> "Writer":
        """A noun phrase for a group of the plan."""
        if group not in self.order:
            self.order.append(group)
        start = len(self.text)
        self.add(text)
        self._spans.append((start, len(self.text), group))
        return self

    def insert(self, at: int, text: str) -> None:
        """Put characters into what has been written, as they are."""
        self.text = self.text[:at] + text + self.text[at:]
        self._spans = [
            (start + len(text) * (start >= at), end + len(text) * (end > at), group)
            for start, end, group in self._spans
        ]

    def caption(self, language: str) -> Caption:
        """The finished caption with claims about what was named, in the order of naming."""
        place = {group: index for index, group in enumerate(self.order)}
        said = self.plan.statement
        relations: tuple[RelationClaim, ...] = ()
        if said is not None:
            second = None if said.second is None else place[said.second]
            relations = tuple(
                RelationClaim(place[subject], said.relation, place[said.object], second) for subject in said.subjects
            )
        things = tuple(self.plan.groups[group] for group in self.order)
        left = len(self.text) - len(self.text.lstrip())
        text = self.text.strip()
        spans = tuple(
            Span(start - left, min(end - left, len(text)), place[group]) for start, end, group in self._spans
        )
        return Caption(text, language, Claims(things, relations, self.plan.background), spans)


def caption(scene: Scene, rng: np.random.Generator, language: str = "en") -> Caption:
    """Say something true of a scene as a person would type it.

    Args:
        scene: at least one item.
        rng: decides what is said, and how.
        language: "en" or "zh".

    Returns:
        At most `MOST_WORDS` words.
    """
    from playground.storybook import grammar_en, grammar_zh  # they build on this module

    write = grammar_en.write if language == "en" else grammar_zh.write
    for _ in range(20):
        made = write(plan(scene, rng, language), rng)
        if short_enough(made.text, language):
            return made
    return write(Plan((described(scene, scene.items[0].thing, rng, looks=False)[0],)), rng)


def held_out(text: str) -> bool:
    """Whether no model may ever learn this text: one in sixteen, told by a checksum of its letters."""
    return zlib.crc32(text.lower().encode()) % 16 == 0


def short_enough(text: str, language: str) -> bool:
    return len(text.split()) <= MOST_WORDS if language == "en" else len(text) <= 1.5 * MOST_WORDS


def plan(scene: Scene, rng: np.random.Generator, language: str = "en") -> Plan:
    """Choose what to say: one caption in four names just the things. Looks of people are said in English alone."""
    plainly = rng.random() < 0.25
    kinds = list(dict.fromkeys(item.thing for item in scene.items))
    groups: list[ThingClaim] = []
    for index in rng.permutation(len(kinds)):
        groups += described(scene, kinds[index], rng, looks=not plainly)
        if language == "en" and not plainly and kinds[index] == PERSON and rng.random() < 0.6:
            groups[-1] = _looking(scene, groups[-1], rng)
    if len(groups) > 1 and rng.random() < 0.35:
        groups = groups[: int(rng.integers(1, len(groups)))]
    if plainly:
        return Plan(tuple(groups))
    statement = None
    if len(groups) > 1 and rng.random() < 0.55:
        statement = _statement(scene, groups, rng)
    if statement is not None:  # a thing in a relation says no place, so that words behind it have one reading
        used = {*statement.subjects, statement.object, statement.second}
        groups = [_without_place(scene, g) if i in used else g for i, g in enumerate(groups)]
        if len(set(groups)) < len(groups) or any(_contains(a, b) for a, b in permutations(groups, 2)):
            return Plan(tuple(dict.fromkeys(_apart(groups))))
        statement = statement if _clear(scene, groups, statement) else None
    if statement is not None and statement.second == statement.object:  # "between the two trees"
        groups[statement.object] = replace(groups[statement.object], count=2)
    background = scene.background if rng.random() < 0.45 else None
    return Plan(tuple(groups), statement, background)


def described(scene: Scene, kind: int, rng: np.random.Generator, looks: bool = True) -> list[ThingClaim]:
    """Descriptions of all items of a kind, or of some of them, that no item answers twice."""
    name = KINDS[kind].name
    items = [item for item in scene.items if item.thing == kind]
    colours = list(dict.fromkeys(colour_of(item) for item in items))
    if not looks or (len(colours) > 1 and rng.random() < 0.25):
        return [_counted(ThingClaim(name), len(items), rng)]
    found: list[ThingClaim] = []
    told = [colour for colour in colours if colour is not None]
    if len(colours) > 1 and told:
        groups = [ThingClaim(name, colour=colour) for colour in told]
    else:
        colour = colours[0] if rng.random() < 0.65 else None
        groups = [ThingClaim(name, colour=colour)]
        if len(items) == 2 and rng.random() < 0.15:
            apart = _either_side(scene, groups[0])
            if apart:
                return apart
    for group in groups:
        claim = group
        members = matching(scene, claim)
        sizes = {scene_size(scene, index) for index in members}
        if len(sizes) == 1 and rng.random() < 0.35 and (size := sizes.pop()) is not Size.MEDIUM:
            claim = replace(claim, size=size)
        if rng.random() < 0.22:
            claim = _placed(scene, claim, rng)
        found.append(_counted(claim, len(members), rng))
    return found


def _looking(scene: Scene, claim: ThingClaim, rng: np.random.Generator) -> ThingClaim:
    """A person with something that they have or wear; as before where there are several people, or nothing to say."""
    members = matching(scene, ThingClaim(claim.thing))
    person = scene.items[members[0]].person
    if len(members) > 1 or person is None:
        return claim
    said = [s for s in sayings(person) if s.phrase.role in ("with", "wearing") and not s.text.startswith("no ")]
    if not said:
        return claim
    chosen = pick(rng, said)
    return ThingClaim(claim.thing, looks=f"{chosen.phrase.role} {chosen.text}".lower())


def scene_size(scene: Scene, index: int) -> Size:
    """The size word of an item."""
    return size_of(scene.items[index].size)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each equally likely."""
    return options[int(rng.integers(len(options)))]


def clear_places(scene: Scene, claim: ThingClaim) -> list[Place]:
    """The parts of the picture where all that the claim describes is, and clearly so."""
    members = matching(scene, replace(claim, place=None))
    return [
        place
        for place in Place
        if members and all(is_at(scene.items[i].x, scene.items[i].y, place, clear=True) for i in members)
    ]


def statements(scene: Scene, groups: Sequence[ThingClaim]) -> list[Statement]:
    """All relations with one subject that hold clearly between groups."""
    sets = [matching(scene, group) for group in groups]
    found: list[Statement] = []
    for a, b in permutations(range(len(groups)), 2):
        found += [
            Statement((a,), relation, b)
            for relation in Relation
            if relation is not Relation.BETWEEN and related(scene, sets[a], relation, sets[b], clear=True)
        ]
        if len(sets[b]) == 2 and related(scene, sets[a], Relation.BETWEEN, sets[b], sets[b], clear=True):
            found.append(Statement((a,), Relation.BETWEEN, b, b))
    for a in range(len(groups)):
        for b, c in combinations([index for index in range(len(groups)) if index != a], 2):
            if len(sets[b]) == 2 or len(sets[c]) == 2:
                continue  # "between the two trees" is one object, "between two trees and a house" would be read so
            if related(scene, sets[a], Relation.BETWEEN, sets[b], sets[c], clear=True):
                found += [Statement((a,), Relation.BETWEEN, b, c), Statement((a,), Relation.BETWEEN, c, b)]
    return found


def _statement(scene: Scene, groups: list[ThingClaim], rng: np.random.Generator) -> Statement | None:
    """One relation, each kind that holds equally likely; sometimes with two subjects."""
    found = statements(scene, groups)
    if not found:
        return None
    relation = pick(rng, sorted({statement.relation for statement in found}))
    alike = [statement for statement in found if statement.relation is relation]
    chosen = pick(rng, alike)
    others = [
        statement.subjects[0]
        for statement in alike
        if (statement.object, statement.second) == (chosen.object, chosen.second) and statement != chosen
    ]
    if others and rng.random() < 0.3:
        return replace(chosen, subjects=(*chosen.subjects, pick(rng, others)))
    return chosen


def _clear(scene: Scene, groups: Sequence[ThingClaim], said: Statement) -> bool:
    sets = [matching(scene, group) for group in groups]
    second = None if said.second is None else sets[said.second]
    return all(related(scene, sets[s], said.relation, sets[said.object], second, clear=True) for s in said.subjects)


def _counted(claim: ThingClaim, number: int, rng: np.random.Generator) -> ThingClaim:
    """With its count, sometimes only as several."""
    return replace(claim, count=None if number > 1 and rng.random() < 0.1 else number)


def _without_place(scene: Scene, claim: ThingClaim) -> ThingClaim:
    bare = replace(claim, place=None)
    return claim if claim.place is None else replace(bare, count=len(matching(scene, bare)))


def _contains(a: ThingClaim, b: ThingClaim) -> bool:
    """Whether what answers to `b` may answer to `a` as well."""
    return a.thing == b.thing and all(
        x is None or y is None or x == y for x, y in ((a.colour, b.colour), (a.size, b.size), (a.place, b.place))
    )


def _apart(groups: Sequence[ThingClaim]) -> list[ThingClaim]:
    """The first groups that no item can answer twice."""
    kept: list[ThingClaim] = []
    for group in groups:
        if not any(_contains(other, group) for other in kept):
            kept.append(group)
    return kept


def _placed(scene: Scene, claim: ThingClaim, rng: np.random.Generator) -> ThingClaim:
    """With a place that all of them clearly have, if there is one."""
    places = clear_places(scene, claim)
    return replace(claim, place=pick(rng, places)) if places else claim


def _either_side(scene: Scene, claim: ThingClaim) -> list[ThingClaim]:
    """Two alike, one on the left and one on the right (or top and bottom), where that is clear."""
    first, second = (scene.items[index] for index in matching(scene, claim))
    for one, other in ((Place.LEFT, Place.RIGHT), (Place.TOP, Place.BOTTOM)):
        for a, b in ((first, second), (second, first)):
            if is_at(a.x, a.y, one, clear=True) and is_at(b.x, b.y, other, clear=True):
                return [replace(claim, place=one, count=1), replace(claim, place=other, count=1)]
    return []
