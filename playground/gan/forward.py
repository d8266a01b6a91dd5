"""A resident generator at work: seeds to styles, styles to pictures.

Invariants: styles come in as numpy arrays, under `inference_mode`. Many pictures are drawn in batches of
`BATCH`; a picture is the same alone as in a batch, up to rounding, for the generator normalises nothing over a batch.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator, ModulatedConv
from playground.gan.styles import latents

BATCH = 16


def place(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where a network is and in which precision it computes."""
    parameter = next(model.parameters())
    return parameter.device, parameter.dtype


@torch.inference_mode()
def map_seeds(model: AvatarGenerator, seeds: Sequence[int]) -> np.ndarray:
    """w of these seeds for every layer, (B, layers, w) float32, untouched by truncation."""
    device, dtype = place(model)
    z = latents(seeds, model.z_dim)
    w = model.mapping(torch.from_numpy(z).to(device, dtype)).float().cpu().numpy()  # (B, w)
    return np.repeat(w[:, None], model.layers, axis=1)


@torch.inference_mode()
def pictures(model: AvatarGenerator, batch: np.ndarray) -> Tensor:
    """(B, layers, w) to (B, 3, S, S) in -1..1, where the model is: one call of the network."""
    device, dtype = place(model)
    return model.synthesis(torch.from_numpy(batch).to(device, dtype)).float().clamp(-1, 1)


def in_batches(model: AvatarGenerator, all_styles: np.ndarray) -> Iterator[Tensor]:
    """(N, layers, w) to pictures (≤ BATCH, 3, S, S), batch after batch."""
    for start in range(0, len(all_styles), BATCH):
        yield pictures(model, all_styles[start : start + BATCH])


def film(model: AvatarGenerator, styles_in_order: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Styles (layers, w) to pictures (S, S, 3) uint8, one by one, drawn in batches."""
    coming = iter(styles_in_order)
    while batch := list(islice(coming, BATCH)):
        yield from to_uint8(pictures(model, np.stack(batch)))


@torch.inference_mode()
def many_w(model: AvatarGenerator, count: int, chunk: int) -> Iterator[np.ndarray]:
    """w of `count` random z, always the same ones, (chunk, w) at a time."""
    device, dtype = place(model)
    random = np.random.RandomState(0)
    for start in range(0, count, chunk):
        z = torch.from_numpy(random.randn(min(chunk, count - start), model.z_dim))
        yield model.mapping(z.to(device, dtype)).float().cpu().numpy()


def style_weights(model: AvatarGenerator, span: tuple[int, int]) -> list[np.ndarray]:
    """What the layers first to last, both included, make of w: (channels, w) each."""
    convolutions = list(model.synthesis.convolutions)[span[0] : span[1] + 1]
    linear = [layer.style for layer in convolutions if isinstance(layer, ModulatedConv)]
    return [layer.weight.detach().float().cpu().numpy() for layer in linear]


def to_uint8(x: Tensor) -> np.ndarray:
    """(B, 3, S, S) in -1..1 to (B, S, S, 3) uint8."""
    return x.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def mean_style(model: AvatarGenerator) -> np.ndarray:
    """(w,) float32: the mean of w, which truncation draws towards."""
    return model.w_mean.detach().float().cpu().numpy()


@torch.inference_mode()
def discriminator_logits(discriminator: AvatarDiscriminator, shown: np.ndarray) -> np.ndarray:
    """(B, S, S, 3) uint8 to (B,): the discriminator's raw number, the higher the more real."""
    device, dtype = place(discriminator)
    x = torch.from_numpy(shown).permute(0, 3, 1, 2).to(torch.float32).div(127.5).sub(1)
    return discriminator(x.to(device, dtype)).float().cpu().numpy()


def resize(x: Tensor, size: int) -> Tensor:
    """(B, 3, S, S) brought to `size` pixels, for a network that looks at another size."""
    if x.shape[-1] == size:
        return x
    return nn.functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
