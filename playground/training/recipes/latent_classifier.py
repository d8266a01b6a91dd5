"""A reader of latents: which attributes a portrait has, told from its latent alone. It does not ship.

Invariants: it learns in minutes, before the UNet does, and stays as it is while that learns. It reads through
noise, so that what it asks of a latent is what can be seen, and not a pattern that only fools it.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from playground.drawn_world.attributes import HIDDEN
from playground.training.dataset import World
from playground.training.recipes.attribute_losses import seeing_loss
from playground.training.recipes.caption_targets import value_offsets
from playground.training.recipes.training_loop import Run, Schedule, device

WIDTH = 192
NOISE = 0.35  # standard deviations of noise it reads through, at most: about as far as drawings are off
KEPT_BACK = 1024  # latents it is measured on


class LatentReader(nn.Module):
    """Latents (B, C, h, w) of unit variance to scores (B, V) of all values of all attributes."""

    def __init__(self, channels: int, side: int, width: int = WIDTH) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.GELU(), nn.GroupNorm(8, width),
            nn.Conv2d(width, width, 3, padding=1), nn.GELU(), nn.GroupNorm(8, width),
            nn.Conv2d(width, 2 * width, 3, padding=1, stride=2), nn.GELU(), nn.GroupNorm(8, 2 * width),
        )  # fmt: skip
        self.say = nn.Linear(2 * width * (-(-side // 2)) ** 2, value_offsets()[-1])

    def forward(self, latents: Tensor) -> Tensor:
        return torch.as_tensor(self.say(self.look(latents).flatten(1)))


def train(world: World, latents: Tensor, out: Path, schedule: Schedule) -> LatentReader:
    """Train, or go on, and return the averaged reader.

    `latents` (N, C, h, w) are those of the first N portraits of `world`, of about unit variance.
    """
    where = device()
    reader = LatentReader(latents.shape[1], latents.shape[2]).to(where).train()
    optimiser = torch.optim.AdamW(reader.parameters(), schedule.rate, weight_decay=0.05)
    run = Run(out, {"reader": reader}, {"adam": optimiser}, schedule, ("reader",), "reader of latents")
    rng = np.random.default_rng((43, run.seen))
    kept = min(KEPT_BACK, len(latents) // 4)

    def noisy(rows: np.ndarray) -> Tensor:
        given = latents[rows].to(where)
        return given + NOISE * torch.rand(len(given), 1, 1, 1, device=where) * torch.randn_like(given)

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(latents) - kept, size=batch))
        loss = seeing_loss(reader(noisy(rows)), world.labels(rows))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return {"loss": loss.item()}

    averaged = LatentReader(latents.shape[1], latents.shape[2]).to(where).eval()

    @torch.no_grad()
    def measure() -> dict[str, float]:
        averaged.load_state_dict(run.average("reader"))
        rows = np.arange(len(latents) - kept, len(latents))
        labels, said = world.labels(rows), averaged(latents[rows].to(where)).cpu()
        right = []
        for index, (start, end) in enumerate(zip(value_offsets(), value_offsets()[1:], strict=False)):
            seen = labels[:, index] != HIDDEN
            right.append((said[:, start:end].argmax(1).numpy() == labels[:, index])[seen].mean())
        return {"right": float(np.mean(right)), "worst": float(np.min(right))}

    run.train(step, every=measure)
    averaged.load_state_dict(run.average("reader"))
    return averaged.requires_grad_(False)
