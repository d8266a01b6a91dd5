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
from playground.vae.types import Leak
from tabs.common import attribute_words
from tabs.common.live.stage import to_lists
from tabs.vae import render
from tabs.vae.files import FileHandlers, latent_to_text, text_to_latent
from tabs.vae.handlers import FaceHandlers, LiveHandlers
from tabs.vae.layout import vae_tab
from tabs.vae.portrait_panel import PortraitPanel, portrait_panel
from tabs.vae.session import MAX_UNDO, VaeSession
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


@pytest.fixture(scope="module")
def panel(playground: Playground) -> PortraitPanel:
    with gr.Blocks(analytics_enabled=False):
        return portrait_panel(playground)


@pytest.fixture(scope="module")
def face(panel: PortraitPanel) -> FaceHandlers:
    return panel.face


@pytest.fixture
def session(face: FaceHandlers) -> VaeSession:
    made = VaeSession()
    face.start(made, VAE, "en")
    return made


def rows_of(chart: dict[str, Any]) -> list[dict[str, Any]]:
    (group,) = chart["groups"]
    return group["rows"]


def asked(language: str = "en") -> gr.Request:
    headers = {"accept-language": language, "referer": "http://here/?tab=vae"}
    return cast(gr.Request, SimpleNamespace(headers=headers, session_hash="s", query_params={}, client=None))


def event(**data: Any) -> gr.EventData:
    return cast(gr.EventData, SimpleNamespace(_data=data))


def sampled(panel: PortraitPanel, session: VaeSession, seed: int, stage: Any = None) -> dict[str, Any]:
    """The stage's value after sampling a seed, as the page then sends it back."""
    return panel.sample(session, stage, seed, False, 1.0, "flow", asked())[panel.face.stage]


def test_the_same_seed_is_the_same_face_and_locked_controls_stay(panel: PortraitPanel, session: VaeSession) -> None:
    first = sampled(panel, session, 7)
    assert sampled(panel, session, 7)["latent"] == first["latent"]
    other = sampled(panel, session, 8)
    assert other["latent"] != first["latent"]
    page = first | {"values": first["values"] | {"mouth": 3.0, "hair_length": "turban"}}
    kept = sampled(panel, session, 8, page | {"locked": ["mouth", "hair_length"]})
    assert kept["values"]["mouth"] == pytest.approx(3.0, abs=1e-3) and kept["values"]["hair_length"] == "turban"
    assert kept["locked"] == ["mouth", "hair_length"]
    unmoved = next(c for c in panel.face.service.controls(VAE) if c.name == "skin").block.slice
    assert kept["latent"][unmoved] == other["latent"][unmoved]


def test_undo_and_redo_and_a_new_face_ends_the_redo(panel: PortraitPanel, session: VaeSession) -> None:
    one, two = sampled(panel, session, 1), sampled(panel, session, 2)
    stage = panel.face.stage
    assert panel.undo(session, two, asked())[stage]["latent"] == one["latent"]
    assert panel.redo(session, one, asked())[stage]["latent"] == two["latent"]
    panel.undo(session, two, asked())
    three = sampled(panel, session, 3)
    assert panel.redo(session, three, asked()) == {}, "there is nothing to redo"
    for seed in range(MAX_UNDO + 5):
        session.remember(np.full(64, seed, np.float32))
    assert len(session.history) == MAX_UNDO


def test_a_movement_is_remembered_with_what_it_changed(panel: PortraitPanel, session: VaeSession) -> None:
    face, shown = panel.face, sampled(panel, session, 1)
    moved = face.service.frame(VAE, shown["latent"], {"background": 5.0})
    data = event(model=VAE, latent=to_lists(moved.latent), moved={"background": 5.0})
    updates = face.released(session, data, asked())
    assert "typical than" in rows_of(updates[face.typicality])[0]["text"]
    leak = rows_of(updates[face.leak])
    assert leak[0]["label"] == "Background" and leak[0]["tone"] == "good"
    assert all(row["tone"] != "good" for row in leak[1:])
    assert session.latent is not None and session.latent.tolist() == pytest.approx(moved.latent.tolist())


@pytest.mark.parametrize("sent", [{}, {"latent": "x", "model": VAE}, {"latent": [1, None], "model": VAE}])
def test_an_event_that_no_page_of_ours_sends_is_refused(face: FaceHandlers, session: VaeSession, sent: Any) -> None:
    with pytest.raises(UserError):
        face.released(session, event(**sent), asked())


