"""A picture's style in a file and back: as JSON, or inside the PNG of its picture.

Invariants: a file holds the style that draws the picture, and the recipe beside it, so that whoever loads it
gets the sliders and the kept directions too. A file that names another model, or lies, is refused in words.
"""

import base64
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from playground.imaging import latent_file
from playground.imaging.latent_file import LatentFile
from tabs.common.words import language_of
from tabs.gan import edit_state as recipes
from tabs.gan.edit_state import Recipe
from tabs.gan.handlers_current import CurrentHandlers
from tabs.gan.session import SessionState

# What a handler gives as "name|data URI" is saved by the browser; nothing is written on the server.
SAVED_SIDE = 512  # pixels


@dataclass
class FileHandlers:
    """Saving and loading."""

    current: CurrentHandlers

    def save_png(self, shown: Any) -> str:
        """The picture, with its style inside."""
        recipe, file = self._file(shown)
        picture = self.current.service.render(recipe.model, file.latent)
        data = latent_file.into_png(picture.resize((SAVED_SIDE, SAVED_SIDE)), file)
        return f"{_name(recipe)}.png|data:image/png;base64,{base64.b64encode(data).decode('ascii')}"

    def save_json(self, shown: Any) -> str:
        """The style alone."""
        recipe, file = self._file(shown)
        data = latent_file.dumps(file).encode()
        return f"{_name(recipe)}.json|data:application/json;base64,{base64.b64encode(data).decode('ascii')}"

    def load(self, visit: SessionState, shown: Any, path: str, request: gr.Request) -> tuple[Any, ...]:
        """A file that was saved here becomes the current picture."""
        before, about = self.current.current(shown)
        found = latent_file.from_file(path)
        shape = (len(about.resolutions), about.w_dim)
        style = latent_file.expect(found, "gan", before.model, shape)
        own = found.extra.get("recipe")
        recipe = before.of_style(style) if own is None else recipes.read(own, about)
        return self.current.redrawn(visit, replace(recipe, model=before.model), about, language_of(request))

    def _file(self, shown: Any) -> tuple[Recipe, LatentFile]:
        recipe, _ = self.current.current(shown)
        style = recipes.rows(self.current.draw(recipe).style)
        return recipe, LatentFile("gan", recipe.model, [list(row) for row in style], {"recipe": recipe.plain()})


def _name(recipe: Recipe) -> str:
    return "gan-style" if recipe.seed is None else f"gan-seed-{recipe.seed}"
