"""Events of the VAE tab's face: live stage, sampling, encoding, undo.

Invariants: a handler takes plain values, changes the visitor's `VaeSession` and returns updates. Whatever the page
sends back is validated: by `LiveHandlers.frame` for live pictures, by `FaceHandlers.current` for everything else.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from gradio.blocks import Block

from playground.errors import UserError
from playground.imaging import uploads
from playground.vae.service import VaeService
from playground.vae.validation import MAX_ABS
from playground.validation import MAX_SEED, validate_seed
from tabs.common.components import BarChart, bars
from tabs.common.events import Updates
from tabs.common.live.stage import LiveStage, StagePayload, parse_array, stage_answer
from tabs.common.words import language_of, say
from tabs.vae import render
from tabs.vae.session import MAX_CUSTOM, MAX_DIMENSIONS, OPENING_SEED, VaeSession

MAX_LATENT = 4096  # numbers of a latent that is looked at


@dataclass
class LiveHandlers:
    """The stage's server function."""

    service: VaeService

    def frame(self, payload: Any) -> dict[str, Any]:
        """The stage's picture: raw coordinates and custom attributes are applied, then the named controls.

        Args:
            payload: from a browser.

        Returns:
            A `stage_answer`.

        Raises:
            UserError: anything the model cannot decode; the stage shows the words.
        """
        asked = StagePayload.parse(payload, dimensions=1, limit=MAX_LATENT)
        width = self.service.config(asked.model).latent
        named = {name: value for name, value in asked.values.items() if not name.startswith(("dim_", "custom_"))}
        latent = asked.latent
        if latent is not None and len(latent) != width:
            raise UserError(f"A latent of this model has {width} numbers; this one has {len(latent)}.")
        if latent is not None:
            latent = _apply_raw(latent.copy(), asked, width)
        frame = self.service.frame(asked.model, latent, named, _seed_of(asked.extra), render.SIDE)
        values = render.stage_values(frame.values, self.service.controls(asked.model))
        for index in _dimensions_of(asked.extra, width):
            values[f"dim_{index}"] = float(frame.latent[index])
        values |= {name: value for name, value in asked.values.items() if name.startswith("custom_")}
        language = "zh" if asked.extra.get("language") == "zh" else "en"
        return stage_answer(frame.jpeg, frame.latent, values, render.inactive_controls(frame.values, language))


