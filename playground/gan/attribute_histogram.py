"""How often samples show each value of each attribute, beside how often the world does.

Invariants: the judge reads samples and the atlas knows the world; an attribute is counted among the pictures
that show it. A histogram grows: one after every batch, the last is of all samples.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from playground.avatars.gan import AvatarGenerator
from playground.avatars.judge import AvatarJudge
from playground.gan import forward, styles
from playground.gan.types import Bars, Histogram
from playground.runtime.task import Task
from playground.vae.atlas import Atlas

TOLD_EVERY = 8  # batches


def histogram(
    generator: AvatarGenerator, judge: AvatarJudge, world: Atlas, seeds: Sequence[int], truncation: float, task: Task
) -> Iterator[Histogram]:
    """Histograms of more and more of the samples of these seeds. Raises `Cancelled` between two batches."""
    w = forward.map_seeds(generator, seeds)
    w = styles.truncated(w, forward.mean_style(generator), truncation)
    labels = np.empty((0, len(judge.names)), np.int64)
    sure = 0
    for number, x in enumerate(forward.in_batches(generator, w), start=1):
        task.check()
        read, confidence = judge.read(forward.resize(x, judge.size))
        labels = np.concatenate([labels, read.numpy()])
        sure += int((confidence.amin(dim=1) >= judge.threshold).sum())
        if number % TOLD_EVERY == 0 or len(labels) == len(seeds):
            yield _histogram(judge, labels, world, len(seeds), sure)


def _histogram(judge: AvatarJudge, labels: np.ndarray, world: Atlas, wanted: int, sure: int) -> Histogram:
    bars = []
    known = set(zip(world.names, world.values, strict=True))
    for place, name in enumerate(judge.names):
        values = judge.values[place][:-1]  # the last is “not to be seen”
        if (name, values) in known:
            bars.append(_bars(name, values, labels[:, place], world.labels[:, world.names.index(name)]))
    shown = [ours > 0 for each in bars for ours, theirs in zip(each.samples, each.world, strict=True) if theirs > 0]
    return Histogram(len(labels), wanted, tuple(bars), sure / len(labels), sum(shown) / max(1, len(shown)))


def _bars(name: str, values: tuple[str, ...], samples: np.ndarray, world: np.ndarray) -> Bars:
    ours, theirs = _shares(samples, len(values)), _shares(world, len(values))
    distance = 0.5 * float(np.abs(ours - theirs).sum())
    return Bars(name, values, tuple(ours.tolist()), tuple(theirs.tolist()), distance)


def _shares(labels: np.ndarray, count: int) -> np.ndarray:
    """(count,): the share of each label among those that are seen; all 0 where none is."""
    seen = labels[labels >= 0]
    return np.bincount(seen, minlength=count)[:count] / max(1, len(seen))
