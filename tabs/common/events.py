"""How events of the page are wired: options that every tab uses, and handlers that name what they read and draw.

A handler returns `Updates`: a dict from component to its new value. Components that are not in it stay as they are.
An event whose inputs are a set hands its handler `Values`: a dict from component to what stands in it.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

Updates = dict[Block, Any]
Values = Mapping[Component, Any]

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Past the queue, for what answers at once. There an error would lose its words: such handlers raise none.
UNQUEUED: dict[str, Any] = {**PRIVATE, "queue": False}


def queued(lane: str, trigger_mode: str | None = None) -> dict[str, Any]:
    """Options of an event that goes through Gradio's queue, where everybody is let in: the worker is the line.

    Args:
        lane: The concurrency id. Events of one lane share Gradio's threads.
        trigger_mode: "once", "multiple" or "always_last" while one is under way; None for Gradio's default.
    """
    return {**PRIVATE, "concurrency_id": lane, "concurrency_limit": None, "trigger_mode": trigger_mode}


def run_buttons(start: gr.Button, stop: gr.Button, running: bool) -> Updates:
    """Start and Stop, one of which is to be seen."""
    return {start: gr.Button(visible=not running), stop: gr.Button(visible=running)}


def stop_on_escape(stop: gr.Button) -> None:
    """The Escape key presses a Stop button that is to be seen. Call inside the tab's `gr.Blocks`."""
    gr.on(None, None, js=_ESCAPE % stop.elem_id, api_visibility="private")


def event_data(data: gr.EventData, key: str) -> Any:
    """One entry of what a component's event sent from a browser; None where it is not there. Check what it is."""
    return data._data.get(key) if isinstance(data._data, dict) else None


_ESCAPE = """() => document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector("#%s")?.click(); })"""
