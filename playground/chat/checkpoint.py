"""A causal language model and its tokenizer out of a folder in `from_pretrained` layout, or the words why not.

Invariants: safetensors only, no code from the folder, nothing from the network, and every weight the
architecture wants must come from the files (the library would make up missing ones at random and only warn).
Imports torch and transformers; imported lazily.
"""

from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from playground.errors import UserError

_AGAIN = "Delete the folder and get the model again, or choose another model."
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def load_checkpoint(folder: Path, device: str, dtype: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The model on `device` in `dtype` (a name in torch, "float32", "bfloat16"), ready to run, and its tokenizer.

    Concurrent constructions corrupt each other in transformers: the caller lets in one at a time.
    Raises `UserError` for a folder without safetensors, a damaged, incomplete or foreign one.
    """
    if not any(folder.glob("*.safetensors")):
        raise UserError(_no_weights(folder))
    return _load_model(folder, dtype).to(device), _load_tokenizer(folder)


def _no_weights(folder: Path) -> str:
    if any(True for pattern in _PICKLES for _ in folder.glob(pattern)):
        return (
            f"The model in {folder} has its weights only as pickle files, which can run any program when they are "
            "opened and are never loaded here. Choose a model that comes as safetensors, or convert this one."
        )
    return f"There are no weights (*.safetensors) in {folder}. {_AGAIN}"


def _load_model(folder: Path, dtype: str) -> PreTrainedModel:
    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,  # named, or the library asks on the terminal and waits
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # to be told of all in `info`
        )
    except SafetensorError as error:
        raise UserError(f"A weight file in {folder} is damaged or cut short ({error}). {_AGAIN}") from error
    except FileNotFoundError as error:
        raise UserError(f"A file of the model in {folder} is missing ({error}). {_AGAIN}") from error
    except (OSError, ValueError, StrictDataclassError) as error:
        raise UserError(
            f"{folder} is not a language model this app can load: {_first_line(error)} {_AGAIN}"
        ) from error
    if info["mismatched_keys"]:
        name, found, wanted = sorted(info["mismatched_keys"])[0]
        raise UserError(
            f"The weights in {folder} do not fit its config.json: {name} is {tuple(found)} and should be "
            f"{tuple(wanted)}. {_AGAIN}"
        )
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise UserError(
            f"The weights in {folder} are not complete: {missing[0]} and {len(missing) - 1} more are missing. {_AGAIN}"
            if len(missing) > 1
            else f"The weights in {folder} are not complete: {missing[0]} is missing. {_AGAIN}"
        )
    model.requires_grad_(False)
    return model


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"The tokenizer in {folder} cannot be read: {_first_line(error)} {_AGAIN}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UserError(
            f"The tokenizer in {folder} is of an old kind without tokenizer.json, which cannot be streamed. "
            "Choose another model."
        )
    return tokenizer


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:") + "."
