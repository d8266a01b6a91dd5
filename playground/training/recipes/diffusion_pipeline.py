"""The whole of `avatar-diffusion`, part after part: what each learns from is what those before it made.

Invariants: an order and numbers, nothing else. Autoencoder, its decoder, reader of latents, UNet, and at the end
the larger autoencoder, which learns from the UNet's drawings. Every part has a folder of its own and goes on there.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from playground.avatars.vae import AvatarVAE
from playground.training.dataset import World
from playground.training.recipes import autoencoder, clip, diffusion, latent_classifier, upscale_decoder
from playground.training.recipes.training_loop import Schedule

READING = 260_000  # latents for the reader
INSIDE, DOUBLED = 48_000, 150_000  # pictures for the larger decoder: its inner levels, and all of it
OWN, EDITED = 16_384, 16_384  # what it learns from: drawings of the UNet, people after an edit


def train(
    world: World,
    after: World | None,
    models: Path,
    out: Path,
    first: int,
    schedule: Schedule,
    init_from: Path | None,
    reading: int = READING,
    doubled: int = DOUBLED,
) -> StableDiffusionPipeline:
    """Train, or go on, and return the pipeline.

    `after` are the people of `world` after an edit; `models` the folder of `avatar-vae` and `avatar-clip`; `first` the
    pictures for the smaller autoencoder, `schedule` is the UNet's, `reading` the latents for the reader. `init_from`
    is a folder of the whole, whose autoencoder may be the larger one already; without `after` it stays as it is.
    `doubled` are the pictures for the larger decoder.
    """
    start = init_from / "vae" if init_from else None
    before = autoencoder.train(world, out / "autoencoder", Schedule(first, 16, 1.2e-3, 800, 3000), start)
    latents = _latents(before, world, out / f"latents-{first}.safetensors")
    eyes = AvatarVAE.from_pretrained(models / "avatar-vae")
    before = autoencoder.sharpen(before, eyes, world, latents, out / "decoder", Schedule(first, 16, 1.2e-3, 500, 3000))
    scaling, most = float(before.config.scaling_factor), schedule.images
    looks = latent_classifier.train(
        world, latents * scaling, out / "reader", Schedule(reading, 64, 2e-3, 4000, 8000)
    )  # fmt: skip
    words = clip.load(models / "avatar-clip")
    pipeline = diffusion.train(
        world, latents, before, words.model.text_model, words.tokenizer, looks, out / "unet", schedule, init_from
    )
    if after is None:
        return pipeline
    kept = out / f"own-{most}.safetensors"  # of a UNet that learnt longer, others
    if not kept.exists():
        drawn, labels = diffusion.drawings(pipeline, world, looks, OWN)
        save_file({"latents": drawn, "labels": torch.from_numpy(labels)}, kept)
    own = load_file(kept)
    rows = np.arange(min(EDITED, len(after)))
    edits = autoencoder.encoded(before, after, rows), after.labels(rows)
    lessons = upscale_decoder.Lessons(world, latents, (own["latents"], own["labels"].numpy()), edits, looks, scaling)
    if before.config.sample_size == world.plan.size:
        before = upscale_decoder.begun(before)
        upscale_decoder.inside(
            before, eyes, lessons, out / "inside", Schedule(min(INSIDE, most), 16, 1.2e-3, 500, 2000)
        )
    large = upscale_decoder.train(
        before, eyes, lessons, out / "doubled", Schedule(min(doubled, most), 16, 1e-3, 500, 5000)
    )
    pipeline.register_modules(vae=large)
    return pipeline


def _latents(model: AutoencoderKL, world: World, kept: Path) -> Tensor:
    """(N, C, h, w), not scaled, of all portraits; `kept` in half precision, since they take minutes."""
    if not kept.exists():
        save_file({"latents": autoencoder.encoded(model, world, np.arange(len(world))).half()}, kept)
    return load_file(kept)["latents"].to(torch.float32)
