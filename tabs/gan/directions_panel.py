"""The directions panel: which directions have a slider on the stage, and giving one a name.

Invariants: sliders that are moved stay when other directions are chosen; a named direction keeps its vector, so it
outlives what it was found with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.blocks import Block

from playground.errors import UserError
from playground.gan.edit_state import (
    MAX_CUSTOM_DIRECTIONS,
    MAX_DIRECTIONS,
    CustomDirection,
    DirectionEdit,
    EditState,
    parse_label,
)
from playground.gan.types import GeneratorConfig
from playground.validation import validate_whole
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, queued
from tabs.common.words import label, language_of, say
from tabs.gan import render
from tabs.gan.handlers import PictureHandlers
from tabs.gan.session import GanSession


@dataclass
class DirectionsPanel:
    """Components and handlers of the panel; made by `directions_panel`."""

    picture: PictureHandlers
    kind: gr.Radio
    range: gr.Radio
    ends: gr.Row
    first: gr.Number
    last: gr.Number
    which: gr.Dropdown
    name: gr.Textbox
    named_group: gr.Group
    named: gr.Dropdown
    remove: gr.Button

    def outputs(self) -> Sequence[Block]:
        """The components of `start` and `show`."""
        return [self.range, self.ends, self.first, self.last, self.which, self.named, self.named_group]

    def start(self, language: str) -> Updates:
        """Another model: all layers again."""
        return {
            self.range: gr.Radio(choices=render.range_choices(language), value="all"),
            self.ends: gr.Row(visible=False),
        }

    def show(self, state: EditState, config: GeneratorConfig, language: str) -> Updates:
        """The menus of directions: those on the stage, the moved ones first, and the named ones."""
        directions = sorted(state.directions, key=lambda each: -abs(each.strength))
        found = [(render.direction_text(each, config.layers, language), each.name) for each in directions]
        named = [(each.label, place) for place, each in enumerate(state.custom_directions)]
        return {
            self.first: gr.Number(maximum=config.layers - 1),
            self.last: gr.Number(maximum=config.layers - 1),
            self.which: gr.Dropdown(choices=found, value=found[0][1] if found else None),
            self.named: gr.Dropdown(choices=named, value=named[-1][1] if named else None),
            self.named_group: gr.Group(visible=bool(named)),
        }

    def choose(
        self, session: GanSession, stage: Any, kind: str, range_: str, first: Any, last: Any, request: gr.Request
    ) -> Updates:
        """Other directions on the stage; those that are moved stay."""
        state, config = self.picture.current(stage)
        language = language_of(request)
        layers = render.group_range(range_, config.layers)
        if range_ == "own":
            ends = [validate_whole(end, "A layer", 0, config.layers - 1) for end in (first, last)]
            layers = min(ends), max(ends)
        moved = [each for each in state.directions if each.strength]
        if len(moved) + render.COMPONENTS > MAX_DIRECTIONS:
            raise UserError(say(language, "gan_too_many_moves", n=len(moved)))
        count = min(render.COMPONENTS, config.w_dim)
        wanted = [DirectionEdit(kind, index, layers) for index in range(count)]  # type: ignore[arg-type]  # of a radio
        names = {each.name for each in moved}
        directions = (*moved, *(each for each in wanted if each.name not in names))
        return self.picture.show(session, replace(state, directions=directions), language)

    def keep(self, session: GanSession, stage: Any, which: Any, name: Any, request: gr.Request) -> Updates:
        """A found direction gets a name and a slider of its own."""
        state, _ = self.picture.current(stage)
        language = language_of(request)
        if len(state.custom_directions) >= MAX_CUSTOM_DIRECTIONS:
            raise UserError(say(language, "gan_kept_many", n=len(state.custom_directions)))
        text = parse_label(name)
        direction = next((each for each in state.directions if each.name == which), None)
        if direction is None:
            raise UserError(say(language, "gan_direction_gone"))
        found = self.picture.service.directions(state.model, direction.kind, direction.index + 1, direction.layers)
        vector = tuple(round(float(number), 5) for number in found.vectors[direction.index])
        custom = CustomDirection(text, vector, direction.layers, direction.strength)
        state = replace(
            state,
            directions=tuple(replace(each, strength=0.0) if each is direction else each for each in state.directions),
            custom_directions=(*state.custom_directions, custom),
        )
        return self.picture.show(session, state, language) | {self.name: ""}

    def forget(self, session: GanSession, stage: Any, which: Any, request: gr.Request) -> Updates:
        """A named direction is removed."""
        state, _ = self.picture.current(stage)
        place = validate_whole(which, "The named direction", 0, max(0, len(state.custom_directions) - 1))
        rest = state.custom_directions[:place] + state.custom_directions[place + 1 :]
        return self.picture.show(session, replace(state, custom_directions=rest), language_of(request))

    def wire(self, session: gr.State) -> None:
        """Connect the events, once all panels exist.

        Args:
            session: holds the visitor's `GanSession`.
        """
        here = [session, self.picture.stage]
        outputs = self.picture.outputs
        self.range.input(lambda name: gr.Row(visible=name == "own"), self.range, self.ends, **UNQUEUED)
        gr.on(
            [self.kind.input, self.range.input, self.first.input, self.last.input],
            shown(self.choose),
            [*here, self.kind, self.range, self.first, self.last],
            outputs,
            **queued("gan", "always_last"),
        )
        keep = [*here, self.which, self.name]
        self.name.submit(shown(self.keep), keep, [*outputs, self.name], **queued("gan"))
        self.remove.click(shown(self.forget), [*here, self.named], outputs, **queued("gan"))


def directions_panel(picture: PictureHandlers) -> DirectionsPanel:
    """Make the panel inside the current `gr.Tabs`.

    Args:
        picture: shows the current picture.

    Returns:
        The panel; `wire` connects it.
    """
    with gr.Tab(label("gan_directions")):
        gr.Markdown(label("gan_directions_info"), elem_classes="subtle")
        with gr.Row():
            kind = gr.Radio(
                [("PCA", "pca"), ("SeFa", "sefa")],
                value="pca",
                label=label("gan_kind"),
                min_width=160,
                elem_id="gan-kind",
            )
            range_ = gr.Radio([], label=label("gan_range"), scale=3, min_width=260, elem_id="gan-range")
        with gr.Row(visible=False) as ends:
            first = gr.Number(0, label=label("gan_first_layer"), precision=0, minimum=0, min_width=120)
            last = gr.Number(0, label=label("gan_last_layer"), precision=0, minimum=0, min_width=120)
        with gr.Row(equal_height=True):
            which = gr.Dropdown([], label=label("gan_keep_which"), min_width=180, elem_id="gan-which")
            name = gr.Textbox(
                label=label("gan_keep_name"), placeholder=label("gan_keep_name_hint"), max_lines=1, min_width=180,
                submit_btn=label("gan_keep"), elem_id="gan-name",
            )  # fmt: skip
        with gr.Group(visible=False) as named_group:
            named = gr.Dropdown([], label=label("gan_kept"), elem_id="gan-named")
            remove = gr.Button(label("gan_forget"), size="sm", elem_id="gan-forget")
    return DirectionsPanel(picture, kind, range_, ends, first, last, which, name, named_group, named, remove)
