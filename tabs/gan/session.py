"""What belongs to one visitor of the GAN tab: the way back, the film's key frames, what is being made.

Invariants: it lives as long as the page is open and holds no model. The current picture itself is in the page.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.runtime.worker import Job
from tabs.gan.edit_state import Recipe

MOST_STEPS_BACK = 50


@dataclass(frozen=True)
class Key:
    """A key frame: whose style it is, the style (layers, w), and its picture as a data URI."""

    recipe: Recipe
    style: np.ndarray
    image: str
    caption: str


class SessionState:
    """One visitor's GAN tab. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        self.past: list[Recipe] = []
        self.future: list[Recipe] = []
        self.keys: list[Key] = []
        self.sheet: tuple[float, ...] = ()
        self.job: Job[Any] | None = None
        self.model = ""  # whose pictures are on the page

    def remember(self, recipe: Recipe) -> None:
        """A new picture is current; what was taken back before is gone."""
        if not self.past or self.past[-1] != recipe:
            self.past = [*self.past, recipe][-MOST_STEPS_BACK:]
            self.future = []

    def back(self) -> Recipe | None:
        """The picture before the current one, or None."""
        if len(self.past) < 2:
            return None
        self.future.append(self.past.pop())
        return self.past[-1]

    def forth(self) -> Recipe | None:
        """The picture that was taken back last, or None."""
        if not self.future:
            return None
        self.past.append(self.future.pop())
        return self.past[-1]
