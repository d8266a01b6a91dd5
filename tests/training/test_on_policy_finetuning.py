"""What the UNet learns from its own pictures: to end in somebody, whom the words allow."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from playground.drawn_world.attributes import ATTRIBUTES, from_labels, wears_hat
from playground.drawn_world.attributes import labels as seen_labels
from playground.drawn_world.drawing import portrait
from playground.drawn_world.natural import natural
from playground.drawn_world.phrases import claims
from playground.drawn_world.sampling import person
from playground.training.recipes import diffusion
from playground.training.recipes.caption_targets import allowed, value_offsets
from playground.training.recipes.latent_classifier import LatentReader
from playground.training.recipes.on_policy_finetuning import (
    AGAIN,
    LATE,
    STEPS,
    Drawings,
    apart,
    meant,
    next_to,
    shares_of,
)
from playground.training.recipes.training_loop import pictures

pytestmark = pytest.mark.slow

OFFSETS, NAMES, CPU = value_offsets(), [attribute.name for attribute in ATTRIBUTES], torch.device("cpu")
EACH = STEPS - LATE + AGAIN  # states of a drawing
ASKED = np.stack([allowed(claims("a smiling person with long red hair and round glasses"))] * 4)


def coarse(images: np.ndarray) -> Tensor:
    """Portraits as latents (B, 4, 8, 8): their colours in 64 places, and how light those are."""
    small = adaptive_avg_pool2d(pictures(images, CPU), 8)
    return torch.cat([small, small.mean(1, keepdim=True)], 1)


def drawings() -> Drawings:
    torch.manual_seed(0)
    unet = diffusion.build(16, 4, 8, widths=(16, 32))
    reader = LatentReader(4, 8, width=16).requires_grad_(False)
    return Drawings(unet, diffusion.scheduler(), reader, coarse, 64, torch.randn(1, 6, 16))


def test_a_picture_is_meant_as_it_reads_unless_the_words_say_otherwise() -> None:
    scores = torch.randn(4, OFFSETS[-1], generator=torch.Generator().manual_seed(0))
    free, bound = meant(scores, np.zeros_like(ASKED)), meant(scores, ASKED)
    overruled = 0
    for index, (start, end) in enumerate(pairwise(OFFSETS)):
        assert (free[:, index] == scores[:, start:end].argmax(1).numpy()).all()
        if not ASKED[0, start:end].any():
            assert (bound[:, index] == free[:, index]).all(), NAMES[index]
            continue
        may = np.nonzero(ASKED[0, start:end])[0]
        assert np.isin(bound[:, index], may).all()
        assert (bound[:, index] == may[scores[:, start + may].argmax(1)]).all(), "the likeliest of those allowed"
        overruled += int((bound[:, index] != free[:, index]).sum())
    assert overruled > 4


def test_a_drawing_is_almost_whom_the_reader_was_least_sure_not_to_see() -> None:
    people = np.stack([seen_labels(person(seed)) for seed in range(40)]).clip(min=0)
    scores = 10 * torch.rand(40, OFFSETS[-1], generator=torch.Generator().manual_seed(0))
    offsets = torch.tensor(OFFSETS[:-1])
    scores[torch.arange(40)[:, None], torch.from_numpy(people).long() + offsets] = 20
    mouth = OFFSETS[NAMES.index("mouth")]
    for row, whom in enumerate(people):  # of the mouth it was less sure than of all else
        scores[row, mouth + (int(whom[NAMES.index("mouth")]) + 1) % 4] = 19
        scores[row, OFFSETS[NAMES.index("hat_colour")] + 3] += 9.5  # and of hats, which few wear
    found = next_to(30 * scores, people, np.random.default_rng(0))
    assert ((found != people).sum(1) == 1).all()
    worn = np.array([wears_hat(from_labels(row)) for row in people])
    mouths = found[:, NAMES.index("mouth")] == (people[:, NAMES.index("mouth")] + 1) % 4
    assert mouths[~worn].all(), "what nobody sees does not count"


def test_of_two_it_was_hardly_sure_of_a_drawing_is_almost_now_the_one_and_now_the_other() -> None:
    whom = seen_labels(person(3)).clip(min=0)
    scores = torch.zeros(OFFSETS[-1])
    scores[torch.from_numpy(whom).long() + torch.tensor(OFFSETS[:-1])] = 20
    for name, lead in (("mouth", 1.0), ("background", 2.0)):
        index = NAMES.index(name)
        scores[OFFSETS[index] + (int(whom[index]) + 1) % 4] = 20 - lead
    found = next_to(scores.expand(2000, -1), np.repeat(whom[None], 2000, 0), np.random.default_rng(0))
    changed = (found != whom).mean(0)
    assert changed.sum() == pytest.approx(1)
    shares = changed[NAMES.index("mouth")], changed[NAMES.index("background")]
    assert sum(shares) == pytest.approx(1) and shares[0] / shares[1] == pytest.approx(np.e, rel=0.15)


def test_every_late_state_waits_once_with_the_person_it_should_end_in() -> None:
    own = drawings()
    own.draw(torch.randn(4, 6, 16), ASKED)
    assert len(own.waiting) == EACH * 4
    waiting = [labels.tolist() for *_, labels in own.waiting]
    people = {tuple(wanted.flatten().tolist()) for _, _, _, wanted, _ in own.waiting}
    assert len(people) <= 4
    times = [int(time) for _, time, *_ in own.waiting]
    assert len(set(times)) == STEPS - LATE and times != sorted(times), "in no order"
    _, whom = own.loss(20)
    assert {tuple(row) for row in whom.tolist()} <= {tuple(row) for row in waiting}
    assert len(own.waiting) == EACH * 4 - 20
    own.loss(EACH * 4)
    assert not own.waiting


def test_what_is_wanted_is_a_portrait_of_whom_it_read() -> None:
    own = drawings()
    read: list[np.ndarray] = []
    own.reader.register_forward_hook(lambda _, __, scores: read.append(meant(scores, ASKED)))
    own.draw(torch.randn(4, 6, 16), ASKED)
    true = coarse(np.stack([portrait(from_labels(row), 64) for row in read[0]]))
    for _, _, _, wanted, labels in own.waiting:
        shown = [one for one, row in zip(true, read[0], strict=True) if (row == labels).all()]
        assert any(torch.equal(wanted, one) for one in shown), "with the labels of that portrait"


def test_drawing_is_guided_by_turns_and_some_states_have_no_words() -> None:
    own = drawings()
    calls: list[int] = []
    own.unet.register_forward_hook(lambda *_: calls.append(1))
    found = []
    for _ in range(2):
        calls.clear()
        own.draw(torch.randn(4, 6, 16), ASKED)
        found.append(len(calls))
    assert found == [STEPS, 2 * STEPS]
    wordless = sum(torch.equal(seen, own.nothing[0]) for _, _, seen, _, _ in own.waiting)
    assert 0 < wordless < len(own.waiting) / 2


def test_it_learns_to_end_where_it_should() -> None:
    own = drawings()
    seen = torch.randn(4, 6, 16)
    optimiser = torch.optim.AdamW(own.unet.parameters(), 2e-3)
    off = []
    for _ in range(8):
        off.append(own.draw(seen, ASKED))
        while own.waiting:
            optimiser.zero_grad()
            own.loss(16)[0].backward()
            optimiser.step()
    assert sum(off[-2:]) < 0.8 * sum(off[:2])


def test_what_is_one_of_two_becomes_the_likelier_and_no_mean_of_both() -> None:
    one, other = torch.randn(2, 1, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    shares = torch.linspace(0, 1, 11).view(-1, 1, 1, 1)  # from the other to the one, which is it six times in ten
    between = shares * one + (1 - shares) * other
    off = 0.6 * apart(between, one) + 0.4 * apart(between, other)
    assert int(off.argmin()) == 10
    assert torch.allclose(apart(one, other), (one - other).square().mean(1).sqrt().mean((1, 2)), rtol=1e-2)


def test_what_is_drawn_too_often_must_be_the_likelier() -> None:
    own = drawings()
    people = np.stack([seen_labels(person(seed)) for seed in range(2000)])
    for start in range(0, len(people), 50):
        own.count(people[start : start + 50])
    assert own.too_often().abs().max() < 0.6, "as in the world, but for chance"
    smiling = people[:50].copy()
    smiling[:, NAMES.index("mouth")] = 1
    for _ in range(20):
        own.count(smiling)
    start, end = list(pairwise(OFFSETS))[NAMES.index("mouth")]
    mouths = own.too_often()[start:end]
    assert mouths[1] > 0.5
    assert (mouths[[0, 2, 3]] < 0).all()


def test_what_is_rare_in_the_world_is_not_too_seldom() -> None:
    people = np.stack([seen_labels(natural(seed)) for seed in range(2000)])
    shares = shares_of(people)
    for start, end in pairwise(OFFSETS):
        assert abs(float(shares[start:end].sum()) - 1) < 1e-5 and (shares[start:end] > 0).all()
    hearts = list(pairwise(OFFSETS))[NAMES.index("eyes")][1] - 1
    assert shares[hearts] < 0.02
    own = drawings()
    own.shares, own.counts = shares, own.counts * 0 + 1e-3
    for start in range(0, len(people), 50):
        own.count(people[start : start + 50])
    common = shares > 0.05
    assert own.too_often()[common].abs().max() < 0.6, "as in the world, but for chance"


def test_drawings_are_meant_to_be_what_is_drawn_too_seldom() -> None:
    own = drawings()
    start, end = list(pairwise(OFFSETS))[NAMES.index("background")]
    for rare in range(end - start):
        own.counts[start:end] = 1e6
        own.counts[start + rare] = 1e-6
        own.waiting.clear()
        own.draw(torch.randn(4, 6, 16), ASKED)
        assert {int(labels[NAMES.index("background")]) for *_, labels in own.waiting} == {rare}
        assert own.counts[start + rare] > 3, "every drawing counts"
        mouths = {int(labels[NAMES.index("mouth")]) for *_, labels in own.waiting}
        assert mouths <= set(np.nonzero(ASKED[0, slice(*list(pairwise(OFFSETS))[NAMES.index("mouth")])])[0])
