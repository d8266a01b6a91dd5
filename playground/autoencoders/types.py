"""What the autoencoders' verbs take and give: plain data.

Invariants: a latent is float32 (C, h, w); sizes are pixels, width first.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Changes:
    """What is done to a latent between encoder and decoder, in this order.

    `gain` multiplies each channel (missing channels: 1), `bits` is how many bits a number keeps (0: all of them),
    `noise` is the standard deviation of added Gaussian noise, where 1 is about as strong as the latent itself.
    """

    gain: tuple[float, ...] = ()
    bits: int = 0
    noise: float = 0.0
    seed: int = 0


UNCHANGED = Changes()


@dataclass(frozen=True)
class Working:
    """How far a job is: `done` of `total` steps; `what` is "encode", "decode" or "measure"."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class Encoded:
    """A photograph in a model's latent space. `original` and `worked` are sizes (width, height) in pixels."""

    model_id: str
    before: Image.Image  # as the model saw it: upright, RGB, scaled if it was too large
    latent: np.ndarray  # (C, h, w), of the picture padded to whole latent pixels
    original: tuple[int, int]

    @property
    def worked(self) -> tuple[int, int]:
        return self.before.size

    @property
    def scaled(self) -> bool:
        """Whether the picture was made smaller before it was encoded."""
        return self.original != self.worked


@dataclass(frozen=True)
class Figures:
    """What a reconstruction costs and how good it is. `bits_per_pixel` of the original is 24."""

    numbers: int  # in the latent
    bits_per_number: int
    bits_per_pixel: float
    ratio: float  # 24 bits by bits_per_pixel
    psnr: float  # dB
    ssim: float
    seconds: float


@dataclass(frozen=True)
class Reconstruction:
    """A photograph and what came back of it, both of one size."""

    encoded: Encoded
    after: Image.Image
    figures: Figures


@dataclass(frozen=True)
class Sheet:
    """One reconstruction for each number of bits, the fewest first."""

    encoded: Encoded
    rows: tuple[tuple[int, Image.Image, Figures], ...]


@dataclass(frozen=True)
class Interpolation:
    """Pictures from one photograph to another through the latent, both ends included, and a looping WebP of them."""

    frames: tuple[Image.Image, ...]
    animation: bytes


Event = Working | Reconstruction | Sheet | Interpolation