def test_a_model_without_flow_or_judge_says_what_is_missing_and_works(panel: PortraitPanel) -> None:
    session = VaeSession()
    panel.choose_model(session, "lonely", asked())
    updates = panel.sample(session, None, 1, False, 1.0, "normal", asked())
    hint = updates[panel.face.typicality]["hint"]
    assert "no flow" in hint or "no atlas" in hint
    assert updates[panel.face.stage]["picture"].startswith("data:image/jpeg;base64,")


def test_an_uploaded_picture_is_shown_beside_its_reconstruction(
    panel: PortraitPanel, session: VaeSession, tmp_path: Path
) -> None:
    path = tmp_path / "wide.png"
    Image.new("RGB", (90, 40), (200, 10, 10)).save(path)
    updates = panel.encode(session, None, str(path), asked())
    assert len(updates[panel.pair]["pictures"]) == 2 and "dB" in updates[panel.quality]
    assert "not a portrait of the drawn world" in updates[panel.quality], "tiny random models know no red rectangle"
    assert updates[panel.face.stage]["latent"] == pytest.approx(to_lists(cast(np.ndarray, session.latent)))
    assert panel.encode(session, None, None, asked()) == {}
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(UserError):
        panel.encode(session, None, str(tmp_path / "no.png"), asked())


def test_what_is_saved_can_be_loaded(panel: PortraitPanel, session: VaeSession, tmp_path: Path) -> None:
    files, stage, page = FileHandlers(panel.face), panel.face.stage, sampled(panel, session, 11)
    for saved in (files.save_json(session, page), files.save_png(session, page)):
        name, uri = saved.split("|")
        path = tmp_path / name
        path.write_bytes(base64.b64decode(uri.split(",")[1]))
        sampled(panel, session, 12)
        assert files.load(session, str(path), asked())[stage]["latent"] == page["latent"]
    assert Image.open(tmp_path / "face.png").size == (512, 512)
    link = files.share(session, page, asked())
    assert link.startswith("http://here/?tab=vae&face=")
    shared = files.open_link(session, link, asked())[stage]
    assert shared["latent"] == pytest.approx(page["latent"], abs=2e-3)
    (tmp_path / "bad.json").write_text(json.dumps({"latent": [1]}))
    with pytest.raises(UserError):
        files.load(session, str(tmp_path / "bad.json"), asked())


def test_an_attribute_has_one_control(panel: PortraitPanel, session: VaeSession) -> None:
    """What lies on a scale is a slider, and the other values of the same attribute are chips below it."""
    controls = {control["name"]: control for control in sampled(panel, session, 1)["controls"]}
    assert not {"top", "facial_hair_kind", "eyes_kind"} & set(controls)
    groups = [control["group"] for control in controls.values()]
    assert len(groups) == len(set(groups))
    assert [value for value, _ in controls["eyes"]["others"]] == ["hearts"]
    assert [value for value, _ in controls["facial_hair"]["others"]] == ["moustache"]
    tops = {value for value, _ in controls["hair_length"]["others"]} | set(controls["hair_length"]["values"])
    assert tops == set(next(c for c in panel.face.service.controls(VAE) if c.name == "top").values)
    draw = LiveHandlers(panel.face.service).frame
    payload = {"model": VAE, "latent": [0.0] * 64, "values": {"eyes": "hearts"}, "extra": {}}
    assert draw(payload)["values"]["eyes"] == "hearts"
    assert draw(payload | {"values": {"eyes": 2.0}})["values"]["eyes"] == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(
    ("values", "name", "reason"),
    [
        ({"hair_length": "turban"}, "hat_colour", None),
        ({"hair_length": 0.0}, "hat_colour", "hat"),
        ({"hair_length": 0.0, "facial_hair": 0.0}, "hair_colour", "beard"),
        ({"hair_length": 0.0, "facial_hair": 2.0}, "hair_colour", None),
        ({"glasses": "none"}, "lenses", "glasses"),
        ({"glasses": "round glasses", "lenses": 0.0}, "eyebrows", "glasses"),
        ({"glasses": "round glasses", "lenses": 0.0}, "eyes", None),
        ({"glasses": "round glasses", "lenses": 2.0}, "eyes", "lenses"),
    ],
)
def test_a_control_that_changes_nothing_visible_says_why(
    face: FaceHandlers, values: dict[str, Any], name: str, reason: str | None
) -> None:
    payload = {"model": VAE, "latent": [0.0] * 64, "values": values, "extra": {"language": "en"}}
    inactive = LiveHandlers(face.service).frame(payload)["inactive"]
    assert (reason in inactive[name]) if reason else (name not in inactive)


