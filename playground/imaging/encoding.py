"""Encode pictures: JPEG for live frames, PNG for saved files.

Invariants: a live frame must cost well under a frame's time, so it is enlarged and compressed once, in memory; a saved
picture is exact and carries its settings.
"""

import base64
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

QUALITY = 90


def enlarge(array: np.ndarray, side: int) -> Image.Image:
    """Resize by Catmull-Rom interpolation, which is smooth without much ringing.

    Args:
        array: (H, W, 3) uint8.
        side: pixels of the longer side of the result.

    Returns:
        An RGB picture.
    """
    image = Image.fromarray(np.ascontiguousarray(array))
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.BICUBIC)


def jpeg(array: np.ndarray, side: int) -> bytes:
    """Encode as JPEG, 4:4:4, so that thin coloured lines stay clean.

    Args:
        array: (H, W, 3) uint8.
        side: pixels of the longer side of the result.

    Returns:
        JPEG bytes.
    """
    buffer = BytesIO()
    enlarge(array, side).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def data_uri(jpeg_bytes: bytes) -> str:
    """A data URI for an `img` element.

    Args:
        jpeg_bytes: JPEG file.

    Returns:
        "data:image/jpeg;base64,…".
    """
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes).decode("ascii")


def png(image: Image.Image, text: dict[str, str]) -> bytes:
    """Encode as PNG with text chunks: tEXt where Latin-1 can hold the text, as other tools read, else iTXt.

    Args:
        image: any picture.
        text: keyword to text.

    Returns:
        PNG bytes.
    """
    chunks = PngInfo()
    for keyword, words in text.items():
        chunks.add_text(keyword, words)
    buffer = BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()
