"""The panels below the current picture: their components, each kept by name.

Invariants: what is there and what it says; which event calls what is said in the layout.
"""

import secrets
from dataclasses import dataclass

import gradio as gr

from tabs.common.words import label
from tabs.gan.components import Bars, Strip

START = {"variant": "primary", "size": "sm", "scale": 0}
STOP = {"variant": "stop", "size": "sm", "min_width": 90, "visible": False, "scale": 0}


def random_seed() -> int:
    """A seed nobody chose."""
    return secrets.randbelow(1_000_000)  # short enough to be told to somebody


@dataclass
class Directions:
    kind: gr.Radio
    range: gr.Radio
    ends: gr.Row
    first: gr.Number
    last: gr.Number
    which: gr.Dropdown
    name: gr.Textbox
    keeping: gr.Group
    kept: gr.Dropdown
    forget: gr.Button


def directions_panel() -> Directions:
    """Which directions are on the stage, and giving one a name."""
    with gr.Tab(label("gan_directions")):
        gr.Markdown(label("gan_directions_info"), elem_classes="subtle")
        with gr.Row():
            kind = gr.Radio(
                [("PCA", "pca"), ("SeFa", "sefa")],
                value="pca",
                label=label("gan_kind"),
                min_width=160,
                elem_id="gan-kind",
            )
            range_ = gr.Radio([], label=label("gan_range"), scale=3, min_width=260, elem_id="gan-range")
        with gr.Row(visible=False) as ends:
            first = gr.Number(0, label=label("gan_first_layer"), precision=0, minimum=0, min_width=120)
            last = gr.Number(0, label=label("gan_last_layer"), precision=0, minimum=0, min_width=120)
        with gr.Row(equal_height=True):
            which = gr.Dropdown([], label=label("gan_keep_which"), min_width=180, elem_id="gan-which")
            name = gr.Textbox(
                label=label("gan_keep_name"), placeholder=label("gan_keep_name_hint"), max_lines=1, min_width=180,
                submit_btn=label("gan_keep"), elem_id="gan-name",
            )  # fmt: skip
        with gr.Group(visible=False) as keeping:
            kept = gr.Dropdown([], label=label("gan_kept"), elem_id="gan-kept")
            forget = gr.Button(label("gan_forget"), size="sm", elem_id="gan-forget")
    return Directions(kind, range_, ends, first, last, which, name, keeping, kept, forget)


@dataclass
class Mixing:
    seed: gr.Number
    random: gr.Button
    groups: gr.CheckboxGroup
    layers: gr.CheckboxGroup
    sources: Strip


def mixing_panel() -> Mixing:
    """The second seed, and the layers it takes over."""
    with gr.Tab(label("gan_mixing")):
        gr.Markdown(label("gan_mixing_info"), elem_classes="subtle")
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=220):
                seed = gr.Number(
                    2, label=label("gan_mix_seed"), precision=0, minimum=0, maximum=2**32 - 1, elem_id="gan-mix-seed"
                )
                random = gr.Button(label("gan_mix_random"), size="sm", elem_id="gan-mix-random")
                groups = gr.CheckboxGroup([], label=label("gan_mix_groups"), elem_id="gan-mix-groups")
            with gr.Column(scale=2, min_width=260):
                layers = gr.CheckboxGroup([], label=label("gan_mix_layers"), elem_id="gan-mix-layers")
                sources = Strip(elem_id="gan-sources")
    return Mixing(seed, random, groups, layers, sources)


@dataclass
class Movie:
    keys: Strip
    seconds: gr.Slider
    fps: gr.Slider
    loop: gr.Checkbox
    make: gr.Button
    stop: gr.Button
    status: gr.Markdown
    film: Strip


def film_panel() -> Movie:
    """Key frames, and the film through them."""
    with gr.Tab(label("gan_film")):
        gr.Markdown(label("gan_film_info"), elem_classes="subtle")
        keys = Strip(elem_id="gan-keys")
        with gr.Row(equal_height=True):
            seconds = gr.Slider(1, 20, value=4, step=0.5, label=label("gan_seconds"), min_width=160)
            fps = gr.Slider(5, 30, value=20, step=1, label=label("gan_fps"), min_width=160)
            loop = gr.Checkbox(True, label=label("gan_loop"), min_width=140)
        with gr.Row(equal_height=True):
            make = gr.Button(label("gan_make"), min_width=120, elem_id="gan-make", **START)  # type: ignore[arg-type]
            stop = gr.Button(label("gan_stop"), elem_id="gan-film-stop", **STOP)  # type: ignore[arg-type]
            status = gr.Markdown("", elem_classes="subtle", elem_id="gan-film-status")
        film = Strip(elem_id="gan-film")
    return Movie(keys, seconds, fps, loop, make, stop, status, film)


@dataclass
class Own:
    picture: gr.Image
    steps: gr.Slider
    start: gr.Button
    stop: gr.Button
    status: gr.Markdown
    strip: Strip


def own_panel() -> Own:
    """A picture from outside, brought into the model."""
    with gr.Tab(label("gan_own")):
        gr.Markdown(label("gan_own_info"), elem_classes="subtle")
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=260):
                picture = gr.Image(
                    label=label("gan_own_picture"), sources=["upload", "clipboard", "webcam"], type="pil",
                    format="png", height=260, elem_id="gan-own",
                )  # fmt: skip
            with gr.Column(scale=1, min_width=260):
                steps = gr.Slider(20, 500, value=150, step=10, label=label("gan_steps"))
                with gr.Row(equal_height=True):
                    start = gr.Button(label("gan_project"), min_width=120, elem_id="gan-project", **START)  # type: ignore[arg-type]
                    stop = gr.Button(label("gan_stop"), elem_id="gan-own-stop", **STOP)  # type: ignore[arg-type]
                status = gr.Markdown("", elem_classes="subtle", elem_id="gan-own-status")
                strip = Strip(elem_id="gan-own-strip")
    return Own(picture, steps, start, stop, status, strip)


@dataclass
class Learned:
    nearest: gr.Button
    neighbours: Strip
    sheet: gr.Button
    sheets: Strip
    count: gr.Button
    stop: gr.Button
    status: gr.Markdown
    bars: Bars


def learned_panel() -> Learned:
    """Is it memorised, what does truncation do, does it draw everything?"""
    with gr.Tab(label("gan_explore")):
        gr.Markdown(label("gan_nearest_info"), elem_classes="subtle")
        with gr.Row():
            nearest = gr.Button(label("gan_nearest"), size="sm", scale=0, min_width=180, elem_id="gan-nearest")
        neighbours = Strip(elem_id="gan-neighbours")
        gr.Markdown(label("gan_sheet_info"), elem_classes="subtle")
        with gr.Row():
            sheet = gr.Button(label("gan_sheet"), size="sm", scale=0, min_width=180, elem_id="gan-sheet")
        sheets = Strip(elem_id="gan-sheets")
        gr.Markdown(label("gan_histogram_info"), elem_classes="subtle")
        with gr.Row(equal_height=True):
            count = gr.Button(label("gan_histogram_make"), size="sm", scale=0, min_width=180, elem_id="gan-count")
            stop = gr.Button(label("gan_stop"), elem_id="gan-count-stop", **STOP)  # type: ignore[arg-type]
        status = gr.Markdown("", elem_classes="subtle", elem_id="gan-count-status")
        bars = Bars(elem_id="gan-bars")
    return Learned(nearest, neighbours, sheet, sheets, count, stop, status, bars)
