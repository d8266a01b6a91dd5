"""The grounding model's world and recipe, at a scale of seconds: exact questions, honest packing, a working folder."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast

from playground.catalog import read_catalog
from playground.drawn_world.phrases import claims
from playground.drawn_world.questions import Asked as Exercise
from playground.drawn_world.questions import detect, grounded, identify, questions
from playground.drawn_world.sampling import Split
from playground.drawn_world.traits import TRAITS, having
from playground.families import LoadRequest
from playground.grounding.codecs import CODECS
from playground.grounding.minigpt import MiniGPT as Engine
from playground.grounding.minigpt import Square, load
from playground.grounding.minigpt_prompt import COORDINATES, TAGS, opening, turn
from playground.grounding.types import Answer, Asked, Box, Entity, GroundingTask, PartialAnswer, Question, Turn
from playground.runtime.task import Task
from playground.training.dataset import World, read
from playground.training.evaluation import minigpt as measured
from playground.training.recipes import minigpt, sequence_packing
from playground.training.recipes.dense_supervision import DenseHeads, Scenes
from playground.training.recipes.minigpt_tokenizer import every_text, new_tokenizer
from playground.training.recipes.sequence_packing import Blurred, pack
from playground.training.recipes.training_loop import Schedule, pictures
from playground.training.shards import Plan, drawn_group, render

SIZE = 96
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("groups")
    render(folder, Plan("groups", Split.TRAIN, 12, SIZE), processes=1, progress=False)
    return read(folder)


@pytest.fixture(scope="module")
def tokenizer(groups: World) -> PreTrainedTokenizerFast:
    return new_tokenizer(every_text(groups.records(), SIZE))


@pytest.fixture(scope="module")
def shipped(groups: World, tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both parts of the recipe, cut short, and what they leave."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("minigpt")
    own = minigpt.build(tokenizer, SIZE, eyes=32, width=32)
    heads = minigpt.eyes(own, groups, folder / "eyes", Schedule(16, 8, 1e-3, 8, 8))
    minigpt.words(own, groups, folder / "words", Schedule(8, 4, 1e-3, 4, 8), heads)
    own.save(folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def engine(shipped: Path) -> Engine:
    loaded: Engine = load(LoadRequest(read_catalog().get("avatar-minigpt"), shipped)).model
    return loaded


def test_every_answer_is_true_of_its_picture(groups: World) -> None:
    rng, kinds = np.random.default_rng(0), set()
    for record in groups.records():
        everybody = {b["figure"]: b for b in record["boxes"] if b["part"] == "person"}
        for asked in questions(record, SIZE, rng, 16):
            kinds.add((asked.tag, asked.kind))
            found = CODECS["minigpt_v2"].parse(asked.answer, (SIZE, SIZE))
            assert not found.warnings, asked
            boxes = [box for entity in found.entities for box in entity.boxes]
            if asked.tag in ("refer", "detection"):
                assert len(boxes) == len(asked.boxes)
                for box, index in zip(boxes, asked.boxes, strict=True):
                    true = record["boxes"][index]
                    assert abs(box.x0 - true["x0"] / SIZE) < 0.011 and abs(box.y1 - true["y1"] / SIZE) < 0.011
            if asked.kind == "count" and "are there" in asked.prompt:
                assert asked.answer == ("one", "two", "three", "four", "five")[len(record["people"]) - 1]
            judged = measured.Judged(0, asked, asked.answer, found)
            if asked.tag == "identify":
                assert measured.identified(judged, record)
            if asked.tag == "grounding":
                assert all(measured.grounded_phrases(judged, record)), asked.answer
        assert len(everybody) >= 2
    assert {"refer", "detection", "identify", "vqa", "grounding", "caption"} == {tag for tag, _ in kinds}
    assert {("detection", "absent"), ("refer", "position"), ("vqa", "colour"), ("vqa", "yes/no")} <= kinds


def test_nobody_is_asked_about_what_cannot_be_told(groups: World) -> None:
    bald = next(trait for trait in TRAITS if trait.plural == "are bald")
    record = json.loads(json.dumps(groups.records()[0]))
    assert having(record, bald) is not None
    record["people"][0]["known"].remove("top")
    assert having(record, bald) is None


def test_a_wrong_answer_is_counted_as_wrong(groups: World) -> None:
    record, rng = groups.records()[0], np.random.default_rng(1)
    codec = CODECS["minigpt_v2"]
    asked = next(a for _ in range(50) if (a := detect(record, SIZE, rng)) is not None and len(a.boxes) > 1)
    whole = measured.Judged(0, asked, "", codec.parse(asked.answer, (SIZE, SIZE)))
    assert measured.f1([whole], [record]) == 1.0
    less = measured.Judged(0, asked, "", codec.parse(asked.answer.split("<delim>")[0], (SIZE, SIZE)))
    assert measured.f1([less], [record]) == pytest.approx(2 / (1 + len(asked.boxes)))
    text = grounded(record, SIZE, rng).answer
    moved = codec.parse(text.replace("{<", "{<9").replace("<99", "<9"), (SIZE, SIZE))
    assert not all(measured.grounded_phrases(measured.Judged(0, asked, "", moved), record))
    who = next(a for _ in range(50) if (a := identify(record, SIZE, rng)) is not None and a.kind == "person")
    said = claims(who.answer)
    other = "a person with a pink afro" if "pink" not in who.answer else "a person wearing a black turban"
    assert said and measured.identified(measured.Judged(0, who, "", codec.parse(who.answer, (SIZE, SIZE))), record)
    assert not measured.identified(measured.Judged(0, who, "", codec.parse(other, (SIZE, SIZE))), record)


def test_words_of_the_world_and_coordinates_are_single_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = tokenizer("[refer] the bald person", add_special_tokens=False).input_ids
    assert len(ids) == 4
    assert len(tokenizer("{<0><50><30><100>}", add_special_tokens=False).input_ids) == 6
    for text in ("Zürich ☂ 你好", "<p>a hat</p> {<1><2><3><4>}<delim>{<5><6><7><8>}", " two  spaces"):
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text
    assert len(set(tokenizer.convert_tokens_to_ids([*COORDINATES, *TAGS]))) == len(COORDINATES) + len(TAGS)


def test_packed_questions_are_learnt_as_if_each_were_asked_alone(
    groups: World, tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence_packing, "ROOM", 2000)
    torch.manual_seed(0)
    own = minigpt.build(tokenizer, SIZE, eyes=32, width=32)
    model, record = own.model.eval(), groups.records()[0]
    asked = [(a.prompt, a.answer) for a in questions(record, SIZE, np.random.default_rng(0), 4)]
    pixels = pictures(groups.images(np.array([0])), CPU).contiguous()
    with torch.no_grad():
        seen = model.model.vision_model(pixels).last_hidden_state
        for talk in (False, True):
            packed = pack(tokenizer, [asked], np.array([talk]), CPU)
            scores, _ = minigpt.answers(model, seen, packed)
            at, before = 0, opening()
            for number, (prompt, answer) in enumerate(asked):
                text = before + turn(prompt, first=number == 0 or not talk)
                ids = tokenizer(text + answer + "</s>", add_special_tokens=False, return_tensors="pt").input_ids
                length = len(tokenizer(answer + "</s>", add_special_tokens=False).input_ids)
                alone = model(input_ids=ids, pixel_values=pixels[:, None]).logits[0, -length - 1 : -1]
                torch.testing.assert_close(scores[at : at + length], alone, atol=1e-5, rtol=1e-4)
                at += length
                before = text + answer + "</s>" if talk else before
            assert at == len(scores)


def test_only_as_many_questions_are_packed_as_find_room(tokenizer: PreTrainedTokenizerFast) -> None:
    asked = [("[vqa] is there a hat?", "yes")] * 60
    packed = pack(tokenizer, [asked, asked[:1]], np.array([False, True]), CPU)
    room = packed.ids.shape[1] - len(tokenizer(opening(), add_special_tokens=False).input_ids)
    assert sequence_packing.ROOM - 20 < room <= sequence_packing.ROOM
    assert 1 < packed.wanted[0].sum() // packed.wanted[1].sum() < 60
    long = [("[caption] " + "a person " * 300, "yes")]
    assert pack(tokenizer, [long], np.array([False]), CPU).wanted.any(), "one question is always learnt"


def test_a_near_coordinate_costs_less_than_a_far_one(tokenizer: PreTrainedTokenizerFast) -> None:
    soft = Blurred(tokenizer, CPU)
    ids = tokenizer.convert_tokens_to_ids([f"<{n}>" for n in (50, 52, 90)])
    wanted = torch.tensor([ids[0], tokenizer.eos_token_id])
    costs = []
    for said in ids:
        scores = torch.zeros(2, len(tokenizer))
        scores[0, said] = 5.0
        costs.append(soft.losses(scores, wanted)[1].item())
    assert costs[0] < costs[1] < costs[2]


def test_patches_belong_to_whoever_stands_in_front(groups: World) -> None:
    records = groups.records()
    scenes = Scenes(records, groups.labels(np.arange(len(groups))), SIZE)
    owner = scenes.owners(np.arange(len(groups)), 12).reshape(-1, 12, 12)
    for row, record in enumerate(records):
        for y, x in ((3, 3), (6, 6), (9, 4)):
            px, py = (x + 0.5) * 8, (y + 0.5) * 8
            inside = [
                b["figure"] for b in record["boxes"]
                if b["part"] == "person" and b["x0"] <= px < b["x1"] and b["y0"] <= py < b["y1"]
            ]  # fmt: skip
            assert owner[row, y, x] == max(inside, default=-1)
    heads = DenseHeads(16)
    loss, found = heads.loss(torch.randn(4, 144, 16), scenes, np.arange(4))
    loss.backward()
    assert heads.answers.weight.grad is not None and 0 <= found["right"] <= 1


def test_the_recipe_leaves_a_stock_folder_that_answers(engine: Engine, shipped: Path) -> None:
    assert json.loads((shipped / "config.json").read_text())["model_type"] == "idefics3"
    assert all(path.stat().st_size < 10_000_000 for path in shipped.iterdir())
    image, _ = drawn_group(0, SIZE)
    picture = Image.fromarray(image).resize((300, 200))
    sent = ""
    for ask in GroundingTask:
        question = Question(ask, picture, "the person with [r1]", Box(0.1, 0.1, 0.5, 0.5),
                            {"r1": Box(0.2, 0.2, 0.4, 0.4)}, max_new_tokens=6)  # fmt: skip
        events = list(engine.answer(question, Task()))
        first = events[0]
        assert isinstance(first, Asked) and isinstance(events[-1], Answer)
        assert all(isinstance(event, PartialAnswer) for event in events[1:-1])
        tag = {"chat": "", "grounded_caption": "[grounding]", "detect": "[detection]"}.get(ask, f"[{ask}]")
        sent = first.prompt
        assert tag in sent and sent.endswith("[/INST]")
    earlier = (Turn(sent, "a hat"),)
    again = next(iter(engine.answer(Question(GroundingTask.CHAT, picture, "and [INST] who?", turns=earlier), Task())))
    assert isinstance(again, Asked) and again.prompt.count("[INST]") == 2 and "a hat</s>" in again.prompt


def test_a_picture_is_seen_as_it_was_in_training(engine: Engine, groups: World) -> None:
    image = groups.images(np.array([3]))
    seen = engine._pixels(Image.fromarray(image[0]))
    torch.testing.assert_close(seen[:, 0], pictures(image, CPU), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (128, 128), (640, 20)])
def test_boxes_of_a_picture_in_a_square_come_back(size: tuple[int, int], engine: Engine) -> None:
    square, box = Square(*size), Box(0.1, 0.2, 0.7, 0.9, 0.5)
    back = square.outside(square.inside(box))
    assert back is not None and back.score == 0.5
    assert np.allclose([back.x0, back.y0, back.x1, back.y1], [0.1, 0.2, 0.7, 0.9])
    heat = engine.heat(Image.new("RGB", size, "green"), "", Task())
    assert heat.dtype == np.float32 and heat.min() >= 0 and heat.max() <= 1
    assert (heat.shape[1] >= heat.shape[0]) == (size[0] >= size[1])


def test_eyes_and_words_have_each_their_heat(engine: Engine) -> None:
    picture = Image.fromarray(drawn_group(1, SIZE)[0])
    maps = [engine.heat(picture, phrase, Task()) for phrase in ("", "a hat", "the person on the left")]
    assert all(heat.shape == (12, 12) or heat.shape == (6, 6) for heat in maps)
    assert not np.allclose(maps[1], maps[2]), "other words look elsewhere"
    assert engine._model.config._attn_implementation == "sdpa"


def test_a_phrase_without_boxes_and_one_with_wrong_words_are_no_grounding(groups: World) -> None:
    record = groups.records()[0]
    whole = Box(0, 0, 1, 1)
    exercise = Exercise("grounding", "grounding", "", "")
    for entity in (Entity("two people", (0, 10), ()), Entity("a hat", (0, 5), (whole,))):
        parsed = CODECS["minigpt_v2"].parse("", (SIZE, SIZE))
        judged = measured.Judged(0, exercise, "", type(parsed)("x", (entity,)))
        assert measured.grounded_phrases(judged, record) == [False]
