"""What a pipeline made of the words, kept for the next step and for the next picture of the same words.

Invariants: kept is what the same call gave for the very same arguments, so pictures are the same as without.

- Of a prompt: what `encode_prompt` gave, which every pipeline has. A text encoder that waits in RAM need not come to
  the GPU for another seed.
- Of what was encoded: the keys and values of the layers that attend to it. The words of a picture are the same in all
  of its steps; to project them in each would be a twentieth of the time of a small model.
"""

import functools
import json
import weakref
from collections import OrderedDict
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch.utils.weak import WeakTensorKeyDictionary

KEPT = 2  # answers: some pipelines ask for the negative prompt by itself


def read_once(pipe: Any) -> None:
    """Let `pipe.encode_prompt` answer from memory what it was asked last. Call it before the pipeline is used."""
    read = type(pipe).encode_prompt
    reader = weakref.proxy(pipe)  # no circle: a pipeline's memory is free as soon as nobody holds it
    kept: OrderedDict[str, Any] = OrderedDict()

    @functools.wraps(read)
    def remembered(*given: Any, **options: Any) -> Any:
        asked = json.dumps([given, options], default=_device)
        if asked not in kept:
            kept[asked] = read(reader, *given, **options)
            while len(kept) > KEPT:
                kept.popitem(last=False)
        kept.move_to_end(asked)
        return kept[asked]

    pipe.encode_prompt = remembered


def attend_once(part: torch.nn.Module) -> None:
    """Let every cross-attention in `part` project a tensor of words (B, tokens, width) once, while that one exists.

    For weights that stay where they are, and without gradients, which would hold on to the words. What is kept is of
    the size of the words, twice for each of the layers.
    """
    for layer in part.modules():
        if isinstance(layer, Attention) and layer.is_cross_attention:
            for projection in (layer.to_k, layer.to_v):
                if projection is not None:  # some take words by projections added to those of the picture
                    _project_once(projection)


def _project_once(projection: torch.nn.Module) -> None:
    project = type(projection).forward
    layer = weakref.proxy(projection)  # no circle here either
    kept = WeakTensorKeyDictionary()

    def remembered(words: torch.Tensor) -> torch.Tensor:
        if (projected := kept.get(words)) is None:
            projected = kept[words] = project(layer, words)
        return projected

    projection.forward = remembered


def _device(value: object) -> str:
    """A device as text. Anything else that is no plain value (a tensor) has no business among the words."""
    if isinstance(value, torch.device):
        return str(value)
    raise TypeError(type(value).__name__)
