"""What a picture's file says of how it was made, in the form Automatic1111's WebUI began and most tools read.

Invariants: `read` gives back exactly what `write` wrote. A file from elsewhere is hostile: what of it is usable
becomes a request, what is not is told in a note, and nothing in it can raise anything but a `UserError`.

The form: the prompt; a line `Negative prompt: …`; a last line of `Key: value` with commas between, values that hold
commas, colons or line breaks as JSON strings. Keys that other tools do not know are passed over by them.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playground.errors import UserError
from playground.text_to_image.infotext_fields import Found, divided, from_json, quoted
from playground.text_to_image.infotext_files import texts_of
from playground.text_to_image.scheduler_names import class_named, name_of, schedule_named
from playground.text_to_image.types import ImageRequest, Settings
from playground.validation import MAX_SEED

if TYPE_CHECKING:
    from PIL import Image

KEYWORD = "parameters"  # of the PNG's text
VERSION = "aigc-playground"
MOST_CHARACTERS = 500_000
MOST_PROMPT = 20_000
MOST_SIDE = 16_384
MOST_STEPS = 10_000
MOST_GUIDANCE = 1_000.0
# Exactly what the lines above can only show: line breaks at the ends, control characters, "Negative prompt:" within.
_EXACT, _EXACT_NEGATIVE, _WRITTEN = "Exact prompt", "Exact negative prompt", "Raw prompt"


@dataclass(frozen=True)
class Restored:
    """The request a picture's text describes, the model it names ("" if none), and what could not be taken over."""

    settings: ImageRequest
    model: str
    notes: tuple[str, ...] = ()


def write(settings: Settings) -> str:
    """The text for `parameters`. What a server kept to itself (sizes or steps of 0) is left out."""
    lines = [_shown(settings.prompt)]
    if settings.negative_prompt:
        lines.append("Negative prompt: " + _shown(settings.negative_prompt))
    fields: dict[str, str] = {}
    if settings.steps:
        fields["Steps"] = str(settings.steps)
    if settings.scheduler:
        fields["Sampler"] = name_of(settings.scheduler)
    if settings.steps or settings.guidance:
        fields["CFG scale"] = repr(settings.guidance).removesuffix(".0")
    fields["Seed"] = str(settings.seed)
    if settings.width and settings.height:
        fields["Size"] = f"{settings.width}x{settings.height}"
    fields["Model"] = settings.model
    if settings.strength != 1:
        fields["Denoising strength"] = repr(settings.strength)
    values = [f"{key}: {quoted(value)}" for key, value in fields.items()]
    if settings.written:
        values.append(f"{_WRITTEN}: {json.dumps(settings.written)}")
    found = divided("\n".join([*lines, ", ".join([*values, f"Version: {VERSION}"])]))
    if found.prompt != settings.prompt:
        values.append(f"{_EXACT}: {json.dumps(settings.prompt)}")
    if found.negative != settings.negative_prompt:
        values.append(f"{_EXACT_NEGATIVE}: {json.dumps(settings.negative_prompt)}")
    return "\n".join([*lines, ", ".join([*values, f"Version: {VERSION}"])])


def read(source: "str | Path | Image.Image") -> Restored:
    """The settings kept in a picture: PNG text `parameters` (also Fooocus' JSON) or `invokeai_metadata`, the EXIF
    `UserComment` of JPEG and WebP, the comment of a GIF.

    Raises `UserError` for a file that is no picture, and for a picture without such text.
    """
    texts = texts_of(source)
    for keyword in (KEYWORD, "UserComment", "invokeai_metadata", "comment"):
        if texts.get(keyword, "").strip():
            return parse(texts[keyword])
    if "workflow" in texts or "prompt" in texts:
        raise UserError(
            "This picture carries a ComfyUI workflow, which is a program and not a list of settings. Type its prompt "
            "and settings here instead."
        )
    raise UserError(
        "This picture carries no settings. They are lost when a program (a messenger, a screenshot, an editor) writes "
        "the picture anew: use the original file."
    )


