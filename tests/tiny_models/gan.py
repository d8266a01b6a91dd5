"""A playground of tiny models whose generator has a mean style, and whose atlas holds the generator's pictures."""

from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from playground.avatars.gan import AvatarGenerator
from playground.avatars.vae import AvatarVAE
from playground.core import Playground
from playground.gan import forward, styles
from playground.settings import Settings
from playground.training.recipes.vae import attribute_config
from playground.vae import atlas
from playground.vae.forward import encode
from tests.tiny_models.avatars import tiny_catalog, tiny_family, tiny_generator

GAN, SMALL = "avatar-gan", "own-gan"
PORTRAITS = 8  # of the atlas: the pictures of the seeds 0 to 7


def gan_playground(folder: Path) -> Playground:
    """With the whole tiny family, and a generator of a person's own: 32 pixels, so unlike its companions."""
    models = tiny_family(folder)
    models[SMALL] = tiny_generator(folder / SMALL, seed=5, size=32)
    for id_ in (GAN, SMALL):
        _lively(models[id_])
    _write_atlas(models[GAN], models["avatar-vae"])
    path = tiny_catalog(folder / "own.toml", models, {SMALL: "avatar-gan"})
    return Playground(Settings(offline=True, catalogs=(path,), cache=folder / "cache"))


def _lively(folder: Path) -> None:
    """Make styles matter more than chance does, and give the mean of w a value, as training would."""
    model = AvatarGenerator.from_pretrained(folder)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("style.weight") or name.startswith("mapping.style.2"):
                weight.mul_(4)
        z = torch.from_numpy(styles.seed_latents(range(500), model.z_dim))
        model.w_mean.copy_(model.mapping(z).mean(dim=0))
    model.save_pretrained(folder)


def _write_atlas(gan: Path, vae_folder: Path) -> None:
    generator, vae = AvatarGenerator.from_pretrained(gan).eval(), AvatarVAE.from_pretrained(vae_folder).eval()
    w = forward.map_seeds(generator, range(PORTRAITS))
    pictures = forward.to_uint8(forward.synthesize(generator, w))
    latents, _ = encode(vae, pictures)
    size = pictures.shape[1]
    sheet = np.zeros((size, atlas.COLUMNS * size, 3), np.uint8)
    for place, picture in enumerate(pictures):
        sheet[:, place * size : (place + 1) * size] = picture
    file = BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    packed = np.frombuffer(file.getvalue(), np.uint8)
    about = attribute_config()
    values = [tuple(map(str, each["values"])) for each in about]  # type: ignore[call-overload]
    labels = np.array([[row % len(known) for known in values] for row in range(PORTRAITS)], np.int8)
    labels[0, 0] = -1  # one that is not to be seen
    z = vae.latent
    atlas.write_atlas(
        vae_folder,
        atlas.Atlas(
            names=tuple(str(each["name"]) for each in about),
            values=tuple(values),
            latents=latents,
            labels=labels,
            points=np.random.default_rng(0).random((PORTRAITS, 2), np.float32),
            shown=np.arange(4, dtype=np.int32),
            sheets=packed,
            ends=np.array([len(packed)], np.int64),
            kl=np.ones(z, np.float32),
            spread=np.ones(z, np.float32),
            changes=np.zeros((z, len(about)), np.float32),
            log_prob=np.linspace(-100, 0, 101, dtype=np.float32),
            psnr=np.linspace(10, 40, 101, dtype=np.float32),
        ),
    )
