"""What is kept for one visitor of the VAE tab: undo history, latents set aside, custom attributes, photographs.

Invariants: it lives as long as the page is open and holds no model. The face on show is in the page's stage and
travels with every event.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from playground.autoencoders.types import Encoded
from tabs.common.session import SessionState

MAX_UNDO = 100
OPENING_SEED = 313  # of the first face: a hat, a beard and an open look, so that every slider has something to change
MAX_CUSTOM = 4  # custom attributes at a time
MAX_DIMENSIONS = 4  # raw coordinates at a time


@dataclass(frozen=True)
class CustomAttribute:
    """A custom attribute: what the visitor calls it, and its direction (z_dim,)."""

    label: str
    vector: np.ndarray


class VaeSession(SessionState):
    """One visitor's faces. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        super().__init__()
        self.start("")

    def start(self, model: str) -> None:
        """Begin with a model: latents of another mean nothing to it.

        Args:
            model: its catalogue id.
        """
        self.model = model
        self.history: list[np.ndarray] = []  # latents (z_dim,), the oldest first
        self.position = -1  # of the one on show
        self.dimensions: list[int] = []
        self.custom: list[CustomAttribute] = []
        self.groups: dict[str, list[Image.Image]] = {"with": [], "without": []}
        self.endpoints: dict[str, np.ndarray] = {}  # "a" and "b" of the interpolation
        self.terms: dict[str, np.ndarray] = {}  # "a", "b" and "c" of the arithmetic, and "result"
        self.frames: np.ndarray | None = None  # (n, z_dim): the latents of the interpolation on show

    @property
    def latent(self) -> np.ndarray | None:
        """The latent on show."""
        return self.history[self.position] if self.history else None

    @property
    def previous(self) -> np.ndarray | None:
        """The latent before the one on show."""
        return self.history[self.position - 1] if self.position > 0 else None

    @property
    def can_redo(self) -> bool:
        """Whether something was undone."""
        return self.position < len(self.history) - 1

    def remember(self, latent: np.ndarray) -> None:
        """Put a latent on show; what was undone can no longer be redone.

        Args:
            latent: (z_dim,).
        """
        if self.latent is not None and np.array_equal(self.latent, latent):
            return
        self.history = [*self.history[: self.position + 1], latent][-MAX_UNDO:]
        self.position = len(self.history) - 1

    def step(self, by: int) -> np.ndarray | None:
        """Undo or redo.

        Args:
            by: -1 or 1.

        Returns:
            The latent that is on show then; None where there is none.
        """
        if not 0 <= self.position + by < len(self.history):
            return None
        self.position += by
        return self.history[self.position]


class PhotoSession(SessionState):
    """One visitor's photograph, as long as the page is open. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        super().__init__()
        self.encoded: Encoded | None = None
