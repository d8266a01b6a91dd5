"""A row of small pictures with words below them, and bars of numbers: two components that show and let choose.

Invariants: what they show is data URIs and text, which reach the page as attributes and text nodes only.
"""

from typing import Any

from tabs.common.html_component import HtmlComponent
from tabs.common.words import say


class Strip(HtmlComponent):
    """Pictures side by side: value {pictures: [{image, caption}], hint, choose, remove, download, wide, words}.

    `choose` and `remove` name what clicking a picture or its small cross does (empty: nothing), `download` is the file
    name a picture is saved under. Events: `select` and `delete` with {place}.
    """

    root, bare = "strip", False
    styles, scripts = ("strip.css",), ("strip.js",)


class Bars(HtmlComponent):
    """Shares in groups, two bars each: value {groups: [{name, bars: [{label, here, world}]}], here, world, note}."""

    root, bare = "bars", False
    styles, scripts = ("bars.css",), ("bars.js",)


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
