"""A folder as `save_pretrained` leaves it, opened by the classes the catalogue's family promises, or words why not.

Invariants: torch and transformers live here and are imported when the first model of the tab is wanted. Nothing
is filled in: a weight that the files lack is said, for `from_pretrained` would make it up and say so only in its log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoProcessor

from playground.errors import UserError
from playground.families import LoadRequest
from playground.inference.loading_errors import CHOOSE_ANOTHER, explained, refuse_incomplete


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model and what prepares pictures and words for it, as they were saved together."""

    model: Any
    processor: Any

    @property
    def nbytes(self) -> int:
        """Bytes of weights."""
        return int(self.model.get_memory_footprint())

    def move(self, device: str) -> None:
        self.model.to(device)


def _processor(folder: Path) -> Any:
    return AutoProcessor.from_pretrained(folder, local_files_only=True, backend="pil")


def open_checkpoint(
    request: LoadRequest, classes: dict[str, Any], prepare: Callable[[Path], Any] = _processor
) -> Checkpoint:
    """The model of a folder on its device, ready to answer, with what prepares pictures and words for it.

    Args:
        request: the model, its folder, device and dtype.
        classes: transformers' class for each `model_type` of the family.
        prepare: makes the processor from the folder. Default: the one that needs no torchvision.

    Raises:
        UserError: the files are not of such a model, or not complete.
    """
    folder, entry = request.path, request.entry
    with explained(entry.label, f"its family, {entry.family}"):
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
            dtype=getattr(torch, request.dtype),
            output_loading_info=True,
        )
        processor = prepare(folder)
    refuse_incomplete(entry.label, report)
    if not hasattr(processor, "image_processor"):  # without its file a tokenizer comes back in the processor's place
        raise UserError(
            f"{entry.label} lacks its preparation of pictures (preprocessor_config.json). {CHOOSE_ANOTHER}"
        )
    rows = model.config.text_config.vocab_size
    if len(processor.tokenizer) <= rows // 2:  # without its files a tokenizer is made all the same, empty
        raise UserError(
            f"{entry.label} has {rows} embeddings for words and a tokenizer of {len(processor.tokenizer)}. "
            + CHOOSE_ANOTHER
        )
    return Checkpoint(model.eval().requires_grad_(False).to(request.device), processor)
