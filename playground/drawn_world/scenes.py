"""Group pictures: two to five people at different places and sizes, and exact boxes of what can be seen of them.

Invariants: no box is a number that somebody wrote. Every figure is painted from its layers, the people in front
take away from those behind, and a box is the extent of what is left.
"""

from dataclasses import dataclass

import numpy as np

from playground.drawn_world.attributes import BEARDS, Backdrop, Background, Person, visible, wears_hat
from playground.drawn_world.drawing import background, paint
from playground.drawn_world.part_images import FULL, layers
from playground.drawn_world.sampling import SCENE, random_person, stream

SMALLEST = 33  # pixels of a figure's whole drawing; a bald head then still stands 28 pixels tall
LEGIBLE = 48  # from this height on, expressions may speak of mouths, clothes and the shape of glasses
MASTER = 132  # figures are drawn at this width and scaled down, so that sizes are free
PARTS = ("person", "glasses", "hat", "beard", "moustache", "mouth")
_SEEN = ("clothing", "mouth", "top", "facial_hair", "glasses")  # the layers whose visible share is measured
_EDGE = 0.25  # coverage of a pixel from which it counts as part of a thing
_LISTED = 0.5  # visible share from which a thing gets a box


@dataclass(frozen=True)
class Figure:
    """A person in a group picture: where the drawing's upper left corner lies and how tall it is, in pixels."""

    person: Person
    x: int
    y: int
    height: int
    known: frozenset[str]  # attributes that can be told at this size and are not hidden by somebody in front


@dataclass(frozen=True)
class Box:
    """A visible thing: pixels x0 <= x < x1, y0 <= y < y1 of the picture; `figure` is an index."""

    figure: int
    part: str  # one of PARTS
    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class Group:
    """One group picture, (size, size, 3) uint8, with its people from back to front and the boxes of all parts."""

    picture: np.ndarray
    figures: tuple[Figure, ...]
    boxes: tuple[Box, ...]
    background: Background

    def box_of(self, figure: int, part: str = "person") -> int | None:
        """The index of the box of that part of that figure; None where it is not listed."""
        return next((i for i, box in enumerate(self.boxes) if (box.figure, box.part) == (figure, part)), None)


@dataclass(frozen=True)
class Place:
    """A figure before it is drawn."""

    person: Person
    x: int
    y: int
    height: int

    @property
    def width(self) -> int:
        return max(1, round(self.height * FULL[2] / FULL[3]))


def group(seed: int, size: int) -> Group:
    """The group picture of this seed; `size` in pixels, 96 or more for five people (below, at most three)."""
    rng = stream(seed, SCENE)
    count = int(rng.integers(2, 6 if size >= 96 else 4))
    places = _places([random_person(rng) for _ in range(count)], size, rng)
    hue = tuple(Background)[int(rng.integers(len(Background)))]
    backdrop = tuple(Backdrop)[int(rng.integers(len(Backdrop)))]
    return draw_group(places, hue, backdrop, size)


def draw_group(places: list[Place], hue: Background, backdrop: Backdrop, size: int) -> Group:
    """Paint these figures, the first at the back, and measure what is seen of them."""
    picture = background(hue, backdrop, size, size)
    seen: list[dict[str, np.ndarray]] = []  # per figure: part -> (size, size) coverage still visible
    alone: list[dict[str, float]] = []  # per figure: part -> coverage before anybody stood in front
    for place in places:
        parts = _figure(place)
        rgba = parts.pop("rgba")
        here = (slice(place.y, place.y + rgba.shape[0]), slice(place.x, place.x + rgba.shape[1]))
        for other in seen:
            for coverage in other.values():
                coverage[here] *= 1 - rgba[..., 3]
        paint(picture, rgba, place.x, place.y)
        mine = {}
        for name, coverage in (("person", rgba[..., 3]), *parts.items()):
            mine[name] = np.zeros((size, size), np.float32)
            mine[name][here] = coverage
        seen.append(mine)
        alone.append({name: float(coverage.sum()) for name, coverage in mine.items()})
    figures, boxes = [], []
    for index, place in enumerate(places):
        share = {name: float(c.sum()) / max(alone[index][name], 1e-6) for name, c in seen[index].items()}
        figures.append(Figure(place.person, place.x, place.y, place.height, _known(place, share)))
        for name in share:
            part = _part(place.person, name)
            if part is not None and share[name] >= _LISTED:
                boxes.append(_box(index, part, seen[index][name]))
    return Group(np.rint(picture).astype(np.uint8), tuple(figures), tuple(boxes), hue)


