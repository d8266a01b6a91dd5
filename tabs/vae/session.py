"""What belongs to one visitor of the VAE tab, and what is to be drawn for them.

Invariants: what is on show stands in the page's stage and travels with every event; here is only what a page
cannot hold: the way back (undo), what was put aside (A, B, C), attributes of one's own, and a film under way.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.runtime.worker import Job

LONGEST_WAY_BACK = 100
OPENING = 54  # the seed of the first face: a hat, a beard and an open look, so that every slider has work to do
MOST_OWN = 4  # attributes of one's own at a time
MOST_DIMENSIONS = 4  # raw coordinates at a time


@dataclass(frozen=True)
class Own:
    """An attribute of the visitor's own: what they call it, and its direction (z,)."""

    name: str
    vector: np.ndarray


class SessionState:
    """One visitor's faces: lives as long as the page is open. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        self.model = ""
        self.film: Job[bytes] | None = None
        self.start("")

    def start(self, model: str) -> None:
        """Begin with a model: latents of another mean nothing to it."""
        self.model = model
        self.way: list[np.ndarray] = []  # latents (z,), the oldest first
        self.place = -1  # of the one on show
        self.seed = OPENING
        self.dimensions: list[int] = []
        self.own: list[Own] = []
        self.groups: dict[str, list[Image.Image]] = {"with": [], "without": []}
        self.aside: dict[str, np.ndarray] = {}  # "a", "b" of the way; "A", "B", "C" of the arithmetic
        self.result: np.ndarray | None = None
        self.frames: np.ndarray | None = None  # (n, z): the latents of the strip on show

    @property
    def latent(self) -> np.ndarray | None:
        return self.way[self.place] if self.way else None

    @property
    def before(self) -> np.ndarray | None:
        """The latent one step back."""
        return self.way[self.place - 1] if self.place > 0 else None

    def go(self, latent: np.ndarray) -> None:
        """Put a latent on show; what had been undone is forgotten."""
        if self.latent is not None and np.array_equal(self.latent, latent):
            return
        self.way = [*self.way[: self.place + 1], latent][-LONGEST_WAY_BACK:]
        self.place = len(self.way) - 1

    def step(self, by: int) -> np.ndarray | None:
        """One step back (-1) or forth (1); None where there is none."""
        if not 0 <= self.place + by < len(self.way):
            return None
        self.place += by
        return self.way[self.place]


@dataclass
class Updates:
    """What a handler wants drawn; None leaves a component as it is."""

    stage: dict[str, Any] | None = None
    typical: dict[str, Any] | None = None
    leak: dict[str, Any] | None = None
    undo: bool | None = None
    redo: bool | None = None

    def updates(self) -> tuple[Any, ...]:
        """In the order of `drawn` in the layout."""
        buttons = [gr.skip() if on is None else gr.Button(interactive=on) for on in (self.undo, self.redo)]
        return (*(gr.skip() if value is None else value for value in (self.stage, self.typical, self.leak)), *buttons)
