"""The sides of the text-to-image bench: each makes pictures in a process of its own, one for every seed it is given.

Rule of the room: a side holds what its user's script would hold, nothing of another's. So no side computes beside
threads or memory that another left, and what is told is what a user would get.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from playground.core import Playground
from playground.images.types import ImageRequest, Picture
from playground.settings import ROOT, Settings

if TYPE_CHECKING:
    from PIL import Image

    Way = Callable[[int], Image.Image]  # of a seed

MODEL = "avatar-diffusion"
COLOURS = ("red", "black", "brown", "blond", "grey", "white")
PLAIN, ONE = "plain diffusers call", "plain diffusers call, one core"
OFF, ON = "playground, preview off", "playground, preview on"
SIDES = (PLAIN, ONE, OFF, ON)


def words(seed: int) -> str:
    """The prompt that goes with a seed: never the one before, which the playground would not read again."""
    colour = COLOURS[seed % len(COLOURS)]
    return f"a smiling person with long {colour} hair and round glasses wearing a blue hoodie on a green background"


@dataclass(frozen=True)
class Side:
    """A process that makes pictures while nobody else is asked for one."""

    name: str
    folder: Path
    asks: IO[str]
    answers: IO[str]

    def make(self, seed: int) -> tuple[float, Path]:
        """Seconds from the words to the picture in memory, and the file in which it then lies."""
        print(seed, file=self.asks, flush=True)
        if not (answer := self.answers.readline()):
            raise RuntimeError(f"{self.name}: the process ended.\n{self._errors.read_text()}")
        return float(answer), self._picture(seed)

    def _picture(self, seed: int) -> Path:
        return self.folder / f"{SIDES.index(self.name)}-{seed}.png"

    @property
    def _errors(self) -> Path:
        return self.folder / f"{SIDES.index(self.name)}.txt"


@contextmanager
def started() -> Iterator[list[Side]]:
    """All sides, loaded, until the block ends."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        yield [ends.enter_context(_started(name, Path(folder))) for name in SIDES]


@contextmanager
def _started(name: str, folder: Path) -> Iterator[Side]:
    command = [sys.executable, "-m", __spec__.name, name, str(folder)]
    errors = (folder / f"{SIDES.index(name)}.txt").open("w")
    with (
        errors,
        subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        yield Side(name, folder, process.stdin, process.stdout)  # closing its input ends it


def steps_and_guidance(playground: Playground) -> tuple[int, float]:
    """What the tab suggests for the model."""
    limits = playground.images.limits(MODEL)
    return limits.steps[1], limits.guidance[1]


@contextmanager
def _plain(one_core: bool) -> "Iterator[Way]":
    """What a user of diffusers would write."""
    import torch
    from diffusers import DiffusionPipeline

    with closing(Playground(Settings(offline=True))) as playground:
        steps, guidance = steps_and_guidance(playground)
    if one_core:
        torch.set_num_threads(1)
    folder = ROOT / "assets" / "models" / MODEL
    pipe: Any = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)

    def make(seed: int) -> "Image.Image":
        noise = torch.Generator().manual_seed(seed)
        return pipe(words(seed), num_inference_steps=steps, guidance_scale=guidance, generator=noise).images[0]

    yield make


@contextmanager
def _playground(preview: bool) -> "Iterator[Way]":
    """What a user of the playground's API would write."""
    with closing(Playground(Settings(offline=True))) as playground:

        def make(seed: int) -> "Image.Image":
            wish = ImageRequest(words(seed), seed=seed, preview=preview, score=False)
            events = playground.images.generate("bench", MODEL, wish).events()
            return next(event.image for event in list(events) if isinstance(event, Picture))

        yield make


def main(name: str, folder: Path) -> None:
    """Answer every seed with seconds, until the input ends."""
    way = _plain(name == ONE) if name in (PLAIN, ONE) else _playground(name == ON)
    with way as make:
        for line in sys.stdin:
            began = time.perf_counter()
            image = make(int(line))
            seconds = time.perf_counter() - began
            image.save(folder / f"{SIDES.index(name)}-{int(line)}.png")
            print(seconds, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
