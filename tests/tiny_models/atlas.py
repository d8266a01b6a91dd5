"""A tiny atlas for the folder of a tiny VAE: 64 made-up portraits on a grid of eight by eight.

Invariants: written by `write_atlas`, so what it holds is what the service reads.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from playground.training.recipes.vae import attribute_config
from playground.vae.atlas import COLUMNS, Atlas, write_atlas

SIDE = 8  # portraits in a row of the map
COUNT = SIDE * SIDE


def tiny_atlas(folder: Path, width: int = 64, size: int = 64) -> Path:
    """Write `atlas.safetensors` into a VAE's folder: latents of `width` numbers, portraits of `size` pixels."""
    random = np.random.default_rng(0)
    about = attribute_config()
    values = tuple(tuple(map(str, attribute["values"])) for attribute in about)  # type: ignore[call-overload]
    places = (np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).reshape(-1, 2) + 0.5) / SIDE
    colours = (255 * np.concatenate([places, np.full((COUNT, 1), 0.5)], axis=1)).astype(np.uint8)
    sheet = colours.reshape(SIDE, SIDE, 3).repeat(size, axis=0).repeat(size, axis=1)
    assert SIDE == COLUMNS, "all of it on one sheet"
    webp = BytesIO()
    Image.fromarray(sheet).save(webp, "WEBP", lossless=True)
    return write_atlas(
        folder,
        Atlas(
            names=tuple(str(attribute["name"]) for attribute in about),
            values=values,
            latents=random.normal(size=(COUNT, width)).astype(np.float32),
            labels=np.zeros((COUNT, len(about)), np.int8),
            points=places.astype(np.float32),
            shown=np.arange(COUNT, dtype=np.int32),
            sheets=np.frombuffer(webp.getvalue(), np.uint8),
            ends=np.array([len(webp.getvalue())], np.int64),
            kl=np.linspace(3, 0, width).astype(np.float32),
            spread=np.ones(width, np.float32),
            changes=random.uniform(size=(width, len(about))).astype(np.float32),
            log_prob=np.linspace(-300, -60, 101).astype(np.float32),
            psnr=np.linspace(15, 40, 101).astype(np.float32),
        ),
    )
