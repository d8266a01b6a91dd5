"""Component values of the GAN tab: pure functions of edit states and results.

Invariants: nothing here runs a model; words come from `tabs.common.words`.
"""

from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import Entry
from playground.gan.edit_state import DirectionEdit, EditState
from playground.gan.styles import layer_groups
from playground.gan.types import AttributeHistogram, GeneratorConfig
from playground.imaging import encoding
from playground.weights.types import State
from tabs.common import attribute_words
from tabs.common.components import bar_groups, row
from tabs.common.live.stage import slider, stage_value
from tabs.common.model_menu import model_line as common_model_line
from tabs.common.words import LANGUAGES, say
from tabs.gan.words import WORDS

COMPONENTS = 6  # directions shown of a kind and range
TRUNCATION = (-1.0, 1.5)  # ends of the slider
STRENGTH = (-3.0, 3.0)  # ends of a direction's slider, standard deviations of w
THUMBNAIL_SIDE = 112  # pixels
GROUPS = ("coarse", "middle", "fine")
RANGES = ("all", *GROUPS, "own")
_GRID_WORDS = (
    "grid", "seed", "seeds", "seeds_hint", "previous", "next", "random", "judged", "judged_hint", "sort", "by_seed",
    "best_first", "worst_first", "unreachable",
)  # fmt: skip


def model_line(entry: Entry, config: GeneratorConfig, state: State, language: str) -> str:
    """What to know of the chosen model before its first picture.

    Args:
        entry: the model.
        config: its shapes.
        state: whether it is on this disk.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        One line.
    """
    return common_model_line(entry, state, language, "gan_model_line", size=config.size, layers=config.layers)


def grid_value(model: str, chosen: int | None, truncation: float = 1.0) -> dict[str, Any]:
    """The value of a `SeedGrid`. Its words come in every language: it is there before Python knows the visitor's.

    Args:
        model: a GAN's catalogue id.
        chosen: seed of the current picture.
        truncation: psi of all tiles.

    Returns:
        Plain JSON.
    """
    words = {
        language: {name: WORDS[f"gan_{name}"][place] for name in _GRID_WORDS}
        for place, language in enumerate(LANGUAGES)
    }
    return {"model": model, "chosen": chosen, "truncation": truncation, "words": words}


def stage(state: EditState, config: GeneratorConfig, language: str) -> dict[str, Any]:
    """The value of the `LiveStage` that draws a picture.

    Args:
        state: the picture.
        config: shapes of its model.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Plain JSON.
    """
    shown, at = controls(state, config, language), slider_values(state, config)
    return stage_value(state.model, shown, language, values=at, extra=state.to_dict())


def controls(state: EditState, config: GeneratorConfig, language: str) -> list[dict[str, Any]]:
    """The sliders of a picture: truncation, its cutoff, named directions, found directions.

    Where they stand is told by `slider_values` alone: sliders that stay the same are not built anew in the page.

    Args:
        state: the picture.
        config: shapes of its model.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Sliders as the stage takes them.
    """
    layers, (low, high), (least, most) = config.layers, TRUNCATION, STRENGTH
    fixed: dict[str, Any] = {"random": False}
    psi = slider("truncation", say(language, "gan_truncation"), low, high, 1.0, step=0.01, home=1.0, **fixed)
    cutoff = slider("cutoff", say(language, "gan_cutoff"), 0, layers, layers, step=1, home=layers, **fixed)
    named = [
        (f"custom-{place}", f"{each.label} · {range_text(each.layers, layers, language)}")
        for place, each in enumerate(state.custom_directions)
    ]
    named += [(each.name, direction_text(each, layers, language)) for each in state.directions]
    found = [slider(name, words, least, most, 0.0, step=0.01, unit="σ", home=0.0) for name, words in named]
    return [psi, cutoff, *found]


def slider_values(state: EditState, config: GeneratorConfig) -> dict[str, float | str]:
    """Where every slider of `controls` stands.

    Args:
        state: the picture.
        config: shapes of its model.

    Returns:
        Slider name to value.
    """
    cutoff = config.layers if state.cutoff is None else state.cutoff
    values: dict[str, float | str] = {"truncation": state.truncation, "cutoff": float(cutoff)}
    values |= {f"custom-{place}": each.strength for place, each in enumerate(state.custom_directions)}
    return values | {each.name: each.strength for each in state.directions}


