"""How often a model draws what nobody asked for, beside how frequent it is among people.

Invariants: of every attribute only those people count whose picture shows it; labels are what a judge reads, (N, A).
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache

import numpy as np

from playground.drawn_world.attributes import ATTRIBUTES, BEARDS, HATS, labels
from playground.drawn_world.natural import natural
from playground.drawn_world.sampling import Split, seeds
from playground.drawn_world.values import Eyes, FacialHair, Glasses, HairColour, Lenses
from playground.training.evaluation.model_card import Row, percent

FACIAL_HAIR = (*BEARDS, FacialHair.MOUSTACHE)
MEASURED: tuple[tuple[str, str, tuple[StrEnum, ...]], ...] = (
    ("facial hair", "facial_hair", FACIAL_HAIR),
    ("glasses", "glasses", (Glasses.ROUND, Glasses.SQUARE)),
    ("dark lenses, of glasses", "lenses", (Lenses.DARK,)),
    ("hearts for eyes", "eyes", (Eyes.HEARTS,)),
    ("pink or blue hair", "hair_colour", (HairColour.PINK, HairColour.BLUE)),
    ("a hat", "top", HATS),
)
PEOPLE = 4000  # natural people that frequencies are counted among


def frequency_rows(found: np.ndarray, of: str) -> list[Row]:
    """How frequent what is `MEASURED` is among people with these labels; `of` says which pictures they are."""
    return [
        Row(f"{what}, of {len(found)} {of}", percent(having(found, name, values)), "",
            f"among people {percent(having(_people(), name, values))}")
        for what, name, values in MEASURED
    ]  # fmt: skip


def having(found: np.ndarray, name: str, values: Sequence[StrEnum]) -> float:
    """The share of people (N, A) with one of these values, of those who show that attribute."""
    index = [attribute.name for attribute in ATTRIBUTES].index(name)
    shown = found[:, index][found[:, index] >= 0]
    return float(np.isin(shown, [ATTRIBUTES[index].values.index(value) for value in values]).mean())


@cache
def _people() -> np.ndarray:
    return np.stack([labels(natural(seed)) for seed in seeds(Split.HELD_OUT, PEOPLE)])
