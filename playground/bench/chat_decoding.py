"""The ways to decode with the embedded chat model, each as a function from prompt ids to new ids.

Invariants: a plain way is the few lines a user would write with the library; ours is what the app
runs. All greedy, one sequence, the same prompt ids.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from playground.chat.types import Decoder
from playground.inference.types import Sampling, Token
from playground.runtime.task import Task

Ids = list[int]


@dataclass(frozen=True)
class Way:
    """`decode(prompt, count)` returns `count` new ids; `weight_bytes` are read for each of them."""

    name: str
    weight_bytes: int
    decode: Callable[[Ids, int], Ids]


def greedy(decoder: Decoder, alternatives: int) -> Callable[[Ids, int], Ids]:
    """Our decoders, as the chat drives them."""

    def decode(prompt: Ids, count: int) -> Ids:
        sampling = Sampling(temperature=0, max_new_tokens=count)
        events = decoder.decode(prompt, sampling, alternatives, Task())
        return [event.id for event in events if isinstance(event, Token) and event.id is not None]

    return decode


def plain_generate(folder: Path, dtype: str) -> Way:
    """`model.generate` of transformers."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
    return Way(f"transformers generate, {dtype}", _bytes(model), _generate(model))


def int8_generate(folder: Path) -> Way:
    """`model.generate` with dynamic int8 linear layers: the fewest bytes plain torch reads on a CPU."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    size = _bytes(model) // 4
    model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    return Way("transformers generate, int8 dynamic", size, _generate(model))


def compiled_generate(folder: Path) -> Way:
    """`model.generate` with a static cache and a compiled forward pass; needs a C++ compiler, and minutes."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.forward = torch.compile(model.forward)
    way = _generate(model, cache_implementation="static")
    return Way("transformers generate, fp32, static cache, torch.compile", _bytes(model), way)


def llama_cpp_ways(gguf: Path, pool: Executor) -> list[Way]:
    """llama.cpp with nothing around it, and as the chat drives it.

    In a process of their own (`pool`, one worker), as in the app: where torch has threads too, OpenMP
    counts them all and lets none of them wait actively.
    """
    size = gguf.stat().st_size
    return [
        Way("llama.cpp alone, Q4_1", size, lambda prompt, count: pool.submit(_alone, gguf, prompt, count).result()),
        Way(
            "playground: llama.cpp (20 alternatives)",
            size,
            lambda prompt, count: pool.submit(_as_in_the_chat, gguf, prompt, count).result(),
        ),
    ]


def _alone(gguf: Path, prompt: Ids, count: int) -> Ids:
    chunks: list[dict[str, Any]] = []
    wish = {"prompt": prompt, "n_predict": count, "stream": True, "temperature": 0, "ignore_eos": True}
    _plain_server(gguf).handle_completions(wish, chunks.append)
    return [0] * chunks[-1]["usage"]["completion_tokens"]  # without probabilities it tells no ids


def _as_in_the_chat(gguf: Path, prompt: Ids, count: int) -> Ids:
    return greedy(_chat_decoder(gguf), 20)(prompt, count)


@cache
def _plain_server(gguf: Path) -> Any:
    import psutil
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.n_ctx = 8192
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = psutil.cpu_count(logical=False) or 1
    params.warmup, params.verbosity = False, -1
    return xllamacpp.Server(params)


@cache
def _chat_decoder(gguf: Path) -> Decoder:
    from playground.chat.llama_cpp_decoder import LlamaCppDecoder

    return LlamaCppDecoder(gguf, 8192)


def _bytes(model: Any) -> int:
    return sum(parameter.nbytes for parameter in model.parameters())


def _generate(model: Any, **options: Any) -> Callable[[Ids, int], Ids]:
    import torch

    def decode(prompt: Ids, count: int) -> Ids:
        ids = torch.tensor([prompt], dtype=torch.int64)
        with torch.no_grad():
            out = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=count,
                min_new_tokens=count,
                **options,
            )
        return out[0, len(prompt) :].tolist()

    return decode
