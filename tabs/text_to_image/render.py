"""What the text-to-image tab shows: pure functions from the service's records to component values."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import Entry
from playground.imaging import encoding
from playground.runtime.task import Phase
from playground.text_to_image.limits import Limits
from playground.text_to_image.types import Done, Picture, Step, Trajectory, TrajectoryFrame
from playground.weights.types import State
from tabs.common.model_menu import model_line as plain_line
from tabs.common.model_menu import state_text
from tabs.common.progress import phase_text as plain_phase
from tabs.common.words import say, size_text
from tabs.text_to_image.session import Kept, SessionState, reads_negative

PREVIEW_SIDE = 384  # pixels of a live picture
THUMBNAIL_SIDE = 192
FRAME_SIDE = 128
MOST_FRAMES = 12


def jpeg_uri(picture: Image.Image, side: int) -> str:
    """A picture as a JPEG data URI: a small one enlarged, a large one made smaller, to `side` pixels."""
    picture = picture.convert("RGB")
    if max(picture.size) > side:
        picture = picture.copy()
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return encoding.data_uri(encoding.jpeg(np.asarray(picture), side))


def png_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


# --- the canvas and the shelf -------------------------------------------------------------------------


def canvas(
    pictures: Sequence[str], language: str, text: str = "", share: float | None = None, alt: str = ""
) -> dict[str, Any]:
    """The value of a `Canvas` of data URIs."""
    hint = "" if pictures else say(language, "image_stage_empty")
    return {"pictures": list(pictures), "text": text, "share": share, "hint": hint, "alt": alt}


def kept_canvas(kept: Kept | None, language: str, text: str = "") -> dict[str, Any]:
    """A finished picture, exactly as its file holds it: what is saved from the page carries the settings too."""
    if kept is None:
        return canvas((), language, text)
    return canvas((png_uri(kept.png),), language, text or caption(kept, language), alt=kept.settings.prompt[:300])


def live(previews: Sequence[str], current: Kept | None, text: str, share: float, language: str) -> dict[str, Any]:
    """The canvas under way: the last previews, or the chosen picture where there are none."""
    if not previews:
        return kept_canvas(current, language, text) | {"share": share}
    return canvas(previews, language, text, share)


def previews(step: Step, before: Sequence[str]) -> list[str]:
    """What a step shows; not every one has previews, and then those before it stay."""
    return [jpeg_uri(picture, PREVIEW_SIDE) for picture in step.previews] or list(before)


def step_text(step: Step, count: int, language: str) -> str:
    """Which step of which picture is done."""
    if count == 1:
        return say(language, "image_step", step=step.step, steps=step.steps)
    which = str(step.first + 1) if step.together == 1 else f"{step.first + 1}-{step.first + step.together}"
    return say(language, "image_step_of", which=which, count=count, step=step.step, steps=step.steps)


def step_share(step: Step, count: int) -> float:
    """How much of all the work is done, 0..1."""
    return (step.first + step.together * step.step / max(1, step.steps)) / max(1, count)


def shelf(visit: SessionState, language: str) -> dict[str, Any]:
    """The value of a `Gallery`: what the visitor keeps, in the order they chose."""
    newest = list(reversed(visit.pictures))
    if visit.order == "best":
        newest.sort(key=lambda kept: (kept.score is None, -(kept.score or 0.0)))
    best = best_of_runs(visit.pictures)
    return {
        "pictures": [
            {
                "key": kept.key,
                "src": kept.thumbnail,
                "caption": caption(kept, language),
                "best": say(language, "image_best", n=best[kept.key]) if kept.key in best else "",
            }
            for kept in newest
        ],
        "chosen": visit.chosen,
        "hint": say(language, "image_gallery_empty"),
    }


def best_of_runs(pictures: Sequence[Kept]) -> dict[int, int]:
    """The key of the picture with the best score of each run of several, and of how many."""
    runs: dict[int, list[Kept]] = {}
    for kept in pictures:
        if kept.score is not None:
            runs.setdefault(kept.run, []).append(kept)
    return {max(run, key=lambda kept: kept.score or 0.0).key: len(run) for run in runs.values() if len(run) > 1}


def caption(kept: Kept, language: str) -> str:
    if kept.score is None:
        return say(language, "image_caption", seed=kept.settings.seed)
    return say(language, "image_caption_score", seed=kept.settings.seed, score=kept.score)


# --- words --------------------------------------------------------------------------------------------


def phase_text(phase: Phase, language: str) -> str:
    """Where long work stands, in words."""
    return say(language, "image_ready") if phase.kind == "ready" else plain_phase(phase, language)


def status_text(
    pictures: Sequence[Picture], done: Done | None, steps: int, best: Picture | None, language: str
) -> str:
    """The figures of a run in one line; `steps` is how many steps of batches were done."""
    parts: list[str] = []
    if len(pictures) > 1:
        parts.append(say(language, "image_finished", n=len(pictures)))
    if done is not None:
        parts.append(say(language, "image_seconds", s=done.seconds))
    drawing = sum(picture.seconds for picture in pictures)
    if steps and drawing > 0:
        parts.append(say(language, "image_speed", rate=steps / drawing))
    if done is not None and done.peak_bytes:
        parts.append(say(language, "image_peak", size=size_text(done.peak_bytes)))
    if best is not None and best.score is not None:
        parts.append(say(language, "image_score", score=best.score, by=best.scored_by))
    return " · ".join(parts)


def model_line(entry: Entry, limits: Limits, state: State, language: str) -> str:
    """What to know of the chosen model before its first picture."""
    if entry.remote is not None:
        return plain_line(entry, state, language)
    return say(
        language,
        "image_model_line",
        licence=entry.licence,
        state=state_text(entry, state, language),
        size=limits.sizes[1],
        steps=limits.steps[1],
        memory=size_text(entry.memory_bytes),
        note=entry.note,
    )


def negative_words(limits: Limits, guidance: Any, language: str) -> str:
    """Why the negative prompt is not read, or what it is."""
    if reads_negative(limits, guidance):
        return say(language, "image_negative_hint")
    return say(language, "image_negative_guidance" if limits.negative else "image_negative_never")


def scheduler_choices(limits: Limits, language: str) -> list[tuple[str, str]]:
    """The samplers by their names without the word that all have, the model's own first."""
    names = [name.removesuffix("Scheduler") for name in limits.schedulers]
    choices = list(zip(names, limits.schedulers, strict=True))
    return [(say(language, "image_own_scheduler", name=names[0]), limits.schedulers[0]), *choices[1:]] if names else []


