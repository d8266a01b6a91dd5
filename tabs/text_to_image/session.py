"""What belongs to one visitor of the text-to-image tab, what they chose, and what is to be drawn for them."""

import secrets
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import UserError
from playground.imaging import uploads
from playground.runtime.worker import Job
from playground.text_to_image.limits import Limits
from playground.text_to_image.types import ImageRequest, Settings, Trajectory

MOST_KEPT = 48  # pictures
MOST_KEPT_BYTES = 64_000_000  # of their PNGs
MOST_FILMS = 6
DRAWN_SEEDS = 2**32 - 64  # a batch goes on from its seed


@dataclass(frozen=True)
class Kept:
    """A finished picture: its PNG with the settings inside, and what it came from. `key` is never used twice."""

    key: int
    run: int  # pictures of one press of the button have the same
    settings: Settings
    png: bytes
    thumbnail: str  # a JPEG as data URI
    score: float | None
    scored_by: str
    start: Image.Image | None = None
    film: Trajectory | None = None


class SessionState:
    """One visitor's pictures: live as long as the page is open. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        self.job: Job[Any] | None = None
        self.model = ""  # whose settings are on the page
        self.pictures: list[Kept] = []  # oldest first
        self.chosen: int | None = None  # a key
        self.order = "new"
        self.keys = 0
        self.runs = 0
        self.cells: dict[tuple[int, int], Kept] = {}  # (row, column) of the last grid
        self.sheet: bytes = b""  # its PNG

    def current(self) -> Kept | None:
        """The chosen picture."""
        return next((kept for kept in self.pictures if kept.key == self.chosen), None)

    def keep(self, kept: Kept) -> int:
        """Put a picture on the shelf and choose it; how many old ones had to go for it."""
        self.pictures.append(kept)
        self.chosen = kept.key
        dropped = 0
        while len(self.pictures) > 1 and (
            len(self.pictures) > MOST_KEPT or sum(len(one.png) for one in self.pictures) > MOST_KEPT_BYTES
        ):
            del self.pictures[0]
            dropped += 1
        return dropped

    def filmed(self, key: int, film: Trajectory) -> None:
        """Give a picture its film; of the films the newest few stay."""
        self.pictures = [replace(one, film=film) if one.key == key else one for one in self.pictures]
        old = [one.key for one in self.pictures if one.film is not None and one.key != key][: -MOST_FILMS + 1]
        self.pictures = [replace(one, film=None) if one.key in old else one for one in self.pictures]

    def clear(self) -> None:
        self.pictures, self.chosen = [], None

    def new_key(self) -> int:
        self.keys += 1
        return self.keys


@dataclass(frozen=True)
class Options:
    """The values of the page, in the order of its components; the service checks what they are."""

    prompt: str
    negative: str
    expanded: str
    use_expanded: bool
    model: str
    steps: Any
    guidance: Any
    width: Any
    height: Any
    scheduler: str
    seed: Any
    new_seed: bool
    count: Any
    preview: bool
    film: bool
    start: str | None
    strength: Any

    def request(self, limits: Limits) -> ImageRequest:
        """The wish, with a new seed where that is wished. Raises `UserError` for a start picture that is none."""
        prompt, written = self.prompt or "", ""
        if self.use_expanded and not limits.vocabulary and (self.expanded or "").strip():
            prompt, written = self.expanded, prompt
        start = uploads.read(self.start) if self.start and limits.image_to_image else None
        return ImageRequest(
            prompt=prompt,
            negative_prompt=(self.negative or "") if reads_negative(limits, self.guidance) else "",
            width=_whole(self.width),
            height=_whole(self.height),
            steps=_whole(self.steps),
            guidance=self.guidance,
            scheduler=self.scheduler or "",
            seed=secrets.randbelow(DRAWN_SEEDS) if self.new_seed else _whole(self.seed),
            count=_whole(self.count),
            start=start,
            strength=self.strength,
            preview=bool(self.preview),
            trajectory=bool(self.film) and limits.trajectory,
            written=written,
        )


def reads_negative(limits: Limits, guidance: Any) -> bool:
    """Whether a negative prompt is read: not by every model, and only if there is guidance to steer with."""
    return limits.negative and isinstance(guidance, int | float) and guidance > 1


@dataclass
class Updates:
    """What a handler wants drawn; None leaves a component as it is."""

    canvas: dict[str, Any] | None = None
    shelf: dict[str, Any] | None = None
    status: str | None = None
    seed: int | None = None
    sent: str | None = None
    film: dict[str, Any] | None = None
    running: bool | None = None

    def updates(self) -> tuple[Any, ...]:
        """In the order of `drawn` in the layout."""
        status = None if self.status is None else {"text": self.status}
        values = (self.canvas, self.shelf, status, self.seed, self.sent, self.film)
        return (*[gr.skip() if value is None else value for value in values], *buttons(self.running))


def buttons(running: bool | None) -> tuple[Any, Any]:
    """Generate and Stop, one of which is there."""
    if running is None:
        return gr.skip(), gr.skip()
    return gr.Button(visible=not running), gr.Button(visible=running)


def idle(visit: SessionState, words: str) -> None:
    """Raise `UserError` with these words where something is being made for this visitor."""
    if visit.job is not None:
        raise UserError(words)


def _whole(value: Any) -> Any:
    """Sliders send 12 or 12.0; anything else is for the service to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
