"""What the VAE's verbs take and give: plain data.

Invariants: a latent is a float32 array (z,); whatever crosses to a page is made of lists, numbers and words.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from playground.imaging.uploads import Crop

Values = dict[str, float | str]  # control name -> number on a slider, or a word


@dataclass(frozen=True)
class Frame:
    """One live picture: JPEG bytes, the latent that was decoded, and where every control stands in it."""

    jpeg: bytes
    latent: np.ndarray  # (z,)
    values: Values


@dataclass(frozen=True)
class Typicality:
    """How usual a latent is, by the flow: log p(z) in nats, in bits per coordinate, and the share of portraits of the
    world (0..1) that are less typical."""

    log_prob: float
    bits_per_dim: float
    percentile: float


@dataclass(frozen=True)
class Encoded:
    """A picture brought into the model: what was seen of it, its latent, and how well it comes back."""

    seen: Image.Image  # the crop as the model saw it
    crop: Crop
    reconstruction: Image.Image
    latent: np.ndarray  # (z,)
    values: Values
    psnr: float  # dB
    ssim: float
    typicality: Typicality | None  # None where the model has no flow or no atlas
    of_this_world: bool  # False: the picture is not of the drawn world, and what comes back is the nearest there is


@dataclass(frozen=True)
class Leak:
    """What a change did to one attribute, as the judge sees it: total variation distance 0..1 of its reading, and the
    likeliest value before and after."""

    attribute: str
    change: float
    before: str
    after: str


@dataclass(frozen=True)
class Dimension:
    """A raw coordinate of the latent: KL of its posterior in nats, and what moving it from -2 to 2 changes most."""

    index: int
    kl: float
    spread: float  # standard deviation over portraits
    changes: tuple[tuple[str, float], ...]  # attribute, total variation distance; the strongest first


@dataclass(frozen=True)
class Direction:
    """An attribute of one's own from two groups of pictures: the difference of their mean latents.

    `error` is its standard error, as a share of its length: 0.2 is trustworthy, 1 is noise.
    """

    vector: np.ndarray  # (z,)
    error: float
