"""The request for one picture: a seed or style, truncation, style mixing, and movements along directions.

Invariants: an `EditState` is an immutable value. `parse_edit_state` and `EditState.with_slider_values` check
everything that comes from a browser, a file or a program, once; the service renders every state it is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from playground.errors import UserError
from playground.gan import validation
from playground.gan.seed_parsing import parse_seed
from playground.gan.types import GeneratorConfig
from playground.validation import validate_number, validate_whole

Kind = Literal["pca", "sefa"]
KINDS = ("pca", "sefa")
MAX_DIRECTIONS = 24
MAX_CUSTOM_DIRECTIONS = 12
MAX_NAME = 40  # characters
CHOOSE_AGAIN = "Choose a picture of the grid, or load a style that this page has saved."


@dataclass(frozen=True)
class DirectionEdit:
    """A movement along component `index` of `kind`.

    Attributes:
        kind: "pca" or "sefa".
        index: which component, strongest first.
        layers: first and last layer, both included.
        strength: standard deviations of w along the direction.
    """

    kind: Kind
    index: int
    layers: tuple[int, int]
    strength: float = 0.0

    @property
    def name(self) -> str:
        """The name of its slider, for instance pca-0-2-4."""
        return f"{self.kind}-{self.index}-{self.layers[0]}-{self.layers[1]}"


@dataclass(frozen=True)
class CustomDirection:
    """A direction with a name of the visitor's, and a movement along it.

    Attributes:
        label: its name.
        vector: a unit vector (w_dim,), so that it outlives what it was found with.
        layers: first and last layer, both included.
        strength: standard deviations of w along the direction.
    """

    label: str
    vector: tuple[float, ...]
    layers: tuple[int, int]
    strength: float = 0.0


@dataclass(frozen=True)
class EditState:
    """Everything a picture is made of.

    Attributes:
        model: the generator's catalogue id.
        seed: 0 to 2^32 - 1; None where `style` says it.
        style: (layers, w_dim); empty where `seed` says it.
        truncation: psi, -2 to 2.
        cutoff: only the layers before it are truncated; None for all.
        mix_seed: seed of the second style; None for no mixing.
        mix_layers: layers taken from the second style.
        directions: movements along found directions, those at strength 0 included.
        custom_directions: movements along named directions.
    """

    model: str
    seed: int | None = 1
    style: tuple[tuple[float, ...], ...] = ()
    truncation: float = 1.0
    cutoff: int | None = None
    mix_seed: int | None = None
    mix_layers: tuple[int, ...] = ()
    directions: tuple[DirectionEdit, ...] = ()
    custom_directions: tuple[CustomDirection, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it, for page and files; `parse_edit_state` reads it back. The keys are the file format's."""
        return {
            "model": self.model,
            "seed": self.seed,
            "style": [list(row) for row in self.style],
            "truncation": self.truncation,
            "cutoff": self.cutoff,
            "mix_seed": self.mix_seed,
            "mix_layers": list(self.mix_layers),
            "moves": [[each.kind, each.index, list(each.layers), each.strength] for each in self.directions],
            "kept": [
                [each.label, list(each.vector), list(each.layers), each.strength] for each in self.custom_directions
            ],
        }

    def with_seed(self, seed: int, truncation: float) -> "EditState":
        """The picture of another seed, its sliders kept at zero.

        Args:
            seed: 0 to 2^32 - 1.
            truncation: psi.

        Returns:
            A new state.
        """
        return replace(EditState(self.model, seed, truncation=truncation), **self._at_zero())

    def with_style(self, style: np.ndarray) -> "EditState":
        """The picture of a style, its sliders kept at zero.

        Args:
            style: (layers, w_dim).

        Returns:
            A new state.
        """
        return replace(EditState(self.model, None, to_rows(style)), **self._at_zero())

    def without_edits(self) -> "EditState":
        """The same seed or style, untruncated and unmixed, its sliders kept at zero."""
        return replace(EditState(self.model, self.seed, self.style), **self._at_zero())

    def with_slider_values(self, values: Mapping[str, float | str], layers: int) -> "EditState":
        """The state with sliders at other values. Checks all of them.

        Args:
            values: slider name ("truncation", "cutoff", "custom-0", `DirectionEdit.name`) to value.
            layers: how many the model has.

        Returns:
            A new state.

        Raises:
            UserError: a slider this state does not have, or a value out of its range.
        """
        state = self
        for name, value in values.items():
            kind, _, place = name.partition("-")
            if name == "truncation":
                state = replace(state, truncation=validation.truncation(value))
            elif name == "cutoff":
                state = replace(state, cutoff=validation.cutoff(value, layers))
            elif kind == "custom" and place.isdecimal() and int(place) < len(state.custom_directions):
                custom = list(state.custom_directions)
                custom[int(place)] = replace(custom[int(place)], strength=_strength(value))
                state = replace(state, custom_directions=tuple(custom))
            elif any(each.name == name for each in state.directions):
                strength = _strength(value)
                found = (replace(each, strength=strength) if each.name == name else each for each in state.directions)
                state = replace(state, directions=tuple(found))
            else:
                raise UserError(f"There is no slider “{name[:40]}” any more. {CHOOSE_AGAIN}")
        return state

    def _at_zero(self) -> dict[str, Any]:
        return {
            "directions": tuple(replace(each, strength=0.0) for each in self.directions),
            "custom_directions": tuple(replace(each, strength=0.0) for each in self.custom_directions),
        }


