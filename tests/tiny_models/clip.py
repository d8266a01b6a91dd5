"""Tiny random CLIPs of transformers' own classes with their processors, saved to disk by the tests."""

from pathlib import Path
from typing import Any

from tests.tiny_models.diffusion import clip_config, clip_tokenizer

TOKENS = 24
SIDE = 32


def tiny_clip(folder: Path, seed: int = 0) -> Path:
    """Save a random `CLIPModel` as the hub's are saved, and return the folder."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    tokenizer = clip_tokenizer(TOKENS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIPModel(
            CLIPConfig(text_config=clip_config(tokenizer).to_dict(), vision_config=_vision() | {"image_size": SIDE})
        )
    size = {"crop_size": {"height": SIDE, "width": SIDE}, "size": {"shortest_edge": SIDE}}
    CLIPProcessor(CLIPImageProcessorPil(**size), tokenizer).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def tiny_dual(folder: Path, seed: int = 0) -> Path:
    """Save a random `VisionTextDualEncoderModel` of a SigLIP eye and CLIP's text tower, and return the folder."""
    import torch
    from transformers import (
        CLIPTextModel,
        SiglipImageProcessorPil,
        SiglipVisionConfig,
        SiglipVisionModel,
        VisionTextDualEncoderModel,
        VisionTextDualEncoderProcessor,
    )

    tokenizer = clip_tokenizer(TOKENS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        eye = SiglipVisionModel(SiglipVisionConfig(**_vision(), image_size=SIDE))
        model = VisionTextDualEncoderModel(vision_model=eye, text_model=CLIPTextModel(clip_config(tokenizer)))
    size = {"height": SIDE, "width": SIDE}
    VisionTextDualEncoderProcessor(SiglipImageProcessorPil(size=size), tokenizer).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def _vision() -> dict[str, Any]:
    return {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8,
    }  # fmt: skip
