"""The parts of the page beside prompt and canvas: their components, each kept by name.

Invariants: what is there and what it says; which event calls what is said in the layout.
"""

from dataclasses import dataclass

import gradio as gr

from playground.catalog import Entry
from playground.text_to_image.grid import KINDS
from playground.text_to_image.limits import Limits
from playground.text_to_image.types import ImageRequest
from playground.validation import MAX_SEED
from tabs.common.seeds import keep_typed_seed
from tabs.common.sliders import slider_range
from tabs.common.words import label
from tabs.text_to_image.components import Cells, Film
from tabs.text_to_image.handlers_grid import NOTHING

SMALL = {"size": "sm", "min_width": 80}


@dataclass
class Numbers:
    steps: gr.Slider
    guidance: gr.Slider
    width: gr.Slider
    height: gr.Slider
    scheduler: gr.Dropdown
    seed: gr.Number
    new_seed: gr.Checkbox
    random: gr.Button
    reuse: gr.Button
    count: gr.Slider
    preview: gr.Checkbox


def numbers_panel(limits: Limits) -> Numbers:
    """Steps, guidance, seed and count at hand, the rest folded away."""
    with gr.Group():
        with gr.Row():
            steps = gr.Slider(
                **slider_range(limits.steps[0], limits.steps[2]), value=limits.steps[1], step=1,
                label=label("image_steps"), min_width=150, elem_id="image-steps",
            )  # fmt: skip
            guidance = gr.Slider(
                **slider_range(limits.guidance[0], limits.guidance[2]), value=limits.guidance[1], step=0.1,
                label=label("image_guidance"), min_width=150, elem_id="image-guidance",
            )  # fmt: skip
        with gr.Row():
            seed = gr.Number(
                0, label=label("image_seed"), precision=0, minimum=0, maximum=MAX_SEED, min_width=110,
                elem_id="image-seed",
            )  # fmt: skip
            count = gr.Slider(
                **slider_range(1, limits.count),
                value=1,
                step=1,
                label=label("image_count"),
                info=label("image_count_info"),
                min_width=150,
                elem_id="image-count",
            )
        new_seed = gr.Checkbox(
            True, label=label("image_seed_new"), info=label("image_seed_info"), elem_id="image-new-seed"
        )
        keep_typed_seed(seed, new_seed)
    with gr.Row(elem_classes="tools"):
        random = gr.Button(label("image_seed_random"), elem_id="image-random", **SMALL)  # type: ignore[arg-type]
        reuse = gr.Button(label("image_seed_reuse"), elem_id="image-reuse", **SMALL)  # type: ignore[arg-type]
    with gr.Accordion(label("image_more"), open=False, elem_id="image-more"):
        with gr.Row():
            width, height = (
                gr.Slider(
                    **slider_range(limits.sizes[0], limits.sizes[2]), value=limits.sizes[1], step=limits.multiple,
                    label=label(word), min_width=150, visible=limits.sizes[0] != limits.sizes[2],
                )
                for word in ("image_width", "image_height")
            )  # fmt: skip
        scheduler = gr.Dropdown(
            [(name.removesuffix("Scheduler"), name) for name in limits.schedulers],
            value=limits.schedulers[0] if limits.schedulers else None,
            label=label("image_scheduler"), visible=bool(limits.schedulers), elem_id="image-scheduler",
        )  # fmt: skip
        preview = gr.Checkbox(True, label=label("image_preview"))
    return Numbers(
        steps, guidance, width, height, scheduler, seed, new_seed, random, reuse, count, preview,
    )  # fmt: skip


@dataclass
class Start:
    box: gr.Column
    picture: gr.Image
    strength: gr.Slider


def start_panel(limits: Limits) -> Start:
    """A picture to begin from."""
    with (
        gr.Column(visible=limits.image_to_image) as box,
        gr.Accordion(label("image_start"), open=False, elem_id="image-start-box"),
    ):
        gr.Markdown(label("image_start_info"), elem_classes="subtle")
        picture = gr.Image(
            label=label("image_start_picture"), sources=["upload", "clipboard", "webcam"], type="filepath",
            image_mode=None, format="png", height=220, elem_id="image-start",
        )  # fmt: skip
        strength = gr.Slider(
            0.05, 1, value=ImageRequest.strength, step=0.05, label=label("image_strength"),
            info=label("image_strength_info"), interactive=not limits.reference, elem_id="image-strength",
        )  # fmt: skip
    return Start(box, picture, strength)


