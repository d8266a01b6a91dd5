"""The variational autoencoder of the drawn world, after Kingma and Welling (2013), arXiv:1312.6114.

Invariants: pictures are (B, 3, S, S) in -1..1, latents (B, z). The first coordinates of the latent hold the
attributes (`codes`), the others whatever else a picture has. No normalisation layer: a picture is decoded alone as
in a batch.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from playground.avatars.latent_layout import Block, blocks


class Residual(nn.Module):
    """x + conv(silu(conv(silu(x)))); with a latent, its input is scaled and shifted by it (FiLM, arXiv:1709.07871).

    The second convolution starts at zero, so a stack of any depth starts as the identity.
    """

    def __init__(self, channels: int, latent: int = 0) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(latent, 2 * channels) if latent else None
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        h = x
        if self.film is not None and z is not None:
            scale, shift = self.film(z)[:, :, None, None].chunk(2, dim=1)
            h = h * (1 + scale) + shift
        return x + self.second(F.silu(self.first(F.silu(h))))


class Encoder(nn.Module):
    """(B, 3, S, S) to mean and log-variance, (B, z) each."""

    def __init__(self, size: int, widths: Sequence[int], latent: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for level, width in enumerate(widths):
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1)]
            if level == 1:  # where a residual block still is cheap and sees enough
                layers += [Residual(width)]
            layers += [nn.SiLU()]
            before = width
        self.convolutions = nn.Sequential(*layers)
        self.out = nn.Linear(before * (size >> len(widths)) ** 2, 2 * latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.out(self.convolutions(x).flatten(1)).chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 4)


class Decoder(nn.Module):
    """(B, z) to (B, 3, S, S), from 4x4 pixels upwards; the last doubling is a pixel shuffle (arXiv:1609.05158)."""

    def __init__(self, size: int, widths: Sequence[int], latent: int) -> None:
        super().__init__()
        assert size == 4 << len(widths), "one width per resolution from 4 pixels to half the picture"
        self.widths = tuple(widths)
        self.start = nn.Sequential(nn.Linear(latent, 256), nn.SiLU(), nn.Linear(256, 16 * widths[0]))
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in itertools.pairwise(widths))
        self.blocks = nn.ModuleList(Residual(width, latent) for width in widths[1:])
        self.out = nn.Conv2d(widths[-1], 12, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        h = self.start(z).view(len(z), self.widths[0], 4, 4).contiguous(memory_format=torch.channels_last)
        for narrow, block in zip(self.narrow, self.blocks, strict=True):
            # narrowed before it is enlarged: the same numbers at a quarter of the price
            h = block(F.interpolate(narrow(h), scale_factor=2.0, mode="nearest"), z)
        return F.pixel_shuffle(self.out(F.silu(h)), 2)


class AvatarVAE(nn.Module, PyTorchModelHubMixin, library_name="aigc-playground"):
    """Encoder and decoder of `size` pixels, with a latent of `latent` coordinates.

    `attributes` are dicts of name, order, values and scale (`codes.blocks`), which take the first coordinates.
    """

    def __init__(
        self,
        attributes: list[dict[str, Any]],
        size: int = 64,
        latent: int = 64,
        encoder_widths: tuple[int, ...] = (24, 64, 128, 192),
        decoder_widths: tuple[int, ...] = (160, 128, 96, 56),
    ) -> None:
        super().__init__()
        self.size = size
        self.latent = latent
        self.blocks: tuple[Block, ...] = blocks(attributes)
        self.encoder = Encoder(size, encoder_widths, latent)
        self.decoder = Decoder(size, decoder_widths, latent)

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S) in -1..1 to mean and log-variance of q(z | x), (B, z) each."""
        return self.encoder(pictures)

    def decode(self, z: Tensor) -> Tensor:
        """(B, z) to (B, 3, S, S), about -1..1 and not clamped."""
        return self.decoder(z)


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q(z | x) || N(0, I)) of every coordinate, in nats: (B, z). Kingma and Welling (2013), appendix B."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
