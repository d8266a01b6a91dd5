"""The text-to-image tab: what it looks like and which event calls which handler.

Words on the left, the picture coming out of the noise on the right, and below what explains it: the steps as a film,
two settings against each other, what the model was sent.
"""

import secrets
from typing import Any

import gradio as gr

from playground.core import Playground
from playground.text_to_image.types import ImageRequest
from tabs.common.download import SAVE_AS_FILE
from tabs.common.errors import shown
from tabs.common.model_menu import model_choice
from tabs.common.status_line import StatusLine
from tabs.common.tab import Picture, Sends, TabHandles
from tabs.common.words import label, language_of
from tabs.text_to_image import api, gallery, handlers_grid, panels, render
from tabs.text_to_image.components import Canvas, Chips, Gallery
from tabs.text_to_image.handlers import ImageHandlers
from tabs.text_to_image.handlers_prompt import PromptHandlers
from tabs.text_to_image.model_settings import described
from tabs.text_to_image.session import DRAWN_SEEDS, SessionState, reads_negative

DRAWN = (
    "a smiling person with long red hair and round glasses wearing a blue hoodie on a green background",
    "a bald person with a full beard and sunglasses wearing black clothes on a yellow background",
    "a serious person with a bun and square glasses wearing a red sweater with a white collar",
    "a laughing person wearing a bobble hat and a green T-shirt on a purple background",
)
OPEN = (
    "a red fox asleep in fresh snow, early morning light, photograph",
    "a lighthouse on a cliff in a storm, oil painting",
    "an astronaut reading a newspaper in a small café, film still",
    "a bowl of lemons on a blue table, watercolour",
)
CHOICE_KEY = "aigc-playground-image-model"
# On a phone the canvas lies below the words: whoever presses the button wants to see the picture.
SHOW_CANVAS = (
    """() => document.querySelector("#image-canvas")?.scrollIntoView({behavior: "smooth", block: "nearest"})"""
)
ESCAPE_STOPS = """() => document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector("#image-stop")?.click(); })"""
HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
QUICK = {**HIDDEN, "queue": False}  # past the queue; there an error would lose its words


