"""What the VAE thinks of every portrait of a world, computed once: the data of the flow and of the GAN's first parts.

Invariants: a posterior is a mean and a spread; samples of it are drawn anew whenever they are asked for.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from playground.avatars.vae import AvatarVAE
from playground.training.dataset import World
from playground.training.recipes.training_loop import device, pictures


@dataclass(frozen=True)
class Latents:
    """Posteriors of the first portraits of a world: `mean` and `spread`, (N, z) each."""

    mean: Tensor
    spread: Tensor

    def sample(self, rows: Tensor, wider: float = 1.0) -> Tensor:
        """(B, z); each row's scatter is between 1 and `wider` times its posterior's."""
        scale = 1 + (wider - 1) * torch.rand((len(rows), 1), device=rows.device)
        return self.mean[rows] + scale * self.spread[rows] * torch.randn_like(self.mean[rows])


@torch.no_grad()
def latents(vae: AvatarVAE, world: World, rows: np.ndarray, batch: int = 512) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of q(z | x), (N, z) each, of these rows."""
    where = next(vae.parameters()).device
    found = [
        [each.cpu() for each in vae.encode(pictures(world.images(rows[start : start + batch]), where))]
        for start in range(0, len(rows), batch)
    ]
    return torch.cat([mean for mean, _ in found]), torch.cat([(0.5 * log_var).exp() for _, log_var in found])


def latents_of(vae: AvatarVAE, world: World, count: int, cache: Path) -> Latents:
    """The posteriors of the first `count` portraits, computed once."""
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        mean, spread = latents(vae, world, np.arange(min(count, len(world))))
        save_file({"mean": mean.contiguous(), "spread": spread.contiguous()}, cache)
    found = load_file(cache)
    return Latents(found["mean"].to(device()), found["spread"].to(device()))
