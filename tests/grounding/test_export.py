"""Boxes as numbers, what a person types, and answers as other programs read them."""

import json
import math
from contextlib import suppress
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from playground.errors import UserError
from playground.grounding import export, task_tags
from playground.grounding.boxes import filter_by_score, iou, suppress_overlaps, to_pixels, validate_box
from playground.grounding.palette import PALETTE, colour
from playground.grounding.types import Answer, Box, Entity, GroundingTask, ParsedAnswer

SIZE = (200, 100)
HAT, FACE = Box(0.1, 0.2, 0.3, 0.6, 0.9), Box(0.5, 0.5, 1, 1)
READING = ParsedAnswer(
    "a hat on <b>",
    (Entity("a hat", (0, 5), (HAT, FACE)), Entity("", None, (FACE,)), Entity("gone", None, ())),
    ("Oh.",),
)
ANSWER = Answer(READING, "<p>a hat</p>", "[detection] hat", 1.23456, 7)


@given(st.lists(st.floats() | st.integers(), min_size=4, max_size=4))
@settings(deadline=None)
def test_four_numbers_of_anybody_are_a_box_or_refused(values: list[float]) -> None:
    with suppress(UserError):
        box = validate_box(values)
        assert 0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1
        left, top, right, bottom = to_pixels(box, SIZE)
        assert 0 <= left < right <= SIZE[0] and 0 <= top < bottom <= SIZE[1]


def test_what_is_no_box_is_said() -> None:
    assert validate_box([0.6, 0.9, 0.2, -0.1]) == Box(0.2, 0, 0.6, 0.9)  # dragged from the right, out at the top
    assert validate_box((0, 0, 1, 1)) == Box(0, 0, 1, 1)
    no_box = [
        None,
        "0 0 1 1",
        [0, 0, 1],
        [0, 0, 1, "1"],
        [True, False, True, True],
        [0, 0, 1, math.nan],
        [0, 0, 1, 9**999],
    ]
    for values in no_box:
        with pytest.raises(UserError, match="four numbers between 0 and 1"):
            validate_box(values)
    with pytest.raises(UserError, match="look like pixels"):
        validate_box([10, 20, 120, 90])
    for flat in ([0.5, 0.1, 0.5, 0.9], [1.2, 0, 1.9, 1]):
        with pytest.raises(UserError, match="no inside"):
            validate_box(flat)
    assert to_pixels(Box(0.999, 0, 1, 0.001), (10, 1)) == (9, 0, 10, 1)


def kept_of(boxes: list[Box], threshold: float) -> tuple[Box, ...]:
    return suppress_overlaps(ParsedAnswer("", (Entity("", None, tuple(boxes)),)), threshold).entities[0].boxes


def test_overlap_and_suppression() -> None:
    left, shifted, far = Box(0, 0, 0.4, 0.4, 0.5), Box(0.1, 0, 0.5, 0.4, 0.8), Box(0.6, 0.6, 1, 1, 0.1)
    assert iou(left, left) == pytest.approx(1) and iou(left, far) == 0 and iou(left, shifted) == pytest.approx(0.6)
    assert kept_of([left, shifted, far], 0.5) == (shifted, far)
    assert kept_of([left, shifted, far], 0.7) == (left, shifted, far)
    assert kept_of([left, Box(0, 0, 0.4, 0.4)], 0.5) == (Box(0, 0, 0.4, 0.4),)  # no score: the model is sure
    kept = kept_of([Box(i / 3000, 0, i / 3000 + 0.3, 1, i / 1000) for i in range(1000)], 0.6)
    assert len(kept) < 20 and all(iou(a, b) <= 0.6 for a, b in combinations(kept, 2))
    assert suppress_overlaps(READING, 0.5) == READING


def test_a_threshold_moves_no_number() -> None:
    higher = filter_by_score(READING, 0.95)
    assert [len(entity.boxes) for entity in higher.entities] == [1, 1, 0]
    assert filter_by_score(READING, 0.9) == READING


def test_tags_typed_by_hand() -> None:
    assert task_tags.parse_tag("[refer] the bald one") == (GroundingTask.REFER, "the bald one")
    assert task_tags.parse_tag(" [Grounded caption]") == (GroundingTask.GROUNDED_CAPTION, "")
    assert task_tags.parse_tag("[r1] and [vqa]") == (None, "[r1] and [vqa]")
    for ask in GroundingTask:
        assert task_tags.parse_tag(f"{task_tags.TAG_OF[ask]} who") == (
            ask if task_tags.TAG_OF[ask] else None,
            "who" if task_tags.TAG_OF[ask] else " who",
        )
    assert task_tags.parse_box("what is this {<4><50><30><65>} ?") == (Box(0.04, 0.5, 0.3, 0.65), "what is this?")
    assert task_tags.parse_box("[0.1, .2, 0.5, 0.6] who") == (Box(0.1, 0.2, 0.5, 0.6), "who")
    assert task_tags.parse_box("add [1, 2, 3, 4]") == (None, "add [1, 2, 3, 4]")
    with pytest.raises(UserError, match="no inside"):
        task_tags.parse_box("[0.1, 0.2, 0.1, 0.6]")
    assert task_tags.region_names("is [r2] like [R1], [r2], [r0] or [r1000]?") == ("r2", "r1")


