"""A network twice as wide that computes the same: Net2WiderNet of Chen et al. (2016), arXiv:1511.05641.

Invariants: every channel becomes two neighbours that say the same, so that the groups of a group norm stay what
they were. What listened to one of them listens to both, to each with a random share: the shares differ from listener
to listener, so two that begin alike part as they learn.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

SPREAD = 0.35  # standard deviation of a share about its half


def widen(weight: Tensor, shape: torch.Size, shares: torch.Generator) -> Tensor:
    """A weight (out, in, …) or a bias (out,) for a layer of this `shape`, whose sides are once or twice as long."""
    wide = weight.repeat_interleave(shape[0] // len(weight), 0)
    if wide.ndim > 1 and shape[1] > wide.shape[1]:
        first = 0.5 + SPREAD * torch.randn(*wide.shape[:2], *[1] * (wide.ndim - 2), generator=shares)
        wide = torch.stack([wide * first, wide * (1 - first)], 2).flatten(1, 2)
    return wide


def take_over(large: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give `large` the weights of a smaller network, by name, widened where it is wider.

    What only `large` has stays as it began. Where its widths are twice the others' throughout, and it has nothing of
    its own, it computes the same. Raises `RuntimeError` where a shape is neither the same nor twice as long.
    """
    state, shares = large.state_dict(), torch.Generator().manual_seed(7)
    mine = {name: widen(weight, state[name].shape, shares) for name, weight in weights.items() if name in state}
    large.load_state_dict({**state, **mine})
