"""What all open-vocabulary detectors share: the queries, which boxes are kept, and how Stop interrupts the model.

Invariants: a detector's answer holds every box above a low score, so that the page's threshold needs no new run. A box
belongs to the phrase with the highest score. Tensors come in, `Entity`s go out; boxes are x0, y0, x1, y1 in fractions
of the picture.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from playground.errors import UserError
from playground.grounding.answer_decoding import substitute_regions
from playground.grounding.boxes import nms_indices
from playground.grounding.task_instructions import MAX_QUERIES, split_list
from playground.grounding.types import Box, Entity, GroundingTask, ParsedAnswer, Question
from playground.inference.hooks import between_layers, blocks_of
from playground.runtime.task import Task

MIN_SCORE = 0.05  # lower ones are noise for every model here
MAX_BOXES = 300
NMS_IOU = 0.7  # boxes of one phrase that overlap more are one thing found twice


def parse_queries(question: Question) -> tuple[list[str], list[str]]:
    """The phrases to look for, in the asked order, and notes on what was changed.

    Args:
        question: Of task `REFER`, whose text is one phrase, commas and all ("the man, in a hat"), or `DETECT`, whose
            text is a list.

    Raises:
        UserError: nothing is left but names of regions (`[r1]`), which detectors cannot look for.
    """
    text = " ".join(substitute_regions(question.text, question.regions, lambda box: " ").split())
    if not text:
        raise UserError("This model looks for what is named in words, not for regions. Write what to find.")
    notes = ["Named regions were left out: this model reads words alone."] if question.regions else []
    if question.task is GroundingTask.REFER:
        return [text], notes
    # Line ends part a list too, so the text is split as it was written.
    wanted = list(split_list(substitute_regions(question.text, question.regions, lambda box: " ")))
    if len(wanted) == MAX_QUERIES:
        notes.append(f"No more than {MAX_QUERIES} things are looked for at once.")
    return wanted, notes


def all_detections(
    phrases: Sequence[str], corners: torch.Tensor, scores: torch.Tensor, nms_iou: float = NMS_IOU
) -> ParsedAnswer:
    """An entity per phrase with its boxes after non-maximum suppression, the highest scores first.

    Phrases without boxes have an entity too: its number is its colour.

    Args:
        phrases: What was looked for.
        corners: (boxes, 4), x0 y0 x1 y1 in fractions of the picture.
        scores: (boxes, phrases), 0..1.
        nms_iou: Boxes of a phrase that overlap more than this are one. Default `NMS_IOU`.

    Raises:
        UserError: numbers that are not finite.
    """
    edges, values = _validated(corners, scores)
    best, owner = values.max(axis=1), values.argmax(axis=1)  # (boxes,) each
    usable = (best >= MIN_SCORE) & _has_area(edges)
    kept: list[tuple[float, int, int]] = []  # score, phrase, box
    for phrase in range(len(phrases)):
        own = np.flatnonzero(usable & (owner == phrase))
        indices = own[nms_indices(edges[own], best[own], nms_iou, MAX_BOXES + 1)]
        kept += [(float(best[index]), phrase, int(index)) for index in indices]
    kept.sort(key=lambda one: -one[0])
    boxes: list[list[Box]] = [[] for _ in phrases]
    for score, phrase, index in kept[:MAX_BOXES]:
        boxes[phrase].append(_box(edges[index], score))
    entities = (Entity(phrase, None, tuple(group)) for phrase, group in zip(phrases, boxes, strict=True))
    warnings = (f"Only the {MAX_BOXES} boxes with the highest scores are kept.",) if len(kept) > MAX_BOXES else ()
    return ParsedAnswer("", tuple(entities), warnings)


def best_detection(phrase: str, corners: torch.Tensor, scores: torch.Tensor) -> ParsedAnswer:
    """The one box with the highest score, however low: what is referred to is taken to be there.

    Args:
        phrase: What was referred to.
        corners: (boxes, 4), x0 y0 x1 y1 in fractions of the picture.
        scores: (boxes, 1), 0..1.

    Raises:
        UserError: numbers that are not finite.
    """
    edges, values = _validated(corners, scores)
    index = int(np.where(_has_area(edges), values[:, 0], -1).argmax())
    box = _box(edges[index], float(values[index, 0]))
    return ParsedAnswer("", (Entity(phrase, None, (box,) if box.x0 < box.x1 and box.y0 < box.y1 else ()),))


def cxcywh_to_xyxy(boxes: torch.Tensor) -> torch.Tensor:
    """Boxes as corners.

    Args:
        boxes: (…, 4), centre x, centre y, width, height, in any unit.

    Returns:
        (…, 4), x0 y0 x1 y1 in that unit.
    """
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


@contextmanager
def stoppable(model: Any, task: Task) -> Iterator[None]:
    """A block without gradients in which Stop interrupts a forward pass, which on a CPU may take 20 s.

    Args:
        model: A torch module; its layers are hooked while the block runs.
        task: Within, `Cancelled` is raised at the next layer after `task.cancel()`.
    """
    with between_layers(blocks_of(model), task.check), torch.inference_mode():
        task.check()
        yield


def _validated(corners: torch.Tensor, scores: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Both as float32 arrays, the boxes clipped to the picture."""
    edges, values = corners.float().cpu().numpy(), scores.float().cpu().numpy()
    if not (np.isfinite(edges).all() and np.isfinite(values).all()):
        raise UserError(
            "The model gave boxes that are no numbers: its weights are damaged. Download it again, or choose another."
        )
    return edges.clip(0, 1), values


def _box(corners: np.ndarray, score: float) -> Box:
    x0, y0, x1, y1 = corners.tolist()
    return Box(x0, y0, x1, y1, score)


def _has_area(corners: np.ndarray) -> np.ndarray:
    return np.asarray((corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1]))  # (boxes,)
