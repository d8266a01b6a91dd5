"""A picture of one's own brought in, and what the model learned: nearest portraits, truncation sheet, histogram.

Invariants: as in the film's, long work is a job with a Stop, and what is shown grows while it runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.errors import Cancelled, UserError
from playground.gan.types import Histogram, Step
from playground.imaging import encoding, uploads
from playground.runtime.task import Phase
from tabs.common import attribute_words
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.gan import render
from tabs.gan.components import strip
from tabs.gan.handlers_animation import running
from tabs.gan.handlers_current import DRAWN, THUMB_SIDE, CurrentHandlers
from tabs.gan.session import SessionState

FAR_DB = 22.0  # portraits of the world are found at 25 and more, other pictures at 20 and less
NEIGHBOURS = 6
SHEET = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass
class ExploreHandlers:
    """The events of the panels “your picture” and “what it learned”."""

    current: CurrentHandlers

    def project(
        self, visit: SessionState, shown: Any, picture: Image.Image | None, steps: Any, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Look for the style of a picture. Draws (status, strip, project, stop, *drawn)."""
        language = language_of(request)
        if visit.job is not None:
            raise UserError(say(language, "gan_busy"))
        if picture is None:
            raise UserError(say(language, "gan_own_none"))
        recipe, about = self.current.current(shown)
        seen = {
            "image": _uri(uploads.square(uploads.read(picture), about.size)[0]),
            "caption": say(language, "gan_seen"),
        }
        job = self.current.service.project(visitor_of(request), recipe.model, picture, steps)
        visit.job = job
        still = (gr.skip(),) * DRAWN
        status, pictures, step, stopped, error = "", [seen], None, False, None
        try:
            yield status, strip(language, pictures), *running(True), *still
            for event in job.events():
                if isinstance(event, Phase):
                    status = render.phase_text(event, language)
                elif isinstance(event, Step):
                    step, status = event, ""
                    words = say(language, "gan_found", step=event.step, steps=event.steps)
                    pictures = [seen, {"image": _uri(event.picture), "caption": words}]
                else:
                    continue
                yield status, strip(language, pictures), *running(True), *still
        except Cancelled:
            stopped = True
        except UserError as raised:
            error = raised
        finally:
            visit.job = None
            job.cancel()  # a page that closed; nothing where it has ended
        drawn = still
        if step is not None:
            status = self._verdict(step, language)
            drawn = self.current.redrawn(visit, recipe.of_style(step.style), about, language)
        if stopped:
            status = f"{say(language, 'gan_stopped')} {status if step else ''}".strip()
        yield status, strip(language, pictures), *running(False), *drawn
        if error is not None:
            raise error

    def nearest(self, shown: Any, request: gr.Request) -> dict[str, Any]:
        """The portraits of the world most like the current picture, beside it."""
        recipe, _ = self.current.current(shown)
        language, service = language_of(request), self.current.service
        frame = self.current.draw(recipe, THUMB_SIDE)
        pictures = [{"image": encoding.data_uri(frame.jpeg), "caption": render.caption(recipe, language)}]
        for each in service.nearest(recipe.model, frame.style, NEIGHBOURS):
            words = say(language, "gan_nearest_caption", distance=each.distance)
            pictures.append({"image": _uri(each.picture), "caption": words})
        return strip(language, pictures)

    def sheet(self, visit: SessionState, shown: Any, request: gr.Request) -> dict[str, Any]:
        """The current style at many truncations, edits left out."""
        recipe, _ = self.current.current(shown)
        style = self.current.base(recipe)
        found = self.current.service.truncation_sheet(recipe.model, style, recipe.cutoff, SHEET)
        visit.sheet = tuple(psi for psi, _ in found)
        pictures = [{"image": _uri(picture), "caption": f"ψ {psi:g}"} for psi, picture in found]
        return strip(language_of(request), pictures, choose="gan_sheet_choose")

    def take(self, visit: SessionState, shown: Any, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A picture of the sheet was clicked: its truncation."""
        place = data._data.get("place")
        if not isinstance(place, int) or not 0 <= place < len(visit.sheet):
            return (gr.skip(),) * DRAWN
        recipe, about = self.current.current(shown)
        return self.current.redrawn(visit, replace(recipe, truncation=visit.sheet[place]), about, language_of(request))

    def histogram(self, visit: SessionState, model: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Count what samples show, while the bars grow. Draws (status, bars, count, stop)."""
        language = language_of(request)
        if visit.job is not None:
            raise UserError(say(language, "gan_busy"))
        job = self.current.service.histogram(visitor_of(request), model)
        visit.job, status, error = job, "", None
        try:
            yield status, gr.skip(), *running(True)
            for event in job.events():
                if isinstance(event, Phase):
                    yield render.phase_text(event, language), gr.skip(), *running(True)
                elif event is not None:
                    status = say(language, "gan_counted", done=event.count, total=event.wanted)
                    yield status, bars(event, language), *running(True)
        except Cancelled:
            status = f"{say(language, 'gan_stopped')} {status}".strip()
        except UserError as raised:
            error = raised
        finally:
            visit.job = None
            job.cancel()
        yield status, gr.skip(), *running(False)
        if error is not None:
            raise error

    def _verdict(self, step: Step, language: str) -> str:
        words = say(language, "gan_projected", psnr=step.psnr, step=step.step)
        return words if step.psnr >= FAR_DB else f"{words} {say(language, 'gan_foreign')}"


def bars(of: Histogram, language: str) -> dict[str, Any]:
    """The value of a `Bars`: the attributes that differ most from the world first."""
    ordered = sorted(of.bars, key=lambda each: -each.distance)
    return {
        "groups": [
            {
                "name": attribute_words.name(each.attribute, language),
                "bars": [
                    {"label": attribute_words.value(value, language), "here": here, "world": world}
                    for value, here, world in zip(each.values, each.samples, each.world, strict=True)
                ],
            }
            for each in ordered
        ],
        "here": say(language, "gan_histogram_here"),
        "world": say(language, "gan_histogram_world"),
        "note": say(
            language, "gan_histogram_note", precision=100 * of.precision, coverage=100 * of.coverage, count=of.count
        ),
    }


def _uri(picture: Image.Image) -> str:
    return encoding.data_uri(encoding.jpeg(np.asarray(picture.convert("RGB")), THUMB_SIDE))
