"""The families of chat models: causal language models in transformers' layout or as GGUF, and servers."""

from pathlib import Path

from playground.catalog_entry import Entry
from playground.chat.options import ChatOptions
from playground.chat.types import TORCH
from playground.families import Extension, Family, lazy, listed_bytes
from playground.families.family import DeviceKind
from playground.runtime.task import Task


def _memory(entry: Entry, role: str, vram: int | None) -> int:
    """A GGUF's copy in float32 takes about eight times its file."""
    nbytes = listed_bytes(entry, role, vram)
    return max(nbytes, 8 * entry.download_bytes) if role == TORCH and entry.memory_bytes else nbytes


def _device(entry: Entry, role: str) -> DeviceKind:
    """llama.cpp's wheel computes on the CPU, whatever else the machine has."""
    return "cpu" if role != TORCH and entry.is_gguf else "best"


def _convert(entry: Entry, path: Path, role: str, cache: Path, task: Task) -> Path:
    """A GGUF file as a folder in `from_pretrained` layout, once in its life, for the role that looks inside."""
    if role != TORCH or path.suffix != ".gguf":
        return path
    from playground.chat.loading import dequantized

    return dequantized(entry, path, cache, task)


EXTENSION = Extension(
    families=(
        Family(
            name="causal-lm",
            tab="chat",
            load=lazy("playground.chat.loading:load"),
            options=ChatOptions,
            memory=_memory,
            device=_device,
            convert=_convert,
        ),
        Family(name="openai-chat", tab="chat", options=ChatOptions),
    )
)
