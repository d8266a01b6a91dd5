"""The current picture: chosen from the grid, moved on the stage, mixed, taken back.

Invariants: a handler gets the stage's value, makes a recipe of it, changes the recipe and gives back what shows
it. What is drawn under the finger (`tiles`, `live`) comes past the queue with all of its state in the payload.
"""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from playground.errors import UserError
from playground.gan import seed_parsing, styles, validation
from playground.gan.service import GanService
from playground.gan.types import Frame, GeneratorConfig
from playground.imaging import encoding, uploads
from tabs.common.live.stage import Asked, answer
from tabs.common.words import language_of, say
from tabs.gan import edit_state as recipes
from tabs.gan import render
from tabs.gan.components import strip
from tabs.gan.edit_state import Kept, Move, Recipe
from tabs.gan.session import SessionState

TILE_SIDE, THUMB_SIDE = 128, 112  # pixels
DRAWN = 9  # components that show a new current picture
NO_LATENT = np.zeros(1, np.float32)  # the recipe says it all; the stage wants one to know that a picture is there


@dataclass
class CurrentHandlers:
    """The events of the grid and the stage over a `GanService`."""

    service: GanService

    # --- under the finger: server functions, hostile payloads -------------------------------------------

    def tiles(self, wish: Any) -> dict[str, Any]:
        """The grid's pictures for {model, seeds, truncation, judged}; {error} instead of an exception."""
        try:
            if not isinstance(wish, dict):
                raise UserError("The grid sent something else than a wish. Reload the page.")
            chosen: Any = wish.get("seeds")
            judged, model = wish.get("judged") is True, str(wish.get("model"))[:128]
            found = self.service.samples(model, chosen, wish.get("truncation", 1.0), None, judged)
        except UserError as error:
            return {"error": str(error)}
        tiles = [
            {
                "seed": sample.seed,
                "image": encoding.data_uri(encoding.jpeg(uploads.to_array(sample.picture), TILE_SIDE)),
                "realness": sample.realness,
            }
            for sample in found
        ]
        return {"seeds": " ".join(str(chosen).split()), "tiles": tiles}

    def live(self, payload: Any) -> dict[str, Any]:
        """The stage's picture. Raises `UserError`, which the stage shows."""
        recipe, about = self._read(Asked.of(payload, 1))
        return answer(self.draw(recipe).jpeg, NO_LATENT, render.values(recipe, about))

    # --- what the other modules ask for --------------------------------------------------------------------

    def current(self, shown: Any) -> tuple[Recipe, GeneratorConfig]:
        """The recipe on the stage, from its value. Raises `UserError`."""
        shown = shown if isinstance(shown, dict) else {}
        asked = {"model": shown.get("model"), "values": shown.get("moved"), "extra": shown.get("extra")}
        return self._read(Asked.of(asked, 1))

    def draw(self, recipe: Recipe, side: int = 128) -> Frame:
        """The picture of a recipe, and its style."""
        return self.service.frame(
            recipe.model, self.base(recipe), recipe.truncation, recipe.cutoff, recipe.edits(), recipe.own(), side
        )

    def base(self, recipe: Recipe) -> np.ndarray:
        """(layers, w): the style before truncation and edits, mixed."""
        if recipe.seed is None:
            style = np.array(recipe.style, np.float32)
        else:
            style = self.service.style(recipe.model, recipe.seed)
        if recipe.mix_seed is None or not recipe.mix_layers:
            return style
        return self.service.mix(style, self.service.style(recipe.model, recipe.mix_seed), recipe.mix_layers)

    def thumb(self, recipe: Recipe) -> str:
        """A small picture of a recipe, as a data URI."""
        return encoding.data_uri(self.draw(recipe, THUMB_SIDE).jpeg)

    def redrawn(self, visit: SessionState, recipe: Recipe, about: GeneratorConfig, language: str) -> tuple[Any, ...]:
        """What shows a new current picture, in the order of `drawn` in the layout; it can be taken back."""
        visit.remember(recipe)
        layers = len(about.resolutions)
        return (
            render.stage(recipe, about, language),
            render.grid_value(recipe.model, recipe.seed),
            render.caption(recipe, language),
            recipe.mix_seed if recipe.mix_seed is not None else gr.skip(),
            gr.CheckboxGroup(value=render.whole_groups(recipe.mix_layers, layers)),
            gr.CheckboxGroup(value=list(recipe.mix_layers)),
            render.directions(recipe, layers, language),
            *render.kept(recipe),
        )

    # --- events ------------------------------------------------------------------------------------------

    def choose(self, visit: SessionState, shown: Any, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A tile was clicked: its picture, just as the grid shows it."""
        recipe, about = self.current(shown)
        seed = seed_parsing.one(data._data.get("seed"))
        psi = validation.number(data._data.get("truncation"), "Truncation", *recipes.TRUNCATION)
        return self.redrawn(visit, recipe.fresh(seed, psi), about, language_of(request))

    def released(self, visit: SessionState, shown: Any, request: gr.Request) -> tuple[Any, ...]:
        """A movement on the stage has ended: it can be taken back, and what moved most can be kept."""
        recipe, about = self.current(shown)
        visit.remember(recipe)
        language = language_of(request)
        return render.caption(recipe, language), render.directions(recipe, len(about.resolutions), language)

    def judge(self, shown: Any, request: gr.Request) -> str:
        """The caption with what the discriminator thinks; it follows the picture, never delays it."""
        recipe, _ = self.current(shown)
        language = language_of(request)
        try:
            share = self.service.realness(recipe.model, self.draw(recipe).style)
        except UserError:  # a model of one's own may come without a discriminator; ticking the grid's box says so
            return render.caption(recipe, language)
        return f"{render.caption(recipe, language)}. {say(language, 'gan_real', share=100 * share)}"

    def undo(self, visit: SessionState, shown: Any, request: gr.Request) -> tuple[Any, ...]:
        """The picture before."""
        return self._again(visit, visit.back(), shown, "gan_nothing_to_undo", request)

    def redo(self, visit: SessionState, shown: Any, request: gr.Request) -> tuple[Any, ...]:
        """The picture that was taken back."""
        return self._again(visit, visit.forth(), shown, "gan_nothing_to_redo", request)

    def plain(self, visit: SessionState, shown: Any, request: gr.Request) -> tuple[Any, ...]:
        """The same seed or style with nothing done to it."""
        recipe, about = self.current(shown)
        return self.redrawn(visit, recipe.unedited(), about, language_of(request))

    def show(
        self, visit: SessionState, shown: Any, kind: str, span: str, first: Any, last: Any, request: gr.Request
    ) -> tuple[Any, ...]:
        """Other directions are wished for; those that are moved already stay on show."""
        recipe, about = self.current(shown)
        layers, language = len(about.resolutions), language_of(request)
        where = render.range_of(span, layers)
        if span == "own":
            ends = [validation.whole(end, "A layer", 0, layers - 1) for end in (first, last)]
            where = min(ends), max(ends)
        moved = [move for move in recipe.moves if move.strength]
        if len(moved) + render.COMPONENTS > recipes.MOST_MOVES:
            raise UserError(say(language, "gan_too_many_moves", n=len(moved)))
        wished = [Move(kind, index, where) for index in range(min(render.COMPONENTS, about.w_dim))]
        names = {move.name for move in moved}
        moves = (*moved, *(move for move in wished if move.name not in names))
        return self.redrawn(visit, replace(recipe, moves=moves), about, language)

    def keep(self, visit: SessionState, shown: Any, which: Any, name: Any, request: gr.Request) -> tuple[Any, ...]:
        """A found direction gets a name and a slider of its own."""
        recipe, about = self.current(shown)
        language = language_of(request)
        if len(recipe.kept) >= recipes.MOST_KEPT:
            raise UserError(say(language, "gan_kept_many", n=len(recipe.kept)))
        title = recipes.title(name)
        move = next((each for each in recipe.moves if each.name == which), None)
        if move is None:
            raise UserError("That direction is not on show any more. Choose another.")
        found = self.service.directions(recipe.model, move.kind, move.index + 1, move.layers)  # type: ignore[arg-type]
        vector = tuple(round(float(number), 5) for number in found.vectors[move.index])
        moves = tuple(replace(each, strength=0.0) if each is move else each for each in recipe.moves)
        own = (*recipe.kept, Kept(title, vector, move.layers, move.strength))
        return (*self.redrawn(visit, replace(recipe, moves=moves, kept=own), about, language), "")

    def forget(self, visit: SessionState, shown: Any, which: Any, request: gr.Request) -> tuple[Any, ...]:
        """A kept direction goes."""
        recipe, about = self.current(shown)
        place = validation.whole(which, "The kept direction", 0, max(0, len(recipe.kept) - 1))
        own = recipe.kept[:place] + recipe.kept[place + 1 :]
        return self.redrawn(visit, replace(recipe, kept=own), about, language_of(request))

    def mix(self, visit: SessionState, shown: Any, seed: Any, layers: Any, request: gr.Request) -> tuple[Any, ...]:
        """Layers were ticked, or the second seed changed: the mixed picture, and the two it is made of."""
        recipe, about = self.current(shown)
        most, language = len(about.resolutions), language_of(request)
        ticked = tuple(sorted({validation.whole(layer, "A layer", 0, most - 1) for layer in (layers or [])[:most]}))
        recipe = replace(recipe, mix_seed=seed_parsing.one(seed), mix_layers=ticked)
        return (*self.redrawn(visit, recipe, about, language), self.sources(recipe, language))

    def mix_groups(
        self, visit: SessionState, shown: Any, seed: Any, groups: Any, request: gr.Request
    ) -> tuple[Any, ...]:
        """Groups were ticked: the layers they are made of. Layers ticked one by one in other groups stay."""
        recipe, about = self.current(shown)
        named = styles.groups(len(about.resolutions))
        before = render.whole_groups(recipe.mix_layers, len(about.resolutions))
        ticked = set(recipe.mix_layers)
        for group, found in named.items():
            if group in (groups or []):
                ticked |= set(found)
            elif group in before:
                ticked -= set(found)
        return self.mix(visit, shown, seed, sorted(ticked), request)

    def sources(self, recipe: Recipe, language: str) -> dict[str, Any]:
        """The two pictures a mixture is made of."""
        assert recipe.mix_seed is not None
        first, second = replace(recipe, mix_layers=()), recipe.fresh(recipe.mix_seed, recipe.truncation)
        captions = (say(language, "gan_mix_first"), say(language, "gan_mix_second", seed=recipe.mix_seed))
        pictures = [
            {"image": self.thumb(each), "caption": words}
            for each, words in zip((first, second), captions, strict=True)
        ]
        return strip(language, pictures)

    def _again(
        self, visit: SessionState, recipe: Recipe | None, shown: Any, none: str, request: gr.Request
    ) -> tuple[Any, ...]:
        if recipe is None:
            raise UserError(say(language_of(request), none))
        return self.redrawn(visit, recipe, self.service.about(recipe.model), language_of(request))

    def _read(self, asked: Asked) -> tuple[Recipe, GeneratorConfig]:
        about = self.service.about(asked.model)
        return recipes.moved(replace(recipes.read(asked.extra, about), model=asked.model), asked.values), about
