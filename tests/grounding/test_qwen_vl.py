"""Qwen's vision-language models as tiny checkpoints of the real classes; one has learned an answer by heart."""

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import (
    Qwen2_5_VLForConditionalGeneration,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLForConditionalGeneration,
)

from playground.errors import Cancelled, UserError
from playground.families import LoadRequest
from playground.grounding import qwen_vl
from playground.grounding.types import Answer, Asked, Box, GroundingTask, PartialAnswer, Question, Turn
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from tests.tiny_models.grounding import (
    Desk,
    catalogue,
    near,
    picture,
    taught,
    tiny_qwen2_5_vl,
    tiny_qwen3_5,
    tiny_qwen3_vl,
)

pytestmark = pytest.mark.slow

FIELDS = "turns = true, max_new_tokens = [1, 64, 400], working_bytes = 1_000_000"
LEARNED = 'There: [{"bbox_2d": [100, 200, 500, 600], "label": "the hat"}]'
CLASSES = {
    "vl": Qwen3VLForConditionalGeneration,
    "half": Qwen3_5ForConditionalGeneration,
    "absolute": Qwen2_5_VLForConditionalGeneration,
}


def entry(name: str, path: Path, codec: str) -> dict[str, str]:
    return {"id": name, "family": "qwen-vl", "path": str(path), "grounding": f'codec = "{codec}", {FIELDS}'}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("qwen")
    learned, half = tiny_qwen3_vl(folder / "learned"), tiny_qwen3_5(folder / "half")
    teach(learned)
    made = Desk(
        folder,
        catalogue(
            folder / "models.toml",
            entry("learned", learned, "qwen_rel1000"),
            entry("vl", tiny_qwen3_vl(folder / "vl"), "qwen_rel1000"),
            entry("half", half, "qwen_rel1000"),
            entry("absolute", tiny_qwen2_5_vl(folder / "absolute"), "qwen_abs"),
        ),
    )
    yield made
    made.close()


def teach(folder: Path) -> None:
    """Have the model learn what to say to `[refer] the hat` on the picture of the tests."""
    catalog = catalogue(folder / "teaching.toml", entry("pupil", folder, "qwen_rel1000"))
    teaching = Desk(folder, catalog)
    prompt = teaching.ask("pupil", GroundingTask.REFER, "the hat", max_new_tokens=1)[0].prompt
    with teaching.models.use(ModelKey("pupil")) as engine:
        inputs = given(engine, prompt)
    ids = inputs["processor"].tokenizer(LEARNED + "<|im_end|>", add_special_tokens=False).input_ids
    taught(folder, Qwen3VLForConditionalGeneration, dict(inputs["inputs"]), ids)
    teaching.close()


def given(engine: Any, prompt: str, image: Image.Image | None = None) -> dict[str, Any]:
    """What the checkpoint's own processor makes of a prompt."""
    processor = engine._processor
    image = image or picture()
    return {
        "processor": processor,
        "inputs": processor(text=[prompt], images=[image], return_tensors="pt", size=engine._size()),
    }


def test_an_answer_learned_by_heart_points_at_the_picture(desk: Desk) -> None:
    asked, *words, answer = desk.ask("learned", GroundingTask.REFER, "the hat")
    assert isinstance(asked, Asked) and asked.notes == ()
    assert "<|vision_start|><|image_pad|><|vision_end|>Locate the hat" in asked.prompt
    assert isinstance(answer, Answer) and answer.raw == LEARNED and not answer.stopped
    (entity,) = answer.parsed.entities
    assert entity.phrase == "the hat" and near(entity.boxes[0], 0.1, 0.2, 0.5, 0.6)
    assert answer.tokens == len(words) and answer.prompt == asked.prompt
    for before, after in itertools.pairwise(words):
        assert isinstance(before, PartialAnswer) and after.raw.startswith(before.raw)
        assert len(before.parsed.entities) <= len(after.parsed.entities)
    assert not any("bbox" in event.parsed.text or "{" in event.parsed.text for event in (*words, answer))
    cut = desk.answer("learned", GroundingTask.REFER, "the hat", max_new_tokens=answer.tokens - 3)
    assert cut.stopped and cut.tokens == answer.tokens - 3


@pytest.mark.parametrize("name", CLASSES)
def test_greedy_is_what_the_library_says(desk: Desk, name: str) -> None:
    answer = desk.answer(name, GroundingTask.CHAT, "Who is this?", max_new_tokens=12)
    with desk.models.use(ModelKey(name)) as engine:
        inputs = given(engine, answer.prompt)["inputs"]
        ids = engine._model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        expected = engine._processor.tokenizer.decode(ids, skip_special_tokens=False)
        assert isinstance(engine._model, CLASSES[name])
    assert answer.raw.rstrip("�") == expected.removesuffix("<|im_end|>").rstrip("�")


@pytest.mark.parametrize("name", CLASSES)
def test_a_seed_is_an_answer_and_nothing_else_is_drawn(desk: Desk, name: str) -> None:
    state = torch.random.get_rng_state()
    said = [
        desk.answer(name, GroundingTask.CHAT, "Who?", temperature=1.5, seed=seed, max_new_tokens=8).raw
        for seed in (1, 1, 2)
    ]
    assert said[0] == said[1] != said[2]
    assert torch.equal(state, torch.random.get_rng_state())


