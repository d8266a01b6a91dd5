"""Component values of the photographs panel: pure functions of the service's events."""

import base64

from PIL import Image

from playground.autoencoders.types import (
    Encoded,
    Interpolation,
    Progress,
    QuantizationSheet,
    Reconstruction,
    ReconstructionMetrics,
)
from tabs.common.words import say


def progress_text(event: Progress, language: str) -> str:
    """What a job does now.

    Args:
        event: stage and step.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Words for the status line.
    """
    return say(language, f"photo_{event.stage}", done=event.done + 1, total=event.total)


def size_text(encoded: Encoded, language: str) -> str:
    """The size the model saw, and the original's where it was another.

    Args:
        encoded: the photograph.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Words.
    """
    width, height = encoded.size
    from_width, from_height = encoded.original
    key = "photo_scaled" if encoded.resized else "photo_size"
    return say(language, key, width=width, height=height, from_width=from_width, from_height=from_height)


def status_text(found: Reconstruction, language: str) -> str:
    """Size, latent, compression, quality and time in one line.

    Args:
        found: the reconstruction.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Words for the status line.
    """
    encoded, metrics = found.encoded, found.metrics
    shape = " × ".join(map(str, encoded.latent.shape))
    parts = [
        size_text(encoded, language),
        say(language, "photo_latent", shape=shape, numbers=metrics.numbers),
        say(language, "photo_bpp", bpp=metrics.bits_per_pixel, ratio=metrics.ratio),
        say(language, "photo_psnr", psnr=metrics.psnr, ssim=metrics.ssim),
        say(language, "photo_seconds", seconds=metrics.seconds),
    ]
    return " · ".join(parts)


def sheet_pictures(sheet: QuantizationSheet, language: str) -> list[tuple[Image.Image, str]]:
    """The pictures of a sheet with their metrics as captions.

    Args:
        sheet: one reconstruction per number of bits.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        (picture, caption) each.
    """
    return [(picture, _row(bits, metrics, language)) for bits, picture, metrics in sheet.rows]


def interpolation_pictures(found: Interpolation, language: str) -> list[tuple[Image.Image, str]]:
    """The pictures from one photograph to the other, each with its share of the way.

    Args:
        found: the interpolation.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        (picture, caption) each.
    """
    last = len(found.frames) - 1
    return [(frame, say(language, "photo_way", percent=100 * n / last)) for n, frame in enumerate(found.frames)]


def animation_html(found: Interpolation) -> str:
    """The animation as an `img` element with a data URI; nothing in here came from a visitor as text.

    Args:
        found: the interpolation.

    Returns:
        HTML.
    """
    data = base64.b64encode(found.animation).decode("ascii")
    return f'<img alt="" style="max-width: 100%; height: auto" src="data:image/webp;base64,{data}">'


def _row(bits: int, metrics: ReconstructionMetrics, language: str) -> str:
    words = say(language, "photo_bit" if bits == 1 else "photo_bit_count", n=bits)
    return say(language, "photo_row", bits=words, bpp=metrics.bits_per_pixel, psnr=metrics.psnr)
