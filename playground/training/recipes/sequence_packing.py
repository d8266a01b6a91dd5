"""Many questions about one picture in one sequence, each of which sees the picture and itself.

Invariants: what is learnt is what would be learnt one question at a time, for a fraction of the work; the test
that compares both is the proof.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from playground.grounding.minigpt_prompt import COORDINATES, opening, turn

ROOM = 200  # tokens of questions and answers about one picture
BLUR = 1.0  # coordinates: standard deviation of the wanted distribution, in hundredths


@dataclass(frozen=True)
class Packed:
    """Questions and answers in rows (B, L): tokens, places, who looks at whom (B, 1, L, L), what is to be learnt."""

    ids: Tensor
    places: Tensor
    mask: Tensor
    wanted: Tensor  # bool: the token is part of an answer
    starts: list[tuple[int, int, int]]  # row, column and number of each question: its last token before the answer
    spelled: list[tuple[int, int, np.ndarray]]  # row and column of the "{" of each box in an answer; (4,) in 0..1


def pack(
    tokenizer: PreTrainedTokenizerFast, turns: list[list[tuple[str, str]]], talks: np.ndarray, where: torch.device
) -> Packed:
    """The questions of each picture behind its tokens: apart, or as a conversation where `talks` (B,) says so.

    Of each picture as many questions as find room in `ROOM` tokens, and one at least: rows alike waste nothing.
    """
    head = tokenizer(opening(), add_special_tokens=False).input_ids
    texts = [
        part for talk, some in zip(talks, turns, strict=True) for i, (prompt, answer) in enumerate(some)
        for part in (turn(prompt, first=i == 0 or not talk), answer + tokenizer.eos_token)
    ]  # fmt: skip
    pieces = iter(tokenizer(texts, add_special_tokens=False).input_ids)
    rows = [_fitting([(next(pieces), next(pieces)) for _ in some]) for some in turns]
    length = len(head) + max(sum(len(p) + len(a) for p, a in row) for row in rows)
    ids = torch.full((len(rows), length), tokenizer.pad_token_id)
    places = torch.zeros((len(rows), length), dtype=torch.long)
    wanted = torch.zeros((len(rows), length), dtype=torch.bool)
    starts = []
    group = torch.full((len(rows), length), -1)  # 0: the picture; k: the k-th question; -1: nothing
    for index, row in enumerate(rows):
        ids[index, : len(head)] = torch.tensor(head)
        places[index, : len(head)] = torch.arange(len(head))
        group[index, : len(head)] = 0
        at = start = len(head)
        for number, (prompt, answer) in enumerate(row, start=1):
            until = at + len(prompt) + len(answer)
            ids[index, at:until] = torch.tensor(prompt + answer)
            wanted[index, at + len(prompt) : until] = True
            starts.append((index, at + len(prompt) - 1, number - 1))
            group[index, at:until] = 1 if talks[index] else number
            first = at if talks[index] else start
            places[index, at:until] = first + torch.arange(until - at)
            at = until
    same = (group[:, :, None] == group[:, None, :]) | (group[:, None, :] == 0)
    mask = same & torch.ones(length, length, dtype=torch.bool).tril() & (group >= 0)[:, :, None]
    mask |= torch.eye(length, dtype=torch.bool)  # padding looks at itself, else its softmax has no value
    spelled = _boxes(tokenizer, ids, wanted)
    return Packed(ids.to(where), places.to(where), mask[:, None].to(where), wanted.to(where), starts, spelled)


def _boxes(tokenizer: PreTrainedTokenizerFast, ids: Tensor, wanted: Tensor) -> list[tuple[int, int, np.ndarray]]:
    """Where the boxes of answers begin, and what they say."""
    numbers: Any = tokenizer.convert_tokens_to_ids(["{", *COORDINATES])
    begun = torch.nonzero((ids == numbers[0]) & wanted).tolist()
    value = {token: number / 100 for number, token in enumerate(numbers[1:])}
    tokens = ids.tolist()
    return [(row, at, np.array([value[token] for token in tokens[row][at + 1 : at + 5]])) for row, at in begun]


def _fitting(row: list[tuple[list[int], list[int]]]) -> list[tuple[list[int], list[int]]]:
    lengths = np.cumsum([len(prompt) + len(answer) for prompt, answer in row])
    return row[: max(1, int((lengths <= ROOM).sum()))]


class Blurred:
    """The losses of words and of coordinates, where a near coordinate is nearly right."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, where: torch.device) -> None:
        ids: Any = tokenizer.convert_tokens_to_ids(list(COORDINATES))
        self.ids = torch.tensor(ids, device=where)
        number = torch.arange(len(ids), device=where).float()
        near = torch.exp(-0.5 * ((number[:, None] - number[None]) / BLUR).square())
        self.near = near / near.sum(1, keepdim=True)  # (101, 101)
        self.index = torch.full((len(tokenizer),), -1, device=where)
        self.index[self.ids] = torch.arange(len(ids), device=where)

    def losses(self, scores: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropies of scores (m, vocabulary): mean over words, mean over coordinates."""
        number = self.index[wanted]
        place = number >= 0
        text = F.cross_entropy(scores[~place], wanted[~place])
        logs = F.log_softmax(scores[place], dim=1)[:, self.ids]  # a word in a coordinate's place costs as well
        return text, -(self.near[number[place]] * logs).sum(1).mean()
