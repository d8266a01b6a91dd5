"""Every box dialect: what is written is read again, and no words of a model can do harm."""

import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers.models.kosmos2.processing_kosmos2 import coordinate_to_patch_index, patch_index_to_coordinate

from playground.grounding.codecs import CODECS, Codec
from playground.grounding.codecs.parse_report import MAX_BOXES
from playground.grounding.types import Box, ParsedAnswer

SIZE = (641, 479)
NAMES = list(CODECS)
BIN = {
    "minigpt_v2": 1 / 100,
    "florence_loc": 1 / 1000,
    "kosmos_patch": 1 / 32,
    "paligemma_loc": 1 / 1024,
    "qwen_abs": 1 / min(SIZE),
    "rex_999": 1 / 999,
    "plain": 1 / 10_000,
}
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=NAMES)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    (x0, x1), (y0, y1) = (sorted(draw(st.lists(st.floats(0, 1), min_size=2, max_size=2))) for _ in "xy")
    return Box(x0, y0, max(x1, min(x0 + 1e-6, 1)), max(y1, min(y0 + 1e-6, 1)))


words = st.lists(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8), min_size=1, max_size=4).map(
    " ".join
)
# What models say, and what nobody should: pieces of every dialect, in any order.
PIECES = [
    "<p>", "</p>", "{<1><2><30><40>}", "{<", "<5>", "}", "<delim>", "{<9><9><9>}", "{<1><2><30><400>}",
    "<loc_1>", "<loc_999>", "<loc_", "</s>", "<loc0100>", "<loc1023>", "<loc", ";", " ; ", "<seg001>",
    "<phrase>", "</phrase>", "<object>", "</object>", "<patch_index_0044>", "<patch_index_0863>", "<patch_index_",
    "</delimiter_of_multi_objects/>", "<grounding>", "{<7><7><7><7>}",
    '[{"bbox_2d": [1, 2, 30, 40], "label": "hat"}]', "```json\n", "```", '{"bbox_2d": ', "[1, 2, 30, 40]",
    ', "label": "', '"', "'", "}, {", "[", "]", "{", ":", ",", "\\", '{"point_2d": [5, 5]}', "\\ud83d", "[]",
    '{"box_2d": [1, 2, 30, 40]}',
    "<ref>", "</ref>", "<box>", "</box>", "[[1, 2, 30, 40]]", "<|box_start|>", "<|box_end|>", "<|object_ref_start|>",
    "<|object_ref_end|>", "<1><2><30><40>", "<|", "[0.1, 0.2, 0.3, 0.4]", "[0.1, 0.", "-3", "9" * 400, "1e999", "nan",
    "a", "hat", " a hat", " ", "\n", "  ", ".", " .", "é", "帽子", "<script>alert(1)</script>", "&lt;", "\x00", "İ",
]  # fmt: skip
said = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=14).map("".join)


def read(codec: Codec, raw: str, complete: bool = True) -> ParsedAnswer:
    """A parsed, with what must hold for every one."""
    parsed = codec.parse(raw, SIZE, complete)
    assert parsed.text == parsed.text.strip()
    for entity in parsed.entities:
        assert entity.boxes
        for box in entity.boxes:
            assert 0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1
        if entity.span is None:
            assert entity.phrase == ""
        else:
            assert entity.phrase and parsed.text[slice(*entity.span)] == entity.phrase
    spans = sorted(entity.span for entity in parsed.entities if entity.span is not None)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert len(parsed.warnings) <= 10 and all(len(warning) < 120 for warning in parsed.warnings)
    return parsed


def far(codec: Codec, a: Box, b: Box) -> float:
    """The largest difference of two edges, in bins."""
    edges = ((a.x0, b.x0), (a.y0, b.y0), (a.x1, b.x1), (a.y1, b.y1))
    return max(abs(one - other) for one, other in edges) / BIN.get(codec.name, 1 / 1000)


@every_codec
@given(box=boxes())
@settings(max_examples=40, deadline=None)
def test_a_box_comes_back_within_one_bin(codec: Codec, box: Box) -> None:
    (entity,) = read(codec, codec.format_box(box, SIZE)).entities
    assert entity.phrase == "" and len(entity.boxes) == 1
    assert far(codec, box, entity.boxes[0]) <= 1.0001


