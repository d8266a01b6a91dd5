"""PaliGemma 2 as a tiny checkpoint of the real classes, which has learned an answer by heart."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import PaliGemmaForConditionalGeneration

from playground.errors import UserError
from playground.families import LoadRequest
from playground.grounding import paligemma
from playground.grounding.types import Box, GroundingTask, Question
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from tests.tiny_models.grounding import Desk, catalogue, near, picture, taught, tiny_paligemma

pytestmark = pytest.mark.slow

ASKS = '["caption", "refer", "detect", "identify", "vqa"]'
LEARNED = "<loc0256><loc0128><loc0768><loc0512> hat ; <loc0000><loc0000><loc0512><loc0512> glasses"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("paligemma")
    path = tiny_paligemma(folder / "model")
    fields = f'asks = {ASKS}, codec = "paligemma_loc", max_new_tokens = [1, 40, 200], working_bytes = 1_000_000'
    models = catalogue(
        folder / "models.toml", {"id": "pali", "family": "paligemma", "path": str(path), "grounding": fields}
    )
    teaching = Desk(folder, models)
    with teaching.models.use(ModelKey("pali")) as engine:
        processor = engine._processor
        inputs = processor(text=["<image>detect hat ; glasses"], images=[picture()], return_tensors="pt")
    ids = processor.tokenizer(LEARNED + "<eos>", add_special_tokens=False).input_ids
    taught(path, PaliGemmaForConditionalGeneration, dict(inputs), ids)
    teaching.close()
    made = Desk(folder, models)
    yield made
    made.close()


def test_boxes_come_y_first_and_a_label_behind(desk: Desk) -> None:
    asked, *words, answer = desk.ask("pali", GroundingTask.DETECT, "hat, glasses")
    assert asked.prompt == "<image>detect hat ; glasses"
    assert answer.raw.replace(" ", "") == LEARNED.replace(" ", "")
    hat, glasses = answer.parsed.entities
    assert (hat.phrase, glasses.phrase) == ("hat", "glasses")
    assert near(hat.boxes[0], 0.125, 0.25, 0.5, 0.75) and near(glasses.boxes[0], 0.0, 0.0, 0.5, 0.5)
    assert not any("loc" in event.parsed.text for event in (*words, answer))
    assert not any(event.raw.startswith("<bos>") for event in words)


def test_greedy_is_what_the_library_says(desk: Desk) -> None:
    answer = desk.answer("pali", GroundingTask.VQA, "what colour\nis it?", max_new_tokens=10)
    assert answer.prompt == "<image>answer en what colour is it?"
    with desk.models.use(ModelKey("pali")) as engine:
        inputs = engine._processor(text=[answer.prompt], images=[picture()], return_tensors="pt")
        inputs.pop("labels", None)
        ids = engine._model.generate(**inputs, max_new_tokens=10, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        expected = engine._processor.tokenizer.decode(ids, skip_special_tokens=False)
    assert answer.raw.rstrip("�") == expected.removesuffix("<eos>").rstrip("�")


def test_a_region_is_cut_out_and_that_is_said(desk: Desk) -> None:
    (asked, *_, red) = desk.ask("pali", GroundingTask.IDENTIFY, box=Box(0.0, 0.0, 0.4, 1.0), max_new_tokens=6)
    assert asked.prompt == "<image>caption en" and "cut out" in asked.notes[0]
    blank = desk.answer("pali", GroundingTask.CAPTION, image=picture().crop((0, 0, 80, 100)), max_new_tokens=6)
    assert red.raw == blank.raw
    thin = desk.answer("pali", GroundingTask.IDENTIFY, box=Box(0.999, 0.999, 1.0, 1.0), max_new_tokens=1)
    assert thin.tokens == 1


def test_half_precision_as_on_a_gpu(desk: Desk) -> None:
    listed = desk.catalog.get("pali")
    engine = paligemma.load(LoadRequest(listed, listed.sources[0].path, dtype="bfloat16")).model  # type: ignore[union-attr]
    *_, answer = engine.answer(Question(GroundingTask.CAPTION, picture(), max_new_tokens=3), Task())
    assert engine._model.dtype == torch.bfloat16 and answer.tokens


def test_what_it_cannot_do_has_a_reason(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not tie what it writes to boxes.*It can do: caption"):
        desk.ask("pali", GroundingTask.GROUNDED_CAPTION)
    hostile = desk.ask("pali", GroundingTask.DETECT, "<loc0001><eos>a", max_new_tokens=1)[0]
    assert "<loc" not in hostile.prompt and "<eos>" not in hostile.prompt and hostile.notes
