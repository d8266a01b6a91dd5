"""Validation of requests against what their model can do: the same for the page, the API and a restored picture.

Invariants: what means nothing is refused, what goes too far is brought inside the limits, and every change is told.
Validating a validated request changes nothing.
"""

import random
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from playground.catalog import Entry
from playground.errors import UserError
from playground.text_to_image.limits import NEGATIVE_ABOVE, Limits, limits_of
from playground.text_to_image.options import ImageOptions
from playground.text_to_image.types import ImageRequest
from playground.validation import MAX_SEED, clamp, clamp_whole, quote, validate_finite, validate_seed

LONGEST_PROMPT = 8_000  # characters; no model reads more
LEAST_STRENGTH = 0.05


@dataclass(frozen=True)
class ValidatedRequest:
    """A request whose every value is as the model will be given it.

    Attributes:
        request: The request.
        notes: What was changed, in words.
    """

    request: ImageRequest
    notes: tuple[str, ...]


def validate_request(entry: Entry, request: ImageRequest) -> ValidatedRequest:
    """Every value of a request as the model will be given it.

    Args:
        entry: The model in the catalogue.
        request: What is asked for.

    Raises:
        UserError: The prompt is empty, or a value is of another kind (text for a number, not finite).
    """
    limits, notes = limits_of(entry), list[str]()
    for name in ("prompt", "negative_prompt", "scheduler", "written"):
        if not isinstance(getattr(request, name), str):
            raise UserError(f"`{name}` must be text.")
    if not request.prompt.strip():
        raise UserError("The prompt is empty. Write what the picture should show.")
    if entry.remote is not None:  # "as the model likes it" is for the server to know
        limits = _with_open_defaults(limits)
    count = _whole(request.count, "count", (1, 1, limits.count), notes)
    start = _start(request.start, limits, notes)
    width, height = _sides(request, start, limits, notes)
    steps = _whole(request.steps, "steps", limits.steps, notes)
    strength = float(_inside(request.strength, "strength", (LEAST_STRENGTH, 0.6, 1.0), notes) or 0.0)
    if start is not None and not limits.reference:
        steps, strength = _enough_steps(steps, strength, limits, notes)
    validated = replace(
        request,
        prompt=_cut(request.prompt, "prompt", notes),
        negative_prompt=_cut(request.negative_prompt, "negative prompt", notes),
        width=width,
        height=height,
        steps=steps,
        guidance=_inside(request.guidance, "guidance", limits.guidance, notes),
        scheduler=_scheduler(request.scheduler, limits, notes),
        seed=_seed(request.seed, count, notes),
        count=count,
        strength=strength,
        start=start,
        trajectory=bool(request.trajectory) and limits.trajectory,
    )
    return ValidatedRequest(_without_unread_negative(validated, limits, notes), tuple(notes))


def working_bytes(entry: Entry, request: ImageRequest) -> int:
    """The memory that a request takes beside the weights: the catalogue's figure, by the picture's area.

    Args:
        entry: The model in the catalogue.
        request: A validated request.
    """
    options = ImageOptions.of(entry)
    usual = options.sizes[1] ** 2
    return int(options.working_bytes * max(0.25, request.width * request.height / usual))


def _with_open_defaults(limits: Limits) -> Limits:
    """The same ranges, with "as the model likes it" where a usual value stood."""

    def opened(triple: tuple[Any, Any, Any], usual: Any) -> tuple[Any, Any, Any]:
        return triple[0], usual, triple[2]

    return replace(
        limits,
        steps=opened(limits.steps, 0),
        guidance=opened(limits.guidance, None),
        sizes=opened(limits.sizes, 0),
    )


def _inside(value: Any, name: str, limits: tuple[float, float | None, float], notes: list[str]) -> float | None:
    least, usual, most = limits
    return usual if value is None else clamp(value, name, least, most, notes)


