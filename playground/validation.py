"""Numbers and seeds from outside: one way to check them, and the same words when they cannot be used.

Invariants: a page's limits bind nobody who calls an endpoint, so numbers are checked here, in Python. What is no
number is refused. A number out of its range is refused (`validate_number`, `validate_whole`) or, where a request has
notes for its visitor, moved to the nearest possible one and told (`clamp`, `clamp_whole`). A seed out of range is
always refused: another seed would be another result. True and False are no numbers; 3.0 is a whole number, for pages
and JSON know no others.
"""

import math

from playground.errors import UserError

MAX_SEED = 2**32 - 1  # what numpy's RandomState takes; torch takes more


def validate_finite(value: object, name: str) -> float:
    """A finite number.

    Args:
        value: what came from outside.
        name: what it is called there, for the message.

    Returns:
        The number; whole numbers too large for a float become ±1e300.

    Raises:
        UserError: it is no number, or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{name} must be a number, not {quote(value)}.")
    try:
        result = float(value)
    except OverflowError:
        result = 1e300 if value > 0 else -1e300
    if not math.isfinite(result):
        raise UserError(f"{name} must be a finite number.")
    return result


def validate_number(value: object, name: str, least: float, most: float) -> float:
    """A number within a range.

    Args:
        value: what came from outside.
        name: what it is called there, for the message.
        least: the smallest that is possible.
        most: the largest that is possible.

    Raises:
        UserError: it is no number, or out of the range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UserError(f"{name} must be a number from {least:g} to {most:g}, not {quote(value)}.")
    return float(value)


def validate_whole(value: object, name: str, least: int, most: int) -> int:
    """A whole number within a range.

    Args:
        value: what came from outside; 3.0 counts as 3.
        name: what it is called there, for the message.
        least: the smallest that is possible.
        most: the largest that is possible.

    Raises:
        UserError: it is no whole number, or out of the range.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UserError(f"{name} must be a whole number from {least} to {most}, not {quote(value)}.")
    return value


def validate_seed(value: object, most: int = MAX_SEED) -> int:
    """A seed.

    Args:
        value: what came from outside; 3.0 counts as 3.
        most: the largest that is possible; less than the default where more seeds are counted on from it.

    Raises:
        UserError: it is no whole number from 0 to `most`.
    """
    return validate_whole(value, "A seed", 0, most)


def clamp(value: object, name: str, least: float, most: float, notes: list[str]) -> float:
    """A number, moved into a range if need be.

    Args:
        value: what came from outside.
        name: what it is called there, for the messages.
        least: the smallest that is possible.
        most: the largest that is possible.
        notes: what the visitor is told; a number that was moved adds a sentence.

    Raises:
        UserError: it is no finite number.
    """
    given = validate_finite(value, f"`{name}`")
    inside = min(max(given, least), most)
    if inside != given:
        why = f"only {least:g} is possible here" if least == most else f"from {least:g} to {most:g} is possible here"
        notes.append(f"{name.replace('_', ' ').capitalize()} {quote(value)} became {inside:g}: {why}.")
    return inside


def clamp_whole(value: object, name: str, least: int, most: int, notes: list[str]) -> int:
    """A whole number, moved into a range if need be.

    Args:
        value: what came from outside; 3.0 counts as 3.
        name: what it is called there, for the messages.
        least: the smallest that is possible.
        most: the largest that is possible.
        notes: what the visitor is told; a number that was moved adds a sentence.

    Raises:
        UserError: it is no whole number.
    """
    if not validate_finite(value, f"`{name}`").is_integer():
        raise UserError(f"`{name}` must be a whole number, not {quote(value)}.")
    return int(clamp(value, name, least, most, notes))


def quote(value: object) -> str:
    """A value as a message tells it, never longer than a few words.

    Args:
        value: what came from outside.
    """
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a number of {int(value.bit_length() * math.log10(2)) + 1} digits"
    if value is None or isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f"“{value[:20]}”" if isinstance(value, str) else type(value).__name__
