"""What may be asked of a model about a picture: the catalogue's word, the limits, and every question held to them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.catalog import read_catalog
from playground.errors import UserError
from playground.families import built_in
from playground.grounding.answer_decoding import AnswerDecoder, locate_phrases, name_entities, substitute_regions
from playground.grounding.codecs import CODECS
from playground.grounding.limits import limits_of
from playground.grounding.options import GroundingOptions
from playground.grounding.task_instructions import instruction, split_list
from playground.grounding.types import Answer, Box, Entity, GroundingTask, ParsedAnswer, Question, Turn
from playground.grounding.validation import MAX_TEXT, neutralize_markup, validate_request
from playground.runtime.records import ModelKey
from tests.tiny_models.grounding import Desk, catalogue, picture, tiny_qwen3_vl

BUILT_IN = read_catalog()
EVERYTHING = BUILT_IN.get("qwen3-vl-2b")
DETECTOR = BUILT_IN.get("grounding-dino-tiny")
BOX = Box(0.1, 0.2, 0.5, 0.6)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("service")
    fields = 'codec = "qwen_rel1000", max_new_tokens = [1, 4, 40], working_bytes = 1_000_000'
    vl = {"id": "vl", "family": "qwen-vl", "path": str(tiny_qwen3_vl(folder / "vl")), "grounding": fields}
    made = Desk(folder, catalogue(folder / "models.toml", vl))
    yield made
    made.close()


def question(ask: Any = GroundingTask.CHAT, text: Any = "Who is this?", **more: Any) -> Question:
    return Question(ask, more.pop("image", picture()), text, **more)


def test_the_catalogue_names_real_codecs_and_families() -> None:
    entries = BUILT_IN.of_tab("grounding")
    assert entries[0].id == "avatar-minigpt" and entries[0].embedded
    assert {entry.family for entry in entries} == {
        name for name in built_in().names() if built_in()[name].tab == "grounding" and not built_in()[name].remote
    }
    for entry in entries:
        assert entry.memory_bytes and (entry.embedded or entry.download_bytes)
        assert entry.gated == (entry.family == "paligemma")


def test_what_a_model_cannot_do_has_a_sentence() -> None:
    for entry in BUILT_IN.of_tab("grounding"):
        limits = limits_of(entry)
        assert set(limits.tasks) == set(GroundingTask)
        for ask, why in limits.tasks.items():
            assert bool(why) == (ask not in GroundingOptions.of(entry).asks)
            assert not why or (why.endswith(".") and entry.label in why)
        assert limits.temperature == limits.streams != limits.scores
    assert "writes no words" in limits_of(DETECTOR).tasks[GroundingTask.CAPTION]
    assert not any(limits_of(BUILT_IN.get("avatar-minigpt")).tasks.values())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("threshold = 0.3", "scores"),
        ("max_new_tokens = [4, 2, 8]", "in this order"),
        ('asks = ["sing"]', "asks"),
        ('codec = "invented"', "codec"),
    ],
)
def test_a_wrong_entry_is_refused_by_field(tmp_path: Path, fields: str, said: str) -> None:
    entry = {"id": "x", "family": "qwen-vl", "path": "/nowhere", "grounding": fields}
    with pytest.raises(UserError, match=said):
        read_catalog(catalogue(tmp_path / "models.toml", entry))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (question(image=None), "no picture"),
        (question(image="/etc/passwd"), "must be a picture"),
        (question(image=Image.new("RGB", (1, 1))), "at least 8"),
        (question("sing"), "no task"),
        (question(["chat"]), "no task"),
        (question(text=None), "must be text"),
        (question(GroundingTask.REFER, " \x00\n"), "nothing to look for"),
        (question(GroundingTask.DETECT, ""), "nothing to look for"),
        (question(GroundingTask.VQA, ""), "no question"),
        (question(GroundingTask.IDENTIFY), "no box"),
        (question(GroundingTask.IDENTIFY, box=(0, 0, 1, 1)), "four numbers"),
        (question(GroundingTask.IDENTIFY, box=Box(0.5, 0.5, 0.5, 0.9)), "no inside"),
        (question(GroundingTask.IDENTIFY, box=Box(float("nan"), 0, 1, 1)), "four numbers"),
        (question(GroundingTask.IDENTIFY, box=Box(120, 40, 300, 200)), "pixels"),
        (question(text="Who is [r2]?", regions={"r1": BOX}), r"called \[r2\]"),
        (question(regions={f"r{n}": BOX for n in range(40)}), "At most"),
        (question(turns=("hello",)), "earlier turns"),
        (question(temperature=float("inf")), "finite"),
        (question(temperature=True), "must be a number"),
        (question(seed=1.5), "whole"),
        (question(seed=-1), "A seed must be a whole number from 0"),
        (question(seed=2**32), "A seed must be a whole number from 0"),
        (question(max_new_tokens="all"), "must be a number"),
    ],
)
def test_a_question_that_means_nothing_is_refused_in_words(wrong: Question, said: str) -> None:
    with pytest.raises(UserError, match=said):
        validate_request(EVERYTHING, wrong)


def test_what_goes_too_far_is_brought_inside_and_said() -> None:
    asked = question(
        text="x" * 10_000, box=Box(0.6, 0.9, 0.2, -0.1), temperature=9.0, seed=2**32 - 1, max_new_tokens=10**9
    )
    settled, notes = validate_request(EVERYTHING, asked)
    assert len(settled.text) == MAX_TEXT and settled.box == Box(0.2, 0.0, 0.6, 0.9)
    assert (settled.temperature, settled.seed, settled.max_new_tokens) == (2.0, 2**32 - 1, 2048)
    assert len(notes) == 3
    again, more = validate_request(EVERYTHING, settled)
    assert not more and replace(again, image=settled.image) == settled
    usual, none = validate_request(EVERYTHING, question(ask="vqa"))
    assert usual.task is GroundingTask.VQA and usual.max_new_tokens == 512 and none == ()


def test_a_detector_is_asked_once_and_for_what_it_can_do() -> None:
    with pytest.raises(UserError, match=r"finds what you name.*It can do: refer, detect"):
        validate_request(DETECTOR, question(GroundingTask.VQA, "Who?"))
    settled, notes = validate_request(
        DETECTOR, question(GroundingTask.DETECT, "hats", turns=(Turn("a", "b"),), temperature=0.7)
    )
    assert settled.turns == () and settled.temperature == 0.0 and notes == ()


@pytest.mark.parametrize(
    "mark",
    ["<|im_end|>", "<loc_12>", "</s>", "[/INST]", "{<1><2><3><4>}", "＜eos＞", "<script>", "\x1b[31m", "\u202e"],
)
def test_no_words_of_a_user_are_a_model_s_marks(mark: str) -> None:
    soft = neutralize_markup(f"a {mark} b [r1]")
    assert mark not in soft and soft.startswith("a ") and soft.endswith(" b [r1]")
    assert neutralize_markup(soft) == soft
    _, notes = validate_request(EVERYTHING, question(text=f"a {mark}"))
    assert len(notes) == 1


def test_ordinary_words_stay_as_they_are() -> None:
    words = "Wer trägt [r1]? 谁? “é” 🎩\nsecond line"
    settled, notes = validate_request(EVERYTHING, question(text=words, regions={"r1": BOX, "r2": BOX}))
    assert settled.text == words and notes == () and set(settled.regions) == {"r1"}


def test_pictures_are_settled_too() -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    settled, _ = validate_request(EVERYTHING, question(image=clear))
    assert settled.image.mode == "RGB" and settled.image.getpixel((5, 5)) == (255, 255, 255)
    turned = picture(40, 20)
    turned.getexif()[0x0112] = 6
    assert validate_request(EVERYTHING, question(image=turned))[0].image.size == (20, 40)


def test_another_tab_s_model_and_what_no_model_can_are_said(desk: Desk) -> None:
    with pytest.raises(UserError, match="answers no questions about pictures"):
        desk.ask("smollm2-135m", GroundingTask.CHAT, "Hello")
    with pytest.raises(UserError, match=r"finds nothing by example\. Choose one of: OWL-ViT"):
        desk.service.similar("me", "vl", picture(), BOX)
    with pytest.raises(UserError, match="does not show what it sees"):
        desk.service.heat("me", "vl", picture(), "hat")


def test_the_notes_come_with_the_answer_and_memory_that_runs_out_in_words(desk: Desk) -> None:
    asked = desk.ask("vl", GroundingTask.CHAT, "Who < that?")[0]
    assert len(asked.notes) == 1 and "‹" in asked.prompt
    with desk.models.use(ModelKey("vl")) as engine:

        def full(*_: Any) -> None:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")

        hook = engine._model.lm_head.register_forward_pre_hook(full)
        with pytest.raises(UserError, match="not enough memory for Tiny vl"):
            desk.ask("vl", GroundingTask.CHAT, "Who?")
        hook.remove()
    assert desk.answer("vl", GroundingTask.CHAT, "Who?").tokens


def test_engines_that_see_and_that_find_by_example_are_asked_through_the_same_door(desk: Desk) -> None:
    """The two extra verbs, with an engine that only echoes what it is given."""

    class Echo:
        def similar(self, image: Image.Image, box: Box, task: Any) -> ParsedAnswer:
            return ParsedAnswer(f"{image.size}", (Entity("like it", None, (box,)),))

        def heat(self, image: Image.Image, phrase: str, task: Any) -> np.ndarray:
            return np.full((2, 3), len(phrase), np.float32)

    fields = 'heat = true, similar = true, codec = "plain"'
    path = Path(desk.catalog.get("vl").sources[0].path).parent  # type: ignore[union-attr]
    entry = {"id": "echo", "family": "openai-vision", "remote": 'url = "http://127.0.0.1:9", model = "m"'}
    other = Desk(path, catalogue(path / "echo.toml", entry | {"grounding": fields}))
    other.service._remotes["echo"] = Echo()  # type: ignore[assignment]
    (answer,) = [event for event in other.service.similar("me", "echo", picture(), BOX).events() if event]
    assert isinstance(answer, Answer) and answer.parsed.entities[0].boxes == (BOX,)
    (heat,) = [
        event
        for event in other.service.heat("me", "echo", picture(), "<p>hat").events()
        if isinstance(event, np.ndarray)
    ]
    assert heat.shape == (2, 3) and heat[0, 0] == len("‹p›hat")
    other.close()


def test_a_model_is_told_how_to_write_boxes() -> None:
    asked = question(GroundingTask.DETECT, "glasses, hats and beards.")
    told_qwen, told_gemini, told_own = (
        instruction(asked, asked.text, codec, "") for codec in ("qwen_rel1000", "gemini_yxyx1000", "rex_999")
    )
    assert '"glasses", "hats", "beards"' in told_qwen and "bbox_2d" in told_qwen and "[y1, x1" in told_gemini
    assert "bounding box" in told_own and "[" not in told_own
    for ask in GroundingTask:
        words = instruction(question(ask, box=BOX), "the hat", "plain", "HERE")
        assert "the hat" in words and ("HERE" in words) == (ask is GroundingTask.IDENTIFY)
    assert split_list(" , ") == (",",) and len(split_list(",".join(map(str, range(99))))) == 20
    assert split_list("眼镜和帽子\nbeard AND a hat") == ("眼镜", "帽子", "beard", "a hat") and split_list("和服") == (
        "和服",
    )
    assert split_list("眼镜、红帽子，胡子。") == ("眼镜", "红帽子", "胡子")


def test_words_become_an_answer() -> None:
    codec = CODECS["qwen_rel1000"]
    raw = (
        'A hat and a hat. [{"bbox_2d": [0, 0, 500, 500], "label": "hat"}, {"bbox_2d": [9, 9, 99, 99], "label": "Hat"}]'
    )
    pieces = [(raw[:end], end) for end in range(1, len(raw) + 1)]
    decoder = AnswerDecoder(codec, (100, 100), len(raw))
    words = list(decoder.decode("prompt", (piece for piece in pieces), locate_phrases))
    answer = decoder.answer()
    assert isinstance(answer, Answer) and answer.stopped and answer.raw == raw
    assert [entity.span for entity in answer.parsed.entities] == [(2, 5), (12, 15)]
    assert [word.parsed.text for word in words if "bbox" in word.parsed.text] == []
    decoder = AnswerDecoder(codec, (9, 9), 99)
    list(decoder.decode("", (piece for piece in [("<think>where? [1,2,3,4]</think>Here.", 9)])))
    thought = decoder.answer()
    assert thought.parsed.text == "Here." and "where?" in thought.raw
    bare = ParsedAnswer("", (Entity("", None, (BOX,)), Entity("cap", None, (BOX,))))
    assert [entity.phrase for entity in name_entities("hat")(bare).entities] == ["hat", "cap"]
    assert substitute_regions("[R1] or [r2]?", {"r1": BOX}, lambda box: "HERE") == "HERE or [r2]?"
