"""What a person of a group picture has or has not, in the words of questions.

Invariants: a trait is judged on the record of a picture, and only where everybody's can be told.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from playground.drawn_world.attributes import BEARDS, HATS, Colour, HairColour

WORN, GROWN = tuple(map(str, HATS)), tuple(map(str, BEARDS))


@dataclass(frozen=True)
class Trait:
    """Something that a person has or has not: how it is asked for, and what decides it."""

    noun: str  # "[detection] person with …"
    plural: str  # "how many people …"
    needs: frozenset[str]  # the attributes that must be to be told
    holds: Callable[[dict[str, Any]], bool]


def having(record: dict[str, Any], trait: Trait) -> list[int] | None:
    """The figures with that trait; None where somebody's cannot be told."""
    if any(not trait.needs <= set(who["known"]) for who in record["people"]):
        return None
    return [figure for figure, who in enumerate(record["people"]) if trait.holds(who)]


def _traits() -> Iterator[Trait]:
    def of(noun: str, plural: str, needs: str, holds: Callable[[dict[str, Any]], bool]) -> Trait:
        return Trait(noun, plural, frozenset({needs}), holds)

    def value(name: str, wanted: str) -> Callable[[dict[str, Any]], bool]:
        return lambda who: bool(who[name] == wanted)

    def among(name: str, wanted: tuple[str, ...]) -> Callable[[dict[str, Any]], bool]:
        return lambda who: who[name] in wanted

    def haired(colour: str) -> Callable[[dict[str, Any]], bool]:
        return lambda who: who["hair_colour"] == colour and who["top"] not in (*WORN, "bald")

    yield of("person with glasses", "wear glasses", "glasses", lambda who: bool(who["glasses"] != "none"))
    yield of("person without glasses", "wear no glasses", "glasses", value("glasses", "none"))
    yield of("person wearing a hat", "wear a hat", "top", among("top", WORN))
    yield of("person with a beard", "have a beard", "facial_hair", among("facial_hair", GROWN))
    yield of("person with a moustache", "have a moustache", "facial_hair", value("facial_hair", "moustache"))
    yield of("bald person", "are bald", "top", value("top", "bald"))
    for top, name in (("afro", "an afro"), ("mohawk", "a mohawk"), ("turban", "a turban"), ("pigtails", "pigtails")):
        verb = "wear" if top == "turban" else "have"
        yield of(f"person with {name}", f"{verb} {name}", "top", value("top", top))
    for colour in map(str, HairColour):
        yield of(f"person with {colour} hair", f"have {colour} hair", "top", haired(colour))
    for colour in map(str, Colour):
        holds = value("clothing_colour", colour)
        yield of(f"person wearing {colour} clothes", f"wear {colour} clothes", "clothing_colour", holds)


TRAITS = tuple(_traits())
