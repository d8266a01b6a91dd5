"""What the photographs' panel shows: pure functions from the service's events to component values."""

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
from playground.catalog import Entry
from playground.weights.types import State
from tabs.common.model_menu import state_text
from tabs.common.words import say, size_text


def model_line(entry: Entry, state: State, language: str) -> str:
    """What to know of the chosen model before it is asked for anything."""
    return say(
        language,
        "photo_model_line",
        licence=entry.licence,
        state=state_text(entry, state, language),
        memory=size_text(entry.memory_bytes),
        note=entry.note,
    )


def working_text(event: Progress, language: str) -> str:
    return say(language, f"photo_{event.stage}", done=event.done + 1, total=event.total)


def size_words(encoded: Encoded, language: str) -> str:
    """The size the model saw, and the original's where it was another."""
    width, height = encoded.size
    from_width, from_height = encoded.original
    key = "photo_scaled" if encoded.resized else "photo_size"
    return say(language, key, width=width, height=height, from_width=from_width, from_height=from_height)


def status_text(found: Reconstruction, language: str) -> str:
    """Size, latent, compression, likeness and time in one line."""
    encoded, figures = found.encoded, found.metrics
    shape = " × ".join(map(str, encoded.latent.shape))
    parts = [
        size_words(encoded, language),
        say(language, "photo_latent", shape=shape, numbers=figures.numbers),
        say(language, "photo_bpp", bpp=figures.bits_per_pixel, ratio=figures.ratio),
        say(language, "photo_psnr", psnr=figures.psnr, ssim=figures.ssim),
        say(language, "photo_seconds", seconds=figures.seconds),
    ]
    return " · ".join(parts)


def sheet_pictures(sheet: QuantizationSheet, language: str) -> list[tuple[Image.Image, str]]:
    """The pictures of a sheet with their figures as captions."""
    return [(picture, _row(bits, figures, language)) for bits, picture, figures in sheet.rows]


def way_pictures(found: Interpolation, language: str) -> list[tuple[Image.Image, str]]:
    """The pictures from one photograph to the other, each with how far it is."""
    last = len(found.frames) - 1
    return [(frame, say(language, "photo_way", percent=100 * n / last)) for n, frame in enumerate(found.frames)]


def moving_html(found: Interpolation) -> str:
    """The animation as an `img` whose data is in it; nothing in here came from a visitor as text."""
    data = base64.b64encode(found.animation).decode("ascii")
    return f'<img alt="" style="max-width: 100%; height: auto" src="data:image/webp;base64,{data}">'


def _row(bits: int, figures: ReconstructionMetrics, language: str) -> str:
    return say(language, "photo_row", bits=bits, bpp=figures.bits_per_pixel, psnr=figures.psnr)
