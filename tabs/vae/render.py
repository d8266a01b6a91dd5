"""What the page shows of a latent: pure functions from plain data to component values.

Invariants: words come from `tabs.common.words` and `tabs.common.attribute_words`, numbers are rounded here and
nowhere else.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from playground.avatars.controls import Control
from playground.catalog import Entry
from playground.imaging import uploads
from playground.vae.types import Dimension, Direction, Encoded, Frame, Leak, Typicality
from playground.weights.types import State
from tabs.common import attribute_words
from tabs.common.components import bars, row, strip
from tabs.common.live.stage import chips, slider, stage_value, to_lists
from tabs.common.words import say, size_text
from tabs.vae.session import SessionState

SIDE = 128  # pixels of a live picture: the browser enlarges it on, and larger JPEGs take longer than they show
WIDEST_DIMENSION = 4.0  # a raw coordinate's slider, in standard deviations of the prior
OWN_REACH = 2.0  # an own attribute's slider: so many times the difference of its groups
SMALLEST_LEAK = 0.02  # total variation distance worth a bar
MOST_LEAKS = 8
_ORDER = (
    "mouth", "eyes", "eyebrows", "skin", "hair_length", "facial_hair", "lenses", "background", "top", "hair_colour",
    "glasses",
)  # fmt: skip


def example_strip(paths: Sequence[Path], language: str) -> dict[str, Any]:
    """Small pictures to choose from."""
    return strip([(uploads.read(path), "") for path in paths], size=52, pick=say(language, "vae_select_example"))


def stage(
    visit: SessionState, controls: Sequence[Control], language: str, frame: Frame | None, locked: Collection[str] = ()
) -> dict[str, Any]:
    """The live stage's value: this frame, or (None) the picture of the visit's seed, which the stage asks for."""
    latent = None if frame is None else frame.latent
    extra = {
        "seed": visit.seed,
        "dimensions": visit.dimensions,
        "own": [to_lists(own.vector) for own in visit.own],
    }
    return stage_value(
        visit.model,
        [*_own(visit), *_dimensions(visit, latent, language), *map_controls(controls, language)],
        language,
        latent=latent,
        picture=None if frame is None else frame.jpeg,
        values=None if frame is None else frame.values,
        extra=extra,
        locked=[name for name in locked if name in {control.name for control in controls}],
    )


def map_controls(controls: Sequence[Control], language: str) -> list[dict[str, Any]]:
    """The named controls, what moves continuously first: expressions, then the rest of the face, then clothes."""
    place = {name: number for number, name in enumerate(_ORDER)}
    return [_control(c, language) for c in sorted(controls, key=lambda c: place.get(c.name, len(place)))]


def _control(control: Control, language: str) -> dict[str, Any]:
    name = attribute_words.name(control.name, language)
    labels = [attribute_words.value(value, language, control.kind != "chips") for value in control.values]
    about: dict[str, Any] = {"group": control.block.name}
    if paint := attribute_words.colours(control.block.name, control.values):
        about["colours"] = paint
    if control.kind == "chips":
        return chips(control.name, name, control.values, labels, **about)
    about |= {"values": list(control.values), "labels": labels, "kind": control.kind}
    return slider(control.name, name, control.minimum, control.maximum, control.minimum, **about)


def _own(visit: SessionState) -> list[dict[str, Any]]:
    return [
        slider(f"own_{number}", own.name, -OWN_REACH, OWN_REACH, 0.0, random=False)
        for number, own in enumerate(visit.own)
    ]


def _dimensions(visit: SessionState, latent: np.ndarray | None, language: str) -> list[dict[str, Any]]:
    return [
        slider(
            f"dim_{index}",
            say(language, "vae_dimension", n=index),
            -WIDEST_DIMENSION,
            WIDEST_DIMENSION,
            0.0 if latent is None else float(np.clip(latent[index], -WIDEST_DIMENSION, WIDEST_DIMENSION)),
            unit="σ",
            random=False,
        )
        for index in visit.dimensions
    ]


def typical(found: Typicality | str, language: str) -> dict[str, Any]:
    """The typicality meter, or words why there is none."""
    if isinstance(found, str):
        return bars([], hint=found)
    more = found.percentile >= 0.5
    share = found.percentile if more else 1 - found.percentile
    tone = "good" if found.percentile > 0.1 else "fair" if found.percentile > 0.01 else "bad"
    text = say(language, f"vae_typical_{'more' if more else 'less'}", percent=100 * share)
    title = say(language, "vae_typical_title", nats=found.log_prob, bits=found.bits_per_dim)
    return bars([row(say(language, "vae_typical"), [found.percentile], text, title, tone)])


def leak(found: Sequence[Leak], meant: Collection[str], language: str) -> dict[str, Any]:
    """What a movement changed, by the judge: what was meant and what came along."""
    rows: list[dict[str, Any]] = []
    for one in found:
        if one.attribute not in meant and one.change < SMALLEST_LEAK:
            continue
        before, after = (attribute_words.value(word, language) for word in (one.before, one.after))
        text = f"{100 * one.change:.0f} % · {before}" + (f" → {after}" if before != after else "")
        tone = "good" if one.attribute in meant else "fair" if one.change < 0.5 else "bad"
        rows.append(row(attribute_words.name(one.attribute, language), [one.change], text, tone=tone))
    rows.sort(key=lambda each: (each["tone"] != "good", -each["shares"][0]))
    side_effects = sum(each["tone"] != "good" for each in rows)
    key = "vae_leak_none" if not side_effects else "vae_leak_some"
    return bars(rows[: MOST_LEAKS + len(meant)], hint=say(language, key, n=side_effects))


def encoded(found: Encoded, language: str) -> tuple[dict[str, Any], str]:
    """What was seen and what comes back, and how well."""
    pictures = strip(
        [(found.seen, say(language, "vae_seen")), (found.reconstruction, say(language, "vae_back"))], size=200
    )
    key = "vae_quality" if found.in_distribution else "vae_stranger"
    return pictures, say(language, key, psnr=found.psnr, ssim=found.ssim)


def dimensions(found: Sequence[Dimension], chosen: Collection[int], language: str) -> dict[str, Any]:
    """Raw coordinates by KL, each with what it changes most."""
    most = max((one.kl for one in found), default=1.0) or 1.0
    rows = [
        row(
            ("● " if one.index in chosen else "") + say(language, "vae_dimension", n=one.index),
            [one.kl / most],
            f"{one.kl:.2f} nats · "
            + ", ".join(
                f"{attribute_words.name(name, language)} {100 * share:.0f} %" for name, share in one.changes[:2]
            ),
            say(language, "vae_spread", spread=one.spread),
        )
        for one in found
    ]
    return bars(rows, hint=say(language, "vae_dimensions_hint"), select=True)


def direction(found: Direction, language: str) -> str:
    """How far a direction of one's own can be trusted."""
    key = "vae_own_good" if found.error < 0.35 else "vae_own_fair" if found.error < 0.8 else "vae_own_bad"
    return say(language, key, error=100 * min(found.error, 9.99))


def model_line(entry: Entry, state: State, language: str) -> str:
    """What the entry says of itself, below the menu."""
    return say(
        language,
        "vae_model_line",
        licence=entry.licence,
        state=say(language, f"state_{state.value}", size=size_text(entry.download_bytes)),
        memory=size_text(entry.memory_bytes),
        note=entry.note,
    )
