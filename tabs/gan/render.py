"""What the page shows of a recipe: pure functions from our records to component values.

Invariants: nothing here draws or asks a model; words come from `tabs.common.words`.
"""

from typing import Any

import gradio as gr

from playground.catalog import Entry
from playground.gan import styles
from playground.gan.types import GeneratorConfig
from playground.runtime.task import Phase
from playground.weights.types import State
from tabs.common.live.stage import slider, stage_value
from tabs.common.model_menu import state_text
from tabs.common.progress import phase_text as chat_phase_text
from tabs.common.words import LANGUAGES, say, size_text
from tabs.gan.edit_state import STRENGTH, TRUNCATION, Move, Recipe
from tabs.gan.words import WORDS

COMPONENTS = 6  # directions shown of a kind and range
RANGES = ("all", "coarse", "middle", "fine", "own")
_GRID_WORDS = (
    "grid", "seed", "seeds", "seeds_hint", "previous", "next", "random", "truncation", "truncation_hint", "judged",
    "judged_hint", "sort", "by_seed", "best_first", "worst_first", "unreachable",
)  # fmt: skip


def model_choice(entry: Entry, state: State, language: str) -> str:
    """One line of the model menu."""
    return f"{entry.label} · {entry.licence} · {state_text(entry, state, language)}"


def model_line(entry: Entry, about: GeneratorConfig, state: State, language: str) -> str:
    """What to know of the chosen model before its first picture."""
    return say(
        language,
        "gan_model_line",
        licence=entry.licence,
        state=state_text(entry, state, language),
        size=about.size,
        layers=len(about.resolutions),
        memory=size_text(entry.memory_bytes),
        note=entry.note,
    )


def grid_value(model: str, chosen: int | None) -> dict[str, Any]:
    """The value of a `SeedGrid`. Its words come in every language: it is there before Python knows the visitor's."""
    words = {
        language: {name: WORDS[f"gan_{name}"][place] for name in _GRID_WORDS}
        for place, language in enumerate(LANGUAGES)
    }
    return {"model": model, "chosen": chosen, "words": words}


def stage(recipe: Recipe, about: GeneratorConfig, language: str) -> dict[str, Any]:
    """The value of the `LiveStage` that draws this recipe."""
    shown, stands = controls(recipe, about, language), values(recipe, about)
    return stage_value(recipe.model, shown, language, values=stands, extra=recipe.plain())


def controls(recipe: Recipe, about: GeneratorConfig, language: str) -> list[dict[str, Any]]:
    """The sliders of a recipe: truncation, how far it reaches, kept directions, found ones.

    Where they stand is told by `values` alone: sliders that stay the same are not built anew in the page.
    """
    layers, (low, high), (least, most) = len(about.resolutions), TRUNCATION, STRENGTH
    fixed: dict[str, Any] = {"random": False}
    psi = slider("truncation", say(language, "gan_truncation"), low, high, 1.0, step=0.01, home=1.0, **fixed)
    until = slider("cutoff", say(language, "gan_cutoff"), 0, layers, layers, step=1, home=layers, **fixed)
    named = [(f"kept-{place}", f"{each.title} · {range_text(each.layers, layers, language)}")
             for place, each in enumerate(recipe.kept)]  # fmt: skip
    named += [(move.name, move_text(move, layers, language)) for move in recipe.moves]
    found = [slider(name, words, least, most, 0.0, step=0.01, unit="σ", home=0.0) for name, words in named]
    return [psi, until, *found]


def values(recipe: Recipe, about: GeneratorConfig) -> dict[str, float | str]:
    """Where every slider of `controls` stands."""
    cutoff = len(about.resolutions) if recipe.cutoff is None else recipe.cutoff
    stands: dict[str, float | str] = {"truncation": recipe.truncation, "cutoff": float(cutoff)}
    stands |= {f"kept-{place}": each.strength for place, each in enumerate(recipe.kept)}
    return stands | {move.name: move.strength for move in recipe.moves}


def caption(recipe: Recipe, language: str) -> str:
    """What a picture is called."""
    name = say(language, "gan_current_own")
    if recipe.seed is not None:
        name = say(language, "gan_current", seed=recipe.seed)
    if recipe.mix_seed is not None and recipe.mix_layers:
        name = say(language, "gan_mixed_with", name=name, seed=recipe.mix_seed)
    return name


def move_text(move: Move, layers: int, language: str) -> str:
    """What a found direction is called until it has a name: PCA 1 · fine."""
    kind = {"pca": "PCA", "sefa": "SeFa"}[move.kind]
    return f"{kind} {move.index + 1} · {range_text(move.layers, layers, language)}"


def range_text(span: tuple[int, int], layers: int, language: str) -> str:
    """A range of layers in words: a group's name where it is one."""
    for name in RANGES[:-1]:
        if span == range_of(name, layers):
            return say(language, f"gan_range_{name}")
    return say(language, "gan_range_layers", first=span[0], last=span[1])


def range_of(name: str, layers: int) -> tuple[int, int]:
    """First and last layer of a group; of all of them for any other name."""
    for group, found in styles.groups(layers).items():
        if group == name and found:
            return found[0], found[-1]
    return 0, layers - 1


def directions(recipe: Recipe, layers: int, language: str) -> gr.Dropdown:
    """The menu of directions that can be kept: those that are on show, the moved ones first."""
    moves = sorted(recipe.moves, key=lambda move: -abs(move.strength))
    choices = [(move_text(move, layers, language), move.name) for move in moves]
    return gr.Dropdown(choices=choices, value=choices[0][1] if choices else None)


def kept(recipe: Recipe) -> tuple[gr.Dropdown, gr.Group]:
    """The menu of kept directions, to remove one, and the group it stands in."""
    choices = [(each.title, place) for place, each in enumerate(recipe.kept)]
    return gr.Dropdown(choices=choices, value=choices[-1][1] if choices else None), gr.Group(visible=bool(choices))


def layer_choices(about: GeneratorConfig, language: str) -> list[tuple[str, int]]:
    """One box per layer for mixing: its number and the pixels it draws at."""
    return [
        (say(language, "gan_mix_layer", layer=layer, size=size), layer) for layer, size in enumerate(about.resolutions)
    ]


def group_choices(language: str) -> list[tuple[str, str]]:
    """One box per group of layers."""
    return [(say(language, f"gan_range_{name}"), name) for name in ("coarse", "middle", "fine")]


def range_choices(language: str) -> list[tuple[str, str]]:
    """The ranges of layers a direction can act on."""
    return [(say(language, f"gan_range_{name}"), name) for name in RANGES]


def whole_groups(ticked: tuple[int, ...], layers: int) -> list[str]:
    """The groups whose layers are all ticked."""
    return [name for name, found in styles.groups(layers).items() if found and set(found) <= set(ticked)]


def phase_text(phase: Phase, language: str, counted: str = "") -> str:
    """Where long work stands; `counted` is the key of words for work that counts."""
    if phase.kind == "preparing" and phase.total and counted:
        return say(language, counted, done=phase.done, total=phase.total)
    return chat_phase_text(phase, language)
