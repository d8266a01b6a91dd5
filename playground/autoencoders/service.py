"""The autoencoders' verbs on photographs: reconstruct, how few bits do, from one to another.

Invariants: every verb checks its arguments at once and returns a `Job`; the model works on pictures of any size,
padded to whole latent pixels and cut back.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from playground.autoencoders import latent_operations as latents
from playground.autoencoders.options import AutoencoderOptions
from playground.autoencoders.types import (
    UNCHANGED,
    Changes,
    Encoded,
    Event,
    Figures,
    Interpolation,
    Reconstruction,
    Sheet,
    Working,
)
from playground.catalog import Catalog, Entry
from playground.errors import UserError
from playground.imaging import animation, metrics, uploads
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Job, Worker

if TYPE_CHECKING:
    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

LEAST_SIDE = 64  # pixels of the longer side that the model sees
USUAL_SIDE = 512
SHEET_BITS = tuple(range(1, latents.MOST_BITS + 1))
MOST_FRAMES = 48
ANIMATION_SIDE = 512
FPS = 12


class AutoencoderService:
    """Photographs through any autoencoder of the catalogue, in the line of the device."""

    def __init__(self, catalog: Catalog, models: ModelCache, worker: Worker) -> None:
        self.catalog = catalog
        self._models = models
        self._worker = worker

    def entries(self) -> list[Entry]:
        """The autoencoders for photographs, in the catalogue's order."""
        return [entry for entry in self.catalog.of_tab("vae") if isinstance(entry.options, AutoencoderOptions)]

    def entry(self, model_id: str) -> Entry:
        """The autoencoder of an id. Raises `UserError` for an unknown id or a model of another kind."""
        entry = self.catalog.get(model_id)
        if not isinstance(entry.options, AutoencoderOptions):
            known = ", ".join(other.id for other in self.entries())
            raise UserError(f"{entry.label} is no autoencoder for photographs. Choose one of: {known}.")
        return entry

    def reconstruct(
        self,
        visitor: str,
        model_id: str,
        image: Image.Image,
        changes: Changes = UNCHANGED,
        longest: int = USUAL_SIDE,
        encoded: Encoded | None = None,
    ) -> Job[Event]:
        """Encode, change the latent, decode: yields `Working`, at last a `Reconstruction`.

        `image` is upright RGB (`intake.read`) of any size; made smaller first if a side exceeds `longest`. `encoded`
        of an earlier call with the same picture, model and size spares the encoder.
        """
        entry = self.entry(model_id)
        longest = checked_side(entry, longest)

        def work(task: Task) -> Iterator[Event]:
            began = time.monotonic()
            known = encoded if encoded is not None and _is_of(encoded, entry, image, longest) else None
            if known is None:
                yield Working("encode", 0, 3)
                known = self._encode(entry, image, longest, task)
            yield Working("decode", 1, 3)
            after = self._decode(entry, known, latents.apply(known.latent, changes), task)
            yield Working("measure", 2, 3)
            yield Reconstruction(known, after, _figures(known, after, changes.bits, time.monotonic() - began))

        return self._worker.submit(visitor, work)

    def bit_sheet(
        self,
        visitor: str,
        model_id: str,
        image: Image.Image,
        changes: Changes = UNCHANGED,
        longest: int = USUAL_SIDE,
        encoded: Encoded | None = None,
    ) -> Job[Event]:
        """The same photograph with 1 to 8 bits a number of the latent: yields `Working`, at last a `Sheet`."""
        entry = self.entry(model_id)
        longest = checked_side(entry, longest)

        def work(task: Task) -> Iterator[Event]:
            total = 1 + len(SHEET_BITS)
            known = encoded if encoded is not None and _is_of(encoded, entry, image, longest) else None
            if known is None:
                yield Working("encode", 0, total)
                known = self._encode(entry, image, longest, task)
            rows = []
            for done, bits in enumerate(SHEET_BITS, start=1):
                yield Working("decode", done, total)
                began = time.monotonic()
                fewer = Changes(changes.gain, bits, changes.noise, changes.seed)
                after = self._decode(entry, known, latents.apply(known.latent, fewer), task)
                rows.append((bits, after, _figures(known, after, bits, time.monotonic() - began)))
            yield Sheet(known, tuple(rows))

        return self._worker.submit(visitor, work)

    def interpolate(
        self,
        visitor: str,
        model_id: str,
        first: Image.Image,
        second: Image.Image,
        count: int = 12,
        longest: int = USUAL_SIDE,
    ) -> Job[Event]:
        """From one photograph to another through the latent in `count` pictures: `Working`, then an `Interpolation`.

        The second is cut to the shape of the first. The animation runs there and back.
        """
        entry = self.entry(model_id)
        longest = checked_side(entry, longest)
        if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST_FRAMES:
            raise UserError(f"The number of pictures must be a whole number from 2 to {MOST_FRAMES}.")

        def work(task: Task) -> Iterator[Event]:
            total = 3 + count
            yield Working("encode", 0, total)
            a = self._encode(entry, first, longest, task)
            yield Working("encode", 1, total)
            b = self._encode(entry, ImageOps.fit(second, a.worked, Image.Resampling.LANCZOS), longest, task)
            frames = []
            for number in range(count):
                yield Working("decode", 2 + number, total)
                latent = latents.between(a.latent, b.latent, number / (count - 1))
                frames.append(self._decode(entry, a, latent, task))
            yield Working("measure", 2 + count, total)
            there_and_back = [*frames, *frames[-2:0:-1]]
            side = min(ANIMATION_SIDE, max(a.worked))
            arrays = (uploads.to_array(frame) for frame in there_and_back)
            moving = animation.webp(arrays, FPS, side, task, count=len(there_and_back))
            yield Interpolation(tuple(frames), moving)

        return self._worker.submit(visitor, work)

    def _encode(self, entry: Entry, image: Image.Image, longest: int, task: Task) -> Encoded:
        before = _fitted(image, longest)

        def encode(network: "PhotoAutoencoder") -> np.ndarray:
            return network.encode(_padded(uploads.to_array(before), network.factor), task)

        latent = self._models.run(ModelKey(entry.id), encode, task, _working_bytes(entry, before))
        return Encoded(entry.id, before, latent, image.size)

    def _decode(self, entry: Entry, encoded: Encoded, latent: np.ndarray, task: Task) -> Image.Image:
        """The picture of a latent, cut back to the size of what was encoded."""
        working = _working_bytes(entry, encoded.before)
        picture = self._models.run(ModelKey(entry.id), lambda network: network.decode(latent, task), task, working)
        width, height = encoded.worked
        return uploads.from_array(picture[:height, :width])


