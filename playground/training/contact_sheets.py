"""Contact sheets: what the world draws, to look at.

Invariants: a sheet is a picture for people; nothing is trained or measured on it.
"""

from dataclasses import replace

import numpy as np

from playground.drawn_world.attributes import ATTRIBUTES, FacialHair, Glasses, Person, Top, with_value
from playground.drawn_world.drawing import portrait
from playground.drawn_world.sampling import person
from playground.drawn_world.scenes import Group, group

_GAP = 4  # pixels between the pictures
_OUTLINES = {
    "person": (255, 255, 255),
    "glasses": (0, 255, 255),
    "hat": (255, 0, 255),
    "beard": (255, 255, 0),
    "moustache": (255, 160, 0),
    "mouth": (255, 0, 0),
}


def tiled(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Pictures of one size in rows, on white; rows may differ in length."""
    height, width = rows[0][0].shape[:2]
    columns = max(map(len, rows))
    sheet = np.full((len(rows) * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = y * (height + _GAP) + _GAP, x * (width + _GAP) + _GAP
            sheet[top : top + height, left : left + width] = picture
    return sheet


def people_sheet(seeds: range, size: int, columns: int = 12) -> np.ndarray:
    """The portraits of these seeds."""
    pictures = [portrait(person(seed), size) for seed in seeds]
    return tiled([pictures[i : i + columns] for i in range(0, len(pictures), columns)])


def values_sheet(seed: int, size: int) -> np.ndarray:
    """One person, one row per attribute, one picture per value, all else equal."""
    return tiled([[portrait(who, size) for who in variants(person(seed), a.name)] for a in ATTRIBUTES])


def variants(base: Person, name: str) -> list[Person]:
    """This person, plain, with every value of one attribute, and whatever that needs to be seen."""
    base = replace(
        base,
        facial_hair=FacialHair.NONE,
        glasses=Glasses.ROUND if name == "lenses" else Glasses.NONE,
        top=Top.BRIMMED_HAT if name == "hat_colour" else Top.SHORT,
    )
    values = next(attribute.values for attribute in ATTRIBUTES if attribute.name == name)
    return [with_value(base, name, value) for value in values]


def groups_sheet(seeds: range, size: int, columns: int = 6, zoom: int = 2) -> np.ndarray:
    """The group pictures of these seeds, enlarged, with their boxes outlined."""
    pictures = [_outlined(group(seed, size), zoom) for seed in seeds]
    return tiled([pictures[i : i + columns] for i in range(0, len(pictures), columns)])


def _outlined(scene: Group, zoom: int) -> np.ndarray:
    picture = scene.picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
    for box in scene.boxes:
        x0, y0, x1, y1 = (zoom * edge for edge in (box.x0, box.y0, box.x1, box.y1))
        colour = _OUTLINES[box.part]
        picture[y0:y1, [x0, x1 - 1]] = colour
        picture[[y0, y1 - 1], x0:x1] = colour
    return picture
