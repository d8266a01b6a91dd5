"""What the UNet learns from its own pictures: that they have what was asked for, and nothing about the rest."""

import numpy as np
import torch

from playground.training.attributes import ATTRIBUTES
from playground.training.phrases import claims
from playground.training.recipes import diffusion
from playground.training.recipes.captioned import allowed, value_offsets
from playground.training.recipes.feedback import feedback
from playground.training.recipes.naming import obeying_loss
from playground.training.recipes.reader import LatentReader

OFFSETS, NAMES = value_offsets(), [attribute.name for attribute in ATTRIBUTES]


def surely(**values: str) -> torch.Tensor:
    """Scores (1, V) of a picture that has these values for sure, and of the rest anything."""
    scores = torch.zeros(1, OFFSETS[-1])
    for name, value in values.items():
        index = NAMES.index(name)
        scores[0, OFFSETS[index] + [str(v) for v in ATTRIBUTES[index].values].index(value)] = 20.0
    return scores


def test_what_words_allow_costs_nothing_and_what_they_do_not_name_has_no_say() -> None:
    asked = allowed(claims("a bald person with round glasses"))[None]
    tops = [str(value) for value in ATTRIBUTES[NAMES.index("top")].values]
    right = surely(top="bald", glasses="round glasses").requires_grad_()
    loss = obeying_loss(right, asked)
    assert loss < 1e-5
    wrong = obeying_loss(surely(top=next(v for v in tops if v != "bald"), glasses="round glasses"), asked)
    assert abs(wrong - 10) < 0.1, "one of two named things is wrong, by a score of 20"
    loss.backward()
    assert right.grad is not None
    untouched = NAMES.index("mouth")
    assert not right.grad[0, OFFSETS[untouched] : OFFSETS[untouched + 1]].any()


def test_any_of_several_allowed_values_is_as_good() -> None:
    asked = allowed(claims("a person with long hair"))[None]
    top = NAMES.index("top")
    may = [str(v) for v, fits in zip(ATTRIBUTES[top].values, asked[0, OFFSETS[top] :], strict=False) if fits]
    assert len(may) > 1
    assert all(obeying_loss(surely(top=value), asked) < 1e-5 for value in may)
    between = sum(surely(top=value) for value in may)
    assert isinstance(between, torch.Tensor) and obeying_loss(between, asked) < 1e-5


def test_it_learns_to_draw_what_is_read_as_asked() -> None:
    torch.manual_seed(0)
    unet, scheduler = diffusion.build(16, 4, 8, widths=(16, 32)), diffusion.scheduler()
    reader = LatentReader(4, 8, width=16).requires_grad_(False)
    seen = torch.randn(4, 6, 16)
    asked = np.stack([allowed(claims("a smiling person with red hair and round glasses"))] * 4)
    optimiser = torch.optim.AdamW(unet.parameters(), 2e-3)
    missed = []
    for _ in range(12):
        optimiser.zero_grad()
        missed.append(feedback(unet, scheduler, reader, seen, asked, 1.0))
        optimiser.step()
    assert missed[-1] < 0.8 * missed[0]
    before = [p.grad.clone() for p in unet.parameters() if p.grad is not None]
    feedback(unet, scheduler, reader, seen, asked, 0.0)
    after = [p.grad for p in unet.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True)), "the weight is the gradient's"
