"""What the GAN's verbs take and give: plain data.

Invariants: a style is a float32 array (layers, w) and a picture is reproduced from it alone; whatever crosses
to a page is made of lists, numbers and words.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class GeneratorConfig:
    """What a page must know of a generator before it draws."""

    size: int  # pixels of a side
    z_dim: int
    w_dim: int
    resolutions: tuple[int, ...]  # of every layer that takes a style


@dataclass(frozen=True)
class Sample:
    """One picture of a grid: its seed, and what the discriminator thinks (share of samples it finds less real)."""

    seed: int
    picture: Image.Image
    realness: float | None  # percentile 0..1


@dataclass(frozen=True)
class Edit:
    """A direction of w with a strength, applied to a range of layers (first, last), both included."""

    kind: Literal["pca", "sefa", "own"]
    index: int  # which component; for "own", which of the vectors that travel with the request
    strength: float  # in standard deviations of w along it
    layers: tuple[int, int]


@dataclass(frozen=True)
class Frame:
    """One live picture: JPEG bytes and the style that was drawn."""

    jpeg: bytes
    style: np.ndarray  # (layers, w)


@dataclass(frozen=True)
class Neighbour:
    """A portrait of the world that looks much like a sample: how far it is in the VAE's latent, and what it shows."""

    picture: Image.Image
    distance: float  # Euclidean, in standard deviations of the prior
    attributes: dict[str, str]


@dataclass(frozen=True)
class Step:
    """A projection so far: the best style found within `step` of `steps` steps."""

    step: int
    steps: int
    loss: float
    psnr: float  # dB, against the picture to be found
    picture: Image.Image
    style: np.ndarray  # (layers, w)


@dataclass(frozen=True)
class Bars:
    """One attribute: the share of each value among the samples that show it, and among the portraits of the world."""

    attribute: str
    values: tuple[str, ...]
    samples: tuple[float, ...]
    world: tuple[float, ...]
    distance: float  # total variation, 0 (alike) to 1


@dataclass(frozen=True)
class Histogram:
    """What `count` of `wanted` samples show, as the judge reads them.

    `precision` is the share of them in which it reads every attribute with confidence; `coverage` the share of the
    world's values that at least one of them shows.
    """

    count: int
    wanted: int
    bars: tuple[Bars, ...]
    precision: float
    coverage: float
