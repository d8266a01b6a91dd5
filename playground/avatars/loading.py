"""Builds the project's own networks from their folders."""

from pathlib import Path
from typing import Any

import torch

from playground.avatars.flow import AvatarFlow
from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
from playground.avatars.judge import AvatarJudge
from playground.avatars.vae import AvatarVAE
from playground.families import LoadRequest
from playground.inference.loading_errors import explained
from playground.runtime.records import LoadedModel


def load_vae(request: LoadRequest) -> LoadedModel:
    """The VAE of a folder.

    Args:
        request: the model and its folder.
    """
    return _loaded(request, request.path, AvatarVAE)


def load_flow(request: LoadRequest) -> LoadedModel:
    """The flow of a folder.

    Args:
        request: the model and its folder.
    """
    return _loaded(request, request.path, AvatarFlow)


def load_judge(request: LoadRequest) -> LoadedModel:
    """The judge of a folder.

    Args:
        request: the model and its folder.
    """
    return _loaded(request, request.path, AvatarJudge)


def load_gan(request: LoadRequest) -> LoadedModel:
    """The generator of a folder; for another role than "main" the discriminator, in the folder of that name in it.

    Args:
        request: the model, its folder and its role.
    """
    if request.role == "main":
        return _loaded(request, request.path, AvatarGenerator)
    return _loaded(request, request.path / request.role, AvatarDiscriminator)


def _loaded(request: LoadRequest, folder: Path, network: Any) -> LoadedModel:
    advice = "Save the model with its own save_pretrained, or choose another."
    with explained(request.entry.label, f"an {request.entry.family}", advice):
        model = network.from_pretrained(folder, local_files_only=True, strict=True)
    model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # as its pictures are
    return LoadedModel(model, nbytes=sum(tensor.nbytes for tensor in model.state_dict().values()))
