"""The panel for photographs: any picture through the autoencoder of a diffusion model, and what its latent holds."""

from typing import Any

import gradio as gr

from playground.autoencoders.latent_operations import MAX_BITS, MAX_GAIN, MAX_NOISE
from playground.autoencoders.options import AutoencoderOptions
from playground.autoencoders.service import DEFAULT_SIDE, MAX_FRAMES, MIN_SIDE
from playground.core import Playground
from playground.validation import MAX_SEED
from tabs.common.errors import shown
from tabs.common.model_menu import model_choice
from tabs.common.words import label, language_of
from tabs.vae import render_photo as view
from tabs.vae.handlers_photo import CHANNELS, PhotoHandlers, PhotoSessionState

CHOICE_KEY = "aigc-playground-photo-model"
AT_FIRST = 4  # channels shown before a model has told how many it has


def photo_panel(playground: Playground) -> gr.Image | None:
    """Build the panel inside the current `gr.Blocks` and wire its events; where a picture is brought in."""
    service = playground.autoencoders
    entries = service.entries()
    if not entries:
        gr.Markdown(label("photo_none"))
        return None
    handlers, first = PhotoHandlers(service), entries[0]

    visit = gr.State(PhotoSessionState(), delete_callback=handlers.stop)
    chosen = gr.BrowserState(first.id, storage_key=CHOICE_KEY, secret=CHOICE_KEY)  # a menu choice, no secret at all
    gr.Markdown(label("photo_intro"), elem_classes="subtle")
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280):
            picture = _picture("photo_picture", "photo-picture")
            with gr.Row():
                run = gr.Button(label("photo_run"), variant="primary", elem_id="photo-run")
                stop = gr.Button(label("stop"), variant="stop", interactive=False, elem_id="photo-stop")
            model = gr.Dropdown(
                [(model_choice(entry, playground.state(entry), "en"), entry.id) for entry in entries],
                value=first.id,
                label=label("model"),
                elem_id="photo-model",
            )
            about = gr.Markdown(view.model_line(first, playground.state(first), "en"), elem_classes="subtle")
            side = gr.Slider(
                MIN_SIDE,
                AutoencoderOptions.of(first).longest_side,
                value=DEFAULT_SIDE,
                step=8,
                label=label("photo_side"),
                info=label("photo_side_info"),
            )
            with gr.Accordion(label("photo_between"), open=False):
                second = _picture("photo_second", "photo-second")
                count = gr.Slider(2, MAX_FRAMES, value=12, step=1, label=label("photo_count"))
                go = gr.Button(label("photo_between"), elem_id="photo-between")
        with gr.Column(scale=2, min_width=320):
            compare = gr.ImageSlider(
                label=label("photo_compare"), type="pil", format="png", interactive=False, elem_id="photo-compare"
            )
            status = gr.Textbox(
                value="", show_label=False, container=False, interactive=False, lines=1, max_lines=4,
                elem_id="photo-status",
            )  # fmt: skip
            with gr.Accordion(label("photo_changes"), open=True):
                with gr.Row():
                    bits = gr.Slider(0, MAX_BITS, value=0, step=1, label=label("photo_bits"), elem_id="photo-bits")
                    noise = gr.Slider(
                        0, MAX_NOISE, value=0, step=0.05, label=label("photo_noise"), info=label("photo_noise_info")
                    )
                    seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, maximum=MAX_SEED, min_width=90)
                with gr.Row():
                    gains = [
                        gr.Slider(
                            -MAX_GAIN,
                            MAX_GAIN,
                            value=1,
                            step=0.05,
                            label=label(f"photo_gain_{number + 1}"),
                            visible=number < AT_FIRST,
                            min_width=160,
                        )
                        for number in range(CHANNELS)
                    ]
                with gr.Row():
                    sheet = gr.Button(label("photo_sheet"), elem_id="photo-sheet")
                    reset = gr.Button(label("photo_reset"), elem_id="photo-reset")
            gallery = gr.Gallery(
                label=label("photo_gallery"), columns=4, format="png", visible=False, elem_id="photo-gallery"
            )
            moving = gr.HTML("", label=label("photo_moving"), visible=False, elem_id="photo-moving")

    options = [model, side, noise, bits, seed, *gains]
    drawn = [status, compare, gallery, moving, stop, *gains]

    # The worker is the line; Gradio's own queue only has to let everybody in.
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    work: dict[str, Any] = {**hidden, "concurrency_id": "photo", "concurrency_limit": None}
    newest = {**work, "trigger_mode": "multiple"}  # a newer wish ends the one before it

    run.click(shown(handlers.reconstruct), [visit, picture, *options], drawn, **newest)
    sheet.click(shown(handlers.sheet), [visit, picture, *options], drawn, **newest)
    go.click(shown(handlers.between), [visit, picture, second, count, *options], drawn, **newest)
    released = [slider.release for slider in (noise, bits, *gains)]
    gr.on([*released, seed.submit], shown(handlers.retouch), [visit, picture, *options], drawn, **newest)
    stop.click(handlers.stop, [visit], None, queue=False, **hidden)

    def set_back() -> tuple[Any, ...]:
        return (0, 0, 0, *[1] * CHANNELS)

    reset.click(set_back, None, [noise, bits, seed, *gains], queue=False, **hidden).then(
        shown(handlers.retouch), [visit, picture, *options], drawn, **newest
    )

    def describe(visit: PhotoSessionState, model_id: str, wished: float, request: gr.Request) -> tuple[Any, ...]:
        """Another model: what it changes on the page."""
        entry = service.entry(model_id)
        visit.model = entry.id
        most = AutoencoderOptions.of(entry).longest_side
        line = view.model_line(entry, playground.state(entry), language_of(request))
        return line, gr.Slider(maximum=most, value=min(wished, most)), entry.id

    model.input(shown(describe), [visit, model, side], [about, side, chosen], **work)

    def opened(remembered: str, visit: PhotoSessionState, request: gr.Request) -> Any:
        """The panel in the visitor's language, with the model they used last.

        Gradio calls this when the page opens, before the browser has told what it remembers, and whenever that
        changes: also after every choice, when the page shows it already.
        """
        language = language_of(request)
        known = [entry.id for entry in entries]
        model_id = remembered if remembered in known else first.id
        if visit.model and (visit.model == model_id or remembered not in known):
            return gr.skip()
        choices = [(model_choice(entry, playground.state(entry), language), entry.id) for entry in entries]
        line, slider, _ = describe(visit, model_id, DEFAULT_SIDE, request)
        return gr.Dropdown(choices=choices, value=model_id), line, slider

    gr.on(None, opened, [chosen, visit], [model, about, side], queue=False, **hidden)
    return picture


def _picture(word: str, elem_id: str) -> gr.Image:
    """A file as it was uploaded: `playground.imaging.uploads` reads it, not Gradio."""
    return gr.Image(
        label=label(word),
        sources=["upload", "clipboard", "webcam"],
        type="filepath",
        image_mode=None,
        elem_id=elem_id,
        height="max(14rem, 30vh)",
    )
