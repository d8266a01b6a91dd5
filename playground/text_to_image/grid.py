"""The X/Y grid: two settings varied over one request, a picture for every pair of values, a contact sheet of them all.

Values of an axis are written as in other tools: `1, 2, 3`, `1-10`, `1-10 (+3)` for a step, `1-10 [4]` for a count.

Invariants: a grid is a list of ordinary requests done one after the other, so each of its pictures is the one that its
settings give alone; what is finished stays, whenever the grid ends. Text becomes an `Axis` whose every value has its
type and lies in a sane range, or a `UserError` that shows what could be typed instead.
"""

import csv
import math
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from playground.errors import UserError
from playground.runtime.task import Task
from playground.text_to_image.contact_sheet import draw_sheet
from playground.text_to_image.scheduler_names import scheduler_class
from playground.text_to_image.types import ImageEngine, ImageEvent, ImageRequest, Picture, Started, Step
from playground.validation import MAX_SEED

if TYPE_CHECKING:
    from PIL import Image

    from playground.text_to_image.limits import Limits

Kind = Literal["seed", "steps", "guidance", "scheduler", "words"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_CELLS = 64
MOST_VALUES = 24  # on one side
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
    """One side of a grid.

    Attributes:
        kind: The setting that is varied.
        values: Ints (seed, steps), floats (guidance), class names (scheduler) or words. With words the first value is
            what is searched in the prompts; every value, the first one too, takes its place.
    """

    kind: Kind
    values: tuple[int | float | str, ...]

    def label(self, index: int) -> str:
        """The text at this row or column of the sheet.

        Args:
            index: Of the value, from 0.
        """
        value = self.values[index]
        if self.kind == "words":
            return str(value)
        if self.kind == "scheduler":
            return str(value).removesuffix("Scheduler").removesuffix("Discrete")
        return f"{self.kind} {value:g}" if isinstance(value, float) else f"{self.kind} {value}"


def parse_axis(kind: str, text: str) -> Axis:
    """The axis of a kind and what was typed: values with commas between, ranges among the numbers.

    Args:
        kind: One of `KINDS`.
        text: The values, at most `MOST_TEXT` characters. Words that hold a comma stand in double quotes.

    Raises:
        UserError: An unknown kind, nothing typed, more than `MOST_VALUES` values, a value twice, or one out of range.
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


@dataclass(frozen=True)
class Cell:
    """One finished picture of the grid.

    Attributes:
        row: Its place in `y`, from 0.
        column: Its place in `x`, from 0.
        picture: The picture.
    """

    row: int
    column: int
    picture: Picture


@dataclass(frozen=True)
class Sheet:
    """All pictures are there.

    Attributes:
        image: The labelled sheet.
        cells: Row by row.
    """

    image: "Image.Image"
    cells: tuple[Cell, ...]


GridEvent = Started | Step | Cell | Sheet


def cell_requests(request: ImageRequest, x: Axis, y: Axis | None) -> tuple[tuple[ImageRequest, ...], ...]:
    """The request of every cell: one picture each, no trajectory.

    Args:
        request: What all cells share.
        x: Varied over the columns.
        y: Varied over the rows; one row without it.

    Returns:
        A row of requests for each value of `y`.

    Raises:
        UserError: Both axes vary the same, searched words do not stand in the prompts, or there are more than
            `MOST_CELLS` cells.
    """
    if y is not None:
        if x.kind == y.kind != "words":
            raise UserError(f"Both sides of the grid vary {x.kind}. Choose another for one of them.")
        if x.kind == y.kind and x.values[0] == y.values[0]:
            raise UserError(f"Both sides of the grid replace “{x.values[0]}”. Search another word on one of them.")
    cells = len(x.values) * (len(y.values) if y else 1)
    if cells > MOST_CELLS:
        raise UserError(f"This grid has {cells} pictures; {MOST_CELLS} is the most. Type fewer values.")
    for axis in (x, y):
        if axis and axis.kind == "words" and not _stands_in(str(axis.values[0]), request):
            raise UserError(f"“{str(axis.values[0])[:60]}” is not in the prompt, so a grid cannot replace it.")
    plain = replace(request, count=1, trajectory=False)
    return tuple(
        tuple(_varied(plain, ((x, column), (y, row))) for column in x.values) for row in (y.values if y else (None,))
    )


def check_limits(axis: Axis, limits: "Limits") -> None:
    """Refuse an axis with a value that a model does not take: clamped, two cells would be one.

    Args:
        axis: One side of the grid.
        limits: Of the model.

    Raises:
        UserError: Names the value, and what the model takes.
    """
    if axis.kind == "scheduler":
        odd = next((value for value in axis.values if value not in limits.schedulers), None)
        if odd is not None:
            known = ", ".join(limits.schedulers) or "its own alone"
            raise UserError(f"{odd} does not work with this model. What does: {known}.")
    if axis.kind in ("steps", "guidance"):
        least, _, most = limits.steps if axis.kind == "steps" else limits.guidance
        odd = next((value for value in axis.values if not least <= float(value) <= most), None)
        if odd is not None:
            raise UserError(f"This model takes {axis.kind} from {least:g} to {most:g}, not {odd}.")


def run_grid(engine: ImageEngine, request: ImageRequest, x: Axis, y: Axis | None, task: Task) -> Iterator[GridEvent]:
    """Make every picture of the grid.

    Args:
        engine: Makes the pictures.
        request: What all cells share.
        x: Varied over the columns.
        y: Varied over the rows.
        task: Stops between two steps.

    Yields:
        `Started` and `Step`s of the cell under way, a `Cell` for each picture, at last the `Sheet`.

    Raises:
        UserError: What the engine raises. The cells yielded before stay valid; `contact_sheet` draws those there are.
    """
    cells: list[Cell] = []
    for row, cells_of_row in enumerate(cell_requests(request, x, y)):
        for column, cell_request in enumerate(cells_of_row):
            task.check()
            with closing(_closable(engine.generate(cell_request, task))) as events:
                for event in events:
                    if isinstance(event, Picture):
                        cells.append(Cell(row, column, event))
                        yield cells[-1]
                    elif isinstance(event, Started | Step):
                        yield event
    yield Sheet(contact_sheet(cells, x, y), tuple(cells))


def contact_sheet(cells: Sequence[Cell], x: Axis, y: Axis | None) -> "Image.Image":
    """The labelled contact sheet of some cells.

    Args:
        cells: Those that are finished; the place of a missing one stays empty.
        x: The columns.
        y: The rows.
    """
    columns = [x.label(index) for index in range(len(x.values))]
    rows = [y.label(index) for index in range(len(y.values))] if y else [""]
    return draw_sheet({(cell.row, cell.column): cell.picture.image for cell in cells}, columns, rows)


def _closable(events: Iterator[ImageEvent]) -> Generator[ImageEvent, None, None]:
    """Leaving the grid in the middle closes the engine's events too."""
    yield from events


def _varied(request: ImageRequest, settings: tuple[tuple[Axis | None, int | float | str | None], ...]) -> ImageRequest:
    """The request with these values; words of both axes are replaced at once, so neither touches the other's."""
    words: dict[str, str] = {}
    for axis, value in settings:
        if axis is None or value is None:
            continue
        match axis.kind:
            case "words":
                words[str(axis.values[0])] = str(value)
            case "scheduler":
                request = replace(request, scheduler=str(value))
            case "guidance":
                request = replace(request, guidance=float(value))
            case "steps":
                request = replace(request, steps=int(value))
            case "seed":
                request = replace(request, seed=int(value))
    if not words:
        return request
    return replace(
        request, prompt=_replaced(request.prompt, words), negative_prompt=_replaced(request.negative_prompt, words)
    )


def _stands_in(word: str, request: ImageRequest) -> bool:
    return word in request.prompt or word in request.negative_prompt


def _replaced(text: str, words: dict[str, str]) -> str:
    """Each of the words replaced where it stands as a word; where it never does, wherever it stands."""
    patterns = []
    for word in sorted(words, key=len, reverse=True):
        whole = rf"(?<!\w){re.escape(word)}(?!\w)"
        patterns.append(whole if re.search(whole, text) else re.escape(word))
    return re.sub("|".join(patterns), lambda found: words[found[0]], text)


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
        name = scheduler_class(part)
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