@every_codec
@given(said=st.lists(st.tuples(words, st.lists(boxes(), min_size=1, max_size=3)), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_phrases_and_their_boxes_come_back(codec: Codec, said: list[tuple[str, list[Box]]]) -> None:
    said = list(dict(said).items())  # where labels stand in a list, equal ones are one
    joint = {"paligemma_loc": " ; ", "florence_loc": "", "plain": "\n"}.get(codec.name, " ")
    parsed = read(codec, joint.join(codec.format_phrase(phrase, places, SIZE) for phrase, places in said))
    assert [entity.phrase for entity in parsed.entities] == [phrase for phrase, _ in said]
    assert not parsed.warnings
    for entity, (_, places) in zip(parsed.entities, said, strict=True):
        assert all(far(codec, a, b) <= 1.0001 for a, b in zip(places, entity.boxes, strict=True))


@every_codec
@given(text=st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=6).map("".join), box=boxes())
@settings(max_examples=40, deadline=None)
def test_no_phrase_can_add_a_box(codec: Codec, text: str, box: Box) -> None:
    found = [
        there for entity in read(codec, codec.format_phrase(text, [box], SIZE)).entities for there in entity.boxes
    ]
    assert len(found) == 1 and far(codec, box, found[0]) <= 1.0001


@every_codec
@given(raw=said)
@example("<p>a hat</p> {<1><2><30><40><5>} {<1><2><3><4> on")
@example("<phrase> a hat</phrase><object><patch_index_0044><patch_index_0863><patch_index_0863></object>")
@example("<|object_ref_start|>hat<|object_ref_end|><|box_start|><1><2><30><40><5>, <1><2><30><40><|box_end|>")
@example("<ref>a hat</ref><box>[[1, 2, 30, 40, 5], [1, 2, 30, 400]</box> .")
@example("<loc_1><loc_2><loc_30><loc_40> a hat <loc0001><loc0002><loc0030><loc0040> a hat ; <loc0001><loc0002> b")
@example('A hat and a bag. ```json\n[{"bbox_2d": [1, 2, 3, 40], "label": "hat, b"}, {"box_2d": [1, 2, 3, 4]}]\n``` .')
@example('{"bbox_2d": -3')
@example('[{"bbox_2d": [3e+1, 2, 3')
@example("a hat: [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]; and [1] ; [3, 4, 50, 60, 7] b: [3, 4, 50, 60]")
@settings(max_examples=60, deadline=None)
def test_any_words_are_read_and_what_is_shown_stays(codec: Codec, raw: str) -> None:
    """Cut anywhere, the words so far give a beginning of what the whole text gives."""
    steps = [read(codec, raw[:end], complete=False) for end in range(len(raw) + 1)]
    for before, after in pairwise([*steps, read(codec, raw)]):
        assert after.text.startswith(before.text)
        for one, other in zip(before.entities, after.entities, strict=False):
            assert (one.phrase, one.span) == (other.phrase, other.span)
            assert other.boxes[: len(one.boxes)] == one.boxes
        assert len(before.entities) <= len(after.entities)


@every_codec
@pytest.mark.parametrize(
    "piece",
    ["{", "{<1>", "{<1><2><3><4>}", "<p>", "<", "[", "[{", '[{"', '{"a":', "[[", "`", "```json", "[1,", "<object>",
     "<loc_1>", "<loc0001> ", "<box>[", "{ ", " ", "a:", ";", '[{"bbox_2d":[1,2,3,4],"label":"a b"}]', "\\", "'{", "9",
     "<loc0001><loc0001><loc0002><loc0002>a;", '{"bbox_2d":[', "[0.1,0.1,0.2,0.2],"],
)  # fmt: skip
def test_endless_words_take_time_by_their_length_alone(codec: Codec, piece: str) -> None:
    raw = piece * (100_000 // len(piece))
    began = time.monotonic()
    parsed = read(codec, raw)
    assert time.monotonic() - began < 5  # a quadratic reader needs minutes
    assert sum(len(entity.boxes) for entity in parsed.entities) <= MAX_BOXES


@pytest.mark.parametrize("name", ["minigpt_v2", "kosmos_patch", "florence_loc", "qwen_rel1000", "plain"])
def test_the_words_of_another_dialect_stay_words(name: str) -> None:
    other = "kosmos_patch" if name != "kosmos_patch" else "rex_999"
    raw = "I see " + CODECS[other].format_phrase("hat", [Box(0.1, 0.2, 0.3, 0.4)], SIZE) + " there"
    assert read(CODECS[name], raw) == ParsedAnswer(raw)


def test_kosmos_counts_patches_as_its_own_processor() -> None:
    codec = CODECS["kosmos_patch"]
    for values in [
        (0.1, 0.2, 0.31, 0.9),
        (0, 0, 1, 1),
        (0.5, 0.1, 0.52, 0.9),
        (0.5, 0.5, 0.51, 0.51),
        (0.9, 0.2, 1, 0.21),
    ]:
        first, second = coordinate_to_patch_index(values, 32)
        raw = f"<object><patch_index_{first:04d}><patch_index_{second:04d}></object>"
        assert codec.format_box(Box(*values), SIZE) == raw
        (box,) = read(codec, raw).entities[0].boxes
        assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx(patch_index_to_coordinate(first, second, 32))


LISTED = """```json
[
\t{"bbox_2d": [1, 2, 30, 40], "label": "dog"},
\t{"label": "Tail", "bbox_2d": [1, 2, 30, 40]}
]
```"""
ONE = "<loc0100><loc0200><loc0300><loc0400>"
SAID: list[tuple[str, str, tuple[str, list[tuple[str, int]], tuple[str, ...]]]] = [
    (
        "minigpt_v2",
        "<p>two people</p> {<1><2><30><40>}<delim>{<50><2><70><40>}: <p>a hat</p> {<5><5><9><9>}.</s>",
        ("two people: a hat.", [("two people", 2), ("a hat", 1)], ()),
    ),
    (
        "minigpt_v2",
        "<p>a hat</p> {<90><5><10><900>} and {<1><2><3>} on <p>a {<5><5><5><9>} {<1>",
        (
            "a hat and on a",
            [("a hat", 1)],
            ("1 box turned round", "1 box cut at the picture's edge", *["1 box left out"] * 3),
        ),
    ),
    ("minigpt_v2", "{<4><50><30><65>}", ("", [("", 1)], ())),
    (
        "florence_loc",
        "</s><s>car<loc_1><loc_2><loc_30><loc_40>café<loc_1><loc_2><loc_3><loc_4><loc_5><loc_6><loc_7><loc_8></s><pad>",
        ("car, café", [("car", 1), ("café", 2)], ()),
    ),
    ("florence_loc", "A car, parked.</s>", ("A car, parked.", [], ())),
    (
        "kosmos_patch",
        "<grounding> An image of<phrase> a snowman</phrase><object><patch_index_0044><patch_index_0863></object> by"
        "<phrase> a fire</phrase><object><patch_index_0005><patch_index_0911></object>.",
        ("An image of a snowman by a fire.", [("a snowman", 1), ("a fire", 1)], ()),
    ),
    (
        "paligemma_loc",
        f"{ONE} cat ; {ONE} dog ; {ONE} cat<eos>",
        ("cat, dog", [("cat", 2), ("dog", 1)], ()),
    ),
    ("paligemma_loc", "A cat; it sleeps.", ("A cat; it sleeps.", [], ())),
    ("qwen_rel1000", LISTED, ("dog, Tail", [("dog", 1), ("Tail", 1)], ())),
    (
        "qwen_rel1000",
        f"Here is the Dog:\n{LISTED} Good?",
        ("Here is the Dog: Tail Good?", [("Dog", 1), ("Tail", 1)], ()),
    ),
    ("qwen_rel1000", LISTED[:-30], ("dog", [("dog", 1)], ("1 box left out",))),
    ("qwen_rel1000", "```json\n[]\n```", ("", [], ())),
    ("qwen_rel1000", '{"colour": "red", "of": [1]}', ('{"colour": "red", "of": [1]}', [], ())),
    (
        "qwen_rel1000",
        '{"point_2d": [500, 500], "label": "nose"}',
        ("nose", [("nose", 1)], ("1 point drawn as a small box",)),
    ),
    (
        "ref_box_1000",
        "<ref>hat</ref><box>[[1, 2, 30, 40], [1, 2, 30, 40]]</box><|im_end|>",
        ("hat", [("hat", 2)], ()),
    ),
    (
        "plain",
        "- hat: [0.1, 0.2, 0.3, 0.4], [64, 47, 128, 96]\nIn [1] I see [0, 0, 1, 1].",
        ("- hat:\nIn [1] I see.", [("hat", 2), ("", 1)], ()),
    ),
]


@pytest.mark.parametrize(("name", "raw", "expected"), SAID)
def test_what_models_say(name: str, raw: str, expected: tuple[str, list[tuple[str, int]], tuple[str, ...]]) -> None:
    parsed = read(CODECS[name], raw)
    found = [(entity.phrase, len(entity.boxes)) for entity in parsed.entities]
    assert (parsed.text, found, tuple(warning.split(":")[0] for warning in parsed.warnings)) == expected


def test_pixels_and_fractions_and_y_first() -> None:
    fractions = Box(0.1, 0.2, 0.3, 0.4)
    (plain,) = read(CODECS["plain"], f"[{0.1 * SIZE[0]}, {0.2 * SIZE[1]}, {0.3 * SIZE[0]}, {0.4 * SIZE[1]}]").entities
    assert far(CODECS["plain"], plain.boxes[0], fractions) < 0.01
    assert CODECS["qwen_abs"].format_box(fractions, (1000, 100)) == '{"bbox_2d": [100, 20, 300, 40]}'
    assert CODECS["gemini_yxyx1000"].format_box(fractions, SIZE) == '{"box_2d": [200, 100, 400, 300]}'
    assert CODECS["paligemma_loc"].format_box(Box(0, 0.5, 1, 1), SIZE) == "<loc0512><loc0000><loc1023><loc1023>"
    assert CODECS["florence_loc"].format_box(fractions, SIZE) == "<loc_100><loc_200><loc_300><loc_400>"
