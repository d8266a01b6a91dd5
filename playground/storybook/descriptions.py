"""Scenes as plain data: what a page sends when somebody puts stickers on a background.

Invariants:
    What comes in is not trusted: every field is checked, and what is wrong is said in words for its author.
    `scene_from(description_of(scene))` is the scene again, unless it shows people of the Avatars world.
"""

import math
from collections.abc import Mapping
from typing import Any

from playground.errors import UserError
from playground.storybook.things import PERSON, THINGS, label_of
from playground.storybook.types import Background, Colour, Item, Scene

MOST_ITEMS = 5
SIZE_RANGE = (0.15, 0.8)
MOST_TURN = 15.0  # degrees
_SEEDS = 2**31


def scene_from(description: object) -> Scene:
    """The scene that a description means.

    Args:
        description: `{"background": "meadow", "seed": 3, "items": [{"thing": "cat", "colour": "black", "x": 0.3,
            "y": 0.6, "size": 0.4, "flip": false, "angle": 5}, …]}`. A thing is named in English or Chinese, also by
            a synonym. Seed, colour, flip and angle may be left out; a thing that is painted then has its natural
            colour. Items are painted in their order. A centre outside 0..1 is refused; an item may reach over the
            picture's edge.

    Raises:
        UserError: the description is no such thing; the message says what is wrong with which item.
    """
    if not isinstance(description, Mapping):
        raise UserError("A scene is a background and a list of items.")
    items = description.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise UserError(f"Put one to {MOST_ITEMS} things into the scene.")
    seed = description.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < _SEEDS:
        raise UserError(f"The seed of a scene is a whole number from 0 to {_SEEDS - 1}.")
    return Scene(
        _choice(Background, description.get("background"), "background"),
        tuple(_item(item, number) for number, item in enumerate(items, 1)),
        seed,
    )


def description_of(scene: Scene) -> dict[str, Any]:
    """The description of a scene, for `json.dumps`.

    Raises:
        ValueError: it shows a person of the Avatars world, for whom there is no description.
    """
    if any(item.thing == PERSON for item in scene.items):
        raise ValueError("A scene with people of the Avatars world has no description.")
    return {
        "background": scene.background.value,
        "seed": scene.seed,
        "items": [
            {
                "thing": THINGS[item.thing].name,
                "colour": item.colour.value if item.colour else None,
                "x": item.x,
                "y": item.y,
                "size": item.size,
                "flip": item.flip,
                "angle": item.angle,
            }
            for item in scene.items
        ],
    }


def _item(item: object, number: int) -> Item:
    if not isinstance(item, Mapping):
        raise UserError(f"Item {number} is no thing with a place.")
    name = item.get("thing")
    label = label_of(name) if isinstance(name, str) else None
    if label is None:
        raise UserError(f"Item {number}: choose a thing from the list; this one is unknown.")
    thing = THINGS[label]
    colour = thing.natural or Colour.RED if thing.recolourable else None
    if item.get("colour") is not None:
        if not thing.recolourable:
            raise UserError(f"Item {number}: a {thing.name} keeps its own colours; leave the colour out.")
        colour = _choice(Colour, item["colour"], f"colour of item {number}")
    flip = item.get("flip", False)
    if not isinstance(flip, bool):
        raise UserError(f"Item {number}: flip is true or false.")
    return Item(
        thing=label,
        colour=colour,
        x=_number(item.get("x"), 0, 1, f"Item {number}: x"),
        y=_number(item.get("y"), 0, 1, f"Item {number}: y"),
        size=_number(item.get("size"), *SIZE_RANGE, f"Item {number}: size"),
        flip=flip,
        angle=_number(item.get("angle", 0.0), -MOST_TURN, MOST_TURN, f"Item {number}: angle"),
    )


def _choice(kind: Any, value: object, what: str) -> Any:
    """The member of a StrEnum with this value."""
    if isinstance(value, str) and value in {member.value for member in kind}:
        return kind(value)
    raise UserError(f"The {what} is one of: {', '.join(member.value for member in kind)}.")


def _number(value: object, low: float, high: float, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{what} is a number from {low:g} to {high:g}.")
    if not low <= value <= high:
        raise UserError(f"{what} is from {low:g} to {high:g}, not {value:g}.")
    return float(value)
