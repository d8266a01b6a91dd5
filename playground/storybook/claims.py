"""What a text says of a scene, and whether a scene is so.

Invariants:
    Claims are about sets: a `ThingClaim` holds if exactly `count` items of the scene answer to its description.
    A description that the strict reading accepts (`clear=True`, what captions say) the lenient one (what a picture is
    judged by) accepts too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import Any

from playground.drawn_world.nouns import Claims as PersonClaims
from playground.drawn_world.phrases import agrees, outright
from playground.storybook.relations import relations
from playground.storybook.rendering import extent
from playground.storybook.scenes import SIZES
from playground.storybook.things import PERSON_THING, THINGS
from playground.storybook.types import Background, Colour, Item, Relation, Scene, Size

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions of the picture's side

MOST = 5  # items that a scene holds, and the highest number that words count


class Place(StrEnum):
    """Where in the picture something is. The value is the English word."""

    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    MIDDLE = "middle"
    TOP_LEFT = "top left"
    TOP_RIGHT = "top right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM_RIGHT = "bottom right"


@dataclass(frozen=True)
class ThingClaim:
    """That the scene holds so many of a thing that look so.

    Attributes:
        thing: `Thing.name`.
        count: how many items answer to this description, exactly; None where words say "two or more"; 0 where they
            say that there is none.
        colour, size, place: what is said of each of them, or None.
        looks: what is said of a person of the Avatars world, in the words of `drawn_world.phrases`
            ("with a red beard"), or None.
    """

    thing: str
    count: int | None = 1
    colour: Colour | None = None
    size: Size | None = None
    place: Place | None = None
    looks: str | None = None


@dataclass(frozen=True)
class RelationClaim:
    """That everything claim `subject` describes stands so to everything claim `object` describes.

    Attributes:
        subject, object: indices into `Claims.things`.
        second: the third party of BETWEEN; equal to `object` in "between the two trees"; None elsewhere.
    """

    subject: int
    relation: Relation
    object: int
    second: int | None = None


@dataclass(frozen=True)
class Claims:
    """All that a text says: things in the order of their first mention, relations in the order of the text."""

    things: tuple[ThingClaim, ...] = ()
    relations: tuple[RelationClaim, ...] = ()
    background: Background | None = None


@dataclass(frozen=True)
class Check:
    """Whether one part of the claims is so.

    Attributes:
        kind: "thing" (it is there at all), "count", "colour", "size", "place", "looks", "relation" or
            "background".
        index: the index of the thing or relation that the check is about; 0 for the background.
    """

    kind: str
    index: int
    holds: bool


KINDS = (*THINGS, PERSON_THING)  # by `Item.thing`: people of the Avatars world are the last
INDEX: dict[str, int] = {thing.name: index for index, thing in enumerate(KINDS)}


def holds(claims: Claims, scene: Scene) -> bool:
    """Whether all that the text says is true of the scene."""
    return all(check.holds for check in checks(claims, scene))


def checks(claims: Claims, scene: Scene) -> tuple[Check, ...]:
    """The claims one by one, so that things, counts, colours and relations can be measured apart.

    The check of a colour (size, place) asks whether there is a thing of that kind which has it; the check of the count
    asks for the whole description.
    """
    found: list[Check] = []
    sets = [matching(scene, claim) for claim in claims.things]
    for index, claim in enumerate(claims.things):
        bare = ThingClaim(claim.thing)
        there = bool(matching(scene, bare))
        if claim.count != 0:
            found.append(Check("thing", index, there))
        for kind in ("colour", "size", "place", "looks"):
            value = getattr(claim, kind)
            if value is not None and claim.count != 0:
                found.append(Check(kind, index, bool(matching(scene, ThingClaim(claim.thing, **{kind: value})))))
        number = len(sets[index])
        found.append(Check("count", index, number >= 2 if claim.count is None else number == claim.count))
    for index, said in enumerate(claims.relations):
        second = None if said.second is None else sets[said.second]
        found.append(
            Check("relation", index, related(scene, sets[said.subject], said.relation, sets[said.object], second))
        )
    if claims.background is not None:
        found.append(Check("background", 0, scene.background == claims.background))
    return tuple(found)


def matching(scene: Scene, claim: ThingClaim) -> tuple[int, ...]:
    """The items that answer to a description (its count aside), as indices into `scene.items`."""
    thing = INDEX[claim.thing]
    return tuple(
        index
        for index, item in enumerate(scene.items)
        if item.thing == thing
        and claim.colour in (None, colour_of(item))
        and (claim.size is None or size_of(item.size) == claim.size)
        and (claim.place is None or is_at(item.x, item.y, claim.place))
        and (claim.looks is None or (item.person is not None and agrees(item.person, _looks(claim.looks))))
    )


@lru_cache(maxsize=1024)
def _looks(words: str) -> PersonClaims:
    return outright(words)


def colour_of(item: Item) -> Colour | None:
    """The colour word for an item: what it is painted in, else that of its own look, where it has one."""
    return item.colour or KINDS[item.thing].natural


def size_of(size: float) -> Size:
    """The size word whose range is nearest: outside a drawn scene sizes may fall into the gaps."""
    return min(SIZES, key=lambda word: max(SIZES[word][0] - size, size - SIZES[word][1], 0.0))


def is_at(x: float, y: float, place: Place, clear: bool = False) -> bool:
    """Whether a centre is in that part of the picture; `clear` asks for what nobody would argue about."""
    edge, middle = (0.36, 0.09) if clear else (0.45, 0.18)
    if place is Place.MIDDLE:
        return abs(x - 0.5) <= middle and abs(y - 0.5) <= middle
    words = place.value.split()
    return (
        ("left" not in words or x <= edge)
        and ("right" not in words or x >= 1 - edge)
        and ("top" not in words or y <= edge)
        and ("bottom" not in words or y >= 1 - edge)
    )


def related(
    scene: Scene,
    subjects: Iterable[int],
    relation: Relation,
    objects: Sequence[int],
    seconds: Sequence[int] | None = None,
    clear: bool = False,
) -> bool:
    """Whether every subject stands so to every object (to every two objects, for BETWEEN).

    Args:
        subjects, objects, seconds: indices into `scene.items`; where objects and seconds are the same set of two,
            "between the two" is meant.
        clear: ask for what nobody would argue about.

    Returns:
        False also where one of the sets is empty, or an item would stand to itself.
    """
    subjects = tuple(subjects)
    if not subjects or not objects:
        return False
    if relation is Relation.BETWEEN:
        if seconds is None:
            return False
        if tuple(seconds) == tuple(objects):
            pairs: Iterable[tuple[int, int]] = [(objects[0], objects[1])] if len(objects) == 2 else []
        else:
            pairs = list(product(objects, seconds))
        trios = [(a, b, c) for a in subjects for b, c in pairs]
        return bool(trios) and all(
            _between(scene, a, b, c) and (not clear or (a, relation, b, c) in _clear(scene)) for a, b, c in trios
        )
    pairs = list(product(subjects, objects))
    return all(
        a != b and _stands(scene, a, relation, b) and (not clear or (a, relation, b, None) in _clear(scene))
        for a, b in pairs
    )


@lru_cache(maxsize=256)
def _clear(scene: Scene) -> frozenset[tuple[int, Relation, int, int | None]]:
    """The relations that nobody would dispute."""
    return frozenset(relations(scene))


def as_json(claims: Claims) -> dict[str, Any]:
    """The claims as plain lists, dictionaries, strings and numbers; what is not said is left out."""

    def said(record: Any) -> dict[str, Any]:
        return {key: value for key, value in asdict(record).items() if value is not None or key == "count"}

    found: dict[str, Any] = {"things": [said(claim) for claim in claims.things]}
    if claims.relations:
        found["relations"] = [said(claim) for claim in claims.relations]
    if claims.background is not None:
        found["background"] = claims.background.value
    return found


def from_json(record: Mapping[str, Any]) -> Claims:
    """The claims that `as_json` wrote.

    Raises:
        KeyError, ValueError: the record holds something else.
    """
    things = tuple(
        ThingClaim(
            thing["thing"],
            thing["count"],
            Colour(thing["colour"]) if "colour" in thing else None,
            Size(thing["size"]) if "size" in thing else None,
            Place(thing["place"]) if "place" in thing else None,
            thing.get("looks"),
        )
        for thing in record["things"]
    )
    relations = tuple(
        RelationClaim(said["subject"], Relation(said["relation"]), said["object"], said.get("second"))
        for said in record.get("relations", ())
    )
    background = record.get("background")
    return Claims(things, relations, None if background is None else Background(background))


def canonical(claims: Claims) -> Claims:
    """The same claims with their relations in a fixed order, so that two readings can be compared."""
    return Claims(
        claims.things,
        tuple(sorted(set(claims.relations), key=lambda r: (r.subject, r.relation, r.object, r.second or 0))),
        claims.background,
    )


def _stands(scene: Scene, a: int, relation: Relation, b: int) -> bool:
    """Whether somebody might say so."""
    one, other = scene.items[a], scene.items[b]
    dx, dy = other.x - one.x, other.y - one.y
    match relation:
        case Relation.LEFT_OF:
            return _towards(dx, dy)
        case Relation.RIGHT_OF:
            return _towards(-dx, dy)
        case Relation.ABOVE:
            return _towards(dy, dx)
        case Relation.BELOW:
            return _towards(-dy, dx)
        case Relation.NEXT_TO:
            return _next_to(box_of(one), box_of(other))
        case Relation.IN_FRONT_OF:
            return a > b and _meet(box_of(one), box_of(other))
        case Relation.BEHIND:
            return a < b and _meet(box_of(one), box_of(other))
    raise ValueError(f"{relation} takes three")


def box_of(item: Item) -> Box:
    """The box of an item as it would be with nothing in front of it."""
    width, height = extent(item)
    return (item.x - width / 2, item.y - height / 2, item.x + width / 2, item.y + height / 2)


def _towards(along: float, across: float) -> bool:
    """Whether a step goes rather in one direction than across it."""
    return along > 0.03 and along >= 0.6 * abs(across)


def _next_to(a: Box, b: Box) -> bool:
    gap = max(a[0], b[0]) - min(a[2], b[2])
    drop = max(a[1], b[1]) - min(a[3], b[3])
    return max(gap, drop) <= 0.2 and gap > -0.6 * min(a[2] - a[0], b[2] - b[0])


def _meet(a: Box, b: Box) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _between(scene: Scene, a: int, b: int, c: int) -> bool:
    """Whether `a` is near the line from `b` to `c` and not near its ends."""
    if len({a, b, c}) < 3:
        return False
    p, q, r = scene.items[a], scene.items[b], scene.items[c]
    lx, ly = r.x - q.x, r.y - q.y
    length = (lx * lx + ly * ly) ** 0.5
    if length < 0.1:
        return False
    part = ((p.x - q.x) * lx + (p.y - q.y) * ly) / length**2
    away = abs((p.x - q.x) * ly - (p.y - q.y) * lx) / length
    return 0.1 <= part <= 0.9 and away <= max(0.25, extent(p)[1] / 2)
