"""Validate what a page or a program sends to the VAE: latents, control values, seeds, numbers.

Invariants: nothing from outside is trusted until it is proven to be plain numbers and words of the right count and
size. Sizes are compared before anything is built of them; a `UserError` says what is wrong.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.avatars.controls import Control, apply_controls
from playground.errors import UserError

MAX_ABS = 20.0  # of a latent's numbers, in standard deviations of the prior; beyond it no picture means anything
SIDES = range(16, 1025)  # pixels of a live picture


def latent(value: Any, width: int) -> np.ndarray:
    """A latent.

    Args:
        value: a list of numbers, or an array.
        width: z_dim of the model.

    Returns:
        (width,) float32.

    Raises:
        UserError: another length or type, or numbers that are not finite or beyond `MAX_ABS`.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        if value.shape != (width,):
            raise UserError(f"A latent of this model has {width} numbers; this one has the shape {value.shape}.")
        numbers = value.astype(np.float32)
        if not np.all(np.abs(numbers) <= MAX_ABS):  # NaN is not either
            raise _out_of_range()
        return numbers
    if not isinstance(value, list | tuple):
        raise UserError(f"A latent is a list of {width} numbers, as encoding a picture gives it.")
    if len(value) != width:
        raise UserError(f"A latent of this model has {width} numbers; this one has {len(value)}.")
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in value):
        raise UserError(f"A latent is a plain list of {width} numbers; this one holds something else.")
    if not all(abs(number) <= MAX_ABS for number in value):
        raise _out_of_range()
    return np.array(value, np.float32)


def apply_values(controls: Sequence[Control], latent: np.ndarray, values: Any) -> np.ndarray:
    """A latent with named controls at other values.

    Args:
        controls: those the model has.
        latent: (z_dim,), valid.
        values: a dict of control name to number or word, applied in its order.

    Returns:
        A copy (z_dim,).

    Raises:
        UserError: not a dict, a control that does not exist, or a value a control does not have.
    """
    if not isinstance(values, dict):
        raise UserError('Attributes are an object of names and values, such as {"skin": 2, "glasses": "round"}.')
    names = {control.name for control in controls}
    for name, value in values.items():
        if name not in names:
            raise UserError(f"There is no control “{str(name)[:40]}”. There are: {', '.join(sorted(names))}.")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number and not isinstance(value, str):
            raise UserError(f"{name} takes a number or one of its words.")
        if is_number and not abs(value) <= 1e6:
            raise UserError(f"{name} takes a number within its range.")
    return apply_controls(controls, latent, values)


def _out_of_range() -> UserError:
    return UserError(
        f"The numbers of a latent lie between -{MAX_ABS:g} and {MAX_ABS:g}; this one has another. "
        "Take a latent that was encoded or sampled here."
    )
