"""What makes a loaded pipeline faster than as diffusers gives it: the one place where its methods are replaced.

Always:
- `encode_prompt` remembers its last answers, so that a text encoder that waits in RAM need not come to the GPU for
  another seed.
- Layers that attend to words project them once, not in every step: a twentieth of the time of a small model.
- `_execution_device` is known, where diffusers looks through all modules for it, 2 ms in every picture.

For whoever asks when the app starts (`settings.WAYS`): convolutions in the channels-last layout, and compiled blocks.

Invariants: replaced methods belong to one pipeline and its parts, never to a class of diffusers. What is remembered is
what the same call gave for the very same arguments, so pictures are the same as without. The optional ones change only
in which order numbers are computed, so a picture differs by rounding alone, and are for weights that stay where they
are. What they gain depends on the machine: `python -m playground.bench ways` tells.
"""

import functools
import json
import logging
import sys
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch.utils.weak import WeakTensorKeyDictionary

from playground.errors import UserError
from playground.runtime.task import Phase, Task
from playground.settings import CHANNELS_LAST, COMPILED
from playground.text_to_image.types import ImageRequest

log = logging.getLogger(__name__)
CACHED_PROMPTS = 2  # some pipelines encode the negative prompt by itself


def cache_prompt_embeddings(pipe: Any) -> None:
    """Let `pipe.encode_prompt` answer from memory what it was asked last.

    Args:
        pipe: A pipeline that has not been used yet.
    """
    encode = type(pipe).encode_prompt
    reference = weakref.proxy(pipe)  # no circle: a pipeline's memory is free as soon as nobody holds it
    cache: OrderedDict[str, Any] = OrderedDict()

    @functools.wraps(encode)
    def encode_prompt(*args: Any, **options: Any) -> Any:
        key = json.dumps([args, options], default=_device_name)
        if key not in cache:
            cache[key] = encode(reference, *args, **options)
            while len(cache) > CACHED_PROMPTS:
                cache.popitem(last=False)
        cache.move_to_end(key)
        return cache[key]

    pipe.encode_prompt = encode_prompt


def cache_cross_attention(part: torch.nn.Module) -> None:
    """Let every cross-attention project encoded words (B, tokens, width) once, as long as that tensor exists.

    For inference alone: gradients would hold on to the words. What is kept is of the size of the words, twice for each
    of the layers.

    Args:
        part: A denoiser whose weights stay where they are.
    """
    for layer in part.modules():
        if isinstance(layer, Attention) and layer.is_cross_attention:
            for projection in (layer.to_k, layer.to_v):
                if projection is not None:  # some take words by projections added to those of the picture
                    _cache_projection(projection)


def fix_execution_device(pipe: Any) -> None:
    """Let a pipeline that is in one place take the device of its autoencoder for its own.

    Args:
        pipe: A pipeline without offloading.
    """
    kind = type(pipe)
    device = property(lambda whole: next(whole.vae.parameters()).device)
    pipe.__class__ = type(kind.__name__, (kind,), {"_execution_device": device})


def optimize(parts: list[torch.nn.Module], ways: tuple[str, ...]) -> None:
    """Apply the optional optimizations, and cached cross-attention where nothing is compiled.

    Args:
        parts: The networks of a pipeline, whose weights stay where they are.
        ways: Of `settings.WAYS`.
    """
    if CHANNELS_LAST in ways:
        for part in parts:
            if any(isinstance(layer, torch.nn.Conv2d) for layer in part.modules()):
                part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for part in parts:
        if COMPILED in ways and (blocks := repeated_blocks(part)):
            for block in blocks:
                # Not `compile_repeated_blocks`: that would also compile the hooks in which Stop looks in before a
                # block. And not `fullgraph`, which fails where there are more kinds of blocks than a compiler keeps.
                block.forward = torch.compile(block.forward)
        else:
            cache_cross_attention(part)  # which a compiler would have to look through


def repeated_blocks(part: torch.nn.Module) -> list[torch.nn.Module]:
    """The blocks that diffusers says are worth compiling (regional compilation); of some models (Sana) none.

    Args:
        part: A network of a pipeline.
    """
    names = getattr(part, "_repeated_blocks", None) or ()
    return [block for block in part.modules() if type(block).__name__ in names]


class CompilationState:
    """Which sizes of pictures a pipeline's blocks have been compiled for.

    Args:
        parts: The networks that are compiled; none if nothing is.
    """

    def __init__(self, parts: list[torch.nn.Module]) -> None:
        self._compiles = any(map(repeated_blocks, parts))
        self._known = set[tuple[int, int, int]]()

    def announce(self, request: ImageRequest, task: Task, label: str) -> None:
        """Report that the first picture of a size takes long.

        Args:
            request: A validated request.
            task: Is told the phase.
            label: The model's name.
        """
        size = (request.width, request.height, request.count)
        if self._compiles and size not in self._known:
            self._known.add(size)
            task.report(Phase("warming up", label))


@contextmanager
def compilation_errors_explained() -> Iterator[None]:
    """Errors of torch's compiler inside the block become a `UserError`.

    Raises:
        UserError: A block could not be compiled.
    """
    try:
        yield
    except Exception as error:
        dynamo = sys.modules.get("torch._dynamo.exc")  # imported by whoever compiles
        if dynamo is None or not isinstance(error, dynamo.TorchDynamoException):
            raise
        log.exception("Compiling a model failed")
        raise UserError(
            f"This model could not be compiled here ({type(error).__name__}; the terminal the app runs in says why). "
            f"Start the app without --faster {COMPILED}: it needs a C++ compiler, and Triton on a GPU."
        ) from error


def _cache_projection(projection: torch.nn.Module) -> None:
    project = type(projection).forward
    layer = weakref.proxy(projection)  # no circle here either
    cache = WeakTensorKeyDictionary()

    def forward(words: torch.Tensor) -> torch.Tensor:
        if (projected := cache.get(words)) is None:
            projected = cache[words] = project(layer, words)
        return projected

    projection.forward = forward


def _device_name(value: object) -> str:
    """A device as text. Anything else that is no plain value (a tensor) has no business among the words."""
    if isinstance(value, torch.device):
        return str(value)
    raise TypeError(type(value).__name__)
