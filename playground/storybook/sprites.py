"""The picture of each item: a thing cut from the atlas, painted in a colour, or a drawn person; kept at a few sizes.

Invariants:
    A recolourable thing is always shown in one of the eight colours, so that a caption may always name it.
    Painting keeps the shading: a shade darker or lighter than the painted part's mean is so in the new colour too.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from playground.drawn_world.attributes import Person
from playground.drawn_world.drawing import paint
from playground.drawn_world.part_images import FULL, layers
from playground.storybook.things import ASSETS, PLACES, THINGS
from playground.storybook.types import Colour, Item

LEVELS = (20, 40, 80, 160)  # pixels of the longer side, smallest first
MARGIN = 0.25  # empty border of a shadow, in parts of the longer side
_PERSON_SCALE = 1.0  # the width of the whole drawing of a person in parts of the largest level
PAINTS: dict[Colour, tuple[int, int, int]] = {
    Colour.RED: (226, 38, 46),
    Colour.ORANGE: (250, 134, 24),
    Colour.YELLOW: (253, 212, 44),
    Colour.GREEN: (58, 176, 70),
    Colour.BLUE: (38, 108, 232),
    Colour.PURPLE: (136, 64, 208),
    Colour.PINK: (255, 122, 186),
    Colour.BLACK: (44, 44, 52),
}


def sprite(thing: int, colour: Colour | None) -> NDArray[np.uint8]:
    """The sprite of a thing at its full size, 160 pixels on the longer side.

    Args:
        thing: its label.
        colour: what it is painted in, None for its own colours.

    Returns:
        (height, width, 4) red, green, blue, alpha; colours multiplied by alpha.
    """
    return np.asarray(level(thing, colour, LEVELS[-1]))


def level(thing: int, colour: Colour | None, longer: int) -> Image.Image:
    """The sprite with that many pixels on its longer side, as a four-band image of multiplied colours and alpha."""
    return _full(thing, colour) if longer == LEVELS[-1] else _reduced(thing, colour, longer)


@lru_cache(maxsize=256)
def _full(thing: int, colour: Colour | None) -> Image.Image:
    straight = _cut(thing)
    if colour is not None:
        straight = painted(straight, colour, THINGS[thing].paint or "main")
    alpha = straight[:, :, 3:].astype(np.float32) / 255
    straight[:, :, :3] = np.rint(straight[:, :, :3] * alpha)
    # RGBX holds four bands that Pillow resamples as they are
    height, width, _ = straight.shape
    return Image.frombuffer("RGBX", (width, height), straight.tobytes(), "raw", "RGBX", 0, 1)


@lru_cache(maxsize=8192)
def _reduced(thing: int, colour: Colour | None, longer: int) -> Image.Image:
    full = _full(thing, colour)
    scale = longer / LEVELS[-1]
    size = (max(1, round(full.width * scale)), max(1, round(full.height * scale)))
    return full.resize(size, Image.Resampling.BOX)


@lru_cache(maxsize=4)
def _page(number: int) -> NDArray[np.uint8]:
    with Image.open(ASSETS / f"atlas-{number}.webp") as picture:
        return np.asarray(picture.convert("RGBA"))


def _cut(thing: int) -> NDArray[np.uint8]:
    place = PLACES[thing]
    return _page(place.page)[place.y : place.y + place.height, place.x : place.x + place.width].copy()


def item_level(item: Item, longer: int) -> Image.Image:
    """`level` of what an item is."""
    return level(item.thing, item.colour, longer) if item.person is None else _person_level(item.person, longer)


def sides(item: Item) -> tuple[float, float]:
    """The width and height of an item's sprite in parts of its longer side."""
    if item.person is None:
        place = PLACES[item.thing]
        width, height = place.width, place.height
    else:
        width, height = _person_level(item.person, LEVELS[-1]).size
    return width / max(width, height), height / max(width, height)


def shadow(item: Item) -> Image.Image:
    """The blurred outline of an item, its longer side 40 pixels, with a `MARGIN` around it."""
    return _shadow(item.thing) if item.person is None else _blurred(_person_level(item.person, 40).getchannel(3))


def outline(item: Item) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """What is solid in an item's sprite, to reckon what hides what.

    Returns:
        A (32, 32) grid over the sprite's box, and the (N, 2) centres of its solid cells as x, y from the sprite's
        centre in parts of its longer side.
    """
    return _outline(item.thing) if item.person is None else _person_outline(item.person)


@lru_cache(maxsize=2048)
def _shadow(thing: int) -> Image.Image:
    return _blurred(level(thing, THINGS[thing].natural, 40).getchannel(3))


def _blurred(alpha: Image.Image) -> Image.Image:
    margin = round(40 * MARGIN)
    roomy = Image.new("L", (alpha.width + 2 * margin, alpha.height + 2 * margin))
    roomy.paste(alpha, (margin, margin))
    return roomy.filter(ImageFilter.GaussianBlur(2.4))


