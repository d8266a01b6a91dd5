"""A picture that follows the finger: sliders, circles and chips beside it, and one server function that draws.

Invariants: nobody's state lives on the server. Every movement sends one payload that holds all of it; one
request is under way at a time, or two while answers come at once. The newest state is the next to go, the last one
always arrives, and no older answer follows a newer one. Values reach the page as text nodes and attributes only, never
as HTML.

The protocol, all of it plain JSON:

* value (`stage_value`): model, latent (null: the server draws one, from `extra`), picture (data URI or null: asked for
  when the stage is first seen), controls, values (where each control stands), extra (goes back with every payload as
  it is), words, locked. A control is a dict, see `slider` and `chips`: name, label, kind ("slider", "cycle", "chips"),
  values and labels (what is said of them), minimum, maximum, step, value, group (controls of one group overrule each
  other), colours (of the track, or of each chip), unit, random (false: "Randomise" leaves it alone),
  home (where "Reset" puts it; without one, where it stood when the value came).
* payload to the server function: {model, latent, values, extra}. `latent` is the one that came with the value;
  `values` are the controls moved since, in the order in which they were moved.
* answer: {picture (JPEG data URI), latent (what was decoded), values (where controls stand now)}, or {error: words},
  which is shown in the stage beside the last picture.
* event `release`: a movement has ended and its picture is there (or the first picture, where the server drew one). The
  value, as Python is given it, then holds the latent on show, the values, what was moved and what is locked; so does
  the event's data.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.responses import JSONResponse

from playground.errors import UserError
from playground.imaging.encoding import data_uri
from tabs.common.html_component import HtmlComponent
from tabs.common.words import say

Values = dict[str, float | str]
MOST_VALUES = 200
LONGEST_NAME = 128
_WORDS = (
    "live_loading", "live_lost", "live_reset", "live_reset_one", "live_random", "live_lock", "live_unlock", "live_fps",
    "live_hold", "live_picture",
)  # fmt: skip


class LiveStage(HtmlComponent):
    """A picture with its controls, drawn by `draw(payload) -> answer` (`answer`; `UserError`s are shown in the stage).

    `draw` is called on a thread of its own, past the queue, with whatever a browser sent: check it with `Asked.of`.
    """

    root, styles, scripts = "stage", ("stage.css",), ("stage.js",)

    def __init__(self, draw: Callable[[Any], dict[str, Any]] | None = None, **kwargs: Any) -> None:
        super().__init__(server_functions=[_worded(draw)] if draw is not None else None, **kwargs)


@dataclass(frozen=True)
class Asked:
    """A payload, checked: what a browser sent to be drawn."""

    model: str
    latent: np.ndarray | None  # float32, of one of the shapes asked for
    values: Values
    extra: dict[str, Any]  # not checked further: its reader knows what it must be

    @classmethod
    def of(cls, payload: Any, dimensions: int, most: int = 65_536) -> "Asked":
        """Raises `UserError` for anything but a payload whose latent has that many dimensions and so many numbers."""
        if not isinstance(payload, dict):
            raise UserError("The stage sent something else than a payload. Reload the page.")
        model, values, extra = payload.get("model"), payload.get("values") or {}, payload.get("extra") or {}
        if not isinstance(model, str) or len(model) > LONGEST_NAME:
            raise UserError("The stage named no model. Choose one in the menu.")
        if not isinstance(extra, dict):
            raise UserError("The stage sent settings that cannot be read. Reload the page.")
        raw = payload.get("latent")
        return cls(model, None if raw is None else numbers(raw, dimensions, most), checked_values(values), extra)


def numbers(raw: Any, dimensions: int, most: int) -> np.ndarray:
    """Nested lists as a float32 array of that many dimensions. Raises `UserError` for anything else."""
    count = _count(raw, dimensions, most)
    try:
        array = np.array(raw, dtype=np.float32) if count else None
    except (ValueError, TypeError, OverflowError):
        array = None
    if array is None or array.ndim != dimensions or array.size > most or not np.isfinite(array).all():
        raise UserError("That latent cannot be read: it must be a list of finite numbers. Sample a new one.")
    return array


def checked_values(raw: Any) -> Values:
    """Names with finite numbers or short words. Raises `UserError` for anything else."""
    if not isinstance(raw, dict) or len(raw) > MOST_VALUES:
        raise UserError("The controls' values cannot be read. Reload the page.")
    for name, value in raw.items():
        word = isinstance(value, str) and len(value) <= LONGEST_NAME
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not isinstance(name, str) or len(name) > LONGEST_NAME or not (word or number):
            raise UserError("A control has a value that is neither a number nor a word. Reset it.")
    return {name: value if isinstance(value, str) else float(value) for name, value in raw.items()}


def answer(jpeg: bytes, latent: np.ndarray, values: Mapping[str, float | str]) -> dict[str, Any]:
    """What a server function gives back."""
    return {"picture": data_uri(jpeg), "latent": plain(latent), "values": dict(values)}


def stage_value(
    model: str,
    controls: Sequence[dict[str, Any]],
    language: str,
    latent: np.ndarray | None = None,
    picture: bytes | None = None,
    values: Mapping[str, float | str] | None = None,
    extra: Mapping[str, Any] | None = None,
    locked: Sequence[str] = (),
) -> dict[str, Any]:
    """The value of a `LiveStage`. Every one made is new to the page, even if it is the same as the last."""
    return {
        "serial": time.time_ns() // 1000 % 2**52,
        "model": model,
        "controls": list(controls),
        "latent": None if latent is None else plain(latent),
        "picture": None if picture is None else data_uri(picture),
        "values": dict(values or {}),
        "extra": dict(extra or {}),
        "locked": list(locked),
        "words": {key.removeprefix("live_"): say(language, key) for key in _WORDS},
    }


def slider(name: str, label: str, minimum: float, maximum: float, value: float, **other: Any) -> dict[str, Any]:
    """A slider (or, with kind="cycle", a circle): along `values`, said as `labels`, or plain numbers without them."""
    return {
        "name": name,
        "label": label,
        "kind": "slider",
        "minimum": minimum,
        "maximum": maximum,
        "value": value,
    } | other


def chips(name: str, label: str, values: Sequence[str], labels: Sequence[str], **other: Any) -> dict[str, Any]:
    """A row of words to choose one from."""
    return {"name": name, "label": label, "kind": "chips", "values": list(values), "labels": list(labels)} | other


def plain(array: np.ndarray) -> list[Any]:
    """Nested lists; nine digits give every float32 back exactly."""
    return [plain(row) for row in array] if array.ndim > 1 else [float(f"{number:.9g}") for number in array]


def _count(raw: Any, dimensions: int, most: int) -> int:
    """How many entries nested lists have, 0 if too many or not nested so deep: asked before anything is copied."""
    if not isinstance(raw, list) or len(raw) > most:
        return 0
    if dimensions == 1:
        return len(raw) if all(isinstance(one, int | float) and not isinstance(one, bool) for one in raw) else 0
    counts = [_count(row, dimensions - 1, most) for row in raw]
    return sum(counts) if all(counts) and sum(counts) <= most else 0


def _worded(draw: Callable[[Any], dict[str, Any]]) -> Callable[[Any], JSONResponse]:
    def frame(payload: Any) -> JSONResponse:
        try:
            answered = draw(payload)
        except UserError as error:
            answered = {"error": str(error)}
        # Plain JSON already, and said so: thirty times a second nobody need look through it for what is not.
        return JSONResponse(answered)

    return frame
