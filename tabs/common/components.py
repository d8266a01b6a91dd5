"""Two small views: a strip of pictures, and rows of bars. Either can be clicked.

Invariants: values are plain JSON and reach the page as text nodes and attributes only. Pictures travel as data
URIs, so nothing of a visitor's is written to disk.

* `PictureStrip` value: {pictures: [{src, caption}], size (pixels of a side), hint, pick, remove, download, save}.
  `pick` (true, or what a click on a picture does, in words) gives event `select`, `remove` (words) gives each picture
  a small cross and event `delete`, both with {index}. `download` is a file name: each picture then has a link that
  saves it, called `save`.
* `Bars` value: {rows: [{label, share (0..1), said, title, tone}], hint, chosen}. Event `select` likewise.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.imaging.encoding import data_uri, jpeg
from tabs.common.html_component import HtmlComponent


class PictureStrip(HtmlComponent):
    """Pictures beside each other, which wrap; see the module for its value."""

    root, styles, scripts = "strip", ("components.css",), ("picture_strip.js",)


class Bars(HtmlComponent):
    """Labelled bars below each other; see the module for its value."""

    root, styles, scripts = "bars", ("components.css",), ("bars.js",)


def strip(
    pictures: Sequence[tuple[Image.Image | np.ndarray | str, str]],
    size: int = 128,
    pick: bool | str = False,
    hint: str = "",
    remove: str = "",
    download: str = "",
    save: str = "",
) -> dict[str, Any]:
    """The value of a `PictureStrip`.

    Args:
        pictures: Pictures, (h, w, 3) uint8 arrays, or data URIs, with their captions.
        size: The width of each on the page, in pixels.
        pick: Whether a click chooses one, or the words for what it does.
        hint: Words above the pictures.
        remove: Words for what a picture's small cross does; empty for no cross.
        download: The name of the file that each picture can be saved as; empty for none.
        save: The words of that link.
    """
    shown = [{"src": source(picture, 2 * size), "caption": caption} for picture, caption in pictures]
    return {
        "pictures": shown, "size": size, "pick": pick, "hint": hint, "remove": remove, "download": download,
        "save": save,
    }  # fmt: skip


def source(picture: Image.Image | np.ndarray | str, side: int) -> str:
    """A data URI, enlarged so that a browser has nothing to smooth."""
    if isinstance(picture, str):
        return picture
    return data_uri(jpeg(np.asarray(picture), side))


def bars(
    rows: Sequence[dict[str, Any]], hint: str = "", pick: bool = False, chosen: int | None = None
) -> dict[str, Any]:
    """A `Bars`' value. A row is {label, share, said} and, if wanted, title (on hover) and tone ("good", "bad")."""
    return {"rows": list(rows), "hint": hint, "pick": pick, "chosen": chosen}


def clicked(data: gr.EventData, count: int) -> int | None:
    """Which one was clicked; None for anything that a browser should not have sent."""
    index = data._data.get("index") if isinstance(data._data, dict) else None
    return index if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count else None
