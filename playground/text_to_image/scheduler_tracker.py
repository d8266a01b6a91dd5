"""What a denoiser predicts at each step, in the terms of its training: noisy = signal * clean + noise * epsilon.

Invariants: a scheduler computes what it would unobserved; the one thing added is the generator of the pictures where a
pipeline forgets to pass it, since a sampler that draws noise would take it from anywhere.

Sources: Ho et al. 2020 (epsilon), Salimans & Ho 2022 (v), Karras et al. 2022 (sigmas), Liu et al. 2022 (rectified
flow), Lu & Song 2024 (TrigFlow).
"""

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch

Process = Literal["diffusion", "flow", "trigflow"]
CURVE_POINTS = 101
KARRAS = ("Euler", "Heun", "LMS", "KDPM2")


@dataclass(frozen=True)
class NoiseLevel:
    """How clean latent and noise are mixed at one step.

    Attributes:
        timestep: The scheduler's.
        signal: The factor of the clean latent.
        noise: The factor of the noise.
    """

    timestep: float
    signal: float
    noise: float


@dataclass(frozen=True, eq=False)
class SchedulerStep:
    """One step of a scheduler.

    Attributes:
        level: The noise level before it.
        noisy: The latents that went in, at unit scale.
        clean: Gives the clean latents that the model expects.
    """

    level: NoiseLevel
    noisy: torch.Tensor
    clean: Callable[[], torch.Tensor]


class SchedulerTracker:
    """Looks at the steps of a scheduler; `current` is the one under way.

    The callbacks of pipelines are given latents alone; what the model predicted passes through `scheduler.step`.

    Args:
        scheduler: A new one, whose `step` is replaced.
        process: What the denoiser learned to undo.
        generators: One for each picture of the batch.
    """

    def __init__(self, scheduler: Any, process: Process, generators: list[torch.Generator]) -> None:
        self.scheduler = scheduler
        self.current: SchedulerStep | None = None
        self._process = process
        step = scheduler.step
        takes_generator = "generator" in inspect.signature(step).parameters

        @functools.wraps(step)  # pipelines look at its signature
        def tracked_step(output: torch.Tensor, timestep: Any, sample: torch.Tensor, *rest: Any, **options: Any) -> Any:
            if takes_generator and not rest and options.get("generator") is None:
                options["generator"] = generators
            self.current = self._look(output, timestep, sample)
            return step(output, timestep, sample, *rest, **options)

        scheduler.step = tracked_step

    def _look(self, output: torch.Tensor, timestep: Any, sample: torch.Tensor) -> SchedulerStep:
        scheduler = self.scheduler
        at = float(timestep.flatten()[0]) if isinstance(timestep, torch.Tensor) else float(timestep)
        if self._process == "trigflow":
            sigma_data = float(scheduler.config.sigma_data)
            signal, noise = math.cos(at), math.sin(at)
            noisy = sample / sigma_data
            return SchedulerStep(
                NoiseLevel(at, signal, noise), noisy, lambda: (signal * sample - noise * output) / sigma_data
            )
        if self._process == "flow":
            sigma = self._sigma(timestep)
            level = NoiseLevel(at, 1 - sigma, sigma)
            return SchedulerStep(level, sample, lambda: sample.float() - sigma * output.float())
        if hasattr(scheduler, "sigmas"):
            sigma = self._sigma(timestep)
            signal, noise = 1 / math.sqrt(sigma**2 + 1), sigma / math.sqrt(sigma**2 + 1)
        else:
            signal, noise = _signal_and_noise(float(scheduler.alphas_cumprod[int(at)]))
        # Samplers after Karras keep clean + sigma * epsilon, whose scale grows with the noise.
        grown = hasattr(scheduler, "sigmas") and type(scheduler).__name__.startswith(KARRAS)
        noisy = sample * signal if grown else sample
        level = NoiseLevel(at, signal, noise)
        return SchedulerStep(level, noisy, lambda: self._clean(noisy.float(), output.float(), level))

    def _sigma(self, timestep: Any) -> float:
        """The noise level of the step that is about to be done."""
        scheduler = self.scheduler
        if scheduler.step_index is None:
            scheduler._init_step_index(timestep)  # what `step` itself would do first
        return float(scheduler.sigmas[scheduler.step_index])

    def _clean(self, noisy: torch.Tensor, output: torch.Tensor, level: NoiseLevel) -> torch.Tensor:
        match self.scheduler.config.prediction_type:
            case "v_prediction":
                return level.signal * noisy - level.noise * output
            case "sample":
                return output
            case _:
                return (noisy - level.noise * output) / max(level.signal, 1e-4)


def noise_schedule(scheduler: Any, process: Process) -> tuple[tuple[float, float, float], ...]:
    """The schedule that a model was trained with.

    Args:
        scheduler: Any of diffusers' for that model.
        process: What the denoiser learned to undo.

    Returns:
        `CURVE_POINTS` times (timestep, signal, noise), from clean to noise.
    """
    share = [point / (CURVE_POINTS - 1) for point in range(CURVE_POINTS)]
    if process == "trigflow":
        return tuple((at * math.pi / 2, math.cos(at * math.pi / 2), math.sin(at * math.pi / 2)) for at in share)
    last = int(scheduler.config.num_train_timesteps) - 1
    if process == "flow":
        return tuple((at * (last + 1), 1 - at, at) for at in share)
    bars = scheduler.alphas_cumprod
    return tuple((float(round(at * last)), *_signal_and_noise(float(bars[round(at * last)]))) for at in share)


def _signal_and_noise(alpha_bar: float) -> tuple[float, float]:
    return math.sqrt(alpha_bar), math.sqrt(max(0.0, 1 - alpha_bar))
