"""The contact sheet of `avatar-minigpt`: held-out pictures, what was asked, and the boxes that came.

Invariants: the first pictures and the first questions there are, right or wrong; drawn with the app's own pen.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from playground.drawn_world.questions import ask, detect, grounded, identify, refer
from playground.drawn_world.sampling import Split, seeds
from playground.grounding.annotation import draw_boxes
from playground.training.evaluation.minigpt import SIZE, answered
from playground.training.recipes import minigpt
from playground.training.shards import drawn_group

ROWS, SIDE, HEAD = 6, 288, 58  # pictures; pixels of a picture, and of the words above it


def grounding_sheet(models: Path) -> np.ndarray:
    """A row a picture: a grounded caption, two things referred to, one detected, a box identified, a question."""
    drawn = [drawn_group(seed, SIZE) for seed in seeds(Split.HELD_OUT, ROWS)]
    rng = np.random.default_rng(7)
    kinds = (grounded, refer, refer, detect, identify, ask)
    asked = []
    for row, (_, record) in enumerate(drawn):
        for kind in kinds:
            found = next(found for _ in range(99) if (found := kind(record, SIZE, rng)) is not None)
            asked.append((row, found))
    images = np.stack([image for image, _ in drawn])
    judged = answered(minigpt.load(models / "avatar-minigpt"), images, asked)
    sheet = Image.new("RGB", (len(kinds) * SIDE, ROWS * (SIDE + HEAD)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, one in enumerate(judged):
        x, y = number % len(kinds) * SIDE, number // len(kinds) * (SIDE + HEAD)
        picture = Image.fromarray(images[one.row]).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(draw_boxes(picture, one.parsed, labels=False), (x, y + HEAD))
        pen.text((x + 4, y + 3), _wrapped(f"{one.asked.prompt}\n= {one.parsed.text or one.raw}", font), "black", font)
    return np.asarray(sheet)


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """At most four lines that fit above a picture."""
    lines: list[str] = []
    for part in text.split("\n"):
        line = ""
        for word in part.split():
            if font.getlength(f"{line} {word}") > SIDE - 8:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
        lines.append(line)
    return "\n".join(lines[:4])
