"""Scenes of the Storybook world, drawn at random from a seed.

Invariants:
    A seed decides everything and belongs to one split (`Split`): train, judge, held-out.
    About one pair of things in twenty is held out: the two never meet in a scene of the train split.
    A recolourable thing is always painted in one of the eight colours, its natural one more often than the others.
    At least 80 % of every item is seen, and every item lies whole within the picture.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from playground.drawn_world.attributes import Person
from playground.drawn_world.sampling import Split, random_person, split_of, stream
from playground.storybook import sprites
from playground.storybook.backgrounds import MEAN, PLAIN, horizon
from playground.storybook.relations import Related, hidden, overlap, relations, side_of
from playground.storybook.rendering import Drawing, boxes, draw, extent, masks, render, visible_fractions
from playground.storybook.things import PERSON, PERSON_THING, THINGS, thing_of
from playground.storybook.types import Background, Colour, Item, Relation, Scene, Size

__all__ = [
    "SIZES",
    "Drawing",
    "Pairs",
    "Related",
    "boxes",
    "draw",
    "held_out_pair_scene",
    "is_held_out",
    "masks",
    "random_scene",
    "relations",
    "render",
    "scene",
    "size_of",
    "visible_fractions",
]

# The longer side of an item, in parts of the picture; nothing lies in the gaps.
SIZES: dict[Size, tuple[float, float]] = {
    Size.SMALL: (0.20, 0.27),
    Size.MEDIUM: (0.33, 0.43),
    Size.LARGE: (0.51, 0.75),
}
_SCENE = 21  # streams of a seed
_HELD_OUT_SCENE = 22
_TRIES = 12  # for one item's place
_LAYOUTS = 10  # for a scene of one set of items, before they shrink


class Pairs(StrEnum):
    """Which pairs of things may meet in a scene."""

    TRAIN = "train"  # no held-out pair
    ANY = "any"
    HELD_OUT = "held-out"  # two kinds, and their pair is held out


def size_of(item: Item) -> Size | None:
    """How large captions say that an item is; None in the gaps between."""
    return next((size for size, (low, high) in SIZES.items() if low - 1e-9 <= item.size <= high + 1e-9), None)


def is_held_out(first: int, second: int) -> bool:
    """Whether these two things (labels, in any order) never meet in a scene of the train split."""
    return bool(_held_out_pairs()[first, second])


@lru_cache(maxsize=1)
def _held_out_pairs() -> NDArray[np.bool_]:
    """(things, things) by a checksum of the two sprites' code points, which do not change when a name does."""
    codes = np.array([crc32(thing.code.encode()) for thing in THINGS], np.uint64)
    mixed = (codes[:, None] ^ codes[None, :]) * np.uint64(0x9E3779B1) & np.uint64(0xFFFFFFFF)
    held = (mixed >> np.uint64(12)) % np.uint64(20) == 0
    np.fill_diagonal(held, False)
    return held


def scene(
    seed: int,
    things: Sequence[int] | None = None,
    most: int = 5,
    people: float = 0.0,
    draw_person: Callable[[np.random.Generator], Person] = random_person,
) -> Scene:
    """The scene of a seed; held-out pairs meet only where the seed is not of the train split.

    Args:
        seed: of any split.
        things: labels to choose from; all where None.
        most: how many items at most, 1 to 5.
        people: the share of scenes with people of the Avatars world.
        draw_person: draws one of them.

    Raises:
        ValueError: the seed belongs to no split.
    """
    pairs = Pairs.TRAIN if split_of(seed) is Split.TRAIN else Pairs.ANY
    return random_scene(stream(seed, _SCENE), things, most, pairs, people, draw_person)


def held_out_pair_scene(seed: int, things: Sequence[int] | None = None, most: int = 5) -> Scene:
    """The scene of a seed in which two kinds of things meet that never meet in the train split.

    Raises:
        ValueError: the seed is of the train split, or of none, or no two of the things are a held-out pair.
    """
    if split_of(seed) is Split.TRAIN:
        raise ValueError(f"The seed {seed} is of the train split, where held-out pairs never meet.")
    return random_scene(stream(seed, _HELD_OUT_SCENE), things, most, Pairs.HELD_OUT)


