"""How a small ViT begins: attention that starts out near and alike. Trockman & Kolter (2023), arXiv:2305.09828.

Invariants: only where weights start. A transformer of this size, begun at random, spends its first thousands of
pictures finding out that neighbours belong together; here it knows.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Idefics3VisionConfig


@torch.no_grad()
def begin(vision: Any, config: Idefics3VisionConfig, seed: int = 1) -> None:
    """Set the weights of an `Idefics3VisionTransformer` before it learns anything.

    Queries and keys: W_q W_k^T close to 0.7 (I + Z), so a patch first looks at what is like it in place and colour;
    values: close to 0.4 (Z - I). Z is Gaussian of variance 1 / width. Places are sines and cosines, of amplitude 0.5.
    """
    generator = torch.Generator().manual_seed(seed)
    width, heads = config.hidden_size, config.num_attention_heads
    each = width // heads

    def nearly(identity: float, noise: float) -> tuple[Tensor, Tensor, Tensor]:
        z = torch.randn(width, width, generator=generator) / math.sqrt(width)
        left, scale, right = torch.linalg.svd(noise * z + identity * torch.eye(width))
        return left, scale.sqrt(), right

    embeddings = vision.embeddings
    nn.init.trunc_normal_(embeddings.patch_embedding.weight, std=0.08, generator=generator)
    nn.init.zeros_(embeddings.patch_embedding.bias)
    embeddings.position_embedding.weight.copy_(0.5 * waves(config.image_size // config.patch_size, width))
    for layer in vision.encoder.layers:
        attention = layer.self_attn
        for head in range(heads):
            left, scale, right = nearly(0.7, 0.7)
            rows = slice(head * each, (head + 1) * each)
            attention.q_proj.weight[rows] = (left[:, :each] * scale[:each]).T
            attention.k_proj.weight[rows] = (right[:each].T * scale[:each]).T
        left, scale, right = nearly(-0.4, 0.4)
        attention.v_proj.weight.copy_((right.T * scale).T)
        attention.out_proj.weight.copy_(left * scale)
        for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
            nn.init.zeros_(linear.bias)
        for linear in (layer.mlp.fc1, layer.mlp.fc2):
            nn.init.trunc_normal_(linear.weight, std=0.03, generator=generator)
            nn.init.zeros_(linear.bias)


def waves(side: int, width: int) -> Tensor:
    """(side * side, width) places of a grid: sines and cosines of both coordinates at width / 4 frequencies."""
    frequency = 100.0 ** (-torch.arange(width // 4) / (width // 4))
    down, across = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    angles = [axis.flatten()[:, None] * frequency for axis in (across, down)]
    return torch.cat([wave for angle in angles for wave in (angle.sin(), angle.cos())], dim=1)
