"""The backgrounds of scenes, drawn from a seed: the same picture at any size.

Invariants:
    A seed gives the same horizon, clouds, stars and shades at every size.
    Nothing in a background looks like one of the things: no sun, moon, tree or window.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from playground.storybook.types import Background

Pixels = NDArray[np.float32]
_STREAM = 31  # of a scene's seed

PLAIN: dict[Background, tuple[int, int, int]] = {
    Background.PLAIN_WHITE: (248, 248, 248),
    Background.PLAIN_GREY: (158, 160, 165),
    Background.PLAIN_RED: (206, 48, 52),
    Background.PLAIN_YELLOW: (250, 216, 84),
    Background.PLAIN_GREEN: (92, 178, 98),
    Background.PLAIN_BLUE: (72, 132, 222),
    Background.PLAIN_PURPLE: (134, 92, 192),
    Background.PLAIN_PINK: (248, 158, 196),
}
_HORIZONS: dict[Background, tuple[float, float]] = {
    Background.GRASS: (0.38, 0.55),
    Background.BEACH: (0.26, 0.36),
    Background.SEA: (0.22, 0.36),
    Background.SNOW: (0.38, 0.55),
    Background.DESERT: (0.40, 0.56),
    Background.ROOM: (0.54, 0.66),
    Background.TABLE: (0.42, 0.54),
}
MEAN: dict[Background, tuple[int, int, int]] = {
    Background.DAY_SKY: (150, 205, 248),
    Background.SUNSET: (236, 140, 104),
    Background.NIGHT_SKY: (28, 36, 88),
    Background.GRASS: (116, 190, 92),
    Background.BEACH: (238, 212, 160),
    Background.SEA: (46, 128, 190),
    Background.SNOW: (236, 242, 250),
    Background.DESERT: (226, 164, 96),
    Background.ROOM: (216, 200, 180),
    Background.TABLE: (176, 116, 70),
    **PLAIN,
}


def horizon(background: Background, seed: int) -> float | None:
    """How far down the ground (or the water, the floor, the table top) begins, 0..1; None where there is none."""
    if background not in _HORIZONS:
        return None
    low, high = _HORIZONS[background]
    return float(np.random.default_rng((seed, _STREAM)).uniform(low, high))


def draw_background(background: Background, seed: int, size: int) -> Pixels:
    """The background alone.

    Args:
        background: which one.
        seed: of the scene.
        size: pixels of a side.

    Returns:
        (size, size, 3) red, green, blue, 0 to 255.
    """
    rng = np.random.default_rng((seed, _STREAM + 1))
    if background in PLAIN:
        return _plain(rng, size, PLAIN[background])
    level = horizon(background, seed)
    return _PAINTERS[background](rng, size, 1.0 if level is None else level)


def _axes(size: int) -> tuple[Pixels, Pixels]:
    """x as a row, y as a column, of pixel centres, 0..1."""
    centres = ((np.arange(size) + 0.5) / size).astype(np.float32)
    return centres[None, :], centres[:, None]


def _noise(rng: np.random.Generator, size: int, columns: int, rows: int) -> Pixels:
    """Smooth noise, 0..1, with that many waves over the picture."""
    grid = Image.fromarray(rng.random((rows, columns), np.float32))
    return np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC))


def _gradient(y: Pixels, *stops: tuple[float, tuple[int, int, int]]) -> Pixels:
    """(size, 1, 3) colours down the picture between the stops."""
    at = [stop[0] for stop in stops]
    return np.stack([np.interp(y, at, [stop[1][c] for stop in stops]) for c in range(3)], -1).astype(np.float32)


def _over(picture: Pixels, colour: Pixels | tuple[int, int, int], amount: Pixels) -> Pixels:
    """`colour` laid over the picture where `amount` (0..1) says."""
    tone = np.asarray(colour, np.float32)
    return picture + (tone - picture) * np.clip(amount, 0, 1)[:, :, None]


def _edge(y: Pixels, line: Pixels | float, size: int) -> Pixels:
    """1 below the line, 0 above, smooth over a pixel."""
    return np.clip((y - line) * size + 0.5, 0, 1).astype(np.float32)


def _hill(rng: np.random.Generator, x: Pixels, level: float, height: float) -> Pixels:
    """A rolling line about `level`, (1, size)."""
    phase, waves = rng.uniform(0, 6.28, 2), rng.uniform(0.4, 1.1, 2)
    return (
        level
        + height * np.sin(6.28 * waves[0] * x + phase[0])
        + 0.4 * height * np.sin(6.28 * 2.1 * waves[1] * x + phase[1])
    ).astype(np.float32)


def _clouds(rng: np.random.Generator, size: int, much: float) -> Pixels:
    """Soft clouds, 0..1."""
    shape = 0.6 * _noise(rng, size, 4, 6) + 0.28 * _noise(rng, size, 9, 13) + 0.12 * _noise(rng, size, 18, 26)
    return np.clip((shape - (0.62 - 0.2 * much)) / 0.22, 0, 1)


def _plain(rng: np.random.Generator, size: int, colour: tuple[int, int, int]) -> Pixels:
    x, y = _axes(size)
    centre = rng.uniform(0.25, 0.75, 2)
    away = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    shade = rng.uniform(0.97, 1.02) - rng.uniform(0.02, 0.12) * away
    return np.clip(np.asarray(colour, np.float32) * shade[:, :, None], 0, 255).astype(np.float32)


def _day_sky(rng: np.random.Generator, size: int, level: float) -> Pixels:
    _, y = _axes(size)
    deep = int(rng.integers(-14, 15))
    sky = _gradient(y, (0, (84 + deep, 164 + deep, 240)), (1, (186, 226, 252)))
    return _over(np.repeat(sky, size, 1), (255, 255, 255), 0.92 * _clouds(rng, size, rng.uniform(0.2, 0.8)))


def _sunset(rng: np.random.Generator, size: int, level: float) -> Pixels:
    x, y = _axes(size)
    low = rng.uniform(0.8, 0.88)
    sky = _gradient(
        y, (0, (106, 66, 140)), (0.32 * low, (206, 86, 124)), (0.68 * low, (250, 136, 72)), (low, (255, 212, 116))
    )
    picture = np.repeat(sky, size, 1)
    picture = _over(picture, (255, 190, 150), 0.5 * np.clip((_noise(rng, size, 3, 14) - 0.58) / 0.25, 0, 1))
    return _over(picture, (74, 44, 78), _edge(y, _hill(rng, x, low + 0.04, 0.025), size))


def _night_sky(rng: np.random.Generator, size: int, level: float) -> Pixels:
    x, y = _axes(size)
    picture = np.repeat(_gradient(y, (0, (10, 14, 50)), (1, (44, 54, 116))), size, 1)
    picture = _over(picture, (88, 82, 160), 0.3 * _noise(rng, size, 3, 4))
    for star_x, star_y, bright, wide in rng.random((int(rng.integers(35, 60)), 4)):
        radius = 0.004 + 0.005 * wide
        left, right = int(max(0, (star_x - 0.03) * size)), int(min(size, (star_x + 0.03) * size + 1))
        top, bottom = int(max(0, (star_y - 0.03) * size)), int(min(size, (star_y + 0.03) * size + 1))
        away = (x[:, left:right] - star_x) ** 2 + (y[top:bottom] - star_y) ** 2
        shine = (0.35 + 0.65 * bright) * np.exp(-away / radius**2)
        picture[top:bottom, left:right] += (250 - picture[top:bottom, left:right]) * shine[:, :, None]
    return picture


def _pale_sky(rng: np.random.Generator, size: int, much: float) -> Pixels:
    _, y = _axes(size)
    sky = np.repeat(_gradient(y, (0, (120, 192, 246)), (0.55, (206, 234, 252))), size, 1)
    return _over(sky, (255, 255, 255), much * _clouds(rng, size, 0.5))


def _grass(rng: np.random.Generator, size: int, level: float) -> Pixels:
    x, y = _axes(size)
    picture = _pale_sky(rng, size, 0.7)
    picture = _over(picture, (142, 202, 112), _edge(y, _hill(rng, x, level - 0.05, 0.03), size))
    line = _hill(rng, x, level, 0.02)
    near = np.clip((y - line) / (1 - level), 0, 1)
    blades = _noise(rng, size, 48, 16) - 0.5
    green = np.asarray((124, 194, 88), np.float32) + (near[:, :, None] * np.asarray((-44, -38, -34), np.float32))
    green = green + (blades * (4 + 22 * near))[:, :, None]
    return _over(picture, green, _edge(y, line, size))


def _beach(rng: np.random.Generator, size: int, level: float) -> Pixels:
    x, y = _axes(size)
    picture = _pale_sky(rng, size, 0.6)
    water = _gradient(y, (level, (42, 140, 204)), (level + 0.22, (112, 208, 220)))
    picture = _over(picture, water, np.repeat(_edge(y, level, size), size, 1))
    shore = _hill(rng, x, level + rng.uniform(0.16, 0.24), 0.02)
    picture = _over(picture, (250, 253, 255), 0.95 * _edge(y, shore - 0.022, size))
    sand = np.asarray((244, 220, 168), np.float32) + (_noise(rng, size, 40, 40) - 0.5)[:, :, None] * 16
    sand = sand - np.clip(0.09 - (y - shore), 0, 0.09)[:, :, None] * 360
    return _over(picture, sand, _edge(y, shore, size))


def _sea(rng: np.random.Generator, size: int, level: float) -> Pixels:
    _, y = _axes(size)
    picture = _pale_sky(rng, size, 0.7)
    depth = np.clip((y - level) / (1 - level), 0, 1)
    water = np.repeat(_gradient(y, (level, (74, 166, 216)), (1, (16, 84, 156))), size, 1)
    rows = int(rng.integers(16, 22))
    waves = np.clip((_noise(rng, size, 7, rows) - 0.6) / 0.25, 0, 1)
    water = _over(water, (150, 214, 240), waves * (0.25 + 0.35 * depth))
    return _over(picture, water, np.repeat(_edge(y, level, size), size, 1))


def _snow(rng: np.random.Generator, size: int, level: float) -> Pixels:
    x, y = _axes(size)
    picture = np.repeat(_gradient(y, (0, (150, 178, 212)), (0.6, (206, 220, 238))), size, 1)
    picture = _over(picture, (220, 230, 244), _edge(y, _hill(rng, x, level - 0.06, 0.04), size))
    line = _hill(rng, x, level + 0.02, 0.03)
    ground = np.asarray((250, 252, 255), np.float32) - np.clip(y - line, 0, 1)[:, :, None] * np.asarray((44, 32, 14))
    ground = ground - (_noise(rng, size, 5, 7) * 12)[:, :, None]
    picture = _over(picture, ground.astype(np.float32), _edge(y, line, size))
    for flake_x, flake_y, wide in rng.random((int(rng.integers(30, 50)), 3)):
        radius = 0.005 + 0.006 * wide
        left, right = int(max(0, (flake_x - 0.03) * size)), int(min(size, (flake_x + 0.03) * size + 1))
        top, bottom = int(max(0, (flake_y - 0.03) * size)), int(min(size, (flake_y + 0.03) * size + 1))
        away = (x[:, left:right] - flake_x) ** 2 + (y[top:bottom] - flake_y) ** 2
        white = np.clip(1.6 * np.exp(-away / radius**2), 0, 1)
        picture[top:bottom, left:right] += (255 - picture[top:bottom, left:right]) * white[:, :, None]
    return picture


def _desert(rng: np.random.Generator, size: int, level: float) -> Pixels:
    x, y = _axes(size)
    picture = np.repeat(_gradient(y, (0, (130, 190, 226)), (0.5, (252, 236, 196))), size, 1)
    for step, tone in ((-0.05, (238, 188, 118)), (0.04, (228, 164, 90)), (0.26, (214, 144, 72))):
        line = _hill(rng, x, level + step, 0.045)
        shade = np.asarray(tone, np.float32) + np.clip(0.3 - (y - line), 0, 0.3)[:, :, None] * 60
        picture = _over(picture, shade, _edge(y, line, size))
    return picture


def _room(rng: np.random.Generator, size: int, level: float) -> Pixels:
    x, y = _axes(size)
    walls = ((240, 224, 196), (196, 220, 232), (204, 228, 206), (246, 208, 190), (222, 210, 236))
    wall = np.asarray(walls[int(rng.integers(len(walls)))], np.float32)
    stripes = int(rng.integers(0, 2)) * np.sign(np.sin(6.28 * x * rng.uniform(5, 9))) * 5
    picture = np.broadcast_to(wall + stripes[:, :, None] - y[:, :, None] * 18, (size, size, 3)).astype(np.float32)
    picture = _over(picture, (250, 248, 244), np.repeat(_edge(y, level - 0.045, size), size, 1))
    middle = rng.uniform(0.3, 0.7)
    # boards run towards a point above the picture's middle
    board = (x - middle) / (y - level + 0.45) * rng.uniform(5, 7)
    seam = np.clip(1 - np.abs(board - np.round(board)) * 12, 0, 1)
    tone = np.sin(np.floor(board + 0.5) * 12.9) * 9
    floor = np.asarray((196, 148, 100), np.float32) + tone[:, :, None] - seam[:, :, None] * 46
    floor = floor + (y - level)[:, :, None] * 40
    return _over(picture, floor, np.repeat(_edge(y, level, size), size, 1))


def _table(rng: np.random.Generator, size: int, level: float) -> Pixels:
    x, y = _axes(size)
    tones = ((92, 104, 122), (122, 108, 96), (88, 120, 112), (140, 116, 128))
    tone = np.asarray(tones[int(rng.integers(len(tones)))], np.float32)
    away = (x - 0.5) ** 2 + (y - 0.2) ** 2
    picture = tone + 50 - 90 * away[:, :, None]
    grain = _noise(rng, size, 4, 60) - 0.5
    wood = np.asarray((186, 120, 70), np.float32) + (grain * 34)[:, :, None] + (y - level)[:, :, None] * 30
    picture = _over(picture.astype(np.float32), wood, np.repeat(_edge(y, level, size), size, 1))
    picture = _over(
        picture, (222, 164, 110), np.repeat(_edge(y, level, size) - _edge(y, level + 0.012, size), size, 1)
    )
    front = 0.93
    picture = _over(picture, (122, 72, 40), np.repeat(_edge(y, front, size), size, 1))
    return _over(picture, (70, 42, 28), np.repeat(_edge(y, front + 0.045, size), size, 1))


_PAINTERS: dict[Background, Callable[[np.random.Generator, int, float], Pixels]] = {
    Background.DAY_SKY: _day_sky,
    Background.SUNSET: _sunset,
    Background.NIGHT_SKY: _night_sky,
    Background.GRASS: _grass,
    Background.BEACH: _beach,
    Background.SEA: _sea,
    Background.SNOW: _snow,
    Background.DESERT: _desert,
    Background.ROOM: _room,
    Background.TABLE: _table,
}
