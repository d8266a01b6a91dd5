"""The GAN tab's handlers, called as Gradio calls them, on real tiny models."""

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.core import Playground
from playground.errors import UserError
from playground.gan.edit_state import CustomDirection, DirectionEdit, EditState, parse_edit_state
from playground.gan.types import GeneratorConfig
from playground.imaging import latent_file
from tabs.common.events import Updates
from tabs.gan import render
from tabs.gan.handlers import LiveHandlers
from tabs.gan.layout import GanTab, build_tab, first_state
from tabs.gan.session import GanSession
from tests.tiny_models.gan import GAN, SMALL, gan_playground

REQUEST = gr.Request(session_hash="visitor", headers={"accept-language": "en"})
CHINESE = gr.Request(session_hash="visitor", headers={"accept-language": "zh-CN,zh;q=0.9"})
LAYERS = 7  # of the tiny generator of 64 pixels


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    made = gan_playground(tmp_path_factory.mktemp("gan"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def tab(playground: Playground) -> GanTab:
    with gr.Blocks(analytics_enabled=False):
        return build_tab(playground)


@pytest.fixture(scope="module")
def live(playground: Playground) -> LiveHandlers:
    return LiveHandlers(playground.gan)


@pytest.fixture(scope="module")
def config(playground: Playground) -> GeneratorConfig:
    return playground.gan.config(GAN)


@pytest.fixture
def session() -> GanSession:
    made = GanSession()
    made.start(GAN)
    return made


def on_stage(state: EditState, **moved: float) -> dict[str, Any]:
    """The stage's value as the browser sends it back, after JSON and these movements."""
    return json.loads(json.dumps({"model": state.model, "extra": state.to_dict(), "moved": moved}))


def payload(state: EditState, **values: Any) -> dict[str, Any]:
    return {"model": state.model, "latent": None, "values": values, "extra": state.to_dict()}


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(base64.b64decode(uri.split(",", 1)[1]))).convert("RGB"))


def shown_state(tab: GanTab, updates: Updates) -> EditState:
    """The state of the picture that a handler puts on the stage."""
    value = updates[tab.picture.stage]
    assert set(updates) <= {*tab.picture.outputs, tab.directions.name}
    return parse_edit_state(value["extra"], tab.picture.service.config(value["model"]))


# --- model, grid and stage --------------------------------------------------------------------------------


def test_a_choice_does_not_open_the_page_anew(tab: GanTab) -> None:
    """The browser tells what it remembers after every choice; what the page shows then stays as it is."""
    session = GanSession()
    assert shown_state(tab, _picture(tab, tab.opened(GAN, session, REQUEST))).seed == 1
    assert tab.start(SMALL, session, REQUEST)[tab.menu.remembered] == SMALL
    session.remember(EditState(SMALL, 3))
    assert tab.opened(SMALL, session, REQUEST) == {} and session.undo_stack[-1].seed == 3
    assert tab.opened(GAN, session, REQUEST), "what is remembered comes after the page has opened"


def test_another_model_empties_what_came_from_the_last(tab: GanTab, session: GanSession) -> None:
    tab.animation.add(session, on_stage(EditState(GAN, 2)), REQUEST)
    updates = tab.start(SMALL, session, REQUEST)
    assert not session.keys and updates[tab.animation.keys]["pictures"] == []
    assert updates[tab.mixing.sources]["pictures"] == [] and updates[tab.evaluation.chart] == {}
    assert len(updates[tab.mixing.layers].choices) == 5, "the smaller model has 5 layers"
    assert shown_state(tab, _picture(tab, updates)).model == SMALL


def _picture(tab: GanTab, updates: Updates) -> Updates:
    return {part: value for part, value in updates.items() if part in tab.picture.outputs}


def test_the_grid_draws_seeds_and_judges_them_when_asked(live: LiveHandlers) -> None:
    plain = live.tiles({"model": GAN, "seeds": "3-5, 9", "truncation": 1})
    assert [tile["seed"] for tile in plain["tiles"]] == [3, 4, 5, 9]
    assert all(tile["realness"] is None for tile in plain["tiles"])
    assert len({tile["image"] for tile in plain["tiles"]}) == 4
    judged = live.tiles({"model": GAN, "seeds": "3-5", "truncation": 1, "judged": True})
    assert all(0 <= tile["realness"] <= 1 for tile in judged["tiles"])
    average = live.tiles({"model": GAN, "seeds": "3-5", "truncation": 0})
    assert len({tile["image"] for tile in average["tiles"]}) == 1, "full truncation leaves the average face alone"


