"""A row of small pictures with words below them, and bars of numbers: two components that show and let choose.

Rule of the room: what they show is data URIs and text, which reach the page as attributes and text nodes only.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from tabs.words import say


class Strip(gr.HTML):
    """Pictures side by side: value {pictures: [{image, caption}], hint, choose, remove, download, wide, words}.

    `choose` and `remove` name what clicking a picture or its small cross does (empty: nothing), `download` is the file
    name a picture is saved under. Events: `select` and `delete` with {place}.
    """

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value,
            html_template='<div class="strip"></div>',
            css_template=_beside("strip.css"),
            js_on_load=_beside("strip.js"),
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


class Bars(gr.HTML):
    """Shares in groups, two bars each: value {groups: [{name, bars: [{label, here, world}]}], here, world, note}."""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value,
            html_template='<div class="bars"></div>',
            css_template=_beside("bars.css"),
            js_on_load=_beside("bars.js"),
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


def strip(
    language: str,
    pictures: list[dict[str, Any]] | None = None,
    hint: str = "",
    choose: str = "",
    remove: str = "",
    download: str = "",
    wide: bool = False,
) -> dict[str, Any]:
    """The value of a `Strip`; `choose`, `remove` and `hint` are keys of words."""
    return {
        "pictures": pictures or [],
        "hint": say(language, hint) if hint else "",
        "choose": say(language, choose) if choose else "",
        "remove": say(language, remove) if remove else "",
        "download": download,
        "save": say(language, "gan_download"),
        "wide": wide,
    }


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
