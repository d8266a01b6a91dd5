"""How well the judges see: the ceiling of every other figure."""

from pathlib import Path

import numpy as np
import torch

from playground.drawn_world.attributes import ATTRIBUTES
from playground.drawn_world.sampling import Split, person, seeds
from playground.training.evaluation import metrics
from playground.training.evaluation.model_card import Row, percent


def table(models: Path, count: int, name: str) -> list[Row]:
    """Accuracy of that judge on `count` held-out portraits, and its agreement with the other one."""
    judge = metrics.judge(name, models)
    other = metrics.judge("avatar-judge" if name != "avatar-judge" else "avatar-judge-2", models)
    images, truth = metrics.drawn([person(seed) for seed in seeds(Split.HELD_OUT, count)], judge.size)
    seen, seen_by_other = metrics.read(judge, images), metrics.read(other, images)
    right = seen.labels == truth
    half = count // 2
    blends = metrics.read(judge, 0.5 * images[:half] + 0.5 * images[half : 2 * half])
    noise = metrics.read(judge, torch.rand(256, *images.shape[1:], generator=torch.Generator().manual_seed(0)) * 2 - 1)
    rows = [
        Row("attributes right", percent(right.mean()), "", f"{count} held-out portraits"),
        Row("portraits with all attributes right", percent(right.all(1).mean())),
        Row("agreement of the two judges", percent((seen.labels == seen_by_other.labels).mean())),
        Row("mean confidence", percent(seen.confidence.mean()), "", "calibrated: near the share that is right"),
        Row("true portraits judged valid", percent(seen.valid.mean()), "", f"bar {judge.threshold:.2f}"),
        Row("blends of two portraits judged valid", percent(blends.valid.mean()), "", "should be near 0"),
        Row("noise judged valid", percent(noise.valid.mean()), "", "should be 0"),
    ]
    accuracy = dict(zip((a.name for a in ATTRIBUTES), right.mean(0), strict=True))
    rows += [Row(f"– {key.replace('_', ' ')}", percent(share)) for key, share in accuracy.items()]
    assert np.isfinite(right.mean())
    return rows
