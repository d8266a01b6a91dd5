"""What a person does in the grounding tab, in a real browser, over the real service with a scripted engine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from playground.core import Playground
from playground.grounding.types import Box, Entity, ParsedAnswer
from playground.settings import Settings
from tabs.grounding.layout import grounding_tab
from tests.support import pages
from tests.support.pages import served
from tests.support.scripted_grounding import GROUNDED, Scripted, scripted_service

BOXES, PHRASES, TURNS = "#ground-stage .b", "#ground-talk .phrase", "#ground-talk .turn"


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Playground, Scripted]]:
    folder = tmp_path_factory.mktemp("grounding-page")
    with pytest.MonkeyPatch.context() as patch, scripted_service(folder) as (service, engine):
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "temp"))
        playground = Playground(Settings(offline=True, cache=folder / "cache"))
        playground.grounding = service
        yield playground, engine
        playground.close()


@pytest.fixture(scope="module")
def url(scripted: tuple[Playground, Scripted]) -> Iterator[str]:
    """The tab alone, as a page of its own."""
    with gr.Blocks(analytics_enabled=False) as page:
        grounding_tab(scripted[0])
    with served(page) as url:
        yield url


@pytest.fixture
def engine(scripted: tuple[Playground, Scripted]) -> Scripted:
    engine = scripted[1]
    engine.says, engine.waits_after, engine.pause_s = [GROUNDED], None, 0.0
    engine.asked.clear()
    engine.go_on.clear()
    return engine


def opened(browser: Browser, url: str, complaints: list[str], **options: Any) -> Page:
    page = pages.opened(browser, url, complaints, "?tab=grounding", **options)
    expect(page.locator("#ground-tasks .task")).to_have_count(7)
    expect(page.locator("#ground-stage .drop strong")).not_to_be_empty()
    return page


def choose_model(page: Page, name: str) -> None:
    page.locator("#ground-model input").click()
    page.get_by_role("option", name=re.compile(name)).click()


def done(page: Page, turns: int) -> None:
    expect(page.locator(TURNS)).to_have_count(turns)
    expect(page.locator("#ground-status")).to_contain_text("Done")
    expect(page.locator("#ground-stop")).to_have_count(0)


def own(page: Page) -> list[float] | None:
    """The visitor's box as a question would take it."""
    text = page.locator("#ground-stage .piece").get_attribute("data-box")
    return json.loads(text) if text else None


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Over the picture, in fractions of it."""
    frame = page.locator("#ground-stage .frame").bounding_box()
    assert frame is not None
    (x0, y0), (x1, y1) = [(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]) for x, y in (start, end)]
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    page.mouse.move(x1, y1)
    page.mouse.up()


def verb(page: Page, name: str) -> Locator:
    return page.locator("#ground-stage .verb", has_text=re.compile(f"^{re.escape(name)}$"))


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A fresh visitor, whose browser must have nothing to complain of in the end."""
    complaints: list[str] = []
    page = opened(browser, url, complaints)
    yield page
    page.context.close()
    assert complaints == []


@pytest.fixture
def answered(page: Page, engine: Scripted, tmp_path: Path) -> Page:
    """A visitor with a picture of 1200 × 900 and the scripted grounded caption of it: three boxes."""
    bring_picture(page, tmp_path)
    page.locator("#ground-prompt textarea").fill("[grounding] describe this image in detail")
    page.locator("#ground-ask").click()
    done(page, 1)
    expect(page.locator(BOXES)).to_have_count(3)
    return page


def bring_picture(page: Page, folder: Path) -> None:
    Image.new("RGB", (1200, 900), "teal").save(folder / "large.jpg")
    page.locator("#ground-stage input[type=file]").set_input_files(folder / "large.jpg")
    expect(page.locator("#ground-stage .frame")).to_be_visible()


def use_first_box(page: Page) -> None:
    """The box of the first phrase becomes the visitor's own."""
    page.locator(PHRASES).first.click()
    verb(page, "Use this box").click()
    assert own(page) == pytest.approx([0.69, 0.29, 0.94, 0.6], abs=0.01)


