"""Parse seeds: text such as "1-16, 40, 7", or a list of integers.

Invariants: pure functions. How many seeds there are is known, and limited, before a range is expanded.
"""

import re
from collections.abc import Sequence

from playground.errors import UserError
from playground.validation import MAX_SEED, validate_seed

MAX_SEEDS = 64
MAX_SAMPLES = 1000  # for a histogram
MAX_TEXT = 4000  # characters
HOW = f"Seeds are whole numbers from 0 to {MAX_SEED}, for example 1-16, 40, 7."

_SEPARATORS = re.compile(r"[,;，；、\s]+")
_DASHES = re.compile(r"(?<=[0-9])\s*[-–—~～]\s*(?=[0-9])")
_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_PART = re.compile(r"-?[0-9]+|[0-9]+-[0-9]+")


def parse_seeds(seeds: object, limit: int = MAX_SEEDS) -> list[int]:
    """Seeds in the order written, duplicates included.

    Args:
        seeds: text of numbers and ranges (both ends included), or a list of whole numbers 0 to 2^32 - 1.
        limit: how many there may be.

    Returns:
        At least one seed.

    Raises:
        UserError: none, too many, or something that is not a seed; the message names it.
    """
    if isinstance(seeds, str):
        ranges = _ranges(seeds)
    elif isinstance(seeds, Sequence) and not isinstance(seeds, bytes | bytearray):
        if len(seeds) > limit:
            raise _too_many(len(seeds), limit)
        ranges = [_single(seed) for seed in seeds]
    else:
        ranges = [_single(seeds)]
    count = sum(len(each) for each in ranges)
    if not count:
        raise UserError(f"No seed is given. {HOW}")
    if count > limit:
        raise _too_many(count, limit)
    return [seed for each in ranges for seed in each]


def parse_seed(seed: object) -> int:
    """A single seed.

    Args:
        seed: a whole number 0 to 2^32 - 1; 3.0 counts as 3.

    Returns:
        The seed.

    Raises:
        UserError: anything else.
    """
    return _single(seed)[0]


def _ranges(text: str) -> list[range]:
    if len(text) > MAX_TEXT:
        raise UserError(f"The seeds are {len(text)} characters long; at most {MAX_TEXT}. Write ranges.")
    parts = [part for part in _SEPARATORS.split(_DASHES.sub("-", text)) if part]
    if not all(_PART.fullmatch(part) for part in parts):
        raise UserError(f"“{text.strip()[:40]}” is not a list of seeds. {HOW}")
    return [_range(part) for part in parts]


def _range(part: str) -> range:
    both = _RANGE.fullmatch(part)
    if both is None:
        return _single(int(part))
    first, last = (_single(int(end))[0] for end in both.groups())
    if last < first:
        raise UserError(f"The range “{part[:40]}” runs backwards. Write {last}-{first}.")
    return range(first, last + 1)


def _single(value: object) -> range:
    """The range of this one seed."""
    seed = validate_seed(value)
    return range(seed, seed + 1)


def _too_many(count: int, limit: int) -> UserError:
    return UserError(f"These are {count} seeds; at most {limit} can be drawn at once. Ask for fewer.")
