"""What is kept for one visitor of the GAN tab: undo history, key frames, the truncation sheet.

Invariants: it lives as long as the page is open and holds no model. The current picture itself is in the page's stage.
"""

from dataclasses import dataclass

from playground.gan.edit_state import EditState
from tabs.common.session import SessionState

MAX_UNDO = 50


@dataclass(frozen=True)
class KeyFrame:
    """A key frame of the animation: the picture's state, its thumbnail as a data URI, and its caption."""

    state: EditState
    image: str
    caption: str


class GanSession(SessionState):
    """One visitor's GAN tab. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        super().__init__()
        self.start("")

    def start(self, model: str) -> None:
        """Begin with a model: nothing made with another one is kept.

        Args:
            model: its catalogue id.
        """
        self.model = model
        self.undo_stack: list[EditState] = []  # the current picture is the last
        self.redo_stack: list[EditState] = []
        self.keys: list[KeyFrame] = []
        self.sheet: tuple[float, ...] = ()  # psi of each picture of the truncation sheet

    def remember(self, state: EditState) -> None:
        """Record a new current picture; what was undone can no longer be redone.

        Args:
            state: the picture.
        """
        if not self.undo_stack or self.undo_stack[-1] != state:
            self.undo_stack = [*self.undo_stack, state][-MAX_UNDO:]
            self.redo_stack = []

    def undo(self) -> EditState | None:
        """The picture before the current one, or None."""
        if len(self.undo_stack) < 2:
            return None
        self.redo_stack.append(self.undo_stack.pop())
        return self.undo_stack[-1]

    def redo(self) -> EditState | None:
        """The picture that was undone last, or None."""
        if not self.redo_stack:
            return None
        self.undo_stack.append(self.redo_stack.pop())
        return self.undo_stack[-1]
