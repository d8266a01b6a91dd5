"""The journeys a person makes in the VAE tab, in a real browser over tiny random models."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from playground.core import Playground
from playground.settings import Settings
from tabs.vae.files import latent_to_text
from tabs.vae.portrait_panel import portrait_panel
from tests.support.pages import PATIENCE_MS, served, visited
from tests.tiny_models.atlas import tiny_atlas
from tests.tiny_models.avatars import tiny_catalog, tiny_family


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("family")
    models = tiny_family(folder)
    tiny_atlas(models["avatar-vae"])
    made = Playground(
        Settings(offline=True, catalogs=(tiny_catalog(folder / "own.toml", models),), cache=folder / "cache")
    )
    made.vae.frame("avatar-vae", None, {})  # the model is there before the first visitor
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(playground: Playground) -> Iterator[str]:
    with gr.Blocks(analytics_enabled=False) as page:
        portrait_panel(playground)
    with served(page) as url:
        yield url


@pytest.fixture
def page(context: BrowserContext, url: str) -> Iterator[Page]:
    """A fresh visitor with a face on the stage. Fails on a console error and on a request that leaves the machine."""
    with visited(context, url) as page:
        expect(page.locator("#vae-typical .bar-row")).to_be_visible()  # a face is there, and what is said of it
        yield page


def still(page: Page) -> str:
    """The picture on the stage, once nothing moves."""
    expect(page.locator("#vae-stage [data-frames]")).to_have_attribute("data-state", "idle")
    return page.locator("#vae-stage img").get_attribute("src") or ""


def changed(page: Page, before: str) -> str:
    expect(page.locator("#vae-stage img")).not_to_have_attribute("src", before)
    return still(page)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_a_dragged_slider_and_a_chip_change_the_face_and_undo_brings_it_back(page: Page) -> None:
    first = still(page)
    frames = int(page.locator("#vae-stage [data-frames]").get_attribute("data-frames") or 0)
    box = page.get_by_label("Skin", exact=True).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 5, y)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(box["x"] + 5 + step * (box["width"] - 10) / 20, y)
    page.mouse.up()
    second = changed(page, first)
    assert int(page.locator("#vae-stage [data-frames]").get_attribute("data-frames") or 0) >= frames + 2
    expect(page.locator("#vae-leak .bar-row").first).to_contain_text("Skin")
    glasses = page.get_by_role("radiogroup", name="Glasses").get_by_role("radio")
    worn = glasses.and_(page.locator("[aria-checked=true]")).inner_text()
    glasses.and_(page.locator("[aria-checked=false]")).first.click()
    third = changed(page, second)
    expect(page.locator("#vae-leak .bar-row").first).to_contain_text("Glasses")
    button(page, "↶ Undo").click()
    changed(page, third)
    expect(glasses.and_(page.locator("[aria-checked=true]"))).to_have_text(worn)
    expect(button(page, "↷ Redo")).to_be_enabled()


def test_one_control_an_attribute_and_none_that_changes_nothing(page: Page) -> None:
    first = still(page)
    eyes = page.locator("#vae-stage [data-name=eyes]")
    eyes.get_by_role("button", name="hearts").click()
    second = changed(page, first)
    expect(eyes.get_by_role("button", name="hearts")).to_have_attribute("aria-pressed", "true")
    expect(eyes.locator("output")).to_have_text("hearts")
    page.locator("#vae-stage [data-name=hair_length]").get_by_role("button", name="turban").click()
    third = changed(page, second)
    hat = page.locator("#vae-stage [data-name=hat_colour]")
    expect(hat.get_by_role("radio").first).to_be_enabled()
    page.locator("#vae-stage [data-name=hair_length] .tick").first.click()
    changed(page, third)
    expect(hat).to_contain_text("Needs a hat.")
    expect(hat.get_by_role("radio").first).to_be_disabled()


def test_the_strength_of_pulling_back_is_seen_whole(page: Page) -> None:
    still(page)
    number, column = (page.locator(at).bounding_box() for at in ("#vae-strength input[type=number]", "#vae-strength"))
    assert number is not None and column is not None
    assert number["x"] >= column["x"] and number["x"] + number["width"] <= column["x"] + column["width"]


def test_an_uploaded_picture_and_an_example(page: Page) -> None:
    before = still(page)
    examples = sorted((Settings().assets / "examples" / "avatars").glob("*.png"))
    page.locator("#vae-picture input[type=file]").set_input_files(examples[0])
    expect(page.locator("#vae-pair img")).to_have_count(2)
    expect(page.locator("#vae-quality")).to_contain_text("dB")
    before = changed(page, before)
    page.locator("#vae-examples button").nth(1).click()
    changed(page, before)


def test_what_was_saved_is_loaded_again(page: Page, tmp_path: Path) -> None:
    saved = still(page)
    for name in ("Save latent", "Save picture"):
        with page.expect_download() as download:
            button(page, name).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        button(page, "Sample a face").click()
        changed(page, saved)
        page.locator("input[type=file][accept*=json]").set_input_files(path)
        expect(page.locator("#vae-stage img")).to_have_attribute("src", saved)
    assert json.loads((tmp_path / "face.json").read_text())["kind"] == "vae"
    (tmp_path / "bad.json").write_text("{}")
    page.locator("input[type=file][accept*=json]").set_input_files(tmp_path / "bad.json")
    expect(page.get_by_text("Load a latent that was saved by this app").first).to_be_visible()
    expect(page.locator("#vae-stage img")).to_have_attribute("src", saved)


def test_from_a_to_b_as_a_strip_and_as_an_animation(page: Page) -> None:
    first = still(page)
    page.get_by_role("button", name="From A to B").click()
    button(page, "Set A").first.click()
    expect(page.locator("#vae-endpoints img")).to_have_count(1)
    button(page, "Sample a face").click()
    second = changed(page, first)
    button(page, "Set B").first.click()
    expect(page.locator("#vae-endpoints img")).to_have_count(2)
    button(page, "Interpolate").click()
    expect(page.locator("#vae-frames img")).to_have_count(8)
    page.locator("#vae-frames button").first.click()
    assert changed(page, second) == first
    button(page, "Animate").click()
    expect(page.locator("#vae-animation img")).to_have_attribute("src", re.compile("^data:image/webp"))
    expect(button(page, "Animate")).to_be_visible()


def test_the_map_and_a_raw_dimension(page: Page) -> None:
    first = still(page)
    page.get_by_role("button", name="Map of the latent").click()
    page.locator("#vae-map .land").click(position={"x": 20, "y": 30})
    changed(page, first)
    page.get_by_role("button", name="Raw dimensions").click()
    page.locator("#vae-dimensions button").first.click()
    page.get_by_label("z 0", exact=True).press("End")
    expect(page.locator("#vae-stage [data-name=dim_0] output")).to_have_text("4.00 σ")
    still(page)


def test_a_link_opens_with_its_face_in_the_visitors_language_on_a_phone(
    browser: Browser, url: str, playground: Playground
) -> None:
    latent = playground.vae.frame("avatar-vae", None, {"mouth": 3.0}, seed=5).latent
    page = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    page.goto(f"{url}?face={latent_to_text('avatar-vae', latent)}")
    expect(page.locator("#vae-stage [data-name=mouth] output")).to_have_text("大笑", timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="采样一个头像")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
