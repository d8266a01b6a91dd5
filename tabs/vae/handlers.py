"""What happens when a visitor moves, samples, encodes, or goes a step back.

Invariants: a handler takes plain values, changes the visitor's `SessionState`, and returns what to draw. Whatever the
page sends back of the stage is checked like any other input.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from playground.errors import UserError
from playground.imaging import uploads
from playground.vae.service import VaeService
from tabs.common.live.stage import parse_array
from tabs.common.words import language_of, say
from tabs.vae import render
from tabs.vae.handlers_live import WIDEST_LATENT
from tabs.vae.session import SessionState, Updates


@dataclass
class VaeHandlers:
    """The VAE tab's events over a `VaeService`."""

    service: VaeService

    def start(self, visit: SessionState, model_id: str, language: str) -> Updates:
        """A fresh page, or another model: the stage asks for the first picture itself once it is seen."""
        visit.start(model_id)
        return Updates(
            stage=render.stage(visit, self.service.controls(model_id), language, None),
            typical=render.typical("", language),
            leak=render.bars([], hint=say(language, "vae_leak_empty")),
            undo=False,
            redo=False,
        )

    def released(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A movement has ended: remember it, and say what it changed and how usual the face is now."""
        language = language_of(request)
        sent = data._data if isinstance(data._data, dict) else {}
        latent = parse_array(sent.get("latent"), 1, WIDEST_LATENT)
        if sent.get("model") != visit.model:
            return Updates().updates()  # the model was changed meanwhile
        moved = sent.get("moved")
        visit.go(latent)
        return self._about(visit, language, moved if isinstance(moved, dict) else {}).updates()

    def sample(
        self,
        visit: SessionState,
        stage: Any,
        seed: float,
        random: bool,
        temperature: float,
        prior: str,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """A face from the prior; locked controls keep what they have."""
        number = secrets.randbelow(2**32) if random else _seed(seed)
        latent = self.service.sample(visit.model, number, temperature, prior)  # type: ignore[arg-type]  # it checks
        locked = _locked(stage)
        if locked:
            kept = {name: value for name, value in _values(stage).items() if name in locked}
            latent = self.service.frame(visit.model, latent, kept).latent
        return (*self.show(visit, latent, language_of(request), locked).updates(), number)

    def pull_back(self, visit: SessionState, stage: Any, strength: float, request: gr.Request) -> tuple[Any, ...]:
        """Nearer to what is usual."""
        latent = self.service.pull_back(visit.model, self.now(visit, stage), strength)
        language = language_of(request)
        drawing = self.show(visit, latent, language, _locked(stage))
        drawing.leak = self._leak(visit, language, ())
        return drawing.updates()

    def encode(self, visit: SessionState, stage: Any, path: str | None, request: gr.Request) -> tuple[Any, ...]:
        """A picture of the visitor's: what the model sees of it, what comes back, and that on the stage."""
        if not path:
            return (*Updates().updates(), gr.skip(), gr.skip())
        language = language_of(request)
        found = self.service.encode(visit.model, uploads.read(path))
        drawing = self.show(visit, found.latent, language, _locked(stage))
        return (*drawing.updates(), *render.encoded(found, language))

    def step(self, visit: SessionState, stage: Any, by: int, request: gr.Request) -> tuple[Any, ...]:
        """Undo or redo."""
        latent = visit.step(by)
        if latent is None:
            return Updates().updates()
        return self.show(visit, latent, language_of(request), _locked(stage)).updates()

    def show(self, visit: SessionState, latent: np.ndarray, language: str, locked: Collection[str] = ()) -> Updates:
        """Put a latent on the stage. Raises `UserError` if it is none of this model's."""
        frame = self.service.frame(visit.model, latent, {}, side=render.SIDE)
        visit.go(frame.latent)
        drawing = self._about(visit, language, None)
        drawing.stage = render.stage(visit, self.service.controls(visit.model), language, frame, locked)
        return drawing

    def redraw(self, visit: SessionState, stage: Any, language: str) -> Updates:
        """The same face, with controls that have come or gone."""
        return self.show(visit, self.now(visit, stage), language, _locked(stage))

    def now(self, visit: SessionState, stage: Any) -> np.ndarray:
        """The latent on show: as the page has it, which is never behind. Raises `UserError` before the first."""
        if isinstance(stage, dict) and stage.get("model") == visit.model and stage.get("latent") is not None:
            return parse_array(stage["latent"], 1, WIDEST_LATENT)
        if visit.latent is None:
            raise UserError("There is no picture on the stage yet. Wait for the first one, or sample one.")
        return visit.latent

    def _about(self, visit: SessionState, language: str, moved: dict[str, Any] | None) -> Updates:
        """What is said of the face on show. `moved` is None where it was not reached by a control."""
        leak = render.bars([], hint=say(language, "vae_leak_empty"))
        if moved is not None and visit.before is not None:
            now, before = visit.latent, visit.before
            assert now is not None
            blocks = [control.block for control in self.service.controls(visit.model) if control.name in moved]
            meant = {b.name for b in blocks if not np.allclose(now[b.slice], before[b.slice], atol=1e-4)}
            leak = self._leak(visit, language, meant)
        return Updates(
            typical=self._typical(visit, language),
            leak=leak,
            undo=visit.place > 0,
            redo=visit.place < len(visit.way) - 1,
        )

    def _leak(self, visit: SessionState, language: str, meant: Collection[str]) -> dict[str, Any]:
        if visit.before is None or visit.latent is None:
            return render.bars([], hint=say(language, "vae_leak_empty"))
        try:
            found = self.service.leak(visit.model, visit.before, visit.latent)
        except UserError as error:  # no judge: the rest of the page works without it
            return render.bars([], hint=str(error))
        return render.leak(found, meant, language)

    def _typical(self, visit: SessionState, language: str) -> dict[str, Any]:
        try:
            return render.typical(self.service.typicality(visit.model, visit.latent), language)
        except UserError as error:  # no flow, or no atlas
            return render.typical(str(error), language)


def _locked(stage: Any) -> list[str]:
    locked = stage.get("locked") if isinstance(stage, dict) else None
    return [name for name in locked if isinstance(name, str)] if isinstance(locked, list) else []


def _values(stage: Any) -> dict[str, Any]:
    values = stage.get("values") if isinstance(stage, dict) else None
    return values if isinstance(values, dict) else {}


def _seed(value: float | None) -> int:
    if value is None or not 0 <= value < 2**32 or value != int(value):
        raise UserError(f"A seed is a whole number from 0 to {2**32 - 1}.")
    return int(value)
