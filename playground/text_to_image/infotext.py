"""Infotext: how a picture was made, as text in its file, in the form of Automatic1111's WebUI that most tools read.

The form: the prompt; a line `Negative prompt: …`; a last line of `Key: value` with commas between, values that hold
commas, colons or line breaks as JSON strings. Keys that other tools do not know are passed over by them. Fooocus' and
InvokeAI's JSON is read too.

Invariants: `read` gives back exactly what `write` wrote. A file from elsewhere is hostile: what of it is usable
becomes a request, what is not is told in a note, and nothing in it can raise anything but a `UserError`. Every pattern
is linear in the length of the text, and at most `MOST_FIELDS` values are looked at.
"""

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.errors import UserError
from playground.text_to_image.image_metadata import embedded_texts
from playground.text_to_image.scheduler_names import noise_schedule_name, scheduler_class, scheduler_label
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
_NEGATIVE = "Negative prompt:"
MOST_FIELDS = 200
_KEY = re.compile(r"\s{0,8}(\w[\w \-/]{0,60}):[ \t]{0,8}")
_QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
# What a request here has a place for, and what only describes and changes nothing.
_TAKEN = frozenset(("Steps", "Sampler", "CFG scale", "Seed", "Size", "Model", "Denoising strength", "Schedule type"))
_OURS = frozenset((_EXACT, _EXACT_NEGATIVE, _WRITTEN))
_SILENT = frozenset((
    "Version", "Model hash", "VAE hash", "Lora hashes", "TI hashes", "Hashes", "Created Date", "Civitai resources",
    "Civitai metadata", "RNG", "App", "User", "Operations", "Raw negative prompt", "Metadata Scheme", "Backend",
    "Pipeline", "Diffusion in Low Bits", "Performance", "Parser", "Comment", "Batch", "Index",
))  # fmt: skip
# Fooocus' and InvokeAI's names for the same.
_JSON_NAMES = {
    "steps": "Steps", "sampler": "Sampler", "guidance_scale": "CFG scale", "cfg_scale": "CFG scale", "seed": "Seed",
    "base_model": "Model", "strength": "Denoising strength",
}  # fmt: skip
_JSON_SILENT = frozenset((
    "prompt", "negative_prompt", "positive_prompt", "width", "height", "resolution", "model", "scheduler", "version",
    "app_version", "generation_mode", "metadata_scheme", "rand_device", "full_prompt", "full_negative_prompt",
    "base_model_hash", "created_by", "performance", "prompt_expansion", "canvas_v2_metadata", "vae",
))  # fmt: skip


@dataclass(frozen=True)
class _Parsed:
    """A settings text in parts: prompts, and values by Automatic1111's names; what values mean is decided elsewhere.

    `ignored` are the settings it names that no request here has a place for.
    """

    prompt: str
    negative: str
    values: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restored:
    """What the text of a picture describes.

    Attributes:
        settings: The request that gives the picture.
        model: The model it names, "" if none.
        notes: What could not be taken over, in words.
    """

    settings: ImageRequest
    model: str
    notes: tuple[str, ...] = ()


def write(settings: Settings) -> str:
    """The text for a picture's `parameters`.

    Args:
        settings: What the picture was made with. What a server kept to itself (sizes or steps of 0) is left out.
    """
    lines = [_printable(settings.prompt)]
    if settings.negative_prompt:
        lines.append("Negative prompt: " + _printable(settings.negative_prompt))
    fields: dict[str, str] = {}
    if settings.steps:
        fields["Steps"] = str(settings.steps)
    if settings.scheduler:
        fields["Sampler"] = scheduler_label(settings.scheduler)
    if settings.steps or settings.guidance:
        fields["CFG scale"] = repr(settings.guidance).removesuffix(".0")
    fields["Seed"] = str(settings.seed)
    if settings.width and settings.height:
        fields["Size"] = f"{settings.width}x{settings.height}"
    fields["Model"] = settings.model
    if settings.strength != 1:
        fields["Denoising strength"] = repr(settings.strength)
    values = [f"{key}: {_quote(value)}" for key, value in fields.items()]
    if settings.written:
        values.append(f"{_WRITTEN}: {json.dumps(settings.written)}")
    found = _split("\n".join([*lines, ", ".join([*values, f"Version: {VERSION}"])]))
    if found.prompt != settings.prompt:
        values.append(f"{_EXACT}: {json.dumps(settings.prompt)}")
    if found.negative != settings.negative_prompt:
        values.append(f"{_EXACT_NEGATIVE}: {json.dumps(settings.negative_prompt)}")
    return "\n".join([*lines, ", ".join([*values, f"Version: {VERSION}"])])


