"""Pictures of a latent while it is still being denoised, for a small part of the time the denoising takes.

Invariants: a preview may cost `SHARE` of the time its batch has taken so far. Where a decoder is quick enough
beside a step it is used, as often as that share allows; else each latent cell is one colour: a linear map, fitted once
to what this model's own encoder makes of a few coloured pictures.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from playground.runtime.task import Task
from playground.text_to_image.latent_space import LatentSpace, to_picture

if TYPE_CHECKING:
    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

Clean = Callable[[], torch.Tensor]  # what the model expects of the clean latents, (B, C, h, w)
SHARE = 0.08  # of the time since the batch began
STEP_SHARE = 0.5  # of a step: a decode that takes longer would show only every few steps, or never
SMALL_DECODER = 10_000_000  # parameters: tried at once on small pictures, others after the first picture was timed
SMALL_PICTURES = 256 * 256  # pixels, of the pictures together
LEAST_SIDE = 256  # pixels of the longer side of a linear preview, or the picture's own
SAMPLES = 8  # coloured pictures the map is fitted to
CELLS = 8  # latent cells a side of each
RIDGE = 1e-3


class Previewer:
    """What previews of one pipeline need: the linear map, and how long its decoder takes.

    Args:
        space: The pipeline's latents.
        decodes: Whether its decoder is on the device all the time.
    """

    def __init__(self, space: LatentSpace, decodes: bool) -> None:
        self.space = space
        self.decodes = decodes
        self._small = sum(value.numel() for value in space.vae.parameters()) < SMALL_DECODER
        self._seconds: float | None = None  # of the decoder, per pixel
        self._map: torch.Tensor | None = None

    def timed(self, pixels: int, seconds: float) -> None:
        """Remember how long a decode took.

        Args:
            pixels: Of the batch.
            seconds: How long.
        """
        self._seconds = seconds / pixels

    def cost(self, pixels: int) -> float | None:
        """How long a decode will take.

        Args:
            pixels: Of the batch.

        Returns:
            Seconds; 0 for one worth trying, None if not known yet.
        """
        if self._seconds is not None:
            return self._seconds * pixels
        return 0.0 if self._small and pixels <= SMALL_PICTURES else None

    def prepare(self) -> None:
        """Fit the linear map, once: least squares from latent channels to the mean colour of a cell's pixels."""
        if self._map is not None:
            return
        generator = torch.Generator("cpu").manual_seed(0)
        size = CELLS * self.space.factor
        coarse = torch.rand((SAMPLES, 3, CELLS, CELLS), generator=generator, dtype=torch.float32) * 2 - 1
        pixels = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")
        latents = self.space.encode(pixels).to("cpu", torch.float32)
        colours = torch.nn.functional.interpolate(pixels, latents.shape[-2:], mode="area")
        x = _with_one(latents.flatten(2).transpose(1, 2).flatten(0, 1))  # (N, C + 1)
        y = colours.flatten(2).transpose(1, 2).flatten(0, 1)  # (N, 3)
        held = torch.ones(x.shape[1], dtype=torch.float32)
        held[-1] = 0  # the constant is free
        square = x.T @ x + RIDGE * len(x) * torch.diag(held)
        finite = bool(torch.isfinite(square).all())
        self._map = torch.linalg.solve(square, x.T @ y) if finite else torch.zeros_like(square[:, :3])

    def linear(self, latents: torch.Tensor, width: int, height: int) -> tuple[Image.Image, ...]:
        """Pictures of one colour a latent cell, smoothed.

        Args:
            latents: (B, C, h, w) of unit variance.
            width: Of a finished picture, in pixels.
            height: Of a finished picture, in pixels.
        """
        assert self._map is not None  # `prepare` comes first
        values = latents.detach().to("cpu", torch.float32).permute(0, 2, 3, 1)
        colours = torch.nan_to_num(_with_one(values) @ self._map)  # (B, h, w, 3)
        scale = min(1.0, LEAST_SIDE / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return tuple(to_picture(one.permute(2, 0, 1)).resize(size, Image.Resampling.BICUBIC) for one in colours)

    def decoded(self, latents: torch.Tensor) -> tuple[Image.Image, ...]:
        """Pictures by the pipeline's own decoder.

        Args:
            latents: (B, C, h, w) of unit variance.
        """
        began = time.perf_counter()
        pixels = torch.nan_to_num(self.space.decode(latents))
        self.timed(pixels[:, 0].numel(), time.perf_counter() - began)
        return tuple(to_picture(one) for one in pixels)


class BatchPreviews:
    """The previews of one batch.

    Args:
        previewer: Of the pipeline.
        decoder: A tiny autoencoder of the same latents, or None.
        number: Pictures of the batch.
        width: Of a picture, in pixels.
        height: Of a picture, in pixels.
        task: Stops a decode by the tiny autoencoder.
    """

    def __init__(
        self,
        previewer: Previewer,
        decoder: "PhotoAutoencoder | None",
        number: int,
        width: int,
        height: int,
        task: Task,
    ) -> None:
        self._previewer = previewer
        self._decoder = decoder
        self._number = number
        self._size = (width, height)
        self._task = task
        self._began = self._last = time.perf_counter()
        self._spent = self._tiny_cost = 0.0
        self._has_shown = False

    def pictures(self, clean: Clean, is_last: bool) -> tuple[Image.Image, ...]:
        """Pictures of the predicted clean latents, or none where that would take too long.

        Args:
            clean: Gives the latents (B, C, h, w) of unit variance.
            is_last: Whether this was the last step.
        """
        now = time.perf_counter()
        step, elapsed = now - self._last, now - self._began
        pictures = self._pictures(clean, step, elapsed, is_last)
        self._has_shown = self._has_shown or bool(pictures)
        self._last = time.perf_counter()
        self._spent += self._last - now
        return pictures

    def _pictures(self, clean: Clean, step: float, elapsed: float, is_last: bool) -> tuple[Image.Image, ...]:
        width, height = self._size
        cost = self._previewer.cost(width * height * self._number) if self._previewer.decodes else None
        if cost is not None and cost <= STEP_SHARE * step:
            decode = self._previewer.decoded
        elif self._decoder is not None:
            decode, cost = self._tiny, self._tiny_cost
        else:
            return self._previewer.linear(clean(), width, height)
        if is_last:
            return ()  # the picture itself comes now
        if cost <= SHARE * elapsed - self._spent:
            return decode(clean())
        return () if self._has_shown else self._previewer.linear(clean(), width, height)

    def _tiny(self, latents: torch.Tensor) -> tuple[Image.Image, ...]:
        began = time.perf_counter()
        assert self._decoder is not None
        pictures = tiny_decode(self._decoder, latents, self._task)
        self._tiny_cost = time.perf_counter() - began
        return tuple(pictures)


def tiny_decode(decoder: "PhotoAutoencoder", latents: torch.Tensor, task: Task) -> list[Image.Image]:
    """Pictures by a tiny autoencoder.

    Args:
        decoder: The autoencoder.
        latents: (B, C, h, w) of unit variance.
        task: Stops the work.

    Raises:
        Cancelled: After `task.cancel()`.
    """
    arrays = [np.nan_to_num(one.detach().to("cpu", torch.float32).numpy()) for one in latents]
    return [Image.fromarray(decoder.decode(array, task)) for array in arrays]


def _with_one(values: torch.Tensor) -> torch.Tensor:
    """A column of ones after the channels (the last axis): the constant of the map."""
    return torch.cat([values, torch.ones((*values.shape[:-1], 1), dtype=values.dtype)], dim=-1)
