"""Two components that show tokens: the reply to be clicked into, and the prompt.

Rule of the room: values are plain JSON and reach the page as text nodes only, never as HTML, so a
model (or a visitor) cannot write markup into the page.
"""

from pathlib import Path
from typing import Any

import gradio as gr


class TokenInspector(gr.HTML):
    """A reply as clickable tokens, and what is known of the clicked one.

    Events: `select` with {place, token}; `input` with {place, token, choice} to go on from another choice.
    """

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value,
            html_template='<div class="inspector"></div>',
            css_template=_beside("inspector.css"),
            js_on_load=_beside("inspector.js"),
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


class PromptPieces(gr.HTML):
    """The prompt as the model sees it: its tokens, with their ids on hover."""

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value,
            html_template='<div class="pieces"></div>',
            css_template=_beside("pieces.css"),
            js_on_load=_beside("pieces.js"),
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
