"""What a general vision-language model is told for each task: words for those that were trained on no task tags.

Invariants: words alone; the codec says how boxes are written, and no model library is needed. Qwen's own forms
where it has some ("Locate …, report the bbox coordinates in JSON format."), plain requests elsewhere.
"""

import re

from playground.grounding.types import GroundingTask, Question

# How an answer is to write its boxes, by codec.
FORMS = {
    "qwen_rel1000": 'report the bbox coordinates in JSON format, as [{"bbox_2d": [x1, y1, x2, y2], "label": "…"}]',
    "qwen_abs": 'report the bbox coordinates in JSON format, as [{"bbox_2d": [x1, y1, x2, y2], "label": "…"}]',
    "gemini_yxyx1000": (
        'report the bounding boxes in JSON format, as [{"box_2d": [y1, x1, y2, x2], "label": "…"}] with coordinates '
        "from 0 to 1000"
    ),
    "ref_box_1000": "write each as <ref>name</ref><box>[[x1, y1, x2, y2]]</box> with coordinates from 0 to 1000",
    "plain": (
        "write the box of each behind its name as [x1, y1, x2, y2], left, top, right, bottom, in fractions of the "
        "picture's width and height from 0 to 1"
    ),
}
OWN = "give its bounding box coordinates"  # a dialect of a model's own, which it was trained to write
_BETWEEN = re.compile(r"\s*(?:[,;、，；。\n]|\.(?:\s|$)|\band\b)\s*")
MOST_THINGS = 20


def instruction(question: Question, text: str, codec: str, box: str) -> str:
    """The words for a question. `text` is its text with regions written out, `box` its box as the codec writes it."""
    form = FORMS.get(codec, OWN)
    match question.ask:
        case GroundingTask.CHAT:
            return text
        case GroundingTask.CAPTION:
            return text or "Describe this picture in one or two sentences."
        case GroundingTask.GROUNDED_CAPTION:
            first = text or "Describe this picture in one or two sentences."
            return f"{first} Then locate everyone and everything the description names, and {form}."
        case GroundingTask.REFER:
            return f"Locate {text.rstrip(' .')}, {form}."
        case GroundingTask.DETECT:
            named = ", ".join(f'"{thing}"' for thing in things(text))
            return f"Locate every instance that belongs to the following categories: {named}. For each, {form}."
        case GroundingTask.IDENTIFY:
            return f"{text or 'Who or what is in this region?'} The region: {box}. Answer with a short phrase, no box."
        case GroundingTask.VQA:
            return f"{text} Answer with a word or a short phrase."


def things(text: str) -> tuple[str, ...]:
    """The names in a list a person wrote, with Latin or Chinese commas: "glasses, hats and beards" are three."""
    names = [name.strip(" .") for name in _BETWEEN.split(text)]
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_THINGS] or (text.strip(),)
