"""The grounding tab's handlers, called as Gradio calls them, over the real service with a scripted engine."""

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio import utils
from PIL import Image

from playground.errors import UserError
from playground.grounding.types import Box, Entity, GroundingTask, ParsedAnswer
from playground.settings import Settings
from tabs.grounding import render, request_builder
from tabs.grounding.examples import examples
from tabs.grounding.handlers import GroundingHandlers
from tabs.grounding.handlers_editing import EditingHandlers
from tabs.grounding.session import MAX_REGIONS, SessionState
from tests.support.scripted_grounding import GROUNDED, Scripted, scripted_service

REQUEST = gr.Request(session_hash="visitor", headers={"accept-language": "en"})
CHINESE = gr.Request(session_hash="visitor", headers={"accept-language": "zh-CN"})
STAGE, TALK, STATUS, PROMPT, SEED, ASK, STOP = range(7)
MAN = [0.69, 0.29, 0.94, 0.6]
HOSTILE = "<script>alert(1)</script> <loc_1><patch_index_0001> {<90><1> <p>half" + "<p>" * 100


@pytest.fixture(scope="module", autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("temp")))
        yield


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[tuple[GroundingHandlers, Scripted]]:
    with scripted_service(tmp_path) as (service, engine):
        yield GroundingHandlers(service, update_s=0.0), engine


@pytest.fixture
def handlers(scripted: tuple[GroundingHandlers, Scripted]) -> GroundingHandlers:
    return scripted[0]


@pytest.fixture
def engine(scripted: tuple[GroundingHandlers, Scripted]) -> Scripted:
    return scripted[1]


def visitor(model: str = "writer", size: tuple[int, int] = (200, 100)) -> SessionState:
    visit = SessionState()
    visit.model = model
    image = Image.new("RGB", size, "teal")
    visit.afresh(image, {"path": "picture.jpg"})  # type: ignore[typeddict-item]  # only the page reads the rest
    return visit


def options(model: str = "writer", compare: str = "", temperature: Any = 0, seed: Any = 3) -> tuple[Any, ...]:
    return model, compare, temperature, seed, False, 64.0


def ask(
    handlers: GroundingHandlers, visit: SessionState, prompt: str, box: Any = "", **other: Any
) -> list[tuple[Any, ...]]:
    return list(handlers.ask(visit, box, prompt, REQUEST, *options(**other)))


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def spoken(turn: dict[str, Any]) -> str:
    return "".join(part["text"] for part in turn["parts"])


def file(text: str) -> bytes:
    return base64.b64decode(text.split("base64,", 1)[1])


def test_boxes_come_while_the_sentence_is_written_and_markup_never_shows(handlers: GroundingHandlers) -> None:
    visit = visitor()
    drawn = ask(handlers, visit, "[grounding] describe this image in detail")
    stages = [u[STAGE]["boxes"] for u in drawn if "boxes" in u[STAGE]]
    counts = [len(boxes) for boxes in stages]
    assert counts == sorted(counts) and {0, 1, 2, 3} == set(counts), "one after the other, before the end"
    turns = [u[TALK]["turns"][0] for u in drawn if "turns" in u[TALK]]
    assert any(turn["live"] and len(turn["parts"]) > 1 for turn in turns)
    for turn in turns:
        assert not any(mark in spoken(turn) for mark in ("<p>", "{<", "<delim>", "</p>"))
    last = turns[-1]
    assert spoken(last) == "a bald man stands beside two people in yellow and <b>nobody</b> else."
    phrases = {part["text"]: (part["key"], part["colour"]) for part in last["parts"] if part["key"]}
    for box in stages[-1]:
        assert phrases[box["label"]] == (box["key"], box["colour"]), "a phrase and its boxes share key and colour"
    assert stages[-1][0]["box"] == pytest.approx(MAN, abs=0.01) and last["raw"] == GROUNDED
    assert "3 boxes" in last["status"] and "tokens" in last["status"] and last["prompt"]
    assert drawn[0][STOP].constructor_args["visible"] and not drawn[-1][STOP].constructor_args["visible"]
    assert all(u[PROMPT] == drawn[1][PROMPT] for u in drawn), "a task's own words stay in the prompt"
    assert visit.job is None


