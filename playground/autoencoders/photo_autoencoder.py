"""`AutoencoderKL` and `AutoencoderTiny` behind one interface: pictures in, latents of unit variance out, and back.

Invariants: torch and diffusers are imported here, when the first model loads. `AutoencoderKL` gives the mean of its
posterior, so the same photograph always gives the same latent.

A KL latent is brought to unit variance by the config's `scaling_factor` and `shift_factor` (Rombach et al. 2022,
appendix G), as its diffusion model sees it. `AutoencoderTiny` was distilled to give just that, so its factors are 1
and 0; its `latent_magnitude` concerns only how others store latents as pictures.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny

from playground.errors import UserError
from playground.families import LoadRequest
from playground.inference.loading_errors import explained, refuse_incomplete
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task


class PhotoAutoencoder:
    """A loaded autoencoder. Pictures are (H, W, 3) uint8, both sides whole multiples of `factor`.

    Args:
        model: an `AutoencoderKL` or `AutoencoderTiny`.
        label: its name in messages.
    """

    def __init__(self, model: Any, label: str) -> None:
        self._model = model.eval().requires_grad_(False)
        self._label = label
        config = model.config
        self._kl = isinstance(model, AutoencoderKL)
        self._scale = float(config.scaling_factor or 1.0)
        self._shift = float(config.shift_factor or 0.0)
        self.channels = int(config.latent_channels)
        widths = config.block_out_channels if self._kl else config.encoder_block_out_channels
        self.factor = 2 ** (len(widths) - 1)

    @classmethod
    def from_folder(cls, folder: Path, kind: Any, device: str, label: str) -> "PhotoAutoencoder":
        """Load safetensors in `from_pretrained` layout.

        Args:
            folder: where they are.
            kind: `AutoencoderKL` or `AutoencoderTiny`.
            device: where to: "cuda:0", "mps" or "cpu".
            label: the model's name, for messages.

        Raises:
            UserError: the files are of something else, or not complete.
        """
        with explained(label, f"an {kind.__name__}"):
            config = kind.load_config(folder, local_files_only=True)
            named = config.get("_class_name", kind.__name__)
            if named != kind.__name__:
                raise UserError(
                    f"{label} is of the class {str(named)[:80]}, not {kind.__name__}. Mend `family` of its catalogue "
                    "entry, or choose another model."
                )
            # The VAE of SDXL overflows in fp16; `force_upcast` (diffusers' default for KL) marks such models.
            half = device.startswith("cuda") and not config.get("force_upcast", kind is AutoencoderKL)
            model, report = kind.from_pretrained(
                folder,
                use_safetensors=True,
                local_files_only=True,
                torch_dtype=torch.float16 if half else torch.float32,
                output_loading_info=True,
            )
        refuse_incomplete(label, report)
        return cls(model.to(device), label)

    @property
    def nbytes(self) -> int:
        """Bytes of weights."""
        return int(self._model.get_memory_footprint())

    def move(self, device: str) -> None:
        """Move the model to another device.

        Args:
            device: as torch names it.
        """
        self._model.to(device)

    def encode(self, picture: np.ndarray, task: Task) -> np.ndarray:
        """Encode a picture.

        Args:
            picture: (H, W, 3) uint8.
            task: checked before every layer.

        Returns:
            (channels, H / factor, W / factor) float32 of about unit variance.

        Raises:
            UserError: the model gave numbers that are not finite.
            Cancelled: the task was cancelled.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
        x = pixels.to(self._model.device, self._model.dtype) / 127.5 - 1
        with torch.inference_mode(), _cancellable(self._model, task):
            encoded = self._model.encode(x)
            raw = encoded.latent_dist.mode() if self._kl else encoded.latents
        latent = (raw[0].to("cpu", torch.float32).numpy() - self._shift) * self._scale
        return self._finite(latent, "encoding")

    def decode(self, latent: np.ndarray, task: Task) -> np.ndarray:
        """Decode a latent.

        Args:
            latent: (channels, h, w) float32.
            task: checked before every layer.

        Returns:
            (h * factor, w * factor, 3) uint8.

        Raises:
            UserError: the model gave numbers that are not finite.
            Cancelled: the task was cancelled.
        """
        raw = torch.from_numpy(latent / self._scale + self._shift)[None]
        with torch.inference_mode(), _cancellable(self._model, task):
            sample = self._model.decode(raw.to(self._model.device, self._model.dtype)).sample
        picture = self._finite(sample[0].to("cpu", torch.float32).numpy(), "decoding")
        return ((picture.transpose(1, 2, 0) + 1) * 127.5).round().clip(0, 255).astype(np.uint8)

    def _finite(self, values: np.ndarray, doing: str) -> np.ndarray:
        if np.isfinite(values).all():
            return values
        raise UserError(
            f"{self._label} gave numbers that are not finite while {doing}: its weights are damaged, or it overflowed "
            "(some autoencoders do in half precision, or when gain or noise are extreme). Set gain and noise back; if "
            "it stays, choose another model."
        )


@contextmanager
def _cancellable(model: Any, task: Task) -> Iterator[None]:
    """Check the task before every layer: one pass over a large picture may take a minute on a CPU."""
    hooks = [module.register_forward_pre_hook(lambda *_: task.check()) for module in model.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def load_kl(request: LoadRequest) -> LoadedModel:
    """An `AutoencoderKL` from its folder.

    Args:
        request: the model, its folder and device.
    """
    return _loaded(request, AutoencoderKL)


def load_tiny(request: LoadRequest) -> LoadedModel:
    """An `AutoencoderTiny` from its folder.

    Args:
        request: the model, its folder and device.
    """
    return _loaded(request, AutoencoderTiny)


def _loaded(request: LoadRequest, kind: Any) -> LoadedModel:
    network = PhotoAutoencoder.from_folder(request.path, kind, request.device, request.entry.label)
    return LoadedModel(network, nbytes=network.nbytes, move=network.move)
