"""The texts that a picture's file carries beside its pixels: PNG chunks, EXIF and GIF comments.

Invariants: limits before work. Texts before the pixels are found without decoding any; a damaged EXIF block or
text counts as none.
"""

from contextlib import nullcontext
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from playground.errors import UserError
from playground.imaging.uploads import BROKEN, FORMATS, MAX_BYTES, MAX_PIXELS

_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_MOST_TEXT = 2_000_000  # characters of one text that are handed on


def embedded_texts(source: str | Path | Image.Image) -> dict[str, str]:
    """The texts of a picture by keyword.

    Args:
        source: A file, or an opened picture.

    Returns:
        PNG texts by their keywords, "UserComment" of EXIF, "comment" of GIF and JPEG; each at most 2 million
        characters.

    Raises:
        UserError: The file is no picture, damaged or too large.
    """
    try:
        with nullcontext(source) if isinstance(source, Image.Image) else _open(Path(source)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(
                    f"This picture has {image.width} × {image.height} pixels; {MAX_PIXELS / 1e6:.0f} million is the "
                    "most that is read."
                )
            texts = _info_texts(image)
            if image.format == "PNG" and "parameters" not in texts:
                image.load()  # some tools write their text behind the pixels
                texts = _info_texts(image)
            return texts | _user_comment(image)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UserError(
            "This file is not a picture that can be read here. Drop a PNG, JPEG or WebP that a text-to-image tool "
            "saved."
        ) from error
    except BROKEN as error:
        raise UserError(
            "This picture is damaged or cut short, so its settings cannot be read. Save or download it again."
        ) from error


def _open(path: Path) -> Image.Image:
    if path.stat().st_size > MAX_BYTES:
        raise UserError(
            f"This file has {path.stat().st_size / 1e6:.0f} MB; {MAX_BYTES / 1e6:.0f} MB is the most that is read."
        )
    return Image.open(path, formats=FORMATS)


def _info_texts(image: Image.Image) -> dict[str, str]:
    texts = {}
    for keyword, value in image.info.items():
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) and keyword == "comment" else value
        if isinstance(keyword, str) and isinstance(text, str):
            texts[keyword] = text[:_MOST_TEXT]
    return texts


def _user_comment(image: Image.Image) -> dict[str, str]:
    try:
        value = image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    except BROKEN:
        return {}
    if isinstance(value, str):
        return {"UserComment": value[:_MOST_TEXT]}
    return {"UserComment": _decode_user_comment(value[: 2 * _MOST_TEXT])} if isinstance(value, bytes) else {}


def _decode_user_comment(value: bytes) -> str:
    """The text of a `UserComment`: eight bytes name the character set (EXIF 2.3, 4.6.5), then the text follows.

    "UNICODE" leaves the byte order open: most tools write big-endian, some the file's. The one with fewer characters
    outside the Basic Latin block is right, since the settings' own keys are Latin.
    """
    head, body = value[:8], value[8:]
    if head.startswith(b"UNICODE"):
        if body[:2] in (b"\xfe\xff", b"\xff\xfe"):
            return body.decode("utf-16", "replace")
        readings = [body.decode(order, "replace") for order in ("utf-16-be", "utf-16-le")]
        return min(readings, key=lambda text: sum(letter > "\x7f" for letter in text))
    if head.rstrip(b"\0") in (b"ASCII", b"JIS", b""):
        return body.decode("utf-8", "replace").strip("\0")
    return value.decode("utf-8", "replace").strip("\0")
