"""Scenes from plain data, as a page sends them."""

import json
from typing import Any

import pytest

from playground.drawn_world.sampling import Split, seeds
from playground.errors import UserError
from playground.storybook import scenes
from playground.storybook.descriptions import description_of, scene_from
from playground.storybook.things import THINGS
from playground.storybook.types import Background, Colour

CAT = {"thing": "cat", "x": 0.3, "y": 0.6, "size": 0.4}


def scene_with(**changed: Any) -> dict[str, Any]:
    return {"background": "meadow", "items": [{**CAT, **changed}]}


def test_a_scene_comes_back_from_its_description() -> None:
    for seed in seeds(Split.TRAIN, 40):
        scene = scenes.scene(seed)
        assert scene_from(json.loads(json.dumps(description_of(scene)))) == scene


def test_what_is_left_out_is_filled_in() -> None:
    (item,) = (scene := scene_from(scene_with(thing="小狗"))).items
    assert THINGS[item.thing].name == "dog"
    assert (item.colour, item.flip, item.angle, scene.seed) == (None, False, 0.0, 0)
    assert scene.background is Background.GRASS
    (cat,) = scene_from(scene_with()).items
    assert cat.colour is Colour.ORANGE
    (cat,) = scene_from(scene_with(colour="black")).items
    assert cat.colour is Colour.BLACK


def test_the_true_box_is_where_the_sticker_is_put_also_at_the_edge() -> None:
    box = scenes.boxes(scene_from(scene_with(x=0.0, size=0.5)))[0]
    assert box[0] == 0
    assert 0.15 < box[2] < 0.27


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ([], "a background and a list"),
        ({"background": "meadow", "items": []}, "one to 5 things"),
        ({"background": "meadow", "items": [CAT] * 6}, "one to 5 things"),
        ({"background": "meadow", "items": "cat"}, "one to 5 things"),
        ({"background": "moon base", "items": [CAT]}, "background is one of: day sky"),
        ({"background": ["meadow"], "items": [CAT]}, "background is one of"),
        ({"background": "meadow", "items": [CAT], "seed": -1}, "whole number"),
        ({"background": "meadow", "items": [CAT], "seed": True}, "whole number"),
        ({"background": "meadow", "items": [CAT, 5]}, "Item 2"),
        (scene_with(thing="carburettor"), "choose a thing"),
        (scene_with(thing=3), "choose a thing"),
        (scene_with(colour="beige"), "colour of item 1 is one of: red"),
        (scene_with(thing="banana", colour="red"), "keeps its own colours"),
        (scene_with(x=1.2), "x is from 0 to 1, not 1.2"),
        (scene_with(x="left"), "x is a number"),
        (scene_with(y=float("nan")), "y is a number"),
        (scene_with(size=3), "size is from 0.15 to 0.8"),
        (scene_with(angle=90), "angle is from -15 to 15"),
        (scene_with(flip="yes"), "flip is true or false"),
    ],
)
def test_what_is_wrong_is_said(description: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        scene_from(description)
