"""The live stage in a real browser, over a small server function: what a drag shows, and what never happens."""

import io
import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from playground.errors import UserError
from tabs.common.live.stage import (
    LiveStage,
    StagePayload,
    chips,
    parse_array,
    parse_values,
    slider,
    stage_answer,
    stage_value,
)
from tests.support.pages import served, visited

NAMES = ["sad", "neutral", "smile", "laugh"]
HUES = ["red", "yellow", "green", "blue"]


class Server:
    """Draws a grey level, and remembers what it was asked."""

    url = ""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.gate = threading.Event()  # closed: every answer waits
        self.gate.set()
        self.high = threading.Event()  # closed: answers to a high mouth wait
        self.high.set()
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def draw(self, payload: Any) -> dict[str, Any]:
        asked = StagePayload.parse(payload, dimensions=1, limit=4)
        with self.lock:
            self.asked.append(payload)
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            self.gate.wait(60)
            mouth = float(asked.values.get("mouth", 1.0))
            if mouth > 2:
                self.high.wait(60)
            if mouth > 2.95:
                raise UserError("That is too much. Move it back.")
            latent = np.array([mouth, 0], np.float32)
            grey = Image.new("RGB", (32, 32), (int(60 * mouth),) * 3)
            jpeg = io.BytesIO()
            grey.save(jpeg, "JPEG")
            return stage_answer(jpeg.getvalue(), latent, {"mouth": mouth} | asked.values)
        finally:
            with self.lock:
                self.at_once -= 1


def page_of(server: Server) -> gr.Blocks:
    controls = [
        slider("mouth", "Mouth <b>", 0, 3, 1, values=NAMES, labels=NAMES),
        slider("hue", "Hue", 0, 4, 0, values=HUES, labels=HUES, kind="cycle"),
        chips("hat", "Hat", ["none", "cap", "crown"], ["none", "cap", "crown"]),
    ]
    with gr.Blocks(analytics_enabled=False) as page:
        stage = LiveStage(server.draw, elem_id="stage")
        told = gr.JSON(elem_id="told")
        seen = gr.JSON(elem_id="seen")

        def released(value: dict[str, Any], data: gr.EventData) -> tuple[Any, Any]:
            return data._data, {"latent": value["latent"], "values": value["values"], "locked": value["locked"]}

        stage.release(released, [stage], [told, seen], queue=False)
        page.load(lambda: stage_value("m", controls, "en", values={"hat": "cap"}), None, stage, queue=False)
    return page


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server()
    page = page_of(made)
    with served(page) as made.url:
        yield made


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Iterator[Page]:
    server.gate.set()
    server.high.set()
    with visited(context, server.url) as page:
        expect(root(page)).to_have_attribute("data-state", "idle")
        expect(page.locator("#stage img")).to_be_visible()
        server.asked.clear()
        server.most_at_once = 0
        yield page


def root(page: Page) -> Locator:
    return page.locator("#stage [data-frames]")


def frames(page: Page) -> int:
    return int(root(page).get_attribute("data-frames") or 0)


def drag(page: Page, to: float, steps: int = 40) -> None:
    """Take the mouth's thumb to a share of its track, with the mouse."""
    box = page.get_by_label("Mouth <b>", exact=True).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 3, y)
    page.mouse.down()
    for step in range(steps):
        page.mouse.move(box["x"] + box["width"] * (1 / 3 + (to - 1 / 3) * (step + 1) / steps), y)
    page.mouse.up()


def mouth(page: Page) -> float:
    return float(page.get_by_label("Mouth <b>", exact=True).input_value())


def test_a_dragged_slider_shows_pictures_and_the_last_value_arrives(page: Page, server: Server) -> None:
    before = frames(page)
    drag(page, 0.8)
    expect(root(page)).to_have_attribute("data-state", "idle")
    assert frames(page) - before >= 4
    assert server.asked[-1]["values"]["mouth"] == mouth(page) > 2
    assert server.most_at_once <= 2
    expect(page.locator("#told")).to_contain_text("latent")
    expect(page.locator("#stage [data-name=mouth] output")).to_have_text(f"smile → laugh {mouth(page):.1f}")


def test_a_slow_server_builds_no_backlog_and_still_gets_the_last_value(page: Page, server: Server) -> None:
    server.gate.clear()
    drag(page, 0.1)
    drag(page, 0.75)
    expect(root(page)).to_have_attribute("data-state", "busy")
    server.gate.set()
    expect(root(page)).to_have_attribute("data-state", "idle")
    assert server.asked[-1]["values"]["mouth"] == mouth(page)
    assert server.most_at_once <= 2
    assert len(server.asked) <= 3, "80 movements while no answer comes become one more picture"


def test_a_slider_let_go_where_it_was_taken_has_ended_too(page: Page, server: Server) -> None:
    box = page.get_by_label("Mouth <b>", exact=True).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x, y)
    expect(root(page)).to_have_attribute("data-state", "idle")
    before = mouth(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y)
    expect(page.get_by_label("Mouth <b>", exact=True)).not_to_have_value(str(before))
    page.mouse.move(x, y)
    page.mouse.up()
    expect(root(page)).to_have_attribute("data-state", "idle")
    assert mouth(page) == before == server.asked[-1]["values"]["mouth"]


