"""A slider dragged in a real browser: how many pictures come, and how soon the last one is there.

Rule of the room: app and browser run in processes of their own; nothing is read but what the page shows.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx

from playground.bench.table import print_table
from playground.settings import ROOT

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
SECONDS = 6.0
HZ = 60  # movements of the mouse a second


def print_dragging() -> None:
    """Drag the mouth of the VAE tab and psi of the GAN tab; print pictures a second and the wait for the last one."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--offline", "--port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=dict(os.environ))  # noqa: S603
    try:
        _wait_for(f"http://127.0.0.1:{port}")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            rows = [
                _dragged(browser, f"http://127.0.0.1:{port}/?tab={tab}", stage, name)
                for tab, stage, name in (("vae", "#vae-stage", "mouth"), ("gan", "#gan-stage", "truncation"))
            ]
            browser.close()
    finally:
        app.send_signal(signal.SIGINT)
        app.wait(timeout=30)
    heads = ["slider", "pictures a second", "wanted", "last picture after the finger rests, ms"]
    print_table(f"A slider dragged for {SECONDS:.0f} s in Chromium, {HZ} movements a second", heads, rows)


def _dragged(browser: Any, url: str, stage: str, name: str) -> list[str]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
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


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(url)
