"""The loop every recipe shares: resume, progress with time left, averaged weights, checkpoints and picture grids.

Invariants: a folder holds all there is to go on from: `state.safetensors` (networks, their averages and the
optimisers), `progress.json`, and `grid.png` to look at. Writing is whole or not at all. Nothing is pickled.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from playground.errors import UserError

M = TypeVar("M", bound=nn.Module)
CHECKPOINT_S = 150.0


@dataclass
class Schedule:
    """How long, how many at once, how fast. Images are counted, not steps, so the batch may change on resuming."""

    images: int
    batch: int
    rate: float  # the highest learning rate
    warmup: int = 4096  # images
    averaging: int = 20_000  # images over which the averaged weights forget (half-life)

    def factor(self, seen: int) -> float:
        """The share of the highest rate after `seen` images: linear warm-up, then a cosine down to 2 %."""
        if seen < self.warmup:
            return (seen + self.batch) / (self.warmup + self.batch)
        done = min(1.0, (seen - self.warmup) / max(1, self.images - self.warmup))
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


class Run:
    """Networks in training, with averages of those that ship.

    Args:
        folder: where the state is kept; an existing state is gone on with.
        networks: by name; all are saved.
        averaged: the names of those whose exponential average ships (`average(name)`).
        optimisers: by name.
        about: what the state must fit (sizes, widths): a folder of another recipe is refused.

    Raises:
        UserError: the folder holds a state of something else.
    """

    def __init__(
        self,
        folder: Path,
        networks: Mapping[str, nn.Module],
        optimisers: Mapping[str, torch.optim.Optimizer],
        schedule: Schedule,
        averaged: tuple[str, ...],
        about: str,
    ) -> None:
        self.folder, self.networks, self.optimisers, self.schedule = folder, networks, optimisers, schedule
        self.about = about
        self.seen = 0
        self.seconds = 0.0
        self.averages = {
            name: {key: value.detach().clone() for key, value in networks[name].state_dict().items()}
            for name in averaged
        }
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "progress.json").exists():
            self._resume()

    def train(
        self,
        step: Callable[[int], dict[str, float]],
        grid: Callable[[], np.ndarray] | None = None,
        every: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        """Call `step(batch size)` until `schedule.images` are seen. It steps its own optimisers and returns losses.

        `grid` draws (H, W, 3) uint8 at every checkpoint, `every` measures something that is then printed.
        """
        from tqdm import tqdm

        schedule, smooth = self.schedule, dict[str, float]()
        last = began = time.monotonic()
        before = self.seconds
        with tqdm(total=schedule.images, initial=self.seen, unit="img", smoothing=0.05, mininterval=5) as bar:
            while self.seen < schedule.images:
                for optimiser in self.optimisers.values():
                    for group in optimiser.param_groups:
                        group["lr"] = schedule.rate * schedule.factor(self.seen) * group.get("share", 1.0)
                losses = step(schedule.batch)
                self.seen += schedule.batch
                self._average()
                for name, value in losses.items():
                    smooth[name] = value if name not in smooth else 0.98 * smooth[name] + 0.02 * value
                    if not math.isfinite(value):
                        raise UserError(f"The loss “{name}” is not a number any more. Lower --rate and go on.")
                bar.update(schedule.batch)
                bar.set_postfix({name: f"{value:.4g}" for name, value in smooth.items()}, refresh=False)
                if time.monotonic() - last > CHECKPOINT_S or self.seen >= schedule.images:
                    last = time.monotonic()
                    self.seconds = before + last - began
                    self.save(grid)
                    if every is not None:
                        measured = {name: round(value, 5) for name, value in every().items()}
                        tqdm.write(f"{self.seen} images, {self.seconds / 60:.0f} min: {measured}")

    def average(self, name: str) -> dict[str, Tensor]:
        """The averaged weights of that network, as a state dict."""
        return self.averages[name]

    def save(self, grid: Callable[[], np.ndarray] | None = None) -> None:
        from PIL import Image

        tensors: dict[str, Tensor] = {}
        for name, network in self.networks.items():
            tensors |= {f"network.{name}.{key}": value for key, value in network.state_dict().items()}
        for name, average in self.averages.items():
            tensors |= {f"average.{name}.{key}": value for key, value in average.items()}
        for name, optimiser in self.optimisers.items():
            for index, state in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{name}.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
        new = self.folder / "state.safetensors.part"
        save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, new)
        new.replace(self.folder / "state.safetensors")
        progress = {"about": self.about, "images": self.seen, "seconds": round(self.seconds)}
        (self.folder / "progress.json").write_text(json.dumps(progress, indent=1))
        if grid is not None:
            Image.fromarray(grid()).save(self.folder / "grid.png")

    def _average(self) -> None:
        # Early averages follow quickly: their memory is at most a tenth of what was seen so far.
        half_life = min(self.schedule.averaging, 0.1 * self.seen + 1)
        keep = 0.5 ** (self.schedule.batch / half_life)
        for name, average in self.averages.items():
            now = self.networks[name].state_dict()
            moving = [key for key, value in average.items() if value.is_floating_point()]
            torch._foreach_lerp_([average[key] for key in moving], [now[key].detach() for key in moving], 1 - keep)
            for key in average.keys() - set(moving):
                average[key].copy_(now[key])

    def _resume(self) -> None:
        progress = json.loads((self.folder / "progress.json").read_text())
        if progress["about"] != self.about:
            raise UserError(f"{self.folder} holds {progress['about']}, not {self.about}. Choose another --out.")
        self.seen, self.seconds = progress["images"], float(progress["seconds"])
        tensors = load_file(self.folder / "state.safetensors")

        def below(prefix: str) -> dict[str, Tensor]:
            return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

        for name, network in self.networks.items():
            network.load_state_dict(below(f"network.{name}."))
        for name, average in self.averages.items():
            for key, value in below(f"average.{name}.").items():
                average[key].copy_(value)
        for name, optimiser in self.optimisers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in below(f"optimiser.{name}.").items():
                index, field = key.split(".", 1)
                state.setdefault(int(index), {})[field] = value
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def device() -> torch.device:
    """Where a recipe trains: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def reduced(where: torch.device) -> torch.autocast:
    """The context of a network's forward pass: bfloat16 where the hardware multiplies it faster, else as it is."""
    fast = where.type == "cuda" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(where.type, torch.bfloat16, enabled=fast)