def parse(text: str) -> Restored:
    """The settings in such a text, wherever it came from. Raises `UserError` for text too long or of another kind."""
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"The text in this picture has {len(text):,} characters; settings have at most {MOST_CHARACTERS:,}. "
            "It was not made by a tool that is known here."
        )
    text = text.replace("\0", "").replace("\r\n", "\n")
    found = from_json(text) if text.lstrip().startswith("{") else None
    found = found or divided(text)
    notes: list[str] = []
    values = found.values
    prompt = _words(values.get(_EXACT, found.prompt), "prompt", notes)
    negative = _words(values.get(_EXACT_NEGATIVE, found.negative), "negative prompt", notes)
    width, height = _size(values.get("Size", ""), notes)
    strength = _float(values, "Denoising strength", 0.0, 1.0, notes)
    request = ImageRequest(
        prompt=prompt,
        negative_prompt=negative,
        width=width,
        height=height,
        steps=_int(values, "Steps", 1, MOST_STEPS, notes) or 0,
        guidance=_float(values, "CFG scale", 0.0, MOST_GUIDANCE, notes),
        scheduler=_scheduler(values, notes),
        seed=_int(values, "Seed", 0, MAX_SEED, notes) or 0,
        strength=ImageRequest.strength if strength is None else strength,
        written=_words(values.get(_WRITTEN, ""), "prompt before it was expanded", notes),
    )
    if not (prompt or negative or values):
        raise UserError("The text in this picture holds no settings that can be read.")
    return Restored(request, _plain(values.get("Model", ""))[:128], (*notes, *_foreign(found, prompt)))


def _foreign(found: Found, prompt: str) -> list[str]:
    """What to expect of a picture that another tool made."""
    notes = []
    if found.ignored:
        more = f" and {len(found.ignored) - 6} more" if len(found.ignored) > 6 else ""
        named = ", ".join(_plain(name)[:40] for name in found.ignored[:6])
        notes.append(f"Not taken over, since nothing here does the same: {named}{more}.")
    if re.search(r"<(?:lora|lyco|hypernet):", prompt):
        notes.append("The prompt asks for additional networks (<lora:…>), which are read here as plain words.")
    if re.search(r"\(\([^()]+\)\)|\([^()]+:\d", prompt):
        notes.append("The prompt weights words like (this:1.2), which is read here as plain words.")
    if found.values.get("Version") != VERSION:
        notes.append("Another tool made this picture: the same settings give a similar picture here, not the same.")
    return notes


def _scheduler(values: dict[str, str], notes: list[str]) -> str:
    name = values.get("Sampler", "").strip()
    if not name:
        return ""
    if not (kind := class_named(name)):
        notes.append(f"The sampler “{_plain(name)[:60]}” is not known here; the model's own is used.")
        return ""
    schedule = schedule_named(name) or values.get("Schedule type", "Automatic")
    if schedule.casefold() not in ("automatic", "normal", "simple", ""):
        notes.append(f"The {_plain(schedule)[:40]} noise schedule is not taken over; the model's own is used.")
    return kind


def _size(value: str, notes: list[str]) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d{1,6})\s*[x×*]\s*(\d{1,6})\s*", value)
    if found and 1 <= int(found[1]) <= MOST_SIDE and 1 <= int(found[2]) <= MOST_SIDE:
        return int(found[1]), int(found[2])
    if value:
        notes.append(f"The size “{_plain(value)[:40]}” cannot be used; the model's own is taken.")
    return 0, 0


def _int(values: dict[str, str], key: str, least: int, most: int, notes: list[str]) -> int | None:
    value = values.get(key, "").strip()
    found = re.fullmatch(r"\d{1,20}", value)
    if found and least <= int(value) <= most:
        return int(value)
    if value:
        notes.append(f"{key} “{_plain(value)[:40]}” cannot be used.")
    return None


def _float(values: dict[str, str], key: str, least: float, most: float, notes: list[str]) -> float | None:
    value = values.get(key, "").strip()
    found = re.fullmatch(r"\d{1,20}(?:\.\d{1,40})?(?:e[+-]?\d{1,3})?", value, re.IGNORECASE)
    if found and math.isfinite(float(value)) and least <= float(value) <= most:
        return float(value)
    if value:
        notes.append(f"{key} “{_plain(value)[:40]}” cannot be used.")
    return None


def _words(text: str, what: str, notes: list[str]) -> str:
    if len(text) <= MOST_PROMPT:
        return text
    notes.append(f"The {what} has {len(text):,} characters; the first {MOST_PROMPT:,} were taken over.")
    return text[:MOST_PROMPT]


def _shown(text: str) -> str:
    """Text as a line or lines of the file, without what may not stand in one."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def _plain(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
