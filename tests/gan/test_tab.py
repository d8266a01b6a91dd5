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
from tabs.gan import edit_state as recipes
from tabs.gan import render
from tabs.gan.edit_state import Kept, Move, Recipe
from tabs.gan.files import FileHandlers
from tabs.gan.handlers_animation import AnimationHandlers
from tabs.gan.handlers_current import DRAWN, CurrentHandlers
from tabs.gan.handlers_explore import ExploreHandlers
from tabs.gan.layout import gan_tab
from tabs.gan.session import SessionState
from tests.support.remote_chat import handler_of
from tests.tiny_models.gan import GAN, SMALL, gan_playground

REQUEST = gr.Request(session_hash="visitor", headers={"accept-language": "en"})
CHINESE = gr.Request(session_hash="visitor", headers={"accept-language": "zh-CN,zh;q=0.9"})
LAYERS = 7  # of the tiny generator of 64 pixels


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    made = gan_playground(tmp_path_factory.mktemp("gan"))
    yield made
    made.close()


@pytest.fixture
def current(playground: Playground) -> CurrentHandlers:
    return CurrentHandlers(playground.gan)


def on_stage(recipe: Recipe, **moved: float) -> dict[str, Any]:
    """The stage's value as the browser sends it back, after JSON and these movements."""
    return json.loads(json.dumps({"model": recipe.model, "extra": recipe.plain(), "moved": moved}))


def payload(recipe: Recipe, **values: Any) -> dict[str, Any]:
    return {"model": recipe.model, "latent": None, "values": values, "extra": recipe.plain()}


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(base64.b64decode(uri.split(",", 1)[1]))).convert("RGB"))


def recipe_in(drawn: tuple[Any, ...]) -> Recipe:
    """The recipe of what a handler gave back: its first value is the stage's."""
    value = drawn[0]
    return recipes.read(value["extra"], ABOUT[value["model"]])


ABOUT: dict[str, Any] = {}


@pytest.fixture(autouse=True, scope="module")
def _known(playground: Playground) -> None:
    ABOUT.update({id_: playground.gan.about(id_) for id_ in (GAN, SMALL)})


# --- grid and stage ---------------------------------------------------------------------------------------


def test_a_choice_does_not_open_the_page_anew(playground: Playground) -> None:
    """The browser tells what it remembers after every choice; what the page shows then stays as it is."""
    with gr.Blocks(analytics_enabled=False) as page:
        gan_tab(playground)
    start, opened = handler_of(page, "start"), handler_of(page, "opened")
    visit = SessionState()
    assert isinstance(opened(GAN, visit, REQUEST), tuple)
    start(SMALL, visit, REQUEST)
    visit.remember(Recipe(SMALL, 3))
    assert opened(SMALL, visit, REQUEST) == gr.skip() and visit.past[-1].seed == 3
    assert isinstance(opened(GAN, visit, REQUEST), tuple), "what is remembered comes after the page has opened"


def test_the_grid_draws_seeds_and_judges_them_when_asked(current: CurrentHandlers) -> None:
    plain = current.tiles({"model": GAN, "seeds": "3-5, 9", "truncation": 1})
    assert [tile["seed"] for tile in plain["tiles"]] == [3, 4, 5, 9]
    assert all(tile["realness"] is None for tile in plain["tiles"])
    assert len({tile["image"] for tile in plain["tiles"]}) == 4
    judged = current.tiles({"model": GAN, "seeds": "3-5", "truncation": 1, "judged": True})
    assert all(0 <= tile["realness"] <= 1 for tile in judged["tiles"])
    average = current.tiles({"model": GAN, "seeds": "3-5", "truncation": 0})
    assert len({tile["image"] for tile in average["tiles"]}) == 1, "full truncation leaves the average face alone"


