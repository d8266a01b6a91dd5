"""How good `avatar-vae` is: reconstruction, its controls, its paths.

Invariants: a control is asked for a value the person does not have, on true portraits the model has not seen,
and a judge that knows nothing of the model says what came of it.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from playground.avatars.controls import Control, make_controls
from playground.avatars.vae import AvatarVAE
from playground.drawn_world.attributes import ATTRIBUTES, BY_NAME, Person, labels, visible, with_value
from playground.drawn_world.sampling import Split, person, seeds
from playground.training.evaluation import metrics
from playground.training.evaluation.model_card import Row, percent

NAMES = [attribute.name for attribute in ATTRIBUTES]


def table(models: Path, count: int) -> list[Row]:
    """Every row of the card's table, from `count` held-out portraits."""
    vae = AvatarVAE.from_pretrained(models / "avatar-vae").eval().requires_grad_(False)
    first, second = (metrics.judge(name, models) for name in ("avatar-judge", "avatar-judge-2"))
    people = [person(seed) for seed in seeds(Split.HELD_OUT, count)]
    images, truth = metrics.drawn(people, vae.size)
    latents = metrics.in_batches(lambda x: vae.encode(x)[0], images)
    back = metrics.in_batches(vae.decode, latents)
    quality = metrics.psnr(back, images)
    before = metrics.read(first, back)
    ceiling = metrics.read(first, images)
    rows = [
        Row("reconstruction, PSNR", f"{quality.mean():.1f} dB (worst 1 %: {np.quantile(quality, 0.01):.1f})", "24 dB"),
        Row(
            "attributes read after reconstruction",
            percent((before.labels == truth).mean()),
            "95 %",
            f"true pictures {percent((ceiling.labels == truth).mean())}",
        ),
        Row(
            "the same by the second judge",
            percent((metrics.read(second, back).labels == truth).mean()),
            "95 %",
            f"true pictures {percent((metrics.read(second, images).labels == truth).mean())}",
        ),
        Row("reconstructions judged valid", percent(before.valid.mean()), "", f"true {percent(ceiling.valid.mean())}"),
    ]
    rows += _control_rows(vae, first, second, people, latents.numpy(), before)
    rows.append(Row("evenness of paths, 32 frames", f"{_evenness(vae, latents):.2f}", "", "1 is perfectly even"))
    return rows


def _control_rows(vae, first, second, people, latents, before) -> list[Row]:  # type: ignore[no-untyped-def]
    """For every control: how often the judge sees the value asked for, and the own share of all change."""
    rng = np.random.default_rng(3)
    asked: dict[str, list[int]] = defaultdict(list)
    moved: list[np.ndarray] = []
    wanted: list[int] = []
    effects: list[np.ndarray] = []
    owners: list[tuple[int, np.ndarray]] = []
    for index, who in enumerate(people):
        for control in make_controls(vae.blocks):
            edit = _edit(control, who, rng)
            if edit is None:
                continue
            value, after = edit
            asked[control.name].append(len(moved))
            moved.append(control.apply(latents[index], value))
            wanted.append(NAMES.index(control.block.name))
            # what the world itself changes with it: a hat hides the hair's colour
            effects.append(labels(after) != labels(who))
            owners.append((index, labels(after)))
    images = metrics.in_batches(vae.decode, torch.from_numpy(np.stack(moved)))
    after_all = [metrics.read(judge, images) for judge in (first, second)]
    rows_of, truth = np.array([index for index, _ in owners]), np.stack([label for _, label in owners])
    own = np.array(wanted)
    seen = [reading.labels[np.arange(len(own)), own] == truth[np.arange(len(own)), own] for reading in after_all]
    change = metrics.total_variation(_take(before, rows_of), after_all[0])
    effect = np.stack(effects)
    selectivity = (change * effect).sum(1) / np.maximum(change.sum(1), 1e-9)
    kept = (after_all[0].labels == truth) | effect
    rows = [
        Row(
            "a control moved: the judge sees the value",
            percent(seen[0].mean()),
            "85 % (aim 95 %)",
            f"{len(own)} moves",
        ),
        Row("the same by the second judge", percent(seen[1].mean()), "85 %"),
        Row("all other attributes still right", percent(kept.mean()), ""),
        Row("own share of all change (selectivity)", f"{selectivity.mean():.3f}", "0.75 (aim 0.90)"),
    ]
    for name, places in asked.items():
        here = np.array(places)
        rows.append(
            Row(
                f"– {name.replace('_', ' ')}",
                percent(seen[0][here].mean()),
                "",
                f"own share {selectivity[here].mean():.3f}",
            )
        )
    return rows


def _edit(control: Control, who: Person, rng: np.random.Generator) -> tuple[str, Person] | None:
    """A value this person does not have and the person with it, or None where the portrait would not show it."""
    name = control.block.name
    if name not in visible(who):
        return None
    now = str(getattr(who, name))
    others = [value for value in control.values if value != now]
    value = others[int(rng.integers(len(others)))]
    typed = next(each for each in BY_NAME[name].values if str(each) == value)
    after = with_value(who, name, typed)
    # A value that uncovers something hidden (the eyebrows under glasses) leaves open what is under it.
    if visible(after) - visible(who):
        return None
    return value, after


def _take(reading: metrics.Reading, rows: np.ndarray) -> metrics.Reading:
    return metrics.Reading(
        reading.labels[rows],
        reading.confidence[rows],
        tuple(each[rows] for each in reading.probabilities),
        reading.valid[rows],
        reading.features[rows],
    )


def _evenness(vae: AvatarVAE, latents: torch.Tensor) -> float:
    found = []
    for index in range(32):
        weight = torch.linspace(0, 1, 32)[:, None]
        path = latents[2 * index] * (1 - weight) + latents[2 * index + 1] * weight
        found.append(metrics.evenness(metrics.in_batches(vae.decode, path).numpy()))
    return float(np.mean(found))
