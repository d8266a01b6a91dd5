"""How long the app takes to start, beside a bare `import gradio`, each a process of its own, in turn."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import psutil

from playground.bench.app_process import free_port, wait_for_page
from playground.bench.machine import Machine
from playground.bench.report import print_table, tell
from playground.settings import ROOT

WANTED = 1.3  # times a bare `import gradio`


class Start(NamedTuple):
    """Seconds of one start: on the clock, and of processor time in all threads."""

    wall: float
    cpu: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m playground.bench app`."""
    parser.add_argument("--rounds", type=int, default=5, help="measured starts of each side (default 5)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Measure and print the table. One round before is not counted: it fills the disk cache."""
    sides: dict[str, Callable[[], Start]] = {
        "`import gradio`": import_gradio,
        "`app.py` until its page answers": start_app,
    }
    starts: dict[str, list[Start]] = {name: [] for name in sides}
    for round_ in range(given.rounds + 1):
        tell(f"round {round_} of {given.rounds}")
        for name, start in sides.items():
            seconds = start()
            if round_:
                starts[name].append(seconds)
    bare, app = starts.values()
    rows = []
    for name, each in starts.items():
        walls = [start.wall for start in each]
        ours = each is app
        rows.append([
            name, f"{median(walls):.2f}", f"{min(walls):.2f} to {max(walls):.2f}",
            f"{median(start.cpu for start in each):.2f}",
            f"{median(a.wall / b.wall for a, b in zip(app, bare, strict=True)):.2f}" if ours else "",
            f"{median(a.cpu / b.cpu for a, b in zip(app, bare, strict=True)):.2f}" if ours else "",
            f"{WANTED:g}" if ours else "",
        ])  # fmt: skip
    heads = ["process", "seconds", "range", "processor seconds", "× seconds", "× processor seconds", "at most"]
    print_table(f"Start of the app, {given.rounds} rounds in turn, medians (ratios: of each round)", heads, rows)


def import_gradio() -> Start:
    """A process that imports gradio and ends."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", "import gradio"], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # waited for here, not by `Popen`
    return Start(time.perf_counter() - began, usage.ru_utime + usage.ru_stime)


def start_app() -> Start:
    """The app until its page answers."""
    port = free_port()
    command = [sys.executable, "app.py", "--offline", "--port", str(port)]
    began = time.perf_counter()
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        wait_for_page(f"http://127.0.0.1:{port}")
        wall, used = time.perf_counter() - began, psutil.Process(app.pid).cpu_times()
    finally:
        app.send_signal(signal.SIGINT)
        app.wait(timeout=30)
    return Start(wall, used.user + used.system)
