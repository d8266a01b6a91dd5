"""The nouns of the drawn world: who is meant by *woman*, *boy* or *grandpa*, and what that implies.

A person of this world has no gender and no age of its own; a noun speaks of both all the same. What it implies is a
default: facial hair that is named outright stands, whoever has it.

Invariants: `implied` adds only attributes that the words did not name; a noun without gender and age implies nothing.
"""

import functools
import re
from dataclasses import dataclass
from enum import StrEnum

from playground.drawn_world.attributes import HATS, FacialHair, HairColour, Top

Claims = dict[str, frozenset[StrEnum]]  # attribute name -> the values the words allow


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Age(StrEnum):
    CHILD = "child"
    ADULT = "adult"
    OLD = "old"


@dataclass(frozen=True)
class Who:
    """What a noun tells of a person; None where it tells nothing."""

    gender: Gender | None = None
    age: Age | None = None


ANYBODY = Who()
TRAITS = (Gender.FEMALE, Gender.MALE, Age.CHILD, Age.OLD)  # what a reader of captions can be asked about a noun

_NOUNS = {
    ANYBODY: ("person", "cartoon person", "face", "character"),
    Who(Gender.FEMALE, Age.ADULT): ("woman", "lady", "mother", "mom", "mum", "queen"),
    Who(Gender.MALE, Age.ADULT): ("man", "guy", "gentleman", "father", "dad", "king"),
    Who(Gender.FEMALE, Age.CHILD): ("girl", "daughter", "little girl", "princess"),
    Who(Gender.MALE, Age.CHILD): ("boy", "son", "little boy", "prince"),
    Who(None, Age.CHILD): ("kid", "child"),
    Who(Gender.FEMALE, Age.OLD): ("grandma", "grandmother", "granny"),
    Who(Gender.MALE, Age.OLD): ("grandpa", "grandfather"),
    Who(None, Age.OLD): (),
    Who(Gender.FEMALE): ("sister",),
    Who(Gender.MALE): ("brother",),
}
_OLD = ("old", "elderly")
_AGED = ("person", "woman", "lady", "man", "guy", "gentleman")  # said with one of those before them
_HAIRY = frozenset(top for top in Top if top is not Top.BALD and top not in HATS)


@functools.cache
def nouns() -> dict[str, Who]:
    """Every noun, with its adjective of age where it has one, and who is meant."""
    found = {noun: who for who, words in _NOUNS.items() for noun in words}
    for adjective in _OLD:
        found |= {f"{adjective} {noun}": Who(found[noun].gender, Age.OLD) for noun in _AGED}
    return found


@functools.cache
def _by_who() -> dict[Who, tuple[str, ...]]:
    found: dict[Who, tuple[str, ...]] = {}
    for noun, who in nouns().items():
        found[who] = (*found.get(who, ()), noun)
    return found


def nouns_of(who: Who) -> tuple[str, ...]:
    """The nouns that mean exactly this."""
    return _by_who()[who]


@functools.cache
def _noun_pattern() -> re.Pattern[str]:
    longest_first = sorted((noun for noun, who in nouns().items() if who != ANYBODY), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join((*longest_first, *_OLD))})(?![\w-])", re.IGNORECASE)


def who_is(text: str) -> tuple[Who, int]:
    """Who a text speaks of, by its first noun that tells anything, and where in the text that noun ends.

    *Old* before other words makes the person old too ("an old bald man"). `ANYBODY` and 0 where no noun tells.
    """
    who, end = ANYBODY, 0
    for match in _noun_pattern().finditer(text):
        word = match[0].lower()
        if word in _OLD:
            who, end = Who(who.gender, Age.OLD), match.end()
            continue
        noun = nouns()[word]
        return Who(noun.gender, who.age or noun.age), match.end()
    return who, end


def traits(who: Who) -> tuple[bool, ...]:
    """Which of `TRAITS` a noun tells."""
    return tuple(trait in (who.gender, who.age) for trait in TRAITS)


def implied(who: Who, said: Claims) -> Claims:
    """What the noun adds to what the words claim outright: an attribute that they name is left alone."""
    found: Claims = {}
    if "facial_hair" not in said and (who.gender is Gender.FEMALE or who.age is Age.CHILD):
        found["facial_hair"] = frozenset({FacialHair.NONE})
    if who.age is Age.OLD and "hair_colour" not in said:
        top, beard = said.get("top", _HAIRY), said.get("facial_hair", frozenset({FacialHair.NONE}))
        if top <= _HAIRY or FacialHair.NONE not in beard:  # else there may be no hair to be seen
            found["hair_colour"] = frozenset({HairColour.GREY})
            if "top" not in said and FacialHair.NONE in beard:
                found["top"] = _HAIRY
    return found
