"""Forward passes of generator and discriminator: seeds to styles, styles to pictures, pictures to logits.

Invariants: styles come in as numpy arrays, under `inference_mode`. Large batches run in chunks of `BATCH`; a picture
is the same alone as in a batch, up to rounding, for the generator normalises nothing over a batch.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator, ModulatedConv
from playground.gan.styles import seed_latents

BATCH = 16


def device_and_dtype(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where a network's parameters are, and in which precision.

    Args:
        model: any network with parameters.

    Returns:
        Device and dtype of its first parameter.
    """
    parameter = next(model.parameters())
    return parameter.device, parameter.dtype


@torch.inference_mode()
def map_seeds(model: AvatarGenerator, seeds: Sequence[int]) -> np.ndarray:
    """Styles of seeds, untruncated.

    Args:
        model: the generator.
        seeds: 0 to 2^32 - 1 each.

    Returns:
        (B, layers, w_dim) float32; every layer of a row is the same w.
    """
    device, dtype = device_and_dtype(model)
    z = torch.from_numpy(seed_latents(seeds, model.z_dim)).to(device, dtype)  # (B, z_dim)
    w = model.mapping(z).float().cpu().numpy()  # (B, w_dim)
    return np.repeat(w[:, None], model.layers, axis=1)


@torch.inference_mode()
def synthesize(model: AvatarGenerator, styles: np.ndarray) -> Tensor:
    """One forward pass of the synthesis network.

    Args:
        model: the generator.
        styles: (B, layers, w_dim).

    Returns:
        (B, 3, S, S) float32 in -1..1, on the model's device.
    """
    device, dtype = device_and_dtype(model)
    return model.synthesis(torch.from_numpy(styles).to(device, dtype)).float().clamp(-1, 1)


def synthesize_batches(model: AvatarGenerator, styles: np.ndarray) -> Iterator[Tensor]:
    """Forward passes in chunks.

    Args:
        model: the generator.
        styles: (N, layers, w_dim).

    Yields:
        (at most `BATCH`, 3, S, S) in -1..1.
    """
    for start in range(0, len(styles), BATCH):
        yield synthesize(model, styles[start : start + BATCH])


def synthesize_frames(model: AvatarGenerator, styles: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Pictures of a stream of styles, computed in chunks while they are taken.

    Args:
        model: the generator.
        styles: (layers, w_dim) each.

    Yields:
        (S, S, 3) uint8, one per style.
    """
    remaining = iter(styles)
    while batch := list(islice(remaining, BATCH)):
        yield from to_uint8(synthesize(model, np.stack(batch)))


@torch.inference_mode()
def sample_w(model: AvatarGenerator, count: int, chunk: int) -> Iterator[np.ndarray]:
    """w of random z, always the same ones.

    Args:
        model: the generator.
        count: how many in all.
        chunk: how many at a time.

    Yields:
        (at most `chunk`, w_dim) float32.
    """
    device, dtype = device_and_dtype(model)
    random = np.random.RandomState(0)
    for start in range(0, count, chunk):
        z = torch.from_numpy(random.randn(min(chunk, count - start), model.z_dim))
        yield model.mapping(z.to(device, dtype)).float().cpu().numpy()


def style_weights(model: AvatarGenerator, layers: tuple[int, int]) -> list[np.ndarray]:
    """Weights of the affine maps from w to a layer's style.

    Args:
        model: the generator.
        layers: first and last layer, both included.

    Returns:
        (channels, w_dim) float32 per layer.
    """
    convolutions = list(model.synthesis.convolutions)[layers[0] : layers[1] + 1]
    affine = [layer.style for layer in convolutions if isinstance(layer, ModulatedConv)]
    return [layer.weight.detach().float().cpu().numpy() for layer in affine]


def mean_w(model: AvatarGenerator) -> np.ndarray:
    """The mean of w, which truncation moves towards.

    Args:
        model: the generator.

    Returns:
        (w_dim,) float32.
    """
    return model.w_mean.detach().float().cpu().numpy()


@torch.inference_mode()
def discriminator_logits(discriminator: AvatarDiscriminator, pictures: np.ndarray) -> np.ndarray:
    """The discriminator's logits.

    Args:
        discriminator: the network.
        pictures: (B, S, S, 3) uint8.

    Returns:
        (B,) float32; higher is more real.
    """
    device, dtype = device_and_dtype(discriminator)
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(torch.float32).div(127.5).sub(1)
    return discriminator(x.to(device, dtype)).float().cpu().numpy()


def to_uint8(x: Tensor) -> np.ndarray:
    """Pictures as bytes.

    Args:
        x: (B, 3, S, S) in -1..1.

    Returns:
        (B, S, S, 3) uint8.
    """
    return x.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def resize(x: Tensor, size: int) -> Tensor:
    """Pictures at another size, for a network that takes that size.

    Args:
        x: (B, 3, S, S).
        size: pixels of a side.

    Returns:
        (B, 3, size, size); `x` itself where it has that size.
    """
    if x.shape[-1] == size:
        return x
    return nn.functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
