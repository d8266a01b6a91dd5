"""A map to click on: portraits where they lie in the latent, and a mark for the face on show.

Invariants: the page sends a place, x and y in 0..1; what is there is the service's to say.
"""

from tabs.common.html_component import HtmlComponent


class LatentMap(HtmlComponent):
    """Value: {picture (data URI), x, y (0..1, of the mark), words}. Event `select` with {x, y}, by mouse, touch, or
    the arrow keys."""

    root, styles, scripts = "map", ("map.css",), ("map.js",)
