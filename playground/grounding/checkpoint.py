"""A folder as `save_pretrained` leaves it, opened by the classes the catalogue's family promises, or words why not.

Invariants: torch and transformers live here and are imported when the first model of the tab is wanted. Nothing
is filled in: a weight that the files lack is said, for `from_pretrained` would make it up and say so only in its log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoProcessor

from playground.catalog import Entry
from playground.errors import UserError
from playground.runtime.devices import is_out_of_memory, weights_bytes

_CHOOSE = "Download it again, or choose another model."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model and what prepares pictures and words for it, as they were saved together."""

    model: Any
    processor: Any

    @property
    def nbytes(self) -> int:
        return weights_bytes(self.model)

    def move(self, device: str) -> None:
        self.model.to(device)


def _processor(folder: Path) -> Any:
    return AutoProcessor.from_pretrained(folder, local_files_only=True, backend="pil")


def open_checkpoint(
    folder: Path,
    entry: Entry,
    classes: dict[str, Any],
    device: str,
    dtype: str = "float32",
    prepare: Callable[[Path], Any] = _processor,
) -> Checkpoint:
    """The model of `folder` on `device`, by the class that `classes` names for its `model_type`, ready to answer.

    The processor, which `prepare` makes from the folder, is the one that needs no torchvision. Raises `UserError` for
    files that are not of such a model.
    """
    try:
        kind = classes.get(AutoConfig.from_pretrained(folder, local_files_only=True).model_type)
        if kind is None:
            raise UserError(
                f"{entry.label} is no model of the family {entry.family}. Mend `family` of its catalogue entry, or "
                "choose another model."
            )
        model, report = kind.from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            dtype=getattr(torch, dtype),
            output_loading_info=True,
        )
        processor = prepare(folder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        raise UserError(
            f"The files of {entry.label} are not those of its family, {entry.family} ({type(error).__name__}). "
            + _CHOOSE
        ) from error
    if lacking := [*report["missing_keys"], *report["mismatched_keys"]]:
        raise UserError(
            f"{len(lacking)} of the weights of {entry.label} are missing or of another size ({str(lacking[0])[:80]}). "
            + _CHOOSE
        )
    if not hasattr(processor, "image_processor"):  # without its file a tokenizer comes back in the processor's place
        raise UserError(f"{entry.label} lacks its preparation of pictures (preprocessor_config.json). {_CHOOSE}")
    rows = model.config.text_config.vocab_size
    if len(processor.tokenizer) <= rows // 2:  # without its files a tokenizer is made all the same, empty
        raise UserError(
            f"{entry.label} has {rows} embeddings for words and a tokenizer of {len(processor.tokenizer)}. {_CHOOSE}"
        )
    return Checkpoint(model.eval().requires_grad_(False).to(device), processor)