def random_scene(
    rng: np.random.Generator,
    things: Sequence[int] | None = None,
    most: int = 5,
    pairs: Pairs = Pairs.TRAIN,
    people: float = 0.0,
    draw_person: Callable[[np.random.Generator], Person] = random_person,
) -> Scene:
    """A scene drawn from `rng`.

    About 35 % show one kind of thing, 45 % two kinds, 20 % three or more (less where `most` forbids).

    Args:
        things: labels to choose from; all where None.
        most: how many items at most, 1 to 5.
        pairs: which things may meet.
        people: the share of scenes in which people of the Avatars world take the place of the first kind.
        draw_person: draws one of them.

    Raises:
        ValueError: `most` is not 1 to 5, or it is 1 or the things have no such pair where pairs are held out.
    """
    if not 1 <= most <= 5:
        raise ValueError(f"A scene has one to five items, not {most}.")
    seed = int(rng.integers(2**31))
    choice = np.arange(len(THINGS)) if things is None else np.asarray(things)
    kinds = _kinds(rng, choice, most, pairs)
    counts = _counts(rng, len(kinds), most)
    if people > 0 and rng.random() < people:
        kinds[0] = PERSON
    who = [
        [draw_person(rng) for _ in range(count if kind == PERSON else 0)]
        for kind, count in zip(kinds, counts, strict=True)
    ]
    colours = [_colours(rng, kind, count) for kind, count in zip(kinds, counts, strict=True)]
    background = _background(rng, kinds, colours)
    size = [_size(rng, sum(counts), count, kind == PERSON) for kind, count in zip(kinds, counts, strict=True)]
    side = _side(rng, len(kinds))
    for attempt in range(60):
        shrink = 0.93 ** (attempt // _LAYOUTS)
        groups = _groups(rng, kinds, colours, who, size, shrink)
        items = _arranged(rng, groups, background, seed, side if attempt < 40 else None)
        if items is not None:
            return Scene(background, tuple(items), seed)
    return Scene(background, tuple(_arranged(rng, groups[:1], background, seed, None) or groups[0][:1]), seed)


def _kinds(rng: np.random.Generator, choice: NDArray[np.int64], most: int, pairs: Pairs) -> list[int]:
    """One to four different labels that may meet."""
    held = _held_out_pairs()
    if pairs is Pairs.HELD_OUT:
        firsts = choice[held[np.ix_(choice, choice)].any(1)]
        if most < 2 or not len(firsts):
            raise ValueError("No two of these things are a held-out pair that may meet in a scene.")
        first = int(rng.choice(firsts))
        kinds = [first, int(rng.choice(choice[held[first, choice]]))]
        return kinds if rng.random() < 0.5 else kinds[::-1]
    wanted = 1 + int(rng.choice(4, p=(0.35, 0.45, 0.14, 0.06)))
    kinds = [int(rng.choice(choice))]
    for _ in range(8 * wanted):
        if len(kinds) == min(wanted, most, len(choice)):
            break
        kind = int(rng.choice(choice))
        if kind not in kinds and not (pairs is Pairs.TRAIN and held[kind, kinds].any()):
            kinds.append(kind)
    return kinds


def _counts(rng: np.random.Generator, kinds: int, most: int) -> list[int]:
    """How many of each kind, `most` together at most."""
    counts = [1] * kinds
    if kinds == 1:
        return [min(most, 1 + int(rng.choice(5, p=(0.46, 0.20, 0.14, 0.10, 0.10))))]
    if rng.random() < (0.36 if kinds == 2 else 0.15):
        room = most - kinds + 1
        counts[int(rng.integers(kinds))] = min(room, 2 + int(rng.choice(3, p=(0.55, 0.3, 0.15))))
        if kinds == 2 and sum(counts) < most and rng.random() < 0.2:
            counts[int(np.argmin(counts))] = 2
    return [max(1, count) for count in counts]


def _colours(rng: np.random.Generator, kind: int, count: int) -> list[Colour | None]:
    """The colours of a kind's items: the same for all six times in seven."""
    if kind == PERSON or not THINGS[kind].recolourable:
        return [None] * count
    thing = THINGS[kind]

    def one() -> Colour:
        if thing.natural is not None and rng.random() < 0.3:
            return thing.natural
        return tuple(Colour)[int(rng.integers(len(Colour)))]

    return [one() for _ in range(count)] if rng.random() < 0.14 else [one()] * count


_LIKELY = {
    "sky": (Background.DAY_SKY, Background.NIGHT_SKY, Background.SUNSET, Background.DAY_SKY, Background.GRASS),
    "water": (Background.SEA, Background.SEA, Background.BEACH, Background.PLAIN_BLUE),
    "animal": (Background.GRASS, Background.GRASS, Background.SNOW, Background.DESERT, Background.BEACH),
    "food": (Background.TABLE, Background.TABLE, Background.PLAIN_WHITE, Background.PLAIN_YELLOW, Background.GRASS),
    "plant": (Background.GRASS, Background.GRASS, Background.DESERT, Background.ROOM, Background.SUNSET),
    "vehicle": (Background.GRASS, Background.DESERT, Background.SUNSET, Background.SNOW, Background.PLAIN_GREY),
    "building": (Background.GRASS, Background.SNOW, Background.SUNSET, Background.DESERT, Background.NIGHT_SKY),
    "sport": (Background.GRASS, Background.ROOM, Background.SNOW, Background.PLAIN_GREEN),
    "person": (Background.ROOM, Background.GRASS, Background.BEACH, Background.SNOW, Background.PLAIN_PINK),
}
_INDOORS = (Background.ROOM, Background.TABLE, Background.ROOM, Background.TABLE, Background.PLAIN_WHITE)
_SCENERY = tuple(background for background in Background if background not in PLAIN)


def _background(
    rng: np.random.Generator, kinds: Sequence[int], colours: Sequence[Sequence[Colour | None]]
) -> Background:
    """Half the time one that suits the first kind, else any; never one that an item would vanish into."""
    for _ in range(12):
        chance = rng.random()
        if chance < 0.45:
            first = PERSON_THING if kinds[0] == PERSON else THINGS[kinds[0]]
            likely = _LIKELY.get(first.place or first.group, _INDOORS)
        elif chance < 0.78:
            likely = _SCENERY
        else:
            likely = tuple(PLAIN)
        background = likely[int(rng.integers(len(likely)))]
        if all(
            _stands_out(kind, colour, background)
            for kind, some in zip(kinds, colours, strict=True)
            for colour in set(some)
        ):
            break
    return background


_CLASHES = {
    Background.NIGHT_SKY: Colour.BLACK,
    Background.PLAIN_RED: Colour.RED,
    Background.PLAIN_YELLOW: Colour.YELLOW,
    Background.PLAIN_GREEN: Colour.GREEN,
    Background.PLAIN_BLUE: Colour.BLUE,
    Background.PLAIN_PURPLE: Colour.PURPLE,
    Background.PLAIN_PINK: Colour.PINK,
}


def _stands_out(thing: int, colour: Colour | None, background: Background) -> bool:
    if thing == PERSON:
        return True
    if colour is not None and _CLASHES.get(background) is colour:
        return False
    return math.dist(sprites.mean_colour(thing, colour), MEAN[background]) > 52


def _size(rng: np.random.Generator, items: int, count: int, person: bool) -> tuple[float, float]:
    """The range of sizes of a kind's items: like sizes for several of a kind; people are rarely small."""
    odds = {1: (0.08, 0.22, 0.70), 2: (0.18, 0.47, 0.35), 3: (0.3, 0.7, 0.0)}.get(items, (0.6, 0.4, 0.0))
    if count > 1 and items == 2:
        odds = (0.25, 0.65, 0.10)
    size = tuple(Size)[int(rng.choice(3, p=odds))]
    if person and size is Size.SMALL and items <= 3:
        size = Size.MEDIUM
    low, high = SIZES[size]
    if size is Size.LARGE and items > 1:
        high = 0.58
    if count > 1:
        middle = rng.uniform(low, high)
        return max(low, middle - 0.02), min(high, middle + 0.02)
    return low, high


def _side(rng: np.random.Generator, kinds: int) -> Relation | None:
    """Where the first kind is to be as seen from the second; None leaves it to chance."""
    sides_ = (Relation.LEFT_OF, Relation.RIGHT_OF, Relation.ABOVE, Relation.BELOW)
    return sides_[int(rng.integers(4))] if kinds >= 2 and rng.random() < 0.85 else None


def _groups(
    rng: np.random.Generator,
    kinds: Sequence[int],
    colours: Sequence[Sequence[Colour | None]],
    who: Sequence[Sequence[Person]],
    size: Sequence[tuple[float, float]],
    shrink: float,
) -> list[list[Item]]:
    """The items of each kind, not yet placed."""
    groups = []
    for kind, some, persons, (low, high) in zip(kinds, colours, who, size, strict=True):
        flip = bool(rng.integers(2))
        groups.append(
            [
                Item(
                    thing=kind,
                    colour=colour,
                    x=0.5,
                    y=0.5,
                    size=_shrunk(float(rng.uniform(low, high)), shrink),
                    flip=flip if rng.random() < 0.8 else not flip,
                    angle=min(15.0, max(-15.0, float(rng.normal(0, 5)))) if rng.random() < 0.6 else 0.0,
                    person=persons[number] if persons else None,
                )
                for number, colour in enumerate(some)
            ]
        )
    return groups


def _shrunk(size: float, shrink: float) -> float:
    """The size times `shrink`, moved out of the gaps between the named sizes."""
    size = max(SIZES[Size.SMALL][0], size * shrink)
    for low, high in reversed(SIZES.values()):
        if size >= low:
            return min(size, high)
    return size


def _arranged(
    rng: np.random.Generator, groups: list[list[Item]], background: Background, seed: int, side: Relation | None
) -> list[Item] | None:
    """The items at their places, in painting order; None where these sizes found no room."""
    ground = horizon(background, seed)
    floating = rng.random() < 0.3
    cover = rng.random() < 0.22  # whether one may stand before another
    split = float(rng.uniform(0.4, 0.6))
    shelf = float(rng.uniform(0.35, 0.65))  # the height (or the column) that a row is about
    placed: list[Item] = []
    order = [(number, item) for number, group in enumerate(groups) for item in group]
    for number, item in order:
        for _ in range(_TRIES):
            x, y = _place(rng, item, ground, floating, len(order))
            if side is not None and number < 2:
                x, y = _sided(rng, item, side, first=number == 0, split=split, shelf=shelf, y=y, ground=ground)
            tried = replace(item, x=x, y=y)
            limit = 0.3 if cover else 0.06
            if _fits(tried, placed, limit):
                placed.append(tried)
                break
        else:
            return None
    if side is not None and len(groups[0]) == len(groups[1]) == 1 and side_of(placed[0], placed[1]) is not side:
        return None
    if ground is not None:
        placed.sort(key=lambda item: item.y + extent(item)[1] / 2)  # what is nearer covers what is farther
    else:
        placed = [placed[i] for i in rng.permutation(len(placed))]
    seen = [1 - hidden(item, placed[index + 1 :]) for index, item in enumerate(placed)]
    return placed if min(seen) >= 0.84 else None


def _fits(item: Item, placed: Sequence[Item], limit: float) -> bool:
    return all(overlap(item, other) <= limit for other in placed)


def _within(item: Item, x: float, y: float) -> tuple[float, float]:
    """The nearest place where the whole item is in the picture."""
    width, height = extent(item)
    return (
        min(max(x, width / 2 + 0.01), 0.99 - width / 2),
        min(max(y, height / 2 + 0.01), 0.99 - height / 2),
    )


def _place(
    rng: np.random.Generator, item: Item, ground: float | None, floating: bool, items: int
) -> tuple[float, float]:
    """Where an item would be of its own accord."""
    width, height = extent(item)
    spread = 0.09 if items == 1 else 0.6
    x = float(rng.normal(0.5, spread)) if items == 1 else float(rng.uniform(width / 2, 1 - width / 2))
    place = thing_of(item).place
    if items == 1 and (ground is None or floating):
        y = float(rng.normal(0.5, 0.08))
    elif ground is None or floating:
        y = float(rng.uniform(height / 2, 1 - height / 2))
    elif place == "sky":
        y = float(rng.uniform(0.02, max(0.1, ground - 0.1))) + height / 2
    else:
        lowest = 0.93 if items == 1 else 0.97
        y = float(rng.uniform(max(ground + 0.08, min(height, lowest)), lowest)) - height / 2
    return _within(item, x, y)


def _sided(
    rng: np.random.Generator,
    item: Item,
    side: Relation,
    *,
    first: bool,
    split: float,
    shelf: float,
    y: float,
    ground: float | None,
) -> tuple[float, float]:
    """A place on its side of the line between the first and the second kind."""
    width, height = extent(item)
    before = (side in (Relation.LEFT_OF, Relation.ABOVE)) == first
    along = width if side in (Relation.LEFT_OF, Relation.RIGHT_OF) else height
    low, high = (
        (along / 2 + 0.01, split - along / 2 + 0.02) if before else (split + along / 2 - 0.02, 0.99 - along / 2)
    )
    if low > high:
        low = high = min(max((low + high) / 2, along / 2 + 0.01), 0.99 - along / 2)
    on_axis = float(rng.uniform(low, high))
    if side in (Relation.LEFT_OF, Relation.RIGHT_OF):
        return _within(item, on_axis, y if ground is not None and rng.random() < 0.7 else shelf + rng.normal(0, 0.08))
    return _within(item, shelf + float(rng.normal(0, 0.08)), on_axis)