def test_side_effects_are_told_of_visible_attributes_only() -> None:
    found = (
        Leak("top", 0.9, "short hair", "bald"),
        Leak("hair_colour", 0.8, "black", "red"),
        Leak("glasses", 0.3, "none", "none"),
        Leak("lenses", 0.7, "dark", attribute_words.HIDDEN),
    )
    chart = render.leak(found, {"top"}, {"hair_colour": "Needs hair or a beard."}, "en")
    assert [row["label"] for row in rows_of(chart)] == ["Hair or hat", "Glasses"]
    assert "one side effect" in chart["hint"]


@pytest.mark.parametrize("text", ["", "x", "m:", "m:A", "m:!!!!", "m:" + "A" * 30_000, "m:AHwAfA", "../m :AAAA"])
def test_a_link_that_holds_no_face_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        text_to_latent(text)


def test_a_link_holds_the_model_and_the_numbers() -> None:
    latent = np.linspace(-3, 3, 64).astype(np.float32)
    model, back = text_to_latent(" https://somewhere/?tab=vae&face=" + latent_to_text("own/model-1", latent) + "\n")
    assert model == "own/model-1" and np.allclose(back, latent, atol=2e-3)


def test_raw_dimensions_and_custom_attributes_become_sliders_that_draw(
    panel: PortraitPanel, session: VaeSession
) -> None:
    directions, stage = panel.directions, panel.face.stage
    draw = LiveHandlers(panel.face.service).frame
    with_, without = directions.groups
    page = sampled(panel, session, 1)
    rows = rows_of(directions.list_dimensions(session, asked())[directions.dimensions])
    assert len(rows) == 64 and rows[0]["shares"] == [1]
    page = directions.toggle_dimension(session, page, event(index=0), asked())[stage]
    assert page["controls"][0]["name"] == "dim_0" and page["extra"]["dimensions"] == [0]
    answer = draw({"model": VAE, "latent": page["latent"], "values": {"dim_0": 2.5}, "extra": page["extra"]})
    assert answer["latent"][0] == 2.5 and answer["values"]["dim_0"] == 2.5
    assert answer["latent"][1:] == page["latent"][1:]
    with pytest.raises(UserError, match="at least one"):
        directions.make_attribute(session, page, "nice", asked())
    directions.add_current(session, page, with_)
    directions.add_current(session, sampled(panel, session, 2), without)
    updates = directions.make_attribute(session, page, "  nice   one ", asked())
    assert "Uncertainty" in updates[directions.uncertainty]
    page = updates[stage]
    assert page["controls"][0]["label"] == "nice one"
    moved = draw({"model": VAE, "latent": page["latent"], "values": {"custom_0": 1.0}, "extra": page["extra"]})
    assert np.allclose(np.array(moved["latent"]) - page["latent"], session.custom[0].vector, atol=1e-4)
    values = {"custom_0": 1.0, "mouth": 0}
    named = draw({"model": VAE, "latent": page["latent"], "values": values, "extra": page["extra"]})
    assert named["values"]["mouth"] == 0, "a named control has the last word"
    gone = directions.remove_attributes(session, page, asked())[stage]
    assert not any(control["name"].startswith("custom_") for control in gone["controls"])


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
        {"values": {"custom_0": 1.0}},
        {"values": {"custom_0": 1.0}, "extra": {"custom": [[1.0]]}},
        {"values": {"custom_0": 1.0}, "extra": {"custom": [[None] * 64]}},
        {"values": {"custom_0": 1.0}, "extra": {"custom": "x"}},
        {"values": {"mouth": 99}},
        {"values": {"nothing": 1}},
    ],
)
def test_a_hostile_payload_is_refused_in_words(face: FaceHandlers, change: dict[str, Any]) -> None:
    payload = {"model": VAE, "latent": [0.0] * 64, "values": {}, "extra": {}}
    LiveHandlers(face.service).frame(payload)
    with pytest.raises(UserError):
        LiveHandlers(face.service).frame(payload | change)


