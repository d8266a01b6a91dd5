"""The recipe of the judges: every attribute of a portrait, by cross-entropy, from seeds of their own.

Invariants: a judge measures other models, so it learns from seeds of the split `judge`, which no other recipe
reads. Its last shards are kept back: on them its confidence is calibrated, and the bar for a valid portrait is set.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.avatars.judge import AvatarJudge
from playground.drawn_world.attributes import HIDDEN
from playground.training.dataset import World
from playground.training.recipes.training_loop import Run, Schedule, device, pictures, placed
from playground.training.recipes.vae import attribute_config

KEPT_BACK = 8192  # portraits for calibration
VALID_SHARE = 0.99  # of portraits that the judge did not learn from


def classes(labels: np.ndarray, judge: AvatarJudge) -> Tensor:
    """Labels (B, A) as class numbers: hidden is the last class of its attribute."""
    last = np.array([len(values) - 1 for values in judge.values])
    return torch.from_numpy(np.where(labels == HIDDEN, last, labels).astype(np.int64))


def train(
    world: World,
    out: Path,
    schedule: Schedule,
    eyes: Literal["convolutional", "patches"],
    init_from: Path | None = None,
) -> AvatarJudge:
    """Train, or go on, calibrate, and return the averaged judge."""
    where = device()
    config = [{"name": a["name"], "values": a["values"]} for a in attribute_config()]

    def fresh() -> AvatarJudge:
        return placed(AvatarJudge(config, world.plan.size, eyes), where)

    judge = fresh()
    if init_from is not None:
        judge.load_state_dict(AvatarJudge.from_pretrained(init_from).state_dict())
    optimiser = torch.optim.AdamW(judge.train().parameters(), schedule.rate, weight_decay=0.02)
    run = Run(out, {"judge": judge}, {"adam": optimiser}, schedule, ("judge",), f"judge with {eyes} eyes")
    rng = np.random.default_rng((11, run.seen))
    train_rows = len(world) - KEPT_BACK

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(train_rows, size=batch))
        x = pictures(world.images(rows), where)
        # Shifts, noise and a little loss of contrast: what it measures comes from decoders, never quite clean.
        shift = tuple(int(v) for v in rng.integers(-2, 3, size=2))
        x = torch.roll(x, shift, dims=(2, 3)) * float(rng.uniform(0.92, 1.03))
        x = x + float(rng.uniform(0, 0.12)) * torch.randn_like(x)
        if rng.random() < 0.3:
            x = 0.5 * x + 0.5 * F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        wanted = classes(world.labels(rows), judge).to(where)
        logits = judge(x)
        loss = torch.stack([F.cross_entropy(each, wanted[:, i]) for i, each in enumerate(logits)]).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(judge.parameters(), 5.0)
        optimiser.step()
        right = torch.stack([each.argmax(1) == wanted[:, i] for i, each in enumerate(logits)], dim=1)
        return {"loss": loss.item(), "right": right.float().mean().item(), "all": right.all(1).float().mean().item()}

    averaged = fresh().eval()

    @torch.no_grad()
    def measure() -> dict[str, float]:
        averaged.load_state_dict(run.average("judge"))
        rows = np.arange(len(world) - min(2048, KEPT_BACK), len(world))
        labels, _ = averaged.predict(pictures(world.images(rows), where))
        right = labels.cpu().numpy() == world.labels(rows)
        return {"right": right.mean(), "all": right.all(1).mean(), "worst": right.mean(0).min()}

    run.train(step, every=measure)
    averaged.load_state_dict(run.average("judge"))
    return calibrated(averaged, world, config, eyes)


@torch.no_grad()
def calibrated(judge: AvatarJudge, world: World, config: list[dict[str, object]], eyes: str) -> AvatarJudge:
    """The judge with temperatures that make its confidence honest, and the bar for a valid portrait."""
    where = next(judge.parameters()).device
    rows = np.arange(len(world) - KEPT_BACK, len(world))
    logits: list[list[Tensor]] = []
    for part in np.array_split(rows, -(-len(rows) // 512)):
        logits.append([each.cpu() for each in judge(pictures(world.images(part), where))])
    wanted = classes(world.labels(rows), judge)
    temperatures = []
    for index, parts in enumerate(zip(*logits, strict=True)):
        joined = torch.cat(parts)
        grid = np.geomspace(0.5, 4, 40)
        losses = [F.cross_entropy(joined / t, wanted[:, index]).item() for t in grid]
        temperatures.append(round(float(grid[int(np.argmin(losses))]), 3))
    final = AvatarJudge(config, world.plan.size, eyes, temperatures=temperatures)  # type: ignore[arg-type]
    final.load_state_dict(judge.state_dict())
    final.eval().to(where)
    lowest = torch.cat(
        [final.predict(pictures(world.images(part), where))[1].amin(1).cpu() for part in np.array_split(rows, 16)]
    )
    threshold = float(torch.quantile(lowest, 1 - VALID_SHARE))
    done = AvatarJudge(config, world.plan.size, eyes, temperatures=temperatures, threshold=round(threshold, 4))  # type: ignore[arg-type]
    done.load_state_dict(judge.state_dict())
    return done.eval()
