"""A slider dragged in a real browser: how many pictures come, and how soon the last one is there.

Rule of the room: app and browser run in processes of their own; nothing is read but what the page shows.
"""

import time
from typing import Any

from playground.bench.app import browser, running_app
from playground.bench.table import print_table

SECONDS = 6.0
HZ = 60  # movements of the mouse a second


def print_dragging() -> None:
    """Drag the mouth of the VAE tab and psi of the GAN tab; print pictures a second and the wait for the last one."""
    with running_app() as url, browser() as chromium:
        rows = [
            _dragged(chromium, f"{url}/?tab={tab}", stage, name)
            for tab, stage, name in (("vae", "#vae-stage", "mouth"), ("gan", "#gan-stage", "truncation"))
        ]
    heads = ["slider", "pictures a second", "wanted", "last picture after the finger rests, ms"]
    print_table(f"A slider dragged for {SECONDS:.0f} s in Chromium, {HZ} movements a second", heads, rows)


def _dragged(chromium: Any, url: str, stage: str, name: str) -> list[str]:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    root = page.locator(f"{stage}[data-frames], {stage} [data-frames]").first
    slider = page.locator(f"{stage} [data-name={name}] input[type=range]").first
    slider.scroll_into_view_if_needed()
    page.wait_for_function("e => Number(e.dataset.frames) > 0", arg=root.element_handle(), timeout=60_000)
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    before, began = int(root.get_attribute("data-frames")), time.perf_counter()
    step = 0
    while (now := time.perf_counter() - began) < SECONDS:
        share = abs((now * 0.6) % 2 - 1)  # to and fro
        page.mouse.move(box["x"] + box["width"] * (0.05 + 0.9 * share), middle)
        step += 1
        time.sleep(max(0.0, step / HZ - (time.perf_counter() - began)))
    shown = int(root.get_attribute("data-frames")) - before
    seconds, rested = time.perf_counter() - began, time.perf_counter()
    page.mouse.up()
    page.wait_for_function("e => e.dataset.state === 'idle'", arg=root.element_handle(), timeout=10_000)
    settled = time.perf_counter() - rested
    page.close()
    return [
        f"{name} ({step / seconds:.0f} movements a second)",
        f"{shown / seconds:.0f}",
        "30",
        f"{1000 * settled:.0f}",
    ]
