"""Normalising flow as the prior of a latent: RealNVP, Dinh et al. (2016), arXiv:1605.08803.

Invariants: every layer returns its output and the exact log|det| of its Jacobian; `inverse` undoes `forward` up to
rounding. `forward` goes from data to noise, `inverse` from noise to data.
"""

import math

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

SCALE_LIMIT = 2.0  # a coupling stretches by at most e^2, which keeps inversion exact in fp32


class Coupling(nn.Module):
    """Affine coupling layer: half of the coordinates scale and shift the other half.

    Args:
        width: coordinates D.
        hidden: width of the network's hidden layers.
        generator: draws the fixed permutation.
    """

    def __init__(self, width: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        # A fixed shuffle before every coupling mixes which coordinates decide.
        self.order: Tensor
        self.register_buffer("order", torch.randperm(width, generator=generator))
        self.passing = width // 2
        moved = width - self.passing
        last = nn.Linear(hidden, 2 * moved)
        nn.init.zeros_(last.weight)  # starts as the identity
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(
            nn.Linear(self.passing, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), last
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """From data towards noise.

        Args:
            x: (B, D).

        Returns:
            (B, D), and log|det| (B,).
        """
        x = x[:, self.order]
        kept, moved = x[:, : self.passing], x[:, self.passing :]
        log_scale, shift = self._scale_and_shift(kept)
        return torch.cat([kept, (moved + shift) * log_scale.exp()], dim=1), log_scale.sum(1)

    def inverse(self, y: Tensor) -> Tensor:
        """From noise towards data.

        Args:
            y: (B, D).

        Returns:
            (B, D).
        """
        kept, moved = y[:, : self.passing], y[:, self.passing :]
        log_scale, shift = self._scale_and_shift(kept)
        x = torch.cat([kept, moved * (-log_scale).exp() - shift], dim=1)
        return x[:, torch.argsort(self.order)]

    def _scale_and_shift(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self.net(kept).chunk(2, dim=1)
        return SCALE_LIMIT * torch.tanh(log_scale / SCALE_LIMIT), shift


class AvatarFlow(nn.Module, PyTorchModelHubMixin, library_name="aigc-playground"):
    """RealNVP against a standard normal.

    Args:
        width: coordinates D of the latent.
        layers: number of couplings.
        hidden: width of each coupling's hidden layers.
    """

    def __init__(self, width: int = 64, layers: int = 12, hidden: int = 192) -> None:
        super().__init__()
        self.width = width
        generator = torch.Generator("cpu").manual_seed(0)
        self.couplings = nn.ModuleList(Coupling(width, hidden, generator) for _ in range(layers))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Latents to noise.

        Args:
            z: (B, D).

        Returns:
            Noise (B, D), and log|det dnoise/dz| (B,).
        """
        total = z.new_zeros(len(z))
        for coupling in self.couplings:
            z, log_det = coupling(z)
            total = total + log_det
        return z, total

    def inverse(self, noise: Tensor) -> Tensor:
        """Noise to latents.

        Args:
            noise: (B, D).

        Returns:
            (B, D).
        """
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            noise = coupling.inverse(noise)
        return noise

    def log_prob(self, z: Tensor) -> Tensor:
        """Exact log-likelihood by the change of variables.

        Args:
            z: (B, D).

        Returns:
            (B,), log p(z) in nats.
        """
        noise, log_det = self(z)
        return log_det - 0.5 * (noise.square().sum(1) + self.width * math.log(2 * math.pi))
