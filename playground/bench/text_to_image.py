"""Text-to-image: what the playground adds to the diffusers call that a user would write, and how long a visitor waits.

Invariants: all sides take turns in one run with the same prompt, seed and settings, each in a process of its own
(`images_sides`); medians are told, and the pictures are compared as well as the times. Every round has new words.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from operator import truediv
from statistics import median

import numpy as np
from PIL import Image

from playground.bench.machine import Machine
from playground.bench.report import print_table, tell
from playground.bench.text_to_image_variants import MODEL, OFF, ON, PLAIN, SIDES, Side, started, words
from playground.core import Playground
from playground.settings import ROOT, Settings

STARTS = 3
WARM_UP = 2  # rounds that are not counted
AGAIN = f"{OFF}, the same words again"
WANTED = {OFF: "+5 %", ON: "+15 %"}
PAUSE_S = 0.02  # between turns: threads stay awake for some milliseconds after their work
BUSY = "while True: pass"  # another program that keeps one core busy
OPENED_S = 5.0  # how long a visitor looks at a tab and types before the first picture is asked for
SAME = 1  # of 255: pictures no further apart are one, rounded in another order
COLD = f"""
import time
began = time.perf_counter()
from playground.core import Playground
from playground.text_to_image.types import Done, ImageRequest, Picture
from playground.settings import Settings
playground = Playground(Settings(offline=True))
if {{opened}}:
    playground.preloader.tab_opened("image")
    time.sleep({{opened}})
    began = time.perf_counter()
for seed in (1, 2):
    for event in playground.images.generate("bench", "{MODEL}", ImageRequest("{words(0)}", seed=seed)).events():
        if isinstance(event, Picture):
            print(time.perf_counter() - began)
        elif isinstance(event, Done):
            print(event.peak_bytes)
    began = time.perf_counter()
playground.close()
"""


@dataclass(frozen=True)
class Start:
    """What a new process needed: seconds to its first picture and to the next one, and its most memory in bytes.

    With `opened`, seconds count from the moment that long after the tab was opened.
    """

    first: float
    second: float
    peak: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--starts", type=int, default=16, help="new processes of each side")
    parser.add_argument("--rounds", type=int, default=4, help="pictures of each of these")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Measure and print all tables."""
    starts, opened = [], []
    for number in range(STARTS):
        tell(f"cold start {number + 1} of {STARTS}: two new processes make two pictures each")
        starts.append(_cold())
        opened.append(_cold(OPENED_S))
    with closing(Playground(Settings(offline=True))) as playground:
        limits = playground.images.limits(MODEL)
    usual = limits.steps[1], limits.guidance[1]  # what the tab suggests
    _print_beside_plain("", usual, given.starts, given.rounds, WANTED)
    other = subprocess.Popen([sys.executable, "-c", BUSY])  # noqa: S603
    try:
        _print_beside_plain(" while another program keeps a core busy", usual, 1, 4 * given.rounds, {})
    finally:
        other.kill()
        other.wait()
    peak = median(start.peak for start in starts) / 1e6
    rows = [
        [
            f"first picture of a tab that was opened {OPENED_S:.0f} s ago, seconds",
            f"{median(start.first for start in opened):.2f}",
            "6",
        ],
        [
            "first picture of a new process, from its first import on, seconds",
            f"{median(start.first for start in starts):.2f}",
            "",
        ],
        ["the next one, with preview and score, seconds", f"{median(start.second for start in starts):.2f}", "3"],
        ["most memory of that process while it drew, MB", f"{peak:.0f}", ""],
    ]
    print_table(f"Waiting ({STARTS} new processes, medians)", ["what", "measured", "wanted"], rows)


def _print_beside_plain(when: str, usual: tuple[int, float], starts: int, rounds: int, wanted: dict[str, str]) -> None:
    """The table of the sides, each `starts` times in a new process: where the system puts a process's memory makes it
    faster or slower by some percent for as long as it lives. Raises `AssertionError` where pictures are not the same.
    """
    times: dict[str, list[float]] = {name: [] for name in (*SIDES, AGAIN)}
    apart = dict.fromkeys(times, 0)
    for start in range(starts):
        tell(f"start {start + 1} of {starts}: {len(SIDES)} new processes make {rounds} pictures each")
        with started(SIDES, MODEL, *usual) as sides:
            for seed in range(-WARM_UP, rounds):
                made = _round(sides, seed + start * rounds + WARM_UP)
                for name, (seconds, picture) in made.items():
                    apart[name] = max(apart[name], int(abs(picture - made[PLAIN][1]).max()))
                    assert apart[name] <= SAME, f"{name}: another picture ({apart[name]} of 255 apart)"
                    if seed >= 0:
                        times[name].append(seconds)
    rows = [
        [name, f"{median(each):.3f}", f"{min(each):.3f} to {max(each):.3f}",
         f"{100 * (median(map(truediv, each, times[PLAIN])) - 1):+.1f} %", wanted.get(name, ""), str(apart[name])]
        for name, each in times.items()
    ]  # fmt: skip
    heads = ["side", "seconds", "range", "more than plain", "at most", "largest difference, of 255"]
    what = f"One picture{when}, {usual[0]} steps, guidance {usual[1]:g}"
    print_table(f"{what}; {starts} x {rounds} rounds, medians, also of what is more in a round", heads, rows)


def _round(sides: list[Side], seed: int) -> dict[str, tuple[float, np.ndarray]]:
    """Seconds and the picture of every side, in an order by chance, and at last of the same words once more."""
    made = {}
    off = next(side for side in sides if side.name == OFF)
    for name, side in [*((side.name, side) for side in random.sample(sides, len(sides))), (AGAIN, off)]:
        time.sleep(PAUSE_S)
        seconds, path = side.make(seed)
        with Image.open(path) as picture:
            made[name] = seconds, np.asarray(picture, dtype=int)
    return made


def _cold(opened: float = 0.0) -> Start:
    command = [sys.executable, "-c", COLD.format(opened=opened)]
    environment = dict(os.environ)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"The new process failed:\n{done.stderr}")
    first, peak, second, later = (float(line) for line in done.stdout.split()[-4:])
    return Start(first, second, max(peak, later))
