"""From what a person or a program writes to a list of seeds: "1-16, 40, 7" or [1, 2, 3].

Invariants: pure, and suspicious: how many there are is known before any of them is written down.
"""

import re
from collections.abc import Sequence

from playground.errors import UserError

HIGHEST = 2**32 - 1  # what numpy's RandomState takes
MOST_ON_A_PAGE = 64
MOST_COUNTED = 1000  # for a histogram
LONGEST_TEXT = 4000  # characters
HOW = f"Seeds are whole numbers from 0 to {HIGHEST}, for example 1-16, 40, 7."

_SEPARATORS = re.compile(r"[,;，；、\s]+")
_DASHES = re.compile(r"(?<=[0-9])\s*[-–—~～]\s*(?=[0-9])")
_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_PART = re.compile(r"-?[0-9]+|[0-9]+-[0-9]+")


def parse(seeds: object, most: int = MOST_ON_A_PAGE) -> list[int]:
    """The seeds in the order written; one that is written twice comes twice.

    Args:
        seeds: text of numbers and ranges (both ends included), or a list of whole numbers.
        most: how many there may be.

    Raises:
        UserError: none, too many, or something that is no seed; the words name it.
    """
    if isinstance(seeds, str):
        ranges = _ranges(seeds)
    elif isinstance(seeds, Sequence) and not isinstance(seeds, bytes | bytearray):
        if len(seeds) > most:
            raise _too_many(len(seeds), most)
        ranges = [_only(seed) for seed in seeds]
    else:
        ranges = [_only(seeds)]
    count = sum(len(each) for each in ranges)
    if not count:
        raise UserError(f"No seed is given. {HOW}")
    if count > most:
        raise _too_many(count, most)
    return [seed for each in ranges for seed in each]


def one(seed: object) -> int:
    """A single seed. Raises `UserError` for anything else."""
    return _only(seed)[0]


def _ranges(text: str) -> list[range]:
    if len(text) > LONGEST_TEXT:
        raise UserError(f"The seeds are {len(text)} characters long; at most {LONGEST_TEXT}. Write ranges.")
    parts = [part for part in _SEPARATORS.split(_DASHES.sub("-", text)) if part]
    if not all(_PART.fullmatch(part) for part in parts):
        raise UserError(f"“{text.strip()[:40]}” is not a list of seeds. {HOW}")
    return [_range(part) for part in parts]


def _range(part: str) -> range:
    both = _RANGE.fullmatch(part)
    if both is None:
        return _only(int(part))
    first, last = (_only(int(end))[0] for end in both.groups())
    if last < first:
        raise UserError(f"The range “{part[:40]}” runs backwards. Write {last}-{first}.")
    return range(first, last + 1)


def _only(seed: object) -> range:
    """The range of this one seed. A number such as 3.0, as some programs write 3, is taken; 3.5 and True are not."""
    if isinstance(seed, float) and seed.is_integer():
        seed = int(seed)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise UserError(f"“{str(seed)[:40]}” is not a seed. {HOW}")
    if seed < 0:
        raise UserError(f"A seed cannot be negative. {HOW}")
    if seed > HIGHEST:
        raise UserError(f"A seed cannot be larger than {HIGHEST}. {HOW}")
    return range(seed, seed + 1)


def _too_many(count: int, most: int) -> UserError:
    return UserError(f"These are {count} seeds; at most {most} can be drawn at once. Ask for fewer.")
