"""The VAE tab: faces with named sliders, and autoencoders of photographs beside them.

Invariants: each half is a panel of its own; this module only joins them.
"""

import gradio as gr

from playground.core import Playground
from tabs.common.events import Updates
from tabs.common.tab import Accepts, Picture, TabHandles
from tabs.common.words import label
from tabs.vae.api import vae_endpoints
from tabs.vae.photo_panel import photo_panel
from tabs.vae.portrait_panel import portrait_panel


def vae_tab(playground: Playground) -> TabHandles:
    """Build the tab inside the current `gr.Blocks` and wire its events.

    Args:
        playground: the models and services behind the page.

    Returns:
        The tab accepts pictures.
    """
    with gr.Tabs() as panels:
        with gr.Tab(label("vae_avatars"), id="faces"):
            faces = portrait_panel(playground).image
        with gr.Tab(label("vae_photos"), id="photos"):
            photo = photo_panel(playground)
    vae_endpoints(playground)
    photos = None if photo is None else photo.picture

    def receive(sent: Picture, request: gr.Request) -> Updates:
        """A picture of another tab: an avatar goes to the faces, any other picture to the photographs."""
        if sent.avatar or photos is None:
            return {faces: sent.image, panels: gr.Tabs(selected="faces")}
        return {photos: sent.image, panels: gr.Tabs(selected="photos")}

    places = [faces, panels] if photos is None else [faces, photos, panels]
    return TabHandles(accepts=[Accepts(Picture, "vae", "vae_send", receive, places)])
