"""Ways through the latent: from one point to the next, and what two groups of points differ by.

Invariants: numpy alone; latents are (z,) float32, ends are exact.
"""

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np

from playground.vae.types import Direction

Mode = Literal["lerp", "slerp"]


def between(a: np.ndarray, b: np.ndarray, count: int, mode: Mode = "lerp") -> np.ndarray:
    """(count, z) from `a` to `b`, both included.

    "lerp" is the straight line. "slerp" turns the direction at an even pace and changes the length along with it
    (Shoemake 1985; for latents White 2016, arXiv:1609.04468): the shell where normal noise lies is not left.
    """
    t = np.linspace(0, 1, count)[:, None]
    line = (1 - t) * a + t * b
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if mode == "slerp" and min(lengths) > 1e-6:
        one, other = a / lengths[0], b / lengths[1]
        angle = np.arccos(np.clip(np.dot(one, other), -1, 1))
        if 1e-4 < angle < np.pi - 1e-4:  # otherwise there is no turn, or no one way to turn
            turned = (np.sin((1 - t) * angle) * one + np.sin(t * angle) * other) / np.sin(angle)
            line = turned * ((1 - t) * lengths[0] + t * lengths[1])
    line = line.astype(np.float32)
    line[0] = a
    if count > 1:
        line[-1] = b
    return line


def through(keys: Sequence[np.ndarray], steps: int, mode: Mode = "lerp", loop: bool = True) -> np.ndarray:
    """(n, z): `steps` points from each of the keys to the next, every key exact; with `loop` back to the first.

    A loop does not repeat its first point at the end, since what plays after the last is the first.
    """
    ends = [*keys, keys[0]] if loop and len(keys) > 1 else list(keys)
    legs = [between(a, b, steps + 1, mode)[:-1] for a, b in itertools.pairwise(ends)]
    return np.concatenate(legs if loop and legs else [*legs, ends[-1][None]])


def difference(with_: np.ndarray, without: np.ndarray) -> Direction:
    """The way from the mean of `without` (M, z) to the mean of `with_` (N, z), and its standard error.

    The error is sqrt(s^2 / N + s^2 / M) with the groups' pooled variance s^2 over all coordinates; where each group is
    a single picture there is none to pool, and the prior's own variance, 1, stands in.
    """
    vector = with_.mean(0) - without.mean(0)
    free = len(with_) + len(without) - 2
    deviations = [((group - group.mean(0)) ** 2).sum() for group in (with_, without)]
    variance = sum(deviations) / free if free else float(vector.size)
    length = float(np.linalg.norm(vector))
    error = float(np.sqrt(variance * (1 / len(with_) + 1 / len(without))))
    return Direction(vector.astype(np.float32), error / length if length > 1e-6 else float("inf"))
