"""The things that scenes are made of, read from `assets/storybook/things.json`.

Invariants:
    A thing's place in `THINGS` is its label; models are trained on it, so the order never changes.
"""

import json
from typing import NamedTuple

from playground.settings import ROOT
from playground.storybook.types import Colour, Item, Thing

ASSETS = ROOT / "assets" / "storybook"


class Place(NamedTuple):
    """Where a sprite is in the atlas, in pixels."""

    page: int
    x: int
    y: int
    width: int
    height: int


def _read() -> tuple[tuple[Thing, ...], tuple[Place, ...]]:
    records = json.loads((ASSETS / "things.json").read_text(encoding="utf-8"))
    places = tuple(Place(*record.pop("atlas")) for record in records)
    for record in records:
        record["synonyms"] = tuple(record["synonyms"])
        record["zh_synonyms"] = tuple(record["zh_synonyms"])
        record["natural"] = Colour(record["natural"]) if record["natural"] else None
    return tuple(Thing(**record) for record in records), places


THINGS, PLACES = _read()
COMMON = tuple(label for label, thing in enumerate(THINGS) if thing.common)  # labels, from 0 without a gap
PERSON = len(THINGS)  # the label of a person of the Avatars world, who is drawn anew, not cut from the atlas
PERSON_THING = Thing("person", "people", "人", "个", ("human",), (), "person", "", recolourable=False, common=False)
_LABELS = {
    name.casefold(): label
    for label, thing in enumerate(THINGS)
    for name in (thing.name, thing.plural, *thing.synonyms, thing.zh, *thing.zh_synonyms)
}


def label_of(name: str) -> int | None:
    """The label of the thing called so in English or Chinese, singular or plural or a synonym; None where unknown."""
    return _LABELS.get(name.strip().casefold())


def thing_of(item: Item) -> Thing:
    """What an item is: one of `THINGS`, or `PERSON_THING`."""
    return PERSON_THING if item.person is not None else THINGS[item.thing]
