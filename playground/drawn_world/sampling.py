"""Seeds, and people whose every value is equally likely: the coverage that encoders and judges need.

People as one meets them are drawn in `natural`.

Invariants: a seed decides everything and belongs to exactly one split; nothing is drawn from a shared
generator, so any picture can be made again alone, in any process, in any order.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import numpy as np

from playground.drawn_world.attributes import ATTRIBUTES, Person, visible, with_value


class Split(StrEnum):
    TRAIN = "train"  # what the models learn from
    JUDGE = "judge"  # what the classifiers that measure them learn from
    HELD_OUT = "held-out"  # what every published number is measured on


# Ranges of seeds, apart by construction. A seed of one split is refused where another split is meant.
SEEDS = {
    Split.TRAIN: range(0, 1_000_000_000),
    Split.JUDGE: range(1_000_000_000, 2_000_000_000),
    Split.HELD_OUT: range(2_000_000_000, 3_000_000_000),
}
_PERSON = 1  # streams of one seed: each purpose draws from its own, so that none shifts another
SCENE = 2
CAPTION = 3
EXPRESSIONS = 4
GROUNDED = 5
EDIT = 6
NATURAL = 7
DESCRIBED = 8


def seeds(split: Split, count: int, start: int = 0) -> range:
    """`count` seeds of that split, from its `start`-th on.

    Raises:
        ValueError: the split has fewer seeds.
    """
    everything = SEEDS[split]
    if start < 0 or count < 0 or start + count > len(everything):
        raise ValueError(f"The split {split} has {len(everything)} seeds; {start} + {count} is more.")
    return everything[start : start + count]


def split_of(seed: int) -> Split:
    """The split that this seed belongs to. Raises ValueError where it belongs to none."""
    for split, everything in SEEDS.items():
        if seed in everything:
            return split
    raise ValueError(f"The seed {seed} belongs to no split.")


def require(split: Split, chosen: Iterable[int]) -> None:
    """Refuse seeds of any other split: training and measuring must never meet the same people.

    Raises:
        ValueError: naming the first stranger.
    """
    everything = SEEDS[split]
    if isinstance(chosen, range) and chosen:
        chosen = (chosen[0], chosen[-1])
    for seed in chosen:
        if seed not in everything:
            raise ValueError(f"The seed {seed} is of the split {split_of(seed)}, not of {split}.")


def stream(seed: int, purpose: int) -> np.random.Generator:
    """The generator of this seed for one purpose."""
    return np.random.default_rng((seed, purpose))


def person(seed: int) -> Person:
    """The person of this seed: every attribute drawn uniformly and independently of all others."""
    return random_person(stream(seed, _PERSON))


def edited(seed: int) -> Person:
    """The person of this seed after one attribute that its portrait shows got another value, all equally likely."""
    who, rng = person(seed), stream(seed, EDIT)
    shown = [a for a in ATTRIBUTES if a.name in visible(who)]
    attribute = shown[int(rng.integers(len(shown)))]
    others = [value for value in attribute.values if value is not getattr(who, attribute.name)]
    return with_value(who, attribute.name, others[int(rng.integers(len(others)))])


def random_person(rng: np.random.Generator) -> Person:
    """A person drawn from `rng`: every attribute uniform and independent."""
    values: dict[str, Any] = {a.name: a.values[int(rng.integers(len(a.values)))] for a in ATTRIBUTES}
    return Person(**values)
