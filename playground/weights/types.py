"""What a model's files are once they lie on this disk, and how near they are before that."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Weights:
    """The files of one model on this disk.

    `path` is a folder in `from_pretrained` layout (safetensors) or one `.gguf` file; `source` says
    in words where they came from.
    """

    path: Path
    format: Literal["folder", "gguf"]
    source: str


class State(StrEnum):
    """How near a model is; shown in the model menu."""

    EMBEDDED = "embedded"  # comes with the app
    CACHED = "cached"  # on this disk already
    TO_DOWNLOAD = "to download"
    GATED = "gated"  # needs an accepted licence and a token
    REMOTE = "remote"  # runs on another server
