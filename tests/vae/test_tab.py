"""The VAE tab's handlers over tiny random models of the real classes: what a visitor does, without a browser."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.core import Playground
from playground.errors import UserError
from playground.settings import Settings
from tabs.common import attribute_words
from tabs.common.live.stage import to_lists
from tabs.vae.custom_directions import CustomDirectionHandlers
from tabs.vae.files import FileHandlers, from_text, to_text
from tabs.vae.handlers import VaeHandlers
from tabs.vae.handlers_live import LiveHandlers
from tabs.vae.interpolation import InterpolationHandlers
from tabs.vae.layout import vae_tab
from tabs.vae.session import LONGEST_WAY_BACK, SessionState
from tests.tiny_models.atlas import tiny_atlas
from tests.tiny_models.avatars import tiny_catalog, tiny_family, tiny_vae

VAE = "avatar-vae"


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("family")
    models = tiny_family(folder) | {"lonely": tiny_vae(folder / "lonely", seed=5)}
    tiny_atlas(models[VAE])
    catalogue = tiny_catalog(folder / "own.toml", models, {"lonely": VAE})
    made = Playground(Settings(offline=True, catalogs=(catalogue,), cache=folder / "cache"))
    yield made
    made.close()


@pytest.fixture
def handlers(playground: Playground) -> VaeHandlers:
    return VaeHandlers(playground.vae)


@pytest.fixture
def visit(handlers: VaeHandlers) -> SessionState:
    visit = SessionState()
    handlers.start(visit, VAE, "en")
    return visit


def rows_of(chart: dict[str, Any]) -> list[dict[str, Any]]:
    (group,) = chart["groups"]
    return group["rows"]


def asked(language: str = "en") -> gr.Request:
    headers = {"accept-language": language, "referer": "http://here/?tab=vae"}
    return cast(gr.Request, SimpleNamespace(headers=headers, session_hash="s", query_params={}, client=None))


def event(**data: Any) -> gr.EventData:
    return cast(gr.EventData, SimpleNamespace(_data=data))


def stage_of(updates: tuple[Any, ...]) -> dict[str, Any]:
    """What the page then holds, and sends back with the next event."""
    assert isinstance(updates[0], dict)
    return updates[0]


def sampled(handlers: VaeHandlers, visit: SessionState, seed: int, stage: Any = None) -> dict[str, Any]:
    return stage_of(handlers.sample(visit, stage, seed, False, 1.0, "flow", asked()))


def test_the_same_seed_is_the_same_face_and_locked_controls_stay(handlers: VaeHandlers, visit: SessionState) -> None:
    first = sampled(handlers, visit, 7)
    assert sampled(handlers, visit, 7)["latent"] == first["latent"]
    other = sampled(handlers, visit, 8)
    assert other["latent"] != first["latent"]
    page = first | {"values": first["values"] | {"mouth": 3.0, "top": "turban"}, "locked": ["mouth", "top"]}
    kept = sampled(handlers, visit, 8, page)
    assert kept["values"]["mouth"] == pytest.approx(3.0, abs=1e-3) and kept["values"]["top"] == "turban"
    assert kept["locked"] == ["mouth", "top"]
    unmoved = next(c for c in handlers.service.controls(VAE) if c.name == "skin").block.slice
    assert kept["latent"][unmoved] == other["latent"][unmoved]


def test_undo_and_redo_walk_the_way_and_a_new_step_ends_the_redo(handlers: VaeHandlers, visit: SessionState) -> None:
    one, two = sampled(handlers, visit, 1), sampled(handlers, visit, 2)
    assert stage_of(handlers.step(visit, two, -1, asked()))["latent"] == one["latent"]
    assert stage_of(handlers.step(visit, one, 1, asked()))["latent"] == two["latent"]
    handlers.step(visit, two, -1, asked())
    three = sampled(handlers, visit, 3)
    assert "latent" not in handlers.step(visit, three, 1, asked())[0], "there is nothing to redo"
    for seed in range(LONGEST_WAY_BACK + 5):
        visit.go(np.full(64, seed, np.float32))
    assert len(visit.way) == LONGEST_WAY_BACK


def test_a_movement_is_remembered_with_what_it_changed(handlers: VaeHandlers, visit: SessionState) -> None:
    shown = sampled(handlers, visit, 1)
    moved = handlers.service.frame(VAE, shown["latent"], {"background": 5.0})
    updates = handlers.released(
        visit, event(model=VAE, latent=to_lists(moved.latent), moved={"background": 5.0}), asked()
    )
    typical, leak = updates[1], updates[2]
    assert "typical than" in typical["groups"][0]["rows"][0]["text"]
    assert rows_of(leak)[0]["label"] == "Background" and rows_of(leak)[0]["tone"] == "good"
    assert all(row["tone"] != "good" for row in rows_of(leak)[1:])
    assert visit.latent is not None and visit.latent.tolist() == pytest.approx(moved.latent.tolist())


@pytest.mark.parametrize("sent", [{}, {"latent": "x", "model": VAE}, {"latent": [1, None], "model": VAE}])
def test_an_event_that_no_page_of_ours_sends_is_refused(handlers: VaeHandlers, visit: SessionState, sent: Any) -> None:
    with pytest.raises(UserError):
        handlers.released(visit, event(**sent), asked())


def test_a_model_without_companions_says_what_is_missing_and_works(handlers: VaeHandlers) -> None:
    visit = SessionState()
    handlers.start(visit, "lonely", "en")
    updates = handlers.sample(visit, None, 1, False, 1.0, "normal", asked())
    assert "no flow" in updates[1]["hint"] or "no atlas" in updates[1]["hint"]
    assert stage_of(updates)["picture"].startswith("data:image/jpeg;base64,")


def test_a_picture_comes_in_and_is_shown_beside_what_comes_back(
    handlers: VaeHandlers, visit: SessionState, tmp_path: Path
) -> None:
    path = tmp_path / "wide.png"
    Image.new("RGB", (90, 40), (200, 10, 10)).save(path)
    *updates, pair, quality = handlers.encode(visit, None, str(path), asked())
    assert len(pair["pictures"]) == 2 and "dB" in quality
    assert "not of the drawn world" in quality, "tiny random models know no red rectangle"
    assert stage_of(tuple(updates))["latent"] == pytest.approx(to_lists(cast(np.ndarray, visit.latent)))
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(UserError):
        handlers.encode(visit, None, str(tmp_path / "no.png"), asked())


def test_what_is_saved_comes_back(handlers: VaeHandlers, visit: SessionState, tmp_path: Path) -> None:
    keeper, page = FileHandlers(handlers), sampled(handlers, visit, 11)
    for saved in (keeper.save_json(visit, page), keeper.save_png(visit, page)):
        path = tmp_path / saved["name"]
        path.write_bytes(base64.b64decode(saved["data"]))
        sampled(handlers, visit, 12)
        assert stage_of(keeper.load(visit, str(path), asked()))["latent"] == page["latent"]
    assert Image.open(tmp_path / "face.png").size == (512, 512)
    link = keeper.share(visit, page, asked())
    assert link.startswith("http://here/?tab=vae&face=")
    shared = stage_of(keeper.shared(visit, link, asked()))
    assert shared["latent"] == pytest.approx(page["latent"], abs=2e-3)
    (tmp_path / "bad.json").write_text(json.dumps({"latent": [1]}))
    with pytest.raises(UserError):
        keeper.load(visit, str(tmp_path / "bad.json"), asked())


@pytest.mark.parametrize("text", ["", "x", "m:", "m:A", "m:!!!!", "m:" + "A" * 30_000, "m:AHwAfA", "../m :AAAA"])
def test_a_link_that_holds_no_face_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        from_text(text)


def test_a_link_holds_the_model_and_the_numbers() -> None:
    latent = np.linspace(-3, 3, 64).astype(np.float32)
    model, back = from_text(" https://somewhere/?tab=vae&face=" + to_text("own/model-1", latent) + "\n")
    assert model == "own/model-1" and np.allclose(back, latent, atol=2e-3)


def test_raw_dimensions_and_own_attributes_become_sliders_that_draw(
    handlers: VaeHandlers, visit: SessionState
) -> None:
    own, draw = CustomDirectionHandlers(handlers), LiveHandlers(handlers.service).draw
    page = sampled(handlers, visit, 1)
    rows = rows_of(own.dimensions(visit, asked()))
    assert len(rows) == 64 and rows[0]["shares"] == [1]
    page = stage_of(own.choose(visit, page, event(index=0), asked()))
    assert page["controls"][0]["name"] == "dim_0" and page["extra"]["dimensions"] == [0]
    payload = {"model": VAE, "latent": page["latent"], "values": {"dim_0": 2.5}, "extra": page["extra"]}
    answer = draw(payload)
    assert answer["latent"][0] == 2.5 and answer["values"]["dim_0"] == 2.5
    assert answer["latent"][1:] == page["latent"][1:]
    with pytest.raises(UserError, match="at least one"):
        own.make(visit, page, "nice", asked())
    own.add_shown(visit, page, "with", asked())
    own.add_shown(visit, sampled(handlers, visit, 2), "without", asked())
    *updates, trust = own.make(visit, page, "  nice   one ", asked())
    assert "Uncertainty" in trust
    page = stage_of(tuple(updates))
    assert page["controls"][0]["label"] == "nice one"
    moved = draw({"model": VAE, "latent": page["latent"], "values": {"own_0": 1.0}, "extra": page["extra"]})
    assert np.allclose(np.array(moved["latent"]) - page["latent"], visit.own[0].vector, atol=1e-4)
    named = draw(
        {"model": VAE, "latent": page["latent"], "values": {"own_0": 1.0, "mouth": 0}, "extra": page["extra"]}
    )
    assert named["values"]["mouth"] == 0, "a named control has the last word"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "smollm2-135m"},
        {"model": "nobody"},
        {"latent": [0.0] * 63},
        {"latent": [1e9] * 64},
        {"values": {"dim_64": 1.0}},
        {"values": {"dim_x": 1.0}},
        {"values": {"dim_0": 1e9}},
        {"values": {"dim_0": "far"}},
        {"values": {"own_0": 1.0}},
        {"values": {"own_0": 1.0}, "extra": {"own": [[1.0]]}},
        {"values": {"own_0": 1.0}, "extra": {"own": [[None] * 64]}},
        {"values": {"own_0": 1.0}, "extra": {"own": "x"}},
        {"values": {"mouth": 99}},
        {"values": {"nothing": 1}},
    ],
)
def test_a_hostile_payload_is_refused_in_words(handlers: VaeHandlers, change: dict[str, Any]) -> None:
    payload = {"model": VAE, "latent": [0.0] * 64, "values": {}, "extra": {}}
    LiveHandlers(handlers.service).draw(payload)
    with pytest.raises(UserError):
        LiveHandlers(handlers.service).draw(payload | change)


def test_a_to_b_a_film_of_it_the_map_and_arithmetic(handlers: VaeHandlers, visit: SessionState) -> None:
    ways = InterpolationHandlers(handlers)
    with pytest.raises(UserError, match="Set A and B"):
        ways.way(visit, 5, "lerp", asked())
    a, b = sampled(handlers, visit, 1), sampled(handlers, visit, 2)
    ways.set_aside(visit, a, "a", asked())
    assert len(ways.set_aside(visit, b, "b", asked())["pictures"]) == 2
    strip = ways.way(visit, 5, "slerp", asked())
    assert [one["caption"] for one in strip["pictures"]] == ["A", "25 %", "50 %", "75 %", "B"]
    assert stage_of(ways.pick_frame(visit, event(index=4), asked()))["latent"] == b["latent"]
    assert "latent" not in ways.pick_frame(visit, event(index=99), asked())[0]

    told = list(ways.film(visit, "lerp", asked()))
    assert told[-1][1]["pictures"][0]["src"].startswith("data:image/webp;base64,")
    assert any("48 of 48" in str(one[0]) for one in told) and visit.film is None
    stopped = []
    for one in ways.film(visit, "lerp", asked()):
        stopped.append(one[0])
        ways.stop_film(visit)
    assert stopped[-1] == "Stopped."
    leaving = ways.film(visit, "lerp", asked())
    next(leaving)
    job = visit.film
    leaving.close()  # type: ignore[attr-defined]  # the page closes at once
    assert visit.film is None and job is not None and job.task.cancelled

    land = ways.map(visit, a, asked())
    assert land["picture"].startswith("data:image/jpeg;base64,") and 0 <= land["x"] <= 1
    at = stage_of(ways.at_map(visit, event(x=0.0625, y=0.0625), asked()))
    assert at["latent"] == pytest.approx(to_lists(handlers.service.atlas(VAE).latents[0]), abs=1e-2)
    for hostile in ({}, {"x": "1", "y": 0}, {"x": float("nan"), "y": 0}, {"x": 2, "y": 0}):
        with pytest.raises(UserError):
            ways.at_map(visit, event(**hostile), asked())

    for name, page in (("A", a), ("B", b), ("C", b)):
        terms = ways.set_term(visit, page, name, asked())
    assert terms["pictures"][-1]["caption"] == "A − B + C"
    assert stage_of(ways.pick_term(visit, event(index=3), asked()))["latent"] == pytest.approx(a["latent"], abs=1e-4)
    assert len(ways.nearest(visit, a)["pictures"]) == 8


def test_every_control_and_value_of_the_world_is_said_in_chinese_too(handlers: VaeHandlers) -> None:
    visit = SessionState()
    controls = handlers.start(visit, VAE, "zh").stage
    assert controls is not None
    for control in controls["controls"]:
        assert control["name"] in attribute_words.NAMES
        for value, said in zip(control["values"], control["labels"], strict=True):
            assert said != value, value


def test_only_the_named_endpoints_are_public(playground: Playground) -> None:
    with gr.Blocks(analytics_enabled=False) as page:
        vae_tab(playground)
    assert set(page.get_api_info()["named_endpoints"]) == {"/vae_encode", "/vae_decode"}
