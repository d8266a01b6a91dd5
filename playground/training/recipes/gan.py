"""The recipe of `avatar-gan`, in two parts, each of which can be resumed on its own.

Invariants: what is learnt by example comes first, because it is a hundred times cheaper than a game.

1. `styles`: the synthesis and the second half of the mapping learn to draw portraits from the latents of `avatar-vae`.
2. `game`: generator and discriminator play the game on pictures. The first half of the mapping starts as
   `avatar-flow`, which turns noise into such latents. (A perceptron that had to learn this stayed blurred.)

The game has the relativistic pairing loss with zero-centred gradient penalties on real and drawn samples (R1 and
R2), Huang et al. (2024), arXiv:2501.05441, and the averaged generator ships.
"""

import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
from playground.training.dataset import World
from playground.training.recipes.training_loop import (
    Run,
    Schedule,
    device,
    pictures,
    reconstruction_loss,
    tiled,
    to_uint8,
)
from playground.training.recipes.vae_posteriors import Latents

PENALTY_EVERY = 8  # steps; the penalty is multiplied by it
HEAD_START = (
    6000  # pictures that only the discriminator learns from: a generator led by one that knows nothing unlearns
)
WIDER = 1.5  # latents are scattered up to this many times wider than the VAE's posterior, so that near misses count


def styles(generator: AvatarGenerator, known: Latents, world: World, out: Path, schedule: Schedule) -> None:
    """Part 1: draw the portrait of a latent. Leaves the averaged weights in `generator`."""
    where = device()
    learning = nn.ModuleDict({"style": generator.mapping.style, "synthesis": generator.synthesis})
    optimiser = torch.optim.AdamW(learning.parameters(), schedule.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    run = Run(out, {"generator": generator}, {"adam": optimiser}, schedule, ("generator",), "avatar-gan, styles")
    rng = np.random.default_rng((13, run.seen))

    def draw(latent: Tensor) -> Tensor:
        w = generator.mapping.of_latent(latent)
        return generator.synthesis(w[:, None].expand(-1, generator.layers, -1))

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(known.mean), size=batch))
        drawn = draw(known.sample(torch.from_numpy(rows).to(where), WIDER))
        wanted = pictures(world.images(rows), where)
        pixels, loss = reconstruction_loss(drawn, wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning.parameters(), 1.0)
        optimiser.step()
        mse = F.mse_loss(drawn.detach().clamp(-1, 1), wanted).item() / 4
        return {"l1": pixels.item(), "psnr": -10 * np.log10(mse)}

    @torch.no_grad()
    def grid() -> np.ndarray:
        rows = np.arange(32)
        drawn = to_uint8(draw(known.sample(torch.from_numpy(rows).to(where))))
        return tiled(np.concatenate([world.images(rows[:16]), drawn[:16], world.images(rows[16:]), drawn[16:]]), 16)

    run.train(step, grid)
    generator.load_state_dict(run.average("generator"))


def game(
    generator: AvatarGenerator,
    discriminator: AvatarDiscriminator,
    known: Latents,
    world: World,
    out: Path,
    schedule: Schedule,
    gamma: float = 0.3,
    anchor: float = 1.0,
) -> None:
    """Part 2: the game on pictures. Leaves the averaged weights in both.

    A third of the drawn pictures mix two styles, a quarter are truncated, so that mixing and truncation stay in the
    world. `anchor` weighs drawing known latents as in part 1, which keeps every mode of the world in reach.
    """
    where = device()
    optimisers = {
        "generator": torch.optim.Adam(
            [
                {"params": generator.synthesis.parameters(), "share": 1.0},
                {"params": generator.mapping.parameters(), "share": 0.3},
            ],
            schedule.rate,
            betas=(0.0, 0.99),
        ),
        "discriminator": torch.optim.Adam(
            [{"params": discriminator.parameters(), "share": 2.0}], schedule.rate, betas=(0.0, 0.99)
        ),
    }
    networks: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
    run = Run(out, networks, optimisers, schedule, ("generator", "discriminator"), "avatar-gan, game")
    rng = np.random.default_rng((17, run.seen))

    def draw(batch: int) -> Tensor:
        w = generator.mapping(torch.randn((2 * batch, generator.z_dim), device=where))
        with torch.no_grad():
            generator.w_mean.lerp_(w.mean(0), 0.01)
        first, second = (part[:, None].repeat(1, generator.layers, 1) for part in w.chunk(2))
        for row in range(batch // 3):
            first[row, int(rng.integers(1, generator.layers)) :] = second[row, 0]
        for row in range(batch // 3, batch // 3 + batch // 4):
            first[row] = generator.w_mean + float(rng.uniform(0.5, 1)) * (first[row] - generator.w_mean)
        return generator.synthesis(first)

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(known.mean), size=batch))
        real = pictures(world.images(rows), where)
        with torch.no_grad():
            drawn = draw(batch)
        penalise = run.seen // batch % PENALTY_EVERY == 0
        losses = _critic_step(discriminator, optimisers["discriminator"], real, drawn, gamma, penalise)
        if run.seen < HEAD_START:
            return losses
        discriminator.requires_grad_(False)
        drawn = draw(batch)
        loss = F.softplus(discriminator(real).detach() - discriminator(drawn)).mean()
        every = torch.from_numpy(rows).to(where)
        w = generator.mapping.of_latent(known.sample(every, WIDER))[:, None].expand(-1, generator.layers, -1)
        pixels, away = reconstruction_loss(generator.synthesis(w), real)
        optimisers["generator"].zero_grad(set_to_none=True)
        (loss + anchor * away).backward()
        discriminator.requires_grad_(True)
        optimisers["generator"].step()
        return {"generator": loss.item(), **losses, "anchor": pixels.item()}

    shown = copy.deepcopy(generator)

    @torch.no_grad()
    def grid() -> np.ndarray:
        shown.load_state_dict(run.average("generator"))
        z = torch.randn((64, generator.z_dim), generator=torch.Generator().manual_seed(1)).to(where)
        return tiled(np.concatenate([to_uint8(shown(z)), to_uint8(shown(z[:32], truncation=0.6))]), 16)

    run.train(step, grid)
    for name, network in networks.items():
        network.load_state_dict(run.average(name))
    centre(generator)


@torch.no_grad()
def centre(generator: AvatarGenerator, count: int = 20_000) -> None:
    """Set the mean of w, which truncation draws to."""
    noise = torch.Generator().manual_seed(0)
    z = torch.randn((count, generator.z_dim), generator=noise)
    generator.w_mean.copy_(generator.mapping(z.to(generator.w_mean.device)).mean(0))


def _critic_step(
    critic: nn.Module, optimiser: torch.optim.Optimizer, real: Tensor, drawn: Tensor, gamma: float, penalise: bool
) -> dict[str, float]:
    """One step of the discriminator; penalties in fp32, lazily (Karras et al. 2020, appendix B)."""
    real, drawn = real.requires_grad_(penalise), drawn.requires_grad_(penalise)
    on_real, on_drawn = critic(real), critic(drawn)
    loss = F.softplus(on_drawn - on_real).mean()
    found = {"critic": loss.item(), "lead": (on_real - on_drawn).mean().item()}
    if penalise:
        slope = _square_slope(on_real, real) + _square_slope(on_drawn, drawn)
        loss = loss + 0.5 * gamma * PENALTY_EVERY * slope
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return found


def _square_slope(out: Tensor, of: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(out.sum(), of, create_graph=True)
    return gradient.flatten(1).square().sum(1).mean()
