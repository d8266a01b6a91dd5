"""Cubic spline interpolation through key frames, closed or open.

Invariants: numpy alone. Key frames are hit exactly; a closed curve ends where it began, with the same speed.
"""

from collections.abc import Iterator

import numpy as np

from playground.errors import UserError

MAX_KEYS = 32
MAX_FRAMES = 900


def frame_counts(keys: int, seconds: float, fps: float, loop: bool) -> tuple[int, int]:
    """Frames from one key frame to the next, and in total.

    Args:
        keys: number of key frames.
        seconds: wanted length of the animation; met as nearly as whole frames allow.
        fps: frames per second.
        loop: whether the animation leads back to the first key frame.

    Returns:
        Frames per section, total frames.

    Raises:
        UserError: fewer than two key frames, too many key frames, or too many frames.
    """
    if not 2 <= keys <= MAX_KEYS:
        raise UserError(f"An animation needs 2 to {MAX_KEYS} key frames; these are {keys}.")
    sections = keys if loop else keys - 1
    each = max(1, round(seconds * fps / sections))
    total = each * sections + (0 if loop else 1)
    if total > MAX_FRAMES:
        raise UserError(f"That would be {total} frames; at most {MAX_FRAMES}. Take fewer seconds or frames a second.")
    return each, total


def spline(keys: np.ndarray, steps: int, loop: bool = True) -> Iterator[np.ndarray]:
    """Points of a cubic spline at equal steps; twice continuously differentiable.

    A closed curve has K * steps points: the next would be the first again. An open one has (K - 1) * steps + 1, and no
    curvature at its ends.

    Args:
        keys: (K, ...), the key frames.
        steps: points from each key frame to the next.
        loop: closed or open.

    Yields:
        float32 arrays of a key frame's shape.
    """
    slopes = _slopes(keys.astype(np.float64), loop)
    count = len(keys)
    for section in range(count if loop else count - 1):
        for step in range(steps):
            yield _hermite(keys, slopes, section, step / steps)
    if not loop:
        yield keys[-1].astype(np.float32)


def _hermite(keys: np.ndarray, slopes: np.ndarray, section: int, t: float) -> np.ndarray:
    """Hermite's form between two keys; at t = 0 it is the first of them to the last bit."""
    after = (section + 1) % len(keys)
    return (
        (1 + 2 * t) * (1 - t) ** 2 * keys[section].astype(np.float64)
        + t * (1 - t) ** 2 * slopes[section]
        + t**2 * (3 - 2 * t) * keys[after].astype(np.float64)
        + t**2 * (t - 1) * slopes[after]
    ).astype(np.float32)


def _slopes(keys: np.ndarray, loop: bool) -> np.ndarray:
    """The derivative at each key that makes the second derivative continuous.

    s[i-1] + 4 s[i] + s[i+1] = 3 (y[i+1] - y[i-1]), around the circle, or with free ends
    2 s[0] + s[1] = 3 (y[1] - y[0]).
    """
    count = len(keys)
    flat = keys.reshape(count, -1)
    matrix = 4 * np.eye(count)
    for i in range(count):
        matrix[i, (i - 1) % count] += 1
        matrix[i, (i + 1) % count] += 1
    right = 3 * (np.roll(flat, -1, axis=0) - np.roll(flat, 1, axis=0))
    if not loop:
        matrix[0] = matrix[-1] = 0
        matrix[0, :2], matrix[-1, -2:] = (2, 1), (1, 2)
        right[0], right[-1] = 3 * (flat[1] - flat[0]), 3 * (flat[-1] - flat[-2])
    return np.linalg.solve(matrix, right).reshape(keys.shape)