def test_a_question_without_a_picture_is_refused_and_its_words_stay(page: Page) -> None:
    prompt = page.locator("#ground-prompt textarea")
    prompt.fill("[vqa] who?")
    prompt.press("Enter")
    expect(page.get_by_text("There is no picture yet").first).to_be_visible()
    expect(prompt).to_have_value("[vqa] who?")


def test_a_chip_fills_the_prompt(page: Page) -> None:
    page.locator("#ground-tasks .task[data-ask=grounded_caption]").click()
    expect(page.locator("#ground-prompt textarea")).to_have_value("[grounding] describe this image in detail")
    expect(page.locator("#ground-tasks .task[aria-pressed=true]")).to_have_text("Grounded caption")


def test_an_answer_comes_box_by_box_and_leaves_a_hand_in_peace(page: Page, engine: Scripted, tmp_path: Path) -> None:
    bring_picture(page, tmp_path)
    engine.waits_after = 8
    page.locator("#ground-prompt textarea").fill("[grounding] describe")
    page.locator("#ground-prompt textarea").press("Enter")
    expect(page.locator(BOXES)).to_have_count(1)
    expect(page.locator("#ground-talk .caret")).to_have_count(1)
    expect(page.locator("#ground-stop")).to_be_visible()
    expect(page.locator("#ground-talk .text")).to_have_text(re.compile(r"^a bald man[a-z ]*$"))
    drag(page, (0.1, 0.1), (0.3, 0.4))
    engine.go_on.set()
    done(page, 1)
    assert own(page) == pytest.approx([0.1, 0.1, 0.3, 0.4], abs=0.01)
    expect(page.locator(BOXES)).to_have_count(3)


def test_markup_is_never_seen_but_in_the_report_and_html_stays_text(answered: Page) -> None:
    text = answered.locator("#ground-talk .text")
    expect(text).to_have_text("a bald man stands beside two people in yellow and <b>nobody</b> else.")
    expect(text.locator("b")).to_have_count(0)
    answered.locator("#ground-talk .more summary").click()
    expect(answered.locator("#ground-talk .report pre").last).to_have_text(GROUNDED)


def test_phrases_and_boxes_highlight_each_other(answered: Page) -> None:
    page = answered
    page.locator(PHRASES).nth(1).hover()
    expect(page.locator(f"{BOXES}.hot")).to_have_count(2)
    # the words of a phrase stand on the first of its boxes, its others are counted
    expect(page.locator("#ground-stage .tip")).to_have_text(["a bald man", "two people in yellow", "2"])
    page.locator(BOXES).first.hover()
    expect(page.locator(f"{PHRASES}.hot")).to_have_text("a bald man")
    colours = [page.locator(one).first.evaluate("e => e.style.getPropertyValue('--c')") for one in (BOXES, PHRASES)]
    assert colours[0] == colours[1]


def test_a_chosen_phrase_or_box_leaves_the_others_pale(answered: Page) -> None:
    page = answered
    page.locator(PHRASES).first.click()
    expect(page.locator(f"{BOXES}.only")).to_have_count(1)
    expect(page.locator(f"{BOXES}.dim")).to_have_count(2)
    page.locator(BOXES).nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"{PHRASES}.only")).to_have_text("two people in yellow")
    page.keyboard.press("Escape")
    expect(page.locator(f"{BOXES}.dim")).to_have_count(0)


def test_a_box_of_ones_own_is_moved_by_keys_typed_and_cleared(answered: Page) -> None:
    page = answered
    use_first_box(page)
    page.locator("#ground-stage .own").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    assert own(page) == pytest.approx([0.68, 0.29, 0.93, 0.61], abs=0.01)
    field = page.get_by_label("x1 %")
    field.fill("68")
    field.blur()
    expect(page.locator("#ground-stage .note")).to_contain_text("needs a width")
    field.fill("60")
    field.blur()
    assert own(page) == pytest.approx([0.6, 0.29, 0.68, 0.61], abs=0.01), "typed the wrong way round"
    page.keyboard.press("Escape")  # first of the chosen phrase
    expect(page.locator(f"{BOXES}.dim")).to_have_count(0)
    assert own(page) is not None
    page.keyboard.press("Escape")
    assert own(page) is None
    drag(page, (0.5, 0.5), (0.501, 0.501))
    assert own(page) is None, "a click draws nothing"


