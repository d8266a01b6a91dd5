"""The autoencoder service: reconstruct photographs, quantize their latents, interpolate between two.

Invariants: every method validates its arguments at once and returns a `Job`; pictures of any size are padded to whole
latent pixels and cropped back.
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
    Encoded,
    Event,
    Interpolation,
    LatentChanges,
    Progress,
    QuantizationSheet,
    Reconstruction,
    ReconstructionMetrics,
)
from playground.catalog import Catalog, Entry
from playground.errors import UserError
from playground.imaging import animation, metrics, uploads
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Job, Worker
from playground.validation import validate_number, validate_whole

if TYPE_CHECKING:
    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

MIN_SIDE = 64  # pixels of the longer side that the model sees
DEFAULT_SIDE = 512
SHEET_BITS = tuple(range(1, latents.MAX_BITS + 1))
MAX_FRAMES = 48
ANIMATION_SIDE = 512
FPS = 12


class AutoencoderService:
    """Photographs through any autoencoder of the catalogue.

    Args:
        catalog: the known models.
        models: leases loaded models.
        worker: runs jobs, one at a time per device.
    """

    def __init__(self, catalog: Catalog, models: ModelCache, worker: Worker) -> None:
        self.catalog = catalog
        self._models = models
        self._worker = worker

    def entries(self) -> list[Entry]:
        """The autoencoders for photographs, in the catalogue's order."""
        return [entry for entry in self.catalog.of_tab("vae") if isinstance(entry.options, AutoencoderOptions)]

    def entry(self, model_id: str) -> Entry:
        """The catalogue entry of an autoencoder.

        Args:
            model_id: its catalogue id.

        Returns:
            The entry.

        Raises:
            UserError: an unknown id, or a model of another family.
        """
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
        changes: LatentChanges = UNCHANGED,
        longest: int = DEFAULT_SIDE,
        encoded: Encoded | None = None,
    ) -> Job[Event]:
        """Encode, change the latent, decode.

        Args:
            visitor: whose turn in the line it is.
            model_id: an autoencoder's catalogue id.
            image: upright RGB (`imaging.uploads.read`) of any size.
            changes: applied to the latent.
            longest: pixels of the longer side; larger pictures are made smaller first.
            encoded: of an earlier call; spares the encoder if picture, model and size are the same.

        Returns:
            A job that yields `Progress`, at last a `Reconstruction`.

        Raises:
            UserError: arguments out of range.
        """
        entry = self.entry(model_id)
        longest = validate_side(entry, longest)

        def work(task: Task) -> Iterator[Event]:
            began = time.monotonic()
            source = encoded if encoded is not None and _matches(encoded, entry, image, longest) else None
            if source is None:
                yield Progress("encode", 0, 3)
                source = self._encode(entry, image, longest, task)
            yield Progress("decode", 1, 3)
            after = self._decode(entry, source, latents.apply_changes(source.latent, changes), task)
            yield Progress("measure", 2, 3)
            yield Reconstruction(source, after, _measure(source, after, changes.bits, time.monotonic() - began))

        return self._worker.submit(visitor, work)

    def quantization_sheet(
        self,
        visitor: str,
        model_id: str,
        image: Image.Image,
        changes: LatentChanges = UNCHANGED,
        longest: int = DEFAULT_SIDE,
        encoded: Encoded | None = None,
    ) -> Job[Event]:
        """Reconstruct a photograph with 1 to 8 bits per number of the latent.

        Args:
            visitor: whose turn in the line it is.
            model_id: an autoencoder's catalogue id.
            image: upright RGB of any size.
            changes: applied to the latent, with its bits replaced.
            longest: pixels of the longer side; larger pictures are made smaller first.
            encoded: of an earlier call; spares the encoder if picture, model and size are the same.

        Returns:
            A job that yields `Progress`, at last a `QuantizationSheet`.

        Raises:
            UserError: arguments out of range.
        """
        entry = self.entry(model_id)
        longest = validate_side(entry, longest)

        def work(task: Task) -> Iterator[Event]:
            total = 1 + len(SHEET_BITS)
            source = encoded if encoded is not None and _matches(encoded, entry, image, longest) else None
            if source is None:
                yield Progress("encode", 0, total)
                source = self._encode(entry, image, longest, task)
            rows = []
            for done, bits in enumerate(SHEET_BITS, start=1):
                yield Progress("decode", done, total)
                began = time.monotonic()
                fewer = LatentChanges(changes.gain, bits, changes.noise, changes.seed)
                after = self._decode(entry, source, latents.apply_changes(source.latent, fewer), task)
                rows.append((bits, after, _measure(source, after, bits, time.monotonic() - began)))
            yield QuantizationSheet(source, tuple(rows))

        return self._worker.submit(visitor, work)

    def interpolate(
        self,
        visitor: str,
        model_id: str,
        first: Image.Image,
        second: Image.Image,
        count: int = 12,
        longest: int = DEFAULT_SIDE,
    ) -> Job[Event]:
        """Interpolate from one photograph to another in the latent space; the animation runs there and back.

        Args:
            visitor: whose turn in the line it is.
            model_id: an autoencoder's catalogue id.
            first: upright RGB of any size.
            second: likewise; cropped to the shape of the first.
            count: pictures, both ends included, 2 to 48.
            longest: pixels of the longer side; larger pictures are made smaller first.

        Returns:
            A job that yields `Progress`, at last an `Interpolation`.

        Raises:
            UserError: arguments out of range.
        """
        entry = self.entry(model_id)
        longest = validate_side(entry, longest)
        count = validate_whole(count, "The number of pictures", 2, MAX_FRAMES)

        def work(task: Task) -> Iterator[Event]:
            total = 3 + count
            yield Progress("encode", 0, total)
            a = self._encode(entry, first, longest, task)
            yield Progress("encode", 1, total)
            b = self._encode(entry, ImageOps.fit(second, a.size, Image.Resampling.LANCZOS), longest, task)
            frames = []
            for number in range(count):
                yield Progress("decode", 2 + number, total)
                latent = latents.lerp(a.latent, b.latent, number / (count - 1))
                frames.append(self._decode(entry, a, latent, task))
            yield Progress("measure", 2 + count, total)
            there_and_back = [*frames, *frames[-2:0:-1]]
            side = min(ANIMATION_SIDE, max(a.size))
            arrays = (uploads.to_array(frame) for frame in there_and_back)
            moving = animation.webp(arrays, FPS, side, task, count=len(there_and_back))
            yield Interpolation(tuple(frames), moving)

        return self._worker.submit(visitor, work)

    def _encode(self, entry: Entry, image: Image.Image, longest: int, task: Task) -> Encoded:
        before = _resize(image, longest)

        def encode(network: "PhotoAutoencoder") -> np.ndarray:
            return network.encode(_pad(uploads.to_array(before), network.factor), task)

        latent = self._models.run(ModelKey(entry.id), encode, task, _activation_bytes(entry, before))
        return Encoded(entry.id, before, latent, image.size)

    def _decode(self, entry: Entry, encoded: Encoded, latent: np.ndarray, task: Task) -> Image.Image:
        """The picture of a latent, cut back to the size of what was encoded."""
        activations = _activation_bytes(entry, encoded.before)
        picture = self._models.run(ModelKey(entry.id), lambda network: network.decode(latent, task), task, activations)
        width, height = encoded.size
        return uploads.from_array(picture[:height, :width])


