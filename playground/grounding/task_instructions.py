"""Prompts of general vision-language models for each task, for those that were trained on no task tags.

Invariants: text only; the codec decides how boxes are asked for, and no model library is needed. Qwen's own sentences
where it has some ("Locate …, report the bbox coordinates in JSON format."), plain requests elsewhere.
"""

import re

from playground.grounding.types import GroundingTask, Question

# How an answer is to write its boxes, by codec.
BOX_FORMATS = {
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
TRAINED_FORMAT = "give its bounding box coordinates"  # for a dialect that the model was trained to write
# Between the items of a list, in English and Chinese; 和 also begins words (kimono, monk, peace).
_SEPARATOR = re.compile(r"\s*(?:[,;、，；。\n]|\.(?:\s|$)|\b(?:and|AND|And)\b|&|和(?![服尚平])|以及|还有)\s*")
MAX_QUERIES = 20


def instruction(question: Question, text: str, codec: str, box: str) -> str:
    """What a general vision-language model is told for a question.

    Args:
        question: Its task decides the sentence.
        text: The question's text with regions replaced by boxes.
        codec: The name of the codec, which decides how boxes are asked for.
        box: The question's box as the codec formats it; "" for none.
    """
    box_format = BOX_FORMATS.get(codec, TRAINED_FORMAT)
    match question.task:
        case GroundingTask.CHAT:
            return text
        case GroundingTask.CAPTION:
            return text or "Describe this picture in one or two sentences."
        case GroundingTask.GROUNDED_CAPTION:
            first = text or "Describe this picture in one or two sentences."
            return f"{first} Then locate everyone and everything the description names, and {box_format}."
        case GroundingTask.REFER:
            return f"Locate {text.rstrip(' .')}, {box_format}."
        case GroundingTask.DETECT:
            named = ", ".join(f'"{thing}"' for thing in split_list(text))
            return f"Locate every instance that belongs to the following categories: {named}. For each, {box_format}."
        case GroundingTask.IDENTIFY:
            return f"{text or 'Who or what is in this region?'} The region: {box}. Answer with a short phrase, no box."
        case GroundingTask.VQA:
            return f"{text} Answer with a word or a short phrase."


def split_list(text: str) -> tuple[str, ...]:
    """The names in a list that a person wrote: "glasses, hats and beards" are three, "眼镜和帽子" are two.

    Args:
        text: Names between commas, semicolons, full stops, line ends, "and" or 和.

    Returns:
        Each name once, at most `MAX_QUERIES`; the text itself where it holds none.
    """
    names = [name.strip(" .") for name in _SEPARATOR.split(text)]
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_QUERIES] or (text.strip(),)