@lru_cache(maxsize=2048)
def _outline(thing: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    return _solid(_cut(thing)[:, :, 3])


@lru_cache(maxsize=1024)
def _person_outline(person: Person) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    return _solid(np.asarray(_person_level(person, LEVELS[-1]))[:, :, 3])


def _solid(alpha: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """`outline` of a sprite with this (height, width) alpha."""
    height, width = alpha.shape
    grid = np.asarray(Image.fromarray(alpha).resize((32, 32), Image.Resampling.BOX))
    solid = grid > 127
    if not solid.any():
        solid = grid > 32
    rows, columns = np.nonzero(solid)
    longer = max(width, height)
    points = np.stack([((columns + 0.5) / 32 - 0.5) * width / longer, ((rows + 0.5) / 32 - 0.5) * height / longer], 1)
    return solid, points


@lru_cache(maxsize=1024)
def _person_level(person: Person, longer: int) -> Image.Image:
    """A person down to the shoulders, cut to where they are, like `level`.

    Raises:
        ModuleNotFoundError: what draws people (`python_avatars`, `resvg-py`) is not installed.
    """
    if longer != LEVELS[-1]:
        full = _person_level(person, LEVELS[-1])
        scale = longer / LEVELS[-1]
        size = (max(1, round(full.width * scale)), max(1, round(full.height * scale)))
        return full.resize(size, Image.Resampling.BOX)
    width = round(LEVELS[-1] * _PERSON_SCALE)
    figure = np.zeros((round(width * FULL[3] / FULL[2]), width, 4), np.float32)
    for layer in layers(person, FULL, width):
        paint(figure, layer.rgba, layer.x, layer.y)
    solid = figure[:, :, 3] > 0.1
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    cut = figure[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    cut[:, :, 3] *= 255
    pixels = np.rint(cut).astype(np.uint8)
    image = Image.frombuffer("RGBX", (pixels.shape[1], pixels.shape[0]), pixels.tobytes(), "raw", "RGBX", 0, 1)
    scale = LEVELS[-1] / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


@lru_cache(maxsize=4096)
def mean_colour(thing: int, colour: Colour | None) -> tuple[float, float, float]:
    """The mean red, green and blue, 0 to 255, of what is solid in the sprite."""
    pixels = np.asarray(level(thing, colour, 20)).reshape(-1, 4).astype(np.float64)
    red, green, blue = pixels[:, :3].sum(0) / max(1.0, pixels[:, 3].sum()) * 255
    return float(red), float(green), float(blue)


def painted(straight: NDArray[np.uint8], colour: Colour, paint: str) -> NDArray[np.uint8]:
    """A sprite with its painted part in another colour.

    Args:
        straight: (height, width, 4) colours not multiplied by alpha.
        colour: the new one.
        paint: "main" paints the hue that most of it has, "wide" more hues about that, "fair" what is grey or white.

    Returns:
        The same shape, a new array.
    """
    rgb = straight[:, :, :3].astype(np.float32) / np.float32(255)
    alpha = straight[:, :, 3].astype(np.float32) / np.float32(255)
    weight = _painted_part(rgb, alpha, paint)
    light = rgb @ np.array([0.3, 0.59, 0.11], np.float32)
    certain = (weight > 0.6) & (alpha > 0.5)
    middle = float(np.median(light[certain])) if certain.any() else 0.5
    target = np.array(PAINTS[colour], np.float32) / 255
    ratio = (light / max(middle, 0.05))[:, :, None]
    darker = target * np.clip(ratio, 0.3, 1) ** (0.75 if colour is Colour.YELLOW else 0.9)
    gleam = np.clip((light - middle) / max(1 - middle, 0.15), 0, 1)[:, :, None] * 0.75
    new = np.where(ratio <= 1, darker, target + (1 - target) * gleam)
    mixed = rgb + (new - rgb) * weight[:, :, None]
    result = straight.copy()
    result[:, :, :3] = np.rint(np.clip(mixed, 0, 1) * 255)
    return result


def _painted_part(rgb: NDArray[np.float32], alpha: NDArray[np.float32], paint: str) -> NDArray[np.float32]:
    """How much each pixel is painted, 0 to 1, (height, width)."""
    highest, lowest = rgb.max(2), rgb.min(2)
    chroma = highest - lowest
    saturation = chroma / np.maximum(highest, 1e-3)
    if paint == "fair":
        return (1 - _ramp(saturation, 0.25, 0.4)) * _ramp(highest, 0.3, 0.45)
    hue = _hue(rgb, highest, chroma)
    bins = np.bincount((hue / 10).astype(int).ravel() % 36, (chroma * alpha).ravel(), 36)
    smooth = bins + np.roll(bins, 1) + np.roll(bins, -1)
    main = (float(np.argmax(smooth)) + 0.5) * 10
    away = np.abs((hue - main + 180) % 360 - 180)
    window = 100 if paint == "wide" else 38
    return (1 - _ramp(away, window, window + 17)) * _ramp(saturation, 0.1, 0.22)


def _hue(rgb: NDArray[np.float32], highest: NDArray[np.float32], chroma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Degrees, 0 red, 120 green, 240 blue; 0 where there is no chroma."""
    red, green, blue = rgb[:, :, 0], rgb[:, :, 1], rgb[:, :, 2]
    safe = np.maximum(chroma, 1e-6)
    hue = np.where(
        highest == red,
        (green - blue) / safe,
        np.where(highest == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return np.where(chroma > 1e-6, hue * 60 % 360, 0).astype(np.float32)


def _ramp(value: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """0 below `low`, 1 above `high`, a line between."""
    return np.clip((value - low) / (high - low), 0, 1)
