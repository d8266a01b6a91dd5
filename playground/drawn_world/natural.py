"""People as one meets them: how frequent every value is, given what is known of a person already.

Three things about a person are not drawn but decide together what is likely: gender, age and colouring (fair, medium,
deep). Given these, all attributes are independent, so a person with some values fixed is completed exactly: first
gender, age and colouring in proportion to how well they explain what is fixed, then everything else.

Invariants: frequencies stand here and nowhere else; every value has a frequency above 0, so that whatever is asked
for exists. A colour of clothes, hats and backgrounds is as likely as any other.
"""

import functools
from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from playground.drawn_world.attributes import ATTRIBUTES, BY_NAME, Person, from_labels
from playground.drawn_world.nouns import ANYBODY, Age, Claims, Gender, Who, implied
from playground.drawn_world.phrases import agrees
from playground.drawn_world.sampling import NATURAL, stream
from playground.drawn_world.values import (
    Clothing,
    Eyebrows,
    Eyes,
    FacialHair,
    Glasses,
    HairColour,
    Lenses,
    Mouth,
    Skin,
    Top,
)

RARE = 1e-4  # the least frequency of a value
_COLOURINGS = (0.45, 0.3, 0.25)  # fair, medium, deep
_GENDERS = {Gender.FEMALE: 0.5, Gender.MALE: 0.5}
_AGES = {Age.CHILD: 0.1, Age.ADULT: 0.78, Age.OLD: 0.12}

_SKIN = (
    {Skin.PALE: 40, Skin.LIGHT: 50, Skin.TAN: 10},
    {Skin.LIGHT: 30, Skin.TAN: 45, Skin.BROWN: 25},
    {Skin.BROWN: 50, Skin.DARK: 50},
)
_HAIR_COLOUR = (
    {HairColour.BLACK: 14, HairColour.BROWN: 40, HairColour.BLONDE: 30, HairColour.RED: 12, HairColour.GREY: 4,
     HairColour.PINK: 1, HairColour.BLUE: 1},
    {HairColour.BLACK: 50, HairColour.BROWN: 36, HairColour.BLONDE: 6, HairColour.RED: 4, HairColour.GREY: 4,
     HairColour.PINK: 1, HairColour.BLUE: 1},
    {HairColour.BLACK: 72, HairColour.BROWN: 20, HairColour.BLONDE: 2, HairColour.RED: 1, HairColour.GREY: 4,
     HairColour.PINK: 1, HairColour.BLUE: 1},
)  # fmt: skip
_TOP = {
    Gender.FEMALE: {
        Top.LONG_STRAIGHT: 20, Top.LONG_WAVY: 18, Top.BOB: 15, Top.PONYTAIL: 11, Top.BUN: 9, Top.CURLY: 8,
        Top.SHORT: 5, Top.AFRO: 4, Top.PIGTAILS: 3, Top.SPIKY: 1, Top.MOHAWK: 0.3, Top.BALD: 0.3,
        Top.BRIMMED_HAT: 5, Top.BOBBLE_HAT: 4, Top.FLAP_HAT: 2, Top.TURBAN: 1.5,
    },
    Gender.MALE: {
        Top.SHORT: 44, Top.SPIKY: 16, Top.CURLY: 8, Top.BALD: 8, Top.AFRO: 5, Top.LONG_WAVY: 2, Top.LONG_STRAIGHT: 1.5,
        Top.BUN: 1.5, Top.MOHAWK: 1, Top.BOB: 0.7, Top.PONYTAIL: 0.7, Top.PIGTAILS: 0.05,
        Top.BRIMMED_HAT: 4, Top.BOBBLE_HAT: 4, Top.FLAP_HAT: 2, Top.TURBAN: 2,
    },
}  # fmt: skip
_FACIAL_HAIR = {FacialHair.NONE: 50, FacialHair.SHORT_BEARD: 19, FacialHair.FULL_BEARD: 15,
                FacialHair.LONG_BEARD: 4, FacialHair.MOUSTACHE: 12}  # fmt: skip
_GLASSES = {Age.CHILD: 0.13, Age.ADULT: 0.24, Age.OLD: 0.4}  # share who wear any
_LENSES = {Lenses.CLEAR: 86, Lenses.TINTED: 5, Lenses.DARK: 9}
_MOUTH = {Mouth.SMILE: 48, Mouth.NEUTRAL: 27, Mouth.LAUGH: 18, Mouth.SAD: 7}
_EYES = {Eyes.OPEN: 86, Eyes.CLOSED: 6, Eyes.WIDE: 7, Eyes.HEARTS: 1}
_EYEBROWS = {Eyebrows.LEVEL: 72, Eyebrows.WORRIED: 17, Eyebrows.ANGRY: 11}
_CLOTHING = {
    Age.CHILD: {Clothing.T_SHIRT: 38, Clothing.HOODIE: 28, Clothing.DUNGAREES: 20, Clothing.COLLARED: 13,
                Clothing.BLAZER: 1},
    Age.ADULT: {Clothing.T_SHIRT: 28, Clothing.HOODIE: 22, Clothing.DUNGAREES: 8, Clothing.COLLARED: 22,
                Clothing.BLAZER: 20},
    Age.OLD: {Clothing.T_SHIRT: 17, Clothing.HOODIE: 8, Clothing.DUNGAREES: 6, Clothing.COLLARED: 42,
              Clothing.BLAZER: 27},
}  # fmt: skip


