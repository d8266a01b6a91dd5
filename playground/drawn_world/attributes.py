"""What a person of the drawn world looks like: the record `Person` and its labels.

Invariants: which attributes have an order, and which cannot be seen independently of others, is said here and
nowhere else (`ATTRIBUTES`, `visible`). There is no gender in this world.
"""

import functools
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from playground.drawn_world.values import (
    Backdrop,
    Background,
    Clothing,
    Colour,
    Eyebrows,
    Eyes,
    FacialHair,
    Glasses,
    HairColour,
    HairLength,
    Lenses,
    Mouth,
    Skin,
    Top,
)

HIDDEN = -1  # the label of an attribute that the picture does not show
NOBODY = -2  # the label of all attributes of a person who is not in the picture


@dataclass(frozen=True)
class Person:
    """One person, every attribute given; `visible` says which of them a picture of this person shows."""

    skin: Skin
    top: Top
    hair_colour: HairColour
    hat_colour: Colour
    facial_hair: FacialHair
    glasses: Glasses
    lenses: Lenses
    mouth: Mouth
    eyes: Eyes
    eyebrows: Eyebrows
    clothing: Clothing
    clothing_colour: Colour
    background: Background
    backdrop: Backdrop


@dataclass(frozen=True)
class Attribute:
    """One field of `Person`: its values in label order, and those of them that lie on an ordered scale."""

    name: str
    values: tuple[StrEnum, ...]
    order: Literal["ordered", "cyclic", "nominal"]
    scale: tuple[StrEnum, ...]


HATS = (Top.BRIMMED_HAT, Top.TURBAN, Top.BOBBLE_HAT, Top.FLAP_HAT)
BEARDS = (FacialHair.SHORT_BEARD, FacialHair.FULL_BEARD, FacialHair.LONG_BEARD)
LENGTHS = {
    HairLength.NONE: (Top.BALD,),
    HairLength.SHORT: (Top.SHORT, Top.SPIKY),
    HairLength.MEDIUM: (Top.BOB, Top.CURLY),
    HairLength.LONG: (Top.LONG_STRAIGHT, Top.LONG_WAVY),
}
_SCALES: dict[str, tuple[StrEnum, ...]] = {
    "skin": tuple(Skin),
    "facial_hair": (FacialHair.NONE, *BEARDS),
    "lenses": tuple(Lenses),
    "mouth": tuple(Mouth),
    "eyes": (Eyes.CLOSED, Eyes.OPEN, Eyes.WIDE),
    "eyebrows": tuple(Eyebrows),
    "background": tuple(Background),
}


def _attribute(name: str, values: type[StrEnum]) -> Attribute:
    scale = _SCALES.get(name, ())
    order: Literal["ordered", "cyclic", "nominal"] = "nominal"
    if scale:
        order = "cyclic" if name == "background" else "ordered"
    return Attribute(name, tuple(values), order, scale)


ATTRIBUTES = tuple(_attribute(field.name, field.type) for field in fields(Person) if isinstance(field.type, type))
BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}


def with_value(person: Person, name: str, value: StrEnum) -> Person:
    """This person with another value of the attribute of that name."""
    changed: dict[str, Any] = {name: value}
    return replace(person, **changed)


def wears_hat(person: Person) -> bool:
    return person.top in HATS


def hair_length(person: Person) -> HairLength | None:
    """Where this hair lies on the scale bald, short, medium, long; None for hats and styles beside it."""
    return next((length for length, tops in LENGTHS.items() if person.top in tops), None)


@functools.lru_cache(maxsize=4096)
def visible(person: Person) -> frozenset[str]:
    """The names of the attributes that a portrait of this person shows.

    These cannot vary independently: the hair colour needs hair or facial hair; the hat colour needs a hat; the
    lenses need glasses; glasses cover the eyebrows with their frames, and the eyes if the lenses are dark.
    """
    hidden = set()
    if (person.top is Top.BALD or wears_hat(person)) and person.facial_hair is FacialHair.NONE:
        hidden.add("hair_colour")
    if not wears_hat(person):
        hidden.add("hat_colour")
    if person.glasses is Glasses.NONE:
        hidden.add("lenses")
    else:
        hidden.add("eyebrows")
        if person.lenses is Lenses.DARK:
            hidden.add("eyes")
    return frozenset(attribute.name for attribute in ATTRIBUTES) - hidden


def labels(person: Person) -> np.ndarray:
    """(A,) int8, in the order of `ATTRIBUTES`: the index of each value, or `HIDDEN` where it is not seen."""
    shown = visible(person)
    return np.array(
        [a.values.index(getattr(person, a.name)) if a.name in shown else HIDDEN for a in ATTRIBUTES], dtype=np.int8
    )


def from_labels(values: np.ndarray) -> Person:
    """The person of these labels; an attribute that is not seen takes its first value.

    Raises:
        ValueError: a label that no value has, or another number of labels than `ATTRIBUTES`.
    """
    named: dict[str, Any] = {}
    for attribute, index in zip(ATTRIBUTES, values.tolist(), strict=True):
        if not HIDDEN <= index < len(attribute.values):
            raise ValueError(f"{attribute.name} has no value number {index}.")
        named[attribute.name] = attribute.values[max(index, 0)]
    return Person(**named)


def canonical(person: Person) -> Person:
    """The same picture's person with every unseen attribute at its first value."""
    return from_labels(labels(person))
