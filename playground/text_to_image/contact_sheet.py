"""A contact sheet: pictures in rows and columns with labels at the edges, in whatever script the labels are.

Pillow's own font knows little more than ASCII, so other letters are looked for in the fonts of the system; where none
has them, a label becomes a number, and the legend says what it stands for.

Invariants: Pillow alone; sizes in pixels; no picture is made smaller than it is unless the sheet would grow beyond
`MOST_SIDE`.
"""

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
# File names that Linux, Windows and macOS give fonts of many letters; those of the most come first.
SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf", "NotoSansSC-Regular.ttf",
    "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "msyh.ttc",
    "simhei.ttf", "PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Medium.ttc", "Arial Unicode.ttf", "DejaVuSans.ttf",
    "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "arial.ttf", "Arial.ttf",
)  # fmt: skip
_MISSING = "\U0010ffff"  # no font has it: what is drawn instead is the box
MOST_SIDE = 6_000
LEAST_CELL = 96  # small pictures are enlarged, or their labels would not fit
GAP = 6
PAPER, INK, EMPTY = (255, 255, 255), (30, 30, 30), (232, 232, 232)
_LINES = 3


def draw_sheet(
    pictures: Mapping[tuple[int, int], Image.Image], columns: Sequence[str], rows: Sequence[str]
) -> Image.Image:
    """Draw the sheet.

    Args:
        pictures: By (row, column), from 0; a missing one leaves its place empty.
        columns: The label over each column, "" for none.
        rows: The label before each row, "" for none.

    Returns:
        An RGB picture. Labels that no font of this machine can write are numbers on it; `info["labels"]` then says
        what they stand for, a line each.
    """
    width = max((image.width for image in pictures.values()), default=LEAST_CELL)
    height = max((image.height for image in pictures.values()), default=LEAST_CELL)
    scale = max(1, -(-LEAST_CELL // max(width, height)))  # whole, so that small pictures stay sharp
    fit = min(1.0, MOST_SIDE / (len(columns) * width * scale), MOST_SIDE / (len(rows) * height * scale))
    cell = (max(1, int(width * scale * fit)), max(1, int(height * scale * fit)))
    points = max(11, min(28, cell[0] // 12))
    font = font_for([*columns, *rows], points)
    over, before = replace_illegible(columns, font), replace_illegible(rows, font)
    heads = [_wrapped(label, font, cell[0] - GAP) for label in over]
    sides = [_wrapped(label, font, max(cell[0], 80)) for label in before]
    line = int(points * 1.35)
    top = GAP + line * max(len(head) for head in heads)
    left = GAP + max((int(font.getlength(text)) + GAP for side in sides for text in side if text), default=0)
    sheet = Image.new("RGB", (left + len(columns) * (cell[0] + GAP), top + len(rows) * (cell[1] + GAP) + GAP), PAPER)
    ink = ImageDraw.Draw(sheet)
    for column, head in enumerate(heads):
        x = left + column * (cell[0] + GAP)
        for number, text in enumerate(head):
            ink.text((x + (cell[0] - font.getlength(text)) / 2, number * line + GAP / 2), text, INK, font)
    for row, side in enumerate(sides):
        y = top + row * (cell[1] + GAP)
        for number, text in enumerate(side):
            ink.text((GAP, y + cell[1] / 2 + (number - len(side) / 2) * line), text, INK, font)
        for column in range(len(columns)):
            x = left + column * (cell[0] + GAP)
            image = pictures.get((row, column))
            if image is None:
                ink.rectangle((x, y, x + cell[0] - 1, y + cell[1] - 1), EMPTY)
                continue
            sheet.paste(_scaled(image.convert("RGB"), cell, scale * fit), (x, y))
    if legends := [*legend("column", columns, over), *legend("row", rows, before)]:
        sheet.info["labels"] = "\n".join(legends)
    return sheet


def font_for(labels: Sequence[str], points: int) -> Font:
    """The first font that has every letter of some labels; Pillow's own where none has.

    Args:
        labels: What is to be written.
        points: The font size.
    """
    own = ImageFont.load_default(size=points)
    if all(legible(label, own) for label in labels):
        return own
    for name in SYSTEM_FONTS:
        try:
            font = ImageFont.truetype(name, points)
        except OSError:  # not on this machine
            continue
        if all(legible(label, font) for label in labels):
            return font
    return own


def legible(text: str, font: Font) -> bool:
    """Whether a font has every letter of a text.

    Args:
        text: Any text.
        font: The font.
    """
    box = _glyph(_MISSING, font)
    return all(letter.isspace() or _glyph(letter, font) != box for letter in set(text))


def replace_illegible(labels: Sequence[str], font: Font) -> list[str]:
    """The labels, with "#3" in place of the third where a font has not its letters.

    Args:
        labels: In their order.
        font: What they are written in.
    """
    return [label if legible(label, font) else f"#{place}" for place, label in enumerate(labels, start=1)]


def legend(side: str, labels: Sequence[str], shown: Sequence[str]) -> list[str]:
    """What the numbers on one side of the sheet stand for, a line each.

    Args:
        side: "column" or "row".
        labels: The labels of that side.
        shown: What stands on the sheet for them.
    """
    return [f"{side} {short}: {label}" for label, short in zip(labels, shown, strict=True) if short != label]


def _glyph(letter: str, font: Font) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _scaled(image: Image.Image, cell: tuple[int, int], scale: float) -> Image.Image:
    size = (min(cell[0], max(1, round(image.width * scale))), min(cell[1], max(1, round(image.height * scale))))
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS)


def _wrapped(label: str, font: Font, width: int) -> list[str]:
    """At most three lines that fit into `width` pixels; what is longer ends in "…"."""
    lines = [""]
    for word in label.split():
        tried = f"{lines[-1]} {word}".strip()
        if font.getlength(tried) <= width or not lines[-1]:
            lines[-1] = tried
        else:
            lines.append(word)
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], f"{lines[_LINES - 1]}…"]
    return [_short(line, font, width) for line in lines]


def _short(line: str, font: Font, width: int) -> str:
    line = line[:200]
    while len(line) > 1 and font.getlength(line) > width:
        line = line.rstrip("…")[:-1] + "…"
    return line
