"""Results of the autoencoder service: plain dataclasses.

Invariants: a latent is float32 (C, h, w); sizes are pixels, width first.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class LatentChanges:
    """Operations on a latent between encoder and decoder, in this order.

    Attributes:
        gain: factor of each channel; missing channels have 1.
        bits: bits each number keeps; 0 for all.
        noise: standard deviation of added Gaussian noise, where 1 is about as strong as the latent itself.
        seed: of the noise.
    """

    gain: tuple[float, ...] = ()
    bits: int = 0
    noise: float = 0.0
    seed: int = 0


UNCHANGED = LatentChanges()


@dataclass(frozen=True)
class Progress:
    """Progress of a job: `done` of `total` steps; `stage` is "encode", "decode" or "measure"."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Encoded:
    """A photograph in a model's latent space.

    Attributes:
        model_id: the model's catalogue id.
        before: the picture as the model saw it: upright, RGB, made smaller if it was too large.
        latent: (C, h, w), of the picture padded to whole latent pixels.
        original: size of the photograph (width, height).
    """

    model_id: str
    before: Image.Image
    latent: np.ndarray
    original: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Size of `before` (width, height)."""
        return self.before.size

    @property
    def resized(self) -> bool:
        """Whether the picture was made smaller before it was encoded."""
        return self.original != self.size


@dataclass(frozen=True)
class ReconstructionMetrics:
    """Cost and quality of a reconstruction.

    Attributes:
        numbers: how many the latent has.
        bits_per_pixel: bits of the latent per pixel of the picture; the picture itself has 24.
        ratio: 24 / bits_per_pixel.
        psnr: dB.
        ssim: -1..1.
        seconds: how long it took.
    """

    numbers: int
    bits_per_pixel: float
    ratio: float
    psnr: float
    ssim: float
    seconds: float


@dataclass(frozen=True)
class Reconstruction:
    """A photograph and its reconstruction, both of one size."""

    encoded: Encoded
    after: Image.Image
    metrics: ReconstructionMetrics


@dataclass(frozen=True)
class QuantizationSheet:
    """One reconstruction per number of bits, fewest first: (bits, picture, metrics)."""

    encoded: Encoded
    rows: tuple[tuple[int, Image.Image, ReconstructionMetrics], ...]


@dataclass(frozen=True)
class Interpolation:
    """Pictures from one photograph to another through the latent, both ends included, and a looping WebP of them."""

    frames: tuple[Image.Image, ...]
    animation: bytes


Event = Progress | Reconstruction | QuantizationSheet | Interpolation
