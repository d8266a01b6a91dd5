"""The trajectory of a picture: how it came out of noise, and how noise would take it back.

Invariants: while the pipeline runs only latents are kept; they become pictures when it is done. The forward process
mixes the finished latent with the picture's own noise in the shares of the same steps. Every frame is decoded, and the
last one is the picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from playground.text_to_image.scheduler_tracker import NoiseLevel, Process, SchedulerStep, noise_schedule
from playground.text_to_image.types import Trajectory, TrajectoryFrame

if TYPE_CHECKING:
    from PIL import Image

MOST_FRAMES = 10
ToPictures = Callable[[torch.Tensor], "Sequence[Image.Image]"]  # (B, C, h, w) to B pictures


@dataclass(frozen=True, eq=False)
class _Recorded:
    step: int
    level: NoiseLevel
    noisy: torch.Tensor  # (B, C, h, w)
    clean: torch.Tensor


class TrajectoryRecorder:
    """Keeps the steps of one batch that its trajectories will show.

    Args:
        from_noise: Whether the batch began from pure noise, and not from a start picture.
    """

    def __init__(self, from_noise: bool) -> None:
        self._recorded: list[_Recorded] = []
        self._from_noise = from_noise

    def record(
        self, index: int, steps: int, step: SchedulerStep, spatial: Callable[[torch.Tensor], torch.Tensor]
    ) -> None:
        """Keep a step, if it is one of those shown.

        Args:
            index: Which step, from 0.
            steps: How many there are.
            step: What the scheduler was given.
            spatial: Brings the pipeline's latents to (B, C, h, w).
        """
        if index in shown_steps(steps):
            noisy, clean = (spatial(latents).detach().float() for latents in (step.noisy, step.clean()))
            self._recorded.append(_Recorded(index, step.level, noisy.clone(), clean.clone()))

    def trajectories(
        self,
        latents: torch.Tensor,
        images: "Sequence[Image.Image]",
        steps: int,
        to_pictures: ToPictures,
        scheduler: Any,
        process: Process,
    ) -> list[Trajectory]:
        """A trajectory for each picture of the batch.

        Args:
            latents: The finished ones, (B, C, h, w) of unit variance.
            images: The B finished pictures.
            steps: How many there were.
            to_pictures: Decodes latents.
            scheduler: Gives the training schedule.
            process: What the denoiser learned to undo.
        """
        latents = latents.float()
        noise = self._initial_noise()
        reverse: list[list[TrajectoryFrame]] = [[] for _ in images]
        forward: list[list[TrajectoryFrame]] = [[] for _ in images]
        for recorded in self._recorded:
            level = recorded.level
            mixed = level.signal * latents + level.noise * noise.to(latents.device)
            rows = (to_pictures(recorded.noisy), to_pictures(recorded.clean), to_pictures(mixed))
            moment = (recorded.step, level.timestep, level.signal, level.noise)
            for number, (noisy, clean, again) in enumerate(zip(*rows, strict=True)):
                reverse[number].append(TrajectoryFrame(*moment, noisy, clean))
                forward[number].append(TrajectoryFrame(*moment, again, None))
        for number, image in enumerate(images):
            last = TrajectoryFrame(steps, 0.0, 1.0, 0.0, image, None)
            reverse[number].append(last)
            forward[number].append(last)
        schedule = noise_schedule(scheduler, process)
        return [Trajectory(tuple(back), tuple(there), schedule) for back, there in zip(reverse, forward, strict=True)]

    def _initial_noise(self) -> torch.Tensor:
        """What the pictures began from; begun from another picture, what the model took for noise in it."""
        first = self._recorded[0]
        rest = 0.0 if self._from_noise else first.level.signal * first.clean
        return (first.noisy - rest) / max(first.level.noise, 1e-4)


def shown_steps(steps: int) -> frozenset[int]:
    """Which steps a trajectory shows: all of a few, else the first, the last and some between.

    Args:
        steps: How many there are.

    Returns:
        Indices from 0, at most `MOST_FRAMES`.
    """
    count = min(steps, MOST_FRAMES)
    return frozenset(round(number * (steps - 1) / max(1, count - 1)) for number in range(count))
