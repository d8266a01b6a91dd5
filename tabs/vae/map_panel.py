"""The latent map panel: training portraits on a 2-D map to click on, and those nearest to the face on show."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.imaging.encoding import data_uri, jpeg
from tabs.common.components import PictureStrip, strip
from tabs.common.errors import shown
from tabs.common.events import Updates, event_data, queued
from tabs.common.html_component import HtmlComponent
from tabs.common.words import label, language_of, say
from tabs.vae.handlers import FaceHandlers
from tabs.vae.session import VaeSession

NEIGHBOURS = 8
THUMBNAIL_SIDE = 96  # CSS pixels


class LatentMap(HtmlComponent):
    """A picture to click on, with a mark.

    Value: {picture (data URI), x, y (0..1, of the mark), words}. Event `select` with {x, y}, by mouse, touch or the
    arrow keys.
    """

    root, styles, scripts = "map", ("map_panel.css",), ("map_panel.js",)


@dataclass
class MapPanel:
    """Components and handlers of the panel; made by `map_panel`."""

    face: FaceHandlers
    map_fold: gr.Accordion
    map: LatentMap
    nearest_fold: gr.Accordion
    nearest: PictureStrip
    again: gr.Button

    def clear(self) -> Updates:
        """Another model: nothing of the last one stays."""
        return {self.map: {}, self.nearest: strip()}

    def draw_map(self, session: VaeSession, stage: Any, request: gr.Request) -> Updates:
        """Thumbnails of portraits where they lie, and a mark where the face on show does."""
        atlas = self.face.service.atlas(session.model)
        side = int(len(atlas.shown) ** 0.5)
        tiles = atlas.thumbnails[: side * side].reshape(side, side, *atlas.thumbnails.shape[1:])
        mosaic = tiles.transpose(0, 2, 1, 3, 4).reshape(side * tiles.shape[2], -1, 3)
        x, y = atlas.points[atlas.nearest(self.face.current(session, stage), 1)[0]].tolist()
        words = {"map": say(language_of(request), "vae_map_hint")}
        return {self.map: {"picture": data_uri(jpeg(mosaic, mosaic.shape[0])), "x": x, "y": y, "words": words}}

    def choose(self, session: VaeSession, data: gr.EventData, request: gr.Request) -> Updates:
        """A point of the map was clicked: its face on the stage."""
        latent = self.face.service.latent_at(session.model, event_data(data, "x"), event_data(data, "y"))
        return self.face.show(session, latent, language_of(request))

    def find_nearest(self, session: VaeSession, stage: Any) -> Updates:
        """The training portraits nearest to the face on show: what the model could have memorised."""
        found = self.face.service.nearest(session.model, self.face.current(session, stage), NEIGHBOURS)
        return {self.nearest: strip([(portrait, "") for portrait in found], THUMBNAIL_SIDE)}

    def wire(self, session: gr.State) -> None:
        """Connect the events.

        Args:
            session: holds the visitor's `VaeSession`.
        """
        here = [session, self.face.stage]
        self.map_fold.expand(shown(self.draw_map), here, self.map, **queued("vae"))
        self.map.select(shown(self.choose), [session], self.face.outputs, **queued("vae", "always_last"))
        self.nearest_fold.expand(shown(self.find_nearest), here, self.nearest, **queued("vae"))
        self.again.click(shown(self.find_nearest), here, self.nearest, **queued("vae"))


def map_panel(face: FaceHandlers) -> MapPanel:
    """Make the panel inside the current `gr.Blocks`.

    Args:
        face: shows the face on the stage.

    Returns:
        The panel; `wire` connects it.
    """
    with gr.Accordion(label("vae_map"), open=False) as map_fold:
        latent_map = LatentMap(elem_id="vae-map")
    with gr.Accordion(label("vae_nearest"), open=False) as nearest_fold:
        gr.Markdown(label("vae_nearest_hint"), elem_classes="subtle")
        nearest = PictureStrip(elem_id="vae-nearest")
        again = gr.Button(label("vae_nearest_again"), size="sm")
    return MapPanel(face, map_fold, latent_map, nearest_fold, nearest, again)
