"""What a streamed update of boxes costs the page: our stage beside `gr.AnnotatedImage`: `python -m scripts.boxes`.

Invariants: one page, one picture of 4,000 × 3,000 with 20 boxes, one browser; every way streams the same boxes
in one run. What the page needs for an update that draws nothing is taken off.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image
from playwright.sync_api import Page

from playground.bench.browser import browser
from playground.bench.machine import describe_machine
from playground.bench.report import print_table, tell
from playground.grounding.types import Box, Entity, GroundingTask, ParsedAnswer
from tabs.grounding import render
from tabs.grounding.components import Stage
from tabs.grounding.handlers_editing import shown_file
from tabs.grounding.session import Exchange, SessionState

SIZE, BOXES, ROUNDS = (4000, 3000), 20, 3
NOTHING, OURS, THEIRS = "an update that draws nothing", "our stage", "gr.AnnotatedImage"
UPDATES = {NOTHING: 40, OURS: 40, THEIRS: 1}  # one of theirs takes as long as a run of ours
WAIT_MS = 600_000


def reading(update: int) -> ParsedAnswer:
    """Twenty boxes, which move a little with every update."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 0.7, (BOXES, 2))
    step = 0.002 * (update % 40)
    boxes = [Box(x + step, y, x + step + 0.2, y + 0.2) for x, y in corners.tolist()]
    return ParsedAnswer("", tuple(Entity(f"thing {number}", None, (box,)) for number, box in enumerate(boxes)))


def page(folder: Path) -> gr.Blocks:
    """Three buttons, each of which streams its updates; `tick` counts them."""
    noise = np.random.default_rng(0).integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize(SIZE)
    path = folder / "picture.jpg"
    picture.save(path)
    visit = SessionState()
    visit.afresh(picture, shown_file(picture))
    visit.begin(Exchange(visit.new_key(), GroundingTask.DETECT, "", None, "none", "none"))

    def stage(update: int) -> dict[str, Any]:
        visit.exchanges[0].parsed = reading(update)
        return render.stage(visit, None, "en")

    def annotated(update: int) -> Any:
        found = [(entity.phrase, entity.boxes[0]) for entity in reading(update).entities]
        width, height = SIZE
        return str(path), [
            ((int(b.x0 * width), int(b.y0 * height), int(b.x1 * width), int(b.y1 * height)), name) for name, b in found
        ]

    def stream(way: str, draw: Callable[[int], Any]) -> Callable[[], Iterator[Any]]:
        def updates() -> Iterator[Any]:
            for update in range(UPDATES[way]):
                yield draw(update), f"{way} {update + 1}"

        return updates

    with gr.Blocks(analytics_enabled=False) as blocks:
        tick = gr.Textbox(elem_id="tick")
        nothing = gr.Textbox()
        ours = Stage(stage(0))
        theirs = gr.AnnotatedImage()
        ways: list[tuple[str, Any, Callable[[int], Any]]] = [
            (NOTHING, nothing, str), (OURS, ours, stage), (THEIRS, theirs, annotated)
        ]  # fmt: skip
        for number, (way, component, draw) in enumerate(ways):
            button = gr.Button(way, elem_id=f"go-{number}")
            button.click(stream(way, draw), None, [component, tick], show_progress="hidden")
    return blocks


def measured(shown: Page, number: int, way: str) -> float:
    """Seconds an update, from the click to the count of the last one, once the page has painted it."""
    began = time.perf_counter()
    shown.locator(f"#go-{number}").click()
    last = f"{way} {UPDATES[way]}"
    shown.wait_for_function(
        "last => document.querySelector('#tick textarea, #tick input').value === last", arg=last, timeout=WAIT_MS
    )
    shown.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    spent = (time.perf_counter() - began) / UPDATES[way]
    shown.evaluate("document.querySelector('#tick textarea, #tick input').value = ''")
    return spent


def main() -> None:
    """Measure and print the table."""
    print(f"Machine: {describe_machine()}\n", flush=True)
    times: dict[str, list[float]] = {way: [] for way in UPDATES}
    with TemporaryDirectory() as folder, browser() as chromium:
        blocks = page(Path(folder))
        _, url, _ = blocks.launch(
            prevent_thread_lock=True, quiet=True, allowed_paths=[folder], server_name="127.0.0.1"
        )
        shown = chromium.new_page(viewport={"width": 1280, "height": 1000})
        shown.goto(url)
        shown.locator("#go-2").wait_for()
        shown.wait_for_timeout(2000)
        for round_ in range(1 + ROUNDS):
            for number, way in enumerate(UPDATES):
                if way == THEIRS and round_ not in (0, ROUNDS):
                    continue  # two of theirs are enough to see
                tell(f"round {round_} of {ROUNDS}: {way}")
                spent = measured(shown, number, way)
                if round_ or way == THEIRS:
                    times[way].append(spent)
        blocks.close()
    usual = {way: median(each) for way, each in times.items()}
    wanted = {NOTHING: "", OURS: "50", THEIRS: ""}
    rows = [
        [way, f"{1000 * usual[way]:,.0f}", "" if way == NOTHING else f"{1000 * (usual[way] - usual[NOTHING]):,.0f}",
         wanted[way]]
        for way in UPDATES
    ]  # fmt: skip
    heads = ["way", "ms an update", "of which the component's", "at most"]
    print_table(f"{BOXES} boxes on a picture of {SIZE[0]:,} × {SIZE[1]:,}, streamed to Chromium", heads, rows)


if __name__ == "__main__":
    main()
