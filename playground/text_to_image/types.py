"""Requests and results of text-to-image: plain data, the same for every engine, local or remote.

Invariants: no behaviour beyond what a record needs, no model library, nothing of the page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from playground.runtime.task import Task

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class ImageRequest:
    """What is wished. Zeros, None and empty words mean "as the model likes it".

    Picture k of `count` has the seed `seed + k`, and is the picture that this seed alone would give. `prompt` goes to
    the model; `written` is what the person wrote before it was expanded ("" where nothing was). `start` is a picture
    to begin from, which keeps about 1 - `strength` of itself (0..1). With `film` the steps are kept to look at.
    """

    prompt: str
    negative_prompt: str = ""
    width: int = 0
    height: int = 0
    steps: int = 0
    guidance: float | None = None
    scheduler: str = ""
    seed: int = 0
    count: int = 1
    start: "Image.Image | None" = None
    strength: float = 0.6
    preview: bool = True
    film: bool = False
    score: bool = True
    written: str = ""


@dataclass(frozen=True)
class Settings:
    """What was really done for one picture: what its file says, and what a second run needs to give it again.

    `strength` is 1 where nothing was begun from. `scheduler` is a class name of diffusers or "" where a server keeps
    it to itself; the same for sizes, steps and guidance of 0.
    """

    prompt: str
    negative_prompt: str
    written: str
    model: str  # the catalogue's id
    scheduler: str
    steps: int
    guidance: float
    width: int
    height: int
    seed: int
    strength: float = 1.0


@dataclass(frozen=True)
class Frame:
    """One moment of the way from noise to picture. `step` counts from 0 (pure noise); `timestep` is the scheduler's.

    `signal` and `noise` are the shares in which clean latent and noise are mixed there (the square roots of alpha-bar
    and 1 - alpha-bar, or 1 - sigma and sigma). `noisy` and `clean` are the latent and the clean one that the model
    then expects, as pictures; `clean` is None where the model was not asked (the last frame, the forward process).
    """

    step: int
    timestep: float
    signal: float
    noise: float
    noisy: "Image.Image"
    clean: "Image.Image | None"


@dataclass(frozen=True)
class Film:
    """The reverse process as it went, and the forward process from the finished picture at the same timesteps."""

    reverse: tuple[Frame, ...]
    forward: tuple[Frame, ...]
    schedule: tuple[tuple[float, float, float], ...]  # (timestep, signal, noise) over the whole training schedule


@dataclass(frozen=True)
class Started:
    """The work begins: the settings of the first picture, and what of the wish was changed, in words."""

    settings: Settings
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A step of the pictures `first` .. `first + together - 1` (from 0) is done; `previews` show them (or none)."""

    first: int
    together: int
    step: int  # from 1
    steps: int
    previews: tuple["Image.Image", ...] = ()


@dataclass(frozen=True)
class Picture:
    """One finished picture. `score` is 100 cos(image, text) of the CLIP named in `scored_by`."""

    index: int
    image: "Image.Image"
    settings: Settings
    seconds: float  # its share of the time its batch took, from the first step to the picture
    score: float | None = None
    scored_by: str = ""
    film: Film | None = None


@dataclass(frozen=True)
class Done:
    """All pictures are there. `peak_bytes` is the most memory of the device (a GPU) or process (a CPU) meanwhile."""

    seconds: float
    peak_bytes: int


ImageEvent = Started | Step | Picture | Done


class ImageEngine(Protocol):
    """Anything that makes pictures: a local pipeline or a server."""

    def generate(self, request: ImageRequest, task: Task) -> Iterator[ImageEvent]:
        """Yield `Started`, then `Step`s and `Picture`s, then `Done`.

        Raises `Cancelled` at the next step after `task.cancel()`, and `UserError` for what the user can mend.
        Pictures yielded before stay valid, and the engine is usable again afterwards, whatever happened.
        """
        ...
