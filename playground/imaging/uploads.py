"""Read uploaded pictures safely: an upright RGB picture, or a `UserError` that says why not.

Invariants: limits are checked before a pixel is decoded. A file's metadata (place, camera, owner) is dropped: what
`read` returns holds pixels alone.
"""

import struct
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from playground.errors import UserError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # none that starts another program (EPS)
MAX_PIXELS = 50_000_000  # a phone's largest photograph; 150 MB decoded
MAX_BYTES = 64_000_000
MIN_SIDE = 8  # pixels
ORIENTATION = 0x0112  # EXIF
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's readers raise for bytes that are not what they claim to be.
BROKEN = (
    OSError, RuntimeError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError,
    TypeError, OverflowError, ZeroDivisionError,
)  # fmt: skip


@dataclass(frozen=True)
class Crop:
    """A square of `side` pixels at (`left`, `top`) of an upright original of `width` x `height` pixels."""

    left: int
    top: int
    side: int
    width: int
    height: int


def read(source: str | Path | Image.Image) -> Image.Image:
    """Read a picture as upright RGB.

    EXIF orientation and colour profile are applied, transparency is composited over white, palettes, CMYK and 16 bits
    are converted; of an animation the first frame is taken.

    Args:
        source: a file's path, or a picture opened already.

    Returns:
        RGB without metadata.

    Raises:
        UserError: not a picture, damaged, too large (`MAX_PIXELS`) or below `MIN_SIDE` pixels.
    """
    try:
        with nullcontext(source) if isinstance(source, Image.Image) else _open(Path(source)) as image:
            _check_size(image)
            image.load()
            orientation = _orientation(image)
    except Image.DecompressionBombError as error:
        raise UserError(_too_large("It")) from error
    except UnidentifiedImageError as error:
        raise UserError(
            "This file is not a picture that can be read here. JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF can; save "
            "others (HEIC, SVG, PDF, RAW) as JPEG or PNG first."
        ) from error
    except BROKEN as error:
        raise UserError(
            "This picture is damaged or cut short, so it cannot be read. Save or download it again, or try another."
        ) from error
    return _upright_rgb(image, orientation)


def square(image: Image.Image, size: int, crop: Crop | None = None) -> tuple[Image.Image, Crop]:
    """Crop a square and resize it.

    Args:
        image: upright RGB.
        size: pixels of the result's side.
        crop: which square; None for the centre.

    Returns:
        The picture of `size` x `size` pixels, and which crop it is.

    Raises:
        UserError: the crop was made for a picture of another size, or lies outside.
    """
    if crop is None:
        side = min(image.size)
        crop = Crop((image.width - side) // 2, (image.height - side) // 2, side, image.width, image.height)
    inside = 0 <= crop.left <= image.width - crop.side and 0 <= crop.top <= image.height - crop.side
    if (crop.width, crop.height) != image.size or crop.side < 1 or not inside:
        raise UserError("This crop does not belong to this picture. Choose the crop again.")
    box = (crop.left, crop.top, crop.left + crop.side, crop.top + crop.side)
    # Cropped first, or the filter would take in what lies beyond the edge. reducing_gap: first by whole factors.
    return image.crop(box).resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0), crop


def to_array(image: Image.Image) -> np.ndarray:
    """Picture to array.

    Args:
        image: any picture.

    Returns:
        (H, W, 3) uint8, a copy.
    """
    return np.array(image.convert("RGB"), dtype=np.uint8)


def from_array(array: np.ndarray) -> Image.Image:
    """Array to picture.

    Args:
        array: (H, W, 3) uint8.

    Returns:
        RGB.
    """
    return Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8))


def _open(path: Path) -> Image.Image:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UserError(
            f"This file has {size / 1e6:.0f} MB; {MAX_BYTES / 1e6:.0f} MB is the most that is read. Save the "
            "picture as JPEG, or make it smaller."
        )
    return Image.open(path, formats=FORMATS)


def _check_size(image: Image.Image) -> None:
    """Of a picture whose header alone was read."""
    if image.width * image.height > MAX_PIXELS:
        raise UserError(_too_large(f"With {image.width} × {image.height} pixels it"))
    if min(image.size) < MIN_SIDE:
        raise UserError(
            f"This picture has {image.width} × {image.height} pixels, and there is nothing to see in it. Both sides "
            f"need at least {MIN_SIDE}."
        )


def _upright_rgb(image: Image.Image, orientation: int) -> Image.Image:
    rgb = _rgb(_to_srgb(image))
    turn = UPRIGHT.get(orientation)
    rgb = rgb.transpose(turn) if turn is not None else rgb
    clean = Image.new("RGB", rgb.size)  # without the file's metadata
    clean.paste(rgb)
    return clean


def _orientation(image: Image.Image) -> int:
    """1..8; a damaged EXIF block counts as none, since the picture itself may well be whole."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except BROKEN:
        return 1
    return value if isinstance(value, int) else 1


def _to_srgb(image: Image.Image) -> Image.Image:
    """Colours as a browser shows them: an embedded colour profile (Display P3, Adobe RGB, …) is applied.

    A profile that is damaged or of another kind of picture is passed over, as browsers do.
    """
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    colours = image.convert("RGB") if image.mode == "RGBA" else image
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, *BROKEN):
        return image
    assert converted is not None  # only a change in place gives nothing back
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_deep(image)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        white = Image.new("RGB", seen.size, "white")
        white.paste(seen, mask=seen.getchannel("A"))
        return white
    return image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """Greys of 16 bits and more, or of floats in 0..1, to 8 bits. Pillow itself would clip them at 255."""
    values = np.asarray(image).astype(np.float64)
    full = 1.0 if image.mode == "F" and np.nanmax(values) <= 1 else 255.0 if image.mode == "F" else 65535.0
    grey = np.nan_to_num(values / full, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)
    return Image.fromarray((grey * 255).round().astype(np.uint8)).convert("RGB")


def _too_large(subject: str) -> str:
    limit = f"{MAX_PIXELS / 1e6:.0f} million pixels"
    return f"This picture is too large. {subject} has more than the {limit} that are read. Make it smaller first."