def validate_side(entry: Entry, value: object) -> int:
    """The longer side a page or a program asks for.

    Args:
        entry: the autoencoder.
        value: pixels, 64 to the family's limit.

    Returns:
        Whole pixels.

    Raises:
        UserError: out of range.
    """
    limit = AutoencoderOptions.of(entry).longest_side
    return int(validate_number(value, f"With {entry.label} the longer side, in pixels,", MIN_SIDE, limit))


def _resize(image: Image.Image, longest: int) -> Image.Image:
    """The picture itself, or a smaller one whose longer side is `longest`."""
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _pad(picture: np.ndarray, factor: int) -> np.ndarray:
    """(H, W, 3) with both sides whole multiples of `factor`: the last row and column are repeated."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, -height % factor), (0, -width % factor), (0, 0)), mode="edge")


def _matches(encoded: Encoded, entry: Entry, image: Image.Image, longest: int) -> bool:
    """Whether it is this picture's latent in this model: pixels are compared, not names."""
    return (
        encoded.model_id == entry.id
        and encoded.original == image.size
        and np.array_equal(uploads.to_array(encoded.before), uploads.to_array(_resize(image, longest)))
    )


def _measure(encoded: Encoded, after: Image.Image, bits: int, seconds: float) -> ReconstructionMetrics:
    before, back = uploads.to_array(encoded.before), uploads.to_array(after)
    width, height = encoded.size
    size = latents.bits_per_pixel(encoded.latent, bits, width * height)
    return ReconstructionMetrics(
        numbers=encoded.latent.size,
        bits_per_pixel=size,
        ratio=24 / size,
        psnr=metrics.psnr(before, back),
        ssim=metrics.ssim(before, back),
        seconds=seconds,
    )


def _activation_bytes(entry: Entry, picture: Image.Image) -> int:
    return AutoencoderOptions.of(entry).working_bytes_per_pixel * picture.width * picture.height
