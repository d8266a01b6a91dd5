"""Grounding DINO and MM-Grounding-DINO (whose class LLMDet has too): real classes, tiny random weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

from playground.errors import Cancelled, UserError
from playground.families import LoadRequest
from playground.grounding import detection, florence2, grounding_dino
from playground.grounding.boxes import box_iou
from playground.grounding.types import Answer, Asked, Box, GroundingTask, Question
from playground.runtime.task import Task
from tests.tiny_models.detectors import entry, picture, tiny_dino

pytestmark = pytest.mark.slow

THINGS = ["glasses", "a hat", "the beard"]


@pytest.fixture(scope="module", params=[False, True], ids=["grounding-dino", "mm-grounding-dino"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dino(tmp_path_factory.mktemp("dino"), mm=request.param)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Any:
    return grounding_dino.load(LoadRequest(entry(folder, "grounding-dino"), folder)).model


def ask(
    engine: Any, text: str, kind: GroundingTask = GroundingTask.DETECT, image: Image.Image | None = None
) -> tuple[Asked, Answer]:
    asked, answer = engine.answer(Question(kind, image or picture(), text), Task())
    return asked, answer


def by_the_full_stops(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes (queries, 4) in pixels as transformers gives them, and per phrase the score of its best token: the phrases
    are what stands between the full stops of the model's own input."""
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    given = processor(images=picture(), text=[THINGS], return_tensors="pt")
    with torch.no_grad():
        out = model(**given)
    boxes = processor.post_process_grounded_object_detection(out, threshold=-1.0, target_sizes=[(120, 200)])[0][
        "boxes"
    ]
    phrases: list[list[int]] = [[]]
    for place, token in enumerate(processor.tokenizer.convert_ids_to_tokens(given["input_ids"][0])):
        if token == ".":
            phrases.append([])
        elif token not in ("[CLS]", "[SEP]"):
            phrases[-1].append(place)
    lit = out.logits[0].sigmoid()
    return boxes, torch.stack([lit[:, places].amax(dim=1) for places in phrases[:-1]], dim=1)


def test_boxes_and_scores_are_those_of_the_phrases_tokens(engine: Any, folder: Path) -> None:
    asked, answer = ask(engine, "glasses, A hat; the beard.")
    assert asked.prompt == answer.prompt == "glasses. a hat. the beard." and not asked.notes
    assert [(one.phrase, one.span) for one in answer.parsed.entities] == [
        ("glasses", None), ("A hat", None), ("the beard", None),
    ]  # fmt: skip
    boxes, scores = by_the_full_stops(folder)
    boxes = (boxes / torch.tensor([200, 120, 200, 120])).clamp(0, 1)
    best, owner = scores.max(dim=1)
    for number, entity in enumerate(answer.parsed.entities):
        expected = [one for one in best.argsort(descending=True) if owner[one] == number and best[one] >= 0.05]
        mine = torch.tensor([[box.x0, box.y0, box.x1, box.y1, box.score] for box in entity.boxes]).view(-1, 5)
        kept = 0
        for one in expected:  # each is there, or a surer one lies on it
            whole = torch.cat([boxes[one], best[one][None]])
            if kept < len(mine) and torch.allclose(mine[kept], whole, atol=1e-4):
                kept += 1
            else:
                assert box_iou(boxes[one].numpy(), mine[:kept, :4].numpy()).max() > detection.NMS_IOU - 1e-3
        assert kept == len(mine)
    assert sum(len(one.boxes) for one in answer.parsed.entities) > 3


def test_a_reference_is_the_one_surest_box(engine: Any) -> None:
    asked, answer = ask(engine, "The bald man, in a hat", GroundingTask.REFER)
    assert asked.prompt == "the bald man, in a hat."
    (found,) = answer.parsed.entities
    assert found.phrase == "The bald man, in a hat" and len(found.boxes) == 1
    box = found.boxes[0]
    assert box.score is not None and 0 < box.score <= 1 and box.x0 < box.x1
    all_boxes = ask(engine, "The bald man")[1].parsed.entities[0].boxes
    assert [box.score for box in all_boxes] == sorted((box.score or 0 for box in all_boxes), reverse=True)


