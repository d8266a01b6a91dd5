"""Losses of naming: what a picture shows, and what words claim.

Invariants: scores are a row of all values of all attributes, in the order of `ATTRIBUTES`; what is not to be
seen costs nothing, and what nobody said costs little.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from playground.drawn_world.attributes import HIDDEN
from playground.training.recipes.caption_targets import value_offsets


def seeing_loss(scores: Tensor, labels: np.ndarray, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy per attribute that is to be seen; scores (B, V), labels (B, A), weights of pictures (B,)."""
    offsets = value_offsets()
    known = torch.from_numpy(np.where(labels == HIDDEN, -100, labels).astype(np.int64)).to(scores.device)
    counts = torch.ones(len(known), device=scores.device) if weights is None else weights
    losses = [
        (F.cross_entropy(scores[:, start:end], known[:, index], reduction="none") * counts).sum() / seen
        for index, (start, end) in enumerate(pairwise(offsets))
        if (seen := int((known[:, index] >= 0).sum()))
    ]
    return torch.stack(losses).mean()


def reading_loss(scores: Tensor, allowed: np.ndarray) -> Tensor:
    """Binary cross-entropy of what a caption allows (B, V); few are, so those count more."""
    wanted = torch.from_numpy(allowed.astype(np.float32)).to(scores.device)
    return F.binary_cross_entropy_with_logits(scores, wanted, pos_weight=torch.tensor(5.0, device=scores.device))