def image_tab(playground: Playground) -> TabHandles:
    """Build the tab inside the current `gr.Blocks` and wire its events."""
    service = playground.images
    entries = service.entries()
    if not entries:
        gr.Markdown(label("image_none"), elem_classes="subtle")
        return TabHandles()
    first = entries[0]
    known = [entry.id for entry in entries]
    limits = service.limits(first.id)
    handlers, prompting = ImageHandlers(service), PromptHandlers(service)
    grids = handlers_grid.GridHandlers(handlers)

    visit = gr.State(SessionState(), delete_callback=handlers.stop)
    chosen = gr.BrowserState(first.id, storage_key=CHOICE_KEY, secret=CHOICE_KEY)  # a menu choice, no secret at all
    begun = DRAWN[0] if limits.vocabulary else OPEN[0]
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=310):
            prompt = gr.Textbox(
                begun, label=label("image_prompt"),
                placeholder=label("image_prompt_hint"), lines=1, max_lines=8, autofocus=True, elem_id="image-prompt",
            )  # fmt: skip
            with gr.Row(equal_height=True):
                generate = gr.Button(
                    label("image_generate"), variant="primary", min_width=120, elem_id="image-generate"
                )
                stop = gr.Button(label("stop"), variant="stop", min_width=120, visible=False, elem_id="image-stop")
                surprise = gr.Button(
                    label("image_surprise"), min_width=120, visible=limits.vocabulary, elem_id="image-surprise"
                )
            odd = gr.Markdown("", elem_classes="subtle", elem_id="image-unknown")
            with (
                gr.Column(visible=limits.vocabulary) as drawn_box,
                gr.Accordion(label("image_chips"), open=True, elem_id="image-chips-box"),
            ):
                gr.Markdown(label("image_chips_hint"), elem_classes="subtle")
                words = Chips({"groups": []}, elem_id="image-chips")
            with gr.Column(visible=not limits.vocabulary) as open_box:
                expansion = panels.expansion_panel(playground.catalog.of_tab("chat"))
            model = gr.Dropdown(
                [(model_choice(entry, playground.state(entry), "en"), entry.id) for entry in entries],
                value=first.id, label=label("image_model"), elem_id="image-model",
            )  # fmt: skip
            about = gr.Markdown("", elem_classes="subtle", elem_id="image-about")
            negative = gr.Textbox(label=label("image_negative"), lines=1, max_lines=4, elem_id="image-negative")
            numbers = panels.numbers_panel(limits)
            start = panels.start_panel(limits)
            with gr.Accordion(label("image_restore"), open=False, elem_id="image-restore-box"):
                gr.Markdown(label("image_restore_info"), elem_classes="subtle")
                file = gr.File(label=label("image_restore_file"), height=120, elem_id="image-restore")
            with gr.Column(visible=limits.vocabulary) as drawn_examples:
                gr.Examples([[text] for text in DRAWN], [prompt], label=label("image_examples"))
            with gr.Column(visible=not limits.vocabulary) as open_examples:
                gr.Examples([[text] for text in OPEN], [prompt], label=label("image_examples"))
        with gr.Column(scale=3, min_width=310):
            canvas = Canvas({"pictures": [], "hint": ""}, elem_id="image-canvas")
            status = StatusLine({"text": ""}, elem_id="image-status")
            with gr.Row(elem_classes="tools") as tools:
                download = _tool("download")
                use = _tool("use")
                as_start = _tool("to_start")
                clear = _tool("clear")
            order = gr.Radio(
                [(label("image_sort_new"), "new"), (label("image_sort_best"), "best")], value="new",
                show_label=False, container=False, elem_id="image-sort",
            )  # fmt: skip
            pictures = Gallery({"pictures": [], "hint": ""}, elem_id="image-shelf")
            with gr.Accordion(label("image_sent"), open=False, elem_id="image-sent-box"):
                sent = gr.Textbox(
                    label=label("image_sent_text"), placeholder=label("image_sent_empty"), lines=3, max_lines=14,
                    interactive=False, buttons=["copy"], elem_id="image-sent",
                )  # fmt: skip
    filming = panels.film_panel(limits)
    table = panels.grid_panel()
    saved = gr.Textbox(visible=False)

    options = [
        prompt, negative, expansion.text, expansion.use, model, numbers.steps, numbers.guidance, numbers.width,
        numbers.height, numbers.scheduler, numbers.seed, numbers.new_seed, numbers.count, numbers.preview,
        filming.always, start.picture, start.strength,
    ]  # fmt: skip
    drawn = [canvas, pictures, status, numbers.seed, sent, filming.film, generate, stop]
    by_model = [
        about, chosen, negative, numbers.steps, numbers.guidance, numbers.width, numbers.height, numbers.scheduler,
        numbers.count, start.box, start.strength, filming.always, words, surprise, drawn_box, drawn_examples,
        open_box, open_examples,
    ]  # fmt: skip

    # The worker is the line; Gradio's own queue only has to let everybody in.
    job = {**HIDDEN, "concurrency_id": "image", "concurrency_limit": None, "trigger_mode": "once"}
    verb = {**HIDDEN, "concurrency_id": "image-verbs", "concurrency_limit": None}

    gr.on([generate.click, prompt.submit], shown(handlers.generate), [visit, *options], drawn, **job)
    gr.on([generate.click, prompt.submit], None, js=SHOW_CANVAS, api_visibility="private")
    filming.go.click(shown(handlers.film), [visit], drawn, **job)
    table.make.click(
        shown(grids.make),
        [visit, table.x_kind, table.x_values, table.y_kind, table.y_values, *options],
        [table.cells, status, canvas, sent, generate, stop, table.make, table.stop],
        **job,
    )
    expansion.go.click(
        shown(prompting.expand), [visit, prompt, expansion.model, numbers.seed],
        [expansion.text, expansion.use, status, generate, stop], **job,
    )  # fmt: skip
    for button in (stop, table.stop):
        button.click(handlers.stop, [visit], None, **QUICK)

    pictures.select(shown(gallery.choose), [visit], drawn, **verb)
    table.cells.select(shown(grids.take), [visit], drawn, **verb)
    order.input(shown(gallery.sort), [visit, order], pictures, **verb)
    clear.click(shown(gallery.clear), [visit], drawn, **verb)
    for button, keep in ((download, gallery.save), (table.save, grids.save)):
        button.click(shown(keep), [visit], saved, **verb).then(
            None, saved, None, js=SAVE_AS_FILE, api_visibility="private"
        )
    as_start.click(shown(gallery.picture), [visit], start.picture, **verb)
    numbers.reuse.click(shown(gallery.reuse_seed), [visit], [numbers.seed, numbers.new_seed], **verb)
    numbers.random.click(
        lambda: (secrets.randbelow(DRAWN_SEEDS), False), None, [numbers.seed, numbers.new_seed], **QUICK
    )

    surprise.click(prompting.surprise, None, prompt, **QUICK)
    words.select(shown(prompting.toggle), [prompt], prompt, **verb)
    prompt.change(prompting.looked, [prompt, model], [words, odd], trigger_mode="always_last", **QUICK)

    def guided(guidance: float, model_id: str, request: gr.Request) -> gr.Textbox:
        limits = service.limits(model_id)
        return gr.Textbox(
            interactive=reads_negative(limits, guidance),
            placeholder=render.negative_words(limits, guidance, language_of(request)),
        )

    numbers.guidance.change(guided, [numbers.guidance, model], negative, trigger_mode="always_last", **QUICK)

    def describe(
        visit: SessionState, model_id: str, prompt: str, request: gr.Request, numbers: bool = True
    ) -> tuple[Any, ...]:  # fmt: skip
        """Another model: what it changes on the page."""
        language, words = language_of(request), prompt or ""
        visit.model = model_id
        said = prompting.looked(words, model_id, request)[1]
        return (*described(service, playground.state, model_id, words, language, numbers=numbers), said)

    def filled(visit: SessionState, wished: tuple[str, ImageRequest, str], request: gr.Request) -> tuple[Any, ...]:
        """The page with the settings of a picture."""
        model_id, wish, said = wished
        words = wish.written or wish.prompt
        visit.model = model_id
        return (
            *described(service, playground.state, model_id, words, language_of(request), wish),
            model_id, words, wish.prompt if wish.written else "", bool(wish.written), wish.seed, False, wish.start,
            {"text": said},
        )  # fmt: skip

    def use_again(visit: SessionState, request: gr.Request) -> tuple[Any, ...]:
        return filled(visit, gallery.wish_again(visit, language_of(request)), request)

    def restore(visit: SessionState, path: str | None, model_id: str, request: gr.Request) -> tuple[Any, ...]:
        return filled(visit, gallery.restored(path, known, model_id, language_of(request)), request)

    filling = [
        *by_model, model, prompt, expansion.text, expansion.use, numbers.seed, numbers.new_seed, start.picture, status,
    ]  # fmt: skip
    use.click(shown(use_again), [visit], filling, **verb)
    file.upload(shown(restore), [visit, file, model], filling, **verb)
    model.input(shown(describe), [visit, model, prompt], [*by_model, odd], **verb)

    def opened(remembered: str, visit: SessionState, request: gr.Request) -> Any:
        """The page in the visitor's language, with the model they used last; no model is loaded for it.

        Gradio calls this when the page opens, before the browser has told what it remembers, and whenever that
        changes.
        """
        language = language_of(request)
        model_id = remembered if remembered in known else first.id
        if visit.model and (visit.model == model_id or remembered not in known):
            return gr.skip()
        choices = [(model_choice(entry, playground.state(entry), language), entry.id) for entry in entries]
        # The page was built with the first model's numbers, and somebody may have typed others by now.
        about, _, *rest = describe(visit, model_id, begun, request, numbers=model_id != first.id)
        return (
            about, gr.skip(), *rest,  # what is remembered is not written anew
            gr.Dropdown(choices=choices, value=model_id),
            render.kept_canvas(visit.current(), language), render.shelf(visit, language),
            render.film(None, language), handlers_grid.empty(language),
        )  # fmt: skip

    gr.on(None, None, js=ESCAPE_STOPS, api_visibility="private")
    gr.on(
        None, shown(opened), [chosen, visit],
        [*by_model, odd, model, canvas, pictures, filming.film, table.cells], **QUICK,
    )  # fmt: skip
    api.image_endpoints(service)

    def picture_sent(visit: SessionState, request: gr.Request) -> Picture:
        """The chosen picture, on its way to another tab."""
        model_id = gallery.model(visit, request)
        return Picture(gallery.picture(visit, request), avatar=service.limits(model_id).vocabulary)

    return TabHandles(sends=[Sends(Picture, "image", tools, picture_sent, [visit], verb)])


def _tool(name: str) -> gr.Button:
    return gr.Button(label(f"image_{name}"), size="sm", min_width=100, elem_id=f"image-{name.replace('_', '-')}")
