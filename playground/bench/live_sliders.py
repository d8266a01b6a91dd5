"""The live tabs: what a moved slider costs beyond the bare network, and how many pictures a visitor sees.

Invariants: both sides of a comparison take turns in one run, and medians are told. The page is measured from
outside, in a browser that drags a real slider.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import median, quantiles

import numpy as np

from playground.bench import slider_latency
from playground.bench.machine import Machine
from playground.bench.report import print_table
from playground.chat.types import Turn
from playground.core import Playground
from playground.gan.edit_state import EditState
from playground.inference.types import Sampling
from playground.runtime.cpu_threads import torch_threads
from playground.runtime.records import ModelKey
from playground.settings import ROOT, Settings

STARTS = 3
TURNS = 200  # of each side
VISITORS = 8
SECONDS = 6.0  # of everybody dragging at once
COLD = """
import time
began = time.perf_counter()
from playground.core import Playground
from playground.settings import Settings
playground = Playground(Settings(offline=True))
running = time.perf_counter()
{what}
print(time.perf_counter() - running, time.perf_counter() - began)
playground.close()
"""
COLD_VAE = 'playground.vae.frame("avatar-vae", None, {}, seed=1)'
COLD_GAN = (
    "from playground.gan.edit_state import EditState\n"
    'playground.gan.frame(EditState("avatar-gan", seed=1, truncation=0.7))'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-browser", action="store_true", help="leave out the part that needs Playwright and Chromium"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Measure and print all tables."""
    cold = {name: _cold(what) for name, what in (("VAE", COLD_VAE), ("GAN", COLD_GAN))}
    playground = Playground(Settings(offline=True))
    try:
        _print_frames(playground)
        _print_waiting(playground, cold)
        _print_visitors(playground)
    finally:
        playground.close()
    if not given.no_browser:
        slider_latency.print_dragging()


def _print_frames(playground: Playground) -> None:
    """One decode through the service beside the bare module call on all cores and on one, in turns."""
    import torch

    def on_one(work: Callable[[], object]) -> Callable[[], object]:
        def drawn() -> object:
            with torch.inference_mode(), torch_threads(one_core=True):
                return work()

        return drawn

    rows = []
    latent = playground.vae.sample("avatar-vae", 1)
    style = playground.gan.frame(EditState("avatar-gan", seed=1)).style
    state = EditState("avatar-gan", seed=1, truncation=0.7)
    z, w = torch.from_numpy(latent)[None], torch.from_numpy(style)[None]
    with (
        playground.models.use(ModelKey("avatar-vae")) as vae,
        playground.models.use(ModelKey("avatar-gan")) as gan,
        torch.inference_mode(),
    ):
        for name, bare, live in (
            ("VAE", lambda: vae.decode(z), lambda: playground.vae.frame("avatar-vae", latent, {"mouth": 2.0})),
            ("GAN", lambda: gan.synthesis(w), lambda: playground.gan.frame(state)),
        ):
            alone, one, whole = _in_turns(bare, on_one(bare), live)
            more = [f"{whole - than:+.2f} ms ({100 * (whole / than - 1):+.0f} %)" for than in (one, alone)]
            rows.append([name, f"{alone:.2f}", f"{one:.2f}", f"{whole:.2f}", *more, "20 % or 2 ms"])
    heads = [
        "one live picture", "module call, all cores, ms", "on one core, ms", "service with its JPEG, on one core, ms",
        "more than on one", "more than on all", "at most",
    ]  # fmt: skip
    print_table("Handler time of one decode (medians, HTTP excluded)", heads, rows)


def _print_waiting(playground: Playground, cold: dict[str, tuple[float, float]]) -> None:
    samples = median(_timed(lambda: playground.gan.samples("avatar-gan", list(range(16)))) for _ in range(20))
    psi = median(_timed(lambda: playground.gan.samples("avatar-gan", list(range(16)), 0.5)) for _ in range(20))
    print_table(
        "Waiting (seconds, medians)",
        ["what", "measured", "wanted"],
        [
            *(
                [f"first picture of a cold {name} tab, the app runs", f"{tab:.2f}", "3"]
                for name, (tab, _) in cold.items()
            ),
            *(
                [f"the same for {name}, from the start of a process on", f"{all_:.2f}", ""]
                for name, (_, all_) in cold.items()
            ),
            ["16 GAN samples", f"{samples:.3f}", "0.5"],
            ["the same 16 at another psi", f"{psi:.3f}", "0.5"],
        ],
    )


def _print_visitors(playground: Playground) -> None:
    """Everybody drags at once: alone, and while a chat reply is written."""
    rows = []
    for name, chatting in ((f"{VISITORS} visitors", False), (f"{VISITORS} visitors and a chat reply", True)):
        reply = None
        if chatting:
            turns = (Turn("user", "Tell me a long story about a lighthouse."),)
            reply = playground.chat.reply("bench", "smollm2-135m", turns, "", Sampling(max_new_tokens=2000))
            events = reply.events()  # kept: a visitor who lets go of them stops the reply
            next(event for event in events if getattr(event, "text", ""))  # the model is loaded and speaks
        waits = _drag_together(playground)
        if reply is not None:
            reply.cancel()
        each = len(waits) / VISITORS / SECONDS
        rows.append([name, f"{each:.0f}", f"{1000 * median(waits):.0f}", f"{1000 * quantiles(waits, n=20)[-1]:.0f}"])
    heads = ["who drags", "pictures a second, each", "wait, median ms", "95 % within ms"]
    print_table("Many at once (the service, without HTTP)", heads, rows)


def _drag_together(playground: Playground) -> list[float]:
    """Seconds that each picture took, of all visitors; each asks for the next when the last has come."""
    waits: list[float] = []
    end = time.perf_counter() + SECONDS

    def visitor(number: int) -> None:
        latent = playground.vae.sample("avatar-vae", number)
        while (began := time.perf_counter()) < end:
            playground.vae.frame("avatar-vae", latent, {"mouth": float(np.clip(began % 3, 0, 3))})
            waits.append(time.perf_counter() - began)

    threads = [threading.Thread(target=visitor, args=(number,)) for number in range(VISITORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waits


def _in_turns(*works: Callable[[], object]) -> list[float]:
    """Median milliseconds of each, called in turns."""
    for _ in range(10):
        for work in works:
            work()
    rounds = [[_timed(work) for work in works] for _ in range(TURNS)]
    return [1000 * median(times) for times in zip(*rounds, strict=True)]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _cold(what: str) -> tuple[float, float]:
    """Seconds to the first picture: from a playground that has imported no model library, and from nothing."""
    command = [sys.executable, "-c", COLD.format(what=what)]
    runs = [
        subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)  # noqa: S603
        for _ in range(STARTS)
    ]
    tab, whole = zip(*(map(float, run.stdout.split()[-2:]) for run in runs), strict=True)
    return median(tab), median(whole)
