"""Captions as a recipe needs them: the words of a picture, and exactly which values they allow.

Invariants: a picture is described anew every time it is met, and never in words that are held out; a claim is a
row of booleans over all values of all attributes, in the order of `ATTRIBUTES`.
"""

from functools import cache

import numpy as np

from playground.drawn_world.attributes import ATTRIBUTES, Person, from_labels
from playground.drawn_world.captions import Caption, held_out, portrait_caption
from playground.drawn_world.phrases import Claims
from playground.training.dataset import World


@cache
def value_offsets() -> tuple[int, ...]:
    """Where each attribute's values begin in a row of all values; the last number is how many there are."""
    return (0, *np.cumsum([len(attribute.values) for attribute in ATTRIBUTES]).tolist())


class Captions:
    """What may be said of the portraits of a folder."""

    def __init__(self, world: World) -> None:
        self.world = world

    def of(self, rows: np.ndarray, rng: np.random.Generator) -> list[Caption]:
        """A new caption for each of these rows."""
        return [_learnable(from_labels(labels), rng) for labels in self.world.labels(rows)]


def _learnable(person: Person, rng: np.random.Generator) -> Caption:
    while held_out((caption := portrait_caption(person, rng)).text):
        pass
    return caption


def allowed(claims: "Claims | dict[str, list[str]]") -> np.ndarray:
    """(V,) bool: the values that claims allow; all False for an attribute they do not name."""
    row = np.zeros(value_offsets()[-1], bool)
    for start, attribute in zip(value_offsets(), ATTRIBUTES, strict=False):
        if attribute.name in claims:
            named = {str(value) for value in claims[attribute.name]}
            row[start : start + len(attribute.values)] = [str(value) in named for value in attribute.values]
    return row