def test_a_conversation_is_kept_and_a_new_picture_starts_afresh(handlers: GroundingHandlers, engine: Scripted) -> None:
    visit, verbs = visitor(), EditingHandlers(handlers)
    drawn = ask(handlers, visit, "[refer] the <b>bald</b> man")
    assert drawn[0][PROMPT] == "[refer] "
    assert engine.asked[0].task is GroundingTask.REFER and engine.asked[0].text == "the ‹b›bald‹/b› man"
    assert engine.asked[0].max_new_tokens == 64 and engine.asked[0].seed == 3
    ask(handlers, visit, "and who else?")
    assert engine.asked[1].task is GroundingTask.CHAT and [turn.raw for turn in engine.asked[1].turns] == [GROUNDED]
    ask(handlers, visit, "a third", model="second")
    assert engine.asked[2].turns == (), "what another model said is not this one's"
    shown = verbs.choose(visit, event(turn=visit.exchanges[0].key), REQUEST)
    assert shown[TALK]["shown"] == visit.exchanges[0].key and len(shown[TALK]["turns"]) == 3
    assert shown[STAGE]["boxes"][0]["key"].startswith(f"{visit.exchanges[0].key}:")
    upright = verbs.opened(visit, Image.new("RGB", (60, 40)), REQUEST)
    assert upright[TALK]["turns"] == [] and upright[STAGE]["boxes"] == [] and upright[STAGE]["width"] == 60
    assert upright[STAGE]["moved"] == 2 and upright[STAGE]["box"] is None


def test_identify_and_the_way_back(handlers: GroundingHandlers, engine: Scripted) -> None:
    visit = visitor()
    engine.says = ["a bald man in red", "{<69><29><94><60>}", "no box at all", "x"]
    drawn = list(handlers.identify(visit, event(box=[0.69, 0.29, 0.94, 0.6]), REQUEST, *options()))
    asked = engine.asked[0]
    assert asked.task is GroundingTask.IDENTIFY and asked.box == Box(*MAN)
    turn = drawn[-1][TALK]["turns"][0]
    assert spoken(turn) == "a bald man in red" and drawn[-1][STAGE]["asked"] == [MAN]
    back = event(turn=visit.exchanges[0].key, verb=turn["verbs"][0]["verb"])
    drawn = list(handlers.back(visit, back, REQUEST, *options()))
    assert engine.asked[1].task is GroundingTask.REFER and engine.asked[1].text == "a bald man in red"
    assert any("IoU with the box you drew: 1.00" in note for note in drawn[-1][TALK]["turns"][1]["notes"])
    drawn = list(handlers.back(visit, back, REQUEST, *options()))
    assert any("No box came back" in note for note in drawn[-1][TALK]["turns"][2]["notes"])
    ask(handlers, visit, "[identify] what is this {<10><20><30><40>}", box="[0,0,1,1]")
    assert engine.asked[3].box == Box(0.1, 0.2, 0.3, 0.4), "a box typed goes before the one that was drawn"
    assert visit.box == Box(0.1, 0.2, 0.3, 0.4)
    with pytest.raises(UserError, match="no box yet"):
        ask(handlers, visit, "[identify] what is this")


def test_two_models_on_one_question(handlers: GroundingHandlers, engine: Scripted) -> None:
    visit = visitor()
    engine.says = ["{<0><0><50><50>}", "{<0><0><50><100>}"]
    drawn = ask(handlers, visit, "[refer] him", compare="second")
    boxes = drawn[-1][STAGE]["boxes"]
    assert [box["dashed"] for box in boxes] == [False, True]
    assert boxes[0]["box"] == [0, 0, 0.5, 1] and boxes[1]["box"] == [0, 0, 0.5, 0.5]
    assert any("Mean IoU of 1 pairs of boxes: 0.50" in note for note in drawn[-1][TALK]["turns"][1]["notes"])
    stops = [u[STOP].constructor_args["visible"] for u in drawn if isinstance(u[STOP], gr.Button)]
    assert stops == [True, True, False], "Stop stays between the two"
    a, b = Box(0, 0, 0.5, 1), Box(0, 0, 0.5, 0.5)
    assert request_builder.agreement([a, b], [b, a]) == (1.0, 2)
    assert request_builder.agreement([a], [a, b]) == (0.5, 2) and request_builder.agreement([], []) == (0.0, 0)