def caption(state: EditState, language: str) -> str:
    """What a picture is called.

    Args:
        state: the picture.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Its seed, and the seed it is mixed with.
    """
    name = say(language, "gan_current_own") if state.seed is None else say(language, "gan_current", seed=state.seed)
    if state.mix_seed is not None and state.mix_layers:
        name = say(language, "gan_mixed_with", name=name, seed=state.mix_seed)
    return name


def direction_text(direction: DirectionEdit, layers: int, language: str) -> str:
    """What a found direction is called until it has a name, for instance: PCA 1 · fine.

    Args:
        direction: kind, index and layers.
        layers: how many the model has.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Its name.
    """
    kind = {"pca": "PCA", "sefa": "SeFa"}[direction.kind]
    return f"{kind} {direction.index + 1} · {range_text(direction.layers, layers, language)}"


def range_text(span: tuple[int, int], layers: int, language: str) -> str:
    """A range of layers in words: a group's name where it is one.

    Args:
        span: first and last layer.
        layers: how many the model has.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Its name.
    """
    for name in RANGES[:-1]:
        if span == group_range(name, layers):
            return say(language, f"gan_range_{name}")
    return say(language, "gan_range_layers", first=span[0], last=span[1])


def group_range(name: str, layers: int) -> tuple[int, int]:
    """First and last layer of a group.

    Args:
        name: "coarse", "middle" or "fine"; anything else means all layers.
        layers: how many the model has.

    Returns:
        The range, both ends included.
    """
    for group, found in layer_groups(layers).items():
        if group == name and found:
            return found[0], found[-1]
    return 0, layers - 1


def layer_choices(config: GeneratorConfig, language: str) -> list[tuple[str, int]]:
    """One checkbox per layer: its number and resolution.

    Args:
        config: shapes of the model.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        (text, layer) each.
    """
    sizes = enumerate(config.resolutions)
    return [(say(language, "gan_mix_layer", layer=layer, size=size), layer) for layer, size in sizes]


def group_choices(language: str) -> list[tuple[str, str]]:
    """One checkbox per group of layers.

    Args:
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        (text, group) each.
    """
    return [(say(language, f"gan_range_{name}"), name) for name in GROUPS]


def range_choices(language: str) -> list[tuple[str, str]]:
    """The ranges of layers a direction can act on.

    Args:
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        (text, range) each.
    """
    return [(say(language, f"gan_range_{name}"), name) for name in RANGES]


def complete_groups(layers: tuple[int, ...], count: int) -> list[str]:
    """The groups whose layers are all ticked.

    Args:
        layers: ticked layers.
        count: how many the model has.

    Returns:
        Names of groups.
    """
    return [name for name, found in layer_groups(count).items() if found and set(found) <= set(layers)]


def histogram(found: AttributeHistogram, language: str) -> dict[str, Any]:
    """The value of a `BarChart`; the page shows the attributes that differ most from the training data first.

    Args:
        found: what was counted so far.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Plain JSON, whose lists keep their order and lengths while the counting goes on.
    """
    samples, dataset = say(language, "gan_histogram_here"), say(language, "gan_histogram_world")
    groups = []
    for each in found.attributes:
        longest = max(0.01, *each.samples, *each.dataset)
        rows = []
        for value, ours, theirs in zip(each.values, each.samples, each.dataset, strict=True):
            label = attribute_words.value(value, language)
            title = f"{label}: {_percent(ours)} {samples}, {_percent(theirs)} {dataset}"
            rows.append(row(label, (ours / longest, theirs / longest), _percent(ours), title))
        groups.append((attribute_words.name(each.attribute, language), each.distance, rows))
    note = say(
        language, "gan_histogram_note", precision=100 * found.precision, coverage=100 * found.coverage,
        count=found.count,
    )  # fmt: skip
    return bar_groups(groups, (samples, dataset), note)


def thumbnail(picture: Image.Image) -> str:
    """A small picture as a data URI.

    Args:
        picture: any picture.

    Returns:
        A JPEG data URI.
    """
    return encoding.data_uri(encoding.jpeg(np.asarray(picture.convert("RGB")), THUMBNAIL_SIDE))


def _percent(share: float) -> str:
    return f"{100 * share:.{1 if share < 0.0995 else 0}f} %"
