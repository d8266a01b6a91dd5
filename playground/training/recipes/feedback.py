"""What the UNet draws itself, read again: its own pictures are what visitors see, and no portrait stands beside them.

Rule of the room: it draws as a visitor would, and in every late step what it predicts is read: it must have what was
asked for. What nobody asked for is not judged. (Held to be one value or another, whatever it was nearest to, pictures
became alike: beards and sunglasses on plain grounds.) After Xu et al. (2023), arXiv:2304.05977, with a reader in the
place of their reward.
"""

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from playground.training.recipes.loop import reduced
from playground.training.recipes.naming import obeying_loss

STEPS = 8  # fewer than a visitor's: each costs as much as a portrait
LATE = 3  # the first step that is read; before, nobody is to be seen yet
READ_NOISE = 0.3  # standard deviations it is read through, at most


def feedback(
    unet: UNet2DConditionModel, scheduler: DDIMScheduler, reader: nn.Module, seen: Tensor, allowed: np.ndarray,
    weight: float,
) -> float:  # fmt: skip
    """Draw once, and add the gradient of `weight` times what the reader misses; returns that, unweighted.

    `seen` (B, tokens, width) are the states of captions, and `allowed` (B, V) what those allow. Without guidance: what
    the words ask for is learnt here.
    """
    where, config = seen.device, unet.config
    shape = (len(seen), config.in_channels, config.sample_size, config.sample_size)
    x = torch.randn(shape, device=where).contiguous(memory_format=torch.channels_last)
    scheduler.set_timesteps(STEPS)
    missed = []
    for number, time in enumerate(scheduler.timesteps.to(where)):
        late = number >= LATE
        with reduced(where), torch.set_grad_enabled(late):
            v = unet(x, time, seen).sample.float()
        if late:
            signal = scheduler.alphas_cumprod[int(time)]
            clean = signal.sqrt() * x - (1 - signal).sqrt() * v
            through = READ_NOISE * torch.rand(len(x), 1, 1, 1, device=where) * torch.randn_like(clean)
            loss = obeying_loss(reader(clean + through), allowed)
            (weight / (STEPS - LATE) * loss).backward()
            missed.append(loss.item())
        x = scheduler.step(v.detach(), int(time), x).prev_sample
    return float(np.mean(missed))
