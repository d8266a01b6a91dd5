"""Variational autoencoder of the drawn portraits, after Kingma and Welling (2013), arXiv:1312.6114.

Invariants: pictures are (B, 3, S, S) in -1..1, latents (B, z_dim). The first coordinates of the latent hold the
attributes (`latent_layout`), the others whatever else a picture has. No normalisation layer: a picture is decoded
alone as in a batch.
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
    """Residual block x + conv(silu(conv(silu(x)))), optionally conditioned on a latent (FiLM, arXiv:1709.07871).

    The second convolution starts at zero, so a stack of any depth starts as the identity.

    Args:
        channels: of input and output.
        latent: coordinates of the latent that scales and shifts the input; 0 for none.
    """

    def __init__(self, channels: int, latent: int = 0) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(latent, 2 * channels) if latent else None
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Forward pass.

        Args:
            x: (B, channels, H, W).
            z: (B, latent), or None.

        Returns:
            (B, channels, H, W).
        """
        h = x
        if self.film is not None and z is not None:
            scale, shift = self.film(z)[:, :, None, None].chunk(2, dim=1)
            h = h * (1 + scale) + shift
        return x + self.second(F.silu(self.first(F.silu(h))))


class Encoder(nn.Module):
    """Strided convolutions to mean and log-variance.

    Args:
        size: pixels S of a side.
        widths: channels after each halving.
        latent: z_dim.
    """

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
        """Forward pass.

        Args:
            x: (B, 3, S, S) in -1..1.

        Returns:
            Mean and log-variance, (B, z_dim) each.
        """
        mean, log_variance = self.out(self.convolutions(x).flatten(1)).chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 4)


class Decoder(nn.Module):
    """Upsampling decoder from 4x4 pixels; the last doubling is a pixel shuffle (arXiv:1609.05158).

    Args:
        size: pixels S of a side.
        widths: channels at every resolution from 4 pixels to half the picture.
        latent: z_dim.
    """

    def __init__(self, size: int, widths: Sequence[int], latent: int) -> None:
        super().__init__()
        assert size == 4 << len(widths), "one width per resolution from 4 pixels to half the picture"
        self.widths = tuple(widths)
        self.start = nn.Sequential(nn.Linear(latent, 256), nn.SiLU(), nn.Linear(256, 16 * widths[0]))
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in itertools.pairwise(widths))
        self.blocks = nn.ModuleList(Residual(width, latent) for width in widths[1:])
        self.out = nn.Conv2d(widths[-1], 12, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Forward pass.

        Args:
            z: (B, z_dim).

        Returns:
            (B, 3, S, S), about -1..1.
        """
        h = self.start(z).view(len(z), self.widths[0], 4, 4).contiguous(memory_format=torch.channels_last)
        for narrow, block in zip(self.narrow, self.blocks, strict=True):
            # narrowed before it is enlarged: the same numbers at a quarter of the price
            h = block(F.interpolate(narrow(h), scale_factor=2.0, mode="nearest"), z)
        return F.pixel_shuffle(self.out(F.silu(h)), 2)


class AvatarVAE(nn.Module, PyTorchModelHubMixin, library_name="aigc-playground"):
    """Encoder and decoder.

    Args:
        attributes: dicts of name, order, values and scale (`latent_layout.blocks`), which take the first coordinates.
        size: pixels S of a side.
        latent: z_dim.
        encoder_widths: channels after each halving.
        decoder_widths: channels at every resolution from 4 pixels to half the picture.
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
        """Parameters of q(z | x).

        Args:
            pictures: (B, 3, S, S) in -1..1.

        Returns:
            Mean and log-variance, (B, z_dim) each.
        """
        return self.encoder(pictures)

    def decode(self, z: Tensor) -> Tensor:
        """Decode latents.

        Args:
            z: (B, z_dim).

        Returns:
            (B, 3, S, S), about -1..1 and not clamped.
        """
        return self.decoder(z)


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q(z | x) || N(0, I)) of every coordinate. Kingma and Welling (2013), appendix B.

    Args:
        mean: (B, z_dim).
        log_variance: (B, z_dim).

    Returns:
        (B, z_dim), in nats.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