@pytest.mark.parametrize(
    "request_",
    [
        None, [], {}, {"model": GAN}, {"model": GAN, "seeds": "1-1000"}, {"model": GAN, "seeds": "<img>"},
        {"model": GAN, "seeds": "1", "truncation": "x"}, {"model": GAN, "seeds": "1", "truncation": math.nan},
        {"model": "../..", "seeds": "1"}, {"model": 3, "seeds": "1"}, {"model": "avatar-vae", "seeds": "1"},
    ],
)  # fmt: skip
def test_a_request_for_tiles_that_cannot_be_drawn_is_answered_in_words(live: LiveHandlers, request_: Any) -> None:
    assert set(live.tiles(request_)) == {"error"}


def test_the_stage_shows_what_was_clicked_and_moves_from_there(
    tab: GanTab, live: LiveHandlers, session: GanSession, config: GeneratorConfig
) -> None:
    start = EditState(GAN, truncation=0.5, directions=(DirectionEdit("pca", 0, (0, LAYERS - 1), 2.0),))
    updates = tab.picture.choose(session, on_stage(start), event(seed=5), REQUEST)
    state = shown_state(tab, updates)
    assert (state.seed, state.truncation) == (5, 0.5) and not state.directions[0].strength
    assert updates[tab.picture.grid]["chosen"] == 5 and updates[tab.picture.grid]["truncation"] == 0.5
    still = pixels(live.frame(payload(state))["picture"])
    tile = live.tiles({"model": GAN, "seeds": "5", "truncation": 0.5})["tiles"][0]["image"]
    small = np.asarray(Image.fromarray(still).resize((128, 128)), float)
    assert np.abs(small - pixels(tile)).mean() < 4, "the same picture, but for its size"
    name = state.directions[0].name
    answer = live.frame(payload(state, **{name: 3.0}))
    assert answer["values"][name] == 3 and answer["values"]["truncation"] == 0.5
    assert np.abs(pixels(answer["picture"]) - still.astype(float)).mean() > 1
    assert set(answer["values"]) == {control["name"] for control in render.controls(state, config, "en")}


def test_the_grid_follows_the_truncation_of_the_stage(tab: GanTab, session: GanSession) -> None:
    updates = tab.picture.released(session, on_stage(EditState(GAN, 3), truncation=0.25), REQUEST)
    assert updates[tab.picture.grid]["truncation"] == 0.25 and tab.picture.stage not in updates


