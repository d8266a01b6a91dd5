"""A grid of samples by seed: a component of our own, since a gallery would write every picture to disk.

Invariants: the page holds what is wanted (seeds, order) and asks one server function for tiles; the newest request
wins and the last is never lost. Values reach the page as text nodes and attributes only, never as HTML.
"""

from collections.abc import Callable
from typing import Any

from tabs.common.html_component import HtmlComponent

TilesRequest = dict[str, Any]
DrawTiles = Callable[[TilesRequest], dict[str, Any]]


class SeedGrid(HtmlComponent):
    """Tiles to choose from, with their seeds and (on request) the discriminator's percentile.

    Event: `select` with {seed}, when a tile is chosen.

    Args:
        draw: gets {model, seeds, truncation, judged} from a browser (untrusted) and returns {seeds, tiles} or {error};
            a tile is {seed, image, realness}. First called when the grid is first seen.
        value: {model, chosen, truncation, words: {language: {key: text}}}; `chosen` is the seed of the current picture
            or None, `truncation` the psi of all tiles.
        kwargs: of `gr.HTML`.
    """

    root, bare = "seeds", False
    styles, scripts = ("seed_grid.css",), ("seed_grid.js",)

    def __init__(self, draw: DrawTiles, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        def tiles(request: TilesRequest) -> dict[str, Any]:
            return draw(request)

        super().__init__(value, server_functions=[tiles], **kwargs)
