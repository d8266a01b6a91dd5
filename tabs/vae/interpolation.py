"""Ways through the latent: from A to B, over a map, and by arithmetic.

Invariants: what is put aside is the visitor's and stays in their `SessionState`; every picture that comes out can be
clicked, which puts it on the stage.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from playground.errors import Cancelled, UserError
from playground.imaging.encoding import data_uri, jpeg
from playground.runtime.task import Phase
from tabs.common.components import selected_index, strip
from tabs.common.progress import phase_text
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.vae.handlers import VaeHandlers
from tabs.vae.session import SessionState, Updates

FILM_STEPS, FILM_FPS, FILM_SIDE = 24, 16, 320
THUMBNAIL = 96  # pixels on the page


@dataclass
class InterpolationHandlers:
    """A to B, the map, and A - B + C, over the tab's handlers."""

    handlers: VaeHandlers

    def set_aside(self, visit: SessionState, stage: Any, name: str, request: gr.Request) -> dict[str, Any]:
        """Keep the face on show as A or B of the way; the strip of what is kept."""
        visit.aside[name] = self.handlers.now(visit, stage)
        return self._kept(visit, "ab", language_of(request))

    def set_term(self, visit: SessionState, stage: Any, name: str, request: gr.Request) -> dict[str, Any]:
        """Keep the face on show as A, B or C of the arithmetic; with the result, once all are there."""
        visit.aside[name] = self.handlers.now(visit, stage)
        return self._kept(visit, "ABC", language_of(request))

    def way(self, visit: SessionState, count: float, mode: str, request: gr.Request) -> dict[str, Any]:
        """The strip from A to B, both ends included."""
        a, b = self._ends(visit, language_of(request))
        visit.frames, pictures = self.handlers.service.interpolate(visit.model, a, b, int(count), mode)  # type: ignore[arg-type]
        share = [f"{100 * number / (len(pictures) - 1):.0f} %" for number in range(len(pictures))]
        return strip(
            list(zip(pictures, ["A", *share[1:-1], "B"], strict=True)),
            size=THUMBNAIL,
            pick=say(language_of(request), "vae_select"),
        )

    def pick_frame(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A picture of the strip was clicked."""
        frames = visit.frames if visit.frames is not None else ()
        place = selected_index(data, len(frames))
        return self._put(visit, None if place is None else frames[place], request)

    def film(self, visit: SessionState, mode: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """A looping film from A to B and back: (status, film, the button that starts, the button that stops)."""
        language = language_of(request)
        if visit.film is not None:
            raise UserError(say(language, "vae_film_busy"))
        ends = self._ends(visit, language)
        visit.film = job = self.handlers.service.animation(
            visitor_of(request), visit.model, ends, FILM_STEPS, FILM_FPS, FILM_SIDE, mode  # type: ignore[arg-type]
        )  # fmt: skip
        start, stop = gr.Button(visible=False), gr.Button(visible=True)
        status, film = "", gr.skip()
        try:
            yield say(language, "vae_film_making", done=0, total=2 * FILM_STEPS), gr.skip(), start, stop
            for event in job.events():
                if isinstance(event, Phase):
                    made = event.kind == "preparing" and event.total > 0
                    said = {"done": event.done, "total": event.total}
                    text = say(language, "vae_film_making", **said) if made else phase_text(event, language)
                    yield text, gr.skip(), gr.skip(), gr.skip()
                elif event is not None:
                    source = "data:image/webp;base64," + base64.b64encode(event).decode("ascii")
                    film = strip([(source, "")], size=FILM_SIDE)
                    status = say(language, "vae_film_ready", size=len(event) / 1000)
        except Cancelled:
            status = say(language, "vae_film_stopped")
        except UserError as error:
            status = str(error)
        finally:
            visit.film = None
            job.cancel()  # a page that closed; nothing where it has ended
        yield status, film, gr.Button(visible=True), gr.Button(visible=False)

    def stop_film(self, visit: SessionState) -> None:
        """Release the visitor now; the work ends at its next picture."""
        if visit.film is not None:
            visit.film.cancel()

    def map(self, visit: SessionState, stage: Any, request: gr.Request) -> dict[str, Any]:
        """The map of the latent: thumbnails of portraits where they lie, and where the face on show does."""
        atlas = self.handlers.service.atlas(visit.model)
        side = int(len(atlas.shown) ** 0.5)
        tiles = atlas.thumbnails[: side * side].reshape(side, side, *atlas.thumbnails.shape[1:])
        mosaic = tiles.transpose(0, 2, 1, 3, 4).reshape(side * tiles.shape[2], -1, 3)
        x, y = atlas.points[atlas.nearest(self.handlers.now(visit, stage), 1)[0]].tolist()
        return {"picture": data_uri(jpeg(mosaic, mosaic.shape[0])), "x": x, "y": y, "model": visit.model,
                "words": {"map": say(language_of(request), "vae_map_hint")}}  # fmt: skip

    def at_map(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A place on the map was clicked."""
        sent = data._data if isinstance(data._data, dict) else {}
        return self._put(visit, self.handlers.service.latent_at(visit.model, sent.get("x"), sent.get("y")), request)  # type: ignore[arg-type]

    def pick_term(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A term or the result was clicked."""
        shown = [visit.aside[name] for name in "ABC" if name in visit.aside]
        if visit.result is not None:
            shown.append(visit.result)
        place = selected_index(data, len(shown))
        return self._put(visit, None if place is None else shown[place], request)

    def nearest(self, visit: SessionState, stage: Any) -> dict[str, Any]:
        """The drawn portraits nearest to the face on show: what the model could have remembered."""
        found = self.handlers.service.nearest(visit.model, self.handlers.now(visit, stage), 8)
        return strip([(portrait, "") for portrait in found], size=THUMBNAIL)

    def _put(self, visit: SessionState, latent: np.ndarray | None, request: gr.Request) -> tuple[Any, ...]:
        if latent is None:
            return Updates().updates()
        return self.handlers.show(visit, latent, language_of(request)).updates()

    def _kept(self, visit: SessionState, names: str, language: str) -> dict[str, Any]:
        service, kept = self.handlers.service, visit.aside
        pictures = [(service.render(visit.model, kept[name]), name.upper()) for name in names if name in kept]
        if names == "ABC" and all(name in kept for name in names):
            visit.result = service.arithmetic(visit.model, kept["A"], kept["B"], kept["C"])
            pictures.append((service.render(visit.model, visit.result), "A − B + C"))
        hint = "" if len(pictures) >= len(names) else say(language, "vae_aside_hint")
        return strip(pictures, size=THUMBNAIL, pick=say(language, "vae_select") if names == "ABC" else "", hint=hint)

    def _ends(self, visit: SessionState, language: str) -> tuple[np.ndarray, np.ndarray]:
        if not {"a", "b"} <= visit.aside.keys():
            raise UserError(say(language, "vae_aside_missing"))
        return visit.aside["a"], visit.aside["b"]
