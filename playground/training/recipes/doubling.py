"""The same latents drawn twice as large: an autoencoder of one more level, for a UNet that does not notice.

Rule of the room: the smaller autoencoder is there before and says what a latent means. Its decoder goes on with a
level more, its encoder begins with one, and both learn from larger pictures of the same people. This world is drawn:
where an edge runs can be told from the latent of a small picture, to less than one of its pixels.

Half of what the decoder learns from are latents that the UNet drew, with the people it nearly drew (`feedback`): what
is left between two values there it draws as one of them.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from playground.avatars.vae import AvatarVAE
from playground.training.drawing import portraits
from playground.training.reading import World
from playground.training.recipes.autoencoder import OFF, READ, build, perceived
from playground.training.recipes.loop import Run, Schedule, device, pictures, placed, tiled, to_uint8, unlike
from playground.training.recipes.muon import Both

MEANT = 1.0  # weight of the encoder's distance from the latent, in standard deviations squared
ABOUT = 0.1  # standard deviations by which latents that were drawn may be off as well: there are few


def begun(small: AutoencoderKL) -> AutoencoderKL:
    """An autoencoder for pictures twice as large, which begins with all of the small one that fits."""
    widths = tuple(small.config.block_out_channels)
    large = build(2 * small.config.sample_size, (widths[0], *widths), small.config.latent_channels)
    large.register_to_config(scaling_factor=small.config.scaling_factor)
    weights = large.state_dict()
    for key, value in small.state_dict().items():
        parts = key.split(".")
        if parts[1] == "down_blocks":  # a level comes before these
            parts[2] = str(int(parts[2]) + 1)
        name = ".".join(parts)
        if name in weights and weights[name].shape == value.shape:
            weights[name] = value
    large.load_state_dict(weights)
    return large


def train(
    model: AutoencoderKL, eyes: AvatarVAE, world: World, latents: Tensor, own: tuple[Tensor, np.ndarray], out: Path,
    schedule: Schedule,
) -> AutoencoderKL:  # fmt: skip
    """Train, or go on, and return the averaged autoencoder.

    `latents` (N, C, h, w) are what the small one makes of the first N portraits of `world`, not scaled; `own` are such
    that the UNet drew (M, C, h, w), not scaled, and the labels (M, A) of whom it drew.
    """
    where, size = device(), model.config.sample_size
    model = placed(model, where).train()
    eyes = placed(eyes, where).eval().requires_grad_(False)
    hidden = [*model.encoder.parameters(), *model.decoder.parameters()]
    optimiser = Both([{"params": [*model.parameters()]}], hidden, schedule.rate, (0.9, 0.99), 1e-4)
    run = Run(out, {"autoencoder": model}, optimiser.each, schedule, ("autoencoder",), "doubled autoencoder")
    rng = np.random.default_rng((31, run.seen))
    spread = latents.std()

    def step(batch: int) -> dict[str, float]:
        true, drawn = np.sort(rng.integers(len(latents), size=batch // 2)), rng.integers(len(own[0]), size=batch // 2)
        wanted = pictures(portraits([*world.labels(true), *own[1][drawn]], size), where)
        meant = torch.cat([latents[true], own[0][drawn]])
        most = torch.tensor([OFF] * len(true) + [ABOUT] * len(drawn)).view(-1, 1, 1, 1)
        given = (meant + most * torch.rand(most.shape) * spread * torch.randn_like(meant)).to(where)
        found = model.decode(given.contiguous(memory_format=torch.channels_last)).sample
        pixels, loss = unlike(found, wanted)
        read = perceived(eyes, found, wanted)
        encoded = model.encode(wanted[: len(true)]).latent_dist.mode()
        apart = F.mse_loss(encoded, meant[: len(true)].to(where)) / spread.square()
        optimiser.zero_grad()
        (loss + READ * read + MEANT * apart).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        errors = (found.detach().clamp(-1, 1) - wanted).square().mean((1, 2, 3)) / 4
        psnr = -10 * torch.log10(errors)
        halves = {"psnr": psnr[: len(true)].mean().item(), "psnr_own": psnr[len(true) :].mean().item()}
        return {"l1": pixels.item(), **halves, "read": read.item(), "apart": apart.item()}

    averaged = placed(AutoencoderKL.from_config(model.config), where).eval()

    @torch.no_grad()
    def grid() -> np.ndarray:
        """Portraits and what their latents give; below, whom the UNet nearly drew and what its latents give."""
        averaged.load_state_dict(run.average("autoencoder"))
        labels = [*world.labels(np.arange(12)), *own[1][:12]]
        given = torch.cat([latents[:12], own[0][:12]]).to(where).contiguous(memory_format=torch.channels_last)
        found, true = to_uint8(averaged.decode(given).sample), portraits(labels, size)
        return tiled(np.concatenate([true[:12], found[:12], true[12:], found[12:]]), 12)

    run.train(step, grid)
    averaged.load_state_dict(run.average("autoencoder"))
    return averaged
