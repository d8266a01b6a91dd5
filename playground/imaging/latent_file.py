"""Save and load a latent: as JSON, or inside the PNG of its own picture.

Invariants: a file is untrusted until all of it is checked: size, version, kind, every number. `dumps` and `loads` are
exact inverses.

The PNG holds the same JSON in an uncompressed iTXt chunk, which is found by walking the chunks: no pixel is decoded
and nothing is inflated, so a small file cannot become a large one.
"""

import json
import math
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from playground.errors import UserError

Kind = Literal["vae", "gan"]
FORMAT = "aigc-playground latent"
VERSION = 1
KEYWORD = "aigc-playground"  # of the PNG's chunk
MAX_BYTES = 2_000_000  # of the JSON
MAX_PNG_BYTES = 64_000_000
MAX_NUMBERS = 65_536
MAX_AXES = 4
MAX_ABS = 1e6  # a latent lies within a few standard deviations of 0
PNG = b"\x89PNG\r\n\x1a\n"
MADE_HERE = "Load a latent that was saved by this app."


@dataclass(frozen=True)
class LatentFile:
    """Contents of a latent file.

    Attributes:
        kind: "vae" or "gan".
        model: the catalogue id of the model it belongs to.
        latent: nested lists of numbers.
        extra: settings saved beside it, not checked here.
    """

    kind: Kind
    model: str
    latent: list[Any]
    extra: dict[str, Any] = field(default_factory=dict)


def dumps(file: LatentFile) -> str:
    """Serialise as JSON.

    Args:
        file: what to save.

    Returns:
        JSON text.

    Raises:
        ValueError: numbers that are not finite.
    """
    head = {"format": FORMAT, "version": VERSION, "kind": file.kind, "model": file.model}
    return json.dumps({**head, "latent": file.latent, "extra": file.extra}, allow_nan=False, ensure_ascii=False)


def loads(text: str | bytes) -> LatentFile:
    """Parse and check JSON.

    Args:
        text: the file's content.

    Returns:
        What `dumps` was given.

    Raises:
        UserError: anything `dumps` would not have written.
    """
    if len(text) > MAX_BYTES:
        raise UserError(f"This file is too large for a latent ({len(text) / 1e6:.1f} MB). {MADE_HERE}")
    try:
        data = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError and a JSONDecodeError are ValueErrors
        raise UserError(f"This file is not valid JSON, or holds numbers that are none. {MADE_HERE}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UserError(f"This JSON file holds no latent. {MADE_HERE}")
    if data.get("version") != VERSION:
        raise UserError("This latent was saved by another version of this app, which writes it differently.")
    kind, model, latent, extra = (data.get(key) for key in ("kind", "model", "latent", "extra"))
    named = kind in ("vae", "gan") and isinstance(model, str) and 0 < len(model) <= 128
    if not named or not isinstance(extra, dict) or _shape(latent) is None:
        raise UserError(f"This latent is damaged: its kind, model or numbers are not what they must be. {MADE_HERE}")
    return LatentFile(kind, model, latent, extra)  # type: ignore[arg-type]  # just checked


def check_latent(file: LatentFile, kind: Kind, model: str, shape: tuple[int, ...]) -> np.ndarray:
    """The latent of a file for a certain model.

    Args:
        file: what was loaded.
        kind: the tab's kind.
        model: the catalogue id of the model in use.
        shape: of that model's latents.

    Returns:
        An array of `shape`, float32.

    Raises:
        UserError: another kind, another model, or another shape.
    """
    if file.kind != kind:
        other = "VAE" if file.kind == "vae" else "GAN"
        raise UserError(f"This latent belongs to the {other} tab. Load it there.")
    if file.model != model:
        raise UserError(
            f"This latent was made by “{file.model[:80]}”, not by “{model}”. Choose that model, then load it."
        )
    found = _shape(file.latent)
    if found != shape:
        raise UserError(
            f"This latent has {_shape_text(found or ())} numbers, and the model works with {_shape_text(shape)}."
        )
    return np.array(file.latent, dtype=np.float32)


def png_with_latent(image: Image.Image, file: LatentFile) -> bytes:
    """Encode a picture as PNG with its latent inside.

    Args:
        image: the picture.
        file: its latent.

    Returns:
        PNG bytes.
    """
    chunks = PngInfo()
    chunks.add_itxt(KEYWORD, dumps(file))
    buffer = BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def read_latent_file(path: str | Path) -> LatentFile:
    """Read a JSON file, or a PNG that carries a latent.

    Args:
        path: the file.

    Returns:
        Its contents.

    Raises:
        UserError: the file holds no latent, or is too large.
    """
    path = Path(path)
    with path.open("rb") as file:
        if file.read(len(PNG)) != PNG:
            file.seek(0)
            return loads(file.read(MAX_BYTES + 1))
    if path.stat().st_size > MAX_PNG_BYTES:
        raise UserError(f"This PNG is too large to be one of this app's. {MADE_HERE}")
    text = _find_chunk(path)
    if text is None:
        raise UserError(
            "This PNG carries no latent. Only pictures saved by this app do, and only as long as no other program "
            "(a messenger, a screenshot) has written them anew."
        )
    return loads(text)


def _find_chunk(path: Path) -> bytes | None:
    """The text of our iTXt chunk: length, type, data, CRC, one after the other (PNG specification, section 5.3)."""
    with path.open("rb") as file:
        file.seek(len(PNG))
        while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
            length = int.from_bytes(head[:4], "big")
            if head[4:] != b"iTXt" or length > MAX_BYTES:
                file.seek(length + 4, 1)
                continue
            # keyword \0 compression-flag compression-method language \0 translated-keyword \0 text
            keyword, _, rest = file.read(length).partition(b"\0")
            file.seek(4, 1)
            parts = rest[2:].split(b"\0", 2)
            if keyword == KEYWORD.encode() and rest[:1] == b"\0" and len(parts) == 3:
                return parts[2]
    return None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def _shape(latent: Any) -> tuple[int, ...] | None:
    """The shape of nested lists of numbers, or None if they are ragged, too many, too large or no numbers at all."""
    shape: tuple[int, ...] = ()
    level: list[Any] = [latent]
    while isinstance(level[0], list):
        count = len(level[0])
        if len(shape) == MAX_AXES or not count or count * len(level) > MAX_NUMBERS:
            return None
        if not all(isinstance(part, list) and len(part) == count for part in level):
            return None
        shape = (*shape, count)
        level = [item for part in level for item in part]
    if not shape or not all(type(item) in (int, float) and abs(item) <= MAX_ABS for item in level):
        return None  # `type`: True is an int too, and no coordinate
    return shape


def _shape_text(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
