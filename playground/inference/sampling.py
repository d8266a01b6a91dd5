"""From logits to the next token: the samplers, in the order every engine keeps.

Invariants: pure functions on one position's logits; no model, no tokenizer. Imports torch, and
is itself imported only by modules that do.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from playground.inference.types import Sampling


def sample_probabilities(logits: Tensor, context_ids: Sequence[int], sampling: Sampling) -> Tensor:
    """The distribution the next token is drawn from.

    `logits` (vocab,), any float dtype: the model's own. `context_ids`: prompt and reply so far, which the
    repetition penalty (CTRL, arXiv 1909.05858) looks at. Returns (vocab,) float32 that sums to 1, after
    repetition penalty, temperature, top-k, top-p (nucleus, arXiv 1904.09751) and min-p (arXiv 2407.01082):
    what transformers' logits processors give when chained in this order. Temperature 0 gives all
    probability to the likeliest token (the first of them on a tie).
    """
    scores = logits.float()
    if sampling.repetition_penalty != 1.0:
        scores = _penalise(scores, context_ids, sampling.repetition_penalty)
    if sampling.temperature == 0:
        return torch.zeros_like(scores).index_fill_(0, scores.argmax(), 1.0)
    scores = scores / sampling.temperature
    if 0 < sampling.top_k < scores.shape[0]:
        kth = scores.topk(sampling.top_k).values[-1]
        scores = scores.masked_fill(scores < kth, -torch.inf)  # a tie with the k-th stays
    if scores.device.type != "cpu":
        return _min_p(_top_p(scores, sampling.top_p), sampling.min_p).softmax(-1)
    # On a CPU sorting the whole vocabulary costs more than all the rest: go on with what top-k left.
    kept = (scores != -torch.inf).nonzero().squeeze(1)  # (kept,)
    small = _min_p(_top_p(scores[kept], sampling.top_p), sampling.min_p).softmax(-1)
    return torch.zeros_like(scores).index_copy_(0, kept, small)


def draw(probabilities: Tensor, generator: torch.Generator) -> int:
    """Draw one token id from `probabilities` (vocab,). `generator` lives on the CPU, whatever the device."""
    return int(draw_index(probabilities, generator))


def draw_index(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """`draw` without waiting for the device: a () int64 tensor where `probabilities` are.

    The inverse of the cumulative distribution at one uniform number, so a seed means the same on every
    device and a token of probability 0 is never drawn.
    """
    if probabilities.device.type == "mps":  # has no float64
        probabilities = probabilities.cpu()
    uniform = torch.rand((), generator=generator, dtype=torch.float64, device="cpu").to(probabilities.device)
    cumulative = probabilities.to(torch.float64).cumsum(0)  # (vocab,)
    total = cumulative[-1]
    # Rounding must not lift the threshold to the total, which lies beyond the last token.
    threshold = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
    # Numbers that are not (NaN) find no place; an index beyond the vocabulary would bring a GPU down.
    return torch.searchsorted(cumulative, threshold, right=True).clamp_(max=cumulative.shape[0] - 1)


def _penalise(scores: Tensor, context_ids: Sequence[int], penalty: float) -> Tensor:
    seen = sorted({token for token in context_ids if token < scores.shape[0]})
    index = torch.tensor(seen, dtype=torch.int64, device=scores.device)
    old = scores[index]
    return scores.index_copy(0, index, torch.where(old < 0, old * penalty, old / penalty))


def _top_p(scores: Tensor, top_p: float) -> Tensor:
    """Keep the likeliest tokens whose probabilities together reach `top_p`; at least one."""
    if top_p >= 1:
        return scores
    ascending, order = scores.sort()
    remove = ascending.softmax(-1).cumsum(-1) <= 1 - top_p
    remove[-1] = False
    return scores.masked_fill(remove.scatter(0, order, remove), -torch.inf)


def _min_p(scores: Tensor, min_p: float) -> Tensor:
    """Drop the tokens less than `min_p` times as likely as the likeliest."""
    if min_p <= 0:
        return scores
    probabilities = scores.softmax(-1)
    return scores.masked_fill(probabilities < min_p * probabilities.max(), -torch.inf)
