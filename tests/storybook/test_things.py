"""The things of the Storybook world: their names, their sprites, their colours."""

import colorsys
from collections import defaultdict

import numpy as np
import pytest

from playground.storybook.sprites import sprite
from playground.storybook.things import COMMON, PLACES, THINGS, label_of
from playground.storybook.types import Colour

pytestmark = pytest.mark.slow

HUES = {  # degrees that a colour's hue lies between
    Colour.RED: (345, 375),
    Colour.ORANGE: (20, 38),
    Colour.YELLOW: (40, 56),
    Colour.GREEN: (110, 145),
    Colour.BLUE: (205, 232),
    Colour.PURPLE: (258, 285),
    Colour.PINK: (320, 342),
}


def test_there_are_400_to_600_things_and_the_common_ones_come_first() -> None:
    assert 400 <= len(THINGS) <= 600
    assert 180 <= len(COMMON) <= 230
    assert tuple(range(len(COMMON))) == COMMON
    assert sum(thing.recolourable for thing in THINGS) >= 60


def test_no_name_belongs_to_two_things() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for thing in THINGS:
        for name in (thing.name, thing.plural, *thing.synonyms, thing.zh, *thing.zh_synonyms):
            owners[name.casefold()].add(thing.code)
    assert {name: codes for name, codes in owners.items() if len(codes) > 1} == {}


def test_names_are_tidy() -> None:
    for thing in THINGS:
        words = (thing.name, thing.plural, *thing.synonyms)
        chinese = (thing.zh, *thing.zh_synonyms)
        assert all(word and word == word.strip() for word in (*words, *chinese, thing.measure)), thing
        assert len(set(thing.synonyms) | {thing.name}) == len(thing.synonyms) + 1, thing
        assert len(set(chinese)) == len(chinese), thing
        assert len(thing.measure) == 1, thing
        assert (thing.natural is None) or thing.recolourable, thing


@pytest.mark.parametrize(
    ("said", "name"),
    [("puppy", "dog"), ("Cats", "cat"), ("单车", "bicycle"), (" T-shirt ", "T-shirt"), ("猫咪", "cat")],
)
def test_things_are_found_by_what_people_call_them(said: str, name: str) -> None:
    label = label_of(said)
    assert label is not None
    assert THINGS[label].name == name


def test_an_unknown_word_is_no_thing() -> None:
    assert label_of("carburettor") is None


def test_every_sprite_fills_its_place_in_the_atlas() -> None:
    for label, (thing, place) in enumerate(zip(THINGS, PLACES, strict=True)):
        pixels = sprite(label, None)
        assert pixels.shape == (place.height, place.width, 4)
        assert max(pixels.shape[:2]) == 160, thing.name
        solid = pixels[:, :, 3] > 40
        assert solid.mean() > 0.08, thing.name
        for edge in (solid[:2].any(), solid[-2:].any(), solid[:, :2].any(), solid[:, -2:].any()):
            assert edge, thing.name  # cropped tight


@pytest.mark.parametrize("colour", HUES)
def test_painting_gives_that_hue(colour: Colour) -> None:
    low, high = HUES[colour]
    for label, thing in enumerate(THINGS):
        if not thing.recolourable:
            continue
        other = Colour.BLUE if colour is not Colour.BLUE else Colour.RED
        new, old = sprite(label, colour).astype(int), sprite(label, other).astype(int)
        changed = (np.abs(new - old).sum(2) > 90) & (new[:, :, 3] > 200)
        assert changed.sum() > 0.1 * (new[:, :, 3] > 200).sum(), thing.name
        red, green, blue = np.median(new[changed][:, :3], axis=0) / 255
        hue = colorsys.rgb_to_hsv(red, green, blue)[0] * 360
        assert low <= hue <= high or low <= hue + 360 <= high, (thing.name, hue)


def test_black_is_dark() -> None:
    for label, thing in enumerate(THINGS):
        if thing.recolourable:
            new, old = sprite(label, Colour.BLACK).astype(int), sprite(label, Colour.YELLOW).astype(int)
            changed = (np.abs(new - old).sum(2) > 90) & (new[:, :, 3] > 200)
            assert np.median(new[changed][:, :3]) < 95, thing.name
