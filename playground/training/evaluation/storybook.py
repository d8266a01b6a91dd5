"""The tables of the Storybook models: scenes of held-out seeds, drawn where they are needed."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from playground.drawn_world.sampling import Split, seeds
from playground.storybook.judge import StorybookJudge
from playground.storybook.scenes import Drawing, draw, scene
from playground.training.evaluation.model_card import Row, percent
from playground.training.recipes.training_loop import device, pictures, tiled, to_uint8
from playground.training.storybook.judge import accuracy_of


def held_out(count: int) -> list[Drawing]:
    """The first scenes of the held-out split, with masks.

    Args:
        count: how many.
    """
    return [draw(scene(seed), 128) for seed in seeds(Split.HELD_OUT, count)]


def vae_table(models: Path, count: int) -> list[Row]:
    """How near reconstructions are to scenes, everywhere and where the things are.

    Args:
        models: folder of the models.
        count: held-out scenes.
    """
    drawn = held_out(count)
    wanted = np.stack([one.picture for one in drawn])
    found = _reconstructed(models, wanted).astype(np.float32)
    squared = ((found - wanted) ** 2).mean(3)  # (N, S, S)
    things = np.stack([one.masks.any(0) for one in drawn])
    whole = _psnr(squared.mean((1, 2)))
    return [
        Row("PSNR of the picture, mean", f"{whole.mean():.1f} dB", "", f"{count} held-out scenes"),
        Row("PSNR of the picture, worst of ten", f"{np.quantile(whole, 0.1):.1f} dB"),
        Row("PSNR where things are", f"{_psnr(squared[things].mean()):.1f} dB"),
        Row("PSNR of the background", f"{_psnr(squared[~things].mean()):.1f} dB"),
    ]


def judge_table(models: Path, count: int) -> list[Row]:
    """What the judge gets right of scenes: the ceiling of every figure that it measures.

    Args:
        models: folder of the models.
        count: held-out scenes.
    """
    judge = StorybookJudge.from_pretrained(models / "storybook-judge").eval()
    found = accuracy_of(judge, [scene(seed) for seed in seeds(Split.HELD_OUT, count)])
    return [
        Row("things found and named", percent(found["things"]), "", f"{count} held-out scenes"),
        Row("scenes with all things right and none too many", percent(found["scenes"])),
        Row("things too many, a scene", f"{found['false']:.3f}"),
        Row("colours of things that were found", percent(found["colours"])),
        Row("backgrounds", percent(found["backgrounds"])),
    ]


def vae_sheet(models: Path) -> np.ndarray:
    """Scenes and, below each row, what comes back: (4 · 128, 8 · 128, 3) uint8."""
    wanted = np.stack([one.picture for one in held_out(16)])
    found = _reconstructed(models, wanted)
    return tiled(np.concatenate([wanted[:8], found[:8], wanted[8:], found[8:]]), 8)


@torch.no_grad()
def _reconstructed(models: Path, images: np.ndarray, batch: int = 32) -> np.ndarray:
    where = device()
    vae = AutoencoderKL.from_pretrained(models / "storybook-vae").eval().to(where)
    parts = []
    for start in range(0, len(images), batch):
        latents = vae.encode(pictures(images[start : start + batch], where)).latent_dist.mode()
        parts.append(to_uint8(vae.decode(latents).sample))
    return np.concatenate(parts)


def _psnr(squared: np.ndarray) -> np.ndarray:
    """Decibels of mean squared errors of 0..255."""
    return np.asarray(10 * np.log10(255**2 / squared))