@dataclass
class FaceHandlers:
    """Events that change the face on show."""

    service: VaeService
    stage: LiveStage
    typicality: BarChart
    leak: BarChart
    undo: gr.Button
    redo: gr.Button

    @property
    def outputs(self) -> list[Block]:
        """The components that show the face."""
        return [self.stage, self.typicality, self.leak, self.undo, self.redo]

    def start(self, session: VaeSession, model: str, language: str) -> Updates:
        """A fresh page, or another model: the stage asks for the first picture itself once it is seen.

        Args:
            session: the visitor's.
            model: a VAE's catalogue id.
            language: one of `tabs.common.words.LANGUAGES`.

        Returns:
            Updates of `outputs`.
        """
        session.stop()
        session.start(model)
        return {
            self.stage: render.stage(session, self.service.controls(model), language, OPENING_SEED, None),
            self.typicality: bars(),
            self.leak: bars(hint=say(language, "vae_leak_empty")),
            self.undo: gr.Button(interactive=False),
            self.redo: gr.Button(interactive=False),
        }

    def show(self, session: VaeSession, latent: np.ndarray, language: str, locked: Collection[str] = ()) -> Updates:
        """Put a latent on the stage; it can be undone.

        Args:
            session: the visitor's.
            latent: (z_dim,).
            language: one of `tabs.common.words.LANGUAGES`.
            locked: names of controls that stay locked.

        Returns:
            Updates of `outputs`.

        Raises:
            UserError: no latent of this model.
        """
        frame = self.service.frame(session.model, latent, {}, side=render.SIDE)
        session.remember(frame.latent)
        controls = self.service.controls(session.model)
        return self._around(session, language) | {
            self.stage: render.stage(session, controls, language, OPENING_SEED, frame, locked),
            self.leak: bars(hint=say(language, "vae_leak_empty")),
        }

    def refresh(self, session: VaeSession, stage: Any, language: str) -> Updates:
        """The same face, after controls have come or gone."""
        return self.show(session, self.current(session, stage), language, locked_controls(stage))

    def current(self, session: VaeSession, stage: Any) -> np.ndarray:
        """The latent on show, as the page has it, which is never behind.

        Args:
            session: the visitor's.
            stage: the stage's value, as the browser sent it.

        Returns:
            (z_dim,).

        Raises:
            UserError: there is no picture yet, or the value is none of a stage.
        """
        if isinstance(stage, dict) and stage.get("model") == session.model and stage.get("latent") is not None:
            return parse_array(stage["latent"], 1, MAX_LATENT)
        if session.latent is None:
            raise UserError("There is no picture on the stage yet. Wait for the first one, or sample one.")
        return session.latent

    def released(self, session: VaeSession, data: gr.EventData, request: gr.Request) -> Updates:
        """A movement has ended: it can be undone, and what it changed is measured."""
        language = language_of(request)
        sent = data._data if isinstance(data._data, dict) else {}
        latent = parse_array(sent.get("latent"), 1, MAX_LATENT)
        if sent.get("model") != session.model:
            return {}  # the model was changed meanwhile
        moved = sent.get("moved")
        session.remember(latent)
        intended = self._intended(session, moved if isinstance(moved, dict) else {})
        return self._around(session, language) | {self.leak: self._leak(session, language, intended)}

    def sample(
        self,
        session: VaeSession,
        stage: Any,
        seed: float,
        random: bool,
        temperature: float,
        prior: str,
        request: gr.Request,
    ) -> tuple[Updates, int]:
        """A face from the prior; locked controls keep their values. Also returns the seed that was used."""
        number = secrets.randbelow(MAX_SEED + 1) if random else validate_seed(seed)
        latent = self.service.sample(session.model, number, temperature, prior)  # type: ignore[arg-type]  # it checks
        locked = locked_controls(stage)
        if locked:
            values = stage.get("values") if isinstance(stage, dict) else None
            kept = {name: value for name, value in (values or {}).items() if name in locked}
            latent = self.service.edit_latent(session.model, latent, kept)
        return self.show(session, latent, language_of(request), locked), number

    def pull_back(self, session: VaeSession, stage: Any, strength: float, request: gr.Request) -> Updates:
        """A more typical face."""
        latent = self.service.pull_back(session.model, self.current(session, stage), strength)
        language = language_of(request)
        updates = self.show(session, latent, language, locked_controls(stage))
        return updates | {self.leak: self._leak(session, language, ())}

    def step(self, session: VaeSession, stage: Any, by: int, request: gr.Request) -> Updates:
        """Undo (-1) or redo (1)."""
        latent = session.step(by)
        if latent is None:
            return {}
        return self.show(session, latent, language_of(request), locked_controls(stage))

    def encode(
        self, session: VaeSession, stage: Any, path: str, request: gr.Request
    ) -> tuple[Updates, dict[str, Any], str]:
        """An uploaded picture on the stage. Also returns it beside its reconstruction, and its quality."""
        language = language_of(request)
        found = self.service.encode(session.model, uploads.read(path))
        updates = self.show(session, found.latent, language, locked_controls(stage))
        return updates, *render.encoded(found, language)

    def _around(self, session: VaeSession, language: str) -> Updates:
        """Everything but stage and leak."""
        try:
            typicality = render.typicality(self.service.typicality(session.model, session.latent), language)
        except UserError as error:  # no flow, or no atlas
            typicality = bars(hint=str(error))
        return {
            self.typicality: typicality,
            self.undo: gr.Button(interactive=session.position > 0),
            self.redo: gr.Button(interactive=session.can_redo),
        }

    def _intended(self, session: VaeSession, moved: dict[str, Any]) -> set[str]:
        """Attributes whose coordinates the moved controls have changed."""
        now, before = session.latent, session.previous
        if now is None or before is None:
            return set()
        blocks = [control.block for control in self.service.controls(session.model) if control.name in moved]
        return {block.name for block in blocks if not np.allclose(now[block.slice], before[block.slice], atol=1e-4)}

    def _leak(self, session: VaeSession, language: str, intended: Collection[str]) -> dict[str, Any]:
        if session.previous is None or session.latent is None:
            return bars(hint=say(language, "vae_leak_empty"))
        try:
            found = self.service.leak(session.model, session.previous, session.latent)
        except UserError as error:  # no judge: the rest of the page works without it
            return bars(hint=str(error))
        values = {control.name: control.value_in(session.latent) for control in self.service.controls(session.model)}
        return render.leak(found, intended, render.inactive_controls(values, language), language)


def locked_controls(stage: Any) -> list[str]:
    """Names of the locked controls.

    Args:
        stage: the stage's value, as the browser sent it.

    Returns:
        Names; not all of them need exist.
    """
    locked = stage.get("locked") if isinstance(stage, dict) else None
    return [name for name in locked if isinstance(name, str)] if isinstance(locked, list) else []


def _apply_raw(latent: np.ndarray, asked: StagePayload, width: int) -> np.ndarray:
    """(z_dim,) with raw coordinates set, and custom attributes added."""
    custom = asked.extra.get("custom") or []
    if not isinstance(custom, list) or len(custom) > MAX_CUSTOM:
        raise UserError(f"At most {MAX_CUSTOM} attributes of your own can be moved at a time. Reload the page.")
    moved = [(name, value) for name, value in asked.values.items() if name.startswith(("dim_", "custom_"))]
    for name, value in moved:
        kind, _, number = name.partition("_")
        index = int(number) if number.isdecimal() and len(number) < 6 else -1
        reach, count = (render.MAX_DIMENSION, width) if kind == "dim" else (render.MAX_CUSTOM_VALUE, len(custom))
        if isinstance(value, str) or abs(value) > reach or not 0 <= index < count:
            raise UserError("That slider does not exist any more. Reset it, or reload the page.")
        if kind == "dim":
            latent[index] = value
        else:
            vector = parse_array(custom[index], 1, MAX_LATENT)
            if len(vector) != width:
                raise UserError("An attribute of your own belongs to another model. Make it again.")
            latent += value * vector
    return latent.clip(-MAX_ABS, MAX_ABS) if moved else latent


def _dimensions_of(extra: dict[str, Any], width: int) -> list[int]:
    indices = extra.get("dimensions")
    if not isinstance(indices, list) or len(indices) > MAX_DIMENSIONS:
        return []
    return [index for index in indices if type(index) is int and 0 <= index < width]


def _seed_of(extra: dict[str, Any]) -> int:
    seed = extra.get("seed")
    return validate_seed(seed or 0)
