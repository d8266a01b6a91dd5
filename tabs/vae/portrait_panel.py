"""The faces panel: a face on a live stage with named sliders, sampling, encoding, files, and panels of further tools.

Invariants: the face on show lives in the page's stage, which is drawn past the queue; everything slower (what else
changed, how typical it is) follows when a movement has ended.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.catalog import Entry
from playground.core import Playground
from playground.errors import UserError
from playground.vae.auxiliary_models import FAMILY
from playground.validation import MAX_SEED
from tabs.common.components import BarChart, PictureStrip, selected_index, strip
from tabs.common.download import download_button
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, queued
from tabs.common.live.stage import LiveStage
from tabs.common.model_menu import model_line
from tabs.common.session import stop_job
from tabs.common.words import label, language_of, say
from tabs.vae import render
from tabs.vae.arithmetic_panel import ArithmeticPanel, arithmetic_panel
from tabs.vae.directions_panel import DirectionsPanel, directions_panel
from tabs.vae.files import FileHandlers, text_to_latent
from tabs.vae.handlers import FaceHandlers, LiveHandlers
from tabs.vae.interpolation_panel import InterpolationPanel, interpolation_panel
from tabs.vae.map_panel import MapPanel, map_panel
from tabs.vae.session import VaeSession


@dataclass
class PortraitPanel:
    """The panel's parts."""

    playground: Playground
    entries: list[Entry]
    examples: list[Path]
    face: FaceHandlers
    about: gr.Markdown
    seed: gr.Number
    image: gr.Image
    pair: PictureStrip
    quality: gr.Markdown
    interpolation: InterpolationPanel
    map: MapPanel
    directions: DirectionsPanel
    arithmetic: ArithmeticPanel

    def clear(self) -> Updates:
        """What another model empties."""
        updates: Updates = {self.pair: strip(), self.quality: ""}
        for panel in (self.interpolation, self.map, self.directions, self.arithmetic):
            updates |= panel.clear()
        return updates

    def choose_model(self, session: VaeSession, model: str, request: gr.Request) -> Updates:
        """Another model was chosen."""
        language = language_of(request)
        about = {self.about: self._line(model, language)}
        return self.face.start(session, model, language) | about | self.clear()

    def opened(self, session: VaeSession, request: gr.Request) -> Updates:
        """The page in the visitor's language; a face that came with the address waits on the stage."""
        language = language_of(request)
        if not self.entries:
            return {self.about: say(language, "vae_no_model")}
        model = self.entries[0].id
        try:
            updates = self.face.start(session, model, language)
        except UserError as error:  # its files are not on this disk, and there is no network
            return {self.about: str(error)}
        if text := request.query_params.get("face"):
            updates[self.face.stage] = _with_linked_face(session, text, updates[self.face.stage])
        return updates | {self.about: self._line(model, language)}

    def sample(
        self,
        session: VaeSession,
        stage: Any,
        seed: float,
        random: bool,
        temperature: float,
        prior: str,
        request: gr.Request,
    ) -> Updates:
        """A face from the prior, and the seed that was used."""
        updates, used = self.face.sample(session, stage, seed, random, temperature, prior, request)
        return updates | {self.seed: used}

    def encode(self, session: VaeSession, stage: Any, path: str | None, request: gr.Request) -> Updates:
        """An uploaded picture on the stage, beside its reconstruction."""
        if not path:
            return {}
        updates, pair, quality = self.face.encode(session, stage, path, request)
        return updates | {self.pair: pair, self.quality: quality}

    def encode_example(self, session: VaeSession, stage: Any, data: gr.EventData, request: gr.Request) -> Updates:
        """An example was clicked."""
        index = selected_index(data, len(self.examples))
        return self.encode(session, stage, None if index is None else str(self.examples[index]), request)

    def undo(self, session: VaeSession, stage: Any, request: gr.Request) -> Updates:
        """The face before."""
        return self.face.step(session, stage, -1, request)

    def redo(self, session: VaeSession, stage: Any, request: gr.Request) -> Updates:
        """The face that was undone."""
        return self.face.step(session, stage, 1, request)

    def _line(self, model: str, language: str) -> str:
        entry = self.playground.catalog.get(model)
        return model_line(entry, self.playground.state(entry), language, "vae_model_line")


