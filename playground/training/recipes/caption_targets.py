"""Captions as a recipe needs them: the words of a picture, and exactly which values they allow.

Invariants: a picture is described anew every time it is met, and never in words that are held out; a claim is a
row of booleans over all values of all attributes, in the order of `ATTRIBUTES`.
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from playground.drawn_world.attributes import ATTRIBUTES, from_labels
from playground.drawn_world.captions import (
    Caption,
    CaptionedPerson,
    captioned_person,
    held_out,
    names_nothing,
    portrait_caption,
    recaptioned,
)
from playground.drawn_world.nouns import Claims
from playground.drawn_world.sampling import SEEDS, Split
from playground.training.dataset import World


@cache
def value_offsets() -> tuple[int, ...]:
    """Where each attribute's values begin in a row of all values; the last number is how many there are."""
    return (0, *np.cumsum([len(attribute.values) for attribute in ATTRIBUTES]).tolist())


class Captions:
    """What may be said of the portraits of a folder; of captioned people always what they were made for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._captioned: dict[int, CaptionedPerson] = {}  # by seed; made again in a millisecond each, so kept

    def of(self, rows: np.ndarray, rng: np.random.Generator) -> list[Caption]:
        """A new caption for each of these rows."""
        if self.world.plan.kind == "captioned":
            return [
                _learnable(partial(recaptioned, self._made(seed)), rng) for seed in self.world.seeds(rows).tolist()
            ]
        return [_learnable(partial(portrait_caption, from_labels(row)), rng) for row in self.world.labels(rows)]

    def _made(self, seed: int) -> CaptionedPerson:
        if seed not in self._captioned:
            self._captioned[seed] = captioned_person(seed)
        return self._captioned[seed]

    def unnamed(self, rows: np.ndarray) -> np.ndarray:
        """(n,) bool: captioned people of whom nothing is named, who are natural therefore; none in other folders."""
        if self.world.plan.kind != "captioned":
            return np.zeros(len(rows), bool)
        return np.array([names_nothing(seed) for seed in self.world.seeds(rows).tolist()])


def new_captions(count: int, rng: np.random.Generator) -> list[Caption]:
    """Captions of `count` captioned people of training seeds, whom no picture shows: words alone are endless."""
    return [
        _learnable(partial(recaptioned, captioned_person(seed)), rng)
        for seed in rng.integers(len(SEEDS[Split.TRAIN]), size=count).tolist()
    ]


def _learnable(caption_by: Callable[[np.random.Generator], Caption], rng: np.random.Generator) -> Caption:
    while held_out((caption := caption_by(rng)).text):
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
