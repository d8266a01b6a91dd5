"""A live picture with sliders, circles and chips beside it, and one server function that draws it.

Invariants: no state lives on the server. Every movement sends one payload that holds all of it; one request
is under way at a time, or two while answers come at once. The newest state is the next to go, the last one
always arrives, and no older answer follows a newer one. Values reach the page as text nodes and attributes only, never
as HTML.

The protocol, all of it plain JSON:

* value (`stage_value`): model, latent (null: the server draws one, from `extra`), picture (data URI or null: asked for
  when the stage is first seen), controls, values (where each control stands), extra (goes back with every payload as
  it is), words, locked, inactive (name of a control that changes nothing now, to the reason). A control is a dict, see
  `slider` and `chips`: name, label, kind ("slider", "cycle", "chips"), values and labels (what is said of them),
  minimum, maximum, step, value, group (controls of one group overrule each other), colours (of the track, or of each
  chip), unit, others ([value, label] of words beside a slider's scale, shown as chips), random (false: "Randomise"
  leaves it alone), home (where "Reset" puts it; without one, where it stood when the value came).
* payload to the server function: {model, latent, values, extra}. `latent` is the one that came with the value;
  `values` are the controls moved since, in the order in which they were moved.
* answer (`stage_answer`): {picture (JPEG data URI), latent (what was decoded), values (where controls stand now),
  inactive},
  or {error: words}, which is shown in the stage beside the last picture.
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
MAX_VALUES = 200
MAX_NAME = 128
_WORDS = (
    "live_loading", "live_lost", "live_reset", "live_reset_one", "live_random", "live_lock", "live_unlock", "live_fps",
    "live_hold", "live_picture",
)  # fmt: skip


class LiveStage(HtmlComponent):
    """A picture with its controls.

    Args:
        draw: payload to `stage_answer`. Called on a thread of its own, past the queue, with whatever a browser sent:
            check it with `StagePayload.parse`. Its `UserError`s are shown in the stage.
        kwargs: of `gr.HTML`.
    """

    root, styles, scripts = "stage", ("stage.css",), ("stage.js",)

    def __init__(self, draw: Callable[[Any], dict[str, Any]] | None = None, **kwargs: Any) -> None:
        super().__init__(server_functions=[_with_error_messages(draw)] if draw is not None else None, **kwargs)


@dataclass(frozen=True)
class StagePayload:
    """A validated payload of the stage.

    Attributes:
        model: a catalogue id, not checked further.
        latent: float32, or None where the server is to make one.
        values: the controls that were moved, in that order.
        extra: what came with the stage's value; not checked further.
    """

    model: str
    latent: np.ndarray | None
    values: Values
    extra: dict[str, Any]

    @classmethod
    def parse(cls, payload: Any, dimensions: int, limit: int = 65_536) -> "StagePayload":
        """Validate what a browser sent.

        Args:
            payload: anything.
            dimensions: of the latent array.
            limit: how many numbers the latent may have.

        Returns:
            The payload.

        Raises:
            UserError: anything but a payload of a stage.
        """
        if not isinstance(payload, dict):
            raise UserError("The stage sent something else than a payload. Reload the page.")
        model, values, extra = payload.get("model"), payload.get("values") or {}, payload.get("extra") or {}
        if not isinstance(model, str) or len(model) > MAX_NAME:
            raise UserError("The stage named no model. Choose one in the menu.")
        if not isinstance(extra, dict):
            raise UserError("The stage sent settings that cannot be read. Reload the page.")
        raw = payload.get("latent")
        return cls(model, None if raw is None else parse_array(raw, dimensions, limit), parse_values(values), extra)


def parse_array(raw: Any, dimensions: int, limit: int) -> np.ndarray:
    """Nested lists as an array.

    Args:
        raw: what a browser sent.
        dimensions: how deep the lists must be nested.
        limit: how many numbers there may be.

    Returns:
        float32 of that many dimensions.

    Raises:
        UserError: anything else, or numbers that are not finite.
    """
    count = _count(raw, dimensions, limit)
    try:
        array = np.array(raw, dtype=np.float32) if count else None
    except (ValueError, TypeError, OverflowError):
        array = None
    if array is None or array.ndim != dimensions or array.size > limit or not np.isfinite(array).all():
        raise UserError("That latent cannot be read: it must be a list of finite numbers. Sample a new one.")
    return array


def parse_values(raw: Any) -> Values:
    """Values of controls.

    Args:
        raw: what a browser sent.

    Returns:
        Control name to finite number or short word.

    Raises:
        UserError: anything else.
    """
    if not isinstance(raw, dict) or len(raw) > MAX_VALUES:
        raise UserError("The controls' values cannot be read. Reload the page.")
    for name, value in raw.items():
        word = isinstance(value, str) and len(value) <= MAX_NAME
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not isinstance(name, str) or len(name) > MAX_NAME or not (word or number):
            raise UserError("A control has a value that is neither a number nor a word. Reset it.")
    return {name: value if isinstance(value, str) else float(value) for name, value in raw.items()}


def stage_answer(
    jpeg: bytes, latent: np.ndarray, values: Mapping[str, float | str], inactive: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The answer to a payload.

    Args:
        jpeg: the picture.
        latent: what was decoded.
        values: every control's value in it.
        inactive: controls that change nothing now, with the reason.

    Returns:
        Plain JSON.
    """
    return {"picture": data_uri(jpeg), "latent": to_lists(latent), "values": dict(values)} | {
        "inactive": dict(inactive or {})
    }


