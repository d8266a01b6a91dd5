"""The journeys a person makes, in a real browser against the real app with the embedded model."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import RunningApp
from tests.support.pages import PATIENCE_MS, visited


@pytest.fixture
def page(context: BrowserContext, app: RunningApp) -> Iterator[Page]:
    """A fresh visitor. Fails on any console error and on any request that leaves the machine."""
    with visited(context, app.url) as page:
        expect(page.locator("#message textarea")).to_be_editable()
        expect(page.locator("#inspector .hint")).not_to_be_empty()  # the page has its words
        yield page


def send(page: Page, text: str) -> None:
    page.locator("#message textarea").fill(text)
    page.locator("#message textarea").press("Enter")


def finished(page: Page, before: str = "") -> str:
    """Wait for the end of the reply that follows the one whose status line is `before`; its own status line."""
    status = page.locator("#status textarea")
    if before:
        expect(status).not_to_have_value(before)
    expect(status).to_have_value(re.compile("seed "), timeout=PATIENCE_MS)
    expect(page.locator("#send")).to_be_visible()
    return status.input_value()


def replies(page: Page) -> list[str]:
    return [
        text.strip()
        for text in page.locator("#conversation .bot.message, #conversation .message.bot").all_inner_texts()
    ]


def setting(page: Page, name: str, value: str) -> None:
    box = page.get_by_label(f"number input for {name}")
    if not box.is_visible():
        page.get_by_role("button", name="Sampling").click()
    box.fill(value)
    box.blur()


def test_first_message_streams_and_the_status_line_tells_its_figures(page: Page) -> None:
    setting(page, "Temperature", "0")
    send(page, "What is the capital of France? One word.")
    expect(page.locator("#stop")).to_be_visible()
    status = finished(page)
    assert "Paris" in " ".join(replies(page))
    for figure in (r"prompt \d+", r"first token \d", r"\d+ tokens at \d+/s", r"context \d+ of 8,192"):
        assert re.search(figure, status), status
    expect(page.locator("#message textarea")).to_have_value("")


def test_stop_in_the_middle_keeps_what_was_said_and_continue_goes_on(page: Page) -> None:
    send(page, "Tell me a very long story about a lighthouse keeper.")
    expect(page.locator("#conversation")).to_contain_text(re.compile(r"keeper\.[\s\S]*\w+ \w+ \w+ \w+ \w+ \w+"))
    began = time.monotonic()
    page.locator("#stop").click()
    expect(page.locator("#send")).to_be_visible()
    waited = time.monotonic() - began
    stopped = finished(page)
    assert "stopped" in stopped
    assert waited < 3, "Stop must be felt at once, also on a busy machine"
    before = replies(page)[-1]
    setting(page, "Max tokens", "20")
    page.get_by_role("button", name="Continue", exact=True).click()
    finished(page, stopped)
    assert replies(page)[-1].startswith(before[:40])
    assert len(replies(page)[-1]) > len(before)


def test_an_error_is_a_note_beside_the_conversation_not_over_it(page: Page) -> None:
    setting(page, "Max tokens", "8")
    send(page, "Say hello.")
    finished(page)
    send(page, "  ")
    expect(page.get_by_text("The message is empty")).to_be_visible()
    expect(page.locator("#conversation")).not_to_contain_text("Error")
    expect(page.locator("#conversation")).to_contain_text("Say hello.")
    send(page, "word " * 9000)
    expect(page.get_by_text("Shorten the message").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#conversation")).not_to_contain_text("Error")


def test_escape_stops_too(page: Page) -> None:
    send(page, "Tell me a very long story about a lighthouse keeper.")
    expect(page.locator("#status textarea")).to_have_value("Writing", timeout=PATIENCE_MS)
    page.keyboard.press("Escape")
    assert "stopped" in finished(page)


def test_a_typed_seed_is_the_one_that_is_used(page: Page) -> None:
    seed, new = page.locator("#chat-seed input"), page.locator("#chat-random-seed input")
    page.get_by_role("button", name="Sampling").click()
    expect(new).to_be_checked()
    seed.fill("17")
    expect(new).not_to_be_checked()
    send(page, "Hello")
    status = finished(page)
    assert "seed 17" in status
    new.check()
    send(page, "Hello")
    assert "seed 17" not in finished(page, status)
    expect(seed).not_to_have_value("17")
    expect(new).to_be_checked()  # nobody typed the seed that came


def test_the_chosen_model_is_remembered(page: Page) -> None:
    page.get_by_label("Model").click()
    page.get_by_role("option", name="Qwen3 0.6B").click()
    expect(page.get_by_text("thinks before it answers")).to_be_visible()
    expect(page.get_by_label("Think before answering")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Model")).to_have_value(re.compile("Qwen3 0.6B"), timeout=PATIENCE_MS)
    expect(page.get_by_text("thinks before it answers")).to_be_visible()


def test_edit_regenerate_and_undo(page: Page) -> None:
    setting(page, "Max tokens", "12")
    send(page, "Say a colour.")
    first = finished(page)
    page.locator("#conversation .user").first.hover()
    page.locator("#conversation").get_by_label("Edit").first.click()
    editor = page.locator("#conversation textarea").first
    editor.fill("Say an animal.")
    page.locator("#conversation").get_by_label("Submit").click()
    second = finished(page, first)
    expect(page.locator("#conversation")).to_contain_text("Say an animal.")
    expect(page.locator("#conversation")).not_to_contain_text("Say a colour.")
    page.get_by_role("button", name="Regenerate", exact=True).click()
    finished(page, second)
    assert len(replies(page)) == 1
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator("#message textarea")).to_have_value("Say an animal.")
    assert replies(page) == []


def test_a_clicked_token_shows_what_else_could_have_been_said_and_goes_on_from_there(page: Page) -> None:
    setting(page, "Max tokens", "16")
    setting(page, "Temperature", "0.01")
    send(page, "Name a fruit in one sentence.")
    first = finished(page)
    tokens = page.locator("#inspector .token")
    assert tokens.count() >= 5
    said = page.locator("#inspector .tokens").first.inner_text()
    tokens.nth(2).click()
    expect(page.locator("#inspector .detail tr.said")).to_have_count(1)
    expect(page.locator("#inspector .detail")).to_contain_text("Logit lens", timeout=200_000)
    expect(page.locator("#inspector .detail")).to_contain_text("Where it looked")
    choice = page.locator("#inspector button.from").first
    wanted = choice.get_attribute("aria-label")
    choice.click()
    finished(page, first)
    assert page.locator("#inspector .tokens").first.inner_text() != said
    assert wanted is not None
    expect(tokens.nth(2)).to_have_text(wanted.split(": ", 1)[1])


def test_export_and_import_give_the_same_conversation_back(page: Page, tmp_path: Path) -> None:
    setting(page, "Max tokens", "12")
    text = "\ttabs, 中文 and 🙂\n  indented"
    send(page, text)
    finished(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    path = tmp_path / "conversation.json"
    download.value.save_as(path)
    exported = json.loads(path.read_text(encoding="utf-8"))
    assert exported["messages"][0]["content"] == text
    page.get_by_role("button", name="Clear", exact=True).last.click()
    expect(page.locator("#conversation")).not_to_contain_text("indented")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator("#conversation")).to_contain_text("indented")
    expect(page.locator("#status textarea")).to_have_value("2 messages imported.")
    broken = tmp_path / "broken.json"
    broken.write_text('{"messages": 3}')
    page.locator("input[type=file]").set_input_files(broken)
    expect(page.get_by_text("not a conversation this app can read").first).to_be_visible()
    expect(page.locator("#conversation")).to_contain_text("indented")


def test_two_visitors_get_their_own_replies(page: Page, browser: Browser, app: RunningApp) -> None:
    other = browser.new_context(locale="en-US").new_page()
    other.goto(app.url)
    expect(other.locator("#inspector .hint")).not_to_be_empty(timeout=PATIENCE_MS)
    for one in (page, other):
        setting(one, "Max tokens", "12")
    send(page, "Say the word apple.")
    send(other, "Say the word river.")
    for one in (page, other):
        finished(one)
    assert "river" not in page.locator("#conversation").inner_text()
    assert "apple" not in other.locator("#conversation").inner_text()
    other.context.close()


def test_text_is_never_markup_that_runs_or_tells_another_server(browser: Browser, app: RunningApp) -> None:
    page = browser.new_context(locale="en-US").new_page()
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    page.goto(app.url)
    expect(page.locator("#inspector .hint")).not_to_be_empty(timeout=PATIENCE_MS)
    setting(page, "Max tokens", "8")
    elsewhere = app.url.replace("127.0.0.1", "localhost")  # another origin, which would answer
    send(
        page,
        f"![picture]({elsewhere}/theme.css?picture) <img src=x onerror=\"document.title='owned'\"> "
        f"<script>document.title='owned'</script> <iframe src='{elsewhere}'></iframe>",
    )
    finished(page)
    page.get_by_role("button", name="The prompt as the model saw it").click()
    expect(page.locator("#prompt")).to_contain_text("onerror")
    assert page.locator("#prompt img").count() == 0
    assert page.title() == "AIGC Playground"
    assert [url for url in answered if not url.startswith((app.url, "data:", "blob:"))] == []
    page.context.close()


def test_the_page_speaks_chinese_to_a_browser_that_asks(browser: Browser, app: RunningApp) -> None:
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(app.url)
    expect(page.get_by_role("tab", name="对话")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#inspector")).to_contain_text("逐个词元")
    page.context.close()


def test_a_phone_sees_everything_without_scrolling_sideways(browser: Browser, app: RunningApp) -> None:
    page = browser.new_context(locale="en-US", viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    page.goto(app.url)
    expect(page.locator("#send")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#inspector .hint")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
