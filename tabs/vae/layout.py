"""The VAE tab: faces with named sliders, and autoencoders of photographs beside them.

Invariants: each half is a panel of its own; here they only meet.
"""

import gradio as gr

from playground.core import Playground
from tabs.common.words import label
from tabs.vae.api import vae_endpoints
from tabs.vae.photo_panel import photo_panel
from tabs.vae.portrait_panel import faces_panel


def vae_tab(playground: Playground) -> None:
    """Build the tab inside the current `gr.Blocks` and wire its events."""
    with gr.Tabs():
        with gr.Tab(label("vae_avatars"), id="faces"):
            faces_panel(playground)
        with gr.Tab(label("vae_photos"), id="photos"):
            photo_panel(playground)
    vae_endpoints(playground)
