"""Limits enforced in Python, since a page's sliders bind nobody who calls the API."""

import math
from dataclasses import fields

from playground.errors import UserError
from playground.inference.types import Sampling

# name: (least, most); what the sliders of the tab show too
RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 2.0),
    "top_p": (0.01, 1.0),
    "top_k": (0, 200),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (1.0, 2.0),
    "max_new_tokens": (1, 8192),
    "seed": (0, 2**32 - 1),
}
_WHOLE = ("top_k", "max_new_tokens", "seed")


def checked_sampling(**values: float) -> Sampling:
    """A `Sampling` of these values. Raises `UserError` naming the first that is out of its range."""
    for field in fields(Sampling):
        if field.name not in values:
            continue
        value, (least, most) = values[field.name], RANGES[field.name]
        if not isinstance(value, (int, float)) or not math.isfinite(value) or not least <= value <= most:
            raise UserError(f"`{field.name}` is {str(value)[:40]}; it must lie between {least:g} and {most:g}.")
        values[field.name] = int(value) if field.name in _WHOLE else float(value)
    return Sampling(**values)  # type: ignore[arg-type]  # whole numbers are ints by now
