"""Attribute histogram: how often samples show each value of each attribute, beside the training data.

Invariants: the judge classifies samples, the atlas holds the labels of the training data; an attribute is counted
among the pictures that show it. Histograms are cumulative: each is of all samples so far.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from playground.avatars.gan import AvatarGenerator
from playground.avatars.judge import AvatarJudge
from playground.gan import forward, styles
from playground.gan.types import AttributeFrequencies, AttributeHistogram
from playground.runtime.task import Task
from playground.vae.atlas import Atlas

REPORT_EVERY = 8  # batches


def count_attributes(
    generator: AvatarGenerator, judge: AvatarJudge, atlas: Atlas, seeds: Sequence[int], truncation: float, task: Task
) -> Iterator[AttributeHistogram]:
    """Count attributes of samples.

    Args:
        generator: draws the samples.
        judge: classifies them.
        atlas: labels of the training data.
        seeds: one sample each.
        truncation: psi of all samples.
        task: checked between two batches.

    Yields:
        A histogram after every 8 batches, the last of all samples.

    Raises:
        Cancelled: between two batches.
    """
    w = styles.truncate(forward.map_seeds(generator, seeds), forward.mean_w(generator), truncation)
    labels = np.empty((0, len(judge.names)), np.int64)
    confident = 0
    for number, x in enumerate(forward.synthesize_batches(generator, w), start=1):
        task.check()
        predicted, confidence = judge.predict(forward.resize(x, judge.size))
        labels = np.concatenate([labels, predicted.numpy()])
        confident += int((confidence.amin(dim=1) >= judge.threshold).sum())
        if number % REPORT_EVERY == 0 or len(labels) == len(seeds):
            yield _histogram(judge, labels, atlas, len(seeds), confident)


def _histogram(judge: AvatarJudge, labels: np.ndarray, atlas: Atlas, total: int, confident: int) -> AttributeHistogram:
    found = []
    known = set(zip(atlas.names, atlas.values, strict=True))
    for place, name in enumerate(judge.names):
        values = judge.values[place][:-1]  # the last is “not to be seen”
        if (name, values) in known:
            found.append(_frequencies(name, values, labels[:, place], atlas.labels[:, atlas.names.index(name)]))
    seen = [sample > 0 for each in found for sample, real in zip(each.samples, each.dataset, strict=True) if real > 0]
    return AttributeHistogram(len(labels), total, tuple(found), confident / len(labels), sum(seen) / max(1, len(seen)))


def _frequencies(name: str, values: tuple[str, ...], samples: np.ndarray, dataset: np.ndarray) -> AttributeFrequencies:
    ours, theirs = _shares(samples, len(values)), _shares(dataset, len(values))
    distance = 0.5 * float(np.abs(ours - theirs).sum())
    return AttributeFrequencies(name, values, tuple(ours.tolist()), tuple(theirs.tolist()), distance)


def _shares(labels: np.ndarray, count: int) -> np.ndarray:
    """(count,): the share of each label among those that are visible; all 0 where none is."""
    visible = labels[labels >= 0]
    return np.bincount(visible, minlength=count)[:count] / max(1, len(visible))
