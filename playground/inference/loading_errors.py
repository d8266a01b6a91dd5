"""What goes wrong in `from_pretrained`, as sentences for the user.

Invariants: weights that the files lack are an error here. The libraries fill them with random numbers and say so only
in their log.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from playground.errors import UserError
from playground.runtime.devices import is_out_of_memory

CHOOSE_ANOTHER = "Download it again, or choose another model."
# What the libraries raise on files of something else, cut short or with a config that no class understands: their
# constructors are given whatever config.json holds, so that these are not defects of the app.
_FOREIGN_FILES = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    AssertionError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
)


@contextmanager
def explained(label: str, kind: str, advice: str = CHOOSE_ANOTHER) -> Iterator[None]:
    """Errors of `from_pretrained` inside the block become a `UserError`.

    Running out of memory stays what it is: the model cache makes room and tries again.

    Args:
        label: the model's name.
        kind: what its files should be, with an article ("a CLIP").
        advice: what the user can do, one sentence.

    Raises:
        UserError: the files are not of `kind`; tells the library's error by its type and first words.
    """
    try:
        yield
    except _FOREIGN_FILES as error:
        if is_out_of_memory(error):
            raise
        words = " ".join(str(error).split())[:200]
        raise UserError(
            f"The files of {label} are not those of {kind} ({type(error).__name__}: {words}). {advice}"
        ) from error


def refuse_incomplete(label: str, report: Mapping[str, Any]) -> None:
    """Raise `UserError` if a model was not filled from its files alone.

    Args:
        label: the model's name.
        report: what `from_pretrained(..., output_loading_info=True)` gives beside the model.

    Raises:
        UserError: weights are missing or of another size; names the first.
    """
    if lacking := [*report["missing_keys"], *report["mismatched_keys"]]:
        raise UserError(
            f"{len(lacking)} of the weights of {label} are missing or of another size ({str(lacking[0])[:80]}). "
            + CHOOSE_ANOTHER
        )
