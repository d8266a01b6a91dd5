"""The chat's figures: decoding speed by method, agreement with the plain model, and how long a visitor waits."""

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from statistics import median

from playground.bench.chat_decoding import (
    Ids,
    Way,
    compiled_generate,
    greedy,
    int8_generate,
    llama_cpp_ways,
    plain_generate,
)
from playground.bench.latency import cold_start, page_start, print_waiting
from playground.bench.machine import Machine
from playground.bench.report import print_table
from playground.chat.local import LocalChat, fit
from playground.chat.types import TORCH, ChatRequest, Decoder, Turn
from playground.core import Playground
from playground.inference.types import Sampling, Token
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.settings import Settings

MODEL = "smollm2-135m"
QUESTIONS = (
    "Write a long story about a lighthouse keeper who collects clouds.",
    "Explain step by step how a bicycle stays upright.",
    "Describe a busy market in an old town, with all its smells and sounds.",
    "Give a detailed plan for a week in Paris.",
    "Explain photosynthesis to a child, at length.",
    "Write a Python function that sorts a list of words by length, and explain it.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m playground.bench chat`."""
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds over all methods (default 5)")
    parser.add_argument("--tokens", type=int, default=64, help="tokens decoded each time (default 64)")
    parser.add_argument("--compile", action="store_true", help="also torch.compile, which takes minutes")
    parser.add_argument("--skip", nargs="*", default=[], choices=["decoding", "agreement", "waiting"])
    parser.set_defaults(run=run)


def run(given: argparse.Namespace, machine: Machine) -> None:
    """Print the tables."""
    if "waiting" not in given.skip:  # first, while nothing else is in memory
        page, cold = page_start(), cold_start()
    with closing(Playground(Settings(offline=True))) as playground:
        models = playground.models
        with models.use(ModelKey(MODEL)) as ours, models.use(ModelKey(MODEL, TORCH)) as twin:
            prompts = [_prompt(ours.decoder, question) for question in QUESTIONS]
            if "decoding" not in given.skip:
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                    ways = _ways(playground, twin, given.compile, pool)
                    _decoding(ways, prompts[0], given.rounds, given.tokens, machine)
            if "agreement" not in given.skip:
                _agreement(ours.decoder, twin.decoder, prompts, given.tokens)
        if "waiting" not in given.skip:
            print_waiting(playground, page, cold, MODEL)


def _prompt(decoder: Decoder, question: str) -> Ids:
    return [piece.id for piece in fit(decoder, ChatRequest((Turn("user", question),))).pieces]


def _ways(playground: Playground, twin: LocalChat, compiled: bool, pool: Executor) -> list[Way]:
    weights = playground.weights.fetch(playground.catalog.get(MODEL), Task())
    folder = playground.settings.cache / "dequantised" / MODEL
    return [
        plain_generate(folder, "float32"),
        plain_generate(folder, "bfloat16"),
        int8_generate(folder),
        *([compiled_generate(folder)] if compiled else []),
        Way("own loop in torch, fp32 (20 alternatives)", 4 * 134_515_008, greedy(twin.decoder, 20)),
        *llama_cpp_ways(weights.path, pool),
    ]


def _decoding(ways: list[Way], prompt: Ids, rounds: int, tokens: int, machine: Machine) -> None:
    """In turn, so that a machine that slows down slows all of them; the prompt's reading is taken off."""
    rates: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(rounds + 1):
        for way in ways:
            short, _ = _timed(way, prompt, 1)
            long, said = _timed(way, prompt, tokens + 1)
            if number > 0:  # the first round warms up
                rates[way.name].append((said - 1) / (long - short))
    base = median(rates[ways[0].name])
    rows = []
    for way in ways:
        rate, limit = median(rates[way.name]), machine.bandwidth / way.weight_bytes
        spread = f"{min(rates[way.name]):.1f} to {max(rates[way.name]):.1f}"
        size = f"{way.weight_bytes / 1e6:.0f} MB"
        rows.append(
            [way.name, f"{rate:.1f}", spread, f"{rate / base:.2f}", size, f"{limit:.0f}", f"{rate / limit:.0%}"]
        )
    title = f"Decoding {tokens} tokens after a prompt of {len(prompt)}, tokens/s, {rounds} rounds in turn"
    heads = ["method", "median", "range", "× plain", "weights read a token", "limit by bandwidth", "share of it"]
    print_table(title, heads, rows)


def _timed(way: Way, prompt: Ids, tokens: int) -> tuple[float, int]:
    began = time.perf_counter()
    said = way.decode(prompt, tokens)
    return time.perf_counter() - began, len(said)


def _agreement(ours: Decoder, plain: Decoder, prompts: list[Ids], tokens: int) -> None:
    """How far llama.cpp (4-bit weights, 8-bit activations) strays from the same weights in plain fp32."""
    same_start, same_choice, shifts = [], [], []
    for prompt in prompts:
        reference = _said(plain, prompt, tokens)
        other = _said(ours, prompt, tokens)
        pairs = zip(reference, other, strict=False)
        same_start.append(next((n for n, (a, b) in enumerate(pairs) if a.id != b.id), min(len(reference), len(other))))
        for number, token in enumerate(reference):  # what it would say after the plain model's own words
            before = [*prompt, *(said.id for said in reference[:number] if said.id is not None)]
            choice = _said(ours, before, 1)
            if not choice:  # it would end the reply here
                same_choice.append(False)
                continue
            same_choice.append(choice[0].id == token.id)
            told = {option.id: option.logprob for option in choice[0].alternatives}
            if token.id in told and token.logprob is not None:
                shifts.append(abs(told[token.id] - token.logprob))
    rows = [
        ["greedy replies: tokens until the first difference (median)", f"{median(same_start):.0f} of {tokens}"],
        ["same likeliest token after the plain model's words", f"{sum(same_choice) / len(same_choice):.1%}"],
        ["shift of that token's log-probability (median)", f"{median(shifts):.3f} nats"],
    ]
    title = (
        f"Words of llama.cpp beside plain fp32 of the same weights, {len(prompts)} prompts, {len(same_choice)} tokens"
    )
    print_table(title, ["measure", "value"], rows)


def _said(decoder: Decoder, prompt: Ids, count: int) -> list[Token]:
    events: Iterator[object] = decoder.decode(prompt, Sampling(temperature=0, max_new_tokens=count), 20, Task())
    return [event for event in events if isinstance(event, Token) and event.id is not None]
