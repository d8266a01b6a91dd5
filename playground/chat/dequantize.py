"""A GGUF file made into a folder that `from_pretrained` reads, once, so that torch can look into the model.

Invariants: the folder is either whole or not there. It is filled beside its place and moved there
at the end, under a lock that other processes respect. Imports torch and transformers; imported lazily.
"""

import hashlib
import json
import mmap
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gguf as gguf_format
import torch
from filelock import FileLock, Timeout
from huggingface_hub import save_torch_state_dict
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from playground.errors import UserError
from playground.runtime.devices import format_bytes
from playground.runtime.task import Phase, Task

_SOURCE = "dequantised_from.json"
_MARGIN = 64 * 2**20  # bytes of disk for the tokenizer and what else happens meanwhile
# By the name llama.cpp knows it under: which splits the vocabulary was trained with, before byte-level BPE.
# transformers takes GPT-2's for all; these also split every digit off, which changes tabs and blanks before one.
_SPLIT_DIGITS = ("smollm",)


def dequantize(gguf: Path, folder: Path, task: Task) -> Path:
    """Make `folder` (config, generation config, tokenizer, fp32 safetensors) from the file, and return it.

    At once if it was made of this very file before. Takes half a minute for a model of 135 M parameters on
    2 cores, and about twice the fp32 size in RAM; can be stopped between its steps. Raises `UserError` for
    a file that is not GGUF, of an architecture transformers cannot read, damaged, and for a full disk.
    """
    source = _fingerprint(gguf)
    if _is_made_of(folder, source):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder, task):
        if _is_made_of(folder, source):  # another process made it meanwhile
            return folder
        task.report(Phase("preparing", folder.name))
        _check_room(folder.parent, gguf.stat().st_size)  # before any work; the exact size is known after it
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # left by a process that was ended
        partial.mkdir()
        try:
            _fill(partial, gguf, task)
            (partial / _SOURCE).write_text(json.dumps({"file": gguf.name, "fingerprint": source}), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)  # made of another file
            os.replace(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def _fingerprint(gguf: Path) -> str:
    """Of size, beginning (metadata) and end (weights): two files of one shape differ there, and it takes no time."""
    block = 2**20
    try:
        with gguf.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            first = file.read(block)
            file.seek(max(0, size - block))
            return hashlib.sha256(str(size).encode() + first + file.read()).hexdigest()
    except OSError as error:
        raise _unreadable(gguf, error) from error


def _is_made_of(folder: Path, source: str) -> bool:
    note = folder / _SOURCE
    return note.is_file() and json.loads(note.read_text(encoding="utf-8"))["fingerprint"] == source


@contextmanager
def _alone(folder: Path, task: Task) -> Iterator[None]:
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    while True:
        task.check()
        try:
            lock.acquire(timeout=0.2)
            break
        except Timeout:
            task.report(Phase("waiting", folder.name))
    try:
        yield
    finally:
        lock.release()


def _splitting_rules(gguf: Path) -> str:
    """The `tokenizer.ggml.pre` of the file, "" without one. Found by its bytes: parsing takes seconds."""
    name = b"tokenizer.ggml.pre"
    field = struct.pack("<Q", len(name)) + name + struct.pack("<I", gguf_format.GGUFValueType.STRING)
    with gguf.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(field)
        if at < 0:
            return ""
        start = at + len(field)
        (length,) = struct.unpack_from("<Q", data, start)
        return data[start + 8 : start + 8 + length].decode("utf-8", errors="replace")


def _check_room(place: Path, needed: int) -> None:
    free = shutil.disk_usage(place).free
    if free < needed + _MARGIN:
        raise UserError(
            f"Preparing this model takes {format_bytes(needed + _MARGIN)} in {place} and {format_bytes(free)} are "
            "free. Make room, or choose a cache folder on another disk."
        )


def _fill(folder: Path, gguf: Path, task: Task) -> None:
    try:
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
        task.check()
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
        )
    except (OSError, ValueError, KeyError, IndexError, NotImplementedError) as error:
        raise _unreadable(gguf, error) from error
    task.check()
    _check_room(folder, sum(weight.nbytes for weight in model.parameters()))
    tokenizer.model_max_length = model.config.max_position_embeddings
    tokenizer.save_pretrained(folder)
    if _splitting_rules(gguf) in _SPLIT_DIGITS:
        _split_digits(folder / "tokenizer.json")
    _save_model(model, folder)
    task.check()


def _save_model(model: PreTrainedModel, folder: Path) -> None:
    """`save_pretrained` refuses a model that was read from GGUF, though its weights are plain now."""
    config = model.config
    del config.quantization_config
    config.architectures = [type(model).__name__]
    config.save_pretrained(folder)
    if model.generation_config is not None:
        model.generation_config.save_pretrained(folder)
    tied = list(model._tied_weights_keys or ()) if config.tie_word_embeddings else []
    save_torch_state_dict(model.state_dict(), folder, shared_tensors_to_discard=tied)


def _split_digits(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    digits = {"type": "Digits", "individual_digits": True}
    data["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [digits, data["pre_tokenizer"]]}
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def _unreadable(gguf: Path, error: Exception) -> UserError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return UserError(
        f"torch cannot read {gguf.name}: {reason}. If the file is damaged, delete it and get it again; a kind that "
        "transformers does not know can still be used for chatting, without attention and logit lens."
    )
