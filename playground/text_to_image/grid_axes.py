"""What a grid varies along one side: the kind of setting and its values, as they are typed.

Invariants: text in, an `Axis` whose every value has its type and lies in a sane range out, or a `UserError` that
shows what could be typed instead. What one model allows is checked by `grid.checked`.

Ranges are written as in other tools: `1-10`, `1-10 (+3)` for a step, `1-10 [4]` for a number of values.
"""

import csv
import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from playground.errors import UserError
from playground.text_to_image.scheduler_names import class_named
from playground.validation import MAX_SEED

Kind = Literal["seed", "steps", "guidance", "scheduler", "words"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_VALUES = 24
MOST_TEXT = 2_000  # characters
MOST_STEPS = 1_000
MOST_GUIDANCE = 100.0
_NAMES = {"seed": "seeds", "steps": "steps", "guidance": "guidance", "scheduler": "schedulers", "words": "words"}
_NUMBER = r"[+-]?\d{1,12}(?:\.\d{1,12})?"
_RANGE = re.compile(
    rf"({_NUMBER})\s*-\s*({_NUMBER})\s*(?:\(\s*(?P<step>{_NUMBER})\s*\)|\[\s*(?P<count>\d{{1,4}})\s*\])?"
)


@dataclass(frozen=True)
class Axis:
    """One side of a grid. Values are ints (seed, steps), floats (guidance), class names (scheduler) or words.

    With `words` the first value is what is searched in the prompts; every value, the first one too, takes its place.
    """

    kind: Kind
    values: tuple[int | float | str, ...]

    def label(self, index: int) -> str:
        """What stands at this row or column of the sheet."""
        value = self.values[index]
        if self.kind == "words":
            return str(value)
        if self.kind == "scheduler":
            return str(value).removesuffix("Scheduler").removesuffix("Discrete")
        return f"{self.kind} {value:g}" if isinstance(value, float) else f"{self.kind} {value}"


def parse(kind: str, text: str) -> Axis:
    """The axis of a kind and what was typed: values with commas between, ranges among the numbers.

    Words that hold a comma stand in double quotes. Raises `UserError` for an unknown kind, nothing typed, more than
    `MOST_VALUES` values, a value twice, or one out of its range.
    """
    if kind not in KINDS:
        raise UserError(f"A grid can vary {', '.join(KINDS)}, not “{str(kind)[:40]}”.")
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise UserError(f"The values of a grid are text of at most {MOST_TEXT} characters.")
    parts = _parts(text)
    if not parts:
        raise UserError(f"Nothing is typed for the grid's {_NAMES[kind]}. {_example(kind)}")
    values: list[int | float | str] = []
    for part in parts:
        values += _values(kind, part)
        if len(values) > MOST_VALUES:
            raise UserError(f"{_NAMES[kind].capitalize()} for a grid: at most {MOST_VALUES} values. Type fewer.")
    if twice := next((value for index, value in enumerate(values) if value in values[:index]), None):
        raise UserError(f"“{twice}” is typed twice among the grid's {_NAMES[kind]}. Leave one of them out.")
    if kind == "words" and len(values) < 2:
        raise UserError(
            f"A grid of words needs the word of the prompt and at least one to replace it. {_example(kind)}"
        )
    return Axis(kind, tuple(values))


def _parts(text: str) -> list[str]:
    try:
        rows = list(csv.reader([" ".join(text.split())], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise UserError("A double quote is open or stands within a value. Put the whole value in quotes.") from error
    return [part.strip() for row in rows for part in row if part.strip()]


def _values(kind: Kind, part: str) -> list[int | float | str]:
    if kind == "words":
        return [part]
    if kind == "scheduler":
        name = class_named(part)
        if not name:
            raise UserError(f"“{part[:60]}” is no scheduler known here. {_example(kind)}")
        return [name]
    found = _RANGE.fullmatch(part)
    numbers = _spread(found, kind) if found else [_number(part, kind)]
    return [_in_range(kind, number) for number in numbers]


def _number(part: str, kind: Kind) -> float:
    if re.fullmatch(_NUMBER, part) is None:
        raise UserError(f"“{part[:40]}” is no number and no range. {_example(kind)}")
    return float(part)


def _spread(found: re.Match[str], kind: Kind) -> list[float]:
    """The numbers of a range: every `step` from the first on, or `count` of them in equal distances."""
    first, last = float(found[1]), float(found[2])
    if found["count"]:
        count = int(found["count"])
        if not 1 <= count <= MOST_VALUES:
            raise UserError(f"A range [in brackets] has 1 to {MOST_VALUES} values.")
        spread = [first + (last - first) * i / max(1, count - 1) for i in range(count)]
        return spread if kind == "guidance" else [float(math.floor(value + 0.5)) for value in spread]
    step = float(found["step"]) if found["step"] else math.copysign(1.0, last - first)
    if step == 0 or (last - first) * step < 0:
        raise UserError(f"The step of “{found[0][:40]}” does not lead from its first number to its last.")
    count = math.floor((last - first) / step + 1e-9) + 1
    if count > MOST_VALUES:
        raise UserError(f"“{found[0][:40]}” are {count} values; a grid has at most {MOST_VALUES} on a side.")
    return [first + step * i for i in range(count)]


def _in_range(kind: Kind, number: float) -> int | float:
    if kind == "guidance":
        if 0 <= number <= MOST_GUIDANCE:
            return round(number, 4)
        raise UserError(f"Guidance {number:g} is not between 0 and {MOST_GUIDANCE:g}.")
    least, most = (0, MAX_SEED) if kind == "seed" else (1, MOST_STEPS)
    if number != int(number) or not least <= number <= most:
        raise UserError(f"{_NAMES[kind].capitalize()} are whole numbers from {least} to {most}, not {number:.12g}.")
    return int(number)


def _example(kind: str) -> str:
    examples = {
        "seed": "Type seeds like 1, 2, 3 or 1-4.",
        "steps": "Type steps like 5, 10, 20 or 5-20 (+5).",
        "guidance": "Type guidance like 1, 4, 7.5 or 1-7 [4].",
        "scheduler": "Type schedulers like Euler, DDIM, DPM++ 2M.",
        "words": "Type the word of the prompt first, then what replaces it: red, blue, green.",
    }
    return examples[kind]
