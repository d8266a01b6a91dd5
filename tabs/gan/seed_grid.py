"""A grid of samples by their seeds: a component of our own, since a gallery would write every picture to disk.

Invariants: the page holds what is wished (seeds, truncation, order) and asks one server function for tiles; the
newest wish wins and the last is never lost. Values reach the page as text nodes and attributes only, never as HTML.
"""

from collections.abc import Callable
from typing import Any

from tabs.common.html_component import HtmlComponent

Wish = dict[str, Any]
DrawTiles = Callable[[Wish], dict[str, Any]]


class SeedGrid(HtmlComponent):
    """Tiles to choose from, with their seeds and (if wished) the discriminator's percentile.

    `value` is {model, chosen, words: {language: {key: text}}}: `chosen` is the seed of the current picture or None.
    `draw` gets {model, seeds, truncation, judged} from a browser (hostile) and gives {seeds, tiles} or {error}; a tile
    is {seed, image, realness}. It is first called when the grid is first seen.

    Events: `select` with {seed, truncation}: a tile was chosen.
    """

    root, bare = "seeds", False
    styles, scripts = ("grid.css",), ("grid.js",)

    def __init__(self, draw: DrawTiles, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        def tiles(wish: Wish) -> dict[str, Any]:
            return draw(wish)

        super().__init__(value, server_functions=[tiles], **kwargs)
