"""Interpolation in the latent space (lerp, slerp), and the direction between two groups of latents.

Invariants: numpy alone; latents are (z_dim,) float32, endpoints are exact.
"""

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np

from playground.vae.types import Direction

Mode = Literal["lerp", "slerp"]


def interpolate(a: np.ndarray, b: np.ndarray, count: int, mode: Mode = "lerp") -> np.ndarray:
    """Points from one latent to another, both included.

    "lerp" is the straight line. "slerp" turns the direction at an even pace and changes the length along with it
    (Shoemake 1985; for latents White 2016, arXiv:1609.04468), which stays on the shell where normal noise lies.

    Args:
        a: (z_dim,).
        b: (z_dim,).
        count: how many points.
        mode: "lerp" or "slerp".

    Returns:
        (count, z_dim) float32.
    """
    t = np.linspace(0, 1, count)[:, None]
    line = (1 - t) * a + t * b
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if mode == "slerp" and min(lengths) > 1e-6:
        first, second = a / lengths[0], b / lengths[1]
        angle = np.arccos(np.clip(np.dot(first, second), -1, 1))
        if 1e-4 < angle < np.pi - 1e-4:  # otherwise there is no turn, or no one way to turn
            turned = (np.sin((1 - t) * angle) * first + np.sin(t * angle) * second) / np.sin(angle)
            line = turned * ((1 - t) * lengths[0] + t * lengths[1])
    line = line.astype(np.float32)
    line[0] = a
    if count > 1:
        line[-1] = b
    return line


def interpolate_keys(keys: Sequence[np.ndarray], steps: int, mode: Mode = "lerp", loop: bool = True) -> np.ndarray:
    """Points through several latents, every one of them exact.

    A loop does not repeat its first point at the end, since what plays after the last is the first.

    Args:
        keys: (z_dim,) each.
        steps: points from each key to the next.
        mode: "lerp" or "slerp".
        loop: whether the last key leads back to the first.

    Returns:
        (n, z_dim).
    """
    ends = [*keys, keys[0]] if loop and len(keys) > 1 else list(keys)
    legs = [interpolate(a, b, steps + 1, mode)[:-1] for a, b in itertools.pairwise(ends)]
    return np.concatenate(legs if loop and legs else [*legs, ends[-1][None]])


def group_difference(with_: np.ndarray, without: np.ndarray) -> Direction:
    """The difference of two groups' means, and its standard error.

    The error is sqrt(s^2 / N + s^2 / M) with the groups' pooled variance s^2 over all coordinates; where each group is
    a single picture there is none to pool, and the prior's own variance, 1, stands in.

    Args:
        with_: (N, z_dim), latents that have the attribute.
        without: (M, z_dim), latents that do not.

    Returns:
        The direction from the second mean to the first.
    """
    vector = with_.mean(0) - without.mean(0)
    free = len(with_) + len(without) - 2
    deviations = [((group - group.mean(0)) ** 2).sum() for group in (with_, without)]
    variance = sum(deviations) / free if free else float(vector.size)
    length = float(np.linalg.norm(vector))
    error = float(np.sqrt(variance * (1 / len(with_) + 1 / len(without))))
    return Direction(vector.astype(np.float32), error / length if length > 1e-6 else float("inf"))
