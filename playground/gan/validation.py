"""What a page or a program sends, checked: styles, truncation, edits, own directions, numbers.

Invariants: nothing is believed. Types, lengths, finiteness, ranges and counts are looked at before any of it
meets a network; what is wrong is a `UserError` that says which and what would be right. Numpy alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.errors import UserError
from playground.gan.types import Edit

TRUNCATION = (-2.0, 2.0)
STRENGTH = 20.0  # standard deviations, either way
LARGEST = 1e4  # of any number in a style: beyond it a picture is noise
MOST_EDITS = 32
MOST_OWN = 32
MOST_COMPONENTS = 64  # of PCA or SeFa
KINDS = ("pca", "sefa", "own")


def number(value: object, name: str, low: float, high: float) -> float:
    """A finite number within `low` … `high`. Raises `UserError` naming `name`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UserError(f"{name} must be a number from {low:g} to {high:g}, not {_short(value)}.")
    return float(value)


def whole(value: object, name: str, low: int, high: int) -> int:
    """A whole number within `low` … `high`; 3.0 counts as one. Raises `UserError` naming `name`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{name} must be a whole number from {low} to {high}, not {_short(value)}.")
    return value


def truncation(value: object) -> float:
    """psi. Raises `UserError`."""
    return number(value, "Truncation", *TRUNCATION)


def cutoff(value: object, layers: int) -> int | None:
    """Up to which layer truncation reaches; None for all. Raises `UserError`."""
    return None if value is None else whole(value, "The truncation's cutoff", 0, layers)


def style(value: object, layers: int, w_dim: int) -> np.ndarray:
    """(layers, w) float32 from an array or nested lists. Raises `UserError`."""
    wrong = UserError(
        f"This is no style of this model, which has {layers} layers of {w_dim} numbers. Choose one of its pictures."
    )
    if isinstance(value, np.ndarray):  # as every live picture has it
        if value.shape != (layers, w_dim) or value.dtype.kind != "f" or not (np.abs(value) <= LARGEST).all():
            raise wrong
        return value.astype(np.float32)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) != layers:
        raise wrong
    for row in value:
        if not _is_vector(row, w_dim):
            raise wrong
    return np.array(value, np.float32)


def own_directions(vectors: object, w_dim: int) -> tuple[np.ndarray, ...]:
    """Unit vectors (w,) from the directions that travel with a request, of any length but zero. Raises `UserError`."""
    if not isinstance(vectors, Sequence) or isinstance(vectors, str | bytes):
        raise UserError("The own directions must be a list of vectors.")
    if len(vectors) > MOST_OWN:
        raise UserError(
            f"These are {len(vectors)} own directions; at most {MOST_OWN} travel with a picture. Remove some."
        )
    found = []
    for place, vector in enumerate(vectors, start=1):
        row = vector.tolist() if isinstance(vector, np.ndarray) else vector
        length = float(np.linalg.norm(np.array(row, np.float64))) if _is_vector(row, w_dim) else 0.0
        if length < 1e-6:
            raise UserError(f"Own direction {place} must hold {w_dim} finite numbers, not all of them zero.")
        found.append((np.array(row, np.float64) / length).astype(np.float32))
    return tuple(found)


def edits(given: object, layers: int, components: int, own: int) -> tuple[Edit, ...]:
    """Edits of a model with so many layers, PCA components and own directions; each an `Edit` or its fields in a dict.

    Raises:
        UserError: not a list of edits, too many of them, a kind, index, strength or range of layers there is not.
    """
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise UserError("The edits must be a list.")
    if len(given) > MOST_EDITS:
        raise UserError(f"These are {len(given)} edits; at most {MOST_EDITS} at once. Remove some.")
    return tuple(_edit(each, layers, components, own) for each in given)


def span(given: object, layers: int) -> tuple[int, int]:
    """A range of layers, (first, last), both included. Raises `UserError`."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes) or len(given) != 2:
        raise UserError("A range of layers is given by its first and its last layer.")
    first = whole(given[0], "The first layer", 0, layers - 1)
    return first, whole(given[1], "The last layer", first, layers - 1)


def _edit(given: Any, layers: int, components: int, own: int) -> Edit:
    if isinstance(given, Mapping):
        fields = {name: given.get(name) for name in ("kind", "index", "strength", "layers")}
    elif isinstance(given, Edit):
        fields = vars(given)
    else:
        raise UserError("Every edit needs a kind, an index, a strength and layers.")
    kind = fields["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"There is no kind of direction {_short(kind)}. There are: {', '.join(KINDS)}.")
    count = own if kind == "own" else components
    if not count:
        raise UserError("This edit names an own direction, and none came with the request.")
    return Edit(
        kind,  # type: ignore[arg-type]  # one of KINDS
        whole(fields["index"], f"The index of a direction ({kind})", 0, count - 1),
        number(fields["strength"], "The strength of an edit", -STRENGTH, STRENGTH),
        span(fields["layers"], layers),
    )


def _is_vector(row: object, length: int) -> bool:
    """A list of so many finite numbers, none too large."""
    if not isinstance(row, Sequence) or isinstance(row, str | bytes) or len(row) != length:
        return False
    # NaN is within no limit, and comparing needs no conversion, which a huge whole number would not survive.
    return all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) <= LARGEST for x in row)


def _short(value: object) -> str:
    """How a wrong value is quoted: never long."""
    if isinstance(value, bool | int | float | str) and not (isinstance(value, int) and abs(value) > 10**30):
        return f"“{str(value)[:30]}”"
    return "this"
