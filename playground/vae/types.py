"""Results of the VAE service: plain dataclasses.

Invariants: a latent is a float32 array (z_dim,).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from playground.avatars.controls import Control
from playground.imaging.uploads import Crop

Values = dict[str, float | str]  # control name -> number on a slider, or a word
Classification = dict[str, dict[str, float]]  # attribute -> value -> probability


@dataclass(frozen=True)
class VaeConfig:
    """Shapes and controls of a VAE, from its `config.json`.

    Attributes:
        size: pixels of a picture's side.
        latent: coordinates of the latent.
        controls: the named controls.
        attributes: names and values of the attributes it was trained with.
    """

    size: int
    latent: int
    controls: tuple[Control, ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Frame:
    """One live picture: JPEG bytes, the latent that was decoded (z_dim,), and every control's value in it."""

    jpeg: bytes
    latent: np.ndarray
    values: Values


@dataclass(frozen=True)
class Typicality:
    """How typical a latent is under the flow.

    Attributes:
        log_prob: log p(z) in nats.
        bits_per_dim: -log2 p(z) per coordinate.
        percentile: share of the atlas portraits (0..1) that are less typical.
    """

    log_prob: float
    bits_per_dim: float
    percentile: float


@dataclass(frozen=True)
class Encoded:
    """An encoded picture and its reconstruction.

    Attributes:
        seen: the crop as the model saw it.
        crop: where it was cut out.
        reconstruction: the decoded mean latent.
        latent: (z_dim,), the mean of q(z | x).
        values: every control's value in it.
        psnr: dB, of `reconstruction` against `seen`.
        ssim: -1..1, likewise.
        typicality: None where the model has no flow or no atlas.
        in_distribution: False for a picture unlike the training data, whose reconstruction is only the nearest one.
    """

    seen: Image.Image
    crop: Crop
    reconstruction: Image.Image
    latent: np.ndarray
    values: Values
    psnr: float
    ssim: float
    typicality: Typicality | None
    in_distribution: bool


@dataclass(frozen=True)
class Leak:
    """What a change of the latent did to one attribute, as the judge sees it.

    Attributes:
        attribute: its name.
        change: total variation distance of the judge's probabilities, 0..1.
        before: likeliest value before.
        after: likeliest value after.
    """

    attribute: str
    change: float
    before: str
    after: str


@dataclass(frozen=True)
class Dimension:
    """A coordinate of the latent.

    Attributes:
        index: which one.
        kl: KL divergence of its posterior from the prior, nats.
        spread: standard deviation over the atlas portraits.
        changes: attribute and total variation distance when it moves from -2 to 2, strongest first.
    """

    index: int
    kl: float
    spread: float
    changes: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Direction:
    """A custom attribute direction: the difference of two groups' mean latents.

    Attributes:
        vector: (z_dim,).
        error: its standard error as a share of its length; 0.2 is trustworthy, 1 is noise.
    """

    vector: np.ndarray
    error: float
