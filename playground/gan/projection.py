"""Find the style that draws a given picture: Adam in W+, started by the encoder of the VAE.

Invariants: the networks stay as they are; only the style moves, in units of w's own deviation. What is told is
the best style so far, so the end is never worse than the start. W+ as in Abdal et al. (2019), arXiv:1904.03189; the
perceptual term is the distance of the judge's features, not LPIPS, which would need weights that do not come along.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from playground.avatars.gan import AvatarGenerator
from playground.avatars.judge import AvatarJudge
from playground.avatars.vae import AvatarVAE
from playground.gan import forward
from playground.gan.types import Step
from playground.imaging import metrics, uploads
from playground.runtime.task import Task

RATE = 0.05  # deviations of w a step, falling to nothing on a cosine
PERCEPTUAL = 0.1  # of the judge's feature distance, relative to the features' own size
STAY = 2e-4  # of the squared way from the start, in deviations
TOLD = 30  # pictures on the way, about


def project(
    generator: AvatarGenerator,
    judge: AvatarJudge,
    vae: AvatarVAE,
    target: np.ndarray,
    deviation: float,
    steps: int,
    task: Task,
) -> Iterator[Step]:
    """Steps towards `target` (S, S, 3) uint8 of the generator's size; the first is the encoder's own answer.

    Args:
        deviation: the standard deviation of w, over all coordinates.

    Raises:
        Cancelled: between two steps.
    """
    wanted = torch.from_numpy(target.copy()).permute(2, 0, 1)[None].to(torch.float32).div(127.5).sub(1)
    start = _encoded(generator, vae, wanted)
    with torch.no_grad():
        features = judge.features(forward.resize(wanted, judge.size))
    scale = max(deviation, 1e-3)
    way = torch.zeros_like(start, requires_grad=True)  # (1, layers, w), in deviations
    adam = torch.optim.Adam([way], RATE, betas=(0.9, 0.99))
    best = (math.inf, start, wanted)  # loss, style, picture
    every = max(1, steps // TOLD)
    for step in range(steps + 1):
        task.check()
        adam.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / (steps + 1)))
        with torch.enable_grad():
            style = start + scale * way
            drawn = generator.synthesis(style)
            loss = _distance(judge, drawn, wanted, features) + STAY * way.square().mean()
        (way.grad,) = torch.autograd.grad(loss, [way])
        if loss.item() < best[0]:
            best = (loss.item(), style.detach().clone(), drawn.detach())
        if step % every == 0 or step == steps:
            yield _told(step, steps, best, target)
        adam.step()


def _distance(judge: AvatarJudge, drawn: Tensor, wanted: Tensor, features: Tensor) -> Tensor:
    """Of pixels (mean absolute and squared difference) and of what the judge sees."""
    seen = judge.features(forward.resize(drawn, judge.size))
    perceptual = (seen - features).square().mean() / features.square().mean().clamp_min(1e-6)
    return nn.functional.l1_loss(drawn, wanted) + nn.functional.mse_loss(drawn, wanted) + PERCEPTUAL * perceptual


def _encoded(generator: AvatarGenerator, vae: AvatarVAE, wanted: Tensor) -> Tensor:
    """(1, layers, w): the style of the VAE's latent where the mapping takes it, else the mean style."""
    with torch.no_grad():
        latent, _ = vae.encode(forward.resize(wanted, vae.size))
        w = generator.mapping.of_latent(latent) if generator.z_dim == vae.latent else generator.w_mean[None]
        return w[:, None].expand(-1, generator.layers, -1).clone()


def _told(step: int, steps: int, best: tuple[float, Tensor, Tensor], target: np.ndarray) -> Step:
    loss, style, drawn = best
    picture = forward.to_uint8(drawn.clamp(-1, 1))[0]
    return Step(step, steps, loss, metrics.psnr(picture, target), uploads.from_array(picture), style[0].numpy())
