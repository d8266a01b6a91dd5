"""GAN inversion: find the style that renders a given picture, by Adam in W+ from the VAE encoder's estimate.

Invariants: the networks stay as they are; only the style is optimised, in units of w's standard deviation. Every step
reports the best style so far, so the end is never worse than the start. W+ as in Abdal et al. (2019),
arXiv:1904.03189; the perceptual term is the distance of the judge's features, not LPIPS, whose weights are not among
the shipped models.
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
from playground.gan.types import ProjectionStep
from playground.imaging import metrics, uploads
from playground.runtime.task import Task

LEARNING_RATE = 0.05  # deviations of w a step, falling to nothing on a cosine
PERCEPTUAL_WEIGHT = 0.1  # of the judge's feature distance, relative to the features' own size
PRIOR_WEIGHT = 2e-4  # of the squared distance from the start, in deviations
REPORTS = 30  # intermediate results, about


def project(
    generator: AvatarGenerator,
    judge: AvatarJudge,
    vae: AvatarVAE,
    target: np.ndarray,
    deviation: float,
    steps: int,
    task: Task,
) -> Iterator[ProjectionStep]:
    """Optimise a style towards a picture.

    Args:
        generator: renders styles.
        judge: its features are the perceptual distance.
        vae: its encoder gives the start.
        target: (S, S, 3) uint8 of the generator's size.
        deviation: standard deviation of w, over all coordinates.
        steps: optimiser steps.
        task: checked before every step.

    Yields:
        The best result so far, about 30 times; the first is the encoder's estimate.

    Raises:
        Cancelled: between two steps.
    """
    wanted = torch.from_numpy(target.copy()).permute(2, 0, 1)[None].to(torch.float32).div(127.5).sub(1)
    start = _initial_style(generator, vae, wanted)
    with torch.no_grad():
        features = judge.features(forward.resize(wanted, judge.size))
    scale = max(deviation, 1e-3)
    offset = torch.zeros_like(start, requires_grad=True)  # (1, layers, w_dim), in deviations
    adam = torch.optim.Adam([offset], LEARNING_RATE, betas=(0.9, 0.99))
    best = (math.inf, start, wanted)  # loss, style, picture
    every = max(1, steps // REPORTS)
    for step in range(steps + 1):
        task.check()
        adam.param_groups[0]["lr"] = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / (steps + 1)))
        with torch.enable_grad():
            style = start + scale * offset
            picture = generator.synthesis(style)
            loss = _loss(judge, picture, wanted, features) + PRIOR_WEIGHT * offset.square().mean()
        (offset.grad,) = torch.autograd.grad(loss, [offset])
        if loss.item() < best[0]:
            best = (loss.item(), style.detach().clone(), picture.detach())
        if step % every == 0 or step == steps:
            yield _report(step, steps, best, target)
        adam.step()


def _loss(judge: AvatarJudge, picture: Tensor, wanted: Tensor, features: Tensor) -> Tensor:
    """L1 + MSE of the pixels, plus the relative distance of the judge's features."""
    seen = judge.features(forward.resize(picture, judge.size))
    perceptual = (seen - features).square().mean() / features.square().mean().clamp_min(1e-6)
    return (
        nn.functional.l1_loss(picture, wanted)
        + nn.functional.mse_loss(picture, wanted)
        + PERCEPTUAL_WEIGHT * perceptual
    )


def _initial_style(generator: AvatarGenerator, vae: AvatarVAE, wanted: Tensor) -> Tensor:
    """(1, layers, w_dim): the style of the VAE's latent where the mapping takes it, else the mean style."""
    with torch.no_grad():
        latent, _ = vae.encode(forward.resize(wanted, vae.size))
        w = generator.mapping.of_latent(latent) if generator.z_dim == vae.latent else generator.w_mean[None]
        return w[:, None].expand(-1, generator.layers, -1).clone()


def _report(step: int, steps: int, best: tuple[float, Tensor, Tensor], target: np.ndarray) -> ProjectionStep:
    loss, style, x = best
    picture = forward.to_uint8(x.clamp(-1, 1))[0]
    psnr = metrics.psnr(picture, target)
    return ProjectionStep(step, steps, loss, psnr, uploads.from_array(picture), style[0].numpy())
