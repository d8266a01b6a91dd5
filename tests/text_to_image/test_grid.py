"""The X/Y grid: what is typed, the requests it becomes, the sheet, and how it ends."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from playground.errors import Cancelled, UserError
from playground.runtime.task import Task
from playground.text_to_image import contact_sheet as sheets
from playground.text_to_image.contact_sheet import draw_sheet
from playground.text_to_image.grid import (
    KINDS,
    MOST_CELLS,
    MOST_VALUES,
    Axis,
    Cell,
    Sheet,
    cell_requests,
    check_limits,
    contact_sheet,
    parse_axis,
    run_grid,
)
from playground.text_to_image.limits import Limits
from playground.text_to_image.types import Done, ImageEvent, ImageRequest, Picture, Settings, Started, Step

FOX = ImageRequest("a red fox, red sky, reddish", "red fur", seed=5, count=4, trajectory=True)
LIMITS = Limits(
    (1, 20, 50), (0.0, 3.0, 10.0), True, (32, 64, 128), 8, ("DDIMScheduler",), 4, True, True, False, 48
)  # fmt: skip


def settings_of(request: ImageRequest) -> Settings:
    return Settings(request.prompt, request.negative_prompt, "", "m", "", request.steps, 1.0, 48, 32, request.seed)


class Painter:
    """An engine whose picture is a colour made of the seed and the steps."""

    def __init__(self) -> None:
        self.closed = 0

    def generate(self, request: ImageRequest, task: Task) -> Iterator[ImageEvent]:
        try:
            yield Started(settings_of(request))
            yield Step(0, 1, 1, 1)
            task.check()
            image = Image.new("RGB", (48, 32), (request.seed, request.steps, 7))
            yield Picture(0, image, settings_of(request), 0.1)
            yield Done(0.1, 1)
        finally:
            self.closed += 1


# What is typed


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        ("seed", "1, 2,3", (1, 2, 3)),
        ("seed", "0", (0,)),
        ("seed", "4294967295", (2**32 - 1,)),
        ("steps", "1-4", (1, 2, 3, 4)),
        ("steps", "1-10 (+3)", (1, 4, 7, 10)),
        ("steps", "10-1 (-4)", (10, 6, 2)),
        ("steps", "10 - 8", (10, 9, 8)),
        ("steps", "1-10 [4]", (1, 4, 7, 10)),
        ("steps", "5, 10-30 (+10), 50", (5, 10, 20, 30, 50)),
        ("seed", "7-9 [1]", (7,)),
        ("guidance", "1, 7.5", (1.0, 7.5)),
        ("guidance", "1-2 (+0.5)", (1.0, 1.5, 2.0)),
        ("guidance", "0-1 [3]", (0.0, 0.5, 1.0)),
        ("guidance", "0-0.3 (+0.1)", (0.0, 0.1, 0.2, 0.3)),
        ("scheduler", "Euler a, DDIM", ("EulerAncestralDiscreteScheduler", "DDIMScheduler")),
        ("scheduler", "UniPCMultistepScheduler", ("UniPCMultistepScheduler",)),
        ("words", "red, blue , dark  green", ("red", "blue", "dark green")),
        ("words", '"red hat, tall", "none"', ("red hat, tall", "none")),
        ("words", "red, 1-3", ("red", "1-3")),
        ("words", "红色, 蓝色", ("红色", "蓝色")),
    ],
)
def test_what_is_typed_becomes_values(kind: str, text: str, values: tuple[object, ...]) -> None:
    axis = parse_axis(kind, text)
    assert axis == Axis(kind, values)  # type: ignore[arg-type]
    assert [type(value) for value in axis.values] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("size", "1", "not “size”"),
        ("seed", "", "Nothing is typed"),
        ("seed", " , ,", "Nothing is typed"),
        ("seed", "fox", "“fox” is no number"),
        ("seed", "-1", "from 0 to"),
        ("seed", "4294967296", "from 0 to"),
        ("seed", "1.5", "whole numbers"),
        ("seed", "9" * 400, "no number"),
        ("seed", "1-1000000", "at most"),
        ("seed", "1-900, 5", "at most"),
        ("seed", "1-5 [9999]", "1 to 24 values"),
        ("seed", "1-5 [0]", "1 to 24 values"),
        ("seed", "1-5 (+0)", "does not lead"),
        ("seed", "1-5 (-1)", "does not lead"),
        ("steps", "1-5 (+", "no number"),
        ("steps", "0", "from 1 to"),
        ("steps", "10000", "from 1 to 1000"),
        ("steps", "3, 1-5", "“3” is typed twice"),
        ("steps", "1-3 [9]", "typed twice"),
        ("guidance", "nan", "no number"),
        ("guidance", "1e5", "no number"),
        ("guidance", "-3", "not between"),
        ("guidance", "500", "not between"),
        ("scheduler", "magic", "no scheduler"),
        ("scheduler", "Euler, EulerDiscreteScheduler", "typed twice"),
        ("words", "red", "at least one to replace"),
        ("words", '"red, blue', "double quote"),
        ("words", "x" * 5_000, "at most 2000 characters"),
        ("words", ",".join(map(str, range(30))), "at most 24"),
    ],
)
def test_what_cannot_be_is_said_with_an_example(kind: str, text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_axis(kind, text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.sampled_from(KINDS), st.text(alphabet='0123456789-+.,()[]" ab', max_size=40) | st.text(max_size=40))
@settings(max_examples=400, deadline=None)
def test_whatever_is_typed_ends_in_an_axis_or_in_words(kind: str, text: str) -> None:
    try:
        axis = parse_axis(kind, text)
    except UserError:
        return
    assert 1 <= len(axis.values) <= MOST_VALUES
    assert len(set(axis.values)) == len(axis.values)
    assert all(isinstance(axis.label(index), str) for index in range(len(axis.values)))


@pytest.mark.parametrize("values", [None, 5, ["1"]])
def test_only_text_is_read(values: object) -> None:
    with pytest.raises(UserError, match="are text"):
        parse_axis("seed", values)  # type: ignore[arg-type]


# What it becomes


def test_every_cell_is_a_request_of_its_own() -> None:
    rows = cell_requests(FOX, parse_axis("seed", "1-3"), parse_axis("guidance", "2, 4"))
    assert [[(cell.seed, cell.guidance) for cell in row] for row in rows] == [
        [(1, 2.0), (2, 2.0), (3, 2.0)], [(1, 4.0), (2, 4.0), (3, 4.0)],
    ]  # fmt: skip
    assert all((cell.prompt, cell.count, cell.trajectory) == (FOX.prompt, 1, False) for row in rows for cell in row)


def test_one_side_is_one_row() -> None:
    rows = cell_requests(FOX, parse_axis("steps", "4, 8"), None)
    assert [[cell.steps for cell in row] for row in rows] == [[4, 8]]
    rows = cell_requests(FOX, parse_axis("scheduler", "DDIM"), None)
    assert rows[0][0].scheduler == "DDIMScheduler"


def test_words_are_replaced_where_they_stand_as_words() -> None:
    (row,) = cell_requests(FOX, parse_axis("words", "red, blue"), None)
    assert [cell.prompt for cell in row] == ["a red fox, red sky, reddish", "a blue fox, blue sky, reddish"]
    assert [cell.negative_prompt for cell in row] == ["red fur", "blue fur"]


def test_a_part_of_a_word_is_replaced_where_no_word_matches() -> None:
    (row,) = cell_requests(ImageRequest("一只红色的猫"), parse_axis("words", "红色, 蓝色"), None)
    assert row[1].prompt == "一只蓝色的猫"


def test_words_of_both_sides_do_not_touch_each_other() -> None:
    rows = cell_requests(
        ImageRequest("red hat, blue coat"), parse_axis("words", "red, blue"), parse_axis("words", "blue, red")
    )
    assert [[cell.prompt for cell in row] for row in rows] == [
        ["red hat, blue coat", "blue hat, blue coat"], ["red hat, red coat", "blue hat, red coat"],
    ]  # fmt: skip


def test_characters_that_patterns_know_are_words_too() -> None:
    (row,) = cell_requests(ImageRequest("a (fox:1.2) \\d"), parse_axis("words", "(fox:1.2), \\1, cat"), None)
    assert [cell.prompt for cell in row] == ["a (fox:1.2) \\d", "a \\1 \\d", "a cat \\d"]


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (("seed", "1-2"), ("seed", "3-4"), "Both sides of the grid vary seed"),
        (("words", "red, blue"), ("words", "red, green"), "replace “red”"),
        (("words", "green, blue"), None, "“green” is not in the prompt"),
        (("seed", "1-2"), ("words", "Red, blue"), "“Red” is not in the prompt"),
        (("seed", "1-9"), ("steps", "1-9"), f"has 81 pictures; {MOST_CELLS}"),
    ],
)
def test_grids_that_make_no_sense(x: tuple[str, str], y: tuple[str, str] | None, words: str) -> None:
    with pytest.raises(UserError, match=words):
        cell_requests(FOX, parse_axis(*x), parse_axis(*y) if y else None)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("steps", "10, 51", "steps from 1 to 50"),
        ("guidance", "0, 11", "from 0 to 10"),
        ("scheduler", "LMS", "does not"),
    ],
)
def test_what_one_model_does_not_take_is_not_clamped_to_twins(kind: str, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check_limits(parse_axis(kind, text), LIMITS)


@pytest.mark.parametrize(
    ("kind", "text"), [("steps", "1, 50"), ("scheduler", "DDIM"), ("seed", "1"), ("words", "a,b")]
)
def test_what_a_model_takes_passes(kind: str, text: str) -> None:
    check_limits(parse_axis(kind, text), LIMITS)  # raises nothing


# The run and its sheet


def test_every_picture_is_the_one_its_settings_give_alone() -> None:
    painter = Painter()
    events = list(run_grid(painter, FOX, parse_axis("seed", "1-3"), parse_axis("steps", "4, 8"), Task()))
    cells = [event for event in events if isinstance(event, Cell)]
    assert [(cell.row, cell.column) for cell in cells] == [(row, column) for row in range(2) for column in range(3)]
    for cell in cells:
        alone = Painter().generate(ImageRequest("x", seed=1 + cell.column, steps=(4, 8)[cell.row]), Task())
        picture = next(event for event in alone if isinstance(event, Picture))
        assert cell.picture.image.tobytes() == picture.image.tobytes()
    assert sum(isinstance(event, Started) for event in events) == sum(isinstance(event, Step) for event in events) == 6
    assert not any(isinstance(event, Done) for event in events)
    last = events[-1]
    assert isinstance(last, Sheet) and last.cells == tuple(cells)
    assert painter.closed == 6


def test_stop_keeps_what_is_finished_and_closes_the_engine() -> None:
    painter, task = Painter(), Task()
    cells: list[Cell] = []
    x = parse_axis("seed", "1-3")
    with pytest.raises(Cancelled):
        for event in run_grid(painter, FOX, x, None, task):
            if isinstance(event, Cell):
                cells.append(event)
                task.cancel()
    assert [cell.column for cell in cells] == [0]
    assert painter.closed == 1


def test_leaving_in_the_middle_closes_the_engine() -> None:
    painter = Painter()
    events = run_grid(painter, FOX, parse_axis("seed", "1-3"), None, Task())
    next(event for event in events if isinstance(event, Step))
    events.close()  # type: ignore[attr-defined]
    assert painter.closed == 1


def boxes(image: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """The box that holds every pixel of this colour: (left, top, right, bottom)."""
    found = np.argwhere((np.asarray(image) == colour).all(-1))
    assert len(found), f"{colour} is nowhere on the sheet"
    (top, left), (bottom, right) = found.min(0), found.max(0)
    return int(left), int(top), int(right), int(bottom)


def test_the_sheet_has_every_picture_in_its_place_and_labels_beside() -> None:
    x, y = parse_axis("seed", "10, 20"), parse_axis("steps", "4, 8, 12")
    events = list(run_grid(Painter(), FOX, x, y, Task()))
    image = events[-1].image if isinstance(events[-1], Sheet) else None
    assert image is not None
    places = {(seed, steps): boxes(image, (seed, steps, 7)) for seed in (10, 20) for steps in (4, 8, 12)}
    for left, top, right, bottom in places.values():
        assert (right - left + 1, bottom - top + 1) == (96, 64), "small pictures are enlarged by whole factors"
    assert places[10, 4][0] < places[20, 4][0] and places[10, 4][1] == places[20, 4][1]
    assert places[10, 4][1] < places[10, 8][1] < places[10, 12][1]
    pixels = np.asarray(image)
    assert (pixels[: places[10, 4][1]] < 100).any(), "labels over the columns"
    assert (pixels[places[10, 4][1] :, : places[10, 4][0]] < 100).any(), "labels before the rows"


def test_a_sheet_of_what_there_is_leaves_places_empty() -> None:
    x = parse_axis("seed", "10, 20")
    first = next(event for event in run_grid(Painter(), FOX, x, None, Task()) if isinstance(event, Cell))
    image = contact_sheet((first,), x, None)
    left, top, right, _ = boxes(image, (10, 0, 7))
    empty = boxes(image, (232, 232, 232))
    assert empty[0] > right and empty[1] == top and left < right


@pytest.mark.parametrize("label", ["", "x" * 500, "word " * 200, "猫" * 90, "\u202e<b>&amp;"])
def test_any_label_fits(label: str) -> None:
    x = Axis("words", ("red", label))
    image = contact_sheet((), x, Axis("words", (label, "b")))
    assert image.width < 3 * 200 and image.height < 3 * 200


def test_words_are_written_in_letters_or_as_numbers_and_never_as_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("red", "红色的头发", "é")
    found = sheets.font_for(words, 12)
    image = draw_sheet({}, words, [""])
    assert ("labels" in image.info) != all(sheets.legible(word, found) for word in words)
    monkeypatch.setattr(sheets, "SYSTEM_FONTS", ())  # a machine that has none
    image = draw_sheet({}, words, [""])
    assert image.info["labels"] == "column #2: 红色的头发\ncolumn #3: é"
    assert np.array_equal(np.asarray(image), np.asarray(draw_sheet({}, ("red", "#2", "#3"), [""])))
    assert "labels" not in draw_sheet({}, ("red", "blue"), [""]).info


def test_a_sheet_never_grows_beyond_measure() -> None:
    x, y = Axis("seed", tuple(range(8))), Axis("steps", tuple(range(1, 9)))
    large = Image.new("RGB", (1_024, 1_024))
    cells = [
        Cell(row, column, Picture(0, large, settings_of(FOX), 0.0)) for row in range(8) for column in range(8)
    ]  # fmt: skip
    image = contact_sheet(cells, x, y)
    assert max(image.size) < 6_500


def test_stop_from_another_thread() -> None:
    task = Task()
    started = threading.Event()

    class Slow(Painter):
        def generate(self, request: ImageRequest, task: Task) -> Iterator[ImageEvent]:
            started.set()
            for step in range(1_000):
                threading.Event().wait(0.005)
                task.check()
                yield Step(0, 1, step + 1, 1_000)

    def stop() -> None:
        started.wait(5)
        task.cancel()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(Cancelled):
        list(run_grid(Slow(), FOX, parse_axis("seed", "1-3"), None, task))
