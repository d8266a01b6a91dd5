"""What all detectors share: what is looked for, which boxes are kept, and how their work is stopped.

Invariants: a detector's answer holds everything above a low floor with its score, so that the page's threshold
needs no new run; which box belongs to which phrase is the highest score's affair. Tensors come in, `Entity`s go out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from playground.errors import UserError
from playground.grounding.answer_decoding import with_regions
from playground.grounding.task_instructions import MOST_THINGS, things
from playground.grounding.types import Box, Entity, GroundingTask, ParsedAnswer, Question
from playground.inference.hooks import between_layers, blocks_of
from playground.runtime.task import Task

FLOOR = 0.05  # scores below are noise for every model here
MOST_BOXES = 300
SAME = 0.7  # boxes of one phrase that overlap more than this (IoU) are one thing found twice


def asked(question: Question) -> tuple[list[str], list[str]]:
    """The things looked for, in the asked order, and notes. A reference is one, commas and all ("the man, in a hat").

    Raises `UserError` where a text of quoted regions (`[r1]`) alone is left with no words.
    """
    text = " ".join(with_regions(question.text, question.regions, lambda box: " ").split())
    if not text:
        raise UserError("This model looks for what is named in words, not for regions. Write what to find.")
    notes = ["Named regions were left out: this model reads words alone."] if question.regions else []
    if question.ask is GroundingTask.REFER:
        return [text], notes
    wanted = list(things(text))
    if len(wanted) == MOST_THINGS:
        notes.append(f"No more than {MOST_THINGS} things are looked for at once.")
    return wanted, notes


def found(wanted: Sequence[str], corners: torch.Tensor, scores: torch.Tensor, same: float = SAME) -> ParsedAnswer:
    """An entity per phrase, in their order, those without boxes too: their number is their colour.

    `corners` is (boxes, 4), x0 y0 x1 y1 in fractions of the picture; `scores` is (boxes, phrases), 0..1. Raises
    `UserError` for numbers that are none.
    """
    corners, scores = _checked(corners, scores)
    best, owner = scores.max(dim=1)  # (boxes,) each
    order = best.argsort(descending=True, stable=True)
    order = order[(best[order] >= FLOOR) & _has_area(corners[order])]
    kept: list[tuple[float, int, int]] = []  # score, phrase, box
    for phrase in range(len(wanted)):
        mine = order[owner[order] == phrase]
        mine = mine[nms(corners[mine], same)]
        kept += [(float(best[number]), phrase, int(number)) for number in mine]
    kept.sort(key=lambda one: -one[0])
    boxes: list[list[Box]] = [[] for _ in wanted]
    for score, phrase, number in kept[:MOST_BOXES]:
        boxes[phrase].append(_box(corners[number], score))
    entities = (Entity(phrase, None, tuple(group)) for phrase, group in zip(wanted, boxes, strict=True))
    warnings = (f"Only the {MOST_BOXES} surest boxes are kept.",) if len(kept) > MOST_BOXES else ()
    return ParsedAnswer("", tuple(entities), warnings)


def surest(phrase: str, corners: torch.Tensor, scores: torch.Tensor) -> ParsedAnswer:
    """The one box that fits `phrase` best, however unsure: what is referred to is taken to be there.

    `corners` is (boxes, 4) in fractions of the picture; `scores` is (boxes, 1), 0..1.
    """
    corners, scores = _checked(corners, scores)
    number = int(scores[:, 0].masked_fill(~_has_area(corners), -1).argmax())
    box = _box(corners[number], float(scores[number, 0]))
    return ParsedAnswer("", (Entity(phrase, None, (box,) if box.x0 < box.x1 and box.y0 < box.y1 else ()),))


def _checked(corners: torch.Tensor, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both on the CPU in float32, the boxes within the picture."""
    corners, scores = corners.float().cpu(), scores.float().cpu()
    if not (bool(torch.isfinite(corners).all()) and bool(torch.isfinite(scores).all())):
        raise UserError(
            "The model gave boxes that are no numbers: its weights are damaged. Download it again, or choose another."
        )
    return corners.clamp(0, 1), scores


def _box(corner: torch.Tensor, score: float) -> Box:
    x0, y0, x1, y1 = corner.tolist()
    return Box(x0, y0, x1, y1, score)


def _has_area(corners: torch.Tensor) -> torch.Tensor:
    return (corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])  # (boxes,)


def nms(corners: torch.Tensor, same: float) -> torch.Tensor:
    """Numbers of the boxes that no surer one (they come surest first) overlaps by more than `same`, no more of them
    than one above `MOST_BOXES`: (kept,) int64."""
    kept: list[int] = []
    left = torch.arange(len(corners))
    while len(left) and len(kept) <= MOST_BOXES:
        first, left = int(left[0]), left[1:]
        kept.append(first)
        left = left[box_iou(corners[first], corners[left]) <= same]
    return torch.tensor(kept, dtype=torch.int64)


def box_iou(corner: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """IoU of one box (4,) with others (boxes, 4): (boxes,)."""
    low, high = torch.maximum(corner[:2], corners[:, :2]), torch.minimum(corner[2:], corners[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    areas = (corners[:, 2:] - corners[:, :2]).prod(dim=-1)
    return shared / ((corner[2:] - corner[:2]).prod() + areas - shared).clamp(min=1e-12)


def cxcywh_to_xyxy(centres: torch.Tensor) -> torch.Tensor:
    """(…, 4) centre x, centre y, width, height as x0, y0, x1, y1."""
    middle, half = centres[..., :2], centres[..., 2:] / 2
    return torch.cat([middle - half, middle + half], dim=-1)


@contextmanager
def stoppable(model: Any, task: Task) -> Iterator[None]:
    """Within, `Cancelled` comes at the next layer after `task.cancel()`: a forward pass on a CPU may take 20 s."""
    with between_layers(blocks_of(model), task.check), torch.inference_mode():
        task.check()
        yield