@pytest.mark.parametrize("text", ["...?!", "人, ☂", "[CLS] [SEP]. ?", "a.b? c", "<loc_1>", "hat, hat"])
def test_no_words_of_a_user_break_it(engine: Any, text: str) -> None:
    for kind in (GroundingTask.DETECT, GroundingTask.REFER):
        _, answer = ask(engine, text, kind)
        assert all(0 <= box.x0 < box.x1 <= 1 for one in answer.parsed.entities for box in one.boxes)


def test_what_is_not_looked_for_is_said(engine: Any) -> None:
    asked, answer = ask(engine, ", ".join(f"hat {number}" for number in range(60)))
    assert len(answer.parsed.entities) == 20
    assert "No more than 20" in asked.notes[0] and "left out: the model reads no further" in asked.notes[1]
    asked, answer = engine.answer(
        Question(GroundingTask.DETECT, picture(), "[r1] hat", regions={"r1": Box(0, 0, 1, 1)}), Task()
    )
    assert answer.parsed.entities[0].phrase == "hat" and "regions" in asked.notes[0]
    with pytest.raises(UserError, match="not for regions"):
        list(engine.answer(Question(GroundingTask.REFER, picture(), "[r1]", regions={"r1": Box(0, 0, 1, 1)}), Task()))


@pytest.mark.parametrize("size", [(1, 1), (8, 200), (1500, 60)])
def test_pictures_of_any_shape(engine: Any, size: tuple[int, int]) -> None:
    _, answer = ask(engine, "hat", image=Image.new("RGB", size, "red"))
    assert len(answer.parsed.entities) == 1
    with pytest.raises(UserError, match="Crop it"):
        ask(engine, "hat", image=Image.new("RGB", (3000, 8)))


def test_stop_ends_it_between_layers_and_leaves_it_whole(engine: Any) -> None:
    _, before = ask(engine, "hat", GroundingTask.REFER)

    class Late(Task):
        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks == 4:
                self.cancel()
            super().check()

    task = Late()
    with pytest.raises(Cancelled):
        list(engine.answer(Question(GroundingTask.REFER, picture(), "hat"), task))
    assert task.looks == 4
    _, after = ask(engine, "hat", GroundingTask.REFER)
    assert after.parsed == before.parsed


def test_files_of_another_kind_are_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model of the family"):
        florence2.load(LoadRequest(entry(folder, "florence2"), folder))
    with pytest.raises(UserError, match="not those of its family"):
        grounding_dino.load(LoadRequest(entry(tmp_path, "grounding-dino"), tmp_path))
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("level_embed"))
    save_file(weights | {name: weights[name] * float("nan")}, tmp_path / "model.safetensors", {"format": "pt"})
    broken = grounding_dino.load(LoadRequest(entry(tmp_path, "grounding-dino"), tmp_path)).model
    with pytest.raises(UserError, match="weights are damaged"):
        ask(broken, "hat")
    del weights[name]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="missing"):
        grounding_dino.load(LoadRequest(entry(tmp_path, "grounding-dino"), tmp_path))


def test_no_more_than_the_surest_boxes_are_kept() -> None:
    side = 40
    grid = torch.arange(side * side)
    left, top = (grid % side) / side, (grid // side) / side
    corners = torch.stack([left, top, left + 0.5 / side, top + 0.5 / side], dim=1)
    scores = torch.stack([torch.linspace(0.06, 0.9, side * side), torch.zeros(side * side)], dim=1)
    parsed = detection.all_detections(["hat", "beard"], corners, scores)
    assert len(parsed.entities[0].boxes) == detection.MAX_BOXES and parsed.entities[1].boxes == ()
    assert parsed.warnings == ("Only the 300 boxes with the highest scores are kept.",)
    twice = detection.all_detections(["hat"], corners[:1].repeat(3, 1), torch.tensor([[0.2], [0.9], [0.5]]))
    assert len(twice.entities[0].boxes) == 1 and twice.entities[0].boxes[0].score == pytest.approx(0.9)
    outside = detection.all_detections(
        ["hat"], torch.tensor([[-1.0, 0.2, 0.5, 2.0], [1.2, 0, 1.5, 1]]), torch.ones(2, 1)
    )
    (box,) = outside.entities[0].boxes
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((0.0, 0.2, 0.5, 1.0))
