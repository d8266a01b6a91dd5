"""What the UNet learns from its own pictures: who is the nearest to what was asked, and that it gets there."""

import numpy as np
import torch

from playground.training.attributes import ATTRIBUTES, HIDDEN, Glasses, Top, labels
from playground.training.phrases import claims
from playground.training.recipes import diffusion
from playground.training.recipes.captioned import allowed, value_offsets
from playground.training.recipes.feedback import feedback, nearest
from playground.training.recipes.reader import LatentReader
from playground.training.sampling import Split, person, seeds

NAMES = [attribute.name for attribute in ATTRIBUTES]


def scores_of(labelled: np.ndarray) -> torch.Tensor:
    """Scores (B, V) that say these labels (B, A) for sure; nothing of what is not to be seen."""
    found = torch.zeros(len(labelled), value_offsets()[-1])
    for row, values in enumerate(labelled):
        for start, value in zip(value_offsets(), values, strict=False):
            if value != HIDDEN:
                found[row, start + value] = 9.0
    return found


def test_without_words_the_nearest_is_who_is_read() -> None:
    people = np.stack([labels(person(seed)) for seed in seeds(Split.HELD_OUT, 32)])
    nothing = np.zeros((32, value_offsets()[-1]), bool)
    assert (nearest(scores_of(people), nothing) == people).all()


def test_words_choose_among_what_they_allow_and_hide_what_they_cover() -> None:
    people = np.stack([labels(person(seed)) for seed in seeds(Split.HELD_OUT, 32)])
    asked = np.stack([allowed(claims("a bald person with sunglasses"))] * 32)
    found = nearest(scores_of(people), asked)
    values = dict(zip(NAMES, ATTRIBUTES, strict=True))
    assert {values["top"].values[value] for value in found[:, NAMES.index("top")]} == {Top.BALD}
    assert (found[:, NAMES.index("hat_colour")] == HIDDEN).all(), "the bald wear no hat"
    assert Glasses.NONE not in {values["glasses"].values[value] for value in found[:, NAMES.index("glasses")]}
    assert (found[:, NAMES.index("eyes")] == HIDDEN).all(), "dark glasses hide the eyes"
    untouched = NAMES.index("background")
    assert (found[:, untouched] == people[:, untouched]).all()


def test_it_learns_to_draw_what_is_read_as_asked() -> None:
    torch.manual_seed(0)
    unet, scheduler = diffusion.build(16, 4, 8, widths=(16, 32)), diffusion.scheduler()
    reader = LatentReader(4, 8, width=16).requires_grad_(False)
    seen = torch.randn(4, 6, 16)
    asked = np.stack([allowed(claims("a smiling person with red hair and round glasses"))] * 4)
    optimiser = torch.optim.AdamW(unet.parameters(), 2e-3)
    missed = []
    for _ in range(24):
        optimiser.zero_grad()
        missed.append(feedback(unet, scheduler, reader, seen, asked, 1.0))
        optimiser.step()
    assert missed[-1] < 0.8 * missed[0]
    before = [p.grad.clone() for p in unet.parameters() if p.grad is not None]
    torch.manual_seed(1)
    feedback(unet, scheduler, reader, seen, asked, 0.0)
    after = [p.grad for p in unet.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True)), "the weight is the gradient's"
