"""Tiny random models of the drawn world in folders of their own, and a catalogue that names them.

Invariants: the real classes with the real world's attributes, saved by `save_pretrained` with a
`config.json` that holds every argument; nothing is trained, so only what holds for any weights may be asserted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from playground.avatars.flow import AvatarFlow
from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
from playground.avatars.judge import AvatarJudge
from playground.avatars.vae import AvatarVAE
from playground.training.recipes.vae import attribute_config

SIZE = 64  # pixels of a side, as the embedded models have

ENTRY = """
[[model]]
id = "{id}"
tab = "{tab}"
label = "{label}"
family = "{family}"
licence = "Apache-2.0"
embedded = true
memory_bytes = 8_000_000
"""
SOURCE = """
[[model.sources]]
kind = "path"
path = '{path}'
"""
TABS = {"avatar-vae": "vae", "avatar-flow": "companion", "avatar-gan": "gan", "avatar-judge": "companion"}


def tiny_vae(folder: Path, seed: int = 0, size: int = SIZE) -> Path:
    """A VAE of 64 latent coordinates whose picture depends on every one of them."""
    config: dict[str, Any] = {
        "attributes": attribute_config(), "size": size, "latent": 64, "encoder_widths": _halvings(size, 8),
        "decoder_widths": _halvings(size, 8),
    }  # fmt: skip
    return _save(AvatarVAE, config, folder, seed)


def tiny_flow(folder: Path, seed: int = 0, width: int = 64) -> Path:
    """A flow that is not the identity: every coupling stretches and moves a little."""
    return _save(AvatarFlow, {"width": width, "layers": 3, "hidden": 16}, folder, seed)


def tiny_generator(folder: Path, seed: int = 0, size: int = SIZE) -> Path:
    """A generator with a discriminator beside it, in the folder `discriminator`."""
    config: dict[str, Any] = {
        "size": size, "z_dim": 64, "w_dim": 16, "couplings": 2, "hidden": 16,
        "attributes": attribute_config(), "widths": _halvings(size, 8),
    }  # fmt: skip
    tiny_discriminator(folder / "discriminator", seed, size)
    return _save(AvatarGenerator, config, folder, seed)


def tiny_discriminator(folder: Path, seed: int = 0, size: int = SIZE) -> Path:
    """A discriminator alone."""
    config = {"size": size, "widths": _halvings(size, 8), "hidden": 16}
    return _save(AvatarDiscriminator, config, folder, seed)


def tiny_judge(folder: Path, seed: int = 0, size: int = SIZE) -> Path:
    """A judge of patches, whose answers are random but sharp enough to differ between pictures."""
    attributes = attribute_config()
    config: dict[str, Any] = {
        "attributes": attributes, "size": size, "eyes": "patches", "features": 16,
        "temperatures": [0.25] * len(attributes), "threshold": 0.2,
    }  # fmt: skip
    return _save(AvatarJudge, config, folder, seed)


def tiny_family(folder: Path, seed: int = 0) -> dict[str, Path]:
    """One of each, by the id under which the playground looks for it."""
    return {
        "avatar-vae": tiny_vae(folder / "avatar-vae", seed),
        "avatar-flow": tiny_flow(folder / "avatar-flow", seed),
        "avatar-gan": tiny_generator(folder / "avatar-gan", seed),
        "avatar-judge": tiny_judge(folder / "avatar-judge", seed),
    }


def tiny_catalog(path: Path, models: Mapping[str, Path], families: Mapping[str, str] | None = None) -> Path:
    """A catalogue of these folders by id; an id that is not a family's name needs its family in `families`."""
    parts = []
    for id_, folder in models.items():
        family = (families or {}).get(id_, id_)
        entry = ENTRY.format(id=id_, tab=TABS[family], label=f"Tiny {id_}", family=family)
        parts.append(entry + SOURCE.format(path=folder))
    path.write_text("".join(parts), encoding="utf-8")
    return path


def _halvings(size: int, width: int) -> list[int]:
    """One width for every doubling from 4 pixels to `size`."""
    return [width] * ((size // 4).bit_length() - 1)


def _save(cls: type[PyTorchModelHubMixin], config: dict[str, Any], folder: Path, seed: int) -> Path:
    """Build from a config, make every zero-initialised part count, save. What a config holds is given explicitly."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = cls(**config)
        assert isinstance(model, nn.Module)
        for parameter in model.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.05)
        if isinstance(model, AvatarVAE):
            model.decoder.out.weight.data *= 12  # pictures that differ clearly from one another
            model.encoder.out.weight.data *= 2  # and latents that do, about as far apart as a prior's
            for layer in model.encoder.modules():
                if isinstance(layer, nn.Conv2d):
                    layer.weight.data *= 3
    folder.mkdir(parents=True, exist_ok=True)
    model.eval().save_pretrained(folder)
    return folder
