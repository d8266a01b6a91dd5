"""Where the grounding model is held to look: at what the record says, through the attention it answers with."""

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from playground.drawn_world.phrases import claims
from playground.drawn_world.questions import ask, questions, search
from playground.drawn_world.sampling import Split, seeds
from playground.training.dataset import World, read
from playground.training.recipes import minigpt
from playground.training.recipes.attention_supervision import Gaze, cells, fractions, searches, traces
from playground.training.recipes.dense_supervision import Scenes
from playground.training.recipes.minigpt_tokenizer import every_text, new_tokenizer
from playground.training.recipes.sequence_packing import pack
from playground.training.recipes.training_loop import pictures
from playground.training.shards import Plan, drawn_group, render

SIZE, SIDE = 96, 6
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("groups")
    render(folder, Plan("groups", Split.TRAIN, 6, SIZE), processes=1, progress=False)
    return read(folder)


@pytest.fixture(scope="module")
def tokenizer(groups: World) -> PreTrainedTokenizerFast:
    return new_tokenizer(every_text(groups.records(), SIZE))


def test_a_cell_counts_where_half_of_it_is_in_the_box() -> None:
    boxes = np.array([[0, 0, 0.5, 1], [0.1, 0.1, 0.15, 0.15], [0.25, 0, 0.75, 0.5]])
    found = cells(boxes, 2).reshape(3, 2, 2)
    assert found[0].tolist() == [[True, False], [True, False]]
    assert found[1].tolist() == [[True, False], [False, False]], "a small thing lies in one cell"
    assert found[2].tolist() == [[True, True], [False, False]], "a tie is both"


def test_every_token_that_points_is_given_what_the_record_says(
    groups: World, tokenizer: PreTrainedTokenizerFast
) -> None:
    records, rng = groups.records()[:4], np.random.default_rng(0)
    asked = [questions(record, SIZE, rng, 8) for record in records]
    turns = [[(a.prompt, a.answer) for a in some] for some in asked]
    packed = pack(tokenizer, turns, np.array([False, True, False, True]), CPU)
    boxes = [fractions(record, SIZE) for record in records]
    rows, columns, wanted = searches(packed, asked, boxes, SIDE)
    assert {tokenizer.decode([int(packed.ids[r, c])]) for r, c in zip(rows, columns, strict=True)} == {"[/INST]"}
    assert wanted.any(1).all(), "nobody is told to look at nothing"
    kinds = set()
    for row, column, number in packed.starts:
        question = asked[row][number]
        assert tokenizer.decode([int(packed.ids[row, column])]) == "[/INST]"
        assert packed.wanted[row, column + 1] and not packed.wanted[row, column]
        at = torch.nonzero((rows == row) & (columns == column))[:, 0]
        assert len(at) == bool(question.boxes or question.absent)
        if question.absent:
            kinds.add("absent")
            assert wanted[at[0]].tolist() == [True] + [False] * SIDE**2, "nobody is there: the first token"
        elif question.boxes:
            kinds.add(question.kind)
            true = cells(boxes[row][list(question.boxes)], SIDE).any(0)
            assert wanted[at[0], 1:].tolist() == true.tolist() and not wanted[at[0], 0]
    assert kinds & {"person", "colour"} and kinds & {"attribute", "position", "people"} and "absent" in kinds
    rows, columns, wanted = traces(packed, SIDE)
    assert len(rows) == 4 * len(packed.spelled) and wanted.any(1).all() and not wanted[:, 0].any()
    for row, column, box in packed.spelled:
        assert packed.wanted[row, column], "boxes of questions are given, not looked for"
        assert np.abs(boxes[row] - box).max(1).min() < 0.006, "to the hundredth"
        for offset in range(4):
            assert ((rows == row) & (columns == column + offset)).any()


def test_what_is_held_to_look_is_the_attention_the_model_answers_with(
    groups: World, tokenizer: PreTrainedTokenizerFast
) -> None:
    torch.manual_seed(0)
    model = minigpt.build(tokenizer, SIZE, eyes=32, width=64).model.eval()
    model.set_attn_implementation("eager")
    gaze, record = Gaze(model.model.text_model, layer=2, heads=2), groups.records()[0]
    asked = questions(record, SIZE, np.random.default_rng(0), 1)
    packed = pack(tokenizer, [[(a.prompt, a.answer) for a in asked]], np.array([False]), CPU)
    pixels = pictures(groups.images(np.array([0])), CPU).contiguous()
    with torch.no_grad():
        told = model(input_ids=packed.ids, pixel_values=pixels[:, None], output_attentions=True).attentions[2]
        seen = gaze.weights(packed)
    torch.testing.assert_close(seen, told[:, :2], atol=1e-5, rtol=1e-4)


