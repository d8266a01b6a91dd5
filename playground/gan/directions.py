"""Directions of w that change one thing or another: what varies most (PCA), what the weights answer to most (SeFa).

Invariants: numpy alone. Directions are unit vectors (count, w), with the standard deviation of w along each, so
that a slider counts in deviations. A direction's sign is fixed: its largest coordinate is positive.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spread:
    """How w varies over many z: mean (w,) and covariance (w, w), float64."""

    mean: np.ndarray
    covariance: np.ndarray

    def deviation(self, direction: np.ndarray) -> float:
        """The standard deviation of w along a unit vector (w,)."""
        along = direction.astype(np.float64)
        return float(np.sqrt(max(0.0, along @ self.covariance @ along)))

    @property
    def overall(self) -> float:
        """The root of the mean variance of w's coordinates."""
        return float(np.sqrt(max(0.0, np.trace(self.covariance) / len(self.covariance))))


@dataclass(frozen=True)
class Directions:
    """Unit vectors (count, w) float32 and the standard deviation of w along each (count,); the strongest first."""

    vectors: np.ndarray
    deviations: np.ndarray


def spread(chunks: Iterable[np.ndarray]) -> Spread:
    """Mean and covariance of w from chunks (n, w), without holding all of them at once.

    Chunks are joined by the pairwise update of Chan et al. (1979), which loses no digits to a large mean.
    """
    count, mean, scatter = 0, np.zeros(()), np.zeros(())
    for chunk in chunks:
        w = chunk.astype(np.float64)
        own_mean = w.mean(axis=0)
        centred = w - own_mean
        step = own_mean - mean
        total = count + len(w)
        scatter = scatter + centred.T @ centred + np.outer(step, step) * (count * len(w) / total)
        mean = mean + step * (len(w) / total)
        count = total
    return Spread(mean, scatter / max(1, count - 1))


def principal(of: Spread, count: int) -> Directions:
    """Principal components of w, Härkönen et al. (2020), arXiv:2004.02546."""
    vectors = _strongest(of.covariance, count)
    return Directions(vectors, np.array([of.deviation(vector) for vector in vectors]))


def closed_form(weights: Sequence[np.ndarray], of: Spread, count: int) -> Directions:
    """SeFa, Shen and Zhou (2021), arXiv:2007.06600, equation 6: eigenvectors of AᵀA with the largest eigenvalues.

    Args:
        weights: what each layer makes of w, (channels, w) a layer; A is all of them, stacked.
    """
    stacked = np.concatenate(weights).astype(np.float64)
    vectors = _strongest(stacked.T @ stacked, count)
    return Directions(vectors, np.array([of.deviation(vector) for vector in vectors]))


def _strongest(matrix: np.ndarray, count: int) -> np.ndarray:
    """(count, w): eigenvectors of a symmetric matrix, by falling eigenvalue."""
    _, columns = np.linalg.eigh(matrix)
    vectors = columns.T[::-1][:count]
    largest = np.abs(vectors).argmax(axis=1)
    signs = np.sign(vectors[np.arange(len(vectors)), largest])
    return (vectors * signs[:, None]).astype(np.float32)
