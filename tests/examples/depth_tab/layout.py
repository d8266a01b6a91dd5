"""The depth tab: a picture in, how near each of its places is."""

import gradio as gr

from playground.core import Playground
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, queued
from tabs.common.model_menu import model_line, model_menu
from tabs.common.session import SessionState, stop_job
from tabs.common.tab import Accepts, Picture, TabHandles
from tabs.common.words import label
from tests.examples.depth_tab.api import depth_endpoint
from tests.examples.depth_tab.handlers import DepthComponents, DepthHandlers
from tests.examples.depth_tab.service import DepthService


def depth_tab(playground: Playground) -> TabHandles:
    """Build the tab inside the current `gr.Blocks` and wire its events."""
    service = DepthService(playground)
    if not service.entries():
        gr.Markdown(label("depth_none"))
        return TabHandles()
    ui = depth_components(playground, service)
    handlers, menu = DepthHandlers(service, ui), ui.menu
    outputs = [ui.run, ui.stop, ui.status, ui.depth]
    ui.run.click(shown(handlers.estimate), {ui.session, ui.picture, menu.dropdown}, outputs, **queued("depth", "once"))
    ui.stop.click(stop_job, [ui.session], None, **UNQUEUED)
    gr.on(
        None, shown(handlers.open_page), {ui.session, menu.remembered}, [menu.dropdown, menu.about], **UNQUEUED
    )  # fmt: skip
    depth_endpoint(service)
    return TabHandles(accepts=[Accepts(Picture, "depth", "depth_send", handlers.receive, [ui.picture])])


def depth_components(playground: Playground, service: DepthService) -> DepthComponents:
    """Make the tab's components inside the current `gr.Blocks`."""
    session = gr.State(SessionState(), delete_callback=stop_job)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            picture = gr.Image(label=label("depth_picture"), type="filepath", image_mode=None, elem_id="depth-picture")
            with gr.Row():
                run = gr.Button(label("depth_run"), variant="primary", elem_id="depth-run")
                stop = gr.Button(label("stop"), variant="stop", visible=False, elem_id="depth-stop")
            menu = model_menu(
                "depth",
                service.entries(),
                playground.state,
                lambda entry, language: model_line(entry, playground.state(entry), language),
                elem_id="depth-model",
            )
        with gr.Column(min_width=300):
            depth = gr.Image(label=label("depth_map"), format="png", interactive=False, elem_id="depth-map")
            status = gr.Markdown("", elem_classes="subtle", elem_id="depth-status")
    return DepthComponents(session, menu, picture, run, stop, status, depth)
