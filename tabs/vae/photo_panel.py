"""The photographs panel: a picture through the autoencoder of a diffusion model, and what its latent holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from PIL import Image

from playground.autoencoders.latent_operations import MAX_BITS, MAX_GAIN, MAX_NOISE, validate_changes
from playground.autoencoders.options import AutoencoderOptions
from playground.autoencoders.service import DEFAULT_SIDE, MAX_FRAMES, MIN_SIDE, AutoencoderService
from playground.autoencoders.types import (
    Event,
    Interpolation,
    LatentChanges,
    Progress,
    QuantizationSheet,
    Reconstruction,
)
from playground.catalog import Entry
from playground.core import Playground
from playground.errors import UserError
from playground.imaging import uploads
from playground.runtime.worker import Job
from playground.validation import MAX_SEED
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, Values, queued
from tabs.common.jobs import JobEnd, stream_job
from tabs.common.model_menu import ModelMenu, model_line, model_menu
from tabs.common.session import stop_job, visitor_of
from tabs.common.words import label, language_of, say
from tabs.vae import render_photo
from tabs.vae.session import PhotoSession

CHANNELS = 16  # gain sliders on the page: as many as any model of the catalogue has channels
CHANNELS_AT_FIRST = 4  # shown before a model has told how many it has


@dataclass
class PhotoPanel:
    """Components and handlers of the panel; made by `photo_panel`."""

    service: AutoencoderService
    session: gr.State
    menu: ModelMenu
    picture: gr.Image
    second: gr.Image
    count: gr.Slider
    side: gr.Slider
    bits: gr.Slider
    noise: gr.Slider
    seed: gr.Number
    gains: list[gr.Slider]
    run: gr.Button
    stop: gr.Button
    sheet: gr.Button
    interpolate: gr.Button
    reset: gr.Button
    compare: gr.ImageSlider
    status: gr.Textbox
    gallery: gr.Gallery
    animation: gr.HTML

    @property
    def inputs(self) -> set[Block]:
        """What the handlers of jobs read."""
        settings = (self.side, self.bits, self.noise, self.seed, *self.gains)
        return {self.session, self.menu.dropdown, self.picture, self.second, self.count, *settings}

    @property
    def outputs(self) -> list[Block]:
        """What the handlers of jobs change."""
        return [self.status, self.compare, self.gallery, self.animation, self.stop, *self.gains]

    def reconstruct(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """The photograph through the model, with the latent changed as the sliders say."""
        session, image = values[self.session], self._image(values, self.picture, "photo_no_picture", request)
        job = self.service.reconstruct(
            visitor_of(request), values[self.menu.dropdown], image, self._changes(values), values[self.side],
            session.encoded,
        )  # fmt: skip
        yield from self._stream(session, job, request)

    def update(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """A slider was released: once there is a result, show what it does to it."""
        if values[self.picture] and values[self.session].encoded is not None:
            yield from self.reconstruct(values, request)

    def make_sheet(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """The photograph with 1 to 8 bits per number."""
        session, image = values[self.session], self._image(values, self.picture, "photo_no_picture", request)
        job = self.service.quantization_sheet(
            visitor_of(request), values[self.menu.dropdown], image, self._changes(values), values[self.side],
            session.encoded,
        )  # fmt: skip
        yield from self._stream(session, job, request)

    def make_interpolation(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """From the photograph to the second one."""
        first = self._image(values, self.picture, "photo_no_picture", request)
        last = self._image(values, self.second, "photo_no_second", request)
        count = values[self.count]
        count = int(count) if isinstance(count, float) and count.is_integer() else count  # sliders send 12 or 12.0
        job = self.service.interpolate(
            visitor_of(request), values[self.menu.dropdown], first, last, count, values[self.side]
        )
        yield from self._stream(values[self.session], job, request)

    def choose_model(self, session: PhotoSession, model: str, side: float, request: gr.Request) -> Updates:
        """Another model was chosen."""
        entry = self.service.entry(model)
        session.model = entry.id
        return self.menu.chosen(entry, language_of(request)) | self._side(entry, side)

    def opened(self, session: PhotoSession, remembered: str, request: gr.Request) -> Updates:
        """The panel in the visitor's language, with the model they used last."""
        model = self.menu.to_open(session, remembered)
        if model is None:
            return {}
        entry = self.service.entry(model)
        session.model = entry.id
        return self.menu.opened(entry, language_of(request)) | self._side(entry, DEFAULT_SIDE)

    def reset_changes(self) -> Updates:
        """All changes of the latent undone."""
        updates: Updates = {self.noise: 0, self.bits: 0, self.seed: 0}
        return {**updates, **dict.fromkeys(self.gains, 1)}

    def _side(self, entry: Entry, side: float) -> Updates:
        longest = AutoencoderOptions.of(entry).longest_side
        return {self.side: gr.Slider(maximum=longest, value=min(side, longest))}

    def _image(self, values: Values, component: gr.Image, missing: str, request: gr.Request) -> Image.Image:
        if not values[component]:
            raise UserError(say(language_of(request), missing))
        return uploads.read(values[component])

    def _changes(self, values: Values) -> LatentChanges:
        gain = [values[slider] for slider in self.gains]
        changes = validate_changes(gain, values[self.bits], values[self.noise], values[self.seed])
        # Gains left alone are dropped, so that a model with fewer channels than sliders takes what is left.
        used = max((number for number, value in enumerate(changes.gain, start=1) if value != 1), default=0)
        return LatentChanges(changes.gain[:used], changes.bits, changes.noise, changes.seed)

    def _stream(self, session: PhotoSession, job: Job[Event], request: gr.Request) -> Iterator[Updates]:
        """Show what a job yields; a newer one of the same session replaces it."""
        language = language_of(request)
        status = ""

        def result(event: Event) -> Updates:
            nonlocal status
            if isinstance(event, Progress):
                return {self.status: render_photo.progress_text(event, language)}
            if isinstance(event, Reconstruction):
                session.encoded = event.encoded
                status = render_photo.status_text(event, language)
                return {self.compare: (event.encoded.before, event.after)} | self._gains(event.encoded.latent)
            if isinstance(event, QuantizationSheet):
                session.encoded = event.encoded
                status = render_photo.size_text(event.encoded, language)
                return {
                    self.compare: (event.encoded.before, event.rows[-1][1]),
                    self.gallery: gr.Gallery(value=render_photo.sheet_pictures(event, language), visible=True),
                    self.animation: gr.HTML(value="", visible=False),
                } | self._gains(event.encoded.latent)
            assert isinstance(event, Interpolation)
            status = say(language, "photo_frames", count=len(event.frames))
            return {
                self.gallery: gr.Gallery(value=render_photo.interpolation_pictures(event, language), visible=True),
                self.animation: gr.HTML(value=render_photo.animation_html(event), visible=True),
            }

        def end(how: JobEnd) -> Updates:
            text = how.status(status, say(language, "photo_stopped"))
            return {self.status: text, self.stop: gr.Button(interactive=False)}

        yield from stream_job(
            session,
            job,
            language,
            start={self.stop: gr.Button(interactive=True)},
            phase=lambda text: {self.status: text},
            result=result,
            end=end,
        )

    def _gains(self, latent: Any) -> Updates:
        """As many gain sliders as the latent has channels."""
        return {slider: gr.Slider(visible=number < len(latent)) for number, slider in enumerate(self.gains)}


