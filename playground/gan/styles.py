"""The arithmetic of styles: truncating, mixing, moving along directions.

Invariants: numpy alone, arrays (layers, w) float32 in and out, nothing is changed in place. What a formula
promises at its ends (no truncation, full truncation, no mixing) holds exactly, not nearly.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from playground.errors import UserError

Group = Literal["coarse", "middle", "fine"]


def latents(seeds: Sequence[int], z_dim: int) -> np.ndarray:
    """(B, z) float32, one row a seed: `RandomState(seed).randn(1, z_dim)`, the rule that StyleGAN's tools share."""
    rows = [np.random.RandomState(seed).randn(1, z_dim) for seed in seeds]
    return np.concatenate(rows).astype(np.float32)


def truncated(style: np.ndarray, mean: np.ndarray, psi: float, cutoff: int | None = None) -> np.ndarray:
    """Draw the layers before `cutoff` (default: all) towards the mean w (w,). Karras et al. (2018), arXiv:1812.04948.

    (..., layers, w). psi 1 gives the style itself and 0 the mean, both exactly; negative values the opposite face.
    """
    drawn = np.float32(psi) * style + np.float32(1 - psi) * mean
    if cutoff is None:
        return drawn
    return np.concatenate([drawn[..., :cutoff, :], style[..., cutoff:, :]], axis=-2)


def groups(layers: int) -> dict[Group, list[int]]:
    """The layers of coarse things (pose, hair), middle ones and fine ones (colours): a third of the layers each."""
    coarse, middle, fine = (part.tolist() for part in np.array_split(np.arange(layers), 3))
    return {"coarse": coarse, "middle": middle, "fine": fine}


def mixed(a: np.ndarray, b: np.ndarray, layers: Sequence[int] | Group) -> np.ndarray:
    """Style `a` with the chosen layers of style `b`.

    Raises:
        UserError: styles of different models, a group or a layer that there is not.
    """
    if a.shape != b.shape:
        raise UserError("These two styles come from different models and cannot be mixed. Choose two of one model.")
    chosen = _chosen(layers, len(a))
    result = a.astype(np.float32, copy=True)
    result[chosen] = b[chosen]
    return result


def moved(style: np.ndarray, direction: np.ndarray, distance: float, layers: tuple[int, int]) -> np.ndarray:
    """Add `distance` times `direction` (w,) to the layers first to last, both included."""
    result = style.astype(np.float32, copy=True)
    result[layers[0] : layers[1] + 1] += np.float32(distance) * direction.astype(np.float32)
    return result


def _chosen(layers: Sequence[int] | Group, count: int) -> list[int]:
    if isinstance(layers, str):
        named = groups(count)
        if layers not in named:
            raise UserError(f"There is no group of layers “{layers[:40]}”. There are: {', '.join(named)}.")
        return named[layers]
    for layer in layers:
        if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < count:
            raise UserError(f"Layer {str(layer)[:20]} does not exist: this model has layers 0 to {count - 1}.")
    return list(layers)
