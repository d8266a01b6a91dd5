"""Between a pipeline's latents and pictures: one layout for previews, the trajectory and the last decode.

Invariants: latents are (B, C, h, w) of unit variance, as the denoiser sees them; only this module knows how each
pipeline packs, scales and shifts them before its autoencoder. The last decode takes as little memory as there is: the
whole batch at once where it is small, else picture by picture, else picture by picture in tiles; and where not even
that fits, it ends in an error with numbers.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image

from playground.errors import UserError
from playground.runtime import devices

AT_ONCE = 512 * 512  # pixels of all pictures together
BYTES_PER_PIXEL = 1_500  # of a KL decoder's activations, per byte of its numbers: 6 kB in float32
SHARE = 0.8  # of the free memory: beyond, tiles from the start


class LatentSpace:
    """The latents of one pipeline.

    Args:
        pipe: A loaded pipeline of diffusers.
        label: The model's name, for errors.
    """

    def __init__(self, pipe: Any, label: str) -> None:
        self._pipe = pipe
        self._label = label
        self.vae = pipe.vae
        # FLUX.2: patches of 2 x 2 packed into a sequence, normalised by statistics kept in the autoencoder.
        self.packed = hasattr(self.vae, "bn")
        self.placed()

    def placed(self) -> None:
        """Note where the pipeline computes now, and in which numbers: diffusers takes milliseconds to find out."""
        self.device: torch.device = self._pipe._execution_device  # also while its weights are elsewhere
        self.dtype: torch.dtype = self.vae.dtype

    @property
    def factor(self) -> int:
        """Pixels a side of one latent cell."""
        return int(self._pipe.vae_scale_factor) * (2 if self.packed else 1)

    def spatial(self, latents: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Latents in the middle of a pipeline's loop, as (B, C, h, w).

        Args:
            latents: (B, C, h, w), or packed (B, h * w, C).
            height: Of the picture, in pixels.
            width: Of the picture, in pixels.
        """
        if not self.packed:
            return latents
        rows, columns = height // self.factor, width // self.factor
        return latents.reshape(len(latents), rows, columns, -1).permute(0, 3, 1, 2)  # (B, h * w, C), row by row

    def denormalize(self, latents: torch.Tensor) -> torch.Tensor:
        """What the autoencoder's decoder takes.

        Args:
            latents: (B, C, h, w) of unit variance.
        """
        vae, config = self.vae, self.vae.config
        latents = latents.to(self.device)
        if self.packed:
            mean = vae.bn.running_mean.view(1, -1, 1, 1).to(latents)
            spread = torch.sqrt(vae.bn.running_var.view(1, -1, 1, 1) + config.batch_norm_eps).to(latents)
            return self._pipe._unpatchify_latents(latents * spread + mean).to(self.dtype)
        if config.get("latents_mean") and config.get("latents_std"):  # some SDXL derivatives
            mean, spread = (
                torch.tensor(config[name], dtype=torch.float32, device=latents.device).view(1, -1, 1, 1)
                for name in ("latents_mean", "latents_std")
            )
            return (latents * spread / config.scaling_factor + mean).to(self.dtype)
        return (latents / config.scaling_factor + (config.get("shift_factor") or 0.0)).to(self.dtype)

    def normalize(self, raw: torch.Tensor) -> torch.Tensor:
        """What the denoiser would see of an encoded picture: undoes `denormalize`.

        Args:
            raw: (B, C, h, w) as the autoencoder's encoder gives it.
        """
        vae, config = self.vae, self.vae.config
        if self.packed:
            patches = self._pipe._patchify_latents(raw)
            mean = vae.bn.running_mean.view(1, -1, 1, 1).to(raw)
            return (patches - mean) / torch.sqrt(vae.bn.running_var.view(1, -1, 1, 1) + config.batch_norm_eps).to(raw)
        if config.get("latents_mean") and config.get("latents_std"):
            mean, spread = (
                torch.tensor(config[name], dtype=torch.float32, device=raw.device).view(1, -1, 1, 1)
                for name in ("latents_mean", "latents_std")
            )
            return (raw - mean) * config.scaling_factor / spread
        return (raw - (config.get("shift_factor") or 0.0)) * config.scaling_factor

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents to pixels.

        Args:
            latents: (B, C, h, w) of unit variance.

        Returns:
            (B, 3, H, W) in about -1..1, float32, on the CPU; finite or not.
        """
        if self.dtype == torch.float16 and self.vae.config.get("force_upcast"):
            self.vae.to(torch.float32)  # SDXL's own overflows in half precision
            self.placed()
        with torch.no_grad():
            sample = self.vae.decode(self.denormalize(latents), return_dict=False)[0]
        return sample.to("cpu", torch.float32)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels to latents.

        Args:
            pixels: (B, 3, H, W) in -1..1.

        Returns:
            (B, C, h, w) of unit variance: the mean of the posterior where there is one.
        """
        with torch.no_grad():
            found = self.vae.encode(pixels.to(self.device, self.dtype))
            raw = found.latent if hasattr(found, "latent") else found.latent_dist.mode()
            return self.normalize(raw.float())

    def picture(self, pixels: torch.Tensor, name: str) -> Image.Image:
        """Decoded pixels as a picture.

        Args:
            pixels: (3, H, W) in about -1..1.
            name: What the error calls it.

        Raises:
            UserError: Values are not finite.
        """
        if not bool(torch.isfinite(pixels).all()):
            raise UserError(
                f"{self._label} gave values that are no numbers for {name}, so there is no picture: it overflowed in "
                "this precision, or its weights are damaged. Try another seed, scheduler or guidance; if it stays, "
                "download the model again or choose another."
            )
        return to_picture(pixels)

    @contextmanager
    def tiled(self, on: bool) -> Iterator[None]:
        """Decode in tiles: slower, in a fraction of the memory. Pictures no larger than a tile stay as they are.

        Args:
            on: Whether to.
        """
        if on:
            self.vae.enable_tiling()
        try:
            yield
        finally:
            if on:
                self.vae.disable_tiling()


