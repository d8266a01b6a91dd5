"""The records of the Storybook world: a thing, an item of a scene, a scene, a relation between two items.

Invariants:
    Coordinates are fractions of the picture's side: x to the right, y down, both of an item's centre.
    A scene is complete: rendering it twice gives the same array.
    Items are painted in their order, so a later one covers an earlier one.
"""

from dataclasses import dataclass
from enum import StrEnum

from playground.drawn_world.attributes import Person


class Colour(StrEnum):
    """A colour that a thing can be painted in. The value is the English word."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    BLACK = "black"


class Background(StrEnum):
    """What a scene is set in. The value is an English noun phrase that captions use."""

    DAY_SKY = "day sky"
    SUNSET = "sunset"
    NIGHT_SKY = "night sky"
    GRASS = "meadow"
    BEACH = "beach"
    SEA = "sea"
    SNOW = "snow"
    DESERT = "desert"
    ROOM = "room"
    TABLE = "table"
    PLAIN_WHITE = "white background"
    PLAIN_GREY = "grey background"
    PLAIN_RED = "red background"
    PLAIN_YELLOW = "yellow background"
    PLAIN_GREEN = "green background"
    PLAIN_BLUE = "blue background"
    PLAIN_PURPLE = "purple background"
    PLAIN_PINK = "pink background"


class Size(StrEnum):
    """How large an item is, as captions say it; `scenes.SIZES` gives the ranges, with a gap between them."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Relation(StrEnum):
    """Where one item is as seen from another (a third, for BETWEEN)."""

    LEFT_OF = "left of"
    RIGHT_OF = "right of"
    ABOVE = "above"
    BELOW = "below"
    NEXT_TO = "next to"
    IN_FRONT_OF = "in front of"
    BEHIND = "behind"
    BETWEEN = "between"


@dataclass(frozen=True)
class Thing:
    """A kind of thing that scenes are made of. Its place in `things.THINGS` is its label.

    Attributes:
        name: the English noun, singular and lower case; unique ("crescent moon").
        plural: the English plural ("crescent moons").
        zh: the Chinese noun ("弯月").
        measure: the Chinese measure word for counting it ("个", "只", "辆", "颗").
        synonyms: other English nouns that mean it, singular ("kitty"), never ambiguous with another thing.
        zh_synonyms: other Chinese nouns that mean it.
        group: "animal", "food", "plant", "vehicle", "building", "sky", "sport", "tool", "instrument", "toy",
            "clothing", "person" or "object".
        code: the code points of its sprite in lower-case hexadecimal ("1f9a5").
        recolourable: whether scenes paint it in each `Colour`.
        common: whether it is one of the about 200 things that people name most, which the drawer learns first.
        natural: the colour a recolourable thing has most often; None where that is none of the eight.
        paint: which part of a recolourable thing is painted: "main" its main colour, "wide" more hues about
            that, "fair" what is grey or white.
        place: "sky" or "water" where it tends to be there, else "".
    """

    name: str
    plural: str
    zh: str
    measure: str
    synonyms: tuple[str, ...]
    zh_synonyms: tuple[str, ...]
    group: str
    code: str
    recolourable: bool
    common: bool
    natural: Colour | None = None
    paint: str = ""
    place: str = ""


@dataclass(frozen=True)
class Item:
    """One thing in a scene.

    Attributes:
        thing: index into `things.THINGS`; `things.PERSON` for a person of the Avatars world.
        colour: the colour it is painted in; None, its own colours, only for a thing that is not recolourable.
        x, y: its centre, 0..1.
        size: the longer side of its sprite's tight box, 0..1.
        flip: mirrored left to right.
        angle: degrees counter-clockwise, within ±15.
        person: who it is, where it is a person of the Avatars world; their background is not drawn.
    """

    thing: int
    colour: Colour | None
    x: float
    y: float
    size: float
    flip: bool = False
    angle: float = 0.0
    person: Person | None = None


@dataclass(frozen=True)
class Scene:
    """One to five items on a background.

    Attributes:
        background: what they are set in.
        items: in painting order.
        seed: decides what no caption names of the background (where the horizon is, clouds, stars).
    """

    background: Background
    items: tuple[Item, ...]
    seed: int
