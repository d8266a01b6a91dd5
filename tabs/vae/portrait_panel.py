"""Faces with named sliders: what the panel looks like and which event calls which handler.

Invariants: the face on show lives in the page's stage, which is drawn past the queue; everything slower (what
else changed, how usual it is) follows when a movement has ended.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.core import Playground
from playground.errors import UserError
from tabs.common.components import BarChart, PictureStrip, selected_index
from tabs.common.errors import shown
from tabs.common.live.stage import LiveStage
from tabs.common.words import label, language_of, say
from tabs.vae import panels, render
from tabs.vae.files import SAVE_AS_FILE, FileHandlers, from_text
from tabs.vae.handlers import VaeHandlers
from tabs.vae.handlers_live import LiveHandlers
from tabs.vae.session import SessionState

FAMILY = "avatar-vae"


def faces_panel(playground: Playground) -> gr.Image:
    """Build the panel inside the current `gr.Blocks` and wire its events; where a picture is brought in."""
    service = playground.vae
    handlers = VaeHandlers(service)
    keeper = FileHandlers(handlers)
    entries = [entry for entry in playground.catalog.of_tab("vae") if entry.family == FAMILY]
    examples = sorted((playground.settings.assets / "examples" / "avatars").glob("*.png"))

    visit = gr.State(SessionState(), delete_callback=_left)
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            with gr.Row(elem_classes="tools"):
                sample = gr.Button(
                    label("vae_sample"), variant="primary", size="sm", min_width=150, elem_id="vae-sample"
                )
                undo = gr.Button(label("vae_undo"), size="sm", min_width=70, interactive=False, elem_id="vae-undo")
                redo = gr.Button(label("vae_redo"), size="sm", min_width=70, interactive=False, elem_id="vae-redo")
                save_json = gr.Button(label("vae_save_json"), size="sm", min_width=90)
                save_png = gr.Button(label("vae_save_png"), size="sm", min_width=90)
                load = gr.UploadButton(
                    label("vae_load"), size="sm", min_width=70, file_types=[".json", ".png"], elem_id="vae-load"
                )
                share = gr.Button(label("vae_share"), size="sm", min_width=70)
            stage = LiveStage(LiveHandlers(service).draw, elem_id="vae-stage")
            link = gr.Textbox(
                label=label("vae_link"), placeholder=label("vae_link_hint"), lines=1, max_lines=1,
                buttons=["copy"], elem_id="vae-link",
            )  # fmt: skip
            typical = BarChart(elem_id="vae-typical")
            leak = BarChart(elem_id="vae-leak")
        with gr.Column(scale=1, min_width=270):
            model = gr.Dropdown(
                [(entry.label, entry.id) for entry in entries],
                value=entries[0].id if entries else None,
                label=label("model"),
                elem_id="vae-model",
                filterable=False,
            )
            about = gr.Markdown("", elem_classes="subtle")
            with gr.Group():
                with gr.Row():
                    seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, maximum=2**32 - 1, min_width=90)
                    random = gr.Checkbox(True, label=label("random_seed"), min_width=90)
                temperature = gr.Slider(0, 2, 0.8, step=0.05, label=label("temperature"), info=label("vae_hot"))
                prior = gr.Radio(
                    [(label("vae_prior_flow"), "flow"), (label("vae_prior_normal"), "normal")],
                    value="flow", label=label("vae_prior"),
                )  # fmt: skip
            with gr.Row(equal_height=False):
                strength = gr.Slider(0, 1, 0.5, step=0.05, label=label("vae_strength"), min_width=120)
                pull = gr.Button(label("vae_pull"), size="sm", min_width=110, elem_id="vae-pull")
            picture = gr.Image(
                label=label("vae_picture"), type="filepath", image_mode=None, format="png", height=220,
                sources=["upload", "clipboard", "webcam"], elem_id="vae-picture", buttons=[],
            )  # fmt: skip
            shelf = PictureStrip(render.example_strip(examples, "en"), elem_id="vae-examples")
            pair = PictureStrip(elem_id="vae-pair")
            quality = gr.Markdown("", elem_id="vae-quality")
    saved = gr.JSON(visible=False)

    drawn = [stage, typical, leak, undo, redo]
    # The live picture goes past the queue; what else happens is short, and its order is the visitor's.
    verb: dict[str, Any] = {
        "show_progress": "hidden", "api_visibility": "private", "concurrency_id": "vae", "concurrency_limit": None,
    }  # fmt: skip

    def stepped(by: int) -> Callable[..., Any]:
        def handler(visit: SessionState, stage: Any, request: gr.Request) -> tuple[Any, ...]:
            return handlers.step(visit, stage, by, request)

        return handler

    def example(visit: SessionState, stage: Any, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        place = selected_index(data, len(examples))
        return handlers.encode(visit, stage, None if place is None else str(examples[place]), request)

    stage.release(shown(handlers.released), [visit], drawn, trigger_mode="always_last", **verb)
    undo.click(shown(stepped(-1)), [visit, stage], drawn, **verb)
    redo.click(shown(stepped(1)), [visit, stage], drawn, **verb)
    sample.click(shown(handlers.sample), [visit, stage, seed, random, temperature, prior], [*drawn, seed], **verb)
    pull.click(shown(handlers.pull_back), [visit, stage, strength], drawn, **verb)
    picture.change(shown(handlers.encode), [visit, stage, picture], [*drawn, pair, quality], **verb)
    shelf.select(shown(example), [visit, stage], [*drawn, pair, quality], **verb)
    for button, keep in ((save_json, keeper.save_json), (save_png, keeper.save_png)):
        button.click(shown(keep), [visit, stage], saved, **verb).then(
            None, saved, None, js=SAVE_AS_FILE, api_visibility="private"
        )
    load.upload(shown(keeper.load), [visit, load], drawn, **verb)
    share.click(shown(keeper.share), [visit, stage], link, **verb)
    link.submit(shown(keeper.shared), [visit, link], drawn, **verb)

    clear = panels.lower_panels(handlers, visit, stage, drawn, verb)

    def described(model_id: str, language: str) -> str:
        entry = playground.catalog.get(model_id)
        return render.model_line(entry, playground.state(entry), language)

    def choose(visit: SessionState, model_id: str, request: gr.Request) -> tuple[Any, ...]:
        language = language_of(request)
        drawing = handlers.start(visit, model_id, language)
        return (*drawing.updates(), described(model_id, language), {}, "", *[{}] * len(clear))

    def opened(visit: SessionState, request: gr.Request) -> tuple[Any, ...]:
        """The page in the visitor's language; a face that came with the address waits on the stage."""
        language = language_of(request)
        if not entries:
            return (*[gr.skip()] * len(drawn), say(language, "vae_no_model"))
        try:
            drawing = handlers.start(visit, entries[0].id, language)
        except UserError as error:  # its files are not on this disk, and there is no network
            return (*[gr.skip()] * len(drawn), str(error))
        if text := request.query_params.get("face"):
            drawing.stage = _sent(visit, text, drawing.stage)
        return (*drawing.updates(), described(visit.model, language))

    model.input(shown(choose), [visit, model], [*drawn, about, pair, quality, *clear], **verb)
    gr.on(None, opened, [visit], [*drawn, about], queue=False, show_progress="hidden", api_visibility="private")
    return picture


def _sent(visit: SessionState, text: str, stage: dict[str, Any] | None) -> dict[str, Any] | None:
    """The stage with the face of a link, if it is one of this model."""
    try:
        model, latent = from_text(text)
    except UserError:  # a link that was cut short opens the page as any other
        return stage
    return stage if stage is None or model != visit.model else {**stage, "latent": latent.tolist()}


def _left(visit: SessionState) -> None:
    if visit.film is not None:
        visit.film.cancel()
