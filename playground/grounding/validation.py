"""A question held to what its model can do: the same for the page, the API and the command.

Invariants: what means nothing is refused, what goes too far is brought inside the limits, and every change is
said. Nothing a user writes reaches a model as one of its own marks. Settling a settled question changes nothing.
"""

import re
from dataclasses import replace
from typing import Any

from PIL import Image

from playground.catalog import Entry
from playground.errors import UserError
from playground.grounding import boxes, task_tags
from playground.grounding.limits import Limits, limits_of
from playground.grounding.options import GroundingOptions
from playground.grounding.types import Box, GroundingTask, Question, Turn
from playground.imaging import uploads
from playground.validation import clamp, clamp_whole, validate_seed

MAX_TEXT = 2_000  # characters
MAX_RAW = 20_000  # characters of an earlier answer
MAX_TURNS = 8
MAX_REGIONS = 32
MAX_TEMPERATURE = 2.0
# Marks of every dialect stand in angle brackets, boxes of some in curly ones. The wide forms are what a tokenizer's
# compatibility folding (NFKC) would turn into them.
REPLACEMENTS = str.maketrans("<＜﹤>＞﹥{｛﹛}｝﹜", "‹‹‹›››((()))")
ALLOWED_CONTROLS = "\n\u200c\u200d"  # the joiners of Persian, Hindi and emoji
TAG = re.compile(r"\[(/?[A-Za-z_]{1,20})\]")  # [INST], [vqa]: a tag that counts was taken out before
NEEDS_TEXT = {
    GroundingTask.CHAT: "There is no question. Write what you want to know.",
    GroundingTask.VQA: "There is no question. Write what you want to know, for example: what colour is the hat?",
    GroundingTask.REFER: (
        "There is nothing to look for. Write whom or what to find, for example: the person with a red hat."
    ),
    GroundingTask.DETECT: "There is nothing to look for. Write what to find, for example: glasses.",
}


def validate_request(entry: Entry, question: Question) -> tuple[Question, tuple[str, ...]]:
    """The question as the model will be given it, and what was changed, in words.

    Raises:
        UserError: a task the model cannot do, a picture that cannot be read, a text or box that is missing, a value
            of another kind, a region nobody drew.
    """
    limits, notes = limits_of(entry), list[str]()
    ask = _ask(question.task, entry, limits)
    text = _text(question.text, notes)
    needed = ask in NEEDS_TEXT and not (ask is GroundingTask.DETECT and GroundingOptions.of(entry).everything)
    if needed and not text:
        raise UserError(NEEDS_TEXT[ask])
    box = None if question.box is None else validate_box(question.box)
    if ask is GroundingTask.IDENTIFY and box is None:
        raise UserError("There is no box to look into. Drag one on the picture, or type its corners.")
    settled = replace(
        question,
        task=ask,
        image=validate_image(question.image),
        text=text,
        box=box,
        regions=_regions(text, question.regions),
        turns=_turns(question.turns) if limits.turns else (),
        temperature=_temperature(question.temperature, limits, notes),
        seed=validate_seed(question.seed),
        max_new_tokens=_tokens(question.max_new_tokens, limits, notes),
    )
    return settled, tuple(notes)


def validate_image(image: Any) -> Image.Image:
    """An upright RGB picture. Raises `UserError` for none, and for what `imaging.uploads` refuses."""
    if image is None:
        raise UserError("There is no picture. Drop one in first.")
    if not isinstance(image, Image.Image):
        raise UserError("The picture must be a picture.")
    return uploads.read(image)


def validate_box(box: Any) -> Box:
    """A box of fractions, corners in order. Raises `UserError` for anything else."""
    if not isinstance(box, Box):
        raise UserError("A box is four numbers: left, top, right, bottom, each from 0 to 1.")
    return boxes.validate_box((box.x0, box.y0, box.x1, box.y1))


def neutralize_markup(text: str) -> str:
    """Text that holds no model's marks: other brackets, and no control characters but line ends and joiners."""
    plain = "".join(
        letter for letter in text.translate(REPLACEMENTS) if letter.isprintable() or letter in ALLOWED_CONTROLS
    )
    return TAG.sub(r"(\1)", plain)


def _ask(ask: Any, entry: Entry, limits: Limits) -> GroundingTask:
    try:
        known = GroundingTask(ask)
    except ValueError as error:
        names = ", ".join(GroundingTask)
        raise UserError(f"There is no task “{str(ask)[:40]}”. Choose one of: {names}.") from error
    if why := limits.tasks[known]:
        able = ", ".join(other for other, reason in limits.tasks.items() if not reason)
        raise UserError(f"{why} It can do: {able}. Choose one of these, or another model for {known}.")
    return known


def _text(text: Any, notes: list[str]) -> str:
    if not isinstance(text, str):
        raise UserError("The text must be text.")
    if len(text) > MAX_TEXT:
        notes.append(f"The text has {len(text):,} characters; what comes after the first {MAX_TEXT:,} was cut.")
    # Lone surrogates are not text: no tokenizer takes them.
    plain = text[:MAX_TEXT].replace("\r\n", "\n").replace("\t", " ").encode("utf-8", "ignore").decode("utf-8")
    soft = neutralize_markup(plain)
    if soft != plain:
        notes.append("Brackets and control characters that could be a model's own marks were replaced in the text.")
    return soft.strip()


def _regions(text: str, regions: Any) -> dict[str, Box]:
    """Those the text quotes."""
    if not isinstance(regions, dict) or len(regions) > MAX_REGIONS:
        raise UserError(f"At most {MAX_REGIONS} regions can be named.")
    quoted = task_tags.region_names(text)
    for name in quoted:
        if name not in regions:
            drawn = ", ".join(f"[{other}]" for other in regions if isinstance(other, str))
            there = f"There are: {drawn}." if drawn else "Drag a box on the picture and name it first."
            raise UserError(f"No region is called [{name}]. {there}")
    return {name: validate_box(regions[name]) for name in quoted}


def _turns(turns: Any) -> tuple[Turn, ...]:
    """The latest ones; the words of a model are left as they are."""
    if not isinstance(turns, tuple | list) or not all(isinstance(turn, Turn) for turn in turns):
        raise UserError("The earlier turns must be questions with their answers.")
    return tuple(Turn(turn.prompt[-MAX_RAW:], turn.raw[:MAX_RAW]) for turn in turns[-MAX_TURNS:])


def _temperature(value: Any, limits: Limits, notes: list[str]) -> float:
    inside = clamp(value, "temperature", 0.0, MAX_TEMPERATURE, notes if limits.temperature else [])
    return inside if limits.temperature else 0.0


def _tokens(value: Any, limits: Limits, notes: list[str]) -> int:
    """0 means the usual."""
    least, usual, most = limits.max_new_tokens
    return clamp_whole(value or usual, "max_new_tokens", least, most, notes)