def checked_side(entry: Entry, value: object) -> int:
    """The longer side a page or a program asks for. Raises `UserError`."""
    most = AutoencoderOptions.of(entry).longest_side
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_SIDE <= value <= most:
        raise UserError(f"With {entry.label} the longer side must be from {LEAST_SIDE} to {most} pixels.")
    return int(value)


def _fitted(image: Image.Image, longest: int) -> Image.Image:
    """The picture itself, or a smaller one whose longer side is `longest`."""
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _padded(picture: np.ndarray, factor: int) -> np.ndarray:
    """(H, W, 3) with both sides whole multiples of `factor`: the last row and column are repeated."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, -height % factor), (0, -width % factor), (0, 0)), mode="edge")


def _is_of(encoded: Encoded, entry: Entry, image: Image.Image, longest: int) -> bool:
    """Whether it is this picture's latent in this model: pixels are compared, not names."""
    return (
        encoded.model_id == entry.id
        and encoded.original == image.size
        and np.array_equal(uploads.to_array(encoded.before), uploads.to_array(_fitted(image, longest)))
    )


def _figures(encoded: Encoded, after: Image.Image, bits: int, seconds: float) -> Figures:
    before, back = uploads.to_array(encoded.before), uploads.to_array(after)
    width, height = encoded.worked
    size = latents.bits_per_pixel(encoded.latent, bits, width * height)
    return Figures(
        numbers=encoded.latent.size,
        bits_per_number=bits or 32,
        bits_per_pixel=size,
        ratio=24 / size,
        psnr=metrics.psnr(before, back),
        ssim=metrics.ssim(before, back),
        seconds=seconds,
    )


def _working_bytes(entry: Entry, picture: Image.Image) -> int:
    return AutoencoderOptions.of(entry).working_bytes_per_pixel * picture.width * picture.height