def test_a_threshold_needs_no_new_run_and_files_hold_what_is_shown(
    handlers: GroundingHandlers, engine: Scripted
) -> None:
    visit, verbs = visitor("finder"), EditingHandlers(handlers)
    with pytest.raises(UserError, match="no finished answer"):
        verbs.save_json(visit, REQUEST)
    engine.says = [""]
    scores = (0.9, 0.6, 0.2)
    boxes = tuple(Box(0.1 * n, 0.1, 0.1 * n + 0.3, 0.5, score) for n, score in enumerate(scores))
    engine.parsed = ParsedAnswer("", (Entity("glasses", None, boxes), Entity("hat", None, (Box(0, 0, 1, 1, 0.5),))))
    drawn = ask(handlers, visit, "glasses. hat", model="finder")
    assert engine.asked[0].task is GroundingTask.DETECT, "what a detector takes a bare word for"
    assert len(drawn[-1][STAGE]["boxes"]) == 4
    sifted = verbs.sift(visit, 0.55, 1.0, REQUEST)
    assert [box["score"] for box in sifted[STAGE]["boxes"]] == ["0.90", "0.60"]
    assert [one["said"] for one in sifted[TALK]["turns"][0]["list"]] == ["×2 0.90", "×0"]
    assert len({box["colour"] for box in sifted[STAGE]["boxes"]}) == 1
    assert len(verbs.sift(visit, 0.0, 0.2, REQUEST)[STAGE]["boxes"]) == 3, "what overlaps is thinned out"
    verbs.sift(visit, 0.55, 1.0, REQUEST)
    assert len(engine.asked) == 1
    told = json.loads(file(verbs.save_json(visit, REQUEST)))
    assert [len(entity["boxes"]) for entity in told["entities"]] == [2, 0] and told["model"] == "finder"
    assert len(json.loads(file(verbs.save_coco(visit, REQUEST)))["annotations"]) == 2
    assert len(file(verbs.save_yolo(visit, REQUEST)).splitlines()) == 2
    assert file(verbs.save_names(visit, REQUEST)) == b"glasses\n"
    png = Image.open(BytesIO(file(verbs.save_png(visit, REQUEST)))).convert("RGB")
    assert png.size == (200, 100) and len(png.getcolors(10_000) or ()) > 1
    for odd in (float("nan"), None, "x", True):
        verbs.sift(visit, odd, odd, REQUEST)
    drawn = list(handlers.similar(visit, event(box=[0.2, 0.2, 0.4, 0.4]), REQUEST, *options("finder")))
    assert len(drawn[-1][STAGE]["boxes"]) == 2
    with pytest.raises(UserError, match="finds nothing by example"):
        list(handlers.similar(visit, event(box=[0.2, 0.2, 0.4, 0.4]), REQUEST, *options("writer")))


def test_what_the_eyes_see(handlers: GroundingHandlers) -> None:
    visit = visitor()
    drawn = list(handlers.heat(visit, "a hat", REQUEST, *options()))
    heat = Image.open(BytesIO(file(drawn[-1][STAGE]["heat"]["src"])))
    assert heat.mode == "RGBA" and heat.size == (256, 171)
    seen = np.asarray(heat).astype(int)
    assert seen[-1, -1, :3].sum() > seen[0, 0, :3].sum(), "brighter is more"
    assert EditingHandlers(handlers).cool(visit, REQUEST)[STAGE]["heat"] is None
    with pytest.raises(UserError, match="does not show"):
        list(handlers.heat(visit, "", REQUEST, *options("finder")))
    assert visit.job is None


