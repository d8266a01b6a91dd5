"""Style arithmetic: latents of seeds, truncation, style mixing, moving along a direction.

Invariants: numpy alone; arrays (layers, w_dim) float32 in and out, nothing is changed in place. Endpoints (no
truncation, full truncation, no mixing) are exact.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

Group = Literal["coarse", "middle", "fine"]


def seed_latents(seeds: Sequence[int], z_dim: int) -> np.ndarray:
    """The latents z of seeds, by the rule StyleGAN's tools share: `RandomState(seed).randn(1, z_dim)`.

    Args:
        seeds: 0 to 2^32 - 1 each.
        z_dim: coordinates of z.

    Returns:
        (B, z_dim) float32, one row per seed.
    """
    rows = [np.random.RandomState(seed).randn(1, z_dim) for seed in seeds]
    return np.concatenate(rows).astype(np.float32)


def truncate(style: np.ndarray, mean: np.ndarray, psi: float, cutoff: int | None = None) -> np.ndarray:
    """Truncation: interpolate from the mean w to the style. Karras et al. (2018), arXiv:1812.04948.

    Args:
        style: (..., layers, w_dim).
        mean: (w_dim,), the mean of w.
        psi: 1 gives the style itself, 0 the mean, both exactly; negative values the opposite.
        cutoff: only the layers before it are truncated; None for all.

    Returns:
        (..., layers, w_dim).
    """
    truncated = np.float32(psi) * style + np.float32(1 - psi) * mean
    if cutoff is None:
        return truncated
    return np.concatenate([truncated[..., :cutoff, :], style[..., cutoff:, :]], axis=-2)


def layer_groups(layers: int) -> dict[Group, list[int]]:
    """The layers in thirds: coarse (pose, hair), middle, fine (colours).

    Args:
        layers: how many layers the generator has.

    Returns:
        Group name to layer numbers.
    """
    coarse, middle, fine = (part.tolist() for part in np.array_split(np.arange(layers), 3))
    return {"coarse": coarse, "middle": middle, "fine": fine}


def mix(a: np.ndarray, b: np.ndarray, layers: Sequence[int]) -> np.ndarray:
    """Style mixing: style `a` with some layers of style `b`.

    Args:
        a: (layers, w_dim).
        b: (layers, w_dim).
        layers: layer numbers taken from `b`.

    Returns:
        (layers, w_dim).
    """
    result = a.astype(np.float32, copy=True)
    result[list(layers)] = b[list(layers)]
    return result


def move(style: np.ndarray, direction: np.ndarray, distance: float, layers: tuple[int, int]) -> np.ndarray:
    """Add `distance` times a direction to a range of layers.

    Args:
        style: (layers, w_dim).
        direction: (w_dim,), a unit vector.
        distance: in units of w.
        layers: first and last layer, both included.

    Returns:
        (layers, w_dim).
    """
    result = style.astype(np.float32, copy=True)
    result[layers[0] : layers[1] + 1] += np.float32(distance) * direction.astype(np.float32)
    return result