def parse_edit_state(data: object, config: GeneratorConfig) -> EditState:
    """An edit state from a browser or a file. Checks all of it.

    Args:
        data: what `EditState.to_dict` gave, hostile until checked.
        config: shapes of the model it is for.

    Returns:
        A state the model can render.

    Raises:
        UserError: a field that is missing, of another type, or out of its range.
    """
    if not isinstance(data, dict):
        raise UserError(f"These are not the settings of a picture. {CHOOSE_AGAIN}")
    style, mix_seed = data.get("style"), data.get("mix_seed")
    mix_layers = _list(data.get("mix_layers"), config.layers)
    return EditState(
        model=str(data.get("model", ""))[:128],
        seed=None if style else parse_seed(data.get("seed")),
        style=to_rows(validation.style(style, config.layers, config.w_dim)) if style else (),
        truncation=validation.truncation(data.get("truncation", 1.0)),
        cutoff=validation.cutoff(data.get("cutoff"), config.layers),
        mix_seed=None if mix_seed is None else parse_seed(mix_seed),
        mix_layers=parse_layers(mix_layers, config.layers),
        directions=tuple(_direction(each, config) for each in _list(data.get("moves"), MAX_DIRECTIONS)),
        custom_directions=tuple(_custom(each, config) for each in _list(data.get("kept"), MAX_CUSTOM_DIRECTIONS)),
    )


def parse_layers(value: Sequence[object], layers: int) -> tuple[int, ...]:
    """Layer numbers, sorted and without duplicates.

    Args:
        value: layer numbers from outside.
        layers: how many the model has.

    Returns:
        The layer numbers.

    Raises:
        UserError: a layer the model does not have.
    """
    return tuple(sorted({validate_whole(layer, "A layer", 0, layers - 1) for layer in value}))


def parse_label(value: object) -> str:
    """A name for a direction: whitespace collapsed, cut to `MAX_NAME` characters.

    Args:
        value: what was typed.

    Returns:
        A name that is not empty.

    Raises:
        UserError: nothing was typed.
    """
    text = " ".join(str(value).split())[:MAX_NAME] if isinstance(value, str) else ""
    if not text:
        raise UserError("Give the direction a name first, for example “beard”.")
    return text


def to_rows(style: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """A style as numbers that are short in JSON; five decimals render the same picture.

    Args:
        style: (layers, w_dim).

    Returns:
        One tuple per layer.
    """
    return tuple(tuple(round(float(number), 5) for number in row) for row in style)


def _strength(value: object) -> float:
    return validate_number(value, "The strength of a direction", -validation.MAX_STRENGTH, validation.MAX_STRENGTH)


def _list(value: object, limit: int) -> Sequence[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > limit:
        raise UserError(f"A list of at most {limit} is needed here. {CHOOSE_AGAIN}")
    return value


def _direction(value: object, config: GeneratorConfig) -> DirectionEdit:
    if not isinstance(value, list) or len(value) != 4 or value[0] not in KINDS:
        raise UserError(f"There is no such direction. {CHOOSE_AGAIN}")
    kind, index, layers, strength = value
    components = min(config.w_dim, validation.MAX_COMPONENTS)
    return DirectionEdit(
        kind,
        validate_whole(index, "The index of a direction", 0, components - 1),
        validation.layer_range(layers, config.layers),
        _strength(strength),
    )


def _custom(value: object, config: GeneratorConfig) -> CustomDirection:
    if not isinstance(value, list) or len(value) != 4:
        raise UserError(f"A named direction is not complete. {CHOOSE_AGAIN}")
    label, vector, layers, strength = value
    return CustomDirection(
        parse_label(label),
        tuple(round(float(number), 5) for number in validation.unit_vector(vector, config.w_dim)),
        validation.layer_range(layers, config.layers),
        _strength(strength),
    )
