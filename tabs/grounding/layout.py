"""The grounding tab: what it looks like and which event calls which handler.

The picture on the left, the conversation about it on the right. What an answer names is a box on the picture, while it
is still being written; a box that a visitor draws is a question.
"""

from typing import Any

import gradio as gr
from PIL import Image

from playground.core import Playground
from playground.grounding.types import GroundingTask
from tabs.common.components import PictureStrip, strip
from tabs.common.download import SAVE_AS_FILE
from tabs.common.errors import shown
from tabs.common.events import Updates
from tabs.common.sliders import slider_range
from tabs.common.status_line import StatusLine
from tabs.common.tab import Accepts, Picture, Sends, TabHandles
from tabs.common.words import label, language_of
from tabs.grounding import api, panels, render
from tabs.grounding.components import Stage, Talk, Tasks
from tabs.grounding.examples import Example, examples
from tabs.grounding.handlers import GroundingHandlers
from tabs.grounding.handlers_editing import EditingHandlers
from tabs.grounding.request_builder import sent
from tabs.grounding.session import SessionState

CHOICE_KEY = "aigc-playground-grounding-model"
EXAMPLE_SIDE = 66  # pixels
# The box is the page's until a question needs it: the second argument of such an event is filled in here.
WITH_BOX = (
    """(...all) => { all[1] = document.querySelector("#ground-stage [data-box]")?.dataset.box || ""; return all; }"""
)
# On a phone the picture lies above the prompt: whoever asks wants to see the boxes come.
SHOW_PICTURE = """() => { if (innerWidth < 700)
  document.querySelector("#ground-stage")?.scrollIntoView({behavior: "smooth"}); }"""
HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
QUICK = {**HIDDEN, "queue": False}  # past the queue; there an error would lose its words