def photo_panel(playground: Playground) -> PhotoPanel | None:
    """Build the panel inside the current `gr.Blocks` and wire its events.

    Args:
        playground: the models and services behind the page.

    Returns:
        The panel; None where no autoencoder is in the catalogue.
    """
    service = playground.autoencoders
    entries = service.entries()
    if not entries:
        gr.Markdown(label("photo_none"))
        return None

    def about(entry: Entry, language: str) -> str:
        return model_line(entry, playground.state(entry), language, "photo_model_line")

    session = gr.State(PhotoSession(), delete_callback=stop_job)
    gr.Markdown(label("photo_intro"), elem_classes="subtle")
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280):
            picture = _picture("photo_picture", "photo-picture")
            with gr.Row():
                run = gr.Button(label("photo_run"), variant="primary", elem_id="photo-run")
                stop = gr.Button(label("stop"), variant="stop", interactive=False, elem_id="photo-stop")
            menu = model_menu("photo", entries, playground.state, about, elem_id="photo-model")
            side = gr.Slider(
                MIN_SIDE,
                AutoencoderOptions.of(entries[0]).longest_side,
                value=DEFAULT_SIDE,
                step=8,
                label=label("photo_side"),
                info=label("photo_side_info"),
            )
            with gr.Accordion(label("photo_between"), open=False):
                second = _picture("photo_second", "photo-second")
                count = gr.Slider(2, MAX_FRAMES, value=12, step=1, label=label("photo_count"))
                interpolate = gr.Button(label("photo_between"), elem_id="photo-between")
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
                            visible=number < CHANNELS_AT_FIRST,
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
            animation = gr.HTML("", label=label("photo_moving"), visible=False, elem_id="photo-moving")
    panel = PhotoPanel(
        service, session, menu, picture, second, count, side, bits, noise, seed, gains, run, stop, sheet, interpolate,
        reset, compare, status, gallery, animation,
    )  # fmt: skip

    newest = queued("photo", "multiple")  # a newer job replaces the one before it
    inputs, outputs = panel.inputs, panel.outputs
    run.click(shown(panel.reconstruct), inputs, outputs, **newest)
    sheet.click(shown(panel.make_sheet), inputs, outputs, **newest)
    interpolate.click(shown(panel.make_interpolation), inputs, outputs, **newest)
    released = [slider.release for slider in (noise, bits, *gains)]
    gr.on([*released, seed.submit], shown(panel.update), inputs, outputs, **newest)
    reset.click(panel.reset_changes, None, [noise, bits, seed, *gains], **UNQUEUED).then(
        shown(panel.update), inputs, outputs, **newest
    )
    stop.click(stop_job, [session], None, **UNQUEUED)
    chosen = [menu.about, menu.remembered, side]
    menu.dropdown.input(shown(panel.choose_model), [session, menu.dropdown, side], chosen, **queued("photo"))
    shown_at_first = [menu.dropdown, menu.about, side]
    gr.on(None, shown(panel.opened), [session, menu.remembered], shown_at_first, **UNQUEUED)
    return panel


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
