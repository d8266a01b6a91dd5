"""Sliders that nobody named before: raw coordinates of the latent, and attributes of one's own.

Invariants: a slider that is added here joins those of the stage and is as live as they are; its direction
travels with the page.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.errors import UserError
from playground.imaging import uploads
from playground.vae.service import MAX_EXAMPLES
from tabs.common.components import selected_index, strip
from tabs.common.words import language_of, say
from tabs.vae import render
from tabs.vae.handlers import VaeHandlers
from tabs.vae.session import MOST_DIMENSIONS, MOST_OWN, Own, SessionState

LONGEST_NAME = 24


@dataclass
class CustomDirectionHandlers:
    """Raw dimensions and own attributes, over the tab's handlers."""

    handlers: VaeHandlers

    def dimensions(self, visit: SessionState, request: gr.Request) -> dict[str, Any]:
        """Every coordinate by its KL, with what it changes."""
        found = self.handlers.service.dimensions(visit.model)
        return render.dimensions(found, visit.dimensions, language_of(request))

    def choose(self, visit: SessionState, stage: Any, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A coordinate was clicked: its slider comes, or goes."""
        found = self.handlers.service.dimensions(visit.model)
        place = selected_index(data, len(found))
        if place is not None:
            index = found[place].index
            if index in visit.dimensions:
                visit.dimensions.remove(index)
            else:
                visit.dimensions = [index, *visit.dimensions][:MOST_DIMENSIONS]
        language = language_of(request)
        drawing = self.handlers.redraw(visit, stage, language)
        return (*drawing.updates(), render.dimensions(found, visit.dimensions, language))

    def add_shown(self, visit: SessionState, stage: Any, group: str, request: gr.Request) -> dict[str, Any]:
        """The face on show joins a group."""
        picture = self.handlers.service.render(visit.model, self.handlers.now(visit, stage))
        return self._joined(visit, group, [picture])

    def add_files(self, visit: SessionState, paths: list[str] | None, group: str) -> dict[str, Any]:
        """Pictures of the visitor's join a group."""
        room = MAX_EXAMPLES - len(visit.groups[group])
        if len(paths or []) > room:
            raise UserError(f"A group holds {MAX_EXAMPLES} pictures; there is room for {room} more.")
        size = self.handlers.service.config(visit.model).size
        return self._joined(visit, group, [uploads.square(uploads.read(path), size)[0] for path in paths or []])

    def empty(self, visit: SessionState, group: str) -> dict[str, Any]:
        """Take all pictures out of a group."""
        visit.groups[group] = []
        return self._joined(visit, group, [])

    def make(self, visit: SessionState, stage: Any, name: str, request: gr.Request) -> tuple[Any, ...]:
        """The difference of the two groups becomes a slider."""
        language = language_of(request)
        with_, without = visit.groups["with"], visit.groups["without"]
        if not with_ or not without:
            raise UserError(say(language, "vae_own_groups"))
        if len(visit.own) >= MOST_OWN:
            raise UserError(say(language, "vae_own_full", most=MOST_OWN))
        found = self.handlers.service.direction(visit.model, with_, without)
        title = " ".join((name or "").split())[:LONGEST_NAME] or say(language, "vae_own_name", n=len(visit.own) + 1)
        visit.own.append(Own(title, found.vector))
        return (*self.handlers.redraw(visit, stage, language).updates(), render.direction(found, language))

    def forget(self, visit: SessionState, stage: Any, request: gr.Request) -> tuple[Any, ...]:
        """All own sliders go; the face stays as it is."""
        visit.own = []
        return (*self.handlers.redraw(visit, stage, language_of(request)).updates(), "")

    def _joined(self, visit: SessionState, group: str, pictures: list[Any]) -> dict[str, Any]:
        if len(visit.groups[group]) + len(pictures) > MAX_EXAMPLES:
            raise UserError(f"A group holds {MAX_EXAMPLES} pictures. Empty it first.")
        visit.groups[group] = [*visit.groups[group], *pictures]
        return strip([(picture, "") for picture in visit.groups[group]], size=64)
