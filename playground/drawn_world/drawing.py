"""Portraits: a person before a background, as an array.

Invariants: the same person at the same size is always the same array, whatever was drawn before.
"""

import colorsys
from collections.abc import Iterable

import numpy as np

from playground.drawn_world.attributes import Backdrop, Background, Person, from_labels
from playground.drawn_world.part_images import ViewBox, layers

PORTRAIT: ViewBox = (7.0, 4.0, 250.0, 250.0)  # the head is 53 % of the width; clothes show at the bottom
HUES = dict(zip(Background, (0, 28, 52, 120, 176, 216, 270, 326), strict=True))  # degrees


def portrait(person: Person, size: int) -> np.ndarray:
    """A picture of this person, (size, size, 3) uint8 RGB; `size` in pixels, made for 64, 96 and 128."""
    picture = background(person.background, person.backdrop, size, size)
    for layer in layers(person, PORTRAIT, size):
        paint(picture, layer.rgba, layer.x, layer.y)
    return np.rint(picture).astype(np.uint8)


def portraits(labels: Iterable[np.ndarray], size: int) -> np.ndarray:
    """(n, size, size, 3) uint8 of the people with these labels, each (A,)."""
    return np.stack([portrait(from_labels(row), size) for row in labels])


def background(hue: Background, backdrop: Backdrop, height: int, width: int) -> np.ndarray:
    """(height, width, 3) float32, 0..255: the hue as one colour, or from light at the top to deep at the bottom."""
    if backdrop is Backdrop.FLAT:
        return np.full((height, width, 3), _rgb(hue, 0.5), dtype=np.float32)
    down = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]  # (height, 1, 1)
    rows = _rgb(hue, 0.0) * (1 - down) + _rgb(hue, 1.0) * down
    return np.repeat(rows, width, axis=1)


def paint(picture: np.ndarray, rgba: np.ndarray, x: int, y: int) -> None:
    """Paint premultiplied `rgba` (h, w, 4) over `picture` (H, W, 3 or 4) in place; it must lie inside."""
    height, width = rgba.shape[:2]
    under = picture[y : y + height, x : x + width]
    under *= 1 - rgba[..., 3:]
    under += rgba[..., : picture.shape[-1]]


def _rgb(hue: Background, depth: float) -> np.ndarray:
    """The colour of a background between its lightest (0) and deepest (1) shade, 0..255."""
    red, green, blue = colorsys.hsv_to_rgb(HUES[hue] / 360, 0.24 + 0.46 * depth, 0.97 - 0.12 * depth)
    return np.array([red, green, blue], dtype=np.float32) * 255
