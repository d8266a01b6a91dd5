"""Captions as a recipe needs them: the words of a picture, and exactly which values they allow.

Rule of the room: read once from the records of a rendered world; a claim is a row of booleans over all values of all
attributes, in the order of `ATTRIBUTES`.
"""

from functools import cache

import numpy as np

from playground.training.attributes import ATTRIBUTES
from playground.training.phrases import Claims
from playground.training.reading import World


@cache
def value_offsets() -> tuple[int, ...]:
    """Where each attribute's values begin in a row of all values; the last number is how many there are."""
    return (0, *np.cumsum([len(attribute.values) for attribute in ATTRIBUTES]).tolist())


class Captions:
    """The captions of a folder of portraits, by row."""

    def __init__(self, world: World) -> None:
        records = world.records()
        self.texts: list[str] = [record["caption"] for record in records]
        self.allowed = np.zeros((len(records), value_offsets()[-1]), bool)  # (N, V)
        for row, record in enumerate(records):
            self.allowed[row] = allowed(record["claims"])

    def of(self, rows: np.ndarray) -> tuple[list[str], list[np.ndarray]]:
        """The texts of these rows, and what they allow."""
        return [self.texts[row] for row in rows], [self.allowed[row] for row in rows]


def allowed(claims: "Claims | dict[str, list[str]]") -> np.ndarray:
    """(V,) bool: the values that claims allow; all False for an attribute they do not name."""
    row = np.zeros(value_offsets()[-1], bool)
    for start, attribute in zip(value_offsets(), ATTRIBUTES, strict=False):
        if attribute.name in claims:
            named = {str(value) for value in claims[attribute.name]}
            row[start : start + len(attribute.values)] = [str(value) in named for value in attribute.values]
    return row