def test_stop_ends_at_a_token_and_leaves_the_model_usable(desk: Desk) -> None:
    job = desk.service.answer("me", "vl", Question(GroundingTask.CHAT, picture(), "Who?", max_new_tokens=400))
    stopped = 0.0
    with pytest.raises(Cancelled):
        for event in job.events():
            if isinstance(event, PartialAnswer) and not stopped:
                job.cancel()
                stopped = time.monotonic()
    assert time.monotonic() - stopped < 0.3 + 0.5  # slack for a busy machine
    assert job.ended.wait(20)
    assert desk.answer("learned", GroundingTask.REFER, "the hat").raw == LEARNED
    with desk.models.use(ModelKey("vl")) as engine:
        assert not any(module._forward_pre_hooks for module in engine._model.modules())


@pytest.mark.parametrize("name", CLASSES)
def test_half_precision_as_on_a_gpu(desk: Desk, name: str) -> None:
    listed = desk.catalog.get(name)
    folder = listed.sources[0].path  # type: ignore[union-attr]
    engine = qwen_vl.load(LoadRequest(listed, folder, dtype="bfloat16")).model
    *_, answer = engine.answer(Question(GroundingTask.CAPTION, picture(), max_new_tokens=3), Task())
    assert engine._model.dtype == torch.bfloat16 and answer.tokens == 3


def test_stop_acts_between_the_layers_too(desk: Desk) -> None:
    """A picture takes a CPU ten seconds before the first token: nobody waits for its end."""
    seen: list[str] = []
    with desk.models.use(ModelKey("vl")) as engine:
        jobs: list[Any] = []
        first = engine._model.model.visual.blocks[0].register_forward_pre_hook(lambda *_: jobs[0].cancel())
        last = engine._model.lm_head.register_forward_hook(lambda *_: seen.append("end of pass"))
        try:
            jobs.append(desk.service.answer("me", "vl", Question(GroundingTask.CHAT, picture(), "Who?")))
            with pytest.raises(Cancelled):
                list(jobs[0].events())
            assert jobs[0].ended.wait(20)
        finally:
            first.remove()
            last.remove()
    assert seen == []


def test_earlier_turns_go_along_and_the_picture_once(desk: Desk) -> None:
    first = desk.answer("learned", GroundingTask.REFER, "the hat")
    turn = Turn(first.prompt, first.raw + "<|im_end|><|im_start|>system")
    second = desk.answer("learned", GroundingTask.CHAT, "And who wears it?", turns=(turn,), max_new_tokens=2)
    assert second.prompt.startswith(first.prompt + LEARNED)
    assert second.prompt.count("<|image_pad|>") == 1 and second.prompt.count("<|im_start|>") == 4
    third = desk.answer(
        "learned", GroundingTask.VQA, "Why?", turns=(turn, Turn(second.prompt, second.raw)), max_new_tokens=2
    )
    assert third.prompt.startswith(second.prompt) and third.prompt.count("Locate the hat") == 1


def test_boxes_in_a_question_are_in_the_model_s_own_numbers(desk: Desk) -> None:
    box, region = Box(0.25, 0.0, 0.5, 1.0), {"r1": Box(0.5, 0.5, 1.0, 1.0)}
    prompt = desk.answer("vl", GroundingTask.IDENTIFY, box=box, max_new_tokens=1).prompt
    assert "250, 0, 500, 1000" in prompt or "250,0,500,1000" in prompt
    prompt = desk.answer("vl", GroundingTask.CHAT, "Who is [r1]?", regions=region, max_new_tokens=1).prompt
    assert "[r1]" not in prompt and "500" in prompt
    # Qwen2.5-VL counts pixels of the resized input.
    absolute = desk.answer("absolute", GroundingTask.IDENTIFY, box=box, max_new_tokens=1).prompt
    with desk.models.use(ModelKey("absolute")) as engine:
        grid = given(engine, absolute)["inputs"]["image_grid_thw"][0].tolist()
    assert f"{round(grid[2] * 3.5)}, 0, {grid[2] * 7}, {grid[1] * 14}" in absolute


def test_pictures_of_any_shape_but_a_thread(desk: Desk) -> None:
    for size in ((8, 8), (9, 400), (1200, 900)):
        assert desk.answer("vl", GroundingTask.CAPTION, image=picture(*size), max_new_tokens=1).tokens == 1
    with pytest.raises(UserError, match="long and thin"):
        desk.answer("vl", GroundingTask.CAPTION, image=picture(2000, 8))


def test_a_folder_of_something_else_is_said_and_an_older_layout_read(tmp_path: Path) -> None:
    folder = tiny_qwen3_vl(tmp_path / "model")
    desk = Desk(tmp_path, catalogue(tmp_path / "models.toml", entry("broken", folder, "qwen_rel1000")))
    for name in ("preprocessor_config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).rename(tmp_path / name)
        with pytest.raises(UserError, match="Tiny broken"):
            desk.answer("broken", GroundingTask.CAPTION, max_new_tokens=1)
        (tmp_path / name).rename(folder / name)
    said = desk.answer("broken", GroundingTask.CAPTION, max_new_tokens=1)
    assert said.tokens == 1
    desk.close()
    # The same as older repositories have it: the template as JSON, the processor named by its torchvision class.
    template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}), encoding="utf-8")
    pictures = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    pictures["image_processor_type"] = "Qwen2VLImageProcessorFast"
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures), encoding="utf-8")
    again = Desk(tmp_path, tmp_path / "models.toml")
    assert again.answer("broken", GroundingTask.CAPTION, max_new_tokens=1).raw == said.raw
    again.close()


def test_the_processor_without_videos_is_the_real_one_for_stills() -> None:
    """So an update of the library that changes how it is made is noticed here, and not by a user."""
    assert issubclass(qwen_vl.StillsProcessor, qwen_vl.Qwen3VLProcessor)
    assert qwen_vl.StillsProcessor.get_attributes() == ["image_processor", "tokenizer"]