def placed(module: M, where: torch.device) -> M:
    """The module there, with convolutions channels last, which is the faster way on a CPU and with bf16."""
    return module.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]


def pictures(images: np.ndarray, where: torch.device) -> Tensor:
    """(B, S, S, 3) uint8 to (B, 3, S, S) float32 in -1..1, channels last in memory."""
    # The numpy array already lies channels last; permuting keeps it so.
    return torch.from_numpy(images).to(where).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def to_uint8(x: Tensor) -> np.ndarray:
    """(B, 3, S, S) about -1..1 to (B, S, S, 3) uint8."""
    return x.detach().float().add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """(N, S, S, 3) to one sheet with `columns` pictures a row; N must be a multiple of it."""
    count, size = images.shape[:2]
    rows = images.reshape(count // columns, columns, size, size, 3)
    return rows.transpose(0, 2, 1, 3, 4).reshape(count // columns * size, columns * size, 3)


def reconstruction_loss(drawn: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """How far a drawing is from what was wanted: its mean absolute error, and that with edges and the face again."""
    pixels = F.l1_loss(drawn, wanted)
    error = (drawn - wanted).abs()
    # Eyes and mouth are a tenth of the picture and a third of what there is to tell apart.
    size = drawn.shape[-1]
    face = error[:, :, int(0.34 * size) : int(0.72 * size), int(0.28 * size) : int(0.72 * size)].mean()
    edges: Iterable[Tensor] = (F.l1_loss(drawn.diff(dim=axis), wanted.diff(dim=axis)) for axis in (2, 3))
    return pixels, pixels + face + torch.stack(list(edges)).sum()