class LatentDecoder:
    """Decodes the finished latents of one pipeline, in as little memory as there is.

    Args:
        space: Its latents.
        label: The model's name, for errors.
    """

    def __init__(self, space: LatentSpace, label: str) -> None:
        self._space = space
        self._label = label

    def decode(
        self, latents: torch.Tensor, width: int, height: int, timed: Callable[[int, float], None]
    ) -> list[torch.Tensor]:
        """Finished latents to pixels.

        Args:
            latents: (B, C, h, w) of unit variance.
            width: Of a picture, in pixels.
            height: Of a picture, in pixels.
            timed: Called with the pixels of the batch and the seconds it took.

        Returns:
            B times (3, H, W), float32, on the CPU.

        Raises:
            UserError: One picture alone, in tiles, is too much.
        """
        pixels = width * height
        began = time.perf_counter()
        attempts = [(len(latents), False)] if len(latents) > 1 and len(latents) * pixels <= AT_ONCE else []
        attempts += [(1, False)] if self._fits(pixels) else []
        for number, tiled in [*attempts, (1, True)]:
            try:
                with self._space.tiled(tiled):
                    found = [one for part in latents.split(number) for one in self._space.decode(part)]
            except (RuntimeError, MemoryError) as error:
                if not devices.is_out_of_memory(error):
                    raise
                devices.forget_locals(error)
            else:
                if not tiled:
                    timed(pixels * len(latents), time.perf_counter() - began)
                return found
            devices.release_memory()
        raise self.too_large(width, height)

    def too_large(self, width: int, height: int) -> UserError:
        """The error for one picture that does not fit alone.

        Args:
            width: In pixels.
            height: In pixels.
        """
        free = devices.format_bytes(self._free())
        return UserError(
            f"Memory ran out for one picture of {width} × {height} pixels with {self._label}, even alone and decoded "
            f"in tiles; {free} are free. Make it smaller, choose a smaller model, or close other programs."
        )

    def _fits(self, pixels: int) -> bool:
        return BYTES_PER_PIXEL * self._space.dtype.itemsize * pixels <= SHARE * self._free()

    def _free(self) -> int:
        device = self._space.device
        return devices.free_cuda_memory(str(device)) if device.type == "cuda" else devices.free_ram()


def to_picture(pixels: torch.Tensor) -> Image.Image:
    """Pixels as an RGB picture, rounded as diffusers' image processor does.

    Args:
        pixels: (3, H, W) in -1..1.
    """
    array = (pixels.float().permute(1, 2, 0) / 2 + 0.5).clamp(0, 1).cpu().numpy()
    return Image.fromarray((array * 255).round().astype("uint8"))
