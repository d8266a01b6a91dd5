"""Text-to-image: what the playground adds to the diffusers call that a user would write, and how long a visitor waits.

Rule of the room: all sides take turns in one run with the same prompt, seed and settings; medians are told, and the
pictures are compared as well as the times.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.bench.machine import Machine
from playground.bench.table import print_table
from playground.core import Playground
from playground.images.types import Done, ImageRequest, Picture
from playground.settings import ROOT, Settings

if TYPE_CHECKING:
    from PIL import Image

MODEL = "avatar-diffusion"
PROMPT = "a smiling person with long red hair and round glasses wearing a blue hoodie on a green background"
STARTS = 3
COLD = f"""
import time
began = time.perf_counter()
from playground.core import Playground
from playground.images.types import ImageRequest, Picture
from playground.settings import Settings
playground = Playground(Settings(offline=True))
for seed in (1, 2):
    events = playground.images.generate("bench", "{MODEL}", ImageRequest("{PROMPT}", seed=seed)).events()
    next(event for event in events if isinstance(event, Picture))
    for _ in events: pass
    print(time.perf_counter() - began)
    began = time.perf_counter()
playground.close()
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=15, help="pictures of each side")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Measure and print all tables."""
    starts = [_cold() for _ in range(STARTS)]
    playground = Playground(Settings(offline=True))
    try:
        peak = _print_beside_plain(playground, given.rounds)
    finally:
        playground.close()
    rows = [
        ["first picture of a cold tab, imports included", f"{median(first for first, _ in starts):.2f}", "6"],
        ["the next one, with preview and score", f"{median(second for _, second in starts):.2f}", "3"],
    ]
    print_table("Waiting (seconds, medians)", ["what", "measured", "wanted"], rows)
    print(f"Most memory of the process while it drew: {peak / 1e6:.0f} MB.\n")


def _print_beside_plain(playground: Playground, rounds: int) -> int:
    """The table of the three ways; gives the peak memory in bytes."""
    import torch
    from diffusers import DiffusionPipeline

    limits = playground.images.limits(MODEL)
    steps, guidance = limits.steps[1], limits.guidance[1]
    folder = ROOT / "assets" / "models" / MODEL
    pipe: Any = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    peaks: list[int] = []

    def plain(seed: int) -> "Image.Image":
        noise = torch.Generator().manual_seed(seed)
        return pipe(PROMPT, num_inference_steps=steps, guidance_scale=guidance, generator=noise).images[0]

    def ours(preview: bool) -> Callable[[int], "Image.Image"]:
        def make(seed: int) -> "Image.Image":
            wish = ImageRequest(PROMPT, seed=seed, preview=preview, score=False)
            events = list(playground.images.generate("bench", MODEL, wish).events())
            peaks.extend(event.peak_bytes for event in events if isinstance(event, Done))
            return next(event.image for event in events if isinstance(event, Picture))

        return make

    ways = {
        "plain diffusers call": plain,
        "playground, preview off": ours(False),
        "playground, preview on": ours(True),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    apart: dict[str, int] = dict.fromkeys(ways, 0)
    for seed in range(rounds + 2):
        pictures = {}
        for name, make in ways.items():
            began = time.perf_counter()
            pictures[name] = np.asarray(make(seed), dtype=int)
            if seed >= 2:  # the first ones warm up
                times[name].append(time.perf_counter() - began)
        for name, picture in pictures.items():
            apart[name] = max(apart[name], int(abs(picture - pictures["plain diffusers call"]).max()))
    usual = median(times["plain diffusers call"])
    wanted = {"plain diffusers call": "", "playground, preview off": "+5 %", "playground, preview on": "+15 %"}
    rows = [
        [name, f"{median(each):.3f}", f"{min(each):.3f} to {max(each):.3f}",
         f"{100 * (median(each) / usual - 1):+.1f} %", wanted[name], str(apart[name])]
        for name, each in times.items()
    ]  # fmt: skip
    heads = ["way", "seconds", "range", "more", "at most", "largest difference, of 255"]
    print_table(f"One picture, {steps} steps, guidance {guidance}, {rounds} rounds in turn", heads, rows)
    return max(peaks)


def _cold() -> tuple[float, float]:
    """Seconds to the first picture in a new process, and of the second."""
    command = [sys.executable, "-c", COLD]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)  # noqa: S603
    first, second = (float(line) for line in done.stdout.split()[-2:])
    return first, second
