"""OWL-ViT and OWLv2: real classes, tiny random weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoModelForZeroShotObjectDetection, AutoTokenizer

from playground.errors import Cancelled
from playground.families import LoadRequest
from playground.grounding import detection, owl_vit
from playground.grounding.boxes import box_iou
from playground.grounding.types import Answer, Box, GroundingTask, ParsedAnswer, Question
from playground.runtime.task import Task
from tests.tiny_models.detectors import SIDE, entry, picture, tiny_dino, tiny_florence, tiny_kosmos, tiny_owl
from tests.tiny_models.grounding import Desk, catalogue


@pytest.fixture(scope="module", params=[False, True], ids=["owlvit", "owlv2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_owl(tmp_path_factory.mktemp("owl"), second=request.param)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Any:
    return owl_vit.load(LoadRequest(entry(folder, "owl-vit"), folder)).model


def ask(
    engine: Any, text: str, kind: GroundingTask = GroundingTask.DETECT, image: Image.Image | None = None
) -> list[Any]:
    return list(engine.answer(Question(kind, image or picture(SIDE, SIDE), text), Task()))


def to_pixels() -> torch.Tensor:
    """The picture as both models were trained to see it: (1, 3, side, side), by CLIP's mean and deviation."""
    mean, deviation = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    values = torch.frombuffer(bytearray(picture(SIDE, SIDE).tobytes()), dtype=torch.uint8).view(SIDE, SIDE, 3) / 255
    return ((values - torch.tensor(mean)) / torch.tensor(deviation)).permute(2, 0, 1)[None]


def same(parsed: ParsedAnswer, centres: torch.Tensor, scores: torch.Tensor, apart: float) -> int:
    """Hold the reading to the model's own output, but for boxes a surer one lies on; how many boxes there are."""
    middle, size = centres[:, :2], centres[:, 2:]
    corners = torch.cat([middle - size / 2, middle + size / 2], dim=1).clamp(0, 1)
    best, owner = scores.max(dim=1)
    for number, entity in enumerate(parsed.entities):
        mine = torch.tensor([[box.x0, box.y0, box.x1, box.y1, box.score] for box in entity.boxes]).view(-1, 5)
        kept = 0
        for one in best.argsort(descending=True, stable=True):
            if owner[one] != number or best[one] < 0.05:
                continue
            if kept < len(mine) and torch.allclose(mine[kept], torch.cat([corners[one], best[one][None]]), atol=1e-4):
                kept += 1
            else:
                assert box_iou(corners[one].numpy(), mine[:kept, :4].numpy()).max() > apart - 1e-3
        assert kept == len(mine)
    return sum(len(entity.boxes) for entity in parsed.entities)


def test_boxes_and_scores_are_the_models_own(engine: Any, folder: Path) -> None:
    asked, answer = ask(engine, "glasses, a hat; The beard")
    assert asked.prompt == "a photo of a glasses\na photo of a hat\na photo of a beard"
    assert [(one.phrase, one.span) for one in answer.parsed.entities] == [
        ("glasses", None), ("a hat", None), ("The beard", None),
    ]  # fmt: skip
    words = AutoTokenizer.from_pretrained(folder)(
        asked.prompt.split("\n"), padding="max_length", max_length=16, return_tensors="pt"
    )
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    with torch.no_grad():
        out = model(**words, pixel_values=to_pixels())
    assert same(answer.parsed, out.pred_boxes[0], out.logits[0].sigmoid(), detection.NMS_IOU) > 3