@given(st.text() | st.lists(st.sampled_from(["[", "{<", "0.1", ", ", "]", "refer", ">", "}", "9", " "])).map("".join))
@settings(deadline=None)
def test_any_typed_text_is_taken(text: str) -> None:
    task_tags.parse_tag(text)
    task_tags.region_names(text)
    with suppress(UserError):
        task_tags.parse_box(text)


def test_json() -> None:
    whole = json.loads(export.as_json(ANSWER, SIZE, "some-model"))
    assert whole["image"] == {"file": "picture.png", "width": 200, "height": 100} and whole["model"] == "some-model"
    assert whole["entities"][0] == {
        "phrase": "a hat", "span": [0, 5], "boxes": [[0.1, 0.2, 0.3, 0.6], [0.5, 0.5, 1, 1]], "scores": [0.9, None],
        "score": 0.9, "pixels": [[20, 20, 60, 60], [100, 50, 200, 100]],
    }  # fmt: skip
    assert whole["entities"][1]["score"] is None and whole["entities"][1]["scores"] is None
    assert export.as_dict(ANSWER).keys() == {"text", "entities", "raw", "prompt", "warnings"}
    assert whole["warnings"] == ["Oh."] and whole["seconds"] == 1.235


def test_coco_and_yolo_hold_the_same_boxes() -> None:
    coco = json.loads(export.as_coco(READING, SIZE, "group.png"))
    assert coco["categories"] == [{"id": 1, "name": "a hat"}, {"id": 2, "name": "object"}]
    assert [(one["category_id"], one["bbox"]) for one in coco["annotations"]] == [
        (1, [20, 20, 40, 40]), (1, [100, 50, 100, 50]), (2, [100, 50, 100, 50])
    ]  # fmt: skip
    assert coco["annotations"][0]["score"] == 0.9 and coco["annotations"][0]["area"] == 1600
    assert "score" not in coco["annotations"][1]
    labels, names = export.as_yolo(READING)
    assert labels.splitlines()[0] == "0 0.200000 0.400000 0.200000 0.400000"
    assert labels.splitlines()[2].startswith("1 0.75") and names == "a hat\nobject\n"
    assert export.as_yolo(ParsedAnswer("nothing")) == ("", "")


def test_the_picture_shows_each_box_in_its_colour() -> None:
    image = Image.new("RGB", SIZE, "white")
    drawn = export.draw_boxes(image, READING, labels=False, width=2)
    assert image.getcolors() == [(20_000, (255, 255, 255))]  # the original is left alone
    assert drawn.getpixel((20, 40)) == _rgb(colour(0)) and drawn.getpixel((59, 59)) == _rgb(colour(0))
    assert drawn.getpixel((60, 60)) == drawn.getpixel((30, 30)) == (255, 255, 255)
    assert drawn.getpixel((199, 99)) == _rgb(colour(1))
    labelled = export.draw_boxes(image, READING)
    assert labelled.getpixel((24, 14)) != (255, 255, 255) and labelled.size == SIZE
    thin = ParsedAnswer("", (Entity("帽子\x00" * 99, None, (Box(0, 0, 1e-5, 1e-5, 0.5), Box(0.999, 0.999, 1, 1))),))
    for size in ((1, 1), (3, 400)):
        assert export.draw_boxes(Image.new("RGB", size), thin).size == size


def test_crops_are_named_by_numbers_alone() -> None:
    parts = export.crops(Image.new("RGB", SIZE), READING)
    assert [(part.name, part.phrase, part.image.size) for part in parts] == [
        ("entity-01-box-01.png", "a hat", (40, 40)),
        ("entity-01-box-02.png", "a hat", (100, 50)),
        ("entity-02-box-01.png", "", (100, 50)),
    ]


def test_colours_can_be_read_on_light_and_dark() -> None:
    assert len(set(PALETTE)) == 12 and colour(13) == colour(1)
    for shade in PALETTE:
        assert _contrast(shade, "#ffffff") >= 4.5 and _contrast(shade, "#111827") >= 3.5


def _rgb(shade: str) -> tuple[int, ...]:
    return tuple(int(shade[place : place + 2], 16) for place in (1, 3, 5))


def _contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""
    lights = []
    for shade in (one, other):
        parts = [value / 255 for value in _rgb(shade)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))
    return (max(lights) + 0.05) / (min(lights) + 0.05)
