"""The X/Y grid: one prompt, two settings varied, a picture for every pair and a sheet of them all.

Invariants: a grid is a list of ordinary requests done one after the other, so each of its pictures is the one
that its settings give alone; what is finished stays, whenever the grid ends.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from playground.errors import UserError
from playground.runtime.task import Task
from playground.text_to_image.grid_axes import KINDS, MOST_VALUES, Axis, Kind, parse
from playground.text_to_image.grid_sheet import draw
from playground.text_to_image.types import ImageEngine, ImageEvent, ImageRequest, Picture, Started, Step

if TYPE_CHECKING:
    from PIL import Image

    from playground.text_to_image.limits import Limits

__all__ = [
    "KINDS", "MOST_CELLS", "MOST_VALUES", "Axis", "Cell", "GridEvent", "Kind", "Sheet", "checked", "parse", "requests",
    "run", "sheet",
]  # fmt: skip
MOST_CELLS = 64


@dataclass(frozen=True)
class Cell:
    """One finished picture of the grid. `row` is its place in `y`, `column` its place in `x`, both from 0."""

    row: int
    column: int
    picture: Picture


@dataclass(frozen=True)
class Sheet:
    """All pictures are there: the labelled sheet, and the cells row by row."""

    image: "Image.Image"
    cells: tuple[Cell, ...]


GridEvent = Started | Step | Cell | Sheet


def requests(request: ImageRequest, x: Axis, y: Axis | None) -> tuple[tuple[ImageRequest, ...], ...]:
    """The request of every cell, a row for each value of `y` (one row without it); one picture each, no film.

    Raises `UserError` where both axes vary the same, where searched words do not stand in the prompts, and for more
    than `MOST_CELLS` cells.
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
    plain = replace(request, count=1, film=False)
    return tuple(
        tuple(_varied(plain, ((x, column), (y, row))) for column in x.values) for row in (y.values if y else (None,))
    )


def checked(axis: Axis, limits: "Limits") -> Axis:
    """The axis itself. Raises `UserError` for a value this model does not take: clamped, two cells would be one."""
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
    return axis


def run(engine: ImageEngine, request: ImageRequest, x: Axis, y: Axis | None, task: Task) -> Iterator[GridEvent]:
    """Make every picture of the grid: `Started` and `Step`s of the cell under way, a `Cell` each, at last `Sheet`.

    Raises what the engine raises; the cells yielded before stay valid, and `sheet` draws those there are.
    """
    cells: list[Cell] = []
    for row, wishes in enumerate(requests(request, x, y)):
        for column, wish in enumerate(wishes):
            task.check()
            with closing(_closable(engine.generate(wish, task))) as events:
                for event in events:
                    if isinstance(event, Picture):
                        cells.append(Cell(row, column, event))
                        yield cells[-1]
                    elif isinstance(event, Started | Step):
                        yield event
    yield Sheet(sheet(tuple(cells), x, y), tuple(cells))


def sheet(cells: tuple[Cell, ...] | list[Cell], x: Axis, y: Axis | None) -> "Image.Image":
    """The labelled contact sheet of these cells; a place whose cell is missing stays empty."""
    columns = [x.label(index) for index in range(len(x.values))]
    rows = [y.label(index) for index in range(len(y.values))] if y else [""]
    return draw({(cell.row, cell.column): cell.picture.image for cell in cells}, columns, rows)


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
