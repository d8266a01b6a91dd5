"""Picture, conversation and task chips: three views of one question, whose boxes and phrases speak to each other.

Rule of the room: values are plain JSON and reach the page as text nodes, attributes and numbers only; nothing a model
or a visitor wrote is ever HTML. The picture goes by file URL, once; boxes are small and come often.

* `Stage` value: {picture (file data with a URL, or null), width, height, alt, boxes: [{key, label, score (words),
  colour, box ([x0, y0, x1, y1] in 0..1), dashed}], regions: [{name, box}], asked ([box]),
  box and moved (a box set by the server,
  once for each new number `moved`), heat: {src}, able: {verb: reason, "" if able}, busy, words}. The box drawn by hand
  stands as JSON in the data attribute `box` of the root. Events: `upload` {path}, `identify`, `region`, `similar`
  {box}, `quote`, `forget` {name}, `cool`.
* `Talk` value: {turns: [{key, tag, question, model, parts: [{text, key, colour}], list: [{label, key, colour, said}],
  status, notes, warnings, prompt, raw, report, verbs: [{verb, label}], live}], shown (a key), hint, words}. Events:
  `select` {turn}, `again` {turn, verb}.
* `Tasks` value: {tasks: [{ask, label, hint, on, reason}], hint}. Event `select` {ask}.

`key` of a phrase and of its boxes is the same, and so is their colour: hovering one lights the other up, a click
leaves the others pale. They tell each other by events on the nearest element of class `grounding`.
"""

from pathlib import Path
from typing import Any

import gradio as gr


class _Piece(gr.HTML):
    """A component drawn by the script of its name; see the module for the values."""

    script, style = "", ""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value if value is not None else {},
            html_template='<div class="piece"></div>',
            css_template=_beside(self.style),
            js_on_load=_beside("make.js") + _beside(self.script),
            apply_default_css=False,
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


class Stage(_Piece):
    """The picture with boxes on it, its own box to be drawn with mouse, finger or keys."""

    script, style = "stage.js", "stage.css"


class Talk(_Piece):
    """Questions and answers about the picture, their phrases coloured as their boxes are."""

    script, style = "talk.js", "talk.css"


class Tasks(_Piece):
    """What can be asked, as chips."""

    script, style = "tasks.js", "talk.css"


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
