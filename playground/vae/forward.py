"""Arrays in, arrays out: the few things the VAE's verbs ask of its networks.

Invariants: the only module of this package that imports torch, so whoever wants a quick start imports it inside a
function. Pictures are (B, S, S, 3) uint8, latents (B, z) float32; nothing keeps a gradient.
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
    """(B, z) to (B, S, S, 3) uint8."""
    with torch.inference_mode():
        drawn = vae.decode(torch.from_numpy(latents))
        return drawn.add_(1).mul_(127.5).round_().clamp_(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def decoded(vae: AvatarVAE, latents: np.ndarray) -> Iterator[np.ndarray]:
    """(N, z) to (n, S, S, 3) uint8 again and again, a few pictures at a time."""
    for start in range(0, len(latents), BATCH):
        yield decode(vae, latents[start : start + BATCH])


def encode(vae: AvatarVAE, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B, S, S, 3) uint8 to the means of q(z | x) and KL(q(z | x) || N(0, I)), (B, z) each."""
    with torch.inference_mode():
        mean, log_variance = vae.encode(to_tensor(pictures))
        return mean.numpy(), kl(mean, log_variance).numpy()


def judged(judge: AvatarJudge, pictures: np.ndarray) -> list[np.ndarray]:
    """The probabilities of every attribute's values, (B, K + 1) each; the last is that it is not to be seen."""
    with torch.inference_mode():
        return [logits.softmax(dim=1).numpy() for logits in judge(to_tensor(pictures))]


def sampled(width: int, seed: int, temperature: float, flow: AvatarFlow | None = None) -> np.ndarray:
    """(z,): noise of that seed, times the temperature, through the flow if there is one."""
    noise = temperature * torch.randn(
        1, width, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float32
    )
    with torch.inference_mode():
        return (noise if flow is None else flow.inverse(noise))[0].numpy()


def log_prob(flow: AvatarFlow, latents: np.ndarray) -> np.ndarray:
    """log p(z) in nats, (B,)."""
    with torch.inference_mode():
        return flow.log_prob(torch.from_numpy(latents)).numpy()


def shrunk(flow: AvatarFlow, latent: np.ndarray, factor: float) -> np.ndarray:
    """(z,): the latent whose noise is `factor` times that of `latent`."""
    with torch.inference_mode():
        noise, _ = flow(torch.from_numpy(latent)[None])
        return flow.inverse(factor * noise)[0].numpy()


def to_tensor(pictures: np.ndarray) -> Tensor:
    """(B, S, S, 3) uint8 to (B, 3, S, S) float32 in -1..1, channels last in memory."""
    # An array already lies channels last: permuting keeps it so.
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)
