"""Picture, conversation and task chips: three views of one question, whose boxes and phrases speak to each other.

Invariants: values are plain JSON and reach the page as text nodes, attributes and numbers only; nothing a model
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

from tabs.common.html_component import HtmlComponent


class Stage(HtmlComponent):
    """The picture with boxes on it, its own box to be drawn with mouse, finger or keys."""

    styles, scripts = ("stage.css",), ("make.js", "stage.js")


class Talk(HtmlComponent):
    """Questions and answers about the picture, their phrases coloured as their boxes are."""

    styles, scripts = ("talk.css",), ("make.js", "talk.js")


class Tasks(HtmlComponent):
    """What can be asked, as chips."""

    styles, scripts = ("talk.css",), ("make.js", "tasks.js")
