"""Pictures of single parts of a person, each drawn once and kept.

Invariants: the SVG of a whole person is cut into runs of consecutive shapes of one part, and every run is
rendered alone. Painting the runs over one another in their order is what the SVG itself prescribes, so the result is
the same picture, many times faster, and the extent of every part is known from its alpha. `python_avatars`
draws the SVG (design: Avataaars by Pablo Stanley), `resvg-py` renders it; both are imported when first needed.
"""

import functools
import io
from dataclasses import asdict, dataclass
from typing import Any, Literal
from xml.etree import ElementTree  # only ever given the SVG that python_avatars has just written

import numpy as np

from playground.drawn_world.attributes import FacialHair, Glasses, Person, Top, wears_hat
from playground.drawn_world.sampling import person as any_person
from playground.drawn_world.svg import NAMESPACE, draw, slot_name

Part = Literal["body", "clothing", "mouth", "nose", "eyes", "eyebrows", "top", "facial_hair", "glasses"]
ViewBox = tuple[float, float, float, float]  # x, y, width, height in SVG units

FULL: ViewBox = (0.0, 0.0, 264.0, 280.0)  # all that python_avatars draws

_GROUPS: dict[str, Part] = {
    "Body": "body",
    "Clothing": "clothing",
    "Mouth": "mouth",
    "Nose": "nose",
    "Eyes": "eyes",
    "Eyebrow": "eyebrows",
    "Top": "top",
    "Facial-Hair": "facial_hair",
    "Accessory": "glasses",
}
_SHAPES = frozenset(NAMESPACE + name for name in ("path", "rect", "circle", "ellipse", "polygon", "use"))
_UNPAINTED = frozenset(NAMESPACE + name for name in ("defs", "mask", "clipPath", "filter"))


@dataclass(frozen=True)
class Layer:
    """One run of shapes, cut to where it has colour.

    `rgba` is (h, w, 4) float32, colours 0..255 already multiplied by alpha, alpha 0..1; its upper left corner lies
    at pixel (`x`, `y`) of the picture.
    """

    part: Part
    rgba: np.ndarray
    x: int
    y: int


def layers(person: Person, view: ViewBox, width: int) -> list[Layer]:
    """The person's layers from back to front in a picture of that part of the drawing, `width` pixels wide."""
    found = []
    for run, part in enumerate(_order(person.top)):
        if part == "facial_hair" and person.facial_hair is FacialHair.NONE:
            continue
        if part == "glasses" and person.glasses is Glasses.NONE:
            continue
        what = _what(person, part)
        number = _order(dict(what)["top"]).index(part) if part in ("facial_hair", "glasses") else run
        found.append(_layer(number, part, what, view, width))
    return found


def _what(person: Person, part: Part) -> tuple[tuple[str, Any], ...]:
    """The attributes that this part's pixels depend on, and no others: the key of its picture."""
    names = _DEPENDS[part]
    if part == "top":
        names = ("top", "hat_colour" if wears_hat(person) else "hair_colour")
    what = {name: getattr(person, name) for name in names}
    if part in ("facial_hair", "glasses"):
        what["top"] = _stand_in(person.top)
    return tuple(what.items())


_DEPENDS: dict[Part, tuple[str, ...]] = {
    "body": ("skin",),
    "clothing": ("clothing", "clothing_colour"),
    "mouth": ("mouth",),
    "nose": (),
    "eyes": ("eyes",),
    "eyebrows": ("eyebrows",),
    "top": ("top", "hair_colour"),
    "facial_hair": ("top", "facial_hair", "hair_colour"),  # of the top only where it puts them: `_stand_in`
    "glasses": ("top", "glasses", "lenses"),
}
# What a layer's key leaves open. The slots of beard and glasses must be filled for their runs to be found.
_ANY = asdict(any_person(0)) | {"facial_hair": FacialHair.FULL_BEARD, "glasses": Glasses.ROUND}


@functools.cache
def _order(top: Top) -> tuple[Part, ...]:
    return tuple(part for part, _ in _runs(draw({**_ANY, "top": top})))


@functools.cache
def _stand_in(top: Top) -> Top:
    """The first top that puts beard and glasses exactly where this one does: their pictures are the same."""
    return next(other for other in Top if _placement(other) == _placement(top))


@functools.cache
def _placement(top: Top) -> tuple[str | None, ...]:
    """All that the groups around the slots of beard and glasses do to what is in them."""
    root = draw({**_ANY, "top": top})
    parents = {child: parent for parent in root.iter() for child in parent}
    found: list[str | None] = []
    for name in ("Facial-Hair", "Accessory"):
        group = next(element for element in root.iter() if slot_name(element) == name)
        while group in parents:
            found += [group.get(effect) for effect in ("transform", "mask", "clip-path", "filter", "opacity")]
            group = parents[group]
    return tuple(found)


@functools.lru_cache(maxsize=8192)
def _layer(run: int, part: Part, what: tuple[tuple[str, Any], ...], view: ViewBox, width: int) -> Layer:
    import resvg_py
    from PIL import Image

    root = draw({**_ANY, **dict(what)})
    for number, (_, shapes) in enumerate(_runs(root)):
        for shape in shapes if number != run else ():
            shape.set("visibility", "hidden")
    root.set("viewBox", " ".join(map(str, view)))
    root.set("width", str(view[2]))
    root.set("height", str(view[3]))
    svg = ElementTree.tostring(root, encoding="unicode")
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width, skip_system_fonts=True))
    with Image.open(io.BytesIO(png)) as image:
        rgba = np.asarray(image.convert("RGBA"), dtype=np.float32)
    alpha = rgba[..., 3:] / 255.0
    rgba = np.concatenate([rgba[..., :3] * alpha, alpha], axis=-1)
    rows, columns = np.flatnonzero(alpha.any(axis=(1, 2))), np.flatnonzero(alpha.any(axis=(0, 2)))
    if not len(rows):  # a bald head has a top without shapes
        return Layer(part, np.zeros((0, 0, 4), np.float32), 0, 0)
    top, left = int(rows[0]), int(columns[0])
    cut = np.ascontiguousarray(rgba[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1])
    cut.flags.writeable = False
    return Layer(part, cut, left, top)


def _runs(root: ElementTree.Element) -> list[tuple[Part, list[ElementTree.Element]]]:
    """The painted shapes in painting order, grouped into runs that belong to one part."""
    runs: list[tuple[Part, list[ElementTree.Element]]] = []

    def walk(element: ElementTree.Element, part: Part | None) -> None:
        if element.tag in _UNPAINTED:
            return
        part = _GROUPS.get(slot_name(element), part)
        if element.tag in _SHAPES and part is not None:
            if not runs or runs[-1][0] != part:
                runs.append((part, []))
            runs[-1][1].append(element)
        for child in element:
            walk(child, part)

    walk(root, None)
    return runs