def test_absent_is_what_asks_for_nobody_and_a_caption_is_not(groups: World) -> None:
    rng, found = np.random.default_rng(0), set()
    for record in groups.records() * 4:
        for asked in questions(record, SIZE, rng, 12):
            found.add((asked.tag, asked.absent))
            assert asked.absent == (asked.answer in ("no", "none") or asked.answer.startswith("there is no ")), (
                f"{asked.prompt} {asked.answer}"
            )
            assert not (asked.absent and asked.boxes)
    assert {("vqa", True), ("vqa", False), ("detection", True), ("caption", False), ("grounding", False)} <= found


def test_a_search_claims_what_its_words_say(groups: World) -> None:
    rng, found = np.random.default_rng(0), 0
    for record in groups.records():
        said = {expression["text"]: expression["claims"] for expression in record["expressions"]}
        for _ in range(4):
            if (asked := search(record, SIZE, rng)) is None:
                continue
            text = max((text for text in said if text in asked.prompt), key=len)
            assert claims(asked.prompt) == {name: set(values) for name, values in said[text].items()}
            found += 1
    assert found > 10


def test_what_to_look_for_and_looking_are_learnt(groups: World, tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(0)
    model = minigpt.build(tokenizer, SIZE, eyes=32, width=64).model
    text = model.model.text_model
    record = groups.records()[0]
    asked = [[a for a in questions(record, SIZE, np.random.default_rng(0), 12) if a.boxes]]
    packed = pack(tokenizer, [[(a.prompt, a.answer) for a in asked[0]]], np.array([False]), CPU)
    places = torch.nonzero(packed.ids[0] == model.config.image_token_id)[:, 0]
    assert len(places) == SIDE * SIDE
    gaze, boxes = Gaze(text), [fractions(record, SIZE)]
    seen = model.model.vision_model(
        pictures(groups.images(np.array([0])), CPU).contiguous()
    ).last_hidden_state.detach()
    scenes, rows = Scenes(groups.records(), groups.labels(np.arange(len(groups))), SIZE), np.array([0])
    optimiser = torch.optim.AdamW([*model.parameters(), *gaze.claimed.parameters(), *gaze.shown.parameters()], 3e-3)
    looked, claimed, shown = [], [], []
    for _ in range(25):
        minigpt.answers(model, seen, packed)
        searched, traced = gaze.losses(packed, places, asked, boxes)
        where, what = searched + traced, gaze.claims_loss(packed, asked)
        optimiser.zero_grad()
        whom, told = gaze.shown_loss(places, scenes, rows)
        (where + what + whom).backward()
        optimiser.step()
        looked.append(where.item())
        claimed.append(what.item())
        shown.append(whom.item())
    assert looked[-1] < 0.5 * looked[0] and claimed[-1] < 0.5 * claimed[0]
    assert shown[-1] < 0.5 * shown[0] and told > 0.7, "the picture's tokens say whom they show"


def test_which_person_has_one_answer_only() -> None:
    rng, found = np.random.default_rng(0), set()
    for record in [drawn_group(seed, SIZE)[1] for seed in seeds(Split.TRAIN, 40)] * 8:
        asked = ask(record, SIZE, rng)
        if asked is None or asked.kind != "which":
            continue
        boxes = [b for b in record["boxes"] if b["part"] == "person"]
        middles = sorted((b["x0"] + b["x1"], b["figure"]) for b in boxes)
        rank = [figure for _, figure in middles].index(record["boxes"][asked.boxes[0]]["figure"])
        end = len(boxes) - 1
        far = "" if end == 1 else "far "
        wanted = {0: f"the person on the {far}left", end: f"the person on the {far}right"}
        wanted |= {end // 2: "the person in the middle"} if end % 2 == 0 else {}
        second = {1: "the second person from the left", end - 1: "the second person from the right"}
        assert asked.answer == (second | wanted)[rank], asked
        found.add(asked.answer)
    assert len(found) > 4