def read(source: "str | Path | Image.Image") -> Restored:
    """The settings kept in a picture.

    Args:
        source: A file or an opened picture: PNG text `parameters` (also Fooocus' JSON) or `invokeai_metadata`, the
            EXIF `UserComment` of JPEG and WebP, the comment of a GIF.

    Raises:
        UserError: The file is no picture, or has no such text.
    """
    texts = embedded_texts(source)
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
    """The settings in such a text, wherever it came from.

    Args:
        text: Infotext, or the JSON of Fooocus or InvokeAI.

    Raises:
        UserError: The text is longer than `MOST_CHARACTERS`, or holds no settings.
    """
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"The text in this picture has {len(text):,} characters; settings have at most {MOST_CHARACTERS:,}. "
            "It was not made by a tool that is known here."
        )
    text = text.replace("\0", "").replace("\r\n", "\n")
    found = _parse_json(text) if text.lstrip().startswith("{") else None
    found = found or _split(text)
    notes: list[str] = []
    values = found.values
    prompt = _cut(values.get(_EXACT, found.prompt), "prompt", notes)
    negative = _cut(values.get(_EXACT_NEGATIVE, found.negative), "negative prompt", notes)
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
        written=_cut(values.get(_WRITTEN, ""), "prompt before it was expanded", notes),
    )
    if not (prompt or negative or values):
        raise UserError("The text in this picture holds no settings that can be read.")
    return Restored(request, _one_line(values.get("Model", ""))[:128], (*notes, *_foreign(found, prompt)))


def _foreign(found: _Parsed, prompt: str) -> list[str]:
    """What to expect of a picture that another tool made."""
    notes = []
    if found.ignored:
        more = f" and {len(found.ignored) - 6} more" if len(found.ignored) > 6 else ""
        named = ", ".join(_one_line(name)[:40] for name in found.ignored[:6])
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
    if not (kind := scheduler_class(name)):
        notes.append(f"The sampler “{_one_line(name)[:60]}” is not known here; the model's own is used.")
        return ""
    schedule = noise_schedule_name(name) or values.get("Schedule type", "Automatic")
    if schedule.casefold() not in ("automatic", "normal", "simple", ""):
        notes.append(f"The {_one_line(schedule)[:40]} noise schedule is not taken over; the model's own is used.")
    return kind


def _size(value: str, notes: list[str]) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d{1,6})\s*[x×*]\s*(\d{1,6})\s*", value)
    if found and 1 <= int(found[1]) <= MOST_SIDE and 1 <= int(found[2]) <= MOST_SIDE:
        return int(found[1]), int(found[2])
    if value:
        notes.append(f"The size “{_one_line(value)[:40]}” cannot be used; the model's own is taken.")
    return 0, 0


def _int(values: dict[str, str], key: str, least: int, most: int, notes: list[str]) -> int | None:
    value = values.get(key, "").strip()
    found = re.fullmatch(r"\d{1,20}", value)
    if found and least <= int(value) <= most:
        return int(value)
    if value:
        notes.append(f"{key} “{_one_line(value)[:40]}” cannot be used.")
    return None


def _float(values: dict[str, str], key: str, least: float, most: float, notes: list[str]) -> float | None:
    value = values.get(key, "").strip()
    found = re.fullmatch(r"\d{1,20}(?:\.\d{1,40})?(?:e[+-]?\d{1,3})?", value, re.IGNORECASE)
    if found and math.isfinite(float(value)) and least <= float(value) <= most:
        return float(value)
    if value:
        notes.append(f"{key} “{_one_line(value)[:40]}” cannot be used.")
    return None


def _cut(text: str, what: str, notes: list[str]) -> str:
    if len(text) <= MOST_PROMPT:
        return text
    notes.append(f"The {what} has {len(text):,} characters; the first {MOST_PROMPT:,} were taken over.")
    return text[:MOST_PROMPT]