@dataclass
class Expansion:
    go: gr.Button
    model: gr.Dropdown
    text: gr.Textbox
    use: gr.Checkbox


def expansion_panel(chats: list[Entry]) -> Expansion:
    """The prompt in more words, by a chat model."""
    with gr.Accordion(label("image_expand"), open=False, elem_id="image-expand-box"):
        gr.Markdown(label("image_expand_info"), elem_classes="subtle")
        with gr.Row(equal_height=True):
            model = gr.Dropdown(
                [(entry.label, entry.id) for entry in chats], value=chats[0].id if chats else None,
                label=label("image_expand_model"), min_width=160,
            )  # fmt: skip
            go = gr.Button(label("image_expand_go"), size="sm", min_width=100, scale=0, elem_id="image-expand")
        text = gr.Textbox(
            label=label("image_expanded"), lines=3, max_lines=10, interactive=True, elem_id="image-expanded"
        )
        use = gr.Checkbox(False, label=label("image_use_expanded"), elem_id="image-use-expanded")
    return Expansion(go, model, text, use)


@dataclass
class Filming:
    go: gr.Button
    always: gr.Checkbox
    film: Film


def film_panel(limits: Limits) -> Filming:
    """The way from noise to the picture, and back."""
    with gr.Accordion(label("image_film"), open=False, elem_id="image-film-box"):
        gr.Markdown(label("image_film_info"), elem_classes="subtle")
        with gr.Row(equal_height=True):
            go = gr.Button(label("image_film_go"), size="sm", min_width=160, scale=0, elem_id="image-film-go")
            always = gr.Checkbox(
                False, label=label("image_film_always"), min_width=160, visible=limits.trajectory, container=False,
                elem_id="image-film-always",
            )  # fmt: skip
        film = Film({"rows": [], "hint": ""}, elem_id="image-film")
    return Filming(go, always, film)


@dataclass
class Grid:
    x_kind: gr.Dropdown
    x_values: gr.Textbox
    y_kind: gr.Dropdown
    y_values: gr.Textbox
    make: gr.Button
    stop: gr.Button
    save: gr.Button
    cells: Cells


def grid_panel() -> Grid:
    """Two settings against each other."""
    kinds = [(label(f"image_grid_{kind}"), kind) for kind in KINDS]
    with gr.Accordion(label("image_grid"), open=False, elem_id="image-grid-box"):
        gr.Markdown(label("image_grid_info"), elem_classes="subtle")
        with gr.Row(equal_height=False):
            with gr.Row():
                x_kind = gr.Dropdown(
                    kinds, value="seed", label=label("image_grid_x"), min_width=120, elem_id="image-x"
                )
                x_values = gr.Textbox(
                    "1-4", label=label("image_grid_values"), max_lines=1, min_width=150, elem_id="image-x-values"
                )
            with gr.Row():
                y_kind = gr.Dropdown(
                    [(label("image_grid_none"), NOTHING), *kinds], value="steps", label=label("image_grid_y"),
                    min_width=120, elem_id="image-y",
                )  # fmt: skip
                y_values = gr.Textbox(
                    "2, 5, 20", label=label("image_grid_values"), max_lines=1, min_width=150, elem_id="image-y-values"
                )
        with gr.Row(elem_classes="tools"):
            make = gr.Button(
                label("image_grid_go"), size="sm", variant="primary", min_width=120, elem_id="image-grid-go"
            )
            stop = gr.Button(
                label("stop"), size="sm", variant="stop", visible=False, min_width=120, elem_id="image-grid-stop"
            )
            save = gr.Button(label("image_grid_save"), size="sm", min_width=120, elem_id="image-grid-save")
        cells = Cells({"cells": [], "hint": ""}, elem_id="image-grid")
    return Grid(x_kind, x_values, y_kind, y_values, make, stop, save, cells)
