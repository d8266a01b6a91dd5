"""Florence-2: real class, tiny random weights, some of it taught a few answers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoProcessor, Florence2ForConditionalGeneration

from playground.errors import Cancelled, UserError
from playground.families import LoadRequest
from playground.grounding import florence2
from playground.grounding.types import Answer, Asked, Box, GroundingTask, PartialAnswer, Question
from playground.runtime.task import Task
from tests.tiny_models.detectors import entry, picture, teach, tiny_florence

pytestmark = pytest.mark.slow

CAPTION = "a bald man in a red hat"
LESSONS = {
    "<CAPTION>": CAPTION,
    "<DETAILED_CAPTION>": CAPTION,
    f"<CAPTION_TO_PHRASE_GROUNDING>{CAPTION}": (
        "a bald man<loc_100><loc_200><loc_499><loc_899>a red hat<loc_200><loc_100><loc_399><loc_299>"
    ),
    "<OPEN_VOCABULARY_DETECTION>hat": "hat<loc_200><loc_100><loc_399><loc_299><loc_600><loc_0><loc_799><loc_199>",
    "<OPEN_VOCABULARY_DETECTION>beard": "beard<loc_900><loc_100><loc_100><loc_299>",
    "<OD>": "man<loc_100><loc_200><loc_499><loc_899>",
    "<REGION_TO_DESCRIPTION><loc_100><loc_200><loc_500><loc_600>": "café man",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return teach(tiny_florence(tmp_path_factory.mktemp("florence")), LESSONS)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Any:
    return florence2.load(
        LoadRequest(entry(folder, "florence2", max_new_tokens=(1, 40, 100)), folder, dtype="float32")
    ).model


def ask(engine: Any, ask: GroundingTask, text: str = "", task: Task | None = None, **more: Any) -> list[Any]:
    return list(engine.answer(Question(ask, picture(), text, **more), task or Task()))


def test_a_caption_is_written_and_then_tied_to_boxes_phrase_by_phrase(engine: Any) -> None:
    asked, *words, answer = ask(engine, GroundingTask.GROUNDED_CAPTION)
    assert isinstance(asked, Asked) and asked.prompt == florence2.IN_DETAIL
    assert isinstance(answer, Answer) and all(isinstance(event, PartialAnswer) for event in words)
    assert answer.prompt.split("\n") == [florence2.IN_DETAIL, florence2.PHRASES.format(CAPTION)]
    assert answer.parsed.text == CAPTION and not answer.stopped and not answer.parsed.warnings
    man, hat = answer.parsed.entities
    assert (man.span, hat.span) == ((0, 10), (14, 23)) and CAPTION[14:23] == hat.phrase == "a red hat"
    assert man.boxes == (Box(0.1005, 0.2005, 0.4995, 0.8995),)  # the middles of the bins
    # The caption grows first, and boxes come one by one while it stands.
    texts = [event.parsed.text for event in words]
    assert all(CAPTION.startswith(text) for text in texts) and len(set(texts)) > 5
    counts = [len(event.parsed.entities) for event in words]
    assert counts == sorted(counts) and {0, 1, 2} == set(counts)
    assert all("<" not in text for text in texts)
    assert all(event.parsed.entities == answer.parsed.entities[: len(event.parsed.entities)] for event in words)


def test_several_things_are_asked_one_by_one_and_keep_their_order(engine: Any) -> None:
    asked, *_, answer = ask(engine, GroundingTask.DETECT, "hat; beard")
    assert asked.prompt == "Locate hat in the image.\nLocate beard in the image."
    hat, beard = answer.parsed.entities
    assert (hat.phrase, len(hat.boxes), beard.phrase) == ("hat", 2, "beard")
    assert [answer.parsed.text[slice(*one.span)] for one in (hat, beard)] == ["hat", "beard"]
    assert beard.boxes == (Box(0.1005, 0.1005, 0.9005, 0.2995),)
    assert "turned round" in " ".join(answer.parsed.warnings)
    *_, answer = ask(engine, GroundingTask.DETECT)
    assert answer.prompt == florence2.OBJECTS
    assert [(one.phrase, len(one.boxes)) for one in answer.parsed.entities] == [("man", 1)]


def test_a_reference_and_a_region(engine: Any) -> None:
    *_, answer = ask(engine, GroundingTask.REFER, CAPTION)
    assert answer.parsed.text == CAPTION and answer.parsed.entities[0].span == (0, 10)
    *_, answer = ask(engine, GroundingTask.IDENTIFY, box=Box(0.1, 0.2, 0.5, 0.6))
    assert answer.parsed.text == "café man" and "<loc_100><loc_200><loc_500><loc_600>" in answer.prompt
    with pytest.raises(UserError, match="no free questions"):
        ask(engine, GroundingTask.CHAT, "hello")


@pytest.mark.parametrize(
    ("kind", "text", "theirs"),
    [
        (GroundingTask.CAPTION, "", "<CAPTION>"),
        (GroundingTask.REFER, "the beard", "<CAPTION_TO_PHRASE_GROUNDING>the beard"),
    ],
)
def test_the_model_is_given_just_what_transformers_gives_it(
    engine: Any, folder: Path, kind: GroundingTask, text: str, theirs: str
) -> None:
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    model = Florence2ForConditionalGeneration.from_pretrained(folder).eval()
    given = processor(text=theirs, images=picture(), return_tensors="pt")
    ids = model.generate(**given, max_new_tokens=20, num_beams=1, do_sample=False, forced_eos_token_id=None)[0]
    expected = processor.tokenizer.decode(ids).replace("</s>", "").replace("<s>", "")
    *_, answer = ask(engine, kind, text, max_new_tokens=20)
    assert answer.raw == expected


@pytest.mark.parametrize("text", ["<OD>", "<image><loc_1>", "</s>", "x " * 3000, "人 ☂", "...", "[r1] [refer]"])
def test_no_words_of_a_user_break_it(engine: Any, text: str) -> None:
    for kind in (GroundingTask.REFER, GroundingTask.DETECT, GroundingTask.CAPTION):
        *_, answer = ask(engine, kind, text, max_new_tokens=2)
        assert isinstance(answer, Answer) and len(answer.raw) < 1000


def test_stop_ends_it_at_a_token_or_a_layer_and_leaves_it_whole(engine: Any) -> None:
    *_, before = ask(engine, GroundingTask.CAPTION)
    task = Task()
    answers = engine.answer(Question(GroundingTask.CAPTION, picture()), task)
    assert isinstance(next(answers), Asked) and isinstance(next(answers), PartialAnswer)
    task.cancel()
    with pytest.raises(Cancelled):
        next(answers)

    class Late(Task):
        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks == 3:  # while the eyes look at the picture
                self.cancel()
            super().check()

    with pytest.raises(Cancelled):
        ask(engine, GroundingTask.CAPTION, task=Late())
    *_, after = ask(engine, GroundingTask.CAPTION)
    assert after.raw == before.raw


def test_the_seed_decides_and_the_world_is_left_alone(engine: Any) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    raws = [
        ask(engine, GroundingTask.CAPTION, temperature=2.0, seed=seed, max_new_tokens=10)[-1].raw for seed in (1, 1, 2)
    ]
    assert raws[0] == raws[1] != raws[2]
    assert torch.equal(torch.rand(1), expected)
    answer = ask(engine, GroundingTask.CAPTION, max_new_tokens=2)[-1]
    assert answer.stopped and answer.tokens == 2


def test_half_precision_as_on_a_gpu(folder: Path) -> None:
    loaded = florence2.load(
        LoadRequest(entry(folder, "florence2", max_new_tokens=(1, 40, 100)), folder, dtype="bfloat16")
    )
    assert loaded.nbytes < florence2.load(LoadRequest(entry(folder, "florence2"), folder)).nbytes * 0.6
    *_, answer = ask(loaded.model, GroundingTask.DETECT, "hat; beard")
    assert len(answer.parsed.entities) == 2 and answer.tokens > 2
