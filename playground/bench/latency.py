"""How long a visitor waits: for the page, for the model, for the first word, for silence after Stop."""

import subprocess
import sys
import time
from statistics import median

from playground.bench.app_process import running_app
from playground.bench.report import print_table
from playground.chat.reply import Reply
from playground.chat.types import ChatEvent, Turn
from playground.core import Playground
from playground.errors import Cancelled
from playground.inference.types import Sampling, Token
from playground.runtime.task import Phase
from playground.runtime.worker import Job
from playground.settings import ROOT

STARTS = 3  # fresh processes measured; the median is told
SHORT_QUESTIONS = ("Hi!", "Who are you?", "Name a colour.", "What is 2 + 2?", "Say something kind.", "A word with Z?")
COLD = """
import time
began = time.perf_counter()
from playground.core import Playground
from playground.settings import Settings
from playground.chat.types import Token, Turn
playground = Playground(Settings(offline=True))
job = playground.chat.reply("bench", "{model}", (Turn("user", "Hi!"),))
ready = None
for event in job.events():
    if getattr(event, "kind", "") == "ready":
        ready = time.perf_counter() - began
    if isinstance(event, Token):
        print(ready, time.perf_counter() - began)
        break
job.cancel()
playground.close()
"""


def page_start() -> float:
    """Seconds from `python app.py` to a page that answers."""
    return median(_page_start() for _ in range(STARTS))


def cold_start(model: str = "smollm2-135m") -> tuple[float, float]:
    """Seconds in a new process until the model is ready, and until its first token: imports included."""
    runs = []
    for _ in range(STARTS):
        command = [sys.executable, "-c", COLD.format(model=model)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        runs.append([float(figure) for figure in run.stdout.split()[-2:]])
    return median(ready for ready, _ in runs), median(first for _, first in runs)


def print_waiting(playground: Playground, page: float, cold: tuple[float, float], model: str) -> None:
    """Measure the rest on a warm model and print all of it."""
    _answer(playground, model, (Turn("user", "Hello"),), 4)
    warm = [_answer(playground, model, (Turn("user", text),), 2) for text in SHORT_QUESTIONS]
    first = median(reply.seconds_to_first_token or 0.0 for reply in warm)
    long, second, again = _long_conversation(playground, model)
    released, ended = zip(*(_stop(playground, model) for _ in range(5)), strict=True)
    assert second.read is not None
    print_table(
        "Waiting (seconds, medians)",
        ["what", "measured", "wanted"],
        [
            ["page answers after `python app.py`", f"{page:.1f}", "6"],
            ["model ready in a new process, from its files on this disk", f"{cold[0]:.1f}", "5"],
            ["first token of a cold chat (new process)", f"{cold[1]:.1f}", "8"],
            ["first token of a warm chat, short prompt", f"{first:.2f}", "0.5"],
            [
                f"first token of the second turn after {long:,} tokens "
                f"({second.read.reused:,} reused, {second.read.new} read)",
                f"{second.seconds_to_first_token:.2f}",
                "new tokens only",
            ],
            ["the same without reuse", f"{again:.2f}", ""],
            ["Stop: visitor released", f"{median(released):.2f}", "0.3"],
            ["Stop: the model is silent", f"{median(ended):.2f}", "0.3"],
        ],
    )


def _page_start() -> float:
    began = time.perf_counter()
    with running_app():
        return time.perf_counter() - began


def _answer(playground: Playground, model: str, turns: tuple[Turn, ...], tokens: int) -> Reply:
    reply = Reply(model)
    job = playground.chat.reply("bench", model, turns, "", Sampling(temperature=0, max_new_tokens=tokens))
    for event in job.events():
        if event is not None and not isinstance(event, Phase):
            reply.add(event)
    return reply


def _long_conversation(playground: Playground, model: str) -> tuple[int, Reply, float]:
    """(tokens before the second question, its reply, seconds to the first token if nothing were reused)."""
    text = "The quick brown fox jumps over the lazy dog near the old river bank. " * 62
    first = Turn("user", f"Remember this text: {text}")
    reply = _answer(playground, model, (first,), 24)
    turns = (first, reply.turn(), Turn("user", "How did it begin?"))
    second = _answer(playground, model, turns, 4)
    fresh = (Turn("user", f"Keep in mind: {text}"), Turn("assistant", reply.turn().text), turns[2])
    again = _answer(playground, model, fresh, 4)
    return reply.context_used or 0, second, again.seconds_to_first_token or 0.0


def _stop(playground: Playground, model: str) -> tuple[float, float]:
    """Seconds from Stop to the visitor's release, and to the end of the work."""
    sampling = Sampling(temperature=1, max_new_tokens=2000)
    job: Job[ChatEvent] = playground.chat.reply("bench", model, (Turn("user", "A long story."),), "", sampling)
    tokens = 0
    stopped = 0.0
    try:
        for event in job.events():
            tokens += isinstance(event, Token)
            if tokens == 5 and not stopped:
                stopped = time.perf_counter()
                job.cancel()
    except Cancelled:
        released = time.perf_counter() - stopped
    job.ended.wait(30)
    return released, time.perf_counter() - stopped
