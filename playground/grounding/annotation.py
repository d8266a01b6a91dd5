"""An answer as pictures: its boxes drawn into the picture, and what is inside each.

Invariants: RGB in, RGB out, in pixels of the original; Pillow alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from playground.grounding.boxes import to_pixels
from playground.grounding.palette import colour
from playground.grounding.types import ParsedAnswer

MAX_LABEL = 40  # characters


@dataclass(frozen=True)
class Crop:
    """What is inside one box; `name` is a file name made of numbers alone (`entity-01-box-02.png`)."""

    name: str
    phrase: str
    image: Image.Image


def draw_boxes(image: Image.Image, parsed: ParsedAnswer, labels: bool = True, width: int = 0) -> Image.Image:
    """A copy of an RGB picture with every box in its entity's colour, and its phrase and score at the upper edge.

    `width` is the line's in pixels; 0 suits it to the picture. A phrase in letters the built-in font lacks is shown as
    the entity's number, counted from 1.
    """
    drawn = image.convert("RGB").copy()
    pen = ImageDraw.Draw(drawn)
    line = width if width > 0 else max(2, round(min(image.size) / 200))
    font = ImageFont.load_default(max(11, round(min(image.size) / 32)))
    # All frames first: a label is never under another box's line.
    for number, _, _, (left, top, right, bottom) in _boxes(parsed, image.size):
        thick = min(line, max(1, min(right - left, bottom - top) // 2))
        pen.rectangle((left, top, right - 1, bottom - 1), outline=colour(number), width=thick)
    if not labels:
        return drawn
    for number, phrase, score, (left, top, _, _) in _boxes(parsed, image.size):
        text = _label(number, phrase, score)
        x0, y0, x1, y1 = pen.textbbox((0, 0), text, font=font)
        wide, high = round(x1 - x0) + 2 * line + 2, round(y1 - y0) + 2 * line
        x = max(0, min(left, image.width - wide))
        y = top - high if top >= high else top  # inside the box where there is no room above it
        pen.rectangle((x, y, x + wide - 1, y + high - 1), fill=colour(number))
        pen.text((x + line + 1 - x0, y + line - y0), text, fill="white", font=font)
    return drawn


def crops(image: Image.Image, parsed: ParsedAnswer) -> list[Crop]:
    """What is inside each box of a picture, in the order of entities and boxes."""
    found = []
    for number, entity in enumerate(parsed.entities, start=1):
        for place, box in enumerate(entity.boxes, start=1):
            part = image.crop(to_pixels(box, image.size))
            found.append(Crop(f"entity-{number:02d}-box-{place:02d}.png", entity.phrase, part))
    return found


def _boxes(
    parsed: ParsedAnswer, size: tuple[int, int]
) -> Iterator[tuple[int, str, float | None, tuple[int, int, int, int]]]:
    for number, entity in enumerate(parsed.entities):
        for box in entity.boxes:
            yield number, entity.phrase, box.score, to_pixels(box, size)


def _label(number: int, phrase: str, score: float | None) -> str:
    words = " ".join(phrase.split())
    if not words or any(not letter.isprintable() or ord(letter) > 0x24F for letter in words):
        words = str(number + 1)
    if len(words) > MAX_LABEL:
        words = words[: MAX_LABEL - 1] + "…"
    return words if score is None else f"{words} {score:.2f}"
