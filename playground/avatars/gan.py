"""Generator and discriminator after StyleGAN2, Karras et al. (2020), arXiv:1912.04958.

Invariants: z (B, z_dim) -> mapping -> w (B, w_dim) -> synthesis, which takes one w per layer (B, layers, w_dim). There
is no noise input, since drawn portraits have no stochastic detail.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from playground.avatars.flow import AvatarFlow
from playground.avatars.latent_layout import Block, blocks


class ModulatedConv(nn.Module):
    """Modulated convolution: input channels are scaled by a style, the output demodulated to unit variance.

    Scaling input and output instead of the weights is the same in numbers, and needs no convolution per sample.

    Args:
        before: input channels.
        after: output channels.
        w_dim: coordinates of w.
        kernel: pixels of the kernel's side.
        demodulate: whether the output is normalised.
    """

    def __init__(self, before: int, after: int, w_dim: int, kernel: int = 3, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before, kernel, kernel) / math.sqrt(before * kernel**2))
        self.bias = nn.Parameter(torch.zeros(after))
        self.style = nn.Linear(w_dim, before)
        self.demodulate = demodulate
        self.squares: Tensor | None
        self.register_buffer("squares", None, persistent=False)
        nn.init.normal_(self.style.weight, std=1 / math.sqrt(w_dim))
        nn.init.ones_(self.style.bias)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Forward pass.

        Args:
            x: (B, before, H, W).
            w: (B, w_dim).

        Returns:
            (B, after, H, W).
        """
        style = self.style(w)  # (B, before)
        x = F.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[-1] // 2)
        if self.demodulate:
            energy = style.square() @ self._squares().T  # (B, after)
            x = x * torch.rsqrt(energy + 1e-8)[:, :, None, None]
        return x + self.bias[:, None, None]

    def _squares(self) -> Tensor:
        """(after, before): the energy of each filter; cached for weights that are frozen."""
        if self.weight.requires_grad:
            return self.weight.square().sum((2, 3))
        if self.squares is None:
            with torch.inference_mode(False):  # a projection learns styles through it later
                self.squares = self.weight.square().sum((2, 3))
        return self.squares


class AttributeQuantizer(nn.Module):
    """Soft vector quantisation: moves each attribute's block to the nearest of its codes, by a sharp softmax.

    A portrait has one hair style or another and never half of each, but a continuous map of a normal distribution must
    pass from one to the other. Here it does so within a small region.

    Args:
        of: the attributes' blocks.
    """

    SHARPNESS = 40.0  # per squared distance; neighbouring codes are 0.7 apart or more

    def __init__(self, of: Sequence[Block]) -> None:
        super().__init__()
        self.slices = [block.slice for block in of]
        for number, block in enumerate(of):  # constants of the config: not among the weights
            self.register_buffer(f"codes_{number}", torch.from_numpy(block.codes), persistent=False)

    def forward(self, latent: Tensor) -> Tensor:
        """Forward pass.

        Args:
            latent: (B, z_dim).

        Returns:
            (B, z_dim); coordinates of no block are unchanged.
        """
        parts, end = [], 0
        for number, place in enumerate(self.slices):
            codes: Tensor = self.get_buffer(f"codes_{number}")
            distance = (latent[:, None, place] - codes).square().sum(2)  # (B, K)
            parts.append(F.softmax(-self.SHARPNESS * distance, dim=1) @ codes)
            end = place.stop
        return torch.cat([*parts, latent[:, end:]], dim=1)


class Mapping(nn.Module):
    """Mapping network z -> w: a RealNVP `prior`, soft quantisation of the attributes, then an MLP `style`.

    The prior is that of `flow`, so training can start from a density that is known to be right.

    Args:
        z_dim: coordinates of z.
        w_dim: coordinates of w.
        layers: couplings of the prior.
        hidden: width of the couplings' hidden layers.
        of: the attributes' blocks.
    """

    def __init__(self, z_dim: int, w_dim: int, layers: int, hidden: int, of: Sequence[Block]) -> None:
        super().__init__()
        self.prior = AvatarFlow(z_dim, layers, hidden)
        self.quantize = AttributeQuantizer(of)
        self.style = nn.Sequential(nn.Linear(z_dim, w_dim), nn.LeakyReLU(0.2), nn.Linear(w_dim, w_dim))

    def forward(self, z: Tensor) -> Tensor:
        """Forward pass.

        Args:
            z: (B, z_dim).

        Returns:
            w, (B, w_dim).
        """
        return self.of_latent(self.prior.inverse(F.normalize(z, dim=1) * math.sqrt(z.shape[1])))

    def of_latent(self, latent: Tensor) -> Tensor:
        """w of a VAE latent: the mapping without its prior.

        Args:
            latent: (B, z_dim), as the VAE encodes pictures.

        Returns:
            w, (B, w_dim).
        """
        return self.style(self.quantize(latent))


