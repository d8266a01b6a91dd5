"""The GAN tab: what it looks like and which event calls which handler.

A grid of pictures by their seeds, one of them on a stage to be moved under the finger, and what else can be done with
it: directions, mixing, a film, a picture of one's own, and a look at what the model learned.
"""

from typing import Any

import gradio as gr

from playground.core import Playground
from tabs.common.download import SAVE_AS_FILE
from tabs.common.errors import shown
from tabs.common.live.stage import LiveStage
from tabs.common.tab import TabHandles
from tabs.common.words import label, language_of
from tabs.gan import api, panels, render
from tabs.gan.components import strip
from tabs.gan.edit_state import Move, Recipe
from tabs.gan.files import FileHandlers
from tabs.gan.handlers_animation import AnimationHandlers
from tabs.gan.handlers_current import CurrentHandlers
from tabs.gan.handlers_explore import ExploreHandlers
from tabs.gan.seed_grid import SeedGrid
from tabs.gan.session import SessionState

FIRST_SEED = 1
CHOICE_KEY = "aigc-playground-gan-model"
HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
QUICK = {**HIDDEN, "queue": False}  # past the queue; there an error would lose its words


def gan_tab(playground: Playground) -> TabHandles:
    """Build the tab inside the current `gr.Blocks` and wire its events."""
    service = playground.gan
    entries = service.catalog.of_tab("gan")
    if not entries:
        gr.Markdown(label("gan_none"), elem_classes="subtle")
        return TabHandles()
    first = entries[0]
    current = CurrentHandlers(service)
    film, explore, files = AnimationHandlers(current), ExploreHandlers(current), FileHandlers(current)

    visit = gr.State(SessionState(), delete_callback=film.stop)
    chosen = gr.BrowserState(first.id, storage_key=CHOICE_KEY, secret=CHOICE_KEY)  # a menu choice, no secret at all
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            model = gr.Dropdown(
                [(render.model_choice(entry, playground.state(entry), "en"), entry.id) for entry in entries],
                value=first.id,
                label=label("gan_model"),
                elem_id="gan-model",
            )
            about = gr.Markdown("", elem_classes="subtle", elem_id="gan-about")
            grid = SeedGrid(current.tiles, render.grid_value(first.id, FIRST_SEED), elem_id="gan-grid")
        with gr.Column(scale=3, min_width=300):
            stage = LiveStage(current.live, elem_id="gan-stage")
            caption = gr.Markdown("", elem_classes="subtle", elem_id="gan-caption")
            with gr.Row(elem_classes="tools"):
                undo = gr.Button(label("gan_undo"), size="sm", min_width=80, elem_id="gan-undo")
                redo = gr.Button(label("gan_redo"), size="sm", min_width=80, elem_id="gan-redo")
                plain = gr.Button(label("gan_plain"), size="sm", min_width=80, elem_id="gan-plain")
                add = gr.Button(label("gan_add_key"), size="sm", min_width=80, elem_id="gan-add")
                save_png = gr.Button(label("gan_save_png"), size="sm", min_width=80, elem_id="gan-save-png")
                save_json = gr.Button(label("gan_save_json"), size="sm", min_width=80, elem_id="gan-save-json")
                load = gr.UploadButton(
                    label("gan_load"), size="sm", min_width=80, file_types=[".json", ".png"], elem_id="gan-load"
                )
    with gr.Tabs(elem_id="gan-panels"):
        directions = panels.directions_panel()
        mixing = panels.mixing_panel()
        movie = panels.film_panel()
        own = panels.own_panel()
        learned = panels.learned_panel()
    saved = gr.Textbox(visible=False)

    drawn = [stage, grid, caption, mixing.seed, mixing.groups, mixing.layers, directions.which,
             directions.kept, directions.keeping]  # fmt: skip
    verb = {**HIDDEN, "concurrency_id": "gan-verbs", "concurrency_limit": None}
    job = {**HIDDEN, "concurrency_id": "gan-jobs", "concurrency_limit": None, "trigger_mode": "once"}
    here = [visit, stage]

    grid.select(shown(current.choose), here, drawn, **verb)
    # Every new picture ends in a release; the discriminator's opinion follows it and never delays it.
    stage.release(
        shown(current.released), here, [caption, directions.which], **(verb | {"trigger_mode": "always_last"})
    ).then(shown(current.judge), [stage], caption, trigger_mode="always_last", **verb)
    undo.click(shown(current.undo), here, drawn, **verb)
    redo.click(shown(current.redo), here, drawn, **verb)
    plain.click(shown(current.plain), here, drawn, **verb)
    add.click(shown(film.add), here, movie.keys, **verb)
    for button, handler in ((save_png, files.save_png), (save_json, files.save_json)):
        button.click(shown(handler), [stage], saved, **verb).then(
            None, saved, None, js=SAVE_AS_FILE, api_visibility="private"
        )
    load.upload(shown(files.load), [*here, load], drawn, **verb)

    show = [*here, directions.kind, directions.range, directions.first, directions.last]
    directions.range.input(lambda span: gr.Row(visible=span == "own"), directions.range, directions.ends, **QUICK)
    gr.on(
        [directions.kind.input, directions.range.input, directions.first.change, directions.last.change],
        shown(current.show), show, drawn, trigger_mode="always_last", **verb,
    )  # fmt: skip
    directions.name.submit(
        shown(current.keep), [*here, directions.which, directions.name], [*drawn, directions.name], **verb
    )
    directions.forget.click(shown(current.forget), [*here, directions.kept], drawn, **verb)

    mix = {**verb, "trigger_mode": "always_last"}
    by_layer = [*here, mixing.seed, mixing.layers]
    mixed = [*drawn, mixing.sources]
    gr.on([mixing.layers.input, mixing.seed.input], shown(current.mix), by_layer, mixed, **mix)
    mixing.groups.input(shown(current.mix_groups), [*here, mixing.seed, mixing.groups], mixed, **mix)
    mixing.random.click(panels.random_seed, None, mixing.seed, **QUICK).then(
        shown(current.mix), by_layer, mixed, **verb
    )

    movie.make.click(
        shown(film.make), [visit, model, movie.seconds, movie.fps, movie.loop],
        [movie.status, movie.film, movie.make, movie.stop], **job,
    )  # fmt: skip
    movie.keys.delete(shown(film.remove), [visit], movie.keys, **verb)
    movie.keys.select(shown(film.choose), [visit], drawn, **verb)

    own.start.click(
        shown(explore.project), [*here, own.picture, own.steps],
        [own.status, own.strip, own.start, own.stop, *drawn], **job,
    )  # fmt: skip
    learned.nearest.click(shown(explore.nearest), [stage], learned.neighbours, **verb)
    learned.sheet.click(shown(explore.sheet), here, learned.sheets, **verb)
    learned.sheets.select(shown(explore.take), here, drawn, **verb)
    learned.count.click(
        shown(explore.histogram), [visit, model],
        [learned.status, learned.bars, learned.count, learned.stop], **job,
    )  # fmt: skip
    for button in (movie.stop, own.stop, learned.stop):
        button.click(film.stop, [visit], None, **QUICK)

    emptied = [movie.film, mixing.sources, own.strip, learned.neighbours, learned.sheets, learned.bars]

    def opened(remembered: str, visit: SessionState, request: gr.Request) -> Any:
        """The page in the visitor's language, with the model they used last; no model is loaded for it.

        Gradio calls this when the page opens, before the browser has told what it remembers, and whenever that
        changes: also after every choice, when the page shows it already.
        """
        language = language_of(request)
        known = [entry.id for entry in entries]
        model_id = remembered if remembered in known else first.id
        if visit.model and (visit.model == model_id or remembered not in known):
            return gr.skip()
        choices = [(render.model_choice(entry, playground.state(entry), language), entry.id) for entry in entries]
        about, _, *rest = start(model_id, visit, request)  # what is remembered is not written anew
        return (gr.Dropdown(choices=choices, value=model_id), about, gr.skip(), *rest)

    def start(model_id: str, visit: SessionState, request: gr.Request) -> tuple[Any, ...]:
        """A model from its beginning: what came from another one goes."""
        language, known = language_of(request), service.about(model_id)
        layers, nothing = len(known.resolutions), strip(language)
        film.stop(visit)
        visit.model, visit.past, visit.future, visit.keys = model_id, [], [], []
        moves = tuple(Move("pca", index, (0, layers - 1)) for index in range(min(render.COMPONENTS, known.w_dim)))
        recipe = Recipe(model_id, FIRST_SEED, moves=moves)
        entry = service.entry(model_id)
        return (
            render.model_line(entry, known, playground.state(entry), language),
            model_id,
            film.keys(visit, language),
            *[nothing] * len(emptied),
            gr.Radio(choices=render.range_choices(language), value="all"),
            gr.CheckboxGroup(choices=render.group_choices(language)),
            gr.CheckboxGroup(choices=render.layer_choices(known, language)),
            gr.Number(maximum=layers - 1),
            gr.Number(maximum=layers - 1, value=layers - 1),
            *current.redrawn(visit, recipe, known, language),
        )

    ends = [directions.first, directions.last]
    begun = [about, chosen, movie.keys, *emptied, directions.range, mixing.groups, mixing.layers, *ends]
    model.input(shown(start), [model, visit], [*begun, *drawn], **verb)
    gr.on(None, shown(opened), [chosen, visit], [model, *begun, *drawn], **QUICK)
    api.gan_endpoints(service)
    return TabHandles()
