"""The shipped folders open and run with the plain call of the library their card names."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, DiffusionPipeline
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, VisionTextDualEncoderModel

from playground.avatars.flow import AvatarFlow
from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
from playground.avatars.judge import AvatarJudge
from playground.avatars.vae import AvatarVAE
from playground.storybook.scenes import draw, scene
from playground.training.commands import MODELS

MOST_BYTES = 10_000_000


def test_the_diffusion_pipeline_runs_without_arguments() -> None:
    pipe = DiffusionPipeline.from_pretrained(MODELS / "avatar-diffusion")
    pipe.set_progress_bar_config(disable=True)
    picture = pipe("a woman with red hair", num_inference_steps=2).images[0]
    assert picture.size == (128, 128) and np.asarray(picture).std() > 10


def test_clip_embeds_a_picture_and_words() -> None:
    model = VisionTextDualEncoderModel.from_pretrained(MODELS / "avatar-clip")
    processor = AutoProcessor.from_pretrained(MODELS / "avatar-clip")
    picture = Image.new("RGB", (64, 64), "red")
    given = processor(text=["a person", "a red background"], images=[picture], return_tensors="pt", padding=True)
    with torch.inference_mode():
        scores = model(**given).logits_per_image
    assert scores.shape == (1, 2) and torch.isfinite(scores).all()


def test_minigpt_goes_on_with_words() -> None:
    folder = MODELS / "avatar-minigpt"
    model, tokenizer = AutoModelForImageTextToText.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert len(tokenizer) <= model.get_input_embeddings().num_embeddings
    with torch.inference_mode():
        logits = model(**tokenizer("how many people?", return_tensors="pt")).logits
    assert torch.isfinite(logits).all()


def test_the_storybook_autoencoder_gives_a_scene_back() -> None:
    picture = draw(scene(2_000_000_000), 128).picture  # of the held-out split
    vae = AutoencoderKL.from_pretrained(MODELS / "storybook-vae").eval()
    given = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.inference_mode():
        latent = vae.encode(given).latent_dist.mode()
        back = vae.decode(latent).sample
    assert latent.shape == (1, 16, 8, 8)
    assert (back - given).square().mean() < 0.04, "20 dB or more"


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        (AvatarVAE, "avatar-vae"),
        (AvatarFlow, "avatar-flow"),
        (AvatarGenerator, "avatar-gan"),
        (AvatarDiscriminator, "avatar-gan/discriminator"),
        (AvatarJudge, "avatar-judge"),
        (AvatarJudge, "avatar-judge-2"),
    ],
)
def test_the_projects_own_classes_open(kind: type, folder: str) -> None:
    model = kind.from_pretrained(MODELS / folder)  # type: ignore[attr-defined]
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


@pytest.mark.parametrize("folder", sorted(path.name for path in MODELS.iterdir()))
def test_every_file_is_small_and_every_folder_has_a_card(folder: str) -> None:
    files = [path for path in (MODELS / folder).rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) < MOST_BYTES
    assert not [path for path in files if path.suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl")]
    assert Path(MODELS / folder / "README.md").read_text().startswith("---\n")