class _Kind(NamedTuple):
    """Gender, age and colouring of a person, and how frequent that is."""

    gender: Gender
    age: Age
    frequency: float
    shares: dict[str, np.ndarray]  # attribute name -> (values,) frequencies


def _shares(gender: Gender, age: Age, colouring: int) -> dict[str, Mapping[Any, float]]:
    top: dict[Any, float] = dict(_TOP[gender])
    facial: dict[Any, float] = dict(_FACIAL_HAIR)
    hair: dict[Any, float] = dict(_HAIR_COLOUR[colouring])
    if gender is Gender.FEMALE or age is Age.CHILD:
        facial = {FacialHair.NONE: 1}
    if colouring != 2:  # tight curls go with deep colouring
        top[Top.AFRO] *= 0.3
    else:
        top[Top.AFRO] *= 3
    if age is Age.CHILD:
        hair[HairColour.GREY] = top[Top.BALD] = 0
        if gender is Gender.FEMALE:
            top[Top.PIGTAILS] = 18
    if age is Age.OLD:
        hair = {colour: 0.15 * share for colour, share in hair.items()} | {HairColour.GREY: 85}
        hair[HairColour.PINK] = hair[HairColour.BLUE] = 0.1
        if gender is Gender.MALE:
            top[Top.BALD] = 25
        else:
            top[Top.BUN], top[Top.CURLY] = 20, 16
    worn = _GLASSES[age]
    return {
        "skin": _SKIN[colouring], "top": top, "hair_colour": hair, "facial_hair": facial,
        "glasses": {Glasses.NONE: 1 - worn, Glasses.ROUND: worn / 2, Glasses.SQUARE: worn / 2},
        "lenses": _LENSES, "mouth": _MOUTH, "eyes": _EYES, "eyebrows": _EYEBROWS, "clothing": _CLOTHING[age],
    }  # fmt: skip


@functools.cache
def _kinds() -> tuple[_Kind, ...]:
    found = []
    for gender, age, colouring in product(Gender, Age, range(len(_COLOURINGS))):
        shares = {}
        weights = _shares(gender, age, colouring)
        for attribute in ATTRIBUTES:
            given = weights.get(attribute.name)
            share = np.array([1.0 if given is None else given.get(value, 0) for value in attribute.values])
            shares[attribute.name] = np.maximum(share / share.sum(), RARE)
        found.append(_Kind(gender, age, _GENDERS[gender] * _AGES[age] * _COLOURINGS[colouring], shares))
    return tuple(found)


def natural_person(rng: np.random.Generator, who: Who = ANYBODY, said: Claims | None = None) -> Person:
    """A person of whom nothing is known but who it is and what is said of him or her.

    Args:
        rng: where chance comes from.
        who: what a noun tells (`nouns.who_is`).
        said: what words claim outright; what the noun implies is added here. It must be possible at once, as the
            claims of one caption are.

    Returns:
        A person of whom all that is true, and whose portrait shows it.
    """
    outright = said or {}
    fixed = outright | implied(who, outright)
    allowed = {
        name: np.array([value in fixed[name] for value in BY_NAME[name].values], float) for name in sorted(fixed)
    }
    kinds = [
        kind
        for kind in _kinds()
        if (who.gender is None or kind.gender is who.gender) and (who.age is None or kind.age is who.age)
    ]
    likely = np.array([kind.frequency * np.prod([kind.shares[n] @ a for n, a in allowed.items()]) for kind in kinds])
    while True:
        kind = kinds[_drawn(likely, rng)]
        labels = np.empty(len(ATTRIBUTES), np.int8)
        for index, attribute in enumerate(ATTRIBUTES):
            labels[index] = _drawn(kind.shares[attribute.name] * allowed.get(attribute.name, 1.0), rng)
        found = from_labels(labels)
        if agrees(found, fixed):  # glasses may have covered the eyebrows that were named
            return found


def _drawn(weights: np.ndarray, rng: np.random.Generator) -> int:
    """A place in `weights`, drawn in proportion to them."""
    up_to = np.cumsum(weights)
    return int(np.searchsorted(up_to, rng.random() * up_to[-1], side="right"))


def natural(seed: int) -> Person:
    """The natural person of this seed."""
    return natural_person(stream(seed, NATURAL))
