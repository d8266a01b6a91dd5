"""Grounding: how long a visitor waits for the embedded model's first word, and for a whole grounded caption.

Invariants: questions of a visitor through the service, from the click on; medians over the example pictures, and
new processes for a cold tab. What the page adds is measured by `scripts/boxes.py`.
"""

import argparse
import subprocess
import sys
import time
from contextlib import closing
from statistics import median

from playground.bench.machine import Machine
from playground.bench.report import print_table, tell
from playground.core import Playground
from playground.grounding.types import Answer, GroundingTask, PartialAnswer, Question
from playground.imaging import uploads
from playground.settings import ROOT, Settings

MODEL = "avatar-minigpt"
PICTURES = sorted((ROOT / "assets" / "examples" / "groups").glob("*.png"))
STARTS = 3
COLD = """
import time
began = time.perf_counter()
from playground.bench.grounding import asked
from playground.core import Playground
from playground.settings import Settings
playground = Playground(Settings(offline=True))
print(asked(playground, 0, began)[0])
playground.close()
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=2, help="captions of each picture")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Measure and print the table."""
    cold = []
    for number in range(STARTS):
        tell(f"cold start {number + 1} of {STARTS}")
        done = subprocess.run([sys.executable, "-c", COLD], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        cold.append(float(done.stdout.split()[-1]))
    with closing(Playground(Settings(offline=True))) as playground:
        asked(playground, 0, time.perf_counter())  # loads
        times = []
        for round_ in range(given.rounds):
            for number in range(len(PICTURES)):
                tell(f"round {round_ + 1} of {given.rounds}, picture {number + 1} of {len(PICTURES)}")
                times.append(asked(playground, number, time.perf_counter()))
    rows = [
        ["first word, warm", f"{median(t[0] for t in times):.2f}", "1.5"],
        ["whole grounded caption, warm", f"{median(t[1] for t in times):.2f}", "6"],
        ["– the longest of them", f"{max(t[1] for t in times):.2f}", ""],
        ["first word of a cold tab (new process, imports included)", f"{median(cold):.2f}", ""],
    ]
    tokens = median(t[2] for t in times)
    print_table(
        f"Seconds ({len(times)} captions of {tokens:.0f} tokens, medians)", ["what", "measured", "at most"], rows
    )


def asked(playground: Playground, number: int, began: float) -> tuple[float, float, int]:
    """Seconds to the first word and to the end of a grounded caption, and its tokens."""
    question = Question(GroundingTask.GROUNDED_CAPTION, uploads.read(PICTURES[number % len(PICTURES)]))
    first = 0.0
    for event in playground.grounding.answer("bench", MODEL, question).events():
        if isinstance(event, PartialAnswer) and not first:
            first = time.perf_counter() - began
        if isinstance(event, Answer):
            return first, time.perf_counter() - began, event.tokens
    raise RuntimeError("The model gave no answer.")
