"""Small views: the canvas, the shelf, the film, the cells of a grid, and chips of words.

Invariants: values are plain JSON and reach the page as text nodes, attributes and numbers only. Pictures travel
as data URIs, so nothing of a visitor's is written to disk.

* `Canvas` value: {pictures: [uri], text, share (0..1 of the way, null: no bar), hint, alt}.
* `Gallery` value: {pictures: [{key, src, caption, best}], chosen (a key), hint}. Event `select` with {key}.
* `Film` value: {rows: [{name, frames: [{src, label, title}]}], schedule: {signal, noise ([[x, y]], 0..1), marks:
  [{x, signal, noise}], words}, hint}.
* `Cells` value: {columns, rows, corner, cells: [[{src, caption} or null]], hint, now ([row, column] under way)}. Event
  `select` with {row, column}.
* `Chips` value: {groups: [{title, words: [{text, on}]}]}. Event `select` with {word}.
"""

from tabs.common.html_component import HtmlComponent

LOOK = ("pieces.css",)


class Canvas(HtmlComponent):
    """The large picture, or several of one batch, with how far they are."""

    styles, scripts = LOOK, ("make.js", "canvas.js")


class Gallery(HtmlComponent):
    """The finished pictures, one of them chosen."""

    styles, scripts = LOOK, ("make.js", "shelf.js")


class Film(HtmlComponent):
    """The steps of one picture in rows, and the schedule below them."""

    styles, scripts = LOOK, ("make.js", "film.js")


class Cells(HtmlComponent):
    """A table of pictures with the values of two settings at its edges."""

    styles, scripts = LOOK, ("make.js", "cells.js")


class Chips(HtmlComponent):
    """Words in groups, to be switched on and off."""

    styles, scripts = LOOK, ("make.js", "chips.js")