def test_a_box_is_identified_and_its_answer_found_again(answered: Page, engine: Scripted) -> None:
    page = answered
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url) if "picture.jpg" in request.url else None)
    engine.says = ["a bald man in <i>red</i>", "{<69><29><94><60>}"]
    drag(page, (0.94, 0.6), (0.69, 0.29))
    verb(page, "What is this?").click()
    done(page, 2)
    assert engine.asked[-1].box is not None
    page.locator("#ground-talk .verb", has_text="Find it again").click()
    done(page, 3)
    expect(page.locator(TURNS).last).to_contain_text("IoU with the box you drew: 1.00")
    page.locator(TURNS).first.locator(".asked").click()
    expect(page.locator(BOXES)).to_have_count(3)
    assert len(fetched) <= 1, "the picture was sent with the first question"


def test_a_named_region_and_the_box_go_with_the_question_that_needs_them(answered: Page, engine: Scripted) -> None:
    page = answered
    use_first_box(page)
    verb(page, "Name it").click()
    page.locator("#ground-stage .tag button").first.click()
    prompt = page.locator("#ground-prompt textarea")
    expect(prompt).to_have_value(re.compile(r"\[r1\]"))
    drag(page, (0.2, 0.2), (0.4, 0.4))
    prompt.fill("[identify] is it like [r1]?")
    page.locator("#ground-ask").click()
    done(page, 2)
    asked = engine.asked[-1]
    assert set(asked.regions) == {"r1"}
    assert asked.box is not None and asked.box.x0 == pytest.approx(0.2, abs=0.01)


def test_an_answer_leaves_as_json_and_as_a_picture_of_the_full_size(answered: Page) -> None:
    page = answered
    page.locator("#ground-export > button").click()
    for name, kind in (("json", "grounding.json"), ("png", "annotated.png")):
        with page.expect_download() as download:
            page.locator(f"#ground-{name}").click()
        assert download.value.suggested_filename == kind
    assert Image.open(download.value.path()).size == (1200, 900)


def test_heat_and_boxes_are_shown_and_hidden(answered: Page) -> None:
    page = answered
    page.locator("#ground-eyes > button").click()
    page.locator("#ground-eyes-go").click()
    expect(page.locator("#ground-stage .heat").first).to_have_attribute("src", re.compile("^data:image/png"))
    verb(page, "Hide heat").click()
    expect(page.locator("#ground-stage img.heat")).to_be_hidden()
    page.locator("#ground-stage .toggle", has_text="Boxes").click()
    expect(page.locator(BOXES).first).to_be_hidden()


def test_a_second_visitor_sees_nothing_of_the_first(answered: Page, browser: Browser, url: str) -> None:
    complaints: list[str] = []
    other = opened(browser, url, complaints)
    expect(other.locator(TURNS)).to_have_count(0)
    expect(other.locator("#ground-stage .frame")).to_be_hidden()
    other.context.close()
    assert complaints == []


def test_a_typed_seed_is_not_replaced_by_a_new_one(page: Page) -> None:
    page.locator("#ground-settings > button").click()
    new = page.locator("#ground-new-seed input")
    new.check()
    page.locator("#ground-seed input").fill("17")
    expect(new).not_to_be_checked()


def test_a_file_that_is_no_picture_is_refused(page: Page, tmp_path: Path) -> None:
    (tmp_path / "hostile.png").write_bytes(b"<svg onload=alert(1)>")
    page.locator("#ground-stage input[type=file]").set_input_files(tmp_path / "hostile.png")
    expect(page.get_by_text("not a picture that can be read").first).to_be_visible()


