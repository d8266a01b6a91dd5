"""Component values of the VAE tab's faces: pure functions of latents and results.

Invariants: words come from `tabs.common.words` and `tabs.common.attribute_words`; numbers are rounded here and nowhere
else.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from playground.avatars.controls import Control
from playground.drawn_world.attributes import HATS
from playground.imaging import uploads
from playground.vae.types import Dimension, Direction, Encoded, Frame, Leak, Typicality, Values
from tabs.common import attribute_words
from tabs.common.components import bars, row, strip
from tabs.common.live.stage import chips, slider, stage_value, to_lists
from tabs.common.words import say
from tabs.vae.session import VaeSession

SIDE = 128  # pixels of a live picture: the browser enlarges it on, and larger JPEGs take longer than they show
MAX_DIMENSION = 4.0  # ends of a raw coordinate's slider, in standard deviations of the prior
MAX_CUSTOM_VALUE = 2.0  # ends of a custom attribute's slider: so many times the difference of its groups
MIN_LEAK = 0.02  # total variation distance worth a bar
MAX_LEAKS = 8
EXAMPLE_SIDE = 52  # CSS pixels
_ORDER = (
    "mouth", "eyes", "eyebrows", "skin", "hair_length", "facial_hair", "lenses", "background", "hair_colour",
    "glasses",
)  # fmt: skip
# A slider and the chips of the same attribute are one control: the slider along the scale, chips for the other values.
_CHIPS_OF = {"hair_length": "top", "facial_hair": "facial_hair_kind", "eyes": "eyes_kind"}


def example_strip(paths: Sequence[Path], language: str) -> dict[str, Any]:
    """Small pictures to choose from.

    Args:
        paths: of the pictures.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        The value of a `PictureStrip`.
    """
    pictures = [(uploads.read(path), "") for path in paths]
    return strip(pictures, size=EXAMPLE_SIDE, pick=say(language, "vae_select_example"))


def stage(
    session: VaeSession,
    controls: Sequence[Control],
    language: str,
    seed: int,
    frame: Frame | None,
    locked: Collection[str] = (),
) -> dict[str, Any]:
    """The value of the `LiveStage`.

    Args:
        session: has the raw coordinates and custom attributes that are shown.
        controls: those of the model.
        language: one of `tabs.common.words.LANGUAGES`.
        seed: of the picture the stage asks for where `frame` is None.
        frame: what is on show.
        locked: names of controls that are locked.

    Returns:
        Plain JSON.
    """
    latent = None if frame is None else frame.latent
    shown = named_controls(controls, language)
    return stage_value(
        session.model,
        [*_custom_sliders(session), *_dimension_sliders(session, latent, language), *shown],
        language,
        latent=latent,
        picture=None if frame is None else frame.jpeg,
        values=None if frame is None else stage_values(frame.values, controls),
        extra={
            "seed": seed,
            "language": language,
            "dimensions": session.dimensions,
            "custom": [to_lists(each.vector) for each in session.custom],
        },
        locked=[name for name in locked if name in {control["name"] for control in shown}],
        inactive=None if frame is None else inactive_controls(frame.values, language),
    )


def named_controls(controls: Sequence[Control], language: str) -> list[dict[str, Any]]:
    """The named controls of the stage, one per attribute: expressions first, then the rest of the face, then clothes.

    Args:
        controls: those of the model.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Sliders, circles and chips as the stage takes them.
    """
    place = {name: number for number, name in enumerate(_ORDER)}
    by_name = {control.name: control for control in controls}
    merged = {chip for name, chip in _CHIPS_OF.items() if name in by_name}
    shown = sorted(controls, key=lambda control: place.get(control.name, len(place)))
    return [_control(each, by_name, language) for each in shown if each.name not in merged]


def stage_values(values: Values, controls: Sequence[Control]) -> Values:
    """Values of the stage's controls: a slider that is merged with chips stands at the word where it is off the scale.

    Args:
        values: every control's value in a latent.
        controls: those of the model.

    Returns:
        Name of a stage's control to value.
    """
    result, by_name = dict(values), {control.name: control for control in controls}
    for name, chip in _CHIPS_OF.items():
        if name in by_name and chip in by_name:
            word = result.pop(chip)
            if word not in by_name[name].values:
                result[name] = word
    return result


def inactive_controls(values: Values, language: str) -> dict[str, str]:
    """Controls that change nothing visible in a face, as the drawn world has it, with the reason.

    Args:
        values: every control's value in a latent.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Name of a stage's control to the reason.
    """
    top, beard, glasses = values.get("top"), values.get("facial_hair_kind"), values.get("glasses")
    lenses = values.get("lenses")
    found = {}
    if top is not None and top not in HATS:
        found["hat_colour"] = "vae_needs_hat"
    if (top == "bald" or top in HATS) and beard == "none":
        found["hair_colour"] = "vae_needs_hair"
    if glasses == "none":
        found["lenses"] = "vae_needs_glasses"
    elif glasses is not None:
        found["eyebrows"] = "vae_behind_glasses"
        if isinstance(lenses, float) and lenses > 1.5:  # clear, tinted, dark
            found["eyes"] = "vae_behind_lenses"
    return {name: say(language, key) for name, key in found.items()}


def typicality(found: Typicality, language: str) -> dict[str, Any]:
    """The typicality meter.

    Args:
        found: of the face on show.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        The value of a `BarChart`.
    """
    more = found.percentile >= 0.5
    share = found.percentile if more else 1 - found.percentile
    tone = "good" if found.percentile > 0.1 else "fair" if found.percentile > 0.01 else "bad"
    text = say(language, f"vae_typical_{'more' if more else 'less'}", percent=100 * share)
    title = say(language, "vae_typical_title", nats=found.log_prob, bits=found.bits_per_dim)
    return bars([row(say(language, "vae_typical"), [found.percentile], text, title, tone)])


def leak(
    found: Sequence[Leak], intended: Collection[str], inactive: Mapping[str, str], language: str
) -> dict[str, Any]:
    """What a movement changed, by the judge: what was intended, and side effects among what is visible.

    Args:
        found: what changed.
        intended: attributes that were moved.
        inactive: attributes that are not visible; the judge's guesses about them mean nothing.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        The value of a `BarChart`.
    """
    rows: list[dict[str, Any]] = []
    for each in found:
        hidden = each.attribute in inactive or attribute_words.HIDDEN in (each.before, each.after)
        if each.attribute not in intended and (each.change < MIN_LEAK or hidden):
            continue
        before, after = (attribute_words.value(word, language) for word in (each.before, each.after))
        text = f"{100 * each.change:.0f} % · {before}" + (f" → {after}" if before != after else "")
        tone = "good" if each.attribute in intended else "fair" if each.change < 0.5 else "bad"
        rows.append(row(attribute_words.name(each.attribute, language), [each.change], text, tone=tone))
    rows.sort(key=lambda each: (each["tone"] != "good", -each["shares"][0]))
    side_effects = sum(each["tone"] != "good" for each in rows)
    key = "vae_leak_none" if not side_effects else "vae_leak_one" if side_effects == 1 else "vae_leak_some"
    return bars(rows[: MAX_LEAKS + len(intended)], hint=say(language, key, n=side_effects))


def encoded(found: Encoded, language: str) -> tuple[dict[str, Any], str]:
    """An encoded picture beside its reconstruction, and how good that is.

    Args:
        found: the encoded picture.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        The value of a `PictureStrip`, and words.
    """
    pictures = strip(
        [(found.seen, say(language, "vae_seen")), (found.reconstruction, say(language, "vae_back"))], size=200
    )
    key = "vae_quality" if found.in_distribution else "vae_stranger"
    return pictures, say(language, key, psnr=found.psnr, ssim=found.ssim)


def dimensions(found: Sequence[Dimension], chosen: Collection[int], language: str) -> dict[str, Any]:
    """Raw coordinates by KL divergence, each with what it changes most.

    Args:
        found: all coordinates.
        chosen: those that have a slider.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        The value of a `BarChart`.
    """
    largest = max((each.kl for each in found), default=1.0) or 1.0
    rows = []
    for each in found:
        label = ("● " if each.index in chosen else "") + say(language, "vae_dimension", n=each.index)
        changes = [f"{attribute_words.name(name, language)} {100 * share:.0f} %" for name, share in each.changes[:2]]
        text = f"{each.kl:.2f} nats · {', '.join(changes)}"
        rows.append(row(label, [each.kl / largest], text, say(language, "vae_spread", spread=each.spread)))
    return bars(rows, hint=say(language, "vae_dimensions_hint"), select=True)


def direction(found: Direction, language: str) -> str:
    """How far a custom direction can be trusted.

    Args:
        found: the direction.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Words.
    """
    key = "vae_own_good" if found.error < 0.35 else "vae_own_fair" if found.error < 0.8 else "vae_own_bad"
    return say(language, key, error=100 * min(found.error, 9.99))


def _control(control: Control, by_name: Mapping[str, Control], language: str) -> dict[str, Any]:
    chip = by_name.get(_CHIPS_OF.get(control.name, ""))
    name = attribute_words.name(chip.block.name if chip is not None else control.name, language)
    labels = [attribute_words.value(value, language, control.kind != "chips") for value in control.values]
    about: dict[str, Any] = {"group": control.block.name}
    if paint := attribute_words.colours(control.block.name, control.values):
        about["colours"] = paint
    if control.kind == "chips":
        return chips(control.name, name, control.values, labels, **about)
    if chip is not None:
        others = [value for value in chip.values if value not in control.values]
        about["others"] = [[value, attribute_words.value(value, language)] for value in others]
    about |= {"values": list(control.values), "labels": labels, "kind": control.kind}
    return slider(control.name, name, control.minimum, control.maximum, control.minimum, **about)


def _custom_sliders(session: VaeSession) -> list[dict[str, Any]]:
    return [
        slider(f"custom_{number}", each.label, -MAX_CUSTOM_VALUE, MAX_CUSTOM_VALUE, 0.0, random=False)
        for number, each in enumerate(session.custom)
    ]


def _dimension_sliders(session: VaeSession, latent: np.ndarray | None, language: str) -> list[dict[str, Any]]:
    found = []
    for index in session.dimensions:
        value = 0.0 if latent is None else float(np.clip(latent[index], -MAX_DIMENSION, MAX_DIMENSION))
        label = say(language, "vae_dimension", n=index)
        found.append(slider(f"dim_{index}", label, -MAX_DIMENSION, MAX_DIMENSION, value, unit="σ", random=False))
    return found
