"""Forward passes of VAE, judge and flow: numpy arrays in and out.

Invariants: the only module of this package that imports torch, so import it inside a function. Pictures are
(B, S, S, 3) uint8, latents (B, z_dim) float32; nothing keeps a gradient.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from playground.avatars.flow import AvatarFlow
from playground.avatars.judge import AvatarJudge
from playground.avatars.vae import AvatarVAE, kl

BATCH = 16  # pictures at once: more gains nothing on a CPU, and a live picture waits the less


def decode(vae: AvatarVAE, latents: np.ndarray) -> np.ndarray:
    """Decode latents.

    Args:
        vae: the network.
        latents: (B, z_dim).

    Returns:
        (B, S, S, 3) uint8.
    """
    with torch.inference_mode():
        x = vae.decode(torch.from_numpy(latents))  # (B, 3, S, S), about -1..1
        return x.add_(1).mul_(127.5).round_().clamp_(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def decode_batches(vae: AvatarVAE, latents: np.ndarray) -> Iterator[np.ndarray]:
    """Decode latents in chunks.

    Args:
        vae: the network.
        latents: (N, z_dim).

    Yields:
        (at most `BATCH`, S, S, 3) uint8.
    """
    for start in range(0, len(latents), BATCH):
        yield decode(vae, latents[start : start + BATCH])


def encode(vae: AvatarVAE, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encode pictures.

    Args:
        vae: the network.
        pictures: (B, S, S, 3) uint8.

    Returns:
        The means of q(z | x), and KL(q(z | x) || N(0, I)) in nats; (B, z_dim) each.
    """
    with torch.inference_mode():
        mean, log_variance = vae.encode(to_tensor(pictures))
        return mean.numpy(), kl(mean, log_variance).numpy()


def classify(judge: AvatarJudge, pictures: np.ndarray) -> list[np.ndarray]:
    """Probabilities of every attribute's values.

    Args:
        judge: the network.
        pictures: (B, S, S, 3) uint8.

    Returns:
        (B, K + 1) per attribute; the last column is that the attribute is not visible.
    """
    with torch.inference_mode():
        return [logits.softmax(dim=1).numpy() for logits in judge(to_tensor(pictures))]


def sample(width: int, seed: int, temperature: float, flow: AvatarFlow | None = None) -> np.ndarray:
    """A latent from the prior.

    Args:
        width: z_dim.
        seed: of a CPU generator.
        temperature: factor of the noise.
        flow: turns noise into a latent; None for the normal prior.

    Returns:
        (z_dim,).
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    noise = temperature * torch.randn(1, width, generator=generator, dtype=torch.float32)
    with torch.inference_mode():
        return (noise if flow is None else flow.inverse(noise))[0].numpy()


def log_prob(flow: AvatarFlow, latents: np.ndarray) -> np.ndarray:
    """Log-likelihood of latents.

    Args:
        flow: the prior.
        latents: (B, z_dim).

    Returns:
        (B,), log p(z) in nats.
    """
    with torch.inference_mode():
        return flow.log_prob(torch.from_numpy(latents)).numpy()


def scale_noise(flow: AvatarFlow, latent: np.ndarray, factor: float) -> np.ndarray:
    """Scale a latent in the flow's noise space.

    Args:
        flow: the prior.
        latent: (z_dim,).
        factor: of its noise; below 1 the latent becomes more typical.

    Returns:
        (z_dim,).
    """
    with torch.inference_mode():
        noise, _ = flow(torch.from_numpy(latent)[None])
        return flow.inverse(factor * noise)[0].numpy()


def to_tensor(pictures: np.ndarray) -> Tensor:
    """Pictures as a network takes them.

    Args:
        pictures: (B, S, S, 3) uint8.

    Returns:
        (B, 3, S, S) float32 in -1..1, channels last in memory.
    """
    # An array already lies channels last: permuting keeps it so.
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)
