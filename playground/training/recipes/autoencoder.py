"""The recipe of the KL autoencoder within `avatar-diffusion`: 64x64 pixels to 8x8 places of 8 numbers, and back.

Invariants: Rombach et al. (2022), arXiv:2112.10752, section 3.1, in small, with a stock `AutoencoderKL`. There
is no adversary: this world is drawn, so sharpness is a matter of edges, which the loss counts again.

`sharpen` goes on with the decoder alone, from latents that are a little off, as those of a UNet are, and with a
perceptual loss: the eyes of `avatar-vae` must read the same person.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from playground.avatars.vae import AvatarVAE
from playground.drawn_world.drawing import portraits
from playground.training.dataset import World
from playground.training.recipes.training_loop import (
    Run,
    Schedule,
    device,
    pictures,
    placed,
    reconstruction_loss,
    reduced,
    tiled,
    to_uint8,
)

KL = 2e-3  # of the mean over the latent's numbers: enough to keep them near unit variance
WIDTHS = (16, 32, 64, 128)
OFF = 0.3  # standard deviations by which latents may be off
READ = 0.2  # weight of the perceptual loss


def build(
    size: int = 64, widths: tuple[int, ...] = WIDTHS, channels: int = 8, attention: bool = False
) -> AutoencoderKL:
    """The untrained autoencoder; it divides sides by 2 ** (len(widths) - 1). `attention` is that of its middle."""
    levels = len(widths)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=widths,
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=min(8, widths[0]),
        sample_size=size,
        mid_block_add_attention=attention,
        force_upcast=False,
    )


def train(world: World, out: Path, schedule: Schedule, init_from: Path | None = None) -> AutoencoderKL:
    """Train, or go on, and return the averaged model with the scaling factor that gives its latent unit variance."""
    where = device()
    model = AutoencoderKL.from_pretrained(init_from) if init_from else build(world.images(np.arange(1)).shape[1])
    model = placed(model, where).train()
    optimiser = torch.optim.AdamW(model.parameters(), schedule.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    run = Run(out, {"autoencoder": model}, {"adam": optimiser}, schedule, ("autoencoder",), "KL autoencoder")
    rng = np.random.default_rng((19, run.seen))

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(world), size=batch))
        wanted = pictures(at_size(world, rows, model.config.sample_size), where)
        posterior = model.encode(wanted).latent_dist
        drawn = model.decode(posterior.sample()).sample
        pixels, loss = reconstruction_loss(drawn, wanted)
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        optimiser.zero_grad(set_to_none=True)
        (loss + KL * divergence).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        mse = F.mse_loss(drawn.detach().clamp(-1, 1), wanted).item() / 4
        return {"l1": pixels.item(), "psnr": -10 * np.log10(mse), "kl": divergence.item()}

    averaged = placed(AutoencoderKL.from_config(model.config), where)
    shown = np.arange(32)

    @torch.no_grad()
    def grid() -> np.ndarray:
        averaged.load_state_dict(run.average("autoencoder"))
        before = at_size(world, shown, model.config.sample_size)
        drawn = to_uint8(averaged.decode(averaged.encode(pictures(before, where)).latent_dist.mode()).sample)
        return tiled(np.concatenate([before[:16], drawn[:16], before[16:], drawn[16:]]), 16)

    if schedule.images:
        run.train(step, grid)
    averaged.load_state_dict(run.average("autoencoder"))
    if init_from and not schedule.images:
        return averaged.eval()
    found = encoded(averaged, world, np.arange(min(2048, len(world))))
    averaged.register_to_config(scaling_factor=round(1 / found.std().item(), 4))
    return averaged.eval()


def sharpen(
    model: AutoencoderKL, eyes: AvatarVAE, world: World, latents: Tensor, out: Path, schedule: Schedule
) -> AutoencoderKL:
    """Train the decoder, or go on, and return the model with its averaged decoder; the encoder stays as it is.

    `latents` (N, C, h, w) are those of the first N portraits of `world`, not scaled.
    """
    where = device()
    model = placed(model, where).requires_grad_(False)
    parts = torch.nn.ModuleDict({"post": model.post_quant_conv, "decoder": model.decoder}).requires_grad_(True).train()
    eyes = placed(eyes, where).eval().requires_grad_(False)
    optimiser = torch.optim.AdamW(parts.parameters(), schedule.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    run = Run(out, {"decoder": parts}, {"adam": optimiser}, schedule, ("decoder",), "KL decoder")
    rng = np.random.default_rng((23, run.seen))
    spread = latents.std()

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(latents), size=batch))
        wanted = pictures(at_size(world, rows, model.config.sample_size), where)
        off = OFF * spread * torch.rand((batch, 1, 1, 1)) * torch.randn(batch, *latents.shape[1:])
        given = (latents[rows] + off).to(where).contiguous(memory_format=torch.channels_last)
        drawn = model.decode(given).sample
        pixels, loss = reconstruction_loss(drawn, wanted)
        read = perceived(eyes, drawn, wanted)
        optimiser.zero_grad(set_to_none=True)
        (loss + READ * read).backward()
        torch.nn.utils.clip_grad_norm_(parts.parameters(), 1.0)
        optimiser.step()
        mse = F.mse_loss(drawn.detach().clamp(-1, 1), wanted).item() / 4
        return {"l1": pixels.item(), "psnr": -10 * np.log10(mse), "read": read.item()}

    if schedule.images:
        run.train(step)
    parts.load_state_dict(run.average("decoder"))
    return model.eval()


@torch.no_grad()
def encoded(model: Any, world: World, rows: np.ndarray, batch: int = 64) -> Tensor:
    """(N, C, h, w) float32 on the CPU: means of the posteriors, not scaled."""
    where, size = next(model.parameters()).device, model.config.sample_size
    parts = []
    for start in range(0, len(rows), batch):
        images = pictures(at_size(world, rows[start : start + batch], size), where)
        with reduced(where):
            parts.append(model.encode(images).latent_dist.mode().float().cpu())
    return torch.cat(parts).contiguous()


def perceived(eyes: AvatarVAE, drawn: Tensor, wanted: Tensor) -> Tensor:
    """How differently these eyes read two batches (B, 3, S, S), averaged down to the size they know."""
    shrink = wanted.shape[-1] // eyes.size
    with torch.no_grad():
        there = eyes.encode(F.avg_pool2d(wanted, shrink))[0]
    return F.l1_loss(eyes.encode(F.avg_pool2d(drawn, shrink))[0], there)


def at_size(world: World, rows: np.ndarray, size: int) -> np.ndarray:
    """Portraits (n, size, size, 3) uint8: those of the folder, or drawn anew where it has another size."""
    return world.images(rows) if world.plan.size == size else portraits(world.labels(rows), size)
