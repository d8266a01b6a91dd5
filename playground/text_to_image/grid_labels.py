"""In which letters the labels of a contact sheet are written: words in any script, and no boxes.

Invariants: Pillow alone. Its own font knows little more than ASCII, so other letters are looked for in the fonts
of the system; where none has them, a label becomes a number, and the legend says what it stands for.
"""

from collections.abc import Sequence

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
# File names that Linux, Windows and macOS give fonts of many letters; those of the most come first.
SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf", "NotoSansSC-Regular.ttf",
    "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "msyh.ttc",
    "simhei.ttf", "PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Medium.ttc", "Arial Unicode.ttf", "DejaVuSans.ttf",
    "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "arial.ttf", "Arial.ttf",
)  # fmt: skip
_NOTHING = "\U0010ffff"  # no font has it: what is drawn instead is the box


def font_for(labels: Sequence[str], points: int) -> Font:
    """The first font that has every letter of the labels; Pillow's own where none has."""
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
    """Whether the font has every letter of the text."""
    box = _drawn(_NOTHING, font)
    return all(letter.isspace() or _drawn(letter, font) != box for letter in set(text))


def numbered(labels: Sequence[str], font: Font) -> list[str]:
    """The labels, with "#3" in place of the third where the font has not its letters."""
    return [label if legible(label, font) else f"#{place}" for place, label in enumerate(labels, start=1)]


def legend(side: str, labels: Sequence[str], shown: Sequence[str]) -> list[str]:
    """What every number on a `side` ("column", "row") stands for."""
    return [f"{side} {short}: {label}" for label, short in zip(labels, shown, strict=True) if short != label]


def _drawn(letter: str, font: Font) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
