"""The depth tab's components and events."""

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr
import numpy as np
from PIL import Image

from playground.errors import UserError
from playground.imaging import uploads
from tabs.common.events import Updates, Values, run_buttons
from tabs.common.jobs import JobEnd, stream_job
from tabs.common.model_menu import ModelMenu
from tabs.common.session import visitor_of
from tabs.common.tab import Picture
from tabs.common.words import language_of, say
from tests.examples.depth_tab.service import DepthService


@dataclass(frozen=True)
class DepthComponents:
    """What the events read and draw."""

    session: gr.State  # a SessionState
    menu: ModelMenu
    picture: gr.Image
    run: gr.Button
    stop: gr.Button
    status: gr.Markdown
    depth: gr.Image


@dataclass
class DepthHandlers:
    """The events over a `DepthService`."""

    service: DepthService
    ui: DepthComponents

    def estimate(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """Estimate the depth of the picture with the chosen model."""
        ui, language = self.ui, language_of(request)
        if not values[ui.picture]:
            raise UserError(say(language, "depth_no_picture"))
        image = uploads.read(values[ui.picture])
        job = self.service.estimate(visitor_of(request), values[ui.menu.dropdown], image)

        def end(how: JobEnd) -> Updates:
            status = how.status(say(language, "depth_done"), say(language, "depth_stopped"))
            return {ui.status: status} | run_buttons(ui.run, ui.stop, running=False)

        yield from stream_job(
            values[ui.session],
            job,
            language,
            start=run_buttons(ui.run, ui.stop, running=True),
            phase=lambda words: {ui.status: words},
            result=lambda depth: {ui.depth: grey(depth)},
            end=end,
        )

    def open_page(self, values: Values, request: gr.Request) -> Updates:
        """The page in the visitor's language, with the model they used last."""
        menu, session = self.ui.menu, values[self.ui.session]
        model = menu.to_open(session, values[menu.remembered])
        if model is None:
            return {}
        session.model = model
        return menu.opened(next(entry for entry in menu.entries if entry.id == model), language_of(request))

    def receive(self, sent: Picture, request: gr.Request) -> Updates:
        """A picture of another tab."""
        return {self.ui.picture: sent.image}


def grey(depth: np.ndarray) -> Image.Image:
    """Depth in 0..1 as a picture: bright is near."""
    return Image.fromarray((255 * depth).round().astype(np.uint8))
