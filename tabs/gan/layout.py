"""The GAN tab: a grid of pictures by seed, the current picture on a live stage, and panels of tools for it."""

from dataclasses import dataclass

import gradio as gr

from playground.catalog import Entry
from playground.core import Playground
from playground.gan.edit_state import DirectionEdit, EditState
from playground.gan.service import GanService
from tabs.common.download import download_button
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, queued
from tabs.common.live.stage import LiveStage
from tabs.common.model_menu import ModelMenu, model_menu
from tabs.common.session import stop_job
from tabs.common.tab import TabHandles
from tabs.common.words import label, language_of
from tabs.gan import render
from tabs.gan.animation_panel import AnimationPanel, animation_panel
from tabs.gan.api import gan_endpoints
from tabs.gan.directions_panel import DirectionsPanel, directions_panel
from tabs.gan.evaluation_panel import EvaluationPanel, evaluation_panel
from tabs.gan.handlers import LiveHandlers, PictureHandlers
from tabs.gan.mixing_panel import MixingPanel, mixing_panel
from tabs.gan.projection_panel import ProjectionPanel, projection_panel
from tabs.gan.seed_grid import SeedGrid
from tabs.gan.session import GanSession

FIRST_SEED = 1


@dataclass
class GanTab:
    """The tab's parts."""

    menu: ModelMenu
    picture: PictureHandlers
    directions: DirectionsPanel
    mixing: MixingPanel
    animation: AnimationPanel
    projection: ProjectionPanel
    evaluation: EvaluationPanel

    def start(self, model: str, session: GanSession, request: gr.Request) -> Updates:
        """Another model was chosen, or the page opens."""
        language = language_of(request)
        state = first_state(self.picture.service, model)
        updates = self.picture.start(session, state, language)
        return updates | self.menu.chosen(self.picture.service.entry(model), language)

    def opened(self, remembered: str, session: GanSession, request: gr.Request) -> Updates:
        """The page in the visitor's language, with the model they used last; no model is loaded for it."""
        model = self.menu.to_open(session, remembered)
        if model is None:
            return {}
        updates = self.start(model, session, request)
        del updates[self.menu.remembered]  # what is remembered is not written anew
        return updates | self.menu.opened(self.picture.service.entry(model), language_of(request))


def gan_tab(playground: Playground) -> TabHandles:
    """Build the tab inside the current `gr.Blocks` and wire its events.

    Args:
        playground: the models and services behind the page.

    Returns:
        The tab sends nothing and accepts nothing.
    """
    if playground.catalog.of_tab("gan"):
        build_tab(playground)
        gan_endpoints(playground.gan)
    else:
        gr.Markdown(label("gan_none"), elem_classes="subtle")
    return TabHandles()


def build_tab(playground: Playground) -> GanTab:
    """Build the components and wire their events.

    Args:
        playground: has at least one GAN in its catalogue.

    Returns:
        The tab's parts.
    """
    service, live = playground.gan, LiveHandlers(playground.gan)
    entries = playground.catalog.of_tab("gan")

    def about(entry: Entry, language: str) -> str:
        return render.model_line(entry, service.config(entry.id), playground.state(entry), language)

    session = gr.State(GanSession(), delete_callback=stop_job)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            menu = model_menu("gan", entries, playground.state, about, elem_id="gan-model")
            grid = SeedGrid(live.tiles, render.grid_value(entries[0].id, FIRST_SEED), elem_id="gan-grid")
        with gr.Column(scale=3, min_width=300):
            stage = LiveStage(live.frame, elem_id="gan-stage")
            caption = gr.Markdown("", elem_classes="subtle", elem_id="gan-caption")
            with gr.Row(elem_classes="tools"):
                undo = gr.Button(label("gan_undo"), size="sm", min_width=80, elem_id="gan-undo")
                redo = gr.Button(label("gan_redo"), size="sm", min_width=80, elem_id="gan-redo")
                reset = gr.Button(label("gan_reset"), size="sm", min_width=80, elem_id="gan-reset")
                add = gr.Button(label("gan_add_key"), size="sm", min_width=80, elem_id="gan-add")
                save_png = gr.Button(label("gan_save_png"), size="sm", min_width=80, elem_id="gan-save-png")
                save_json = gr.Button(label("gan_save_json"), size="sm", min_width=80, elem_id="gan-save-json")
                load = gr.UploadButton(
                    label("gan_load"), size="sm", min_width=80, file_types=[".json", ".png"], elem_id="gan-load"
                )
    picture = PictureHandlers(service, grid, stage, caption)
    with gr.Tabs(elem_id="gan-panels"):
        directions = directions_panel(picture)
        mixing = mixing_panel(picture)
        animation = animation_panel(picture)
        projection = projection_panel(picture)
        evaluation = evaluation_panel(picture)
    picture.panels += [directions, mixing, animation, projection, evaluation]

    here, outputs, event = [session, stage], picture.outputs, queued("gan")
    grid.select(shown(picture.choose), here, outputs, **event)
    # Every new picture ends in a release; the discriminator's percentile follows it and never delays it.
    around = [component for component in outputs if component is not stage]
    stage.release(shown(picture.released), here, around, **queued("gan", "always_last")).then(
        shown(picture.judge), [stage], caption, **queued("gan", "always_last")
    )
    undo.click(shown(picture.undo), [session], outputs, **event)
    redo.click(shown(picture.redo), [session], outputs, **event)
    reset.click(shown(picture.reset), here, outputs, **event)
    download_button(save_png, picture.save_png, [stage], event)
    download_button(save_json, picture.save_json, [stage], event)
    load.upload(shown(picture.load), [*here, load], outputs, **event)

    directions.wire(session)
    mixing.wire(session)
    animation.wire(session, add)
    projection.wire(session)
    evaluation.wire(session, menu.dropdown)

    tab = GanTab(menu, picture, directions, mixing, animation, projection, evaluation)
    model_outputs = [menu.about, menu.remembered, *outputs]
    menu.dropdown.input(shown(tab.start), [menu.dropdown, session], model_outputs, **event)
    gr.on(None, shown(tab.opened), [menu.remembered, session], [menu.dropdown, menu.about, *outputs], **UNQUEUED)
    return tab


def first_state(service: GanService, model: str) -> EditState:
    """The first picture of a model: seed 1, and its strongest principal components as sliders.

    Args:
        service: knows the model.
        model: its catalogue id.

    Returns:
        The state.
    """
    config = service.config(model)
    count = min(render.COMPONENTS, config.w_dim)
    directions = tuple(DirectionEdit("pca", index, (0, config.layers - 1)) for index in range(count))
    return EditState(model, FIRST_SEED, directions=directions)