def stage_value(
    model: str,
    controls: Sequence[dict[str, Any]],
    language: str,
    latent: np.ndarray | None = None,
    picture: bytes | None = None,
    values: Mapping[str, float | str] | None = None,
    extra: Mapping[str, Any] | None = None,
    locked: Sequence[str] = (),
    inactive: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The value of a `LiveStage`. Every one made is new to the page, even if it is the same as the last.

    Args:
        model: a catalogue id.
        controls: as `slider` and `chips` make them.
        language: one of `tabs.common.words.LANGUAGES`.
        latent: what the picture shows; None has the server make one.
        picture: JPEG; None has the page ask for it when it is first seen.
        values: every control's value.
        extra: sent back with every payload.
        locked: names of controls that cannot be moved.
        inactive: controls that change nothing now, with the reason.

    Returns:
        Plain JSON.
    """
    return {
        "serial": time.time_ns() // 1000 % 2**52,
        "model": model,
        "controls": list(controls),
        "latent": None if latent is None else to_lists(latent),
        "picture": None if picture is None else data_uri(picture),
        "values": dict(values or {}),
        "extra": dict(extra or {}),
        "locked": list(locked),
        "inactive": dict(inactive or {}),
        "words": {key.removeprefix("live_"): say(language, key) for key in _WORDS},
    }


def slider(name: str, label: str, minimum: float, maximum: float, value: float, **other: Any) -> dict[str, Any]:
    """A slider of the stage, or with kind="cycle" a circle.

    Args:
        name: its name in payloads.
        label: its name on the page.
        minimum: least value.
        maximum: greatest value.
        value: where it stands without one in the stage's values.
        other: `values` along it with their `labels`, and the other keys of a control.

    Returns:
        Plain JSON.
    """
    return {
        "name": name,
        "label": label,
        "kind": "slider",
        "minimum": minimum,
        "maximum": maximum,
        "value": value,
    } | other


def chips(name: str, label: str, values: Sequence[str], labels: Sequence[str], **other: Any) -> dict[str, Any]:
    """Words to choose one from.

    Args:
        name: its name in payloads.
        label: its name on the page.
        values: the words as payloads name them.
        labels: the words on the page.
        other: the other keys of a control.

    Returns:
        Plain JSON.
    """
    return {"name": name, "label": label, "kind": "chips", "values": list(values), "labels": list(labels)} | other


def to_lists(array: np.ndarray) -> list[Any]:
    """An array as nested lists; nine digits give every float32 back exactly.

    Args:
        array: float32.

    Returns:
        Lists of floats.
    """
    return [to_lists(row) for row in array] if array.ndim > 1 else [float(f"{number:.9g}") for number in array]


def _count(raw: Any, dimensions: int, most: int) -> int:
    """How many entries nested lists have, 0 if too many or not nested so deep: asked before anything is copied."""
    if not isinstance(raw, list) or len(raw) > most:
        return 0
    if dimensions == 1:
        return len(raw) if all(isinstance(one, int | float) and not isinstance(one, bool) for one in raw) else 0
    counts = [_count(row, dimensions - 1, most) for row in raw]
    return sum(counts) if all(counts) and sum(counts) <= most else 0


def _with_error_messages(draw: Callable[[Any], dict[str, Any]]) -> Callable[[Any], JSONResponse]:
    def frame(payload: Any) -> JSONResponse:
        try:
            reply = draw(payload)
        except UserError as error:
            reply = {"error": str(error)}
        # Plain JSON already, and said so: thirty times a second nobody need look through it for what is not.
        return JSONResponse(reply)

    return frame
