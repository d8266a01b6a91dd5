"""The recipe of `avatar-vae`: reconstruct a person, or the same person after one edit.

Invariants: half of each batch is decoded from its own latent and must give the picture itself. In the other half
the coordinates of what was edited are set to the code of the new value, and the decoder must draw the edited person.
So a control is taught to do what its name says and nothing else; the world draws the answer.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.avatars.latent_layout import Block
from playground.avatars.vae import AvatarVAE, kl
from playground.drawn_world.attributes import ATTRIBUTES, HIDDEN, LENGTHS
from playground.training.dataset import World
from playground.training.recipes.training_loop import Run, Schedule, device, pictures, placed, tiled, to_uint8


@dataclass(frozen=True)
class Weights:
    """The terms of the loss, per picture; reconstruction is a mean over pixels."""

    kl: float = 2e-5  # of the sum over the coordinates of attributes
    rest: float = 1e-4  # the same over the others: they should hold what no attribute says, and not say it twice
    codes: float = 0.02  # of the squared distance of the mean to the code, summed over coordinates
    edges: float = 1.0  # of differences between neighbouring pixels: thin lines count more


def attribute_config() -> list[dict[str, object]]:
    """The world's attributes as the config of a model holds them. Of `top`, the scale is that of the hair's length."""
    lengths = [str(tops[0]) for tops in LENGTHS.values()]
    return [
        {
            "name": a.name,
            "order": a.order,
            "values": [str(v) for v in a.values],
            "scale": lengths if a.name == "top" else [str(v) for v in a.scale],
        }
        for a in ATTRIBUTES
    ]


def targets(blocks: tuple[Block, ...], labels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Codes (B, C) of labels (B, A), and where they are known (B, C): a hidden attribute has none."""
    known = np.repeat(labels != HIDDEN, [block.width for block in blocks], axis=1)
    codes = np.concatenate(
        [block.codes[np.maximum(labels[:, index], 0)] for index, block in enumerate(blocks)], axis=1
    )
    return torch.from_numpy(codes), torch.from_numpy(known)


def train(
    world: World,
    edits: World,
    out: Path,
    schedule: Schedule,
    init_from: Path | None = None,
    weights: Weights = Weights(),
) -> AvatarVAE:
    """Train, or go on, and return the averaged model."""
    where = device()
    model = AvatarVAE.from_pretrained(init_from) if init_from else AvatarVAE(attribute_config())
    model = placed(model, where).train()
    optimiser = torch.optim.AdamW(model.parameters(), schedule.rate, betas=(0.9, 0.99), weight_decay=1e-3)
    run = Run(out, {"vae": model}, {"adam": optimiser}, schedule, ("vae",), f"avatar-vae, {model.size} pixels")
    rng = np.random.default_rng((7, run.seen))
    width = sum(block.width for block in model.blocks)

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(world), size=batch))
        before, labels = pictures(world.images(rows), where), world.labels(rows)
        half = batch // 2
        after = pictures(edits.images(rows[:half]), where)
        new, new_known = (t.to(where) for t in targets(model.blocks, edits.labels(rows[:half])))
        old, old_known = (t.to(where) for t in targets(model.blocks, labels))
        changed = new_known & ((new != old[:half]) | ~old_known[:half])
        mean, log_variance = model.encode(before)
        spread = (0.5 * log_variance).exp()
        noise = torch.randn(mean.shape, dtype=mean.dtype, device=where)
        z = mean + spread * noise
        edited = torch.where(changed, new + (z - mean)[:half, :width].detach(), z[:half, :width])
        z = torch.cat([torch.cat([edited, z[:half, width:]], dim=1), z[half:]])
        drawn, wanted = model.decode(z), torch.cat([after, before[half:]])
        pixels = F.l1_loss(drawn, wanted)
        edges = sum(F.l1_loss(drawn.diff(dim=axis), wanted.diff(dim=axis)) for axis in (2, 3))
        divergence = kl(mean, log_variance).mean(0)
        named, rest = divergence[:width].sum(), divergence[width:].sum()
        off = ((mean[:, :width] - old).square() * old_known).sum(1).mean()
        loss = pixels + weights.edges * edges + weights.kl * named + weights.rest * rest + weights.codes * off
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        mse = F.mse_loss(drawn.detach().clamp(-1, 1), wanted).item() / 4
        return {
            "l1": pixels.item(), "psnr": -10 * np.log10(mse), "kl": named.item(), "rest": rest.item(),
            "off": off.item(), "sigma": spread.mean().item(),
        }  # fmt: skip

    averaged = placed(AvatarVAE(attribute_config(), model.size, model.latent), where)
    shown = np.arange(16)

    @torch.no_grad()
    def grid() -> np.ndarray:
        """Pictures, their reconstructions, the wanted edits and the drawn ones."""
        averaged.load_state_dict(run.average("vae"))
        before = pictures(world.images(shown), where)
        mean, _ = averaged.encode(before)
        new, known = targets(model.blocks, edits.labels(shown))
        old, old_known = targets(model.blocks, world.labels(shown))
        changed = known & ((new != old) | ~old_known)
        z = mean.clone()
        z[:, :width] = torch.where(changed.to(where), new.to(where), z[:, :width])
        rows = [
            world.images(shown),
            to_uint8(averaged.decode(mean)),
            edits.images(shown),
            to_uint8(averaged.decode(z)),
        ]
        return tiled(np.concatenate([part[:8] for part in rows] + [part[8:] for part in rows]), 8)

    run.train(step, grid)
    averaged.load_state_dict(run.average("vae"))
    return averaged.eval()