def portrait_panel(playground: Playground) -> PortraitPanel:
    """Build the panel inside the current `gr.Blocks` and wire its events.

    Args:
        playground: the models and services behind the page.

    Returns:
        The panel's parts.
    """
    service = playground.vae
    entries = [entry for entry in playground.catalog.of_tab("vae") if entry.family == FAMILY]
    examples = sorted((playground.settings.assets / "examples" / "avatars").glob("*.png"))

    session = gr.State(VaeSession(), delete_callback=stop_job)
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
            stage = LiveStage(LiveHandlers(service).frame, elem_id="vae-stage")
            link = gr.Textbox(
                label=label("vae_link"), placeholder=label("vae_link_hint"), lines=1, max_lines=1,
                buttons=["copy"], elem_id="vae-link",
            )  # fmt: skip
            typicality = BarChart(elem_id="vae-typical")
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
                    seed = gr.Number(0, label=label("seed"), precision=0, minimum=0, maximum=MAX_SEED, min_width=90)
                    random = gr.Checkbox(True, label=label("random_seed"), min_width=90)
                temperature = gr.Slider(0, 2, 0.8, step=0.05, label=label("temperature"), info=label("vae_hot"))
                prior = gr.Radio(
                    [(label("vae_prior_flow"), "flow"), (label("vae_prior_normal"), "normal")],
                    value="flow", label=label("vae_prior"),
                )  # fmt: skip
            with gr.Group():  # below each other: beside the button the slider's number would be cut off
                strength = gr.Slider(0, 1, 0.5, step=0.05, label=label("vae_strength"), elem_id="vae-strength")
                pull = gr.Button(label("vae_pull"), size="sm", elem_id="vae-pull")
            image = gr.Image(
                label=label("vae_picture"), type="filepath", image_mode=None, format="png", height=220,
                sources=["upload", "clipboard", "webcam"], elem_id="vae-picture", buttons=[],
            )  # fmt: skip
            gallery = PictureStrip(render.example_strip(examples, "en"), elem_id="vae-examples")
            pair = PictureStrip(elem_id="vae-pair")
            quality = gr.Markdown("", elem_id="vae-quality")
    face = FaceHandlers(service, stage, typicality, leak, undo, redo)
    panel = PortraitPanel(
        playground, entries, examples, face, about, seed, image, pair, quality,
        interpolation_panel(face), map_panel(face), directions_panel(face), arithmetic_panel(face),
    )  # fmt: skip
    files = FileHandlers(face)

    # The live picture goes past the queue; what else happens is short, and its order is the visitor's.
    here, outputs, event = [session, stage], face.outputs, queued("vae")
    stage.release(shown(face.released), [session], outputs, **queued("vae", "always_last"))
    undo.click(shown(panel.undo), here, outputs, **event)
    redo.click(shown(panel.redo), here, outputs, **event)
    sample.click(shown(panel.sample), [*here, seed, random, temperature, prior], [*outputs, seed], **event)
    pull.click(shown(face.pull_back), [*here, strength], outputs, **event)
    image.change(shown(panel.encode), [*here, image], [*outputs, pair, quality], **event)
    gallery.select(shown(panel.encode_example), here, [*outputs, pair, quality], **event)
    download_button(save_json, files.save_json, here, event)
    download_button(save_png, files.save_png, here, event)
    load.upload(shown(files.load), [session, load], outputs, **event)
    share.click(shown(files.share), here, link, **event)
    link.submit(shown(files.open_link), [session, link], outputs, **event)
    panel.interpolation.wire(session)
    panel.map.wire(session)
    panel.directions.wire(session)
    panel.arithmetic.wire(session)
    model.input(shown(panel.choose_model), [session, model], [*outputs, about, *panel.clear()], **event)
    gr.on(None, panel.opened, [session], [*outputs, about], **UNQUEUED)
    return panel


def _with_linked_face(session: VaeSession, text: str, stage: dict[str, Any]) -> dict[str, Any]:
    """The stage with the face of a link, if it is one of this model."""
    try:
        model, latent = text_to_latent(text)
    except UserError:  # a link that was cut short opens the page as any other
        return stage
    return {**stage, "latent": latent.tolist()} if model == session.model else stage
