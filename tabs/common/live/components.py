"""Two small views: a strip of pictures, and rows of bars. Either can be clicked.

Invariants: values are plain JSON and reach the page as text nodes and attributes only. Pictures travel as data
URIs, so nothing of a visitor's is written to disk.

* `PictureStrip` value: {pictures: [{src, caption}], size (pixels of a side), hint}. Event `select` with
  {index} where `pick` is true.
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

    root, styles, scripts = "strip", ("pieces.css",), ("strip.js",)


class Bars(HtmlComponent):
    """Labelled bars below each other; see the module for its value."""

    root, styles, scripts = "bars", ("pieces.css",), ("bars.js",)


def strip(
    pictures: Sequence[tuple[Image.Image | np.ndarray | str, str]], size: int = 128, pick: bool = False, hint: str = ""
) -> dict[str, Any]:
    """A `PictureStrip`'s value of pictures (or data URIs) with their captions, each `size` pixels wide on the page."""
    shown = [{"src": source(picture, 2 * size), "caption": caption} for picture, caption in pictures]
    return {"pictures": shown, "size": size, "pick": pick, "hint": hint}


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
