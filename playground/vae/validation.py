"""What a page or a program sends, checked before any of it is computed with.

Invariants: everything here is hostile until it is proven to be plain numbers and words of the right count and
size; what is wrong is said in a `UserError`. Sizes are compared before anything is built of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.avatars.controls import Control, apply_all
from playground.errors import UserError

FARTHEST = 20.0  # standard deviations of the prior; beyond it no picture means anything
LARGEST_SEED = 2**32 - 1
SIDES = range(16, 1025)  # pixels of a live picture


def latent(value: Any, width: int) -> np.ndarray:
    """(width,) float32 of a list of numbers or an array. Raises `UserError`."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        if value.shape != (width,):
            raise UserError(f"A latent of this model has {width} numbers; this one has the shape {value.shape}.")
        numbers = value.astype(np.float32)
        if not np.all(np.abs(numbers) <= FARTHEST):  # NaN is not either
            raise _too_far()
        return numbers
    if not isinstance(value, list | tuple):
        raise UserError(f"A latent is a list of {width} numbers, as encoding a picture gives it.")
    if len(value) != width:
        raise UserError(f"A latent of this model has {width} numbers; this one has {len(value)}.")
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in value):
        raise UserError(f"A latent is a plain list of {width} numbers; this one holds something else.")
    if not all(abs(number) <= FARTHEST for number in value):
        raise _too_far()
    return np.array(value, np.float32)


def values(of: Sequence[Control], chosen: Any) -> dict[str, float | str]:
    """Values by the names of controls that exist; whether each control has its value, applying it tells."""
    if not isinstance(chosen, dict):
        raise UserError('Attributes are an object of names and values, such as {"skin": 2, "glasses": "round"}.')
    names = {control.name for control in of}
    for name, value in chosen.items():
        if name not in names:
            raise UserError(f"There is no control “{str(name)[:40]}”. There are: {', '.join(sorted(names))}.")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number and not isinstance(value, str):
            raise UserError(f"{name} takes a number or one of its words.")
        if number and not abs(value) <= 1e6:
            raise UserError(f"{name} takes a number within its range.")
    return dict(chosen)


def apply(of: Sequence[Control], where: np.ndarray, chosen: Any) -> np.ndarray:
    """A copy of the latent `where` (z,) with the named controls at their values. Raises `UserError`."""
    return apply_all(of, where, values(of, chosen))


def seed(value: Any) -> int:
    """A whole number 0..2^32 - 1; 7.0 counts as 7, since pages know no whole numbers."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not 0 <= value <= LARGEST_SEED:
        raise UserError(f"A seed is a whole number from 0 to {LARGEST_SEED}.")
    return int(value)


def number(value: Any, name: str, low: float, high: float) -> float:
    """A number within `low` … `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserError(f"{name} goes from {low:g} to {high:g}.")
    return float(value)


def count(value: Any, name: str, within: range) -> int:
    """A whole number within a range."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in within:
        raise UserError(f"{name} is a whole number from {within[0]} to {within[-1]}.")
    return value


def _too_far() -> UserError:
    return UserError(
        f"The numbers of a latent lie between -{FARTHEST:g} and {FARTHEST:g}; this one has another. "
        "Take a latent that was encoded or sampled here."
    )
