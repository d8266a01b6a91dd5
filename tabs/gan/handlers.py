"""Events of the GAN tab's current picture: seed grid, live stage, undo, files.

Invariants: the current picture is an `EditState` in the stage's value; a handler parses it (which checks it), changes
it and returns what shows it. Live requests (`tiles`, `frame`) come past the queue with all of their state in the
payload.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import gradio as gr
import numpy as np
from gradio.blocks import Block

from playground.errors import UserError
from playground.gan.edit_state import EditState, parse_edit_state, to_rows
from playground.gan.seed_parsing import parse_seed
from playground.gan.service import GanService
from playground.gan.types import GeneratorConfig
from playground.imaging import encoding, latent_file, uploads
from playground.imaging.latent_file import LatentFile
from tabs.common.download import download
from tabs.common.events import Updates, event_data
from tabs.common.live.stage import LiveStage, StagePayload, stage_answer
from tabs.common.words import language_of, say
from tabs.gan import render
from tabs.gan.seed_grid import SeedGrid
from tabs.gan.session import GanSession

TILE_SIDE = 128  # pixels
SAVED_SIDE = 512  # pixels
NO_LATENT = np.zeros(1, np.float32)  # the edit state says it all; the stage wants one to know that a picture is there


class Panel(Protocol):
    """A panel below the stage that shows something of the current picture."""

    def outputs(self) -> Sequence[Block]:
        """The components of `start` and `show`."""

    def start(self, language: str) -> Updates:
        """What another model empties in the panel, beside what `show` changes."""

    def show(self, state: EditState, config: GeneratorConfig, language: str) -> Updates:
        """What another current picture changes in the panel."""


def parse_stage(service: GanService, payload: StagePayload) -> tuple[EditState, GeneratorConfig]:
    """The edit state of a stage payload; the one place where what a browser sent is checked.

    Args:
        service: knows the models.
        payload: of the stage.

    Returns:
        The state with the sliders' values, and the shapes of its model.

    Raises:
        UserError: anything the model cannot render.
    """
    config = service.config(payload.model)
    state = replace(parse_edit_state(payload.extra, config), model=payload.model)
    return state.with_slider_values(payload.values, config.layers), config


@dataclass
class LiveHandlers:
    """Server functions of grid and stage."""

    service: GanService

    def tiles(self, request: Any) -> dict[str, Any]:
        """The grid's pictures.

        Args:
            request: {model, seeds, truncation, judged} from a browser.

        Returns:
            {seeds, tiles}, or {error} instead of an exception.
        """
        try:
            if not isinstance(request, dict):
                raise UserError("The grid sent something it could not have sent. Reload the page.")
            seeds: Any = request.get("seeds")
            judged, model = request.get("judged") is True, str(request.get("model"))[:128]
            found = self.service.samples(model, seeds, request.get("truncation", 1.0), judged)
        except UserError as error:
            return {"error": str(error)}
        tiles = [
            {
                "seed": sample.seed,
                "image": encoding.data_uri(encoding.jpeg(uploads.to_array(sample.picture), TILE_SIDE)),
                "realness": sample.realness,
            }
            for sample in found
        ]
        return {"seeds": " ".join(str(seeds).split()), "tiles": tiles}

    def frame(self, payload: Any) -> dict[str, Any]:
        """The stage's picture.

        Args:
            payload: from a browser.

        Returns:
            A `stage_answer`.

        Raises:
            UserError: anything the model cannot render; the stage shows the words.
        """
        state, config = parse_stage(self.service, StagePayload.parse(payload, 1))
        return stage_answer(self.service.frame(state).jpeg, NO_LATENT, render.slider_values(state, config))


@dataclass
class PictureHandlers:
    """Events that change the current picture."""

    service: GanService
    grid: SeedGrid
    stage: LiveStage
    caption: gr.Markdown
    panels: list[Panel] = field(default_factory=list)

    @property
    def outputs(self) -> list[Block]:
        """The components that show the current picture."""
        return [self.stage, self.grid, self.caption, *(part for panel in self.panels for part in panel.outputs())]

    def current(self, stage: Any) -> tuple[EditState, GeneratorConfig]:
        """The current picture, from the stage's value.

        Args:
            stage: what the browser sent back.

        Returns:
            Its state, and the shapes of its model.

        Raises:
            UserError: a value the stage could not have had.
        """
        sent = stage if isinstance(stage, dict) else {}
        payload = {"model": sent.get("model"), "values": sent.get("moved"), "extra": sent.get("extra")}
        return parse_stage(self.service, StagePayload.parse(payload, 1))

    def show(self, session: GanSession, state: EditState, language: str) -> Updates:
        """A new current picture everywhere it shows; it can be undone.

        Args:
            session: the visitor's.
            state: the picture.
            language: one of `tabs.common.words.LANGUAGES`.

        Returns:
            Updates of `outputs`.
        """
        session.remember(state)
        config = self.service.config(state.model)
        return {self.stage: render.stage(state, config, language)} | self._around(state, config, language)

    def start(self, session: GanSession, state: EditState, language: str) -> Updates:
        """A model from its beginning: what came from another one goes.

        Args:
            session: the visitor's.
            state: the first picture.
            language: one of `tabs.common.words.LANGUAGES`.

        Returns:
            Updates of `outputs`.
        """
        session.stop()
        session.start(state.model)
        updates: Updates = {}
        for panel in self.panels:
            updates |= panel.start(language)
        return updates | self.show(session, state, language)

    def choose(self, session: GanSession, stage: Any, data: gr.EventData, request: gr.Request) -> Updates:
        """A tile was clicked: its picture, as the grid shows it."""
        state, _ = self.current(stage)
        seed = parse_seed(event_data(data, "seed"))
        return self.show(session, state.with_seed(seed, state.truncation), language_of(request))

    def released(self, session: GanSession, stage: Any, request: gr.Request) -> Updates:
        """A movement on the stage has ended: it can be undone, and panels and grid follow."""
        state, config = self.current(stage)
        session.remember(state)
        return self._around(state, config, language_of(request))

    def judge(self, stage: Any, request: gr.Request) -> Updates:
        """The caption with the discriminator's percentile; it follows the picture and never delays it."""
        state, _ = self.current(stage)
        language = language_of(request)
        text = render.caption(state, language)
        try:
            share = self.service.realness(state)
        except UserError:  # a user's own model may have no discriminator; ticking the grid's box says so
            return {self.caption: text}
        return {self.caption: f"{text}. {say(language, 'gan_real', share=100 * share)}"}

    def undo(self, session: GanSession, request: gr.Request) -> Updates:
        """The picture before."""
        return self._step(session, session.undo(), "gan_nothing_to_undo", language_of(request))

    def redo(self, session: GanSession, request: gr.Request) -> Updates:
        """The picture that was undone."""
        return self._step(session, session.redo(), "gan_nothing_to_redo", language_of(request))

    def reset(self, session: GanSession, stage: Any, request: gr.Request) -> Updates:
        """The same seed or style without any edit."""
        state, _ = self.current(stage)
        return self.show(session, state.without_edits(), language_of(request))

    def save_png(self, stage: Any) -> str:
        """The picture as a PNG with its style inside, for the browser to save."""
        state, file = self._latent_file(stage)
        picture = self.service.render(state).resize((SAVED_SIDE, SAVED_SIDE))
        return download(f"{_file_name(state)}.png", "image/png", latent_file.png_with_latent(picture, file))

    def save_json(self, stage: Any) -> str:
        """The style as JSON, for the browser to save."""
        state, file = self._latent_file(stage)
        return download(f"{_file_name(state)}.json", "application/json", latent_file.dumps(file))

    def load(self, session: GanSession, stage: Any, path: str, request: gr.Request) -> Updates:
        """A saved file becomes the current picture, with its sliders where it holds them."""
        before, config = self.current(stage)
        found = latent_file.read_latent_file(path)
        style = latent_file.check_latent(found, "gan", before.model, (config.layers, config.w_dim))
        saved = found.extra.get("recipe")
        state = before.with_style(style) if saved is None else parse_edit_state(saved, config)
        return self.show(session, replace(state, model=before.model), language_of(request))

    def _around(self, state: EditState, config: GeneratorConfig, language: str) -> Updates:
        """Everything but the stage."""
        updates: Updates = {
            self.grid: render.grid_value(state.model, state.seed, state.truncation),
            self.caption: render.caption(state, language),
        }
        for panel in self.panels:
            updates |= panel.show(state, config, language)
        return updates

    def _step(self, session: GanSession, state: EditState | None, nothing: str, language: str) -> Updates:
        if state is None:
            raise UserError(say(language, nothing))
        return self.show(session, state, language)

    def _latent_file(self, stage: Any) -> tuple[EditState, LatentFile]:
        state, _ = self.current(stage)
        style = to_rows(self.service.frame(state).style)
        return state, LatentFile("gan", state.model, [list(row) for row in style], {"recipe": state.to_dict()})


def _file_name(state: EditState) -> str:
    return "gan-style" if state.seed is None else f"gan-seed-{state.seed}"
