"""The chat tab: what it looks like and which event calls which handler.

A conversation with any chat model of the catalogue, and a look inside each reply: how surprising every token was, what
else could have been said, where the model looked. `gr.Chatbot` is only the view; the conversation itself is kept by us
(`playground.chat.conversation`).
"""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from playground.catalog import Entry
from playground.chat.limits import RANGES
from playground.chat.options import ChatOptions
from playground.core import Playground
from playground.validation import MAX_SEED
from tabs.chat.api import chat_endpoints
from tabs.chat.components import ChatComponents, PromptTokens, TokenInspector
from tabs.chat.handlers import ChatHandlers
from tabs.chat.handlers_inspection import InspectionHandlers
from tabs.chat.session import ChatSession
from tabs.common.download import download_button
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, queued, stop_on_escape
from tabs.common.model_menu import model_line, model_menu
from tabs.common.seeds import keep_typed_seed
from tabs.common.session import stop_job
from tabs.common.tab import TabHandles
from tabs.common.words import label

EXAMPLES = (
    "Explain in two sentences why the sky is blue.",
    "Write a short poem about a lighthouse keeper who collects clouds.",
    "Give me three names for a café run by cats.",
    "What is the capital of France, and what is it known for?",
)
SLIDER_STEPS = {
    "temperature": 0.05, "top_p": 0.01, "top_k": 1, "min_p": 0.01, "repetition_penalty": 0.01, "max_new_tokens": 1,
}  # fmt: skip
LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\[", "right": "\\]", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
]


def chat_tab(playground: Playground) -> TabHandles:
    """Build the tab inside the current `gr.Blocks` and wire its events."""
    ui = chat_components(playground)
    connect(ui, ChatHandlers(playground.chat, ui), InspectionHandlers(playground.chat, ui))
    chat_endpoints(playground.chat)
    return TabHandles()


def chat_components(playground: Playground) -> ChatComponents:
    """Make the tab's components inside the current `gr.Blocks`."""
    entries = playground.chat.catalog.of_tab("chat")
    first, strangers = entries[0], playground.settings.profile.strangers
    start = ChatOptions.of(first)

    def about(entry: Entry, language: str) -> str:
        return model_line(entry, playground.state(entry), language)

    session = gr.State(ChatSession(), delete_callback=stop_job)
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            chatbot = gr.Chatbot(
                label=label("chat_view"), show_label=False, elem_id="conversation", height="max(18rem, 50vh)",
                editable="all", buttons=["copy", "copy_all"], placeholder=label("chat_empty"), latex_delimiters=LATEX,
                feedback_options=None,
            )  # fmt: skip
            status = gr.Textbox(
                value="", show_label=False, container=False, interactive=False, lines=1, max_lines=4, elem_id="status"
            )
            with gr.Row(equal_height=True):
                message = gr.Textbox(
                    label=label("message"), show_label=False, placeholder=label("message_hint"), lines=1, max_lines=8,
                    scale=6, min_width=200, autofocus=True, elem_id="message",
                )  # fmt: skip
                send = gr.Button(label("send"), variant="primary", scale=1, min_width=90, elem_id="send")
                stop = gr.Button(label("stop"), variant="stop", scale=1, min_width=90, visible=False, elem_id="stop")
            with gr.Row(elem_classes="tools"):
                again, go_on, undo, clear, export = (
                    gr.Button(label(word), size="sm", min_width=80)
                    for word in ("regenerate", "continue", "undo", "clear", "export")
                )
                upload = gr.UploadButton(label("import"), size="sm", min_width=80, file_types=[".json"])
            gr.Examples([[text] for text in EXAMPLES], [message], label=label("examples"), elem_id="chat-examples")
            with gr.Accordion(label("inside"), open=True):
                inspector = TokenInspector({"hint": ""}, elem_id="inspector")
            with gr.Accordion(label("prompt_seen"), open=False):
                prompt = PromptTokens({"hint": ""}, elem_id="prompt")
        with gr.Column(scale=1, min_width=260):
            menu = model_menu(
                "chat", entries, playground.state, about, info=None if strangers else label("model_own"),
                allow_custom_value=not strangers, elem_id="model",
            )  # fmt: skip
            memory = gr.Markdown("", elem_classes="subtle", elem_id="held")
            system_prompt = gr.Textbox(
                label=label("system_prompt"), placeholder=label("system_prompt_hint"), lines=2, max_lines=8
            )
            thinking = gr.Checkbox(True, label=label("thinking"), visible=first.thinking == "switch")
            with gr.Accordion(label("settings"), open=False):
                sliders = {
                    name: gr.Slider(
                        *RANGES[name], value=getattr(start, name), step=step, label=label(name),
                        info=label("temperature_info") if name == "temperature" else None,
                    )
                    for name, step in SLIDER_STEPS.items()
                }  # fmt: skip
                seed = gr.Number(
                    0, label=label("seed"), info=label("seed_info"), precision=0, minimum=0, maximum=MAX_SEED,
                    elem_id="chat-seed",
                )  # fmt: skip
                new_seed = gr.Checkbox(True, label=label("random_seed"), elem_id="chat-random-seed")
                keep_typed_seed(seed, new_seed)
    return ChatComponents(
        session, chatbot, status, message, send, stop, again, go_on, undo, clear, export, upload, inspector, prompt,
        menu, memory, system_prompt, thinking, sliders, seed, new_seed,
    )  # fmt: skip


