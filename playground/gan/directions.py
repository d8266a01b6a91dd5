"""Directions of w: principal components (GANSpace) and closed-form factorisation (SeFa).

Invariants: numpy alone. Directions are unit vectors (count, w_dim) with the standard deviation of w along each, so
sliders count in standard deviations. The sign is fixed: a direction's largest coordinate is positive.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StyleStatistics:
    """Mean (w_dim,) and covariance (w_dim, w_dim) of w over random z, float64."""

    mean: np.ndarray
    covariance: np.ndarray

    def standard_deviation(self, direction: np.ndarray) -> float:
        """Standard deviation of w along a direction.

        Args:
            direction: a unit vector (w_dim,).

        Returns:
            In units of w.
        """
        along = direction.astype(np.float64)
        return float(np.sqrt(max(0.0, along @ self.covariance @ along)))

    @property
    def rms_deviation(self) -> float:
        """Root of the mean variance of w's coordinates."""
        return float(np.sqrt(max(0.0, np.trace(self.covariance) / len(self.covariance))))


@dataclass(frozen=True)
class Directions:
    """Unit vectors (count, w_dim) float32 and the standard deviation of w along each (count,), strongest first."""

    vectors: np.ndarray
    deviations: np.ndarray


def style_statistics(chunks: Iterable[np.ndarray]) -> StyleStatistics:
    """Mean and covariance of w in one pass.

    Chunks are joined by the pairwise update of Chan et al. (1979), which loses no digits to a large mean.

    Args:
        chunks: samples of w, (n, w_dim) each.

    Returns:
        Statistics over all samples.
    """
    count, mean, scatter = 0, np.zeros(()), np.zeros(())
    for chunk in chunks:
        w = chunk.astype(np.float64)
        chunk_mean = w.mean(axis=0)
        centred = w - chunk_mean
        step = chunk_mean - mean
        total = count + len(w)
        scatter = scatter + centred.T @ centred + np.outer(step, step) * (count * len(w) / total)
        mean = mean + step * (len(w) / total)
        count = total
    return StyleStatistics(mean, scatter / max(1, count - 1))


def principal_components(statistics: StyleStatistics, count: int) -> Directions:
    """Principal components of w. Härkönen et al. (2020), GANSpace, arXiv:2004.02546.

    Args:
        statistics: of w.
        count: how many directions, at most w_dim.

    Returns:
        The directions of largest variance.
    """
    return _with_deviations(_leading_eigenvectors(statistics.covariance, count), statistics)


def sefa(weights: Sequence[np.ndarray], statistics: StyleStatistics, count: int) -> Directions:
    """Closed-form factorisation. Shen and Zhou (2021), SeFa, arXiv:2007.06600, equation 6: eigenvectors of AᵀA.

    Args:
        weights: each layer's affine map of w, (channels, w_dim); A is all of them stacked.
        statistics: of w, for the deviations.
        count: how many directions, at most w_dim.

    Returns:
        The directions the weights amplify most.
    """
    stacked = np.concatenate(weights).astype(np.float64)
    return _with_deviations(_leading_eigenvectors(stacked.T @ stacked, count), statistics)


def _with_deviations(vectors: np.ndarray, statistics: StyleStatistics) -> Directions:
    return Directions(vectors, np.array([statistics.standard_deviation(vector) for vector in vectors]))


def _leading_eigenvectors(matrix: np.ndarray, count: int) -> np.ndarray:
    """(count, w_dim): eigenvectors of a symmetric matrix, largest eigenvalue first."""
    _, columns = np.linalg.eigh(matrix)
    vectors = columns.T[::-1][:count]
    largest = np.abs(vectors).argmax(axis=1)
    signs = np.sign(vectors[np.arange(len(vectors)), largest])
    return (vectors * signs[:, None]).astype(np.float32)