def _printable(text: str) -> str:
    """Text as a line or lines of the file, without what may not stand in one."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _quote(value: str) -> str:
    """A value for the last line: as it is, or as a JSON string where it holds what divides values."""
    if value and not any(letter in value for letter in ',:"\n') and value == value.strip():
        return value
    return json.dumps(value, ensure_ascii=False)


def _split(text: str) -> _Parsed:
    """The parts of a text in Automatic1111's form. Text without a line of settings is all prompt."""
    lines = text.strip().split("\n")
    at = _settings_line(lines)
    values = _fields(lines[at]) if at is not None else {}
    prompt: list[str] = []
    negative: list[str] = []
    into = prompt
    for line in map(str.strip, lines[:at]):
        if line.startswith(_NEGATIVE):
            into = negative
        into.append(line.removeprefix(_NEGATIVE).strip() if into is negative else line)
    ignored = tuple(key for key in values if key not in _TAKEN | _OURS | _SILENT)
    return _Parsed("\n".join(prompt), "\n".join(negative), values, ignored)


def _fields(line: str) -> dict[str, str]:
    """The `Key: value` pairs of a line; the first of a key counts, JSON strings are read."""
    found: dict[str, str] = {}
    at = 0
    while at < len(line) and len(found) < MOST_FIELDS:
        key = _KEY.match(line, at)
        if key is None:
            at = _after_comma(line, at)
            continue
        text = _QUOTED.match(line, key.end())
        if text is not None and line[text.end() : text.end() + 1] in ("", ","):
            value, at = _unquote(text[0]), text.end() + 1
        else:
            at = _after_comma(line, key.end())
            value = line[key.end() : at].removesuffix(",").strip()
        found.setdefault(key[1].strip(), value)
    return found


def _parse_json(text: str) -> _Parsed | None:
    """The parts of Fooocus' or InvokeAI's JSON; None for text that is no such thing."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):  # a number of 5000 digits is a ValueError too
        return None
    if not isinstance(data, dict) or not data.keys() & {"prompt", "positive_prompt", "Prompt"}:
        return None
    values = {name: _text(data[key]) for key, name in _JSON_NAMES.items() if _text(data.get(key))}
    model = data.get("model")
    if isinstance(model, dict):
        values["Model"] = _text(model.get("name")) or _text(model.get("model_name"))
    schedule = _text(data.get("scheduler"))
    if schedule and "Sampler" in values:
        values["Schedule type"] = schedule  # Fooocus: ComfyUI's noise schedule beside its sampler
    elif schedule:
        values["Sampler"] = schedule  # InvokeAI has one name for both
    sides = re.fullmatch(r"\((\d{1,6}), (\d{1,6})\)", _text(data.get("resolution")))
    width, height = (sides[1], sides[2]) if sides else (_text(data.get("width")), _text(data.get("height")))
    if width and height:
        values["Size"] = f"{width}x{height}"
    known = _JSON_NAMES.keys() | _JSON_SILENT
    ignored = [key for key in list(data)[:MOST_FIELDS] if key not in known and data[key] not in (None, [], {}, "", 0)]
    prompt = _text(data.get("prompt")) or _text(data.get("positive_prompt")) or _text(data.get("Prompt"))
    negative = _text(data.get("negative_prompt"))
    return _Parsed(prompt, negative, {key: value for key, value in values.items() if value}, tuple(ignored))


def _settings_line(lines: list[str]) -> int | None:
    """The index of the line of settings: the last one, or the last that begins with the steps."""
    last = len(lines) - 1
    found = _fields(lines[last])
    if len(found) >= 3 and found.keys() & _TAKEN:
        return last
    starts = [index for index, line in enumerate(lines) if re.match(r"\s{0,8}Steps: ?\d", line)]
    return starts[-1] if starts else None


def _after_comma(line: str, at: int) -> int:
    comma = line.find(",", at)
    return len(line) if comma < 0 else comma + 1


def _unquote(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]


def _text(value: Any) -> str:
    """A JSON value as text: strings and numbers; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        return str(value)
    except ValueError:  # an int of more digits than Python writes out
        return ""
