"""The filmstrip: how a picture came out of noise, and how noise would take it back.

Invariants: while the pipeline runs only latents are kept; they become pictures when it is done. The forward
process mixes the finished latent with the picture's own noise in the shares of the same steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from playground.text_to_image.scheduler_tracker import Moment, Process, Shares, curve
from playground.text_to_image.types import Film, Frame

if TYPE_CHECKING:
    from PIL import Image

MOST_FRAMES = 10
Shown = Callable[[torch.Tensor], "tuple[Image.Image, ...]"]  # (B, C, h, w) to B pictures


@dataclass(frozen=True, eq=False)
class _Kept:
    step: int
    shares: Shares
    noisy: torch.Tensor  # (B, C, h, w)
    clean: torch.Tensor


class TrajectoryRecorder:
    """The moments of one batch that its films will show."""

    def __init__(self, from_noise: bool) -> None:
        self._kept: list[_Kept] = []
        self._from_noise = from_noise

    def keep(self, step: int, steps: int, moment: Moment, spatial: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Look at the moment before step `step` (from 0) of `steps`, if it is one of those shown."""
        if step in chosen(steps):
            noisy, clean = (spatial(latents).detach().float() for latents in (moment.noisy, moment.clean()))
            self._kept.append(_Kept(step, moment.shares, noisy.clone(), clean.clone()))

    def films(self, finished: torch.Tensor, steps: int, shown: Shown, scheduler: Any, process: Process) -> list[Film]:
        """A film for each of the finished latents (B, C, h, w) of unit variance."""
        finished = finished.float()
        noise = self._noise()
        reverse: list[list[Frame]] = [[] for _ in finished]
        forward: list[list[Frame]] = [[] for _ in finished]
        for kept in self._kept:
            shares = kept.shares
            mixed = shares.signal * finished + shares.noise * noise.to(finished.device)
            three = (shown(kept.noisy), shown(kept.clean), shown(mixed))
            for number, (noisy, clean, again) in enumerate(zip(*three, strict=True)):
                reverse[number].append(Frame(kept.step, shares.timestep, shares.signal, shares.noise, noisy, clean))
                forward[number].append(Frame(kept.step, shares.timestep, shares.signal, shares.noise, again, None))
        for number, picture in enumerate(shown(finished)):
            last = Frame(steps, 0.0, 1.0, 0.0, picture, None)
            reverse[number].append(last)
            forward[number].append(last)
        schedule = curve(scheduler, process)
        return [Film(tuple(there), tuple(back), schedule) for there, back in zip(reverse, forward, strict=True)]

    def _noise(self) -> torch.Tensor:
        """What the pictures began from; begun from another picture, what the model took for noise in it."""
        first = self._kept[0]
        rest = 0.0 if self._from_noise else first.shares.signal * first.clean
        return (first.noisy - rest) / max(first.shares.noise, 1e-4)


def chosen(steps: int) -> frozenset[int]:
    """Which of `steps` steps (from 0) a film shows: all of a few, else the first, the last and some between."""
    count = min(steps, MOST_FRAMES)
    return frozenset(round(number * (steps - 1) / max(1, count - 1)) for number in range(count))