def test_regions_are_named_quoted_and_forgotten(handlers: GroundingHandlers, engine: Scripted) -> None:
    visit, verbs = visitor(), EditingHandlers(handlers)
    drawn = verbs.name(visit, event(box=[0.5, 0.5, 0.1, 0.1]), REQUEST)
    assert drawn[STAGE]["regions"] == [{"name": "r1", "box": [0.1, 0.1, 0.5, 0.5]}]
    verbs.name(visit, event(box=[0, 0, 1, 1]), REQUEST)
    assert verbs.quote(visit, "[vqa] who is", event(name="r1")) == "[vqa] who is [r1] "
    assert verbs.quote(visit, "who", event(name="<b>")) == "who"
    ask(handlers, visit, "[vqa] who is [r1]?")
    assert engine.asked[0].regions == {"r1": Box(0.1, 0.1, 0.5, 0.5)}
    assert [r["name"] for r in verbs.forget(visit, event(name="r1"), REQUEST)[STAGE]["regions"]] == ["r2"]
    with pytest.raises(UserError, match="No region"):
        ask(handlers, visit, "[vqa] who is [r1]?")
    for _ in range(MAX_REGIONS - 1):
        verbs.name(visit, event(box=[0, 0, 1, 1]), REQUEST)
    with pytest.raises(UserError, match="already"):
        verbs.name(visit, event(box=[0, 0, 1, 1]), REQUEST)


def test_stop_keeps_what_was_said_and_one_question_goes_at_a_time(
    handlers: GroundingHandlers, engine: Scripted
) -> None:
    visit = visitor()
    engine.waits_after = 8
    running = handlers.ask(visit, "", "[grounding] describe", REQUEST, *options(compare="second"))
    drawn = []
    for update in running:
        drawn.append(update)
        if update[STAGE].get("boxes") and visit.job is not None:
            with pytest.raises(UserError, match="Stop it first"):
                ask(handlers, visit, "another")
            with pytest.raises(UserError, match="请先停止"):
                list(handlers.heat(visit, "", CHINESE, *options()))
            handlers.stop(visit)
    turn = drawn[-1][TALK]["turns"][0]
    assert spoken(turn).startswith("a bald man") and "Stopped." in turn["notes"] and not turn["live"]
    assert len(engine.asked) == 1, "the model to compare with is not asked any more"
    assert len(drawn[-1][STAGE]["boxes"]) == 1 and visit.job is None
    closed = handlers.ask(visit, "", "[grounding] describe", REQUEST, *options())
    next(closed)
    closed.close()  # type: ignore[attr-defined]
    assert visit.job is None, "a page that closes frees the worker"
    engine.waits_after = None
    assert len(ask(handlers, visit, "[vqa] how many?")) > 2


def test_a_model_that_answers_nonsense_is_shown_as_text(handlers: GroundingHandlers, engine: Scripted) -> None:
    visit = visitor()
    engine.says = [HOSTILE]
    drawn = ask(handlers, visit, "[grounding] describe")
    turn = drawn[-1][TALK]["turns"][0]
    assert "<script>alert(1)</script>" in spoken(turn) and turn["raw"] == HOSTILE
    assert drawn[-1][STAGE]["boxes"] == [] and visit.job is None


def test_what_a_page_should_not_send_is_refused_in_words(handlers: GroundingHandlers, tmp_path: Path) -> None:
    verbs = EditingHandlers(handlers, examples(Settings().assets))
    with pytest.raises(UserError, match="no picture"):
        ask(handlers, SessionState(), "[vqa] who?")
    visit = visitor()
    ask(handlers, visit, "[grounding] describe")
    kept = list(visit.exchanges)
    for bad in ("not json", "[1,2]", '"x"', "[0,0,0,0]", '["a",0,1,1]', "[NaN,0,1,1]", "[0,0,1e999,1]", "{}"):
        with pytest.raises(UserError):
            ask(handlers, visit, "[identify] what", box=bad)
    for odd in (None, [], [0, 0, 0, 0], "box", [0, 0, float("nan"), 1], [True, 0, 1, 1], {"x": 1}):
        with pytest.raises(UserError):
            list(handlers.identify(visit, event(box=odd), REQUEST, *options()))
        with pytest.raises(UserError):
            verbs.name(visit, event(box=odd), REQUEST)
    for key in (None, "1", 99, [1], {"a": 1}):
        with pytest.raises(UserError):
            verbs.choose(visit, event(turn=key), REQUEST)
        with pytest.raises(UserError):
            list(handlers.back(visit, event(turn=key), REQUEST, *options()))
        with pytest.raises(UserError):
            verbs.example(visit, event(index=key), REQUEST)
    for model, prompt in (("nobody", "x"), ("smollm2-135m", "x"), ("writer", ""), ("finder", "[vqa] who?")):
        with pytest.raises(UserError):
            ask(handlers, visit, prompt, model=model)
    with pytest.raises(UserError):
        ask(handlers, visit, "[vqa] who?", temperature=float("nan"))
    secret = tmp_path / "secret.png"
    Image.new("RGB", (20, 20)).save(secret)
    for path in (str(secret), "/etc/passwd", None, 7, utils.get_upload_folder() + "/../secret.png"):
        with pytest.raises(UserError, match="did not arrive"):
            verbs.upload(visit, event(path=path), REQUEST)
    assert visit.exchanges == kept and visit.image is not None, "nothing is lost"
    drawn = ask(handlers, visit, "[vqa] " + "why? " * 2000)
    assert any("was cut" in note for note in drawn[-1][TALK]["turns"][-1]["notes"])