@pytest.mark.parametrize(
    "wish",
    [
        None, [], {}, {"model": GAN}, {"model": GAN, "seeds": "1-1000"}, {"model": GAN, "seeds": "<img>"},
        {"model": GAN, "seeds": "1", "truncation": "x"}, {"model": GAN, "seeds": "1", "truncation": math.nan},
        {"model": "../..", "seeds": "1"}, {"model": 3, "seeds": "1"}, {"model": "avatar-vae", "seeds": "1"},
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_drawn_is_answered_in_words(current: CurrentHandlers, wish: Any) -> None:
    assert set(current.tiles(wish)) == {"error"}


def test_the_stage_shows_what_was_clicked_and_moves_from_there(current: CurrentHandlers) -> None:
    visit, start = SessionState(), Recipe(GAN, moves=(Move("pca", 0, (0, LAYERS - 1), 2.0),))
    drawn = current.choose(visit, on_stage(start), event(seed=5, truncation=0.5), REQUEST)
    assert len(drawn) == DRAWN
    recipe = recipe_in(drawn)
    assert (recipe.seed, recipe.truncation) == (5, 0.5) and not recipe.edits()
    still = pixels(current.live(payload(recipe))["picture"])
    tile = current.tiles({"model": GAN, "seeds": "5", "truncation": 0.5})["tiles"][0]["image"]
    small = np.asarray(Image.fromarray(still).resize((128, 128)), float)
    assert np.abs(small - pixels(tile)).mean() < 4, "the same picture, but for its size"
    name = recipe.moves[0].name
    answer = current.live(payload(recipe, **{name: 3.0}))
    assert answer["values"][name] == 3 and answer["values"]["truncation"] == 0.5
    assert np.abs(pixels(answer["picture"]) - still.astype(float)).mean() > 1
    assert set(answer["values"]) == {control["name"] for control in render.controls(recipe, ABOUT[GAN], "en")}


@pytest.mark.parametrize(
    "values",
    [
        {"truncation": 9}, {"truncation": "x"}, {"cutoff": LAYERS + 1}, {"cutoff": 2.5}, {"kept-0": 1}, {"kept-²": 1},
        {"pca-0-0-6": 1e9}, {"pca-9-0-6": 1}, {"__proto__": 1},
    ],
)  # fmt: skip
def test_a_movement_the_stage_could_not_have_made_is_refused(current: CurrentHandlers, values: Any) -> None:
    recipe = Recipe(GAN, moves=(Move("pca", 0, (0, LAYERS - 1)),))
    with pytest.raises(UserError):
        current.live(payload(recipe, **values))


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
def test_a_recipe_from_elsewhere_is_checked(change: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        recipes.read(Recipe(GAN).plain() | change, ABOUT[GAN])


def test_a_recipe_goes_through_json_and_back() -> None:
    vector = tuple(np.eye(16)[2].tolist())
    recipe = Recipe(
        GAN, 7, (), 0.7, 3, 9, (0, 4), (Move("sefa", 2, (1, 3), -1.5),), (Kept("胡子 <b>", vector, (0, 2), 0.5),)
    )
    assert recipes.read(json.loads(json.dumps(recipe.plain())), ABOUT[GAN]) == recipe


# --- directions, mixing, the way back ---------------------------------------------------------------------


def test_a_kept_direction_draws_the_same_and_outlives_other_pictures(current: CurrentHandlers) -> None:
    visit = SessionState()
    shown = on_stage(Recipe(GAN, 4))
    recipe = recipe_in(current.show(visit, shown, "sefa", "coarse", None, None, REQUEST))
    assert {move.layers for move in recipe.moves} == {(0, 2)} and len(recipe.moves) == render.COMPONENTS
    name = recipe.moves[1].name
    before = current.draw(recipes.moved(recipe, {name: 2.0})).style
    drawn = current.keep(visit, on_stage(recipe, **{name: 2.0}), name, "  beard ", REQUEST)
    assert len(drawn) == DRAWN + 1
    kept = recipe_in(drawn)
    assert [each.title for each in kept.kept] == ["beard"] and kept.kept[0].strength == 2
    np.testing.assert_allclose(current.draw(kept).style, before, atol=1e-3)
    other = recipe_in(current.choose(visit, on_stage(kept), event(seed=8, truncation=1), REQUEST))
    assert other.kept[0].title == "beard" and other.kept[0].strength == 0
    assert recipe_in(current.forget(visit, on_stage(other), 0, REQUEST)).kept == ()
    for which, title in ((name, "  "), ("pca-0-0-0", "x")):
        with pytest.raises(UserError):
            current.keep(visit, on_stage(kept), which, title, REQUEST)


def test_other_directions_leave_those_in_use(current: CurrentHandlers) -> None:
    recipe = Recipe(GAN, moves=tuple(Move("pca", index, (0, LAYERS - 1)) for index in range(6)))
    moved = on_stage(recipe, **{recipe.moves[2].name: 1.0})
    found = recipe_in(current.show(SessionState(), moved, "sefa", "own", 5, 3, REQUEST))
    assert [(move.kind, move.layers) for move in found.moves] == [("pca", (0, 6))] + [("sefa", (3, 5))] * 6
    crowd = replace(recipe, moves=tuple(Move("pca", index, (0, 6), 1.0) for index in range(16)) * 2)
    with pytest.raises(UserError):
        current.show(SessionState(), on_stage(crowd), "sefa", "all", 0, 0, REQUEST)


def test_mixing_takes_over_the_ticked_layers(current: CurrentHandlers) -> None:
    visit, shown = SessionState(), on_stage(Recipe(GAN, 1))
    one = current.draw(Recipe(GAN, 1)).style
    two = current.draw(Recipe(GAN, 2)).style
    drawn = current.mix_groups(visit, shown, 2, ["coarse"], REQUEST)
    mixed = recipe_in(drawn)
    assert mixed.mix_layers == (0, 1, 2) and len(drawn) == DRAWN + 1
    style = current.draw(mixed).style
    np.testing.assert_array_equal(style[:3], two[:3])
    np.testing.assert_array_equal(style[3:], one[3:])
    more = recipe_in(current.mix(visit, on_stage(mixed), 2, [0, 1, 2, 6], REQUEST))
    assert render.whole_groups(more.mix_layers, LAYERS) == ["coarse"]
    less = recipe_in(current.mix_groups(visit, on_stage(more), 2, [], REQUEST))
    assert less.mix_layers == (6,), "a layer ticked by itself stays"
    for layers in ([99], ["x"], [True]):
        with pytest.raises(UserError):
            current.mix(visit, shown, 2, layers, REQUEST)


def test_what_was_done_can_be_taken_back_and_brought_again(current: CurrentHandlers) -> None:
    visit = SessionState()
    with pytest.raises(UserError):
        current.undo(visit, on_stage(Recipe(GAN)), REQUEST)
    for seed in (1, 2, 3):
        current.choose(visit, on_stage(Recipe(GAN)), event(seed=seed, truncation=1), REQUEST)
    now = on_stage(Recipe(GAN, 3), truncation=0.25)
    current.released(visit, now, REQUEST)
    assert recipe_in(current.undo(visit, now, REQUEST)).truncation == 1
    assert recipe_in(current.undo(visit, now, REQUEST)).seed == 2
    assert recipe_in(current.redo(visit, now, REQUEST)).seed == 3
    assert recipe_in(current.plain(visit, now, REQUEST)).truncation == 1
    current.choose(visit, now, event(seed=9, truncation=1), REQUEST)
    with pytest.raises(UserError):
        current.redo(visit, now, REQUEST)


def test_the_discriminator_says_what_it_thinks_in_the_visitors_language(current: CurrentHandlers) -> None:
    assert "Seed 4. More real than" in current.judge(on_stage(Recipe(GAN, 4)), REQUEST)
    assert "种子 4" in current.judge(on_stage(Recipe(GAN, 4)), CHINESE)


# --- film, own picture, exploring, files ------------------------------------------------------------------


def test_a_film_goes_through_its_key_frames_and_can_be_stopped(current: CurrentHandlers) -> None:
    film, visit = AnimationHandlers(current), SessionState()
    with pytest.raises(UserError):
        list(film.make(visit, GAN, 1, 10, True, REQUEST))
    for seed in (1, 2, 3):
        keys = film.add(visit, on_stage(Recipe(GAN, seed)), REQUEST)
    assert [picture["caption"] for picture in keys["pictures"]] == ["Seed 1", "Seed 2", "Seed 3"]
    film.remove(visit, event(place=1), REQUEST)
    assert [key.recipe.seed for key in visit.keys] == [1, 3]
    assert recipe_in(film.choose(visit, event(place=1), REQUEST)).seed == 3
    for place in (2, -1, "0", None):
        with pytest.raises(UserError):
            film.remove(visit, event(place=place), REQUEST)
    status, shown, start, stop = list(film.make(visit, GAN, 1, 10, True, REQUEST))[-1]
    picture = Image.open(BytesIO(base64.b64decode(shown["pictures"][0]["image"].split(",")[1])))
    assert (picture.format, getattr(picture, "n_frames", 1)) == ("WEBP", 10)
    assert "Done" in status and start.visible and not stop.visible and visit.job is None
    running = film.make(visit, GAN, 20, 30, True, REQUEST)
    next(running)
    with pytest.raises(UserError):
        next(film.make(visit, GAN, 1, 10, True, REQUEST))
    film.stop(visit)
    assert list(running)[-1][0] == "Stopped." and visit.job is None


def test_a_picture_of_ones_own_becomes_the_current_one(current: CurrentHandlers, playground: Playground) -> None:
    explore, visit = ExploreHandlers(current), SessionState()
    with pytest.raises(UserError):
        list(explore.project(visit, on_stage(Recipe(GAN)), None, 20, REQUEST))
    target = playground.gan.render(GAN, current.draw(Recipe(GAN, 3)).style)
    steps = list(explore.project(visit, on_stage(Recipe(GAN)), target, 20, REQUEST))
    assert len({json.dumps(step[1]) for step in steps}) > 2, "it is shown on its way"
    *_, last = steps
    assert "PSNR" in last[0] and visit.job is None
    found = recipe_in(last[4:])
    assert found.seed is None and len(found.style) == LAYERS
    assert len(last) == 4 + DRAWN
    running = explore.project(visit, on_stage(Recipe(GAN)), target, 500, REQUEST)
    next(running)
    AnimationHandlers(current).stop(visit)
    assert "Stopped." in list(running)[-1][0] and visit.job is None


@pytest.mark.parametrize("what", ["film", "project", "histogram"])
def test_a_page_that_closes_at_once_frees_the_worker(current: CurrentHandlers, what: str) -> None:
    film, explore, visit = AnimationHandlers(current), ExploreHandlers(current), SessionState()
    for seed in (1, 2):
        film.add(visit, on_stage(Recipe(GAN, seed)), REQUEST)
    running: Any = {
        "film": lambda: film.make(visit, GAN, 20, 30, True, REQUEST),
        "project": lambda: explore.project(visit, on_stage(Recipe(GAN)), Image.new("RGB", (64, 64)), 500, REQUEST),
        "histogram": lambda: explore.histogram(visit, GAN, REQUEST),
    }[what]()
    next(running)
    job = visit.job
    running.close()
    assert visit.job is None and job is not None and job.task.cancelled


def test_what_the_model_learned(current: CurrentHandlers) -> None:
    explore, visit = ExploreHandlers(current), SessionState()
    near = explore.nearest(on_stage(Recipe(GAN, 3)), REQUEST)["pictures"]
    assert near[0]["caption"] == "Seed 3" and len(near) > 2
    sheet = explore.sheet(visit, on_stage(Recipe(GAN, 3)), REQUEST)["pictures"]
    assert len({picture["image"] for picture in sheet}) == len(sheet) == len(visit.sheet)
    taken = recipe_in(explore.take(visit, on_stage(Recipe(GAN, 3)), event(place=0), REQUEST))
    assert taken.truncation == visit.sheet[0] == -1
    counted = list(explore.histogram(visit, GAN, REQUEST))
    assert counted[-1][0] == "1,000 of 1,000 samples"
    groups = counted[-2][1]["groups"]
    assert groups and all(0 <= bar["here"] <= 1 for group in groups for bar in group["bars"])


@pytest.mark.parametrize("kind", ["png", "json"])
def test_a_saved_style_brings_picture_and_sliders_back(current: CurrentHandlers, tmp_path: Path, kind: str) -> None:
    files, visit = FileHandlers(current), SessionState()
    vector = tuple(np.eye(16)[2].tolist())
    recipe = Recipe(GAN, 7, (), 0.7, 3, 9, (0, 4), kept=(Kept("beard", vector, (0, 2), 0.5),))
    text = (files.save_png if kind == "png" else files.save_json)(on_stage(recipe))
    name, uri = text.split("|")
    path = tmp_path / name
    path.write_bytes(base64.b64decode(uri.split(",")[1]))
    assert path.suffix == f".{kind}"
    loaded = files.load(visit, on_stage(Recipe(GAN)), str(path), REQUEST)
    assert recipe_in(loaded) == recipe
    with pytest.raises(UserError, match="Choose that model"):
        files.load(visit, on_stage(Recipe(SMALL)), str(path), REQUEST)


def test_a_style_without_a_recipe_loads_too_and_a_lying_one_does_not(current: CurrentHandlers, tmp_path: Path) -> None:
    files, style = FileHandlers(current), current.draw(Recipe(GAN, 6)).style
    path = tmp_path / "bare.json"
    path.write_bytes(current.service.save(GAN, style, png=False))
    found = recipe_in(files.load(SessionState(), on_stage(Recipe(GAN)), str(path), REQUEST))
    np.testing.assert_allclose(found.style, style, atol=1e-4)
    lying = json.loads(path.read_text()) | {"extra": {"recipe": {"seed": "x"}}}
    path.write_text(json.dumps(lying))
    with pytest.raises(UserError):
        files.load(SessionState(), on_stage(Recipe(GAN)), str(path), REQUEST)
