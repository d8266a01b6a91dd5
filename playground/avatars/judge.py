"""Attribute classifier ("judge"): predicts every attribute of a portrait, to evaluate the other models.

Invariants: two architectures that share nothing but their task, so that one can check the other. Where a portrait does
not show an attribute, the class is `HIDDEN_VALUE`, the last of the attribute.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

HIDDEN_VALUE = "not to be seen"


class ConvolutionalBackbone(nn.Module):
    """Strided convolutions and a linear layer.

    Args:
        size: pixels S of a side.
        features: width of the output.
    """

    def __init__(self, size: int, features: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 32, 4, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(32, 64, 4, stride=2, padding=1), nn.BatchNorm2d(64), nn.SiLU(),
            nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.SiLU(),
            nn.Conv2d(64, 96, 4, stride=2, padding=1), nn.BatchNorm2d(96), nn.SiLU(),
            nn.Conv2d(96, 128, 4, stride=2, padding=1), nn.BatchNorm2d(128), nn.SiLU(),
        )  # fmt: skip
        self.out = nn.Linear(128 * (size // 16) ** 2, features)

    def forward(self, x: Tensor) -> Tensor:
        """Forward pass.

        Args:
            x: (B, 3, S, S) in -1..1.

        Returns:
            (B, features).
        """
        return F.silu(self.out(self.convolutions(x).flatten(1)))


class MixerLayer(nn.Module):
    """MLP-Mixer layer: one perceptron across patches, one within each. Tolstikhin et al. (2021), arXiv:2105.01601.

    Args:
        places: number of patches.
        width: channels of a patch.
    """

    def __init__(self, places: int, width: int) -> None:
        super().__init__()
        self.across = nn.Sequential(nn.Linear(places, 128), nn.GELU(), nn.Linear(128, places))
        self.within = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, h: Tensor) -> Tensor:
        """Forward pass.

        Args:
            h: (B, places, width).

        Returns:
            (B, places, width).
        """
        h = h + self.across(self.before(h).transpose(1, 2)).transpose(1, 2)
        return h + self.within(self.between(h))


class MixerBackbone(nn.Module):
    """MLP-Mixer, arXiv:2105.01601: no convolution beyond the patch embedding.

    Args:
        size: pixels S of a side.
        features: width of the output.
        patch: pixels of a patch's side.
        width: channels of a patch.
        depth: number of mixer layers.
    """

    def __init__(self, size: int, features: int, patch: int = 8, width: int = 128, depth: int = 3) -> None:
        super().__init__()
        places = (size // patch) ** 2
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.layers = nn.Sequential(*(MixerLayer(places, width) for _ in range(depth)))
        self.narrow = nn.Linear(width, 24)
        self.out = nn.Linear(24 * places, features)

    def forward(self, x: Tensor) -> Tensor:
        """Forward pass.

        Args:
            x: (B, 3, S, S) in -1..1.

        Returns:
            (B, features).
        """
        h = self.layers(self.patches(x).flatten(2).transpose(1, 2))
        return F.gelu(self.out(self.narrow(h).flatten(1)))


class AvatarJudge(nn.Module, PyTorchModelHubMixin, library_name="aigc-playground"):
    """Backbone and one linear head per attribute.

    Args:
        attributes: dicts of name and values, in the order of the heads.
        size: pixels S of a side.
        eyes: the backbone, "convolutional" or "patches" (the name is the config's).
        features: width of the backbone's output.
        temperatures: divide the logits, so that confidences are calibrated (Guo et al. 2017, arXiv:1706.04599).
        threshold: lowest confidence of any attribute at which a portrait counts as valid, set so that 99 % of
            held-out portraits are.
    """

    def __init__(
        self,
        attributes: list[dict[str, Any]],
        size: int = 64,
        eyes: Literal["convolutional", "patches"] = "convolutional",
        features: int = 256,
        temperatures: list[float] | None = None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__()
        self.size = size
        self.names = tuple(each["name"] for each in attributes)
        self.values = tuple((*each["values"], HIDDEN_VALUE) for each in attributes)
        self.temperatures = temperatures or [1.0] * len(attributes)
        self.threshold = threshold
        kind = ConvolutionalBackbone if eyes == "convolutional" else MixerBackbone
        self.eyes: nn.Module = kind(size, features)
        self.heads = nn.Linear(features, sum(map(len, self.values)))

    def features(self, pictures: Tensor) -> Tensor:
        """Output of the backbone.

        Args:
            pictures: (B, 3, S, S) in -1..1.

        Returns:
            (B, features).
        """
        return self.eyes(pictures)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Logits of every attribute.

        Args:
            pictures: (B, 3, S, S) in -1..1.

        Returns:
            (B, K + 1) per attribute.
        """
        return self.classify(self.features(pictures))

    def classify(self, features: Tensor) -> tuple[Tensor, ...]:
        """Logits from the backbone's output.

        Args:
            features: (B, features).

        Returns:
            (B, K + 1) per attribute.
        """
        logits = self.heads(features).split([len(values) for values in self.values], dim=1)
        return tuple(each / t for each, t in zip(logits, self.temperatures, strict=True))

    @torch.no_grad()
    def predict(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest label of every attribute.

        Args:
            pictures: (B, 3, S, S) in -1..1.

        Returns:
            Labels (B, A), -1 where an attribute is not visible, and their probabilities (B, A).
        """
        best = [F.softmax(each, dim=1).max(dim=1) for each in self(pictures)]
        confidence = torch.stack([each.values for each in best], dim=1)
        labels = torch.stack([each.indices for each in best], dim=1)
        hidden = torch.tensor([len(values) - 1 for values in self.values], device=labels.device)
        return torch.where(labels == hidden, -1, labels), confidence
