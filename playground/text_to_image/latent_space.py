"""Between a pipeline's latents and pictures: one layout for previews, the film and the last decode.

Invariants: latents are (B, C, h, w) of unit variance, as the denoiser sees them; only this module knows how each
pipeline packs, scales and shifts them before its autoencoder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image

from playground.errors import UserError


class LatentSpace:
    """The latents of one pipeline."""

    def __init__(self, pipe: Any, label: str) -> None:
        self._pipe = pipe
        self._label = label
        self.vae = pipe.vae
        # FLUX.2: patches of 2 x 2 packed into a sequence, normalised by statistics kept in the autoencoder.
        self.packed = hasattr(self.vae, "bn")
        self.placed()

    def placed(self) -> None:
        """Look where the pipeline computes now, and in which numbers: diffusers takes milliseconds to say it."""
        self.device: torch.device = self._pipe._execution_device  # also while its weights are elsewhere
        self.dtype: torch.dtype = self.vae.dtype

    @property
    def factor(self) -> int:
        """Pixels a side of one latent cell."""
        return int(self._pipe.vae_scale_factor) * (2 if self.packed else 1)

    def spatial(self, latents: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Latents in the middle of a pipeline's loop, as (B, C, h, w). `height`, `width` are the picture's pixels."""
        if not self.packed:
            return latents
        rows, columns = height // self.factor, width // self.factor
        return latents.reshape(len(latents), rows, columns, -1).permute(0, 3, 1, 2)  # (B, h * w, C), row by row

    def denormalize(self, latents: torch.Tensor) -> torch.Tensor:
        """What the autoencoder's decoder takes."""
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
        """What the denoiser would see of an encoded picture: undoes `denormalize`."""
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
        """(B, C, h, w) to pixels (B, 3, H, W) in about -1..1, float32, on the CPU. Finite or not."""
        if self.dtype == torch.float16 and self.vae.config.get("force_upcast"):
            self.vae.to(torch.float32)  # SDXL's own overflows in half precision
            self.placed()
        with torch.no_grad():
            sample = self.vae.decode(self.denormalize(latents), return_dict=False)[0]
        return sample.to("cpu", torch.float32)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels (B, 3, H, W) in -1..1 to latents (B, C, h, w), the mean of the posterior where there is one."""
        with torch.no_grad():
            found = self.vae.encode(pixels.to(self.device, self.dtype))
            raw = found.latent if hasattr(found, "latent") else found.latent_dist.mode()
            return self.normalize(raw.float())

    def picture(self, pixels: torch.Tensor, said: str) -> Image.Image:
        """(3, H, W) of a decode as a picture. Raises `UserError` for values that are no numbers; `said` names it."""
        if not bool(torch.isfinite(pixels).all()):
            raise UserError(
                f"{self._label} gave values that are no numbers for {said}, so there is no picture: it overflowed in "
                "this precision, or its weights are damaged. Try another seed, scheduler or guidance; if it stays, "
                "download the model again or choose another."
            )
        return to_picture(pixels)

    @contextmanager
    def tiled(self, on: bool) -> Iterator[None]:
        """Decode in tiles: slower, in a fraction of the memory. Pictures no larger than a tile stay as they are."""
        if on:
            self.vae.enable_tiling()
        try:
            yield
        finally:
            if on:
                self.vae.disable_tiling()


def to_picture(pixels: torch.Tensor) -> Image.Image:
    """(3, H, W) in -1..1 to RGB; rounds as diffusers' image processor does."""
    array = (pixels.float().permute(1, 2, 0) / 2 + 0.5).clamp(0, 1).cpu().numpy()
    return Image.fromarray((array * 255).round().astype("uint8"))
