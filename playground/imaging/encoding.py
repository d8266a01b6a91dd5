"""Pictures on their way out: JPEG for what moves, PNG for what is kept.

Invariants: a live picture must cost well under a frame's time, so it is enlarged and compressed once, in memory;
what a person saves is exact and carries how it was made.
"""

import base64
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

QUALITY = 90


def enlarge(array: np.ndarray, side: int) -> Image.Image:
    """(S, S, 3) uint8 as a picture whose longer side is `side` pixels; Catmull-Rom, smooth without ringing much."""
    image = Image.fromarray(np.ascontiguousarray(array))
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.BICUBIC)


def jpeg(array: np.ndarray, side: int) -> bytes:
    """JPEG bytes of (S, S, 3) uint8, its longer side `side` pixels; 4:4:4, so that thin coloured lines stay clean."""
    buffer = BytesIO()
    enlarge(array, side).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def data_uri(jpeg_bytes: bytes) -> str:
    """What an `img` element shows without asking the server again."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes).decode("ascii")


def png(image: Image.Image, text: dict[str, str]) -> bytes:
    """PNG bytes that carry `text` (keyword to words): tEXt where Latin-1 holds it, as other tools read, else iTXt."""
    chunks = PngInfo()
    for keyword, words in text.items():
        chunks.add_text(keyword, words)
    buffer = BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()