def sent_text(text: str, notes: Sequence[str]) -> str:
    """The settings as a picture's file carries them, with what was changed of the wish above."""
    return "\n".join([*(f"• {note}" for note in notes), *([""] if notes else []), text])


# --- the filmstrip ------------------------------------------------------------------------------------


def film(found: Trajectory | None, language: str, seed: int | None = None) -> dict[str, Any]:
    """The value of a `Film`: both ways at the same times, and the schedule with a mark for each."""
    if found is None or not found.reverse:
        return {"rows": [], "hint": say(language, "image_film_empty")}
    reverse = _spread(found.reverse)
    by_time = {frame.timestep: frame for frame in found.forward}
    forward = [by_time.get(frame.timestep) for frame in reverse]
    rows = [
        {
            "name": say(language, "image_film_noisy"),
            "frames": [_frame(f, f.noisy, say(language, "image_film_step", step=f.step), language) for f in reverse],
        },
        {
            "name": say(language, "image_film_clean"),
            "frames": [_frame(f, f.clean, "", language) for f in reverse],
        },
        {
            "name": say(language, "image_film_forward"),
            "frames": [
                _frame(f or r, f.noisy if f else None, say(language, "image_film_time", t=r.timestep), language)
                for f, r in zip(forward, reverse, strict=True)
            ],
        },
    ]
    hint = "" if seed is None else say(language, "image_film_seed", seed=seed)
    return {"rows": rows, "schedule": _schedule(found, reverse, language), "hint": hint}


def _spread(frames: Sequence[TrajectoryFrame]) -> list[TrajectoryFrame]:
    """At most `MOST_FRAMES`, first and last among them."""
    if len(frames) <= MOST_FRAMES:
        return list(frames)
    return [frames[round(n * (len(frames) - 1) / (MOST_FRAMES - 1))] for n in range(MOST_FRAMES)]


def _frame(frame: TrajectoryFrame, picture: Image.Image | None, label: str, language: str) -> dict[str, str]:
    title = say(language, "image_film_title", t=frame.timestep, signal=frame.signal, noise=frame.noise)
    return {"src": "" if picture is None else jpeg_uri(picture, FRAME_SIDE), "label": label, "title": title}


def _schedule(found: Trajectory, shown: Sequence[TrajectoryFrame], language: str) -> dict[str, Any]:
    """Curves in the unit square: x is the time from pure noise (0) to the picture (1)."""
    longest = max([time for time, _, _ in found.schedule] + [frame.timestep for frame in shown] + [1e-9])

    def x(time: float) -> float:
        return round(1 - time / longest, 4)

    points = sorted(found.schedule, reverse=True)
    points = points[:: max(1, len(points) // 100)]
    return {
        "signal": [[x(time), round(signal, 4)] for time, signal, _ in points],
        "noise": [[x(time), round(noise, 4)] for time, _, noise in points],
        "marks": [{"x": x(f.timestep), "signal": round(f.signal, 4), "noise": round(f.noise, 4)} for f in shown],
        "words": {
            "title": say(language, "image_film_schedule"),
            "axis": say(language, "image_film_axis"),
            "signal": say(language, "image_film_signal"),
            "noise": say(language, "image_film_noise"),
        },
    }
