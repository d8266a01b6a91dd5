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
    """What is asked for. Zeros, None and empty text mean the model's own default.

    Attributes:
        prompt: What goes to the model.
        negative_prompt: What the picture should not show; used by some models, at a guidance above 1.
        width: Pixels.
        height: Pixels.
        steps: Of denoising.
        guidance: Scale of classifier-free guidance.
        scheduler: Class name of diffusers.
        seed: Picture k of `count` has the seed `seed + k`, and is the picture that this seed alone would give.
        count: How many pictures.
        start: The picture that image-to-image begins from.
        strength: How much of `start` is replaced by noise, 0..1.
        preview: Whether steps come with pictures of what is expected.
        trajectory: Whether the steps are kept to look at.
        score: Whether the pictures are scored by CLIP.
        written: What the person wrote before the prompt was expanded, "" where nothing was.
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
    trajectory: bool = False
    score: bool = True
    written: str = ""


@dataclass(frozen=True)
class Settings:
    """What one picture was made with: what its file says, and what a second run needs to give it again.

    Attributes as of `ImageRequest`, and:
        model: The catalogue's id.
        scheduler: "" where a server keeps it to itself; the same for sizes, steps and guidance of 0.
        strength: 1 where there was no start picture.
    """

    prompt: str
    negative_prompt: str
    written: str
    model: str
    scheduler: str
    steps: int
    guidance: float
    width: int
    height: int
    seed: int
    strength: float = 1.0


@dataclass(frozen=True)
class TrajectoryFrame:
    """One moment between noise and picture.

    Attributes:
        step: From 0 (pure noise).
        timestep: The scheduler's.
        signal: The share of the clean latent in the mixture: the square root of alpha-bar, or 1 - sigma.
        noise: The share of noise: the square root of 1 - alpha-bar, or sigma.
        noisy: The latent as a picture.
        clean: The clean latent that the model then expects, as a picture; None where the model was not asked (the
            last frame, the forward process).
    """

    step: int
    timestep: float
    signal: float
    noise: float
    noisy: "Image.Image"
    clean: "Image.Image | None"


@dataclass(frozen=True)
class Trajectory:
    """How a picture came out of noise.

    Attributes:
        reverse: The reverse process as it went.
        forward: The forward process from the finished picture, at the same timesteps.
        schedule: (timestep, signal, noise) over the whole training schedule.
    """

    reverse: tuple[TrajectoryFrame, ...]
    forward: tuple[TrajectoryFrame, ...]
    schedule: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Started:
    """The work begins.

    Attributes:
        settings: Of the first picture.
        notes: What of the request was changed, in words.
    """

    settings: Settings
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A step of some pictures is done.

    Attributes:
        first: The first of the pictures, from 0.
        together: How many are made at once, from that one on.
        step: Which step, from 1.
        steps: How many there are.
        previews: The pictures as they are expected to become, or none.
    """

    first: int
    together: int
    step: int
    steps: int
    previews: tuple["Image.Image", ...] = ()


@dataclass(frozen=True)
class Picture:
    """One finished picture.

    Attributes:
        index: Of those of the request, from 0.
        image: RGB.
        settings: What it was made with.
        seconds: Its share of the time that its batch took, from the first step to the picture.
        score: 100 cos(image, text), None where there is no CLIP.
        scored_by: The name of that CLIP.
        trajectory: Its steps, where they were asked for.
    """

    index: int
    image: "Image.Image"
    settings: Settings
    seconds: float
    score: float | None = None
    scored_by: str = ""
    trajectory: Trajectory | None = None


@dataclass(frozen=True)
class Done:
    """All pictures are there.

    Attributes:
        seconds: From the request to the last picture.
        peak_bytes: The most memory in use meanwhile: of the device (a GPU) or the process (a CPU); 0 if unknown.
    """

    seconds: float
    peak_bytes: int


ImageEvent = Started | Step | Picture | Done


class ImageEngine(Protocol):
    """Anything that makes pictures: a local pipeline or a server."""

    def generate(self, request: ImageRequest, task: Task) -> Iterator[ImageEvent]:
        """Make the pictures of a request.

        Args:
            request: What is asked for.
            task: Stops the work and is told its phases.

        Yields:
            `Started`, then `Step`s and `Picture`s, then `Done`. Pictures yielded before an error stay valid, and the
            engine is usable again afterwards, whatever happened.

        Raises:
            Cancelled: At the next step after `task.cancel()`.
            UserError: What the user can mend.
        """
        ...
