"""A smooth way through key frames: cubic splines, closed or open.

Invariants: numpy alone. Key frames are hit exactly; a closed way ends where it began, with the same speed.
"""

from collections.abc import Iterator

import numpy as np

from playground.errors import UserError

MOST_KEYS = 32
MOST_FRAMES = 900


def frames_between(keys: int, seconds: float, fps: float, loop: bool) -> tuple[int, int]:
    """How many frames lead from one key frame to the next, so that all of it lasts about `seconds`; and all of them.

    Raises:
        UserError: fewer than two key frames, too many, or a film too long.
    """
    if not 2 <= keys <= MOST_KEYS:
        raise UserError(f"A film needs 2 to {MOST_KEYS} key frames; these are {keys}.")
    sections = keys if loop else keys - 1
    each = max(1, round(seconds * fps / sections))
    total = each * sections + (0 if loop else 1)
    if total > MOST_FRAMES:
        raise UserError(f"That would be {total} frames; at most {MOST_FRAMES}. Take fewer seconds or frames a second.")
    return each, total


def along(keys: np.ndarray, between: int, loop: bool = True) -> Iterator[np.ndarray]:
    """Points of a cubic spline through `keys` (K, ...) at equal steps, `between` from each key to the next.

    A closed way has K * between points: the next would be the first again. An open one has (K - 1) * between + 1, and
    no curvature at its ends. The spline is twice continuously differentiable.
    """
    slopes = _slopes(keys.astype(np.float64), loop)
    count = len(keys)
    for section in range(count if loop else count - 1):
        for step in range(between):
            yield _at(keys, slopes, section, step / between)
    if not loop:
        yield keys[-1].astype(np.float32)


def _at(keys: np.ndarray, slopes: np.ndarray, section: int, t: float) -> np.ndarray:
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
