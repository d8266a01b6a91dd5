"""The recipe of `avatar-flow`: the likelihood of the VAE's latents, by change of variables.

Invariants: the data are samples of q(z | x), drawn anew at every step from means and spreads that were computed
once; a portrait is never decoded here.
"""

from pathlib import Path

import torch

from playground.avatars.flow import AvatarFlow
from playground.training.recipes.training_loop import Run, Schedule, device
from playground.training.recipes.vae_posteriors import Latents


def train(
    known: Latents, out: Path, schedule: Schedule, init_from: Path | None = None, held_back: int | None = None
) -> AvatarFlow:
    """Train, or go on, and return the averaged flow.

    The last `held_back` latents, by default one in eight, only measure.
    """
    where = device()
    width = known.mean.shape[1]
    flow = (AvatarFlow.from_pretrained(init_from) if init_from else AvatarFlow(width)).to(where)
    optimiser = torch.optim.AdamW(flow.parameters(), schedule.rate, betas=(0.9, 0.98), weight_decay=1e-4)
    run = Run(out, {"flow": flow}, {"adam": optimiser}, schedule, ("flow",), "avatar-flow")
    last = len(known.mean) - (len(known.mean) // 8 if held_back is None else held_back)

    def step(batch: int) -> dict[str, float]:
        loss = -flow.log_prob(known.sample(torch.randint(last, (batch,), device=where))).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        optimiser.step()
        return {"nats": loss.item()}

    averaged = AvatarFlow(width).to(where)

    @torch.no_grad()
    def measure() -> dict[str, float]:
        averaged.load_state_dict(run.average("flow"))
        rows = torch.arange(last, len(known.mean), device=where)
        return {"held back, nats": -float(averaged.log_prob(known.sample(rows)).mean())}

    run.train(step, every=measure)
    averaged.load_state_dict(run.average("flow"))
    return averaged.eval()