def connect(ui: ChatComponents, handlers: ChatHandlers, inspection: InspectionHandlers) -> None:
    """Wire the tab's events."""
    shows: list[Component] = [
        ui.conversation, ui.message, ui.status, ui.seed, ui.inspector, ui.prompt, ui.memory, ui.menu.dropdown, ui.send,
        ui.stop,
    ]  # fmt: skip
    by_model = [ui.menu.about, ui.menu.remembered, ui.thinking, *ui.sliders.values()]
    lane, short = queued("chat", "once"), queued("chat-verbs")

    def replies(triggers: list[Callable[..., Any]], handler: Callable[..., Any]) -> None:
        gr.on(triggers, shown(handler), ui.settings | {ui.message}, shows, **lane)

    replies([ui.send.click, ui.message.submit], handlers.send)
    replies([ui.again.click, ui.conversation.retry], handlers.regenerate)
    replies([ui.go_on.click], handlers.go_on)
    replies([ui.conversation.edit], handlers.edit)
    replies([ui.inspector.input], handlers.continue_from)
    ui.stop.click(stop_job, [ui.session], None, **UNQUEUED)
    stop_on_escape(ui.stop)

    ui.undo.click(shown(handlers.undo), {ui.session}, shows, **short)
    gr.on([ui.clear.click, ui.conversation.clear], shown(handlers.clear), {ui.session}, shows, **short)
    download_button(ui.export, handlers.export, ui.settings, short)
    ui.upload.upload(shown(handlers.upload), {ui.session, ui.upload}, [*shows, ui.system_prompt], **short)

    ui.inspector.select(shown(inspection.look), ui.settings, [ui.inspector], **queued("chat", "multiple"))
    ui.conversation.select(shown(inspection.choose_turn), {ui.session}, [ui.inspector], **UNQUEUED)
    gr.on(
        [slider.change for name, slider in ui.sliders.items() if name != "max_new_tokens"],
        shown(inspection.resample), ui.settings | {ui.inspector}, [ui.inspector], trigger_mode="always_last",
        **UNQUEUED,
    )  # fmt: skip

    menu = ui.menu
    menu.dropdown.input(shown(handlers.choose_model), {ui.session, menu.dropdown}, by_model, **short)
    gr.on(None, shown(handlers.open_page), {ui.session, menu.remembered}, [*shows, *by_model], **UNQUEUED)
