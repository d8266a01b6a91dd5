"""The film: key frames of one visitor, and the animation through them.

Invariants: what takes longer than a blink is a job with a Stop; the visitor is released at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.errors import Cancelled, UserError
from playground.gan.interpolation import MOST_KEYS
from playground.imaging import encoding
from playground.runtime.task import Phase
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.gan import render
from tabs.gan.components import strip
from tabs.gan.handlers_current import THUMB_SIDE, CurrentHandlers
from tabs.gan.session import Key, SessionState

FILM_SIDE = 320  # pixels


@dataclass
class AnimationHandlers:
    """The events of the film's panel."""

    current: CurrentHandlers

    def add(self, visit: SessionState, shown: Any, request: gr.Request) -> dict[str, Any]:
        """The current picture becomes the last key frame."""
        language = language_of(request)
        if len(visit.keys) >= MOST_KEYS:
            raise UserError(say(language, "gan_keys_many", n=MOST_KEYS))
        recipe, _ = self.current.current(shown)
        frame = self.current.draw(recipe, THUMB_SIDE)
        image = encoding.data_uri(frame.jpeg)
        visit.keys.append(Key(recipe, frame.style, image, render.caption(recipe, language)))
        return self.keys(visit, language)

    def remove(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """A key frame goes."""
        language = language_of(request)
        del visit.keys[self._place(visit, data, language)]
        return self.keys(visit, language)

    def choose(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A key frame becomes the current picture again, with everything that was done to it."""
        language = language_of(request)
        recipe = visit.keys[self._place(visit, data, language)].recipe
        return self.current.redrawn(visit, recipe, self.current.service.about(recipe.model), language)

    def make(
        self, visit: SessionState, model: str, seconds: Any, fps: Any, loop: Any, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """The film: its progress, then the film itself. Draws (status, film, make, stop)."""
        language = language_of(request)
        if visit.job is not None:
            raise UserError(say(language, "gan_busy"))
        if len(visit.keys) < 2:
            raise UserError(say(language, "gan_keys_few"))
        keys = [key.style for key in visit.keys]
        job = self.current.service.video(visitor_of(request), model, keys, seconds, fps, bool(loop), FILM_SIDE)
        visit.job, status, film, error = job, "", gr.skip(), None
        try:
            yield status, gr.skip(), *running(True)
            for event in job.events():
                if isinstance(event, Phase):
                    status = render.phase_text(event, language, "gan_film_progress")
                    yield status, gr.skip(), *running(True)
                elif event is not None:
                    status = say(language, "gan_film_done", size=f"{len(event) / 1000:,.0f} kB")
                    picture = {"image": encoding.data_uri(event).replace("image/jpeg", "image/webp", 1)}
                    film = strip(language, [picture], download="film.webp", wide=True)
        except Cancelled:
            status = say(language, "gan_stopped")
        except UserError as raised:
            error, status = raised, ""
        finally:
            visit.job = None
            job.cancel()  # a page that closed; nothing where it has ended
        yield status, film, *running(False)
        if error is not None:
            raise error

    def stop(self, visit: SessionState) -> None:
        """Release the visitor now; the work ends at its next boundary."""
        if visit.job is not None:
            visit.job.cancel()

    def keys(self, visit: SessionState, language: str) -> dict[str, Any]:
        """The key frames as a strip."""
        pictures = [{"image": key.image, "caption": key.caption} for key in visit.keys]
        return strip(language, pictures, "gan_keys_none", choose="gan_key_choose", remove="gan_key_remove")

    def _place(self, visit: SessionState, data: gr.EventData, language: str) -> int:
        place = data._data.get("place")
        if not isinstance(place, int) or not 0 <= place < len(visit.keys):
            raise UserError(say(language, "gan_key_gone"))
        return place


def running(now: bool) -> tuple[Any, Any]:
    """The start button and the stop button, one of which is there."""
    return gr.Button(visible=not now), gr.Button(visible=now)
