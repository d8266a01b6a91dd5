"""What a person does in the text-to-image tab, in a real browser, on a tiny pipeline."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from playground.core import Playground
from playground.settings import Settings
from tabs.shell import build
from tabs.text_to_image.layout import image_tab
from tests.support import pages
from tests.support.pages import PATIENCE_MS, served
from tests.tiny_models.diffusion import catalogue

TILES = "#image-shelf .tile"


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    folder = tmp_path_factory.mktemp("image-page")
    path = catalogue(folder, "drawn", "xl")
    made = Playground(Settings(offline=True, catalogs=(path,), cache=folder / "cache"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(playground: Playground) -> Iterator[str]:
    """The tab alone, as a page of its own."""
    with gr.Blocks(analytics_enabled=False) as page:
        image_tab(playground)
    with served(page) as url:
        yield url


def opened(browser: Browser, url: str, complaints: list[str], **options: Any) -> Page:
    page = pages.opened(browser, url, complaints, "?tab=image", **options)
    expect(page.locator("#image-canvas .hint")).not_to_be_empty()
    return page


def choose_model(page: Page, name: str) -> None:
    page.locator("#image-model input").click()
    page.get_by_role("option", name=re.compile(name)).click()
    expect(page.locator("#image-about")).to_contain_text("CC0")


def number(page: Page, elem_id: str, value: str) -> None:
    field = page.locator(f"{elem_id} input[type=number]")
    field.fill(value)
    field.blur()


def open_box(page: Page, elem_id: str) -> None:
    page.locator(f"{elem_id} > button").click()


def typed(page: Page, elem_id: str, text: str) -> None:
    """As a person types: into a field that stands still. One that has just come up may lose what comes at once."""
    field = page.locator(f"{elem_id} input, {elem_id} textarea").first
    field.click()
    field.fill(text)
    field.blur()
    expect(field).to_have_value(text)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A fresh visitor with the model "Tiny drawn", whose browser must have nothing to complain of in the end."""
    complaints: list[str] = []
    page = opened(browser, url, complaints)
    choose_model(page, "Tiny drawn")
    yield page
    page.context.close()
    assert complaints == []


@pytest.fixture
def generated(page: Page) -> Page:
    """The same visitor with two pictures of three steps, the second one chosen."""
    page.locator("#image-prompt textarea").fill("a person wearing round glasses")
    number(page, "#image-steps", "3")
    number(page, "#image-count", "2")
    page.locator("#image-generate").click()
    expect(page.locator("#image-status")).to_contain_text("steps/s", timeout=PATIENCE_MS)
    expect(page.locator(TILES)).to_have_count(2)
    page.locator(TILES).nth(1).click()
    expect(page.locator(TILES).nth(1)).to_have_attribute("aria-pressed", "true")
    return page


def shown_seed(page: Page) -> str:
    return re.findall(r"seed (\d+)", page.locator("#image-canvas .said").inner_text())[0]


