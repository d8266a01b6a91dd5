"""The chat tab's components: two that show tokens, and all that its events read and draw, by name.

Invariants: values of the two are plain JSON and reach the page as text nodes only, never as HTML, so a model (or a
visitor) cannot write markup into the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from tabs.common.html_component import HtmlComponent
from tabs.common.model_menu import ModelMenu


class TokenInspector(HtmlComponent):
    """A reply as clickable tokens, and what is known of the clicked one.

    Events: `select` with {place, token}; `input` with {place, token, choice} to go on from another choice.
    """

    root, bare = "inspector", False
    styles, scripts = ("inspector.css",), ("inspector.js",)


class PromptTokens(HtmlComponent):
    """The prompt as the model sees it: its tokens, with their ids on hover."""

    root, bare = "tokens", False
    styles, scripts = ("prompt_tokens.css",), ("prompt_tokens.js",)


@dataclass(frozen=True)
class ChatComponents:
    """What the tab's events read and draw; made by `tabs.chat.layout`."""

    session: gr.State  # a ChatSession
    conversation: gr.Chatbot
    status: gr.Textbox
    message: gr.Textbox
    send: gr.Button
    stop: gr.Button
    again: gr.Button
    go_on: gr.Button
    undo: gr.Button
    clear: gr.Button
    export: gr.Button
    upload: gr.UploadButton
    inspector: TokenInspector
    prompt: PromptTokens
    menu: ModelMenu
    memory: gr.Markdown
    system_prompt: gr.Textbox
    thinking: gr.Checkbox
    sliders: Mapping[str, gr.Slider]  # by the names of `Sampling`
    seed: gr.Number
    new_seed: gr.Checkbox

    @property
    def settings(self) -> set[Block]:
        """What a reply is asked for with, and whose session it is."""
        chosen: set[Block] = {
            self.session,
            self.menu.dropdown,
            self.system_prompt,
            self.thinking,
            self.seed,
            self.new_seed,
        }
        return chosen | set(self.sliders.values())
