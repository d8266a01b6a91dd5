"""The lower half of the VAE tab, folded: raw dimensions, A to B, the map, an attribute of one's own, arithmetic.

Invariants: nothing here is computed before its fold is opened; whatever a visitor finds goes to the one stage.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.vae.service import INTERPOLATION_COUNT
from tabs.common.components import BarChart, PictureStrip
from tabs.common.errors import shown
from tabs.common.words import label
from tabs.vae.custom_directions import CustomDirectionHandlers
from tabs.vae.handlers import VaeHandlers
from tabs.vae.interpolation import InterpolationHandlers
from tabs.vae.latent_map import LatentMap
from tabs.vae.session import SessionState

SAVE_FILM = """() => { const film = document.querySelector("#vae-film img"); if (!film) return;
  const link = document.createElement("a"); link.href = film.src; link.download = "faces.webp"; link.click(); }"""


def lower_panels(
    handlers: VaeHandlers, visit: gr.State, stage: Any, drawn: list[Any], verb: dict[str, Any]
) -> list[gr.HTML]:
    """Build the folds and wire them; the components that another model empties."""
    ways, own = InterpolationHandlers(handlers), CustomDirectionHandlers(handlers)
    both = [visit, stage]

    with gr.Accordion(label("vae_way"), open=False) as fold:
        kept, to_a, to_b = _terms("ab", "vae-kept")
        with gr.Row():
            count = gr.Slider(INTERPOLATION_COUNT[0], 24, 8, step=1, label=label("vae_way_count"), min_width=160)
            mode = gr.Radio(
                [(label("vae_lerp"), "lerp"), (label("vae_slerp"), "slerp")], value="slerp", label=label("vae_mode"),
                min_width=160,
            )  # fmt: skip
        with gr.Row(elem_classes="tools"):
            show = gr.Button(label("vae_way_show"), size="sm", min_width=110, elem_id="vae-way")
            film = gr.Button(label("vae_film"), size="sm", min_width=110, elem_id="vae-film-start")
            stop = gr.Button(label("stop"), size="sm", variant="stop", min_width=110, visible=False)
            save = gr.Button(label("vae_film_save"), size="sm", min_width=110)
        frames = PictureStrip(elem_id="vae-frames")
        status = gr.Markdown("", elem_classes="subtle", elem_id="vae-film-status")
        movie = PictureStrip(elem_id="vae-film")
    for button, name in ((to_a, "a"), (to_b, "b")):
        button.click(shown(_named(ways.set_aside, name)), both, kept, **verb)
    show.click(shown(ways.way), [visit, count, mode], frames, **verb)
    frames.select(shown(ways.pick_frame), [visit], drawn, **verb)
    film.click(shown(ways.film), [visit, mode], [status, movie, film, stop], **verb)
    stop.click(ways.stop_film, [visit], None, queue=False, show_progress="hidden", api_visibility="private")
    save.click(None, None, None, js=SAVE_FILM, api_visibility="private")

    with gr.Accordion(label("vae_map"), open=False) as fold:
        land = LatentMap(elem_id="vae-map")
    fold.expand(shown(ways.map), both, land, **verb)
    land.select(shown(ways.at_map), [visit], drawn, trigger_mode="always_last", **verb)

    with gr.Accordion(label("vae_dimensions"), open=False) as fold:
        dimensions = BarChart(elem_id="vae-dimensions", max_height=420)
    fold.expand(shown(own.dimensions), [visit], dimensions, **verb)
    dimensions.select(shown(own.choose), both, [*drawn, dimensions], **verb)

    with gr.Accordion(label("vae_own"), open=False):
        gr.Markdown(label("vae_own_hint"), elem_classes="subtle")
        groups = []
        with gr.Row():
            for group in ("with", "without"):
                with gr.Column(min_width=240):
                    gr.Markdown(label(f"vae_own_{group}"))
                    shelf = PictureStrip(elem_id=f"vae-{group}")
                    groups.append(shelf)
                    with gr.Row(elem_classes="tools"):
                        add = gr.Button(label("vae_own_add"), size="sm", min_width=90)
                        files = gr.UploadButton(
                            label("vae_own_files"),
                            size="sm",
                            min_width=70,
                            file_types=["image"],
                            file_count="multiple",
                        )
                        empty = gr.Button(label("clear"), size="sm", min_width=60)
                add.click(shown(_named(own.add_shown, group)), both, shelf, **verb)
                files.upload(shown(_files(own, group)), [visit, files], shelf, **verb)
                empty.click(shown(_empty(own, group)), [visit], shelf, **verb)
        with gr.Row(equal_height=True):
            called = gr.Textbox(label=label("vae_own_called"), max_length=24, min_width=160)
            make = gr.Button(label("vae_own_make"), size="sm", min_width=110, elem_id="vae-own-make")
            forget = gr.Button(label("vae_own_forget"), size="sm", min_width=110)
        trust = gr.Markdown("", elem_id="vae-own-trust")
    make.click(shown(own.make), [*both, called], [*drawn, trust], **verb)
    forget.click(shown(own.forget), both, [*drawn, trust], **verb)

    with gr.Accordion(label("vae_sum"), open=False):
        gr.Markdown(label("vae_sum_hint"), elem_classes="subtle")
        terms, *buttons = _terms("ABC", "vae-terms")
    for button, term in zip(buttons, "ABC", strict=True):
        button.click(shown(_named(ways.set_term, term)), both, terms, **verb)
    terms.select(shown(ways.pick_term), [visit], drawn, **verb)

    with gr.Accordion(label("vae_nearest"), open=False) as fold:
        gr.Markdown(label("vae_nearest_hint"), elem_classes="subtle")
        nearest = PictureStrip(elem_id="vae-nearest")
        again = gr.Button(label("vae_nearest_again"), size="sm")
    fold.expand(shown(ways.nearest), both, nearest, **verb)
    again.click(shown(ways.nearest), both, nearest, **verb)
    return [kept, frames, movie, land, dimensions, *groups, terms, nearest]


def _terms(names: str, elem_id: str) -> tuple[Any, ...]:
    """A strip of what is kept, and a button for each name."""
    with gr.Row(elem_classes="tools"):
        buttons = [gr.Button(label(f"vae_set_{name.lower()}"), size="sm", min_width=90) for name in names]
    return (PictureStrip(elem_id=elem_id), *buttons)


def _named(handler: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The handler of the button that belongs to that name."""

    def handle(visit: SessionState, stage: Any, request: gr.Request) -> Any:
        return handler(visit, stage, name, request)

    return handle


def _files(own: CustomDirectionHandlers, group: str) -> Callable[..., Any]:
    def handle(visit: SessionState, paths: list[str] | None) -> Any:
        return own.add_files(visit, paths, group)

    return handle


def _empty(own: CustomDirectionHandlers, group: str) -> Callable[..., Any]:
    def handle(visit: SessionState) -> Any:
        return own.empty(visit, group)

    return handle