def _whole(value: Any, name: str, limits: tuple[int, int, int], notes: list[str]) -> int:
    """0 means the usual."""
    least, usual, most = limits
    return clamp_whole(value, name, least, most, notes) if validate_finite(value, f"`{name}`") else usual


def _sides(request: ImageRequest, start: Any, limits: Limits, notes: list[str]) -> tuple[int, int]:
    """Width and height; begun from a picture and with neither given, of that picture's shape."""
    width, height = request.width, request.height
    usual = limits.sizes[1]
    if (
        start is not None
        and not validate_finite(width, "`width`")
        and not validate_finite(height, "`height`")
        and usual
    ):
        longer = max(start.size)
        return tuple(_side(max(1, round(usual * side / longer)), "", limits, []) for side in start.size)  # type: ignore[return-value]
    return _side(width, "width", limits, notes), _side(height, "height", limits, notes)


def _side(value: Any, name: str, limits: Limits, notes: list[str]) -> int:
    number = validate_finite(value, f"`{name}`")
    if not number:
        return limits.sizes[1]
    least, _, most = limits.sizes
    # Rounded to the nearest, a half upwards.
    whole = int(min(max(number, least), most) / limits.multiple + 0.5) * limits.multiple
    if whole != number:
        notes.append(
            f"{name.capitalize()} {quote(value)} became {whole}: this model makes sides from {least} to {most} "
            f"pixels in steps of {limits.multiple}."
        )
    return whole


def _seed(value: Any, count: int, notes: list[str]) -> int:
    """-1 draws one, as other tools have it. All seeds of the batch must be seeds, so that each can be used alone."""
    most = MAX_SEED - count + 1
    if value == -1:
        drawn = random.randint(0, most)  # noqa: S311  # a seed, no secret
        notes.append(f"Seed -1 means any: {drawn} was drawn.")
        return drawn
    return validate_seed(value, most)


def _scheduler(name: str, limits: Limits, notes: list[str]) -> str:
    if not limits.schedulers or name in limits.schedulers:
        return name if limits.schedulers else ""
    if name:
        notes.append(f"The scheduler “{name[:60]}” does not work with this model; its own was used.")
    return limits.schedulers[0]


def _start(image: Any, limits: Limits, notes: list[str]) -> Any:
    if image is not None and not isinstance(image, Image.Image):
        raise UserError("The start picture must be a picture.")
    if image is not None and not limits.image_to_image:
        notes.append("This model cannot begin from a picture, so it began from noise.")
        return None
    if image is not None and limits.reference:
        notes.append("This model takes the start picture as a reference, so strength has no effect.")
    return image


def _enough_steps(steps: int, strength: float, limits: Limits, notes: list[str]) -> tuple[int, float]:
    """At least one step is left when the first ones, which the picture to begin from stands for, are skipped."""
    most = limits.steps[2]
    if int(most * strength) < 1:
        strength = 1 / most
        notes.append(f"Strength became {strength:.2g}: with less, not one of {most} steps would be left.")
    needed = next(number for number in range(1, most + 1) if int(number * strength) >= 1)
    if steps < needed:
        notes.append(f"Steps {steps} became {needed}: at this strength one in {needed} is left to do.")
    return max(steps, needed), strength


def _without_unread_negative(request: ImageRequest, limits: Limits, notes: list[str]) -> ImageRequest:
    if not request.negative_prompt.strip():
        return replace(request, negative_prompt="")
    if limits.reads_negative_prompt(request.guidance) or not limits.schedulers:  # a server knows for itself
        return request
    why = f"only at a guidance above {NEGATIVE_ABOVE:g}" if limits.negative else "never by this model"
    notes.append(f"The negative prompt was left out: it is used {why}.")
    return replace(request, negative_prompt="")


def _cut(text: str, name: str, notes: list[str]) -> str:
    if len(text) <= LONGEST_PROMPT:
        return text
    notes.append(f"The {name} has {len(text):,} characters; what comes after the first {LONGEST_PROMPT:,} was cut.")
    return text[:LONGEST_PROMPT]