def test_escape_stops_and_what_had_come_stays(page: Page, engine: Scripted) -> None:
    prompt = page.locator("#ground-prompt textarea")
    page.locator("#ground-examples button").nth(3).click()
    expect(prompt).to_have_value("[identify] what is this")
    assert own(page) == pytest.approx([0.08, 0.545, 0.43, 0.99])
    engine.waits_after = 8
    prompt.fill("[grounding] describe")
    prompt.press("Enter")
    expect(page.locator(BOXES)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#ground-status")).to_contain_text("Stopped.")
    expect(page.locator("#ground-talk .text")).to_contain_text("a bald man")
    assert own(page) is not None, "the first Escape is the answer's"


def test_a_detector_says_what_it_cannot_do(page: Page) -> None:
    choose_model(page, "Tiny finder")
    disabled = page.locator("#ground-tasks .task[data-ask=vqa]")
    expect(disabled).to_have_attribute("aria-disabled", "true")
    disabled.click(force=True)  # for a person it is only pale
    expect(page.locator("#ground-tasks .hint")).to_contain_text("Tiny finder")
    expect(page.locator("#ground-eyes")).to_have_count(0)


def test_a_detectors_threshold_needs_no_new_run(page: Page, engine: Scripted, tmp_path: Path) -> None:
    choose_model(page, "Tiny finder")
    bring_picture(page, tmp_path)
    engine.says = [""]
    found = tuple(Box(0.1 * n, 0.1, 0.1 * n + 0.2, 0.5, 0.2 * n) for n in range(1, 5))
    engine.parsed = ParsedAnswer("", (Entity("glasses", None, found),))
    page.locator("#ground-prompt textarea").fill("[detection] glasses")
    page.locator("#ground-ask").click()
    expect(page.locator("#ground-talk .chip")).to_have_text(re.compile("×3"))
    slider = page.locator("#ground-threshold input[type=number]")
    slider.fill("0.7")
    slider.blur()
    expect(page.locator(BOXES)).to_have_count(1)
    expect(page.locator("#ground-stage .tip")).to_have_text("glasses · 0.80")
    assert len(engine.asked) == 1
    drag(page, (0.1, 0.1), (0.3, 0.4))
    verb(page, "More like this").click()
    expect(page.locator(TURNS)).to_have_count(2)


def test_the_chosen_model_is_remembered(page: Page) -> None:
    choose_model(page, "Tiny finder")
    expect(page.locator("#ground-threshold")).to_be_visible()
    page.reload()
    expect(page.locator("#ground-about")).to_contain_text("CC0")
    expect(page.locator("#ground-model input")).to_have_value(re.compile("Tiny finder"))


def test_a_finger_draws_on_a_phone_in_the_dark(browser: Browser, url: str, engine: Scripted) -> None:
    complaints: list[str] = []
    page = opened(
        browser, url, complaints, viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark",
        locale="zh-CN",
    )  # fmt: skip
    expect(page.locator("#ground-stage .drop")).to_contain_text("图片")
    page.locator("#ground-examples button").first.click()
    frame = page.locator("#ground-stage .frame")
    expect(frame).to_be_visible()
    area = frame.bounding_box()
    assert area is not None and area["y"] < 300, "the picture comes first"
    touch = page.context.new_cdp_session(page)
    for kind, at in (("touchStart", 0.2), ("touchMove", 0.5), ("touchMove", 0.8), ("touchEnd", None)):
        points = [] if at is None else [{"x": area["x"] + at * area["width"], "y": area["y"] + at * area["height"]}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert own(page) == pytest.approx([0.2, 0.2, 0.8, 0.8], abs=0.02)
    for panel in ("settings", "eyes", "export"):
        page.locator(f"#ground-{panel} > button").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, panel
    page.locator("#ground-prompt textarea").fill("[grounding] describe")
    page.locator("#ground-ask").click()
    expect(page.locator(BOXES)).to_have_count(3)
    expect(page.locator("#ground-talk .more summary").first).to_contain_text("提示词")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
    assert complaints == []
