"""Text-to-image: what the playground adds to the diffusers call that a user would write, and how long a visitor waits.

Rule of the room: all sides take turns in one run with the same prompt, seed and settings; medians are told, and the
pictures are compared as well as the times. Plain diffusers has all cores, as in a script of its own, and lets go of
them after its turn, so that no side is slowed by another's threads (see `playground.cores`).
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.bench.machine import Machine
from playground.bench.table import print_table, tell
from playground.core import Playground
from playground.cores import computing
from playground.images.types import ImageRequest, Picture
from playground.settings import ROOT, Settings

if TYPE_CHECKING:
    from PIL import Image

    Way = Callable[[int], Image.Image]  # of a seed

MODEL = "avatar-diffusion"
PROMPT = "a smiling person with long red hair and round glasses wearing a blue hoodie on a green background"
STARTS = 3
WARM_UP = 2  # rounds that are not counted
PLAIN, ONE = "plain diffusers call", "plain diffusers call, one core"
OFF, ON = "playground, preview off", "playground, preview on"
WANTED = {PLAIN: "", ONE: "", OFF: "+5 %", ON: "+15 %"}
BUSY = "while True: pass"  # another program that keeps one core busy
OPENED_S = 5.0  # how long a visitor looks at a tab and types before the first picture is asked for
SAME = 1  # of 255: pictures no further apart are one, rounded in another order
COLD = f"""
import time
began = time.perf_counter()
from playground.core import Playground
from playground.images.types import Done, ImageRequest, Picture
from playground.settings import Settings
playground = Playground(Settings(offline=True))
if {{opened}}:
    playground.ahead.opened("image")
    time.sleep({{opened}})
    began = time.perf_counter()
for seed in (1, 2):
    for event in playground.images.generate("bench", "{MODEL}", ImageRequest("{PROMPT}", seed=seed)).events():
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
    parser.add_argument("--rounds", type=int, default=15, help="pictures of each side")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Measure and print all tables."""
    starts, opened = [], []
    for number in range(STARTS):
        tell(f"cold start {number + 1} of {STARTS}: two new processes make two pictures each")
        starts.append(_cold())
        opened.append(_cold(OPENED_S))
    with closing(Playground(Settings(offline=True))) as playground:
        tell(f"loading {MODEL} twice: for plain diffusers and for the playground")
        ways = _ways(playground)
        limits = playground.images.limits(MODEL)
        what = f"One picture, {limits.steps[1]} steps, guidance {limits.guidance[1]:g}"
        _print_beside_plain(what, ways, given.rounds, WANTED)
        other = subprocess.Popen([sys.executable, "-c", BUSY])  # noqa: S603
        try:
            _print_beside_plain(f"{what}, while another program keeps a core busy", ways, given.rounds, {})
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


def _ways(playground: Playground) -> dict[str, "Way"]:
    plain = _plain(playground)
    return {
        PLAIN: _computing(plain, one_core=False),
        ONE: _computing(plain, one_core=True),
        OFF: _ours(playground, preview=False),
        ON: _ours(playground, preview=True),
    }


def _print_beside_plain(what: str, ways: dict[str, "Way"], rounds: int, wanted: dict[str, str]) -> None:
    """The table of the ways, which take turns. Raises `AssertionError` where they do not make one picture."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    apart: dict[str, int] = dict.fromkeys(ways, 0)
    for seed in range(WARM_UP + rounds):
        tell(f"round {seed + 1} of {WARM_UP + rounds}{', not counted' if seed < WARM_UP else ''}")
        pictures = {}
        turn = seed % len(ways)  # who begins changes, so that nobody always follows the same one
        for name in [*ways, *ways][turn : turn + len(ways)]:
            began = time.perf_counter()
            pictures[name] = np.asarray(ways[name](seed), dtype=int)
            if seed >= WARM_UP:
                times[name].append(time.perf_counter() - began)
        for name, picture in pictures.items():
            apart[name] = max(apart[name], int(abs(picture - pictures[PLAIN]).max()))
            assert apart[name] <= SAME, f"{name}: seed {seed} gave another picture ({apart[name]} of 255 apart)"
    rows = [
        [name, f"{median(each):.3f}", f"{min(each):.3f} to {max(each):.3f}",
         f"{100 * (median(each) / median(times[PLAIN]) - 1):+.1f} %", wanted.get(name, ""), str(apart[name])]
        for name, each in times.items()
    ]  # fmt: skip
    heads = ["way", "seconds", "range", "more than plain", "at most", "largest difference, of 255"]
    print_table(f"{what}, {rounds} rounds in turn, medians", heads, rows)


def _plain(playground: Playground) -> "Way":
    """What a user of diffusers would write."""
    import torch
    from diffusers import DiffusionPipeline

    limits = playground.images.limits(MODEL)
    folder = ROOT / "assets" / "models" / MODEL
    pipe: Any = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)

    def make(seed: int) -> "Image.Image":
        noise = torch.Generator().manual_seed(seed)
        steps, guidance = limits.steps[1], limits.guidance[1]
        return pipe(PROMPT, num_inference_steps=steps, guidance_scale=guidance, generator=noise).images[0]

    return make


def _computing(way: "Way", one_core: bool) -> "Way":
    def make(seed: int) -> "Image.Image":
        with computing(one_core):
            return way(seed)

    return make


def _ours(playground: Playground, preview: bool) -> "Way":
    def make(seed: int) -> "Image.Image":
        wish = ImageRequest(PROMPT, seed=seed, preview=preview, score=False)
        events = playground.images.generate("bench", MODEL, wish).events()
        return next(event.image for event in list(events) if isinstance(event, Picture))

    return make


def _cold(opened: float = 0.0) -> Start:
    command = [sys.executable, "-c", COLD.format(opened=opened)]
    environment = dict(os.environ)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"The new process failed:\n{done.stderr}")
    first, peak, second, later = (float(line) for line in done.stdout.split()[-4:])
    return Start(first, second, max(peak, later))
