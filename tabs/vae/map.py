"""A map to click on: portraits where they lie in the latent, and a mark for the face on show.

Rule of the room: the page sends a place, x and y in 0..1; what is there is the service's to say.
"""

from pathlib import Path
from typing import Any

import gradio as gr


class LatentMap(gr.HTML):
    """Value: {picture (data URI), x, y (0..1, of the mark), words}. Event `select` with {x, y}, by mouse, touch, or
    the arrow keys."""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        here = Path(__file__)
        super().__init__(
            value,
            html_template='<div class="map"></div>',
            css_template=here.with_name("map.css").read_text(encoding="utf-8"),
            js_on_load=here.with_name("map.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}