def test_more_like_this_is_image_guided_detection(engine: Any, folder: Path) -> None:
    # transformers takes no part of a picture: OWL-ViT asks with what fills it, OWLv2 with the likeliest object in it.
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    with torch.no_grad():
        out = model.image_guided_detection(pixel_values=to_pixels(), query_pixel_values=to_pixels())
        part = Box(0, 0, 1, 1)
        if engine._squares:
            objects = model.objectness_predictor(out.query_image_embeds.flatten(1, 2))[0]
            x, y, width, height = out.query_pred_boxes[0, objects.argmax()].tolist()
            part = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    parsed = engine.similar(picture(SIDE, SIDE), part, Task())
    assert [(one.phrase, one.span) for one in parsed.entities] == [("", None)]
    assert same(parsed, out.target_pred_boxes[0], out.logits[0].sigmoid(), owl_vit.SAME_THING) > 1
    for other in (Box(0.1, 0.1, 0.4, 0.5), Box(0.999, 0.999, 1, 1)):
        assert engine.similar(picture(), other, Task()).entities[0].boxes


def test_boxes_of_a_picture_that_is_no_square(engine: Any) -> None:
    wide, square = picture(200, 120), Image.new("RGB", (200, 200), owl_vit.GREY)
    square.paste(wide)
    if engine._squares:
        (box,) = ask(engine, "hat", GroundingTask.REFER, wide)[-1].parsed.entities[0].boxes
        (other,) = ask(engine, "hat", GroundingTask.REFER, square)[-1].parsed.entities[0].boxes
        assert box.score == pytest.approx(other.score, abs=1e-5)
        high = [min(edge * 200 / 120, 1) for edge in (other.y0, other.y1)]
        assert [box.x0, box.y0, box.x1, box.y1] == pytest.approx([other.x0, high[0], other.x1, high[1]], abs=1e-5)
    else:  # the whole picture is made a square, so its shape does not matter
        shrunk = wide.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        assert ask(engine, "hat", image=wide)[-1].parsed == ask(engine, "hat", image=shrunk)[-1].parsed


@pytest.mark.parametrize("text", ["...", "人 ☂", "<|endoftext|>", "x" * 2000])
def test_no_words_of_a_user_break_it(engine: Any, text: str) -> None:
    for kind in (GroundingTask.DETECT, GroundingTask.REFER):
        asked, answer = ask(engine, text, kind, Image.new("RGB", (9, 700)))
        assert len(answer.parsed.entities) == 1
        assert bool(asked.notes) == (len(text) > 100)


def test_the_service_brings_every_family_of_these_rooms(tmp_path: Path) -> None:
    makers = {"owl-vit": tiny_owl, "grounding-dino": tiny_dino, "florence2": tiny_florence, "kosmos2": tiny_kosmos}
    detector, writer = "streams = false, scores = true, similar = true", "max_new_tokens = [1, 3, 9]"
    entries = [
        {"id": family, "family": family, "path": str(make(tmp_path / family)), "grounding": fields}
        for (family, make), fields in zip(makers.items(), [detector] * 2 + [writer] * 2, strict=True)
    ]
    desk = Desk(tmp_path, catalogue(tmp_path / "models.toml", *entries))
    try:
        for family in makers:
            answer = desk.answer(family, GroundingTask.DETECT, "a <hat>; glasses", image=picture())
            assert [one.phrase for one in answer.parsed.entities] == ["a ‹hat›", "glasses"]
            assert ("\n" in answer.raw) == (family in ("florence2", "kosmos2"))  # a line for each thing
        job = desk.service.similar("me", "owl-vit", picture(), Box(0.2, 0.2, 0.6, 0.7))
        assert [event.parsed.entities[0].phrase for event in job.events() if isinstance(event, Answer)] == [""]
    finally:
        desk.close()


def test_stop_ends_it_and_leaves_it_whole(engine: Any) -> None:
    before = ask(engine, "hat", GroundingTask.REFER)[-1].parsed
    task = Task()
    answers = engine.answer(Question(GroundingTask.REFER, picture(SIDE, SIDE), "hat"), task)
    next(answers)
    task.cancel()
    with pytest.raises(Cancelled):
        next(answers)
    with pytest.raises(Cancelled):
        engine.similar(picture(), Box(0, 0, 1, 1), task)
    assert ask(engine, "hat", GroundingTask.REFER)[-1].parsed == before