def saved(page: Page, button: str, folder: Path) -> Path:
    """The file behind a download button, under the name that the page suggests."""
    with page.expect_download() as download:
        page.locator(button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_chips_follow_the_prompt_and_unknown_words_are_named(page: Page) -> None:
    prompt = page.locator("#image-prompt textarea")
    prompt.fill("a dragon <b>with</b> red hair")
    expect(page.locator("#image-unknown")).to_contain_text("dragon")
    expect(page.get_by_role("button", name="red hair", exact=True)).to_have_attribute("aria-pressed", "true")
    page.locator("#image-surprise").click()
    expect(prompt).to_have_value(re.compile("^(?!.*dragon).+"))
    expect(page.locator("#image-unknown")).not_to_contain_text("dragon")
    prompt.fill("a person")
    page.get_by_role("button", name="round glasses", exact=True).click()
    expect(prompt).to_have_value("a person wearing round glasses")


def test_denoising_is_watched_and_stopped(page: Page) -> None:
    page.locator("#image-prompt textarea").fill("a person")
    number(page, "#image-steps", "60")
    number(page, "#image-count", "3")
    page.locator("#image-prompt textarea").press("Enter")
    expect(page.locator("#image-canvas .said")).to_have_text(re.compile(r"step \d+ of 60"))
    expect(page.locator("#image-canvas img").first).to_have_attribute("src", re.compile("^data:image/jpeg"))
    page.locator("#image-stop").click()
    expect(page.locator("#image-status")).to_contain_text("Stopped at")
    expect(page.locator("#image-stop")).to_have_count(0)


def test_a_finished_picture_is_shown_without_loss(generated: Page) -> None:
    expect(generated.locator("#image-canvas img")).to_have_attribute("src", re.compile("^data:image/png"))


def test_a_saved_file_brings_its_settings_back_and_gives_the_same_picture(generated: Page, tmp_path: Path) -> None:
    page, seed = generated, shown_seed(generated)
    prompt, said = page.locator("#image-prompt textarea"), page.locator("#image-status")
    path = saved(page, "#image-download", tmp_path)
    assert path.name == f"image-seed-{seed}.png" and f"Seed: {seed}" in Image.open(path).info["parameters"]
    prompt.fill("something else")
    number(page, "#image-steps", "9")
    open_box(page, "#image-restore-box")
    page.locator("#image-restore input[type=file]").set_input_files(path)
    expect(prompt).to_have_value("a person wearing round glasses")
    expect(page.locator("#image-steps input[type=number]")).to_have_value("3")
    expect(page.locator("#image-seed input")).to_have_value(seed)
    expect(said).to_contain_text(f"seed {seed}")
    number(page, "#image-count", "1")
    page.locator("#image-generate").click()
    expect(said).to_contain_text("steps/s", timeout=PATIENCE_MS)
    expect(page.locator(TILES)).to_have_count(3)
    (tmp_path / "again").mkdir()
    again = saved(page, "#image-download", tmp_path / "again")
    assert Image.open(again).info == Image.open(path).info
    assert np.abs(pixels(again) - pixels(path)).max() <= 1, "the very same picture"


def test_the_trajectory_has_a_mark_on_the_schedule_for_every_step(generated: Page) -> None:
    page = generated
    open_box(page, "#image-film-box")
    page.locator("#image-film-go").click()
    expect(page.locator("#image-film svg circle.signal")).to_have_count(4)
    expect(page.locator("#image-film .frames")).to_have_count(3)


def test_a_grid_sets_two_settings_against_each_other(page: Page, tmp_path: Path) -> None:
    page.locator("#image-prompt textarea").fill("a person wearing round glasses")
    open_box(page, "#image-grid-box")
    typed(page, "#image-x-values", "1, 2")
    typed(page, "#image-y-values", "2, 4")
    page.locator("#image-grid-go").click()
    expect(page.locator("#image-grid .cell img")).to_have_count(4, timeout=PATIENCE_MS)
    expect(page.locator("#image-grid th")).to_have_text(["", "seed 1", "seed 2", "steps 2", "steps 4"])
    expect(page.locator("#image-status")).to_contain_text("4 cells")
    page.locator("#image-grid .cell").nth(3).click()
    expect(page.locator("#image-canvas .said")).to_have_text("seed 2")
    assert Image.open(saved(page, "#image-grid-save", tmp_path)).width > 128


def test_a_second_visitor_sees_nothing_of_the_first(generated: Page, browser: Browser, url: str) -> None:
    complaints: list[str] = []
    other = opened(browser, url, complaints)
    expect(other.locator(TILES)).to_have_count(0)
    expect(other.locator("#image-canvas img")).to_have_count(0)
    other.context.close()
    assert complaints == []


def test_a_picture_is_one_to_begin_from(generated: Page) -> None:
    generated.locator("#image-to-start").click()
    open_box(generated, "#image-start-box")
    expect(generated.locator("#image-start img")).to_be_visible()


def test_a_typed_seed_is_the_one_that_is_used(browser: Browser, url: str) -> None:
    complaints: list[str] = []
    page = opened(browser, url, complaints)
    new, seed = page.locator("#image-new-seed input"), page.locator("#image-seed input")
    said = page.locator("#image-canvas .said")
    page.locator("#image-prompt textarea").fill("a person wearing round glasses")
    number(page, "#image-steps", "2")
    page.locator("#image-generate").click()
    expect(page.locator(TILES)).to_have_count(1)
    expect(seed).not_to_have_value("0")
    expect(new).to_be_checked()  # nobody typed this one

    number(page, "#image-seed", "17")
    expect(new).not_to_be_checked()
    for times in (2, 3):
        page.locator("#image-generate").click()
        expect(page.locator(TILES)).to_have_count(times)
        expect(said).to_contain_text("seed 17")
    expect(seed).to_have_value("17")

    new.check()
    page.locator("#image-generate").click()
    expect(page.locator(TILES)).to_have_count(4)
    expect(seed).not_to_have_value("17")
    expect(new).to_be_checked()
    page.context.close()
    assert complaints == []


def test_a_number_typed_before_the_page_has_settled_stays(browser: Browser, url: str) -> None:
    page, slow, settled = browser.new_page(), list[Route](), False

    def answer(route: Route) -> None:
        route.continue_() if settled else slow.append(route)

    page.route("**/gradio_api/run/**", answer)  # what the page asks for when it opens
    page.goto(f"{url}?tab=image")
    number(page, "#image-steps", "7")
    number(page, "#image-guidance", "2.5")
    page.wait_for_timeout(100)
    assert slow
    expect(page.locator("#image-canvas .hint")).to_be_empty()
    settled = True
    for route in slow:
        route.continue_()
    expect(page.locator("#image-canvas .hint")).not_to_be_empty()
    expect(page.locator("#image-steps input[type=number]")).to_have_value("7")
    expect(page.locator("#image-guidance input[type=number]")).to_have_value("2.5")
    page.close()


def test_what_goes_wrong_is_a_note_and_loses_nothing(browser: Browser, url: str, tmp_path: Path) -> None:
    complaints: list[str] = []
    page = opened(browser, url, complaints)
    choose_model(page, "Tiny xl")
    expect(page.locator("#image-negative textarea")).to_be_disabled()
    expect(page.locator("#image-negative textarea")).to_have_attribute("placeholder", re.compile("guidance 1 or less"))
    expect(page.locator("#image-chips")).to_have_count(0)
    number(page, "#image-guidance", "2")
    expect(page.locator("#image-negative textarea")).to_be_enabled()
    page.locator("#image-download").click()
    expect(page.get_by_text("There is no picture yet")).to_be_visible()
    page.locator("#image-prompt textarea").fill("")
    page.locator("#image-generate").click()
    expect(page.get_by_text("The prompt is empty").first).to_be_visible()
    page.locator("#image-prompt textarea").fill("a fox")
    open_box(page, "#image-restore-box")
    hostile = tmp_path / "hostile.png"
    hostile.write_bytes(b"no picture at all")
    page.locator("#image-restore input[type=file]").set_input_files(hostile)
    expect(page.get_by_text(re.compile("not a picture|cannot be read")).first).to_be_visible()
    expect(page.locator("#image-prompt textarea")).to_have_value("a fox")
    page.reload()  # the choice is remembered
    expect(page.locator("#image-about")).to_contain_text("CC0", timeout=PATIENCE_MS)
    expect(page.locator("#image-model input")).to_have_value(re.compile("Tiny xl"))
    page.context.close()
    assert complaints == []


def test_a_picture_goes_on_to_grounding_and_to_the_vae(browser: Browser, playground: Playground) -> None:
    complaints: list[str] = []
    with served(build(playground)) as url:
        page = opened(browser, url, complaints)
        choose_model(page, "Tiny drawn")
        number(page, "#image-steps", "2")
        page.locator("#image-generate").click()
        expect(page.locator(TILES)).to_have_count(1, timeout=PATIENCE_MS)
        page.locator("#image-to-vae").click()
        expect(page.locator("#vae-picture img")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator("#vae-quality")).to_contain_text("PSNR", timeout=PATIENCE_MS)
        whole = page.locator("#vae-picture img").get_attribute("src") or ""
        page.get_by_role("tab", name="Text to image").click()
        page.locator("#image-to-ground").click()
        expect(page.locator("#ground-stage .picture")).to_be_visible()
        page.locator("#ground-to-vae").click()
        expect(page.get_by_text("There is no box yet").first).to_be_visible()
        page.get_by_role("button", name="Draw a box").click()
        page.locator("#ground-to-vae").click()
        expect(page.locator("#vae-picture img")).not_to_have_attribute("src", whole)
        page.context.close()
    assert complaints == []


def test_a_phone_sees_everything_without_scrolling_sideways_also_in_the_dark(browser: Browser, url: str) -> None:
    complaints: list[str] = []
    page = opened(
        browser, url, complaints, viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    for box in ("more", "start-box", "restore-box", "sent-box", "film-box", "grid-box"):
        open_box(page, f"#image-{box}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, box
    page.context.close()
    assert complaints == []


def test_the_tab_speaks_chinese_to_a_browser_that_asks(browser: Browser, url: str) -> None:
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(f"{url}?tab=image")
    expect(page.locator("#image-canvas")).to_contain_text("噪声", timeout=PATIENCE_MS)
    expect(page.locator("#image-chips")).to_contain_text("发色", timeout=PATIENCE_MS)
    page.context.close()
