"""The last step from latents to pixels, in as little memory as there is.

Invariants: the whole batch at once where it is small, else picture by picture, else picture by picture in
tiles; and where not even that fits, an error with numbers.
"""

import time
from collections.abc import Callable

import torch

from playground.errors import UserError
from playground.runtime import devices
from playground.text_to_image.latent_space import LatentSpace

AT_ONCE = 512 * 512  # pixels of all pictures together
BYTES_PER_PIXEL = 1_500  # of a KL decoder's activations, per byte of its numbers: 6 kB in float32
SHARE = 0.8  # of the free memory: beyond, tiles from the start


class Decoder:
    """Decodes the finished latents of one pipeline."""

    def __init__(self, space: LatentSpace, label: str) -> None:
        self._space = space
        self._label = label

    def decode(
        self, latents: torch.Tensor, width: int, height: int, timed: Callable[[int, float], None]
    ) -> list[torch.Tensor]:
        """(B, C, h, w) to B times (3, H, W) float32 on the CPU. `timed` hears of the pixels and seconds it took.

        Raises `UserError` where one picture alone, in tiles, is too much.
        """
        pixels = width * height
        began = time.perf_counter()
        ways = [(len(latents), False)] if len(latents) > 1 and len(latents) * pixels <= AT_ONCE else []
        ways += [(1, False)] if self._fits(pixels) else []
        for number, tiled in [*ways, (1, True)]:
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
        """What to say when one picture alone does not fit."""
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
