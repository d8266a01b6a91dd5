"""From what stands on the page to a question, and what two answers have in common.

Invariants: pure functions; whatever a browser sent is checked here or by the service, and refused in words.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from playground.errors import UserError
from playground.grounding import boxes, task_tags
from playground.grounding.limits import Limits
from playground.grounding.types import Box, GroundingTask, ParsedAnswer, Question
from tabs.common.words import say
from tabs.grounding.render import usual
from tabs.grounding.session import Options, SessionState

CLEARED = (
    GroundingTask.CHAT,
    GroundingTask.REFER,
    GroundingTask.DETECT,
    GroundingTask.VQA,
)  # tasks whose words are new each time


def asked(visit: SessionState, prompt: str, drawn: str, options: Options, limits: Limits, language: str) -> Question:
    """What the prompt asks: its tag decides the task, a box typed in it goes before the one that was drawn.

    Raises `UserError` where there is no picture yet, or no box for a task that needs one.
    """
    if visit.image is None:
        raise UserError(say(language, "ground_no_picture"))
    ask, text = task_tags.parse_tag(prompt or "")
    typed, text = task_tags.parse_box(text)
    if typed is not None:
        visit.place(typed)
    if ask is None:
        ask = (
            GroundingTask.IDENTIFY if typed is not None and not limits.tasks[GroundingTask.IDENTIFY] else usual(limits)
        )
    box = (typed or box_of_text(drawn)) if ask is GroundingTask.IDENTIFY else None
    if ask is GroundingTask.IDENTIFY and box is None:
        raise UserError(say(language, "ground_no_box"))
    return Question(
        ask, visit.image, text, box, regions=dict(visit.regions), temperature=options.temperature, seed=options.seed,
        max_new_tokens=options.most,
    )  # fmt: skip


def to_model(question: Question, visit: SessionState, model: str, limits: Limits, first: bool) -> Question:
    """The question as it goes to one of the models: with what this one was asked before; the number of tokens on the
    page is that of the first."""
    turns = visit.turns(model) if limits.turns else ()
    return replace(question, turns=turns, max_new_tokens=question.max_new_tokens if first else 0)


def after(question: Question) -> str | None:
    """What stays in the prompt once a question is on its way; None leaves it alone."""
    return f"{task_tags.TAG_OF[question.task]} ".lstrip() if question.task in CLEARED else None


def box_of_text(text: object) -> Box | None:
    """The box that the page keeps as JSON; None for none. Raises `UserError` for what is no box."""
    if not isinstance(text, str) or not text:
        return None
    try:
        values = json.loads(text[:200])
    except ValueError:
        values = None
    return boxes.validate_box(values)


def box_of(data: gr.EventData) -> Box:
    """The box that came with an event. Raises `UserError` for what is none."""
    return boxes.validate_box(sent(data, "box"))


def sent(data: gr.EventData, name: str) -> Any:
    """One value of an event's data; None where it is missing."""
    return data._data.get(name) if isinstance(data._data, dict) else None


def boxes_of(parsed: ParsedAnswer) -> list[Box]:
    return [box for entity in parsed.entities for box in entity.boxes]


def agreement(a: Sequence[Box], b: Sequence[Box]) -> tuple[float, int]:
    """Mean IoU of the boxes of two answers, and of how many pairs: the likeliest pair first, each box once.

    A box without a partner counts as a pair with an IoU of 0, so that a model does not gain by leaving boxes out.
    """
    pairs = sorted(((boxes.iou(x, y), i, j) for i, x in enumerate(a) for j, y in enumerate(b)), reverse=True)
    left, right, total = set[int](), set[int](), 0.0
    for iou, i, j in pairs:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            total += iou
    count = max(len(a), len(b))
    return (total / count if count else 0.0), count
