"""Scenes as pictures, with what they show known exactly: boxes, masks and how much of each item is seen.

Invariants:
    The same scene gives the same array, in any process.
    An item's mask is what is seen of it: the union of the masks and the background is the picture.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from playground.storybook import sprites
from playground.storybook.backgrounds import draw_background, horizon
from playground.storybook.types import Background, Item, Scene

_SHADE = np.array([22, 22, 40], np.float32)  # the colour of shadows
_FAINT = frozenset({Background.DAY_SKY, Background.SUNSET, Background.NIGHT_SKY})


@dataclass(frozen=True)
class Drawing:
    """A drawn scene of N items.

    Attributes:
        picture: (size, size, 3) red, green, blue.
        masks: (N, size, size) where each item is seen.
        boxes: (N, 4) tight boxes of what is seen: left, top, right, bottom, 0..1.
        visible: (N,) how much of each item is seen, 0..1.
    """

    picture: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    visible: NDArray[np.float32]


def draw(scene: Scene, size: int = 128) -> Drawing:
    """The picture of a scene with masks, boxes and visible parts, in one pass."""
    canvas = draw_background(scene.background, scene.seed, size)
    ground = horizon(scene.background, scene.seed)
    whole = np.zeros((len(scene.items), size, size), np.bool_)
    for index, item in enumerate(scene.items):
        _shade(canvas, item, scene.background, ground)
        _paste(canvas, item, whole[index])
    masks = whole.copy()
    covered = np.zeros((size, size), np.bool_)
    for index in reversed(range(len(masks))):
        masks[index] &= ~covered
        covered |= whole[index]
    areas = np.array([np.count_nonzero(mask) for mask in whole])
    seen = np.array([np.count_nonzero(mask) for mask in masks])
    return Drawing(
        picture=(canvas + 0.5).clip(0, 255).astype(np.uint8),
        masks=masks,
        boxes=np.array([_box(mask) for mask in masks], np.float32).reshape(-1, 4),
        visible=(seen / np.maximum(areas, 1)).astype(np.float32),
    )


def render(scene: Scene, size: int = 128) -> NDArray[np.uint8]:
    """The picture of a scene: (size, size, 3) red, green, blue."""
    canvas = draw_background(scene.background, scene.seed, size)
    ground = horizon(scene.background, scene.seed)
    for item in scene.items:
        _shade(canvas, item, scene.background, ground)
        _paste(canvas, item, None)
    return (canvas + 0.5).clip(0, 255).astype(np.uint8)


def boxes(scene: Scene, size: int = 128) -> NDArray[np.float32]:
    """(N, 4) tight boxes of what is seen of each item at that size: left, top, right, bottom, 0..1."""
    return draw(scene, size).boxes


def masks(scene: Scene, size: int = 128) -> NDArray[np.bool_]:
    """(N, size, size) where each item is seen."""
    return draw(scene, size).masks


def visible_fractions(scene: Scene, size: int = 128) -> NDArray[np.float32]:
    """(N,) how much of each item is seen, 0..1."""
    return draw(scene, size).visible


def extent(item: Item) -> tuple[float, float]:
    """The width and height of an item as it is turned, in parts of the picture's side."""
    width, height = sprites.sides(item)
    turn = math.radians(item.angle)
    along, across = abs(math.cos(turn)), abs(math.sin(turn))
    return item.size * (width * along + height * across), item.size * (width * across + height * along)


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """The tight box of a mask, 0..1; all 0 where it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    side = len(mask)
    return columns[0] / side, rows[0] / side, (columns[-1] + 1) / side, (rows[-1] + 1) / side


def _turned(
    source: Image.Image, item: Item, canvas: int, longer: float, centre: tuple[float, float], resample: int
) -> tuple[NDArray[np.uint8], int, int] | None:
    """A source turned, flipped and scaled to where it lies on the canvas.

    Args:
        source: the sprite, its middle at `centre`.
        canvas: pixels of the picture's side.
        longer: how many pixels of the source are the item's `size`.
        centre: where its middle lies, 0..1.

    Returns:
        The part within the picture and its left and top; None where nothing is.
    """
    turn = math.radians(item.angle)
    cosine, sine = math.cos(turn), math.sin(turn)
    scale = longer / (item.size * canvas)  # source pixels in one of the picture
    half_x = (source.width * abs(cosine) + source.height * abs(sine)) / scale / 2 + 1
    half_y = (source.width * abs(sine) + source.height * abs(cosine)) / scale / 2 + 1
    x, y = centre[0] * canvas, centre[1] * canvas
    left, top = max(0, math.floor(x - half_x)), max(0, math.floor(y - half_y))
    right, bottom = min(canvas, math.ceil(x + half_x)), min(canvas, math.ceil(y + half_y))
    if left >= right or top >= bottom:
        return None
    mirror = -1 if item.flip else 1
    # counter-clockwise by `turn` on a picture whose y runs down, then back into the source
    a, b = scale * cosine * mirror, -scale * sine * mirror
    d, e = scale * sine, scale * cosine
    matrix = (
        a,
        b,
        a * (left - x) + b * (top - y) + source.width / 2,
        d,
        e,
        d * (left - x) + e * (top - y) + source.height / 2,
    )
    part = source.transform((right - left, bottom - top), Image.Transform.AFFINE, matrix, Image.Resampling(resample))
    return np.asarray(part), left, top


def _paste(canvas: NDArray[np.float32], item: Item, mask: NDArray[np.bool_] | None) -> None:
    """Lay an item over the canvas, and note where it is solid."""
    size = len(canvas)
    longer = next((n for n in sprites.LEVELS if n >= item.size * size), sprites.LEVELS[-1])
    source = sprites.item_level(item, longer)
    turned = _turned(source, item, size, max(source.size), (item.x, item.y), Image.Resampling.BICUBIC)
    if turned is None:
        return
    pixels, left, top = turned
    height, width, _ = pixels.shape
    alpha = pixels[:, :, 3:].astype(np.float32)
    region = canvas[top : top + height, left : left + width]
    region *= 1 - alpha / 255
    region += np.minimum(pixels[:, :, :3], alpha)
    if mask is not None:
        mask[top : top + height, left : left + width] = pixels[:, :, 3] > 127


def _shade(canvas: NDArray[np.float32], item: Item, background: Background, ground: float | None) -> None:
    """A soft shadow: under what stands on the ground, else faint behind it."""
    size = len(canvas)
    bottom = item.y + extent(item)[1] / 2
    if ground is not None and bottom > ground + 0.04:
        width = extent(item)[0]
        flat = Item(item.thing, None, 0, 0, size=width * 1.15)
        spread = _turned(_ellipse(), flat, size, 64, (item.x, bottom - 0.012), Image.Resampling.BILINEAR)
        strength = 0.22 if background is Background.SEA else 0.4
    else:
        behind = sprites.shadow(item)
        inner = max(behind.size) - 2 * round(40 * sprites.MARGIN)
        where = (item.x + 0.012, item.y + 0.028)
        spread = _turned(behind, item, size, inner, where, Image.Resampling.BILINEAR)
        strength = 0.12 if background in _FAINT or ground is not None else 0.28
    if spread is None:
        return
    dark, left, top = spread
    region = canvas[top : top + dark.shape[0], left : left + dark.shape[1]]
    region += (_SHADE - region) * (dark[:, :, None] * np.float32(strength / 255))


@lru_cache(maxsize=1)
def _ellipse() -> Image.Image:
    """A soft flat ellipse, 64 pixels wide, the shadow on the ground."""
    x, y = np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 18))
    soft = np.clip(1.25 * (1 - (x**2 + y**2)), 0, 1) ** 0.8
    return Image.fromarray((soft * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
