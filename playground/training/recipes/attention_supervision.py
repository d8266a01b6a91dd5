"""What to look for while answering, and where: supervision for attention that this world gives for nothing.

Invariants: the state that asks must say what the question claims, and the picture's tokens must say whom they
show, in heads that do not ship; and some heads of one layer are held to look at whom a question is about before the
first word of its answer, and at what a box holds before each of its coordinates. Who is not there is looked for in
vain: then they rest on the very first token, as attention does when there is nothing to see, after Xiao et al. (2024),
arXiv:2309.17453. Finding somebody by words is a search that answers alone teach very slowly; nothing is added to the
model. After Liu et al. (2016), arXiv:1609.04186.
"""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import LlamaModel
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from playground.drawn_world.phrases import claims
from playground.drawn_world.questions import Asked
from playground.training.recipes.attribute_losses import reading_loss
from playground.training.recipes.caption_targets import allowed, value_offsets
from playground.training.recipes.dense_supervision import Scenes, naming_whole
from playground.training.recipes.sequence_packing import Packed

Targets = tuple[Tensor, Tensor, Tensor]  # tokens by row and column (m,), where each looks (m, 1 + side²) bool
LAYER, HEADS = 2, 4  # of four layers with eight heads: late enough to have read the question, early enough to tell


class Gaze:
    """What the heads that point look for and at, in the last forward pass of a Llama."""

    def __init__(self, text: LlamaModel, layer: int = LAYER, heads: int = HEADS) -> None:
        self.claimed = nn.Linear(text.config.hidden_size, value_offsets()[-1])
        self.shown = nn.Linear(text.config.hidden_size, value_offsets()[-1])
        self.attention: Any = text.layers[min(layer, len(text.layers) - 1)].self_attn
        self.heads = min(heads, text.config.num_attention_heads)
        self.attention.register_forward_pre_hook(self._catch, with_kwargs=True)
        self.caught: dict[str, Any] = {}

    def _catch(self, _: nn.Module, __: Any, called: dict[str, Any]) -> None:
        self.caught = called

    def weights(self, packed: Packed) -> Tensor:
        """(B, heads, L, L): what each token of the packed questions looks at. Sums to one."""
        states, (cos, sin) = self.caught["hidden_states"], self.caught["position_embeddings"]
        width = self.heads * self.attention.head_dim

        def heads(projection: nn.Linear) -> Tensor:
            return (states @ projection.weight[:width].T).unflatten(2, (self.heads, -1)).transpose(1, 2)

        q, k = apply_rotary_pos_emb(heads(self.attention.q_proj), heads(self.attention.k_proj), cos, sin)
        scores = q @ k.transpose(2, 3) * self.attention.scaling
        return scores.masked_fill(~packed.mask, -torch.inf).softmax(3)

    def claims_loss(self, packed: Packed, asked: list[list[Asked]]) -> Tensor:
        """How badly the last token of each question says what the question claims of those it is about."""
        at = [(row, column) for row, column, _ in packed.starts]
        said = np.stack([_claimed(asked[row][number].prompt) for row, _, number in packed.starts])
        rows, columns = torch.tensor(at, device=packed.ids.device).T
        return reading_loss(self.claimed(self.caught["hidden_states"][rows, columns]), said)

    def shown_loss(self, places: Tensor, scenes: Scenes, rows: np.ndarray) -> tuple[Tensor, float]:
        """How badly the picture's tokens, in columns `places`, say what their people look like; and the share right.

        What the eyes know reaches the words through one narrow layer, and what words seldom ask for does not come by
        itself: without this, colours of clothes and skins were never found by.
        """
        return naming_whole(self.shown(self.caught["hidden_states"][:, places]), scenes, rows)

    def losses(
        self, packed: Packed, places: Tensor, asked: list[list[Asked]], boxes: list[np.ndarray]
    ) -> tuple[Tensor, Tensor]:
        """Mean negative logarithms of the share of attention that lies where it should: in searches, along boxes.

        `places` (P,) are the columns of the picture's tokens, row by row of a square; `boxes` (n, 4) are those of each
        picture's record, in fractions of its side. A picture has few searches and many coordinates: apart, neither
        drowns the other.
        """
        side = round(len(places) ** 0.5)
        # To the very first token and to the picture, (B, L, heads, 1 + P).
        seen = self.weights(packed)[..., nn.functional.pad(places, (1, 0))].transpose(1, 2)
        return _missed(seen, searches(packed, asked, boxes, side)), _missed(seen, traces(packed, side))


def _missed(seen: Tensor, found: Targets) -> Tensor:
    rows, columns, wanted = (each.to(seen.device) for each in found)
    within = (seen[rows, columns] * wanted[:, None]).sum(2)  # (m, heads)
    return -within.clamp_min(1e-6).log().sum() / max(1, within.numel())


@functools.lru_cache(maxsize=100_000)
def _claimed(prompt: str) -> np.ndarray:
    return allowed(claims(prompt))


def searches(packed: Packed, asked: list[list[Asked]], boxes: list[np.ndarray], side: int) -> Targets:
    """Before the first word of an answer: at all that the question is about, or at the first token if it is absent."""
    found = []
    for row, column, number in packed.starts:
        question = asked[row][number]
        if question.boxes or question.absent:
            at = cells(boxes[row][list(question.boxes)], side).any(0)
            found.append((row, column, np.append(question.absent, at)))
    return _targets(found, side)


def traces(packed: Packed, side: int) -> Targets:
    """Before each of a box's four coordinates: at what it holds."""
    return _targets(
        [
            (row, column + offset, np.append(False, cells(box[None], side)[0]))
            for row, column, box in packed.spelled
            for offset in range(4)
        ],
        side,
    )


def _targets(found: list[tuple[int, int, np.ndarray]], side: int) -> Targets:
    wanted = np.zeros((len(found), 1 + side**2), bool)
    for number, (_, _, at) in enumerate(found):
        wanted[number] = at
    rows, columns = [row for row, _, _ in found], [column for _, column, _ in found]
    return torch.tensor(rows, dtype=torch.long), torch.tensor(columns, dtype=torch.long), torch.from_numpy(wanted)


def cells(boxes: np.ndarray, side: int) -> np.ndarray:
    """(n, side²) bool: the cells of a square grid that lie by half in each box (n, 4), or the one that most does."""
    edges = np.arange(side + 1) / side

    def covered(low: np.ndarray, high: np.ndarray) -> np.ndarray:  # (n, side) of each cell's width
        return np.clip(np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1]), 0, None) * side

    across, down = covered(boxes[:, 0], boxes[:, 2]), covered(boxes[:, 1], boxes[:, 3])
    share = (down[:, :, None] * across[:, None, :]).reshape(len(boxes), side * side)
    return (share >= 0.5) | (share == share.max(1, keepdims=True))


def fractions(record: dict[str, Any], size: int) -> np.ndarray:
    """(n, 4) the boxes of a record, in fractions of the picture's side."""
    return np.array([[box[side] / size for side in ("x0", "y0", "x1", "y1")] for box in record["boxes"]])
