"""The parts of the tab beside picture and conversation: their components, each kept by name.

Invariants: what is there and what it says; which event calls what is said in the layout.
"""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from playground.catalog import Entry
from playground.grounding.limits import Limits
from playground.validation import MAX_SEED
from playground.weights.types import State
from tabs.common.model_menu import model_choice
from tabs.common.seeds import keep_typed_seed
from tabs.common.sliders import slider_range
from tabs.common.words import label, say

MAX_TEMPERATURE = 1.5


@dataclass
class Settings:
    model: gr.Dropdown
    about: gr.Markdown
    compare: gr.Dropdown
    temperature: gr.Slider
    seed: gr.Number
    new_seed: gr.Checkbox
    most: gr.Slider


@dataclass
class ScoreFilter:
    box: gr.Column
    threshold: gr.Slider
    overlap: gr.Slider


@dataclass
class Eyes:
    box: gr.Accordion
    phrase: gr.Textbox
    go: gr.Button


@dataclass
class Exports:
    json: gr.Button
    coco: gr.Button
    yolo: gr.Button
    names: gr.Button
    png: gr.Button


def settings_panel(entries: list[Entry], state: Callable[[Entry], State], limits: Limits) -> Settings:
    """The model at hand, everything else folded away."""
    model = gr.Dropdown(
        choices(entries, state, "en"), value=entries[0].id, label=label("ground_model"), elem_id="ground-model"
    )
    about = gr.Markdown("", elem_classes="subtle", elem_id="ground-about")
    with gr.Accordion(label("ground_settings"), open=False, elem_id="ground-settings"):
        compare = gr.Dropdown(
            compared(entries, "en"), value="", label=label("ground_compare"), info=label("ground_compare_info"),
            elem_id="ground-compare",
        )  # fmt: skip
        temperature = gr.Slider(
            0, MAX_TEMPERATURE, value=0, step=0.05, label=label("ground_temperature"),
            info=label("ground_temperature_info"), elem_id="ground-temperature",
        )  # fmt: skip
        with gr.Row():
            seed = gr.Number(
                0, label=label("ground_seed"), precision=0, minimum=0, maximum=MAX_SEED, min_width=110,
                elem_id="ground-seed",
            )  # fmt: skip
            new_seed = gr.Checkbox(False, label=label("ground_new_seed"), min_width=110, elem_id="ground-new-seed")
        keep_typed_seed(seed, new_seed)
        least, usual, longest = limits.max_new_tokens
        most = gr.Slider(**slider_range(least, longest), value=usual, step=1, label=label("ground_most"))
    return Settings(model, about, compare, temperature, seed, new_seed, most)


def score_filter_panel(limits: Limits) -> ScoreFilter:
    """What is shown of a detector's boxes."""
    with gr.Column(visible=limits.scores) as box:
        threshold = gr.Slider(
            0, 1, value=limits.threshold, step=0.01, label=label("ground_threshold"),
            info=label("ground_threshold_info"), elem_id="ground-threshold",
        )  # fmt: skip
        overlap = gr.Slider(
            0.1, 1, value=1, step=0.05, label=label("ground_overlap"), info=label("ground_overlap_info"),
            elem_id="ground-overlap",
        )  # fmt: skip
    return ScoreFilter(box, threshold, overlap)


def eyes_panel(limits: Limits) -> Eyes:
    """The heat map over the picture."""
    with gr.Accordion(label("ground_eyes"), open=False, visible=limits.heat, elem_id="ground-eyes") as box:
        gr.Markdown(label("ground_eyes_info"), elem_classes="subtle")
        with gr.Row(equal_height=True):
            phrase = gr.Textbox(
                label=label("ground_eyes_phrase"), show_label=False, placeholder=label("ground_eyes_phrase"), lines=1,
                max_lines=1, scale=4, min_width=160, elem_id="ground-eyes-phrase",
            )  # fmt: skip
            go = gr.Button(label("ground_eyes_go"), scale=1, min_width=80, elem_id="ground-eyes-go")
    return Eyes(box, phrase, go)


def export_panel() -> Exports:
    """The answer on show as files."""
    with (
        gr.Accordion(label("ground_export"), open=False, elem_id="ground-export"),
        gr.Row(elem_classes="tools"),
    ):
        return Exports(
            gr.Button("JSON", elem_id="ground-json", size="sm", min_width=80),
            gr.Button("COCO", elem_id="ground-coco", size="sm", min_width=80),
            gr.Button("YOLO", elem_id="ground-yolo", size="sm", min_width=80),
            gr.Button(label("ground_export_yolo_names"), elem_id="ground-names", size="sm", min_width=80),
            gr.Button(label("ground_export_png"), elem_id="ground-png", size="sm", min_width=80),
        )


def choices(entries: list[Entry], state: Callable[[Entry], State], language: str) -> list[tuple[str, str]]:
    """The models for the menu, with size and how near they are."""
    return [(model_choice(entry, state(entry), language), entry.id) for entry in entries]


def compared(entries: list[Entry], language: str) -> list[tuple[str, str]]:
    """The models to compare with, none of them first."""
    return [(say(language, "ground_compare_none"), ""), *((entry.label, entry.id) for entry in entries)]
