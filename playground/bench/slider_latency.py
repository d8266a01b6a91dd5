"""A slider dragged in a real browser: how many pictures come, and how soon the last one is there.

Invariants: app and browser run in processes of their own; nothing is read but what the page shows. The mouse is
moved through the browser's own DevTools: Playwright's mouse asks the page at every movement whether something is being
dragged and dropped, which a hand does not. A script in the page moves the slider too, which costs next to nothing.
"""

import time
from statistics import median
from typing import Any

from playground.bench.app_process import running_app
from playground.bench.browser import browser
from playground.bench.report import print_table

SECONDS = 6.0
HZ = 60  # movements a second
TURNS = 3
WARM_UP_S = 4.0
PAUSE_S = 1.0

MOVE = """(input, [seconds, hz]) => new Promise((done) => {
  const began = performance.now(), from = Number(input.min), to = Number(input.max);
  let moves = 0;
  const tick = setInterval(() => {
    const now = (performance.now() - began) / 1000;
    if (now >= seconds) { clearInterval(tick); input.dispatchEvent(new Event("change")); done(moves / now); return; }
    input.value = from + (to - from) * (0.05 + 0.9 * Math.abs((now * 0.6) % 2 - 1));
    input.dispatchEvent(new Event("input")); moves += 1;
  }, 1000 / hz);
})"""


def print_dragging() -> None:
    """Drag the mouth of the VAE tab and psi of the GAN tab; print pictures a second and the wait for the last one."""
    with running_app() as url, browser() as chromium:
        rows = [
            _dragged(chromium, f"{url}/?tab={tab}", stage, name, mouse)
            for tab, stage, name in (("vae", "#vae-stage", "mouth"), ("gan", "#gan-stage", "truncation"))
            for mouse in (True, False)
        ]
    heads = ["slider", "moved by", "movements a second", "pictures a second", "wanted", "last picture after, ms"]
    title = f"A slider moved for {SECONDS:.0f} s in Chromium, {HZ} times a second if it can be (medians of {TURNS})"
    print_table(title, heads, rows)


def _dragged(chromium: Any, url: str, stage: str, name: str, mouse: bool) -> list[str]:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    root = page.locator(f"{stage}[data-frames], {stage} [data-frames]").first
    slider = page.locator(f"{stage} [data-name={name}] input[type=range]").first
    slider.scroll_into_view_if_needed()
    page.wait_for_function("e => Number(e.dataset.frames) > 0", arg=root.element_handle(), timeout=60_000)
    time.sleep(WARM_UP_S)  # what the tab shows beside the picture has come by then
    turns = []
    for _ in range(TURNS):
        before, began = int(root.get_attribute("data-frames")), time.perf_counter()
        rate = _by_mouse(page, slider) if mouse else slider.evaluate(MOVE, [SECONDS, HZ])
        seconds, rested = time.perf_counter() - began, time.perf_counter()
        shown = int(root.get_attribute("data-frames")) - before
        page.wait_for_function("e => e.dataset.state === 'idle'", arg=root.element_handle(), timeout=10_000)
        turns.append((rate, shown / seconds, 1000 * (time.perf_counter() - rested)))
        time.sleep(PAUSE_S)
    page.close()
    rate, shown, settled = (median(column) for column in zip(*turns, strict=True))
    each = " ".join(f"{turn[1]:.0f}" for turn in turns)
    how = "mouse" if mouse else "a script in the page"
    return [name, how, f"{rate:.0f}", f"{shown:.0f} ({each})", "30", f"{settled:.0f}"]


def _by_mouse(page: Any, slider: Any) -> float:
    """Press, move to and fro, let go; gives the movements a second."""
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    tools = page.context.new_cdp_session(page)
    began, step = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < SECONDS:
        share = abs((now * 0.6) % 2 - 1)
        at = {"x": box["x"] + box["width"] * (0.05 + 0.9 * share), "y": middle}
        tools.send("Input.dispatchMouseEvent", {"type": "mouseMoved", "button": "left", "buttons": 1, **at})
        step += 1
        time.sleep(max(0.0, step / HZ - (time.perf_counter() - began)))
    page.mouse.up()
    return step / (time.perf_counter() - began)
