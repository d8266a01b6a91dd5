"""Results of the GAN service: plain dataclasses.

Invariants: a style is a float32 array (layers, w_dim), and a picture is reproduced from it alone.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class GeneratorConfig:
    """Shapes of a generator, from its `config.json`.

    Attributes:
        size: pixels of a picture's side.
        z_dim: coordinates of z.
        w_dim: coordinates of w.
        resolutions: pixels of a side at which each layer that takes a style works, coarse to fine.
    """

    size: int
    z_dim: int
    w_dim: int
    resolutions: tuple[int, ...]

    @property
    def layers(self) -> int:
        """How many layers take a style."""
        return len(self.resolutions)


@dataclass(frozen=True)
class Sample:
    """The picture of a seed. `realness` is the discriminator's percentile (0..1) among 256 samples, or None."""

    seed: int
    picture: Image.Image
    realness: float | None


@dataclass(frozen=True)
class Frame:
    """One live picture: JPEG bytes, and the style (layers, w_dim) that was rendered."""

    jpeg: bytes
    style: np.ndarray


@dataclass(frozen=True)
class Neighbour:
    """A training portrait near a sample in the VAE's latent space.

    Attributes:
        picture: the portrait as it was drawn.
        distance: Euclidean, in standard deviations of the VAE's prior.
        attributes: the portrait's visible attributes, name to value.
    """

    picture: Image.Image
    distance: float
    attributes: dict[str, str]


@dataclass(frozen=True)
class ProjectionStep:
    """A projection's best result within `step` of `steps` optimiser steps.

    Attributes:
        loss: value of the objective.
        psnr: dB, against the target.
        picture: what `style` renders.
        style: (layers, w_dim).
    """

    step: int
    steps: int
    loss: float
    psnr: float
    picture: Image.Image
    style: np.ndarray


@dataclass(frozen=True)
class AttributeFrequencies:
    """How often each value of one attribute is seen, in samples and in the training data.

    Attributes:
        attribute: its name.
        values: its values.
        samples: share of each value among the samples that show the attribute, 0..1.
        dataset: the same among the training portraits.
        distance: total variation distance of the two, 0 (alike) to 1.
    """

    attribute: str
    values: tuple[str, ...]
    samples: tuple[float, ...]
    dataset: tuple[float, ...]
    distance: float


@dataclass(frozen=True)
class AttributeHistogram:
    """Attribute frequencies of `count` of `total` samples, as the judge classifies them.

    Attributes:
        attributes: one entry per attribute that judge and atlas share, in the judge's order.
        precision: share of samples in which the judge is confident of every attribute.
        coverage: share of the values in the training data that at least one sample shows.
    """

    count: int
    total: int
    attributes: tuple[AttributeFrequencies, ...]
    precision: float
    coverage: float