class Synthesis(nn.Module):
    """Synthesis network: a learned constant of 4x4 pixels, doubled until half the size, and a pixel shuffle.

    Args:
        size: pixels S of a side.
        widths: channels at every resolution from 4 pixels to half the picture.
        w_dim: coordinates of w.
    """

    def __init__(self, size: int, widths: Sequence[int], w_dim: int) -> None:
        super().__init__()
        assert size == 4 << len(widths), "one width per resolution from 4 pixels to half the picture"
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        pairs = list(itertools.pairwise(widths))
        self.convolutions = nn.ModuleList([ModulatedConv(widths[0], widths[0], w_dim)])
        for before, after in pairs:
            self.convolutions += [ModulatedConv(before, after, w_dim), ModulatedConv(after, after, w_dim)]
        self.to_rgb = nn.ModuleList(
            ModulatedConv(width, 3 if level < len(widths) - 1 else 12, w_dim, kernel=1, demodulate=False)
            for level, width in enumerate(widths)
        )
        self.layers = len(self.convolutions)

    def resolutions(self) -> tuple[int, ...]:
        """Pixels of a side at which each layer works."""
        return tuple(4 << ((layer + 1) // 2) for layer in range(self.layers))

    def forward(self, w: Tensor) -> Tensor:
        """Forward pass.

        Args:
            w: (B, layers, w_dim).

        Returns:
            (B, 3, S, S), about -1..1.
        """
        x = self.constant.expand(len(w), -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.convolutions[0](x, w[:, 0]), 0.2)
        rgb = self.to_rgb[0](x, w[:, 0])
        for level in range(1, len(self.to_rgb)):
            first, second = 2 * level - 1, 2 * level
            x = F.leaky_relu(self.convolutions[first](x, w[:, first]), 0.2)
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
            x = F.leaky_relu(self.convolutions[second](x, w[:, second]), 0.2) * math.sqrt(2)
            rgb = F.interpolate(rgb, scale_factor=2.0, mode="bilinear")
            colours = self.to_rgb[level](x, w[:, second])
            if level == len(self.to_rgb) - 1:  # 12 channels hold 2x2 pixels
                return F.interpolate(rgb, scale_factor=2.0, mode="bilinear") + F.pixel_shuffle(colours, 2)
            rgb = rgb + colours
        raise AssertionError("a synthesis has at least two resolutions")


class AvatarGenerator(nn.Module, PyTorchModelHubMixin, library_name="aigc-playground"):
    """Mapping and synthesis network; the buffer `w_mean` is the mean of w over many z.

    Args:
        size: pixels S of a side.
        z_dim: coordinates of z ~ N(0, I).
        w_dim: coordinates of w.
        couplings: of the mapping's prior.
        hidden: width of the couplings' hidden layers.
        widths: channels at every resolution from 4 pixels to half the picture.
        attributes: dicts as in `AvatarVAE`, whose blocks of z are quantised; None for no quantisation.
    """

    def __init__(
        self,
        size: int = 64,
        z_dim: int = 64,
        w_dim: int = 128,
        couplings: int = 12,
        hidden: int = 192,
        widths: tuple[int, ...] = (128, 128, 96, 64),
        attributes: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.size, self.z_dim, self.w_dim = size, z_dim, w_dim
        self.mapping = Mapping(z_dim, w_dim, couplings, hidden, blocks(attributes or []))
        self.synthesis = Synthesis(size, widths, w_dim)
        self.w_mean: Tensor
        self.register_buffer("w_mean", torch.zeros(w_dim))

    @property
    def layers(self) -> int:
        """How many layers take a style."""
        return self.synthesis.layers

    def map(self, z: Tensor, truncation: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Styles of latents z.

        Args:
            z: (B, z_dim).
            truncation: psi; 1 changes nothing, 0 gives the mean, negative values the opposite.
            cutoff: only the layers before it are truncated; None for all.

        Returns:
            (B, layers, w_dim).
        """
        w = self.mapping(z)[:, None].expand(-1, self.layers, -1)
        return self.truncate(w, truncation, cutoff)

    def truncate(self, w: Tensor, truncation: float, cutoff: int | None = None) -> Tensor:
        """Interpolate styles from the mean w.

        Args:
            w: (B, layers, w_dim).
            truncation: psi.
            cutoff: only the layers before it are truncated; None for all.

        Returns:
            (B, layers, w_dim).
        """
        cutoff = self.layers if cutoff is None else cutoff
        drawn = self.w_mean + truncation * (w[:, :cutoff] - self.w_mean)
        return torch.cat([drawn, w[:, cutoff:]], dim=1)

    def forward(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """Forward pass.

        Args:
            z: (B, z_dim).
            truncation: psi.

        Returns:
            (B, 3, S, S), about -1..1.
        """
        return self.synthesis(self.map(z, truncation))


class AvatarDiscriminator(nn.Module, PyTorchModelHubMixin, library_name="aigc-playground"):
    """Strided convolutions to one logit per picture, higher for more real. No normalisation layer.

    Args:
        size: pixels S of a side.
        widths: channels after each halving.
        hidden: width of the last hidden layer.
    """

    def __init__(self, size: int = 64, widths: tuple[int, ...] = (32, 64, 128, 192), hidden: int = 256) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            before = width
        self.convolutions = nn.Sequential(*layers)
        self.out = nn.Sequential(
            nn.Linear(before * (size >> len(widths)) ** 2, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Forward pass.

        Args:
            x: (B, 3, S, S) in -1..1.

        Returns:
            Logits (B,).
        """
        return self.out(self.convolutions(x).flatten(1))[:, 0]