def test_an_older_answer_that_comes_late_is_not_shown(page: Page, server: Server) -> None:
    def put(value: float) -> None:
        page.get_by_label("Mouth <b>", exact=True).fill(str(value))

    picture = page.locator("#stage img")
    for _ in range(20):  # until the answer before came so soon that a second request may be under way
        put(0.5)
        expect(root(page)).to_have_attribute("data-state", "idle")
        low = picture.get_attribute("src") or ""
        put(0)
        expect(picture).not_to_have_attribute("src", low)
        expect(root(page)).to_have_attribute("data-state", "idle")
        server.high.clear()
        server.most_at_once = 0
        put(2.5)
        put(0.5)
        page.wait_for_timeout(300)
        if server.most_at_once == 2:
            break
        server.high.set()
    expect(picture).to_have_attribute("src", low)
    expect(root(page)).to_have_attribute("data-state", "busy")
    server.high.set()
    expect(root(page)).to_have_attribute("data-state", "idle")
    expect(picture).to_have_attribute("src", low)
    expect(page.locator("#seen")).to_contain_text("0.5")
    assert mouth(page) == 0.5


def test_an_error_is_said_in_the_stage_and_the_picture_stays(page: Page) -> None:
    drag(page, 0.5)
    expect(root(page)).to_have_attribute("data-state", "idle")
    picture = page.locator("#stage img").get_attribute("src")
    page.get_by_label("Mouth <b>", exact=True).press("End")
    expect(page.locator("#stage .note")).to_have_text("That is too much. Move it back.")
    expect(page.locator("#stage img")).to_have_attribute("src", picture or "")
    page.get_by_label("Mouth <b>", exact=True).press("Home")
    expect(page.locator("#stage .note")).to_be_hidden()


def test_two_pages_never_see_each_others_picture(page: Page, browser: Browser, server: Server) -> None:
    other = browser.new_context(locale="en-US", viewport={"width": 1100, "height": 900}).new_page()
    other.goto(server.url)
    expect(other.locator("#stage img")).to_be_visible()
    drag(page, 0.9, steps=5)
    drag(other, 0.05, steps=5)
    expect(root(page)).to_have_attribute("data-state", "idle")
    expect(root(other)).to_have_attribute("data-state", "idle")
    assert page.locator("#stage img").get_attribute("src") != other.locator("#stage img").get_attribute("src")
    assert mouth(page) > 2.5 and mouth(other) < 0.5
    other.context.close()


def test_keyboard_circle_locks_reset_and_randomise(page: Page) -> None:
    hat = page.get_by_role("radiogroup", name="Hat")
    expect(hat.get_by_role("radio", name="cap")).to_be_checked()
    hat.get_by_role("radio", name="cap").focus()
    page.keyboard.press("ArrowRight")
    expect(hat.get_by_role("radio", name="crown")).to_be_checked()
    ring = page.get_by_role("slider", name="Hue")
    ring.focus()
    page.keyboard.press("ArrowLeft")
    expect(ring).to_have_attribute("aria-valuetext", "blue → red 3.9")
    page.get_by_label("Lock: Hat").click()
    page.get_by_label("Lock: Mouth <b>").click()
    expect(page.get_by_label("Mouth <b>", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Randomise").click()
    expect(root(page)).to_have_attribute("data-state", "idle")
    expect(hat.get_by_role("radio", name="crown")).to_be_checked()
    assert mouth(page) == 1
    expect(page.locator("#seen")).to_contain_text("locked")
    page.get_by_label("Unlock: Hat").click()
    page.get_by_label("Reset: Hat").click()
    expect(page.locator("#told")).not_to_contain_text("crown")
    page.get_by_role("button", name="Reset all").click()
    expect(ring).to_have_attribute("aria-valuenow", "0")
    assert page.locator("#stage b").count() == 0, "labels are text"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {"model": 3},
        {"model": "m", "latent": [1, "x"]},
        {"model": "m", "latent": [float("nan")]},
        {"model": "m", "latent": [[1.0], [2.0]]},
        {"model": "m", "latent": [True]},
        {"model": "m", "latent": [10**400]},
        {"model": "m", "latent": [0.0] * 5},
        {"model": "m", "latent": [1.0], "values": {"a": float("inf")}},
        {"model": "m", "latent": [1.0], "values": {"a": [1]}},
        {"model": "m", "latent": [1.0], "values": {str(i): 1 for i in range(1000)}},
        {"model": "m", "latent": [1.0], "extra": 3},
    ],
)
def test_a_payload_from_a_browser_is_checked(payload: Any) -> None:
    with pytest.raises(UserError):
        StagePayload.parse(payload, dimensions=1, limit=4)


def test_what_is_right_passes() -> None:
    assert parse_array([[1, 2], [3, 4.5]], 2, 4).tolist() == [[1, 2], [3, 4.5]]
    assert parse_values({"a": 1, "b": "word"}) == {"a": 1.0, "b": "word"}
    with pytest.raises(UserError):
        parse_array([[1, 2], [3]], 2, 4)
