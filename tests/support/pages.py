"""Pages for tests: a tab served alone on loopback, and a visitor who complains of everything a browser can tell.

Invariants: served as the app serves it (its words, look and content policy), so that a page behaves alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tabs.common.words import I18N
from tabs.launch import CONTENT_POLICY
from tabs.shell import theme
from tests.conftest import USUAL
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 60_000
# On the first load of a tab of the browser alone: what a page remembers over a reload is under test.
FORGET = "if (!sessionStorage.getItem('begun')) { localStorage.clear(); sessionStorage.setItem('begun', '1'); }"
expect.set_options(timeout=PATIENCE_MS)  # a busy machine is no defect


@contextmanager
def served(page: gr.Blocks) -> Iterator[str]:
    """The address of a page, on loopback, until the block ends."""
    _, url, _ = page.queue(api_open=False, default_concurrency_limit=None).launch(
        server_name="127.0.0.1",
        server_port=free_port(),
        prevent_thread_lock=True,
        quiet=True,
        i18n=I18N,
        theme=theme(),
        head=CONTENT_POLICY,
        css_paths=ROOT / "assets" / "style.css",
        run_history=False,
        ssr_mode=False,
    )
    try:
        yield url
    finally:
        page.close(verbose=False)


def opened(browser: Browser, url: str, complaints: list[str], query: str = "", **options: Any) -> Page:
    """A fresh visitor on the page at `url`; `options` are the browser context's (English and a desktop by default).

    `complaints` hears of console errors, failed requests and requests that leave the machine: assert it empty.
    """
    page = browser.new_context(**(USUAL | options)).new_page()
    _listen(page, url, complaints)
    page.goto(f"{url}{query}")
    return page


@contextmanager
def visited(context: BrowserContext, url: str, query: str = "") -> Iterator[Page]:
    """A visitor whose browser has been here before and remembers nothing: the same page in half the time.

    Fails in the end where there is anything to complain of.
    """
    complaints: list[str] = []
    page = context.new_page()
    page.add_init_script(FORGET)
    _listen(page, url, complaints)
    page.goto(f"{url}{query}")
    try:
        yield page
    finally:
        page.close()
    assert complaints == []


def _listen(page: Page, url: str, complaints: list[str]) -> None:
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("response", lambda r: complaints.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else complaints.append(r.url))