def test_interpolation_from_a_to_b(panel: PortraitPanel, session: VaeSession) -> None:
    way, stage = panel.interpolation, panel.face.stage
    with pytest.raises(UserError, match="Set A and B"):
        way.interpolate(session, 5, "lerp", asked())
    a, b = sampled(panel, session, 1), sampled(panel, session, 2)
    way.set_endpoint(session, a, asked(), "a")
    assert len(way.set_endpoint(session, b, asked(), "b")[way.endpoints]["pictures"]) == 2
    frames = way.interpolate(session, 5, "slerp", asked())[way.frames]
    assert [each["caption"] for each in frames["pictures"]] == ["A", "25 %", "50 %", "75 %", "B"]
    assert way.choose_frame(session, event(index=4), asked())[stage]["latent"] == b["latent"]
    assert way.choose_frame(session, event(index=99), asked()) == {}


def test_an_animation_from_a_to_b_and_its_stop(panel: PortraitPanel, session: VaeSession) -> None:
    way = panel.interpolation
    for name, seed in (("a", 1), ("b", 2)):
        way.set_endpoint(session, sampled(panel, session, seed), asked(), name)
    updates = list(way.make_animation(session, "lerp", asked()))
    made = [each[way.animation] for each in updates if way.animation in each][-1]
    assert made["pictures"][0]["src"].startswith("data:image/webp;base64,")
    assert any("48 of 48" in str(each.get(way.status)) for each in updates) and session.job is None
    stopped = []
    for each in way.make_animation(session, "lerp", asked()):
        stopped.append(each.get(way.status))
        session.stop()
    assert stopped[-1] == "Stopped."
    leaving = way.make_animation(session, "lerp", asked())
    next(leaving)
    job = session.job
    leaving.close()  # type: ignore[attr-defined]  # the page closes at once
    assert session.job is None and job is not None and job.task.cancelled


def test_the_map_and_the_nearest_portraits(panel: PortraitPanel, session: VaeSession) -> None:
    maps, page = panel.map, sampled(panel, session, 1)
    value = maps.draw_map(session, page, asked())[maps.map]
    assert value["picture"].startswith("data:image/jpeg;base64,") and 0 <= value["x"] <= 1
    at = maps.choose(session, event(x=0.0625, y=0.0625), asked())[panel.face.stage]
    assert at["latent"] == pytest.approx(to_lists(panel.face.service.atlas(VAE).latents[0]), abs=1e-2)
    for hostile in ({}, {"x": "1", "y": 0}, {"x": float("nan"), "y": 0}, {"x": 2, "y": 0}):
        with pytest.raises(UserError):
            maps.choose(session, event(**hostile), asked())
    assert len(maps.find_nearest(session, page)[maps.nearest]["pictures"]) == 8


def test_latent_arithmetic(panel: PortraitPanel, session: VaeSession) -> None:
    arithmetic = panel.arithmetic
    a, b = sampled(panel, session, 1), sampled(panel, session, 2)
    for name, page in (("a", a), ("b", b), ("c", b)):
        pictures = arithmetic.set_term(session, page, asked(), name)[arithmetic.pictures]["pictures"]
    assert [each["caption"] for each in pictures] == ["A", "B", "C", "A − B + C"]
    result = arithmetic.choose(session, event(index=3), asked())[panel.face.stage]
    assert result["latent"] == pytest.approx(a["latent"], abs=1e-4)


def test_another_model_empties_what_came_from_the_last(panel: PortraitPanel, session: VaeSession) -> None:
    panel.interpolation.set_endpoint(session, sampled(panel, session, 1), asked(), "a")
    updates = panel.choose_model(session, "lonely", asked())
    assert not session.endpoints and updates[panel.interpolation.endpoints]["pictures"] == []
    assert updates[panel.directions.dimensions] == {}


def test_every_control_and_value_of_the_world_is_said_in_chinese_too(face: FaceHandlers) -> None:
    for control in face.start(VaeSession(), VAE, "zh")[face.stage]["controls"]:
        assert control["name"] in attribute_words.NAMES
        labels = [*zip(control["values"], control["labels"], strict=True), *control.get("others", [])]
        for value, text in labels:
            assert text != value, value


def test_only_the_named_endpoints_are_public(playground: Playground) -> None:
    with gr.Blocks(analytics_enabled=False) as page:
        vae_tab(playground)
    assert set(page.get_api_info()["named_endpoints"]) == {"/vae_encode", "/vae_decode"}
