"""How many threads a small network should compute on: three rules beside each other, in three situations.

The rules: one thread, all threads, and as many as cores are idle (`playground.runtime.cpu_threads.IdleCores`, what the
app does). The situations: nothing else computes, another process does, another thread of the app does (a chat reply).

Invariants: within a situation the rules draw in turn, the same seed each, so that whatever else the machine does meets
all of them; ratios are of each round.
"""

import argparse
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from statistics import median
from unittest.mock import patch

from playground.bench.machine import Machine
from playground.bench.report import print_table, tell
from playground.chat.types import ChatRequest, Turn
from playground.core import Playground
from playground.inference.types import Sampling
from playground.runtime import cpu_threads
from playground.runtime.cpu_threads import IdleCores
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.settings import Settings
from playground.text_to_image.types import ImageRequest

PROMPT = "a smiling person with a red beard and round glasses"
WARM_UP = 3  # rounds that are not counted
RULES = ("one", "all", "idle")


class AllCores(IdleCores):
    """Always all of them."""

    def count(self) -> int:
        """The threads for the next step."""
        return self._most


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m playground.bench threads`.

    Args:
        parser: of the subcommand.
    """
    parser.add_argument("--rounds", type=int, default=12, help="pictures of each rule in each situation (default 12)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Measure and print the table.

    Args:
        given: the flags.
        machine: what the figures are of.
    """
    with closing(Playground(Settings(offline=True))) as playground:
        situations: dict[str, Callable[[], object]] = {
            "alone": nullcontext,
            "beside a busy process": busy_process,
            "beside a chat reply": lambda: chatting(playground),
        }
        rows = []
        for name, situation in situations.items():
            tell(f"{name}: {WARM_UP + given.rounds} pictures of each rule")
            with situation():  # type: ignore[attr-defined]
                times = _times(playground, given.rounds)
            rows.append([
                name, *(f"{median(times[rule]):.3f}" for rule in RULES),
                *(f"{median(a / b for a, b in zip(times[rule], times['idle'], strict=True)):.2f}"
                  for rule in ("one", "all")),
            ])  # fmt: skip
            tell(" | ".join(rows[-1]))
    heads = ["situation", "one thread, s", "all threads, s", "idle cores, s", "one / idle", "all / idle"]
    print_table(f"One picture of the embedded model, {given.rounds} rounds in turn, medians", heads, rows)


def _times(playground: Playground, rounds: int) -> dict[str, list[float]]:
    import torch

    most = torch.get_num_threads()
    rules = {"one": IdleCores(1), "all": AllCores(most), "idle": IdleCores(most)}
    times: dict[str, list[float]] = {rule: [] for rule in RULES}
    for number in range(WARM_UP + rounds):
        for rule, idle in rules.items():
            with patch.object(cpu_threads, "_idle_cores", lambda idle=idle: idle):
                seconds = _draw(playground, number)
            if number >= WARM_UP:
                times[rule].append(seconds)
    return times


def _draw(playground: Playground, seed: int) -> float:
    """Seconds of one picture, without preview."""
    request = ImageRequest(PROMPT, seed=seed, preview=False, score=False)
    began = time.perf_counter()
    for _ in playground.images.generate("bench", "avatar-diffusion", request).events():
        pass
    return time.perf_counter() - began


@contextmanager
def busy_process() -> Iterator[None]:
    """Another process computes on one core."""
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    time.sleep(0.5)
    try:
        yield
    finally:
        process.kill()
        process.join()


def _spin() -> None:
    while True:
        pass


@contextmanager
def chatting(playground: Playground) -> Iterator[None]:
    """The chat model writes one reply after another on a thread of its own, as a second device would."""
    ended = threading.Event()
    task = Task()

    def talk() -> None:
        with playground.models.use(ModelKey("smollm2-135m"), task) as chat:
            while not ended.is_set():
                request = ChatRequest(
                    (Turn("user", "Tell me a story."),), Sampling(max_new_tokens=400), alternatives=0
                )
                for _ in chat.stream(request, task):
                    if ended.is_set():
                        break

    thread = threading.Thread(target=talk)
    thread.start()
    time.sleep(3)
    try:
        yield
    finally:
        ended.set()
        thread.join()
