"""Text-to-image: what each way of drawing faster (`--faster`) gains on this machine, beside the plain diffusers call.

Invariants: every way is a process of its own (`images_sides`), one after another, so that a GPU need not hold
the model twice; seeds and words are the same for all, and new for every picture. The first picture is told by itself:
the playground loads the model for it, and a compiler does its work.
"""

import argparse
from contextlib import closing
from statistics import median

import numpy as np
from PIL import Image

from playground.bench.machine import Machine
from playground.bench.report import print_table, tell
from playground.bench.text_to_image_variants import MODEL, PLAIN, WAYS, started
from playground.core import Playground
from playground.runtime.devices import detect_device
from playground.settings import Settings

WARM_UP = 2  # pictures that are not counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=MODEL, help="one that is on this disk (default: the embedded one)")
    parser.add_argument("--rounds", type=int, default=16, help="pictures of each way")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Measure and print the table."""
    with closing(Playground(Settings(offline=True))) as playground:
        limits = playground.images.limits(given.model)
    steps, guidance = limits.steps[1], limits.guidance[1]
    names = (PLAIN, *WAYS)
    first, apart = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    times: dict[str, list[float]] = {name: [] for name in names}
    plain: list[np.ndarray] = []
    for name in names:
        tell(f"{name}: {WARM_UP + given.rounds} pictures")
        with started([name], given.model, steps, guidance) as [side]:
            for seed in range(WARM_UP + given.rounds):
                seconds, path = side.make(seed)
                with Image.open(path) as picture:
                    pixels = np.asarray(picture, dtype=float)
                if name == PLAIN:
                    plain.append(pixels)
                apart[name] = max(apart[name], float(np.abs(pixels - plain[seed]).mean()))
                if seed == 0:
                    first[name] = seconds
                elif seed >= WARM_UP:
                    times[name].append(seconds)
    rows = [
        [name, f"{first[name]:.1f}", f"{median(times[name]):.3f}",
         f"{100 * (median(times[name]) / median(times[PLAIN]) - 1):+.1f} %", f"{apart[name]:.2f}"]
        for name in names
    ]  # fmt: skip
    device = detect_device()
    what = f"One picture of {given.model} on {device.name} in {device.dtype}, {steps} steps, guidance {guidance:g}"
    heads = ["way", "first picture, s", "seconds", "more than plain", "mean difference at most, of 255"]
    print_table(f"{what}; {given.rounds} pictures, medians", heads, rows)
