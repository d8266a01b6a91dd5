"""The measures: what a judge reads, how near two sets of pictures are, how even a path is.

Invariants: pure functions of arrays and networks; each says its definition, since names alone promise too much.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.avatars.judge import AvatarJudge
from playground.drawn_world.attributes import HIDDEN, Person, labels
from playground.drawn_world.drawing import portrait
from playground.training.recipes.training_loop import pictures

BATCH = 64  # larger ones spend their time asking the system for memory


@dataclass(frozen=True)
class Reading:
    """What a judge reads in N pictures: labels and their confidence (N, A), all probabilities, and which are valid."""

    labels: np.ndarray  # (N, A), -1 where an attribute is not to be seen
    confidence: np.ndarray  # (N, A)
    probabilities: tuple[np.ndarray, ...]  # per attribute (N, K + 1)
    valid: np.ndarray  # (N,) bool
    features: np.ndarray  # (N, F)


def judge(name: str, models: Path) -> AvatarJudge:
    """A judge of the shipped ones, by the name of its folder."""
    return AvatarJudge.from_pretrained(models / name).eval().requires_grad_(False)


@torch.no_grad()
def read(judge: AvatarJudge, images: Tensor) -> Reading:
    """What the judge reads in (N, 3, S, S), as they would be shown: clamped to -1..1.

    Pictures larger than the judge's by a whole factor are averaged down to it.
    """
    parts = []
    for part in images.split(BATCH):
        inner = judge.features(F.avg_pool2d(part.clamp(-1, 1), part.shape[-1] // judge.size))
        parts.append((inner, *(F.softmax(each, dim=1) for each in judge.classify(inner))))
    features, *probabilities = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
    confidence = np.stack([each.max(1) for each in probabilities], axis=1)
    labels = np.stack([each.argmax(1) for each in probabilities], axis=1)
    labels[labels == [len(values) - 1 for values in judge.values]] = HIDDEN
    return Reading(labels, confidence, tuple(probabilities), confidence.min(1) >= judge.threshold, features)


@torch.no_grad()
def in_batches(draw: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """`draw` over (N, …), a few hundred at a time."""
    return torch.cat([draw(part) for part in inputs.split(BATCH)])


def drawn(people: list[Person], size: int) -> tuple[Tensor, np.ndarray]:
    """Portraits of these people as (N, 3, S, S) in -1..1, and their labels (N, A)."""
    images = np.stack([portrait(who, size) for who in people])
    return pictures(images, torch.device("cpu")), np.stack([labels(who) for who in people])


def psnr(a: Tensor, b: Tensor) -> np.ndarray:
    """Peak signal-to-noise ratio of every pair, in dB; both (N, 3, S, S) in -1..1."""
    error = (a.clamp(-1, 1) - b).square().flatten(1).mean(1) / 4
    return (-10 * torch.log10(error.clamp(min=1e-10))).numpy()


def total_variation(before: Reading, after: Reading) -> np.ndarray:
    """(N, A): half the L1 distance between the judge's probabilities before and after, 0..1."""
    pairs = zip(before.probabilities, after.probabilities, strict=True)
    return np.stack([0.5 * np.abs(a - b).sum(1) for a, b in pairs], axis=1)


def kid(a: np.ndarray, b: np.ndarray, subsets: int = 50, size: int = 500, seed: int = 0) -> float:
    """Kernel inception distance times 1,000, Binkowski et al. (2018), arXiv:1801.01401, on any features (N, F).

    `b` are those of true pictures, which standardise both. The unbiased estimate of the squared maximum mean
    discrepancy with the kernel (x.y / F + 1)^3, mean over subsets.
    The number depends on the net the features come from: compare it with its floor, never across nets.
    """
    rng = np.random.default_rng(seed)
    width = a.shape[1]
    mean, spread = b.mean(0), b.std(0) + 1e-6  # of the true pictures, so that no feature counts by its unit
    a, b = (a - mean) / spread, (b - mean) / spread
    found = []
    for _ in range(subsets):
        x, y = (each[rng.choice(len(each), size, replace=False)] for each in (a, b))
        xx, yy, xy = ((left @ right.T / width + 1) ** 3 for left, right in ((x, x), (y, y), (x, y)))
        n = len(x)
        within = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (n * (n - 1))
        found.append(within - 2 * xy.mean())
    return 1000 * float(np.mean(found))


def evenness(frames: np.ndarray) -> float:
    """The largest step along a path of pictures (T, …) over the mean step: 1 is perfectly even."""
    steps = np.sqrt(np.square(np.diff(frames.reshape(len(frames), -1).astype(float), axis=0)).sum(1))
    return float(steps.max() / steps.mean())


def chunks(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `count` rows."""
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))
