"""The recipe of `storybook-judge`, which learns from seeds that no other model sees."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.storybook.claims import KINDS
from playground.storybook.judge import CELL, StorybookJudge
from playground.storybook.scenes import boxes, render
from playground.storybook.types import Colour, Scene
from playground.training.recipes.training_loop import Run, Schedule, device, pictures, placed, reduced
from playground.training.storybook.shards import SceneShards


def targets(scene: Scene, side: int) -> list[tuple[int, int, int, int, tuple[float, ...]]]:
    """Cell (y, x), thing, colour (8 for none) and box in cells of each item; of two in one cell, of the front one."""
    found = {}
    colours = list(Colour)
    for item, (x0, y0, x1, y1) in zip(scene.items, boxes(scene), strict=True):
        x, y = (x0 + x1) / 2 * side, (y0 + y1) / 2 * side
        cell = min(side - 1, max(0, int(y))), min(side - 1, max(0, int(x)))
        colour = len(colours) if item.colour is None else colours.index(item.colour)
        found[cell] = (item.thing, colour, (x0 * side, y0 * side, x1 * side, y1 * side))
    return [(*cell, *rest) for cell, rest in found.items()]


def train(shards: SceneShards, out: Path, schedule: Schedule, init_from: Path | None = None) -> StorybookJudge:
    """Train, or go on, and return the averaged judge.

    Args:
        shards: scenes of the judge's own split.
        out: folder of the run.
        schedule: counts pictures.
        init_from: folder of a judge to start from.
    """
    where = device()
    model = StorybookJudge.from_pretrained(init_from) if init_from else StorybookJudge(things=len(KINDS))
    model = placed(model, where).train()
    optimiser = torch.optim.AdamW(model.parameters(), schedule.rate, weight_decay=0.05)
    run = Run(out, {"judge": model}, {"adam": optimiser}, schedule, ("judge",), "storybook-judge")
    rng = np.random.default_rng((73, run.seen))
    side = shards.plan.size // CELL
    kept = min(1024, len(shards) // 8)  # measured on, not learnt from
    known = [targets(shards.scene(row), side) for row in range(len(shards))]

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(kept, len(shards), size=batch))
        images = shards.rows("images", rows)
        found = [(index, *target) for index, row in enumerate(rows) for target in known[row]]
        index, y, x, thing, colour = (torch.tensor([f[i] for f in found], device=where) for i in range(5))
        box = torch.tensor([f[5] for f in found], device=where)  # (K, 4) in cells
        given = pictures(images, where)
        # Brightness, contrast and noise, so that it reads pictures of other models, which are a little off.
        given = given * (0.85 + 0.3 * torch.rand(batch, 1, 1, 1)) + 0.1 * torch.randn(batch, 3, 1, 1)
        given = given + 0.1 * torch.rand(batch, 1, 1, 1) * torch.randn_like(given)
        if rng.random() < 0.3:  # and a little blurred
            given = F.avg_pool2d(F.pad(given, (1, 1, 1, 1), "replicate"), 3, 1)
        with reduced(where):
            centre, reach, colours, things, background = model(given)
        wanted = torch.zeros_like(centre, dtype=torch.float32)
        wanted[index, y, x] = 1
        near = F.max_pool2d(wanted[:, None], 3, 1, 1)[:, 0]  # beside a centre a miss by one cell costs less
        probability = centre.float().sigmoid()
        cost = F.binary_cross_entropy_with_logits(centre.float(), wanted, reduction="none")
        focus = torch.where(wanted > 0, (1 - probability) ** 2, probability**2 * torch.where(near > 0, 0.25, 1.0))
        losses = {
            "centre": (cost * focus).sum() / len(found),
            "box": _box_loss(reach[index, :, y, x], x, y, box),
            "thing": F.cross_entropy(things[index, :, y, x].float(), thing, label_smoothing=0.02),
            "colour": F.cross_entropy(colours[index, :, y, x].float(), colour),
            "background": F.cross_entropy(
                background.float(), torch.from_numpy(shards.rows("backgrounds", rows).astype(np.int64)).to(where)
            ),
        }
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        return {name: value.item() for name, value in losses.items()}

    averaged = placed(StorybookJudge.from_config(model.config), where).eval()

    def measure() -> dict[str, float]:
        averaged.load_state_dict(run.average("judge"))
        return accuracy(averaged, shards, np.arange(kept))

    run.train(step, every=measure)
    averaged.load_state_dict(run.average("judge"))
    return averaged


def _box_loss(reach: Tensor, x: Tensor, y: Tensor, box: Tensor) -> Tensor:
    """One minus the intersection over union of reaches (K, 4) from cells x, y (K,) and boxes (K, 4), all in cells."""
    x0, y0, x1, y1 = box.unbind(1)
    wanted = torch.stack([x + 0.5 - x0, y + 0.5 - y0, x1 - x - 0.5, y1 - y - 0.5], 1).clamp(min=0.05)
    least = torch.minimum(reach, wanted)
    shared = (least[:, 0] + least[:, 2]) * (least[:, 1] + least[:, 3])
    area = (reach[:, 0] + reach[:, 2]) * (reach[:, 1] + reach[:, 3])
    union = area + (wanted[:, 0] + wanted[:, 2]) * (wanted[:, 1] + wanted[:, 3]) - shared
    return (1 - shared / union.clamp(min=1e-6)).mean()


def accuracy(judge: StorybookJudge, shards: SceneShards, rows: np.ndarray) -> dict[str, float]:
    """`accuracy_of` the scenes of these rows."""
    return accuracy_of(judge, [shards.scene(int(row)) for row in rows], shards.rows("images", rows))


def accuracy_of(
    judge: StorybookJudge, scenes: Sequence[Scene], images: np.ndarray | None = None, batch: int = 64
) -> dict[str, float]:
    """Shares that the judge gets right.

    Args:
        judge: the judge.
        scenes: what there is to see.
        images: their pictures, (N, 128, 128, 3) uint8; drawn where not given.
        batch: pictures read at once.

    Returns:
        "scenes": all things right and none too many; "things": found near their place and named; "false": things too
        many, a scene; "colours": of the painted things that were found; "backgrounds".
    """
    where = next(judge.parameters()).device
    whole = things = seen = colours = painted = grounds = false = 0
    for start in range(0, len(scenes), batch):
        chosen = scenes[start : start + batch]
        shown = np.stack([render(one) for one in chosen]) if images is None else images[start : start + batch]
        with reduced(where):
            found = judge.read(pictures(shown, where))
        for scene, read in zip(chosen, found, strict=True):
            missing = list(read.items)
            for item in scene.items:
                near = [o for o in missing if o.thing == item.thing and abs(o.x - item.x) + abs(o.y - item.y) < 0.2]
                seen += 1
                if near:
                    things += 1
                    missing.remove(near[0])
                    painted += item.colour is not None
                    colours += item.colour is not None and near[0].colour is item.colour
            false += len(missing)
            whole += sorted(i.thing for i in read.items) == sorted(i.thing for i in scene.items)
            grounds += read.background is scene.background
    count = len(scenes)
    return {
        "scenes": whole / count, "things": things / seen, "false": false / count,
        "colours": colours / max(1, painted), "backgrounds": grounds / count,
    }  # fmt: skip