def _part(person: Person, layer: str) -> str | None:
    """What a layer is called as a thing in the picture; None where it is no thing that gets a box."""
    if layer == "top":
        return "hat" if wears_hat(person) else None
    if layer == "facial_hair":
        return "beard" if person.facial_hair in BEARDS else "moustache"
    return layer if layer in PARTS else None


def _figure(place: Place) -> dict[str, np.ndarray]:
    """One figure at its size: "rgba" (h, w, 4) premultiplied, and the visible coverage (h, w) of its parts."""
    from PIL import Image

    height = round(MASTER * FULL[3] / FULL[2])
    rgba = np.zeros((height, MASTER, 4), np.float32)
    coverage: dict[str, np.ndarray] = {}
    for layer in layers(place.person, FULL, MASTER):
        rows, columns = layer.rgba.shape[:2]
        here = (slice(layer.y, layer.y + rows), slice(layer.x, layer.x + columns))
        for other in coverage.values():
            other[here] *= 1 - layer.rgba[..., 3]
        if layer.part in _SEEN:
            mine = coverage.setdefault(layer.part, np.zeros((height, MASTER), np.float32))
            mine[here] += layer.rgba[..., 3]  # what lay here of the same part was just taken away
        paint(rgba, layer.rgba, layer.x, layer.y)

    def scaled(channel: np.ndarray) -> np.ndarray:
        image = Image.fromarray(np.ascontiguousarray(channel))
        return np.asarray(image.resize((place.width, place.height), Image.Resampling.BILINEAR))

    found = {name: scaled(channel) for name, channel in coverage.items()}
    return {"rgba": np.stack([scaled(rgba[..., c]) for c in range(4)], axis=-1), **found}


def _box(figure: int, part: str, coverage: np.ndarray) -> Box:
    there = coverage >= min(_EDGE, float(coverage.max()) / 2)
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return Box(figure, part, int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _known(place: Place, share: dict[str, float]) -> frozenset[str]:
    """The attributes that an eye can read off this figure, small as it is and with somebody before it."""
    names = set(visible(place.person)) - {"background", "backdrop", "eyes", "eyebrows"}
    if place.height < LEGIBLE:
        names -= {"mouth", "clothing", "lenses"}
    least = {"top": 0.7, "facial_hair": 0.7, "glasses": 0.7, "mouth": 0.8, "clothing": 0.5}
    hidden = {name for name, needed in least.items() if share.get(name, 1.0) < needed}
    for name, colours in (("clothing", {"clothing_colour"}), ("glasses", {"lenses"})):
        if name in hidden:
            names -= colours
    if hidden & {"top", "facial_hair"}:
        names -= {"hair_colour", "hat_colour"}
    return frozenset(names - hidden)


def _places(people: list[Person], size: int, rng: np.random.Generator) -> list[Place]:
    """Places inside the picture such that nobody covers another's head; from back to front."""
    largest = size * (0.75 - 0.08 * len(people))
    for attempt in range(500):
        limit = max(SMALLEST, round(largest * 0.97**attempt))
        placed: list[Place] = []
        for person in people:
            height = int(rng.integers(SMALLEST, limit + 1))
            spot = Place(person, 0, 0, height)
            xs = rng.integers(0, size - spot.width + 1, size=40).tolist()
            ys = rng.integers(0, size - height + 1, size=40).tolist()
            tries = (Place(person, x, y, height) for x, y in zip(xs, ys, strict=True))
            found = next((place for place in tries if all(_apart(place, other) for other in placed)), None)
            if found is None:
                break
            placed.append(found)
        else:
            return sorted(placed, key=_bottom)
    raise ValueError(f"{len(people)} people find no place in a picture of {size} pixels.")


def _bottom(place: Place) -> tuple[int, int]:
    """Whoever stands lower in the picture stands in front."""
    return place.y + place.height, place.x


def _apart(a: Place, b: Place) -> bool:
    """True where their heads lie apart and the one in front leaves the other's head free."""
    behind, front = sorted((a, b), key=_bottom)
    head = _area(behind, 0.08, 0.92, 0.0, 0.68)
    return not (_meet(head, _area(front, 0.08, 0.92, 0.0, 0.68)) or _meet(head, _area(front, 0.1, 0.9, 0.68, 1.0)))


def _area(place: Place, left: float, right: float, top: float, bottom: float) -> tuple[float, float, float, float]:
    return (
        place.x + left * place.width,
        place.y + top * place.height,
        place.x + right * place.width,
        place.y + bottom * place.height,
    )


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