@pytest.mark.parametrize(
    "values",
    [
        {"truncation": 9}, {"truncation": "x"}, {"cutoff": LAYERS + 1}, {"cutoff": 2.5}, {"custom-0": 1},
        {"custom-²": 1}, {"pca-0-0-6": 1e9}, {"pca-9-0-6": 1}, {"__proto__": 1},
    ],
)  # fmt: skip
def test_a_movement_the_stage_could_not_have_made_is_refused(live: LiveHandlers, values: Any) -> None:
    state = EditState(GAN, directions=(DirectionEdit("pca", 0, (0, LAYERS - 1)),))
    with pytest.raises(UserError):
        live.frame(payload(state, **values))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": -1}, {"seed": "1"}, {"seed": None}, {"style": [[1.0]]}, {"style": "x"}, {"truncation": math.inf},
        {"cutoff": -1}, {"mix_seed": 2**32}, {"mix_layers": [99]}, {"mix_layers": "0"}, {"mix_layers": [0] * 500},
        {"moves": [["pca", 0, [0, 1]]]}, {"moves": [["own", 0, [0, 1], 1]]}, {"moves": [["pca", 0, [0, 99], 1]]},
        {"moves": [["pca", 10**9, [0, 1], 1]]}, {"moves": [["pca", 0, [0, 1], 1]] * 99}, {"moves": {}},
        {"kept": [["", [1.0] * 16, [0, 1], 0]]}, {"kept": [["a", [0.0] * 16, [0, 1], 0]]},
        {"kept": [["a", [1.0], [0, 1], 0]]},
        {"kept": [["a", [math.nan] * 16, [0, 1], 0]]}, {"kept": [["a", [1.0] * 16, [0, 1], 0]] * 99},
    ],
)  # fmt: skip
def test_an_edit_state_from_outside_is_validated(config: GeneratorConfig, change: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        parse_edit_state(EditState(GAN).to_dict() | change, config)


def test_an_edit_state_goes_through_json_and_back(config: GeneratorConfig) -> None:
    vector = tuple(np.eye(16)[2].tolist())
    state = EditState(
        GAN, 7, (), 0.7, 3, 9, (0, 4), (DirectionEdit("sefa", 2, (1, 3), -1.5),),
        (CustomDirection("胡子 <b>", vector, (0, 2), 0.5),),
    )  # fmt: skip
    assert parse_edit_state(json.loads(json.dumps(state.to_dict())), config) == state


# --- directions, mixing, undo -----------------------------------------------------------------------------


def test_a_named_direction_draws_the_same_and_outlives_other_pictures(tab: GanTab, session: GanSession) -> None:
    directions, gan = tab.directions, tab.picture.service
    updates = directions.choose(session, on_stage(EditState(GAN, 4)), "sefa", "coarse", None, None, REQUEST)
    state = shown_state(tab, updates)
    assert {each.layers for each in state.directions} == {(0, 2)} and len(state.directions) == render.COMPONENTS
    name = state.directions[1].name
    before = gan.frame(state.with_slider_values({name: 2.0}, LAYERS)).style
    updates = directions.keep(session, on_stage(state, **{name: 2.0}), name, "  beard ", REQUEST)
    assert updates[directions.name] == ""
    named = shown_state(tab, updates)
    assert [each.label for each in named.custom_directions] == ["beard"]
    assert named.custom_directions[0].strength == 2
    np.testing.assert_allclose(gan.frame(named).style, before, atol=1e-3)
    other = shown_state(tab, tab.picture.choose(session, on_stage(named), event(seed=8), REQUEST))
    assert other.custom_directions[0].label == "beard" and other.custom_directions[0].strength == 0
    assert shown_state(tab, directions.forget(session, on_stage(other), 0, REQUEST)).custom_directions == ()
    for which, label in ((name, "  "), ("pca-0-0-0", "x")):
        with pytest.raises(UserError):
            directions.keep(session, on_stage(named), which, label, REQUEST)


def test_other_directions_leave_those_in_use(tab: GanTab, session: GanSession) -> None:
    state = first_state(tab.picture.service, GAN)
    moved = on_stage(state, **{state.directions[2].name: 1.0})
    found = shown_state(tab, tab.directions.choose(session, moved, "sefa", "own", 5, 3, REQUEST))
    assert [(each.kind, each.layers) for each in found.directions] == [("pca", (0, 6))] + [("sefa", (3, 5))] * 6
    crowd = replace(state, directions=tuple(DirectionEdit("pca", index, (0, 6), 1.0) for index in range(16)) * 2)
    with pytest.raises(UserError):
        tab.directions.choose(session, on_stage(crowd), "sefa", "all", 0, 0, REQUEST)


def test_mixing_takes_over_the_ticked_layers(tab: GanTab, session: GanSession) -> None:
    gan, mixing, stage = tab.picture.service, tab.mixing, on_stage(EditState(GAN, 1))
    first, second = (gan.frame(EditState(GAN, seed)).style for seed in (1, 2))
    mixed = shown_state(tab, mixing.mix_groups(session, stage, 2, ["coarse"], REQUEST))
    assert mixed.mix_layers == (0, 1, 2)
    style = gan.frame(mixed).style
    np.testing.assert_array_equal(style[:3], second[:3])
    np.testing.assert_array_equal(style[3:], first[3:])
    more = shown_state(tab, mixing.mix(session, on_stage(mixed), 2, [0, 1, 2, 6], REQUEST))
    assert render.complete_groups(more.mix_layers, LAYERS) == ["coarse"]
    less = shown_state(tab, mixing.mix_groups(session, on_stage(more), 2, [], REQUEST))
    assert less.mix_layers == (6,), "a layer ticked by itself stays"
    for layers in ([99], ["x"], [True]):
        with pytest.raises(UserError):
            mixing.mix(session, stage, 2, layers, REQUEST)


def test_the_mixed_pictures_are_those_of_the_current_picture(tab: GanTab, session: GanSession) -> None:
    def sources(updates: Updates) -> list[dict[str, str]]:
        return updates[tab.mixing.sources]["pictures"]

    updates = tab.mixing.mix(session, on_stage(EditState(GAN, 1)), 2, [0, 1], REQUEST)
    assert [each["caption"] for each in sources(updates)] == ["current", "seed 2", "mixed"]
    assert len({each["src"] for each in sources(updates)}) == 3
    after = tab.picture.choose(session, on_stage(shown_state(tab, updates)), event(seed=11), REQUEST)
    assert sources(after) == [], "another picture is not mixed with anything yet"
    again = sources(tab.mixing.mix(session, on_stage(shown_state(tab, after)), 2, [0, 1], REQUEST))
    assert again[0]["src"] != sources(updates)[0]["src"], "the current one is seed 11 now"
    assert again[1]["src"] == sources(updates)[1]["src"]


def test_edits_can_be_undone_and_redone(tab: GanTab, session: GanSession) -> None:
    picture = tab.picture
    with pytest.raises(UserError):
        picture.undo(session, REQUEST)
    for seed in (1, 2, 3):
        picture.choose(session, on_stage(EditState(GAN)), event(seed=seed), REQUEST)
    now = on_stage(EditState(GAN, 3), truncation=0.25)
    picture.released(session, now, REQUEST)
    assert shown_state(tab, picture.undo(session, REQUEST)).truncation == 1
    assert shown_state(tab, picture.undo(session, REQUEST)).seed == 2
    assert shown_state(tab, picture.redo(session, REQUEST)).seed == 3
    assert shown_state(tab, picture.reset(session, now, REQUEST)).truncation == 1
    picture.choose(session, now, event(seed=9), REQUEST)
    with pytest.raises(UserError):
        picture.redo(session, REQUEST)


def test_the_discriminator_score_is_told_in_the_visitors_language(tab: GanTab) -> None:
    picture = tab.picture
    assert "Seed 4. More realistic than" in picture.judge(on_stage(EditState(GAN, 4)), REQUEST)[picture.caption]
    assert "种子 4" in picture.judge(on_stage(EditState(GAN, 4)), CHINESE)[picture.caption]


# --- animation, projection, evaluation, files -------------------------------------------------------------


def test_an_animation_goes_through_its_key_frames_and_can_be_stopped(tab: GanTab, session: GanSession) -> None:
    panel = tab.animation
    with pytest.raises(UserError):
        list(panel.make(session, 1, 10, True, REQUEST))
    for seed in (1, 2, 3):
        keys = panel.add(session, on_stage(EditState(GAN, seed)), REQUEST)[panel.keys]
    assert [picture["caption"] for picture in keys["pictures"]] == ["Seed 1", "Seed 2", "Seed 3"]
    panel.remove(session, event(index=1), REQUEST)
    assert [key.state.seed for key in session.keys] == [1, 3]
    assert shown_state(tab, panel.choose(session, event(index=1), REQUEST)).seed == 3
    for index in (2, -1, "0", None):
        with pytest.raises(UserError):
            panel.remove(session, event(index=index), REQUEST)
    updates = list(panel.make(session, 1, 10, True, REQUEST))
    strip = [each[panel.animation] for each in updates if panel.animation in each][-1]
    webp = Image.open(BytesIO(base64.b64decode(strip["pictures"][0]["src"].split(",")[1])))
    assert (webp.format, getattr(webp, "n_frames", 1)) == ("WEBP", 10)
    last = updates[-1]
    assert "Done" in last[panel.status] and last[panel.run].visible and not last[panel.stop].visible
    assert session.job is None
    running = panel.make(session, 20, 30, True, REQUEST)
    next(running)
    with pytest.raises(UserError):
        next(panel.make(session, 1, 10, True, REQUEST))
    session.stop()
    assert list(running)[-1][panel.status] == "Stopped." and session.job is None


def test_an_uploaded_picture_becomes_the_current_one(tab: GanTab, playground: Playground, session: GanSession) -> None:
    panel, stage = tab.projection, on_stage(EditState(GAN))
    with pytest.raises(UserError):
        list(panel.project(session, stage, None, 20, REQUEST))
    target = playground.gan.render(EditState(GAN, 3))
    updates = list(panel.project(session, stage, target, 20, REQUEST))
    steps = [json.dumps(each[panel.progress]) for each in updates if panel.progress in each]
    assert len(set(steps)) > 2, "progress is shown"
    last = updates[-1]
    assert "PSNR" in last[panel.status] and session.job is None
    found = parse_edit_state(last[tab.picture.stage]["extra"], playground.gan.config(GAN))
    assert found.seed is None and len(found.style) == LAYERS
    running = panel.project(session, stage, target, 500, REQUEST)
    next(running)
    session.stop()
    assert "Stopped." in list(running)[-1][panel.status] and session.job is None


@pytest.mark.parametrize("what", ["animation", "projection", "histogram"])
def test_a_page_that_closes_at_once_frees_the_worker(tab: GanTab, session: GanSession, what: str) -> None:
    stage = on_stage(EditState(GAN))
    for seed in (1, 2):
        tab.animation.add(session, on_stage(EditState(GAN, seed)), REQUEST)
    running: Any = {
        "animation": lambda: tab.animation.make(session, 20, 30, True, REQUEST),
        "projection": lambda: tab.projection.project(session, stage, Image.new("RGB", (64, 64)), 500, REQUEST),
        "histogram": lambda: tab.evaluation.histogram(session, GAN, REQUEST),
    }[what]()
    next(running)
    job = session.job
    running.close()
    assert session.job is None and job is not None and job.task.cancelled


def test_nearest_portraits_and_truncation_sheet(tab: GanTab, session: GanSession) -> None:
    panel, stage = tab.evaluation, on_stage(EditState(GAN, 3))
    near = panel.find_nearest(stage, REQUEST)[panel.neighbours]["pictures"]
    assert near[0]["caption"] == "Seed 3" and len(near) > 2
    sheet = panel.make_sheet(session, stage, REQUEST)[panel.sheet_pictures]["pictures"]
    assert len({picture["src"] for picture in sheet}) == len(sheet) == len(session.sheet)
    taken = shown_state(tab, panel.take_truncation(session, stage, event(index=0), REQUEST))
    assert taken.truncation == session.sheet[0] == -1
    assert panel.take_truncation(session, stage, event(index=99), REQUEST) == {}


def test_a_streamed_histogram_keeps_the_order_and_length_of_its_lists(tab: GanTab, session: GanSession) -> None:
    """Gradio sends what changed in a list entry by entry: one that is sorted anew would get false labels."""
    panel = tab.evaluation
    updates = list(panel.histogram(session, GAN, REQUEST))
    assert updates[-1][panel.status] == "1,000 of 1,000 samples"
    charts = [each[panel.chart] for each in updates if panel.chart in each]
    assert len(charts) > 3
    labels = [[(group["name"], [row["label"] for row in group["rows"]]) for group in c["groups"]] for c in charts]
    assert all(each == labels[0] for each in labels)
    ranks = [[group["rank"] for group in chart["groups"]] for chart in charts]
    assert len({tuple(np.argsort(each)) for each in ranks}) > 1, "the page's own order does change on the way"
    assert all(0 <= share <= 1 for c in charts for g in c["groups"] for row in g["rows"] for share in row["shares"])


@pytest.mark.parametrize("kind", ["png", "json"])
def test_a_saved_style_brings_picture_and_sliders_back(
    tab: GanTab, session: GanSession, tmp_path: Path, kind: str
) -> None:
    picture, vector = tab.picture, tuple(np.eye(16)[2].tolist())
    custom = (CustomDirection("beard", vector, (0, 2), 0.5),)
    state = EditState(GAN, 7, (), 0.7, 3, 9, (0, 4), custom_directions=custom)
    name, uri = (picture.save_png if kind == "png" else picture.save_json)(on_stage(state)).split("|")
    path = tmp_path / name
    path.write_bytes(base64.b64decode(uri.split(",")[1]))
    assert path.suffix == f".{kind}"
    assert shown_state(tab, picture.load(session, on_stage(EditState(GAN)), str(path), REQUEST)) == state
    with pytest.raises(UserError, match="Choose that model"):
        picture.load(session, on_stage(EditState(SMALL)), str(path), REQUEST)


def test_a_style_without_settings_loads_too_and_damaged_settings_do_not(
    tab: GanTab, session: GanSession, tmp_path: Path
) -> None:
    picture, stage = tab.picture, on_stage(EditState(GAN))
    style = picture.service.frame(EditState(GAN, 6)).style
    path = tmp_path / "bare.json"
    path.write_text(latent_file.dumps(latent_file.LatentFile("gan", GAN, style.tolist())))
    found = shown_state(tab, picture.load(session, stage, str(path), REQUEST))
    np.testing.assert_allclose(found.style, style, atol=1e-4)
    damaged = json.loads(path.read_text()) | {"extra": {"recipe": {"seed": "x"}}}
    for content in (
        json.dumps(damaged),
        latent_file.dumps(latent_file.LatentFile("vae", GAN, style.tolist())),
        latent_file.dumps(latent_file.LatentFile("gan", GAN, [[1.0]])),
    ):
        path.write_text(content)
        with pytest.raises(UserError):
            picture.load(session, stage, str(path), REQUEST)
