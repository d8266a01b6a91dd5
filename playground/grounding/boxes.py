"""Box arithmetic: validation, IoU, non-maximum suppression, score filter, conversion to pixels.

Invariants: a `Box` is x0, y0, x1, y1 in fractions of the picture, origin at the upper left; only `to_pixels` leaves
that unit. IoU and NMS of the whole package are here, over numpy arrays. Nothing here draws.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real

import numpy as np

from playground.errors import UserError
from playground.grounding.types import Box, ParsedAnswer

MIN_SIDE = 1e-6  # of the picture's side; what is thinner has no inside
MAX_OUTSIDE = 1.0  # a number farther outside 0..1 than this is taken for pixels


def validate_box(values: object) -> Box:
    """A box from four numbers that a person or a program gave.

    Edges given the wrong way round are swapped, and what lies a little outside is clipped to the picture.

    Args:
        values: x0, y0, x1, y1 (left, top, right, bottom) in fractions of the picture, a sequence of real numbers.

    Raises:
        UserError: not four finite numbers, numbers that can only be pixels, or a box without an inside.
    """
    form = "A box is four numbers between 0 and 1: left, top, right, bottom, for example [0.1, 0.2, 0.5, 0.6]."
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or len(values) != 4:
        raise UserError(form)
    if any(isinstance(value, bool) or not isinstance(value, Real) for value in values):
        raise UserError(form)
    try:
        x0, y0, x1, y1 = (float(value) for value in values)
    except OverflowError as error:  # an integer of hundreds of digits
        raise UserError(form) from error
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise UserError(form)
    if not all(-MAX_OUTSIDE <= value <= 1 + MAX_OUTSIDE for value in (x0, y0, x1, y1)):
        raise UserError(f"{form} These look like pixels: divide by the picture's width and height.")
    left, right = sorted((_clipped(x0), _clipped(x1)))
    top, bottom = sorted((_clipped(y0), _clipped(y1)))
    if right - left < MIN_SIDE or bottom - top < MIN_SIDE:
        raise UserError("This box has no inside within the picture. Draw it larger, from one corner to the other.")
    return Box(left, top, right, bottom)


def area(box: Box) -> float:
    """The share of the picture that a box covers, 0..1.

    Args:
        box: x0, y0, x1, y1 in fractions of the picture.
    """
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1.

    Args:
        a: x0, y0, x1, y1 in fractions of the picture.
        b: Likewise, of the same picture.
    """
    return float(box_iou(np.array([a.x0, a.y0, a.x1, a.y1]), np.array([[b.x0, b.y0, b.x1, b.y1]]))[0])


def box_iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with others: (n,) in 0..1.

    Args:
        box: (4,), x0 y0 x1 y1, in any unit that is the same for both.
        others: (n, 4), likewise.
    """
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = sides.clip(0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + areas - shared
    return np.asarray(shared / np.maximum(union, 1e-12))


def nms_indices(corners: np.ndarray, scores: np.ndarray, iou_threshold: float, limit: int | None = None) -> list[int]:
    """Non-maximum suppression: the indices of the boxes that stay, by falling score.

    A box is dropped if its IoU with a kept one of a higher score is above the threshold; of equal scores the first
    stays.

    Args:
        corners: (n, 4), x0 y0 x1 y1.
        scores: (n,).
        iou_threshold: 0..1; 1 keeps all.
        limit: Stop when as many are kept; None (default) for no limit.
    """
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while left.size and (limit is None or len(kept) < limit):
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[box_iou(corners[best], corners[left]) <= iou_threshold]
    return kept


def suppress_overlaps(parsed: ParsedAnswer, iou_threshold: float) -> ParsedAnswer:
    """The answer with non-maximum suppression among the boxes of each phrase, whose order stays.

    Args:
        parsed: An answer; a box without a score counts as 1.
        iou_threshold: 0..1; 1 keeps all.
    """
    return replace(
        parsed,
        entities=tuple(
            replace(entity, boxes=_without_overlaps(entity.boxes, iou_threshold)) for entity in parsed.entities
        ),
    )


def filter_by_score(parsed: ParsedAnswer, threshold: float) -> ParsedAnswer:
    """The answer with only the boxes whose score is at least the threshold; boxes without a score stay.

    An entity that loses all its boxes stays without any, so that the numbers and colours of the others do not change.

    Args:
        parsed: An answer.
        threshold: 0..1.
    """
    return replace(
        parsed,
        entities=tuple(
            replace(entity, boxes=tuple(box for box in entity.boxes if box.score is None or box.score >= threshold))
            for entity in parsed.entities
        ),
    )


def to_pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box in whole pixels, [left, right) and [top, bottom): at least one wide and high, never outside the picture.

    Args:
        box: x0, y0, x1, y1 in fractions of the picture.
        size: (width, height) of the picture in pixels.

    Returns:
        (left, top, right, bottom); the pixels of column `right` and row `bottom` lie outside the box.
    """
    (left, right), (top, bottom) = _ends(box.x0, box.x1, size[0]), _ends(box.y0, box.y1, size[1])
    return left, top, right, bottom


def _without_overlaps(boxes: Sequence[Box], iou_threshold: float) -> tuple[Box, ...]:
    if len(boxes) < 2:
        return tuple(boxes)
    corners = np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes])  # (n, 4)
    scores = np.array([1.0 if box.score is None else box.score for box in boxes])  # (n,)
    return tuple(boxes[index] for index in sorted(nms_indices(corners, scores, iou_threshold)))


def _ends(low: float, high: float, side: int) -> tuple[int, int]:
    start = min(round(low * side), side - 1)
    return start, min(max(round(high * side), start + 1), side)


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)
