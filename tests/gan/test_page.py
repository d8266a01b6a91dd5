"""What a person does in the GAN tab, in a real browser, on tiny models."""

import base64
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tabs.gan.layout import gan_tab
from tests.support import pages
from tests.support.pages import PATIENCE_MS, served
from tests.tiny_models.gan import gan_playground


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tab alone, as a page of its own."""
    folder = tmp_path_factory.mktemp("gan-page")
    playground = gan_playground(folder)
    with gr.Blocks(analytics_enabled=False) as page:
        gan_tab(playground)
    with served(page) as url:
        yield url
    playground.close()


def opened(browser: Browser, url: str, complaints: list[str], **options: Any) -> Page:
    return ready(pages.opened(browser, url, complaints, **options))


def ready(page: Page) -> Page:
    expect(page.locator("#gan-grid .tile")).to_have_count(16)
    expect(page.locator("#gan-stage img")).to_have_attribute("src", re.compile("^data:"))
    expect(page.locator("#gan-caption")).to_contain_text("discriminator")
    return page


@pytest.fixture
def page(context: BrowserContext, url: str) -> Iterator[Page]:
    with pages.visited(context, url) as page:
        yield ready(page)


def picture(page: Page) -> str:
    """The stage's picture, once it stands still."""
    expect(
        page.locator("#gan-stage [data-state]").or_(page.locator("#gan-stage[data-state]")).first
    ).to_have_attribute("data-state", "idle")
    return page.locator("#gan-stage .frame img").get_attribute("src") or ""


def drawn(image: Locator) -> np.ndarray:
    """The pixels of a picture of the page."""
    uri = image.get_attribute("src") or ""
    return np.asarray(Image.open(BytesIO(base64.b64decode(uri.split(",", 1)[1])))).astype(int)


def changed(page: Page, before: str) -> str:
    expect(page.locator("#gan-stage .frame img")).not_to_have_attribute("src", before)
    return picture(page)


def panel(page: Page, name: str) -> None:
    page.locator("#gan-panels").get_by_role("tab", name=name).click()


def test_a_tile_is_chosen_and_moved_and_taken_back(page: Page) -> None:
    first = picture(page)
    page.locator("#gan-grid .tile").nth(4).click()
    expect(page.locator("#gan-caption")).to_contain_text("Seed 5")
    expect(page.locator("#gan-grid .tile").nth(4)).to_have_attribute("aria-selected", "true")
    fifth = changed(page, first)
    slider = page.locator("#gan-stage").get_by_role("slider", name="PCA 1")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    moved = changed(page, fifth)
    expect(page.get_by_label("Direction", exact=True)).to_have_value(re.compile("PCA 1"))
    page.locator("#gan-undo").click()
    assert changed(page, moved) == fifth
    page.locator("#gan-redo").click()
    assert changed(page, fifth) == moved
    page.get_by_label("Reset: PCA 1 · all layers").click()
    assert changed(page, moved) == fifth
    page.get_by_label("Its name").fill("beard <b>")
    page.get_by_label("Its name").press("Enter")
    expect(page.locator("#gan-stage")).to_contain_text("beard <b>")
    assert page.locator("#gan-stage b, #gan-named b").count() == 0, "a name is text"


