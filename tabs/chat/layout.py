"""The chat tab: what it looks like and which event calls which handler.

A conversation with any chat model of the catalogue, and a look inside each reply: how surprising every
token was, what else could have been said, where the model looked. `gr.Chatbot` is only the view; the
conversation itself is kept by us (`playground.chat.conversation`).
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.chat.limits import RANGES
from playground.chat.options import ChatOptions
from playground.core import Playground
from playground.validation import MAX_SEED
from tabs.chat import api, render
from tabs.chat.components import PromptPieces, TokenInspector
from tabs.chat.handlers import ChatHandlers
from tabs.chat.inspection import InspectionHandlers
from tabs.chat.session import SessionState, Updates
from tabs.common.errors import shown
from tabs.common.model_menu import model_choice, model_line
from tabs.common.seeds import keep_typed_seed
from tabs.common.tab import TabHandles
from tabs.common.words import label, language_of

EXAMPLES = (
    "Explain in two sentences why the sky is blue.",
    "Write a short poem about a lighthouse keeper who collects clouds.",
    "Give me three names for a café run by cats.",
    "What is the capital of France, and what is it known for?",
)
SAVE_AS_FILE = """(text) => { const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
  link.download = "conversation.json"; link.click(); URL.revokeObjectURL(link.href); }"""
ESCAPE_STOPS = """() => document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector("#stop")?.click(); })"""
CHOICE_KEY = "aigc-playground-chat-model"


def chat_tab(playground: Playground) -> TabHandles:
    """Build the tab inside the current `gr.Blocks` and wire its events."""
    service = playground.chat
    handlers, inside = ChatHandlers(service), InspectionHandlers(service)
    entries = service.catalog.of_tab("chat")
    first = entries[0]
    start = ChatOptions.of(first)

    visit = gr.State(SessionState(), delete_callback=handlers.stop)
    chosen = gr.BrowserState(first.id, storage_key=CHOICE_KEY, secret=CHOICE_KEY)  # a menu choice, no secret at all
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            chat = gr.Chatbot(
                label=label("chat_view"),
                show_label=False,
                elem_id="conversation",
                height="max(18rem, 50vh)",
                editable="all",
                buttons=["copy", "copy_all"],
                placeholder=label("chat_empty"),
                latex_delimiters=[
                    {"left": "$$", "right": "$$", "display": True},
                    {"left": "\\[", "right": "\\]", "display": True},
                    {"left": "\\(", "right": "\\)", "display": False},
                ],
                feedback_options=None,
            )
            status = gr.Textbox(
                value="", show_label=False, container=False, interactive=False, lines=1, max_lines=4, elem_id="status"
            )
            with gr.Row(equal_height=True):
                message = gr.Textbox(
                    label=label("message"),
                    show_label=False,
                    placeholder=label("message_hint"),
                    lines=1,
                    max_lines=8,
                    scale=6,
                    min_width=200,
                    autofocus=True,
                    elem_id="message",
                )
                send = gr.Button(label("send"), variant="primary", scale=1, min_width=90, elem_id="send")
                stop = gr.Button(label("stop"), variant="stop", scale=1, min_width=90, visible=False, elem_id="stop")
            with gr.Row(elem_classes="tools"):
                again = gr.Button(label("regenerate"), size="sm", min_width=80)
                go_on = gr.Button(label("continue"), size="sm", min_width=80)
                undo = gr.Button(label("undo"), size="sm", min_width=80)
                clear = gr.Button(label("clear"), size="sm", min_width=80)
                export = gr.Button(label("export"), size="sm", min_width=80)
                import_ = gr.UploadButton(label("import"), size="sm", min_width=80, file_types=[".json"])
            gr.Examples([[text] for text in EXAMPLES], [message], label=label("examples"), elem_id="chat-examples")
            with gr.Accordion(label("inside"), open=True):
                inspector = TokenInspector({"hint": ""}, elem_id="inspector")
            with gr.Accordion(label("prompt_seen"), open=False):
                prompt = PromptPieces({"hint": ""}, elem_id="prompt")
        with gr.Column(scale=1, min_width=260):
            model = gr.Dropdown(
                [(model_choice(entry, playground.state(entry), "en"), entry.id) for entry in entries],
                value=first.id,
                label=label("model"),
                info=None if playground.settings.profile.strangers else label("model_own"),
                allow_custom_value=not playground.settings.profile.strangers,
                elem_id="model",
            )
            about = gr.Markdown(model_line(first, playground.state(first), "en"), elem_classes="subtle")
            held = gr.Markdown("", elem_classes="subtle", elem_id="held")
            system_prompt = gr.Textbox(
                label=label("system_prompt"), placeholder=label("system_prompt_hint"), lines=2, max_lines=8
            )
            thinking = gr.Checkbox(True, label=label("thinking"), visible=first.thinking == "switch")
            with gr.Accordion(label("settings"), open=False):
                temperature = _slider("temperature", start.temperature, 0.05, info=label("temperature_info"))
                top_p = _slider("top_p", start.top_p, 0.01)
                top_k = _slider("top_k", start.top_k, 1)
                min_p = _slider("min_p", start.min_p, 0.01)
                penalty = _slider("repetition_penalty", start.repetition_penalty, 0.01)
                longest = _slider("max_new_tokens", start.max_new_tokens, 1)
                seed = gr.Number(
                    0, label=label("seed"), info=label("seed_info"), precision=0, minimum=0, maximum=MAX_SEED,
                    elem_id="chat-seed",
                )  # fmt: skip
                random_seed = gr.Checkbox(True, label=label("random_seed"), elem_id="chat-random-seed")
                keep_typed_seed(seed, random_seed)
    exported = gr.Textbox(visible=False)

    options = [
        model, system_prompt, thinking, temperature, top_p, top_k, min_p, penalty, longest, seed, random_seed,
    ]  # fmt: skip
    samplers = [temperature, top_p, top_k, min_p, penalty]
    drawn = [chat, message, status, seed, inspector, prompt, held, send, stop]

    # The worker is the line; Gradio's own queue only has to let everybody in.
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    reply = {**hidden, "concurrency_id": "chat", "concurrency_limit": None}
    verb = {**reply, "concurrency_id": "chat-verbs"}
    quick = {**hidden, "queue": False}  # past the queue; there an error would lose its words

    def on(triggers: list[Callable[..., Any]], handler: Callable[..., Any], inputs: list[Any]) -> None:
        gr.on(triggers, shown(handler), [visit, *inputs], drawn, trigger_mode="once", **reply)

    on([send.click, message.submit], handlers.send, [message, *options])
    on([again.click, chat.retry], handlers.regenerate, options)
    on([go_on.click], handlers.go_on, options)
    on([chat.edit], handlers.edit, options)
    on([inspector.input], handlers.continue_from, options)
    stop.click(handlers.stop, [visit], None, **quick)
    undo.click(shown(handlers.undo), [visit], drawn, **verb)
    gr.on([clear.click, chat.clear], shown(handlers.clear), [visit], drawn, **verb)
    export.click(shown(handlers.export), [visit, *options], exported, **verb).then(
        None, exported, None, js=SAVE_AS_FILE, api_visibility="private"
    )
    import_.upload(shown(handlers.import_), [visit, import_], [*drawn, system_prompt], **verb)

    inspector.select(
        shown(inside.look),
        [visit, model, system_prompt, *samplers],
        inspector,
        **(reply | {"trigger_mode": "multiple"}),
    )
    chat.select(shown(inside.choose_turn), [visit], inspector, **quick)
    gr.on(
        [slider.change for slider in samplers],
        shown(inside.resample),
        [visit, inspector, *samplers],
        inspector,
        trigger_mode="always_last",
        **quick,
    )

    def describe(visit: SessionState, model_id: str, request: gr.Request) -> tuple[Any, ...]:
        """Another model: what it changes on the page."""
        entry = service.entry(model_id)
        visit.model = entry.id
        start = ChatOptions.of(entry)
        return (
            model_line(entry, playground.state(entry), language_of(request)),
            gr.Checkbox(visible=entry.thinking == "switch"),
            start.temperature, start.top_p, start.top_k, start.min_p, start.repetition_penalty, start.max_new_tokens,
            entry.id,
        )  # fmt: skip

    described = [about, thinking, temperature, top_p, top_k, min_p, penalty, longest, chosen]
    model.input(shown(describe), [visit, model], described, **verb)

    def opened(remembered: str, visit: SessionState, request: gr.Request) -> Any:
        """The page in the visitor's language, with the model they used last.

        Gradio calls this when the page opens, before the browser has told what it remembers, and whenever that
        changes: also after every choice, when the page shows it already.
        """
        language = language_of(request)
        known = [entry.id for entry in service.catalog.of_tab("chat")]
        model_id = remembered if remembered in known else first.id
        if visit.model and (visit.model == model_id or remembered not in known):
            return gr.skip()
        choices = [
            (model_choice(entry, playground.state(entry), language), entry.id)
            for entry in service.catalog.of_tab("chat")
        ]
        drawing = Updates(
            inside=render.inside_value((), language),
            prompt=render.prompt_value(None, language),
            held=render.held_text(*service.held(), language),
        )
        *about_it, _ = describe(visit, model_id, request)  # what is remembered is not written anew
        return (gr.Dropdown(choices=choices, value=model_id), *about_it, gr.skip(), *drawing.updates())

    gr.on(None, None, js=ESCAPE_STOPS, api_visibility="private")
    gr.on(None, opened, [chosen, visit], [model, *described, *drawn], **quick)
    api.chat_endpoints(service)
    return TabHandles()


def _slider(name: str, value: float, step: float, info: str | None = None) -> gr.Slider:
    least, most = RANGES[name]
    return gr.Slider(least, most, value=value, step=step, label=label(name), info=info)
