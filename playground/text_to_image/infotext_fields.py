"""From a settings text to its parts: prompt, negative prompt, and values by Automatic1111's names.

Invariants: every pattern is linear in the length of the text, at most `MOST_FIELDS` values are looked at, and
values stay text: what they mean is decided elsewhere.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

NEGATIVE = "Negative prompt:"
MOST_FIELDS = 200
_KEY = re.compile(r"\s{0,8}(\w[\w \-/]{0,60}):[ \t]{0,8}")
_QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
# What a request here has a place for, and what only describes and changes nothing.
TAKEN = frozenset(("Steps", "Sampler", "CFG scale", "Seed", "Size", "Model", "Denoising strength", "Schedule type"))
_OURS = frozenset(("Exact prompt", "Exact negative prompt", "Raw prompt"))
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
class Found:
    """A settings text in parts; `ignored` are the settings it names that no request here has a place for."""

    prompt: str
    negative: str
    values: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def quoted(value: str) -> str:
    """A value for the last line: as it is, or as a JSON string where it holds what divides values."""
    if value and not any(letter in value for letter in ',:"\n') and value == value.strip():
        return value
    return json.dumps(value, ensure_ascii=False)


def divided(text: str) -> Found:
    """The parts of a text in Automatic1111's form. Text without a line of settings is all prompt."""
    lines = text.strip().split("\n")
    at = _settings_line(lines)
    values = fields(lines[at]) if at is not None else {}
    prompt: list[str] = []
    negative: list[str] = []
    into = prompt
    for line in map(str.strip, lines[:at]):
        if line.startswith(NEGATIVE):
            into = negative
        into.append(line.removeprefix(NEGATIVE).strip() if into is negative else line)
    ignored = tuple(key for key in values if key not in TAKEN | _OURS | _SILENT)
    return Found("\n".join(prompt), "\n".join(negative), values, ignored)


def fields(line: str) -> dict[str, str]:
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
            value, at = _unquoted(text[0]), text.end() + 1
        else:
            at = _after_comma(line, key.end())
            value = line[key.end() : at].removesuffix(",").strip()
        found.setdefault(key[1].strip(), value)
    return found


def from_json(text: str) -> Found | None:
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
    return Found(prompt, negative, {key: value for key, value in values.items() if value}, tuple(ignored))


def _settings_line(lines: list[str]) -> int | None:
    """The index of the line of settings: the last one, or the last that begins with the steps."""
    last = len(lines) - 1
    found = fields(lines[last])
    if len(found) >= 3 and found.keys() & TAKEN:
        return last
    starts = [index for index, line in enumerate(lines) if re.match(r"\s{0,8}Steps: ?\d", line)]
    return starts[-1] if starts else None


def _after_comma(line: str, at: int) -> int:
    comma = line.find(",", at)
    return len(line) if comma < 0 else comma + 1


def _unquoted(text: str) -> str:
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
