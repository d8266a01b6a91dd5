"""Validate what a page or a program sends to the GAN: truncation, styles, layers, direction vectors.

Invariants: nothing from outside is trusted. Types, lengths, finiteness and ranges are checked before a network sees
any of it; a `UserError` names what is wrong and what would be right. Numpy alone.
"""

from collections.abc import Sequence

import numpy as np

from playground.errors import UserError
from playground.validation import validate_number, validate_whole

TRUNCATION = (-2.0, 2.0)
MAX_STRENGTH = 20.0  # standard deviations, either way
MAX_ABS = 1e4  # of any number in a style: beyond it a picture is noise
MAX_COMPONENTS = 64  # of PCA or SeFa


def truncation(value: object) -> float:
    """Truncation psi.

    Args:
        value: a number from -2 to 2.

    Returns:
        psi.

    Raises:
        UserError: anything else.
    """
    return validate_number(value, "Truncation", *TRUNCATION)


def cutoff(value: object, layers: int) -> int | None:
    """The layer before which truncation acts.

    Args:
        value: 0 to `layers`; None for all layers.
        layers: how many the model has.

    Returns:
        The cutoff, or None.

    Raises:
        UserError: anything else.
    """
    return None if value is None else validate_whole(value, "The truncation's cutoff", 0, layers)


def style(value: object, layers: int, w_dim: int) -> np.ndarray:
    """A style.

    Args:
        value: nested lists of numbers, or a float array.
        layers: how many the model has.
        w_dim: coordinates of w.

    Returns:
        (layers, w_dim) float32.

    Raises:
        UserError: another shape, or numbers that are not finite or beyond `MAX_ABS`.
    """
    wrong = UserError(
        f"This is no style of this model, which has {layers} layers of {w_dim} numbers. Choose one of its pictures."
    )
    rows = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(rows, Sequence) or isinstance(rows, str | bytes) or len(rows) != layers:
        raise wrong
    if not all(_is_vector(row, w_dim) for row in rows):
        raise wrong
    return np.array(rows, np.float32)


def unit_vector(value: object, w_dim: int) -> np.ndarray:
    """A direction of w, brought to length 1.

    Args:
        value: a list of `w_dim` finite numbers, not all zero.
        w_dim: coordinates of w.

    Returns:
        (w_dim,) float32.

    Raises:
        UserError: anything else.
    """
    length = float(np.linalg.norm(np.array(value, np.float64))) if _is_vector(value, w_dim) else 0.0
    if length < 1e-6:
        raise UserError(f"A direction must hold {w_dim} finite numbers, not all of them zero.")
    return (np.array(value, np.float64) / length).astype(np.float32)


def layer_range(value: object, layers: int) -> tuple[int, int]:
    """First and last layer, both included.

    Args:
        value: a sequence of two layer numbers.
        layers: how many the model has.

    Returns:
        The range.

    Raises:
        UserError: anything else, or a range that runs backwards.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) != 2:
        raise UserError("A range of layers is given by its first and its last layer.")
    first = validate_whole(value[0], "The first layer", 0, layers - 1)
    return first, validate_whole(value[1], "The last layer", first, layers - 1)


def _is_vector(row: object, length: int) -> bool:
    """Whether it is a list of so many finite numbers, none too large."""
    if not isinstance(row, Sequence) or isinstance(row, str | bytes) or len(row) != length:
        return False
    # NaN is within no limit, and comparing needs no conversion, which a huge whole number would not survive.
    return all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) <= MAX_ABS for x in row)
