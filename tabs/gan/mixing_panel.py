"""The style mixing panel: a second seed, the layers it takes over, and the pictures that are mixed."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.blocks import Block

from playground.gan.edit_state import EditState, parse_layers
from playground.gan.seed_parsing import parse_seed
from playground.gan.styles import layer_groups
from playground.gan.types import GeneratorConfig
from playground.imaging import encoding
from playground.validation import MAX_SEED
from tabs.common.components import PictureStrip, strip
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, queued
from tabs.common.words import label, language_of, say
from tabs.gan import render
from tabs.gan.handlers import PictureHandlers
from tabs.gan.session import GanSession


def random_seed() -> int:
    """A random seed, short enough to be told to somebody."""
    return secrets.randbelow(1_000_000)


@dataclass
class MixingPanel:
    """Components and handlers of the panel; made by `mixing_panel`."""

    picture: PictureHandlers
    seed: gr.Number
    random: gr.Button
    groups: gr.CheckboxGroup
    layers: gr.CheckboxGroup
    sources: PictureStrip

    def outputs(self) -> Sequence[Block]:
        """The components of `start` and `show`."""
        return [self.seed, self.groups, self.layers, self.sources]

    def start(self, language: str) -> Updates:
        """Another model changes nothing that `show` does not."""
        return {}

    def show(self, state: EditState, config: GeneratorConfig, language: str) -> Updates:
        """The ticked layers, and the pictures that are mixed."""
        ticked = render.complete_groups(state.mix_layers, config.layers)
        updates: Updates = {
            self.groups: gr.CheckboxGroup(choices=render.group_choices(language), value=ticked),
            self.layers: gr.CheckboxGroup(
                choices=render.layer_choices(config, language), value=list(state.mix_layers)
            ),
            self.sources: self._pictures(state, language),
        }
        if state.mix_seed is not None:
            updates[self.seed] = state.mix_seed
        return updates

    def mix(self, session: GanSession, stage: Any, seed: Any, layers: Any, request: gr.Request) -> Updates:
        """Layers were ticked, or the second seed changed."""
        state, config = self.picture.current(stage)
        ticked = parse_layers((layers or [])[: config.layers], config.layers)
        state = replace(state, mix_seed=parse_seed(seed), mix_layers=ticked)
        return self.picture.show(session, state, language_of(request))

    def mix_groups(self, session: GanSession, stage: Any, seed: Any, groups: Any, request: gr.Request) -> Updates:
        """Groups were ticked: their layers. Layers ticked one by one in other groups stay."""
        state, config = self.picture.current(stage)
        before = render.complete_groups(state.mix_layers, config.layers)
        ticked = set(state.mix_layers)
        for group, layers in layer_groups(config.layers).items():
            if group in (groups or []):
                ticked |= set(layers)
            elif group in before:
                ticked -= set(layers)
        return self.mix(session, stage, seed, sorted(ticked), request)

    def wire(self, session: gr.State) -> None:
        """Connect the events, once all panels exist.

        Args:
            session: holds the visitor's `GanSession`.
        """
        here, outputs = [session, self.picture.stage], self.picture.outputs
        newest = queued("gan", "always_last")
        by_layer = [*here, self.seed, self.layers]
        gr.on([self.layers.input, self.seed.input], shown(self.mix), by_layer, outputs, **newest)
        self.groups.input(shown(self.mix_groups), [*here, self.seed, self.groups], outputs, **newest)
        self.random.click(random_seed, None, self.seed, **UNQUEUED).then(
            shown(self.mix), by_layer, outputs, **queued("gan")
        )

    def _pictures(self, state: EditState, language: str) -> dict[str, Any]:
        """The two pictures and what they give, at small size; nothing without a second seed."""
        if state.mix_seed is None:
            return strip()
        parts = [
            (replace(state, mix_layers=()), say(language, "gan_mix_first")),
            (state.with_seed(state.mix_seed, state.truncation), say(language, "gan_mix_second", seed=state.mix_seed)),
        ]
        if state.mix_layers:
            parts.append((state, say(language, "gan_mix_result")))
        frames = [(self.picture.service.frame(each, render.THUMBNAIL_SIDE), words) for each, words in parts]
        return strip([(encoding.data_uri(frame.jpeg), words) for frame, words in frames])


def mixing_panel(picture: PictureHandlers) -> MixingPanel:
    """Make the panel inside the current `gr.Tabs`.

    Args:
        picture: shows the current picture.

    Returns:
        The panel; `wire` connects it.
    """
    with gr.Tab(label("gan_mixing")):
        gr.Markdown(label("gan_mixing_info"), elem_classes="subtle")
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=220):
                seed = gr.Number(
                    2, label=label("gan_mix_seed"), precision=0, minimum=0, maximum=MAX_SEED, elem_id="gan-mix-seed"
                )
                random = gr.Button(label("gan_mix_random"), size="sm", elem_id="gan-mix-random")
                groups = gr.CheckboxGroup([], label=label("gan_mix_groups"), elem_id="gan-mix-groups")
            with gr.Column(scale=2, min_width=260):
                layers = gr.CheckboxGroup([], label=label("gan_mix_layers"), elem_id="gan-mix-layers")
                sources = PictureStrip(elem_id="gan-sources")
    return MixingPanel(picture, seed, random, groups, layers, sources)
