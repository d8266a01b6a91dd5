"""The sides of the text-to-image benches: each makes pictures in a process of its own, one for every seed it is given.

Invariants: a side holds what its user's script would hold, nothing of another's. So no side computes beside
threads or memory that another left, and what is told is what a user would get.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from playground.core import Playground
from playground.runtime.devices import detect_device
from playground.runtime.task import Task
from playground.settings import CHANNELS_LAST, COMPILED, ROOT, Settings
from playground.text_to_image.types import ImageRequest, Picture

if TYPE_CHECKING:
    from PIL import Image

    Way = Callable[[int], Image.Image]  # of a seed

MODEL = "avatar-diffusion"
COLOURS = ("red", "black", "brown", "blond", "grey", "white")
PLAIN, ONE = "plain diffusers call", "plain diffusers call, one core"
OFF, ON = "playground, preview off", "playground, preview on"
SIDES = (PLAIN, ONE, OFF, ON)
WAYS = {  # what each side of the playground is started with, preview off
    OFF: (),
    f"playground, {CHANNELS_LAST}": (CHANNELS_LAST,),
    f"playground, {COMPILED}": (COMPILED,),
    f"playground, {CHANNELS_LAST} and {COMPILED}": (CHANNELS_LAST, COMPILED),
}


def words(seed: int) -> str:
    """The prompt that goes with a seed: never the one before, which the playground would not read again."""
    colour = COLOURS[seed % len(COLOURS)]
    return f"a smiling person with long {colour} hair and round glasses wearing a blue hoodie on a green background"


@dataclass(frozen=True)
class Side:
    """A process that makes pictures while nobody else is asked for one."""

    name: str
    files: Path  # how the names of what it writes begin
    asks: IO[str]
    answers: IO[str]

    def make(self, seed: int) -> tuple[float, Path]:
        """Seconds from the words to the picture in memory, and the file in which it then lies."""
        print(seed, file=self.asks, flush=True)
        if not (answer := self.answers.readline()):
            raise RuntimeError(f"{self.name}: the process ended.\n{_errors(self.files).read_text()}")
        return float(answer), _picture(self.files, seed)


@contextmanager
def started(names: Iterable[str], model: str, steps: int, guidance: float) -> Iterator[list[Side]]:
    """These sides, until the block ends."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ends:
        yield [
            ends.enter_context(_started(name, Path(folder, str(number)), model, steps, guidance))
            for number, name in enumerate(names)
        ]


@contextmanager
def _started(name: str, files: Path, model: str, steps: int, guidance: float) -> Iterator[Side]:
    command = [sys.executable, "-m", __spec__.name, name, str(files), model, str(steps), str(guidance)]
    with _errors(files).open("w") as errors:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        with process:
            assert process.stdin
            assert process.stdout
            yield Side(name, files, process.stdin, process.stdout)  # closing its input ends it


def _picture(files: Path, seed: int) -> Path:
    return files.with_name(f"{files.name}-{seed}.png")


def _errors(files: Path) -> Path:
    return files.with_suffix(".txt")


@contextmanager
def _plain(one_core: bool, model: str, steps: int, guidance: float) -> "Iterator[Way]":
    """What a user of diffusers would write."""
    import torch
    from diffusers import DiffusionPipeline

    if one_core:
        torch.set_num_threads(1)
    with closing(Playground(Settings(offline=True))) as playground:  # for its file list alone
        folder = playground.weights.fetch(playground.catalog.get(model), Task()).path
        size = playground.images.limits(model).sizes[1]
    device = detect_device()
    pipe: Any = DiffusionPipeline.from_pretrained(folder, dtype=getattr(torch, device.dtype), use_safetensors=True)
    pipe.to(device.name)
    pipe.set_progress_bar_config(disable=True)

    def make(seed: int) -> "Image.Image":
        noise = torch.Generator().manual_seed(seed)
        options = {"num_inference_steps": steps, "guidance_scale": guidance, "width": size, "height": size}
        return pipe(words(seed), generator=noise, **options).images[0]

    yield make


@contextmanager
def _playground(name: str, model: str, steps: int, guidance: float) -> "Iterator[Way]":
    """What a user of the playground's API would write."""
    with closing(Playground(Settings(offline=True, faster=WAYS.get(name, ())))) as playground:

        def make(seed: int) -> "Image.Image":
            wish = ImageRequest(
                words(seed), seed=seed, steps=steps, guidance=guidance, preview=name == ON, score=False
            )
            events = playground.images.generate("bench", model, wish).events()
            return next(event.image for event in list(events) if isinstance(event, Picture))

        yield make


def main(name: str, files: Path, model: str, steps: int, guidance: float) -> None:
    """Answer every seed with seconds, until the input ends."""
    plain = name in (PLAIN, ONE)
    with _plain(name == ONE, model, steps, guidance) if plain else _playground(name, model, steps, guidance) as make:
        for line in sys.stdin:
            seed = int(line)
            began = time.perf_counter()
            image = make(seed)
            seconds = time.perf_counter() - began
            image.save(_picture(files, seed))
            print(seconds, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
