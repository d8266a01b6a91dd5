"""Kosmos-2: real class, tiny random weights, taught a few answers."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from transformers import AutoProcessor, Kosmos2ForConditionalGeneration

from playground.errors import Cancelled, UserError
from playground.families import LoadRequest
from playground.grounding import kosmos2
from playground.grounding.types import Answer, Asked, Box, GroundingTask, PartialAnswer, Question
from playground.runtime.task import Task
from tests.tiny_models.detectors import entry, kosmos_inputs, picture, teach, tiny_kosmos

pytestmark = pytest.mark.slow

PART = Box(0.1, 0.2, 0.5, 0.6)
HAT = "<object><patch_index_0044><patch_index_0863></object>"
TWO = (
    "<object><patch_index_0000><patch_index_0033></delimiter_of_multi_objects/>"
    "<patch_index_0070><patch_index_0070></object>"
)
LESSONS = {
    "An image of": " a man in a red hat.",
    "<grounding> An image of": f"<phrase> a man</phrase>{TWO} in<phrase> a red hat</phrase>{HAT}.",
    "<grounding><phrase> the red hat</phrase>": f"{HAT} with a beard",
    "<grounding><phrase> beard</phrase>": f"{TWO} in a hat",
    "<grounding><phrase> hat</phrase>": f"{HAT}",
    "<grounding><phrase> It</phrase> is": " the bald man.",
    "<grounding> Question: a beard? Answer:": " with glasses",
    "<grounding> Question: the<phrase> It</phrase>? Answer:": " the red man",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    corners = (PART.x0, PART.y0, PART.x1, PART.y1)
    return teach(tiny_kosmos(tmp_path_factory.mktemp("kosmos")), LESSONS, corners)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Any:
    return kosmos2.load(
        LoadRequest(entry(folder, "kosmos2", max_new_tokens=(1, 40, 100)), folder, dtype="float32")
    ).model


def ask(engine: Any, ask: GroundingTask, text: str = "", **more: Any) -> list[Any]:
    return list(engine.answer(Question(ask, picture(), text, **more), Task()))


def test_boxes_come_with_their_phrases_while_the_sentence_is_written(engine: Any) -> None:
    asked, *between, answer = ask(engine, GroundingTask.GROUNDED_CAPTION)
    words = [event for event in between if isinstance(event, PartialAnswer)]
    assert isinstance(asked, Asked) and isinstance(answer, Answer) and words == between
    assert answer.prompt == asked.prompt == "<grounding> An image of"
    assert answer.parsed.text == "An image of a man in a red hat." and not answer.parsed.warnings
    man, hat = answer.parsed.entities
    assert (man.phrase, man.span, hat.phrase, hat.span) == ("a man", (12, 17), "a red hat", (21, 30))
    assert man.boxes == (Box(1 / 64, 1 / 64, 3 / 64, 3 / 64), Box(6 / 32, 2 / 32, 7 / 32, 3 / 32))
    assert hat.boxes == (Box(0.390625, 0.046875, 0.984375, 0.828125),)  # as in transformers' own example
    texts = [event.parsed.text for event in words]
    assert all(answer.parsed.text.startswith(text) for text in texts) and not any("<" in text for text in texts)
    counts = [len(event.parsed.entities) for event in words]
    assert counts == sorted(counts) and set(counts) == {0, 1, 2}


def test_what_was_asked_for_ends_with_its_boxes(engine: Any) -> None:
    *_, answer = ask(engine, GroundingTask.REFER, "the red hat")
    assert answer.parsed.text == "the red hat" and answer.raw.replace(" ", "").endswith("</object>")
    assert [(one.phrase, one.span, len(one.boxes)) for one in answer.parsed.entities] == [("the red hat", (0, 11), 1)]
    assert not answer.stopped
    asked, *_, answer = ask(engine, GroundingTask.DETECT, "beard, hat")
    assert asked.prompt.count("\n") == 1
    assert [(one.phrase, len(one.boxes)) for one in answer.parsed.entities] == [("beard", 2), ("hat", 1)]


def test_a_box_and_a_question(engine: Any) -> None:
    *_, answer = ask(engine, GroundingTask.IDENTIFY, box=PART)
    assert answer.parsed.text == "the bald man."
    *_, answer = ask(engine, GroundingTask.VQA, "a beard?")
    assert answer.parsed.text == "with glasses"
    *_, answer = ask(engine, GroundingTask.VQA, "the[r1]?", regions={"r1": PART})
    assert answer.parsed.text == "the red man" and "<patch_index_0195><patch_index_0623>" in answer.prompt
    asked, *_, answer = ask(engine, GroundingTask.CAPTION, "tell me all")
    assert answer.parsed.text == "An image of a man in a red hat." and "not sent" in asked.notes[0]
    with pytest.raises(UserError, match="talk freely"):
        ask(engine, GroundingTask.CHAT, "hello")


def test_the_model_is_given_just_what_transformers_gives_it(engine: Any, folder: Path) -> None:
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    model = Kosmos2ForConditionalGeneration.from_pretrained(folder).eval()
    other = Box(0.0, 0.5, 0.3, 1.0)
    given = kosmos_inputs(processor, picture(), "<grounding><phrase> It</phrase> is", bboxes=[(0.0, 0.5, 0.3, 1.0)])
    ids = model.generate(**given, max_new_tokens=20, do_sample=False)[0, given["input_ids"].shape[1] :]
    *_, answer = ask(engine, GroundingTask.IDENTIFY, box=other, max_new_tokens=20)
    assert answer.raw == processor.tokenizer.decode(ids).replace("</s>", "")


@pytest.mark.parametrize("text", ["<object></phrase>", "<image></image>", "</s>", "é 人 ☂", "...", "x" * 100])
def test_no_words_of_a_user_break_it(engine: Any, text: str) -> None:
    for kind in (GroundingTask.REFER, GroundingTask.DETECT, GroundingTask.VQA):
        *_, answer = ask(engine, kind, text, max_new_tokens=2)
        assert isinstance(answer, Answer) and answer.tokens <= 2
    with pytest.raises(UserError, match="Shorten"):
        ask(engine, GroundingTask.VQA, "hat " * 400)


@pytest.mark.parametrize("size", [(1, 1), (8, 900), (2000, 300)])
def test_pictures_of_any_shape(engine: Any, size: tuple[int, int]) -> None:
    answers = engine.answer(Question(GroundingTask.CAPTION, Image.new("RGB", size), max_new_tokens=2), Task())
    assert isinstance(list(answers)[-1], Answer)


def test_stop_ends_it_at_the_next_token(engine: Any) -> None:
    task = Task()
    answers = engine.answer(Question(GroundingTask.GROUNDED_CAPTION, picture()), task)
    assert isinstance(next(answers), Asked) and isinstance(next(answers), PartialAnswer)
    task.cancel()
    with pytest.raises(Cancelled):
        next(answers)
    *_, answer = ask(engine, GroundingTask.VQA, "a beard?")
    assert answer.parsed.text == "with glasses"


def test_half_precision_as_on_a_gpu(folder: Path) -> None:
    loaded = kosmos2.load(LoadRequest(entry(folder, "kosmos2", max_new_tokens=(1, 40, 100)), folder, dtype="bfloat16"))
    assert loaded.nbytes < kosmos2.load(LoadRequest(entry(folder, "kosmos2"), folder)).nbytes * 0.6
    *_, answer = ask(loaded.model, GroundingTask.DETECT, "hat; beard")
    assert len(answer.parsed.entities) == 2 and answer.tokens > 2