def test_the_grid_is_steered_by_mouse_and_keyboard(page: Page) -> None:
    grid = page.locator("#gan-grid")
    before = drawn(grid.locator(".tile img").first)
    grid.get_by_label("Next seeds").click()
    expect(grid.locator(".tile .seed").first).to_have_text("17")
    grid.get_by_label("Seeds", exact=True).fill("1-4, <b>")
    grid.get_by_label("Seeds", exact=True).press("Enter")
    expect(grid.locator(".note")).to_contain_text("Seeds are whole numbers")
    grid.get_by_label("Seeds", exact=True).fill("1-4, 40")
    grid.get_by_label("Seeds", exact=True).press("Enter")
    expect(grid.locator(".tile")).to_have_count(5)
    first = grid.locator(".tile img").first
    assert np.abs(drawn(first) - before).mean() < 1, "up to what a batch of another size rounds differently"
    shown = first.get_attribute("src") or ""
    assert page.get_by_label("Truncation ψ", exact=True).count() == 1, "one slider for grid and stage"
    page.locator("#gan-stage").get_by_label("Truncation ψ", exact=True).focus()
    page.keyboard.press("Home")
    expect(first).not_to_have_attribute("src", shown)
    assert np.abs(drawn(first) - before).mean() > 1
    grid.get_by_label("Order").select_option("best")
    expect(grid.locator(".tile .real").first).to_contain_text("%")
    shares = [int(text.split()[0]) for text in grid.locator(".tile .real").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    grid.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    seed = grid.locator(".tile .seed").nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#gan-caption")).to_contain_text(f"Seed {seed}")


def test_mixing_animation_and_stop(page: Page) -> None:
    before = picture(page)
    panel(page, "Style mixing")
    page.locator("#gan-mix-groups").get_by_label("coarse").check()
    mixed = changed(page, before)
    expect(page.locator("#gan-mix-layers input:checked")).to_have_count(3)
    expect(page.locator("#gan-sources img")).to_have_count(3)
    panel(page, "Animation")
    page.locator("#gan-make").click()
    expect(page.get_by_text("An animation needs at least two key frames")).to_be_visible()
    page.locator("#gan-add").click()
    expect(page.locator("#gan-keys img")).to_have_count(1)
    page.locator("#gan-reset").click()
    assert changed(page, mixed) == before
    page.locator("#gan-add").click()
    expect(page.locator("#gan-keys img")).to_have_count(2)
    page.get_by_label("number input for Seconds").fill("20")
    page.get_by_label("number input for Seconds").blur()
    page.locator("#gan-make").click()
    page.locator("#gan-make-stop").click()
    expect(page.locator("#gan-animation-status")).to_contain_text("Stopped.")
    page.get_by_label("number input for Seconds").fill("1")
    page.get_by_label("number input for Seconds").blur()
    page.locator("#gan-make").click()
    expect(page.locator("#gan-animation img")).to_have_attribute(
        "src", re.compile("^data:image/webp"), timeout=PATIENCE_MS
    )
    with page.expect_download() as download:
        page.locator("#gan-animation a").click()
    assert Path(download.value.path()).read_bytes()[8:12] == b"WEBP"


def test_a_style_is_saved_and_loaded_and_an_uploaded_picture_projected(page: Page, tmp_path: Path) -> None:
    first = picture(page)
    page.locator("#gan-grid .tile").nth(2).click()
    third = changed(page, first)
    with page.expect_download() as download:
        page.locator("#gan-save-png").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "gan-seed-3.png" and Image.open(path).size == (512, 512)
    panel(page, "Your picture")
    own = tmp_path / "own.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(own)
    page.locator("#gan-own input[type=file]").set_input_files(own)
    expect(page.locator("#gan-own img")).to_be_visible()
    page.get_by_label("number input for Steps").fill("20")
    page.get_by_label("number input for Steps").blur()
    page.locator("#gan-project").click()
    expect(page.locator("#gan-own-status")).to_contain_text("PSNR", timeout=PATIENCE_MS)
    expect(page.locator("#gan-own-status")).to_contain_text("unlike what the model was trained on")
    found = changed(page, third)
    with page.expect_file_chooser() as chooser:
        page.locator("#gan-load").click()
    chooser.value.set_files(path)
    assert changed(page, found) == third
    expect(page.locator("#gan-caption")).to_contain_text("Seed 3")


def test_a_phone_sees_everything_without_scrolling_sideways_also_in_the_dark(browser: Browser, url: str) -> None:
    complaints: list[str] = []
    page = opened(
        browser, url, complaints, viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    for name in ("Style mixing", "Animation", "Your picture", "What it learned", "Directions"):
        tab = page.locator("#gan-panels").get_by_role("tab", name=name)
        if tab.is_visible():  # on a phone Gradio puts those that find no room in a menu
            tab.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    page.context.close()
    assert complaints == []


def test_the_tab_speaks_chinese_to_a_browser_that_asks(browser: Browser, url: str) -> None:
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(url)
    expect(page.locator("#gan-grid")).to_contain_text("判别器评分", timeout=PATIENCE_MS)
    expect(page.locator("#gan-stage")).to_contain_text("所有层", timeout=PATIENCE_MS)
    page.context.close()
