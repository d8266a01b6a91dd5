"""Two read-only views: a strip of pictures and a chart of bars. Either can be clicked.

Invariants: values are plain JSON and reach the page as text nodes and attributes only. Pictures travel as data URIs,
so nothing of a visitor's is written to disk.

* `PictureStrip` value: {pictures: [{src, caption}], size (pixels of a side), hint, pick, remove, download, save}.
  `pick` (true, or what a click on a picture does, in words) gives event `select`, `remove` (words) gives each picture
  a small cross and event `delete`, both with {index}. `download` is a file name: each picture then has a link that
  saves it, called `save`.
* `BarChart` value: {groups: [{name, rank, rows: [{label, shares (0..1, one bar each), text, title, tone}]}], legend
  (names of the bars), hint, note, select}. The page sorts groups by `rank`, largest first, so a value that is streamed
  keeps the order and length of its lists. Event: `select` with {index} of the row, where `select` is true.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.imaging.encoding import data_uri, jpeg
from tabs.common.html_component import HtmlComponent
from tabs.common.words import say

Picture = Image.Image | np.ndarray | str


class PictureStrip(HtmlComponent):
    """Pictures beside each other, which wrap; see the module for its value."""

    root, styles, scripts = "strip", ("picture_strip.css",), ("picture_strip.js",)


class BarChart(HtmlComponent):
    """Labelled horizontal bars; see the module for its value."""

    root, styles, scripts = "bars", ("bar_chart.css",), ("bar_chart.js",)


def strip(
    pictures: Sequence[tuple[Picture, str]] = (),
    size: int = 112,
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


def source(picture: Picture, side: int) -> str:
    """A picture's data URI, enlarged so that a browser has nothing to smooth.

    Args:
        picture: a picture, an (S, S, 3) uint8 array, or a data URI, which is returned as it is.
        side: pixels of the longer side.

    Returns:
        A data URI.
    """
    if isinstance(picture, str):
        return picture
    return data_uri(jpeg(np.asarray(picture), side))


def row(label: str, shares: Sequence[float], text: str, title: str = "", tone: str = "") -> dict[str, Any]:
    """A row of a `BarChart`.

    Args:
        label: words before the bars.
        shares: length of each bar, 0..1.
        text: words after the bars.
        title: words on hover.
        tone: colour of the bar: "good", "fair", "bad"; empty for the accent colour.

    Returns:
        Plain JSON.
    """
    return {"label": label, "shares": list(shares), "text": text, "title": title, "tone": tone}


def bars(rows: Sequence[dict[str, Any]] = (), hint: str = "", select: bool = False) -> dict[str, Any]:
    """The value of a `BarChart` with one group and one bar per row.

    Args:
        rows: as `row` makes them.
        hint: text above the bars.
        select: whether a row can be clicked.

    Returns:
        Plain JSON.
    """
    return {"groups": [{"name": "", "rank": 0, "rows": list(rows)}], "legend": [], "hint": hint, "note": ""} | {
        "select": select
    }


def bar_groups(
    groups: Sequence[tuple[str, float, Sequence[dict[str, Any]]]], legend: Sequence[str], note: str
) -> dict[str, Any]:
    """The value of a `BarChart` with several groups, whose rows may have several bars.

    Args:
        groups: (name, rank, rows) each; the page shows the largest rank first.
        legend: what each bar of a row stands for.
        note: text below.

    Returns:
        Plain JSON.
    """
    named = [{"name": name, "rank": rank, "rows": list(rows)} for name, rank, rows in groups]
    return {"groups": named, "legend": list(legend), "hint": "", "note": note, "select": False}


def selected_index(data: gr.EventData, count: int) -> int | None:
    """The index in the data of a `select` or `delete` event.

    Args:
        data: what a browser sent.
        count: how many entries there are.

    Returns:
        0 to `count` - 1, or None for anything else.
    """
    index = data._data.get("index") if isinstance(data._data, dict) else None
    return index if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count else None


def animation_strip(webp: bytes, side: int, name: str, language: str) -> dict[str, Any]:
    """The value of a `PictureStrip` that plays an animation and lets it be saved.

    Args:
        webp: an animated WebP.
        side: CSS pixels of its side.
        name: file name for saving.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Plain JSON.
    """
    return strip(
        [(data_uri(webp).replace("image/jpeg", "image/webp", 1), "")], size=side,
        download=name, save=say(language, "save_animation"),
    )  # fmt: skip
