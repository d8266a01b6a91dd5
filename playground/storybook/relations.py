"""Where the items of a scene are as seen from each other, and what hides what.

Invariants:
    Only what nobody would dispute is a relation: where it is not clear, there is none.
    Every relation is listed from both sides.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from playground.storybook import sprites
from playground.storybook.rendering import extent
from playground.storybook.types import Item, Relation, Scene

CLEAR = 0.15  # how far apart the centres are at least for left, right, above, below; parts of the picture
SLANT = 1.4  # how many times as far apart along one axis as along the other
NEAR = 0.08  # the widest gap between neighbours
HIDDEN = 0.05  # what one item hides of another at least to be in front of it


class Related(NamedTuple):
    """`subject` is `relation` `object`: "left of", "in front of" …; `other` is the second one for "between"."""

    subject: int
    relation: Relation
    object: int
    other: int | None = None


def relations(scene: Scene) -> list[Related]:
    """Every clear relation between two (or for "between" three) items, by their places in `scene.items`."""
    items = scene.items
    found: list[Related] = []
    sideways: set[tuple[int, int]] = set()  # (left one, right one)
    for first in range(len(items)):
        for second in range(first + 1, len(items)):
            side = side_of(items[first], items[second])
            if side is not None:
                found += [Related(first, side, second), Related(second, _OPPOSITE[side], first)]
                sideways.add((first, second) if side is Relation.LEFT_OF else (second, first)) if side in (
                    Relation.LEFT_OF,
                    Relation.RIGHT_OF,
                ) else None
            if is_next_to(items[first], items[second]):
                found += [Related(first, Relation.NEXT_TO, second), Related(second, Relation.NEXT_TO, first)]
            if hidden(items[first], [items[second]]) >= HIDDEN:
                found += [Related(second, Relation.IN_FRONT_OF, first), Related(first, Relation.BEHIND, second)]
    for left, middle in sideways:
        for right in range(len(items)):
            if (middle, right) in sideways and _on_the_line(items[left], items[middle], items[right]):
                found += [
                    Related(middle, Relation.BETWEEN, left, right),
                    Related(middle, Relation.BETWEEN, right, left),
                ]
    return found


_OPPOSITE = {
    Relation.LEFT_OF: Relation.RIGHT_OF,
    Relation.RIGHT_OF: Relation.LEFT_OF,
    Relation.ABOVE: Relation.BELOW,
    Relation.BELOW: Relation.ABOVE,
}


def side_of(first: Item, second: Item) -> Relation | None:
    """Where the first clearly is as seen from the second: left, right, above or below; None where it is not clear."""
    dx, dy = second.x - first.x, second.y - first.y
    (width, height), (other_width, other_height) = extent(first), extent(second)
    if abs(dx) >= max(CLEAR, SLANT * abs(dy)) and abs(dx) >= (width + other_width) / 2 - 0.3 * min(width, other_width):
        return Relation.LEFT_OF if dx > 0 else Relation.RIGHT_OF
    if abs(dy) >= max(CLEAR, SLANT * abs(dx)) and abs(dy) >= (height + other_height) / 2 - 0.3 * min(
        height, other_height
    ):
        return Relation.ABOVE if dy > 0 else Relation.BELOW
    return None


def is_next_to(first: Item, second: Item) -> bool:
    """Whether they stand side by side, with little between them."""
    (width, height), (other_width, other_height) = extent(first), extent(second)
    gap = abs(first.x - second.x) - (width + other_width) / 2
    shared = (height + other_height) / 2 - abs(first.y - second.y)
    return (
        side_of(first, second) in (Relation.LEFT_OF, Relation.RIGHT_OF)
        and gap <= NEAR
        and (shared >= 0.5 * min(height, other_height))
    )


def _on_the_line(left: Item, middle: Item, right: Item) -> bool:
    """Whether the middle one is about on the line from the left to the right one."""
    along = (middle.x - left.x) / (right.x - left.x)
    return abs(middle.y - (left.y + along * (right.y - left.y))) <= max(0.12, 0.5 * extent(middle)[1])


def hidden(item: Item, later: list[Item]) -> float:
    """How much of an item, 0..1, the ones painted later hide; reckoned from outlines, without drawing."""
    near = [other for other in later if _boxes_meet(item, other)]
    if not near:
        return 0.0
    points = _placed(item)
    covered = np.zeros(len(points), np.bool_)
    for other in near:
        covered |= _holds(other, points)
    return float(covered.mean())


def overlap(first: Item, second: Item) -> float:
    """The shared area of two items' boxes in parts of the smaller box."""
    (width, height), (other_width, other_height) = extent(first), extent(second)
    across = (width + other_width) / 2 - abs(first.x - second.x)
    down = (height + other_height) / 2 - abs(first.y - second.y)
    if across <= 0 or down <= 0:
        return 0.0
    shared = min(across, width, other_width) * min(down, height, other_height)
    return shared / min(width * height, other_width * other_height)


def _boxes_meet(first: Item, second: Item) -> bool:
    return overlap(first, second) > 0


def _placed(item: Item) -> NDArray[np.float64]:
    """(N, 2) points spread over what is solid of an item, 0..1 of the picture."""
    points = sprites.outline(item)[1] * item.size
    along, across = points[:, 0] * (-1 if item.flip else 1), points[:, 1]
    turn = math.radians(item.angle)
    cosine, sine = math.cos(turn), math.sin(turn)
    return np.stack([item.x + along * cosine + across * sine, item.y - along * sine + across * cosine], 1)


def _holds(item: Item, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) which of these points lie on what is solid of an item."""
    solid = sprites.outline(item)[0]
    width, height = sprites.sides(item)
    turn = math.radians(item.angle)
    cosine, sine = math.cos(turn), math.sin(turn)
    right, down = points[:, 0] - item.x, points[:, 1] - item.y
    along = (right * cosine - down * sine) * (-1 if item.flip else 1)
    across = right * sine + down * cosine
    columns = np.floor((along / (item.size * width) + 0.5) * 32).astype(int)
    rows = np.floor((across / (item.size * height) + 0.5) * 32).astype(int)
    inside = (columns >= 0) & (columns < 32) & (rows >= 0) & (rows < 32)
    return inside & solid[rows.clip(0, 31), columns.clip(0, 31)]
