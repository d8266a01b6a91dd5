"""Saving something of the page as a file of the visitor's: the browser makes the file, nothing is written here."""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from tabs.common.errors import shown
from tabs.common.events import PRIVATE

SAVE_AS_FILE = Path(__file__).with_name("download.js").read_text(encoding="utf-8")  # takes "name|data URI"


def download(name: str, media_type: str, content: str | bytes) -> str:
    """What a download's handler returns.

    Args:
        name: The file's name, made by the app and never of what somebody sent.
        media_type: Such as "application/json" or "image/png".
        content: Text is encoded as UTF-8.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    return f"{name}|data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def download_button(
    button: gr.Button, handler: Callable[..., str], inputs: Sequence[Block] | set[Block], lane: dict[str, Any]
) -> None:
    """Have a click save what `handler` makes of `inputs`. Call inside the tab's `gr.Blocks`.

    Args:
        button: What is clicked.
        handler: Returns `download(...)`; its `UserError`s become notes.
        inputs: As of any event.
        lane: Options of the event, see `tabs.common.events`.
    """
    saved = gr.Textbox(visible=False)
    button.click(shown(handler), inputs, saved, **lane).then(
        None, saved, None, js=SAVE_AS_FILE, api_visibility=PRIVATE["api_visibility"]
    )