def test_pictures_come_in_upright_small_enough_and_without_their_metadata(handlers: GroundingHandlers) -> None:
    visit, verbs = visitor(), EditingHandlers(handlers, examples(Settings().assets))
    folder = Path(utils.get_upload_folder()) / "upload"
    folder.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4000, 3000), "teal").save(folder / "turned.jpg", exif=exif)
    drawn = verbs.upload(visit, event(path=str(folder / "turned.jpg")), REQUEST)
    assert (drawn[STAGE]["width"], drawn[STAGE]["height"]) == (3000, 4000)
    shown = Image.open(drawn[STAGE]["picture"]["path"])
    assert shown.size == (1536, 2048) and not shown.getexif() and visit.image and visit.image.size == (3000, 4000)
    ask(handlers, visit, "[grounding] describe")
    for name, words in (("tiny.png", "nothing to see"), ("broken.png", "not a picture")):
        (folder / name).write_bytes(b"\x89PNG\r\n") if "broken" in name else Image.new("RGB", (1, 1)).save(
            folder / name
        )
        with pytest.raises(UserError, match=f"{words}|damaged"):
            verbs.upload(visit, event(path=str(folder / name)), REQUEST)
        assert len(visit.exchanges) == 1 and visit.image.size == (3000, 4000)
    assert len(verbs.examples) == 8
    for index, example in enumerate(verbs.examples):
        drawn = verbs.example(visit, event(index=index), REQUEST)
        assert drawn[PROMPT] == example.question and visit.exchanges == []
        assert (drawn[STAGE]["box"] is not None) == ("[identify]" in example.question)


def test_chips_follow_the_prompt_and_fill_it(handlers: GroundingHandlers) -> None:
    writer, finder = handlers.service.limits("writer"), handlers.service.limits("finder")
    on = [task["ask"] for task in render.tasks("[detection] hat", writer, "en")["tasks"] if task["on"]]
    assert on == ["detect"] and render.tasks("who?", writer, "en")["tasks"][0]["on"]
    chips = {task["ask"]: task["reason"] for task in render.tasks("hat", finder, "en")["tasks"]}
    assert chips["vqa"] and chips["caption"] and not chips["detect"] and not chips["refer"]
    assert "Tiny finder" in render.tasks("[vqa] who?", finder, "en")["hint"], "the reason is said"
    assert render.started(GroundingTask.REFER, "") == "[refer] "
    assert render.started(GroundingTask.REFER, "[detection] a hat") == "[refer] a hat"
    assert render.started(GroundingTask.VQA, render.started(GroundingTask.GROUNDED_CAPTION, "")) == "[vqa] "
    assert render.started(GroundingTask.CHAT, "[vqa] who?") == "who?"


def test_phrases_that_overlap_stand_once() -> None:
    boxes = (Box(0, 0, 1, 1),)
    entities = (
        Entity("man", (2, 5), boxes), Entity("a man", (0, 5), boxes), Entity("hat", None, boxes),
        Entity("off", (9, 99), boxes), Entity("end", (9, 12), boxes),
    )  # fmt: skip
    pieces, beside = render.split("a man in end", entities)
    assert "".join(text for text, _ in pieces) == "a man in end"
    assert pieces[0] == ("a man", 1) and pieces[-1] == ("end", 4) and beside == [0, 2, 3]
