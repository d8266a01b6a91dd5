"""Small views: the canvas, the shelf, the film, the cells of a grid, chips of words, and a line that says something.

Rule of the room: values are plain JSON and reach the page as text nodes, attributes and numbers only. Pictures travel
as data URIs, so nothing of a visitor's is written to disk.

* `Canvas` value: {pictures: [uri], text, share (0..1 of the way, null: no bar), hint, alt}.
* `Shelf` value: {pictures: [{key, src, caption, best}], chosen (a key), hint}. Event `select` with {key}.
* `Film` value: {rows: [{name, frames: [{src, label, title}]}], schedule: {signal, noise ([[x, y]], 0..1), marks:
  [{x, signal, noise}], words}, hint}.
* `Cells` value: {columns, rows, corner, cells: [[{src, caption} or null]], hint, now ([row, column] under way)}. Event
  `select` with {row, column}.
* `Line` value: {text}.
* `Chips` value: {groups: [{title, words: [{text, on}]}]}. Event `select` with {word}.
"""

from pathlib import Path
from typing import Any

import gradio as gr


class _Piece(gr.HTML):
    """A component drawn by the script of its name; see the module for the values."""

    script = ""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value if value is not None else {},
            html_template='<div class="piece"></div>',
            css_template=_beside("pieces.css"),
            js_on_load=_beside("make.js") + _beside(self.script),
            apply_default_css=False,
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


class Canvas(_Piece):
    """The large picture, or several of one batch, with how far they are."""

    script = "canvas.js"


class Shelf(_Piece):
    """The finished pictures, one of them chosen."""

    script = "shelf.js"


class Film(_Piece):
    """The steps of one picture in rows, and the schedule below them."""

    script = "film.js"


class Cells(_Piece):
    """A table of pictures with the values of two settings at its edges."""

    script = "cells.js"


class Line(_Piece):
    """One line of words, read out when it changes."""

    script = "line.js"


class Chips(_Piece):
    """Words in groups, to be switched on and off."""

    script = "chips.js"


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
