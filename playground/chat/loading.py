"""Builds a chat model: with llama.cpp from a GGUF file, with transformers from a folder."""

from pathlib import Path

from playground.catalog_entry import Entry
from playground.chat.local import LocalChat
from playground.errors import UserError
from playground.families import LoadRequest
from playground.runtime.load_lock import load_lock
from playground.runtime.records import LoadedModel
from playground.runtime.task import Phase, Task


def load(request: LoadRequest) -> LoadedModel:
    """A chat model from its GGUF file or its folder.

    Args:
        request: the model, its files, device and dtype.

    Raises:
        UserError: the files are not of such a model, or llama.cpp is not installed.
    """
    if request.format == "gguf":
        return _llama_cpp(request)
    from playground.chat.torch_decoder import TorchDecoder

    decoder = TorchDecoder.from_folder(
        request.path, request.device, request.dtype, request.entry.context, request.task
    )
    return LoadedModel(LocalChat(decoder), nbytes=decoder.nbytes, move=decoder.move)


def dequantized(entry: Entry, gguf: Path, cache: Path, task: Task) -> Path:
    """The folder that transformers reads, made from a GGUF file unless it is there already.

    Args:
        entry: the model.
        gguf: its file.
        cache: the app's folder for what is kept between runs.
        task: stops the work and is told its phase.
    """
    from playground.chat.dequantize import dequantize

    task.report(Phase("preparing", entry.label))
    with load_lock(task):  # it constructs the model to do so
        return dequantize(gguf, cache / "dequantised" / entry.id, task)


def _llama_cpp(request: LoadRequest) -> LoadedModel:
    try:
        from playground.chat.llama_cpp_decoder import LlamaCppDecoder
    except ImportError as error:
        raise UserError(
            f"{request.entry.label} is a GGUF file and needs llama.cpp, which is not installed here. "
            "Install it with: pip install xllamacpp."
        ) from error

    decoder = LlamaCppDecoder(request.path, request.entry.context)
    return LoadedModel(LocalChat(decoder), nbytes=request.entry.memory_bytes, close=decoder.close)