def grounding_tab(playground: Playground) -> TabHandles:
    """Build the tab inside the current `gr.Blocks` and wire its events."""
    service = playground.grounding
    entries = service.entries()
    if not entries:
        gr.Markdown(label("ground_none"), elem_classes="subtle")
        return TabHandles()
    first, known = entries[0], [entry.id for entry in entries]
    limits = service.limits(first.id)
    handlers = GroundingHandlers(service)
    verbs = EditingHandlers(handlers, examples(playground.settings.assets))

    visit = gr.State(SessionState(), delete_callback=handlers.stop)
    chosen = gr.BrowserState(first.id, storage_key=CHOICE_KEY, secret=CHOICE_KEY)  # a menu choice, no secret at all
    with gr.Row(equal_height=False, elem_classes="grounding"):
        with gr.Column(scale=6, min_width=320):
            stage = Stage({}, elem_id="ground-stage")
            sieve = panels.score_filter_panel(limits)
            if verbs.examples:
                gr.Markdown(label("ground_examples"), elem_classes="subtle")
            shelf = PictureStrip(_shelf(verbs.examples), elem_id="ground-examples")
        with gr.Column(scale=5, min_width=320):
            talk = Talk({}, elem_id="ground-talk")
            chips = Tasks({}, elem_id="ground-tasks")
            with gr.Row(equal_height=True):
                prompt = gr.Textbox(
                    label=label("ground_prompt"), show_label=False, placeholder=label("ground_prompt_hint"), lines=1,
                    max_lines=6, scale=6, min_width=180, elem_id="ground-prompt",
                )  # fmt: skip
                ask = gr.Button(label("ground_ask"), variant="primary", scale=1, min_width=84, elem_id="ground-ask")
                stop = gr.Button(
                    label("stop"), variant="stop", scale=1, min_width=84, visible=False, elem_id="ground-stop"
                )
            status = StatusLine({"text": ""}, elem_id="ground-status")
            settings = panels.settings_panel(entries, playground.state, limits)
            eyes = panels.eyes_panel(limits)
            exports = panels.export_panel()
            with gr.Row(elem_classes="tools") as tools:
                clear = gr.Button(label("ground_clear_talk"), size="sm", min_width=120, elem_id="ground-clear")
    saved, box = gr.Textbox(visible=False), gr.Textbox(visible=False)

    model = settings.model
    options = [
        model, settings.compare, settings.temperature, settings.seed, settings.new_seed, settings.most,
    ]  # fmt: skip
    drawn = [stage, talk, status, prompt, settings.seed, ask, stop]
    by_model = [
        settings.about,
        chosen,
        settings.temperature,
        settings.most,
        sieve.box,
        sieve.threshold,
        eyes.box,
        chips,
    ]

    # The worker is the line; Gradio's own queue only has to let everybody in.
    job = {**HIDDEN, "concurrency_id": "grounding", "concurrency_limit": None, "trigger_mode": "once"}
    verb = {**HIDDEN, "concurrency_id": "grounding-verbs", "concurrency_limit": None}
    newest = {**QUICK, "trigger_mode": "always_last"}

    gr.on([ask.click, prompt.submit], shown(handlers.ask), [visit, box, prompt, *options], drawn, js=WITH_BOX, **job)
    gr.on([ask.click, prompt.submit], None, js=SHOW_PICTURE, api_visibility="private")
    stage.identify(shown(handlers.identify), [visit, *options], drawn, **job)
    stage.similar(shown(handlers.similar), [visit, *options], drawn, **job)
    talk.again(shown(handlers.back), [visit, *options], drawn, **job)
    gr.on([eyes.go.click, eyes.phrase.submit], shown(handlers.heat), [visit, eyes.phrase, *options], drawn, **job)
    stop.click(handlers.stop, [visit], None, **QUICK)

    stage.upload(shown(verbs.upload), [visit], drawn, **verb)
    shelf.select(shown(verbs.example), [visit], drawn, **verb)
    talk.select(shown(verbs.choose), [visit], drawn, **verb)
    stage.region(shown(verbs.name), [visit], drawn, **verb)
    stage.quote(shown(verbs.quote), [visit, prompt], prompt, **verb)
    stage.forget(shown(verbs.forget), [visit], drawn, **verb)
    stage.cool(shown(verbs.cool), [visit], drawn, **verb)
    clear.click(shown(verbs.clear), [visit], drawn, **verb)
    sifted = [sieve.threshold.input, sieve.overlap.input]
    gr.on(sifted, verbs.sift, [visit, sieve.threshold, sieve.overlap], drawn, **newest)
    for button, save in (
        (exports.json, verbs.save_json), (exports.coco, verbs.save_coco), (exports.yolo, verbs.save_yolo),
        (exports.names, verbs.save_names), (exports.png, verbs.save_png),
    ):  # fmt: skip
        button.click(shown(save), [visit], saved, **verb).then(
            None, saved, None, js=SAVE_AS_FILE, api_visibility="private"
        )

    def fill(text: str, data: gr.EventData) -> str:
        """A chip was chosen: its tag goes before what stands in the prompt."""
        known = {one.value: one for one in GroundingTask}
        ask = known.get(str(sent(data, "ask")))
        return render.started(ask, text or "") if ask is not None else text

    def looked(text: str, model_id: str, request: gr.Request) -> dict[str, Any]:
        """The chips follow what is typed."""
        return render.tasks(text or "", service.limits(model_id), language_of(request))

    chips.select(fill, [prompt], prompt, **QUICK)
    prompt.change(looked, [prompt, model], chips, **newest)

    def described(visit: SessionState, model_id: str, text: str, language: str) -> tuple[Any, ...]:
        """What a model changes on the page, in the order of `by_model`."""
        entry, limits = service.entry(model_id), service.limits(model_id)
        visit.model, visit.threshold = entry.id, limits.threshold
        least, usual, most = limits.max_new_tokens
        return (
            render.model_line(entry, limits, playground.state(entry), language),
            entry.id,
            gr.Slider(interactive=limits.temperature),
            gr.Slider(value=usual, **slider_range(least, most)),
            gr.Column(visible=limits.scores),
            gr.Slider(value=limits.threshold),
            gr.Accordion(visible=limits.heat),
            render.tasks(text or "", limits, language),
        )

    def describe(visit: SessionState, model_id: str, text: str, request: gr.Request) -> tuple[Any, ...]:
        language = language_of(request)
        about = described(visit, model_id, text, language)
        return (*about, *handlers.drawing(visit, language).updates())

    model.input(shown(describe), [visit, model, prompt], [*by_model, *drawn], **verb)

    def opened(remembered: str, visit: SessionState, request: gr.Request) -> Any:
        """The page in the visitor's language, with the model they used last; no model is loaded for it.

        Gradio calls this when the page opens, before the browser has told what it remembers, and whenever that
        changes.
        """
        language = language_of(request)
        model_id = remembered if remembered in known else first.id
        if visit.model and (visit.model == model_id or remembered not in known):
            return gr.skip()
        about, _, *rest = described(visit, model_id, "", language)  # what is remembered is not written anew
        return (
            about, gr.skip(), *rest,
            gr.Dropdown(choices=panels.choices(entries, playground.state, language), value=model_id),
            gr.Dropdown(choices=panels.compared(entries, language), value=""),
            *handlers.drawing(visit, language).updates(),
        )  # fmt: skip

    gr.on(None, shown(opened), [chosen, visit], [*by_model, model, settings.compare, *drawn], **QUICK)
    api.grounding_endpoint(service)

    def crop_sent(visit: SessionState, box: str, model_id: str, request: gr.Request) -> Picture:
        """The inside of the visitor's box, on its way to another tab."""
        return Picture(verbs.crop(visit, box, request), avatar=verbs.drawn_world(model_id))

    def picture_received(sent: Picture, visit: SessionState, request: gr.Request) -> Updates:
        """A picture of another tab is to be asked about."""
        return dict(zip(drawn, verbs.opened(visit, sent.image, request), strict=True))

    crops = Sends(
        Picture, "ground", tools, crop_sent, [visit, box, model], verb, words={"vae": "ground_send_crop"}, js=WITH_BOX
    )
    pictures = Accepts(Picture, "ground", "ground_send", picture_received, drawn, [visit])
    return TabHandles(sends=[crops], accepts=[pictures])


def _shelf(found: tuple[Example, ...]) -> dict[str, Any]:
    """The examples beside each other, each with its task."""
    pictures = [(Image.open(one.path).convert("RGB"), one.question.split("]")[0].lstrip("[")) for one in found]
    return strip(pictures, EXAMPLE_SIDE, pick=True)
