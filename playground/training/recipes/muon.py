"""Two optimisers for one network: Muon for the weights between its layers, AdamW for all else. Jordan et al. (2024).

Invariants: a step of Muon turns every singular direction of a weight by the same amount, where AdamW follows the
few that are loud. Embeddings, heads, biases, norms and the first and last convolutions are not maps between hidden
states, and stay with AdamW. https://kellerjordan.github.io/posts/muon/
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

LEAST = 64  # rows and columns: a smaller matrix goes between a hidden state and something else


class Muon(torch.optim.Muon):
    """torch's Muon, which steps matrices, for convolutions as well: a kernel (out, in, h, w) is out rows of the rest.

    Args:
        groups: parameter groups; on their device already, and channels last if they are convolutions.
        rate: as for AdamW, whose steps it matches in size; Liu et al. (2025), arXiv:2502.16982.
        decay: weight decay.
    """

    def __init__(self, groups: list[dict[str, Any]], rate: float, decay: float) -> None:
        self.weights = [weight for group in groups for weight in group["params"]]
        seen = [{**group, "params": [nn.Parameter(_matrix(w.data)) for w in group["params"]]} for group in groups]
        super().__init__(seen, rate, decay, adjust_lr_fn="match_rms_adamw")

    def zero_grad(self, set_to_none: bool = True) -> None:
        super().zero_grad(set_to_none)
        for weight in self.weights:
            weight.grad = None

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        matrices = [matrix for group in self.param_groups for matrix in group["params"]]
        for matrix, weight in zip(matrices, self.weights, strict=True):
            matrix.grad = None if weight.grad is None else _matrix(weight.grad).contiguous()
        return super().step(closure)


class Both:
    """Muon and AdamW side by side, with one `zero_grad` and one `step`.

    `groups` are lists of parameters, with what else their group says (`share` of the rate). Of them, the weights in
    `hidden` go to Muon if they are at least `LEAST` rows and columns.
    """

    def __init__(
        self, groups: list[dict[str, Any]], hidden: Iterable[nn.Parameter], rate: float, betas: tuple[float, float],
        decay: float,
    ) -> None:  # fmt: skip
        between = {id(weight) for weight in hidden if weight.ndim in (2, 4) and min(_shape(weight)) >= LEAST}

        def those(muons: bool) -> list[dict[str, Any]]:
            chosen = [{**g, "params": [p for p in g["params"] if (id(p) in between) == muons]} for g in groups]
            return [group for group in chosen if group["params"]]

        self.each: dict[str, torch.optim.Optimizer] = {
            "adam": torch.optim.AdamW(those(False), rate, betas=betas, weight_decay=decay)
        }
        if matrices := those(True):
            self.each["muon"] = Muon(matrices, rate, decay)

    def zero_grad(self) -> None:
        for optimiser in self.each.values():
            optimiser.zero_grad(set_to_none=True)

    def step(self) -> None:
        for optimiser in self.each.values():
            optimiser.step()


def _shape(weight: Tensor) -> tuple[int, int]:
    return weight.shape[0], weight.numel() // weight.shape[0]


def _matrix(weight: Tensor) -> Tensor:
    """(out, in, h, w) as (out, h w in), which of channels-last memory is a view: what steps it steps the kernel."""
    return weight.permute(0, 2, 3, 1).flatten(1) if weight.ndim == 4 else weight
