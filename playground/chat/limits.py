"""Limits enforced in Python, since a page's sliders bind nobody who calls the API."""

from dataclasses import fields

from playground.inference.types import Sampling
from playground.validation import MAX_SEED, validate_number, validate_seed, validate_whole

# name: (least, most); what the sliders of the tab show too
RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 2.0),
    "top_p": (0.01, 1.0),
    "top_k": (0, 200),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (1.0, 2.0),
    "max_new_tokens": (1, 8192),
    "seed": (0, MAX_SEED),
}
_WHOLE = ("top_k", "max_new_tokens")


def checked_sampling(**values: float) -> Sampling:
    """A `Sampling` of these values. Raises `UserError` naming the first that is out of its range."""
    for field in fields(Sampling):
        if field.name not in values:
            continue
        value, (least, most) = values[field.name], RANGES[field.name]
        if field.name == "seed":
            values["seed"] = validate_seed(value)
        elif field.name in _WHOLE:
            values[field.name] = validate_whole(value, f"`{field.name}`", int(least), int(most))
        else:
            values[field.name] = validate_number(value, f"`{field.name}`", least, most)
    return Sampling(**values)  # type: ignore[arg-type]  # whole numbers are ints by now
