"""What the current picture is made of, as plain data that travels in the visitor's page.

Invariants: a recipe is a value. It comes back from a browser or a file, so every number, length and name in it
is checked here and nowhere else; whatever passes can be drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playground.errors import UserError
from playground.gan import seed_parsing, validation
from playground.gan.types import Edit, GeneratorConfig

TRUNCATION = (-1.0, 1.5)
STRENGTH = (-3.0, 3.0)  # standard deviations of w
MOST_MOVES = 24
MOST_KEPT = 12
MOST_LAYERS = 64
LONGEST_NAME = 40
KINDS = ("pca", "sefa")
HOW = "Choose a picture of the grid, or load a style that this page has saved."


@dataclass(frozen=True)
class Move:
    """A found direction: component `index` of `kind`, added to the layers first to last, both included."""

    kind: str
    index: int
    layers: tuple[int, int]
    strength: float = 0.0

    @property
    def name(self) -> str:
        """What its slider is called in the page, for instance pca-0-2-4."""
        return f"{self.kind}-{self.index}-{self.layers[0]}-{self.layers[1]}"


@dataclass(frozen=True)
class Kept:
    """A direction the visitor gave a name: the vector itself (w,), so that it outlives what it was found with."""

    title: str
    vector: tuple[float, ...]
    layers: tuple[int, int]
    strength: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """A picture: a seed or a style of its own, truncated, mixed with another seed, moved along directions."""

    model: str
    seed: int | None = 1
    style: tuple[tuple[float, ...], ...] = ()  # (layers, w); empty where a seed says it all
    truncation: float = 1.0
    cutoff: int | None = None  # only the layers before it are truncated; None: all
    mix_seed: int | None = None
    mix_layers: tuple[int, ...] = ()
    moves: tuple[Move, ...] = ()
    kept: tuple[Kept, ...] = ()

    def edits(self) -> list[Edit]:
        """Every movement that is not zero, in the order found, then kept."""
        found = [Edit(move.kind, move.index, move.strength, move.layers) for move in self.moves if move.strength]  # type: ignore[arg-type]
        own = [Edit("own", place, each.strength, each.layers) for place, each in enumerate(self.kept) if each.strength]
        return found + own

    def own(self) -> list[np.ndarray]:
        """The kept vectors, (w,) each."""
        return [np.array(each.vector, np.float32) for each in self.kept]

    def plain(self) -> dict[str, Any]:
        """As JSON takes it; `read` reads it back."""
        return {
            "model": self.model,
            "seed": self.seed,
            "style": [list(row) for row in self.style],
            "truncation": self.truncation,
            "cutoff": self.cutoff,
            "mix_seed": self.mix_seed,
            "mix_layers": list(self.mix_layers),
            "moves": [[move.kind, move.index, list(move.layers), move.strength] for move in self.moves],
            "kept": [[each.title, list(each.vector), list(each.layers), each.strength] for each in self.kept],
        }

    def fresh(self, seed: int, truncation: float) -> "Recipe":
        """Another picture by its seed, as the grid shows it; the sliders stay, at zero."""
        return replace(Recipe(self.model, seed, truncation=truncation), **self._at_rest())

    def of_style(self, style: np.ndarray) -> "Recipe":
        """A picture by its style (layers, w); the sliders stay, at zero."""
        return replace(Recipe(self.model, None, rows(style)), **self._at_rest())

    def unedited(self) -> "Recipe":
        """The same seed or style and nothing done to it; the sliders stay, at zero."""
        return replace(Recipe(self.model, self.seed, self.style), **self._at_rest())

    def _at_rest(self) -> dict[str, Any]:
        return {
            "moves": tuple(replace(each, strength=0.0) for each in self.moves),
            "kept": tuple(replace(each, strength=0.0) for each in self.kept),
        }


def read(data: object, about: GeneratorConfig) -> Recipe:
    """A recipe from a browser or a file, for the model that `about` describes.

    Raises:
        UserError: a field that is missing, of another kind, or out of its range.
    """
    if not isinstance(data, dict):
        raise UserError(f"This is not a picture's recipe. {HOW}")
    layers = len(about.resolutions)
    style, mix_seed = data.get("style"), data.get("mix_seed")
    mixed = _list(data.get("mix_layers"), layers)
    return Recipe(
        str(data.get("model", ""))[:128],
        None if style else seed_parsing.one(data.get("seed")),
        rows(validation.style(style, layers, about.w_dim)) if style else (),
        validation.number(data.get("truncation", 1.0), "Truncation", *TRUNCATION),
        validation.cutoff(data.get("cutoff"), layers),
        None if mix_seed is None else seed_parsing.one(mix_seed),
        tuple(sorted({validation.whole(layer, "A layer", 0, layers - 1) for layer in mixed})),
        tuple(_move(each, layers) for each in _list(data.get("moves"), MOST_MOVES)),
        tuple(_kept(each, layers, about.w_dim) for each in _list(data.get("kept"), MOST_KEPT)),
    )


def rows(style: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """A style (layers, w) as numbers that are short in JSON; five digits draw the same picture."""
    return tuple(tuple(round(float(number), 5) for number in row) for row in style)


def title(value: object) -> str:
    """A name for a direction. Raises `UserError` for an empty one."""
    text = " ".join(str(value).split())[:LONGEST_NAME] if isinstance(value, str) else ""
    if not text:
        raise UserError("Give the direction a name first, for example “beard”.")
    return text


def _list(value: object, most: int) -> Sequence[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise UserError(f"A list of at most {most} is needed here. {HOW}")
    return value


def _move(value: object, layers: int) -> Move:
    if not isinstance(value, list) or len(value) != 4 or value[0] not in KINDS:
        raise UserError(f"There is no such direction. {HOW}")
    kind, index, span, strength = value
    return Move(
        kind,
        validation.whole(index, "The index of a direction", 0, validation.MOST_COMPONENTS - 1),
        validation.span(span, layers),
        validation.number(strength, "The strength of a direction", *STRENGTH),
    )


def _kept(value: object, layers: int, width: int) -> Kept:
    if not isinstance(value, list) or len(value) != 4:
        raise UserError(f"A kept direction is not complete. {HOW}")
    name, vector, span, strength = value
    (unit,) = validation.own_directions([vector], width)
    return Kept(
        title(name),
        tuple(round(float(number), 5) for number in unit),
        validation.span(span, layers),
        validation.number(strength, "The strength of a direction", *STRENGTH),
    )


def moved(recipe: Recipe, values: Mapping[str, float | str]) -> Recipe:
    """The recipe with sliders at these values; names as `render.controls` gives them.

    Raises:
        UserError: a slider that this recipe does not have, or a value out of its range.
    """
    for name, value in values.items():
        kind, _, place = name.partition("-")
        if name == "truncation":
            recipe = replace(recipe, truncation=validation.number(value, "Truncation", *TRUNCATION))
        elif name == "cutoff":
            recipe = replace(recipe, cutoff=validation.whole(value, "The truncation's cutoff", 0, MOST_LAYERS))
        elif kind == "kept" and place.isdecimal() and int(place) < len(recipe.kept):
            strength = validation.number(value, "The strength of a direction", *STRENGTH)
            kept = [
                replace(each, strength=strength) if i == int(place) else each for i, each in enumerate(recipe.kept)
            ]
            recipe = replace(recipe, kept=tuple(kept))
        elif any(move.name == name for move in recipe.moves):
            strength = validation.number(value, "The strength of a direction", *STRENGTH)
            moves = [replace(each, strength=strength) if each.name == name else each for each in recipe.moves]
            recipe = replace(recipe, moves=tuple(moves))
        else:
            raise UserError(f"There is no slider “{name[:40]}” any more. {HOW}")
    return recipe
