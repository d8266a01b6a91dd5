"""What a person types by hand: task tags, boxes in words, and the names of regions.

Invariants: everything here reads a question, never an answer. What is not understood stays in the text
as it was.
"""

import re

from playground.grounding.boxes import validate_box
from playground.grounding.types import Box, GroundingTask

TAGS = {
    "chat": GroundingTask.CHAT,
    "caption": GroundingTask.CAPTION,
    "grounding": GroundingTask.GROUNDED_CAPTION,
    "grounded_caption": GroundingTask.GROUNDED_CAPTION,
    "refer": GroundingTask.REFER,
    "detection": GroundingTask.DETECT,
    "detect": GroundingTask.DETECT,
    "identify": GroundingTask.IDENTIFY,
    "vqa": GroundingTask.VQA,
}
TAG_OF = {
    GroundingTask.CHAT: "",
    GroundingTask.CAPTION: "[caption]",
    GroundingTask.GROUNDED_CAPTION: "[grounding]",
    GroundingTask.REFER: "[refer]",
    GroundingTask.DETECT: "[detection]",
    GroundingTask.IDENTIFY: "[identify]",
    GroundingTask.VQA: "[vqa]",
}
_TAG = re.compile(r"\s*+\[\s*+([a-zA-Z]{1,12}(?:[ _-][a-zA-Z]{1,12})?)\s*+\]")
_HUNDREDTHS = re.compile(r"\{\s*+<(\d{1,3})>\s*+<(\d{1,3})>\s*+<(\d{1,3})>\s*+<(\d{1,3})>\s*+\}")
_NUMBER = r"\s*+(-?\d{0,3}(?:\.\d{0,17})?)\s*+"
_FRACTIONS = re.compile(rf"\[{','.join([_NUMBER] * 4)}\]")
_REGION = re.compile(r"\[(r[1-9]\d{0,2})\]", re.IGNORECASE)


def parse_tag(text: str) -> tuple[GroundingTask | None, str]:
    """The task that a leading tag such as `[refer]` names, and the text without it; None where there is none."""
    match = _TAG.match(text)
    ask = TAGS.get(re.sub(r"[ -]", "_", match[1]).lower()) if match else None
    if match is None or ask is None:
        return None, text
    return ask, text[match.end() :].strip()


def parse_box(text: str) -> tuple[Box | None, str]:
    """The first box typed in a text, and the text without it.

    Two ways of writing are understood: `{<4><50><30><65>}`, hundredths as in MiniGPT-v2, and `[0.1, 0.2, 0.5, 0.6]`,
    fractions; both are left, top, right, bottom. Four numbers that are no fractions stay text.

    Raises:
        UserError: a box without an inside.
    """
    hundredths = _HUNDREDTHS.search(text)
    if hundredths is not None:
        return validate_box([int(number) / 100 for number in hundredths.groups()]), _without(text, hundredths)
    for match in _FRACTIONS.finditer(text):
        numbers = [_float(number) for number in match.groups()]
        values = [number for number in numbers if number is not None and 0 <= number <= 1]
        if len(values) == 4:
            return validate_box(values), _without(text, match)
    return None, text


def region_names(text: str) -> tuple[str, ...]:
    """The names of regions that a text quotes as `[r1]`, each once, in their order, in small letters."""
    return tuple(dict.fromkeys(match[1].lower() for match in _REGION.finditer(text)))


def _without(text: str, match: re.Match[str]) -> str:
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    joint = "" if not before or not after or after[0] in ".,;:!?" else " "
    return before + joint + after


def _float(text: str) -> float | None:
    return float(text) if any(letter.isdigit() for letter in text) else None
