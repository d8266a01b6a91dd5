"""The atlas of a VAE: portraits laid out on a map, and what was measured on them once, so that a page need not.

Invariants: made of trained models, a rendered world and portraits of held-out seeds; the same input gives
the same file. What the arrays mean stands in `playground.vae.atlas`, which reads them.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from playground.avatars.flow import AvatarFlow
from playground.avatars.judge import AvatarJudge
from playground.avatars.vae import AvatarVAE
from playground.drawn_world.attributes import ATTRIBUTES
from playground.drawn_world.drawing import portrait
from playground.drawn_world.natural import natural
from playground.drawn_world.sampling import Split, seeds
from playground.errors import UserError
from playground.imaging.metrics import psnr
from playground.training.dataset import World
from playground.training.recipes.self_organizing_map import laid_out, spread_over
from playground.training.recipes.training_loop import tiled
from playground.vae.atlas import COLUMNS, PER_SHEET, Atlas, write_atlas
from playground.vae.forward import classify, decode, encode, log_prob, to_tensor

MOST_BYTES = 9_000_000  # of the file; it lies in the repository
HELD_OUT_START = 500_000_000  # far from the seeds that published figures are measured on
BATCH = 64


def make_atlas(
    vae_folder: Path,
    flow_folder: Path,
    judge_folder: Path,
    world: World,
    portraits: int = 4096,
    held_out: int = 1024,
    probes: int = 64,
    effort: int = 80,
    progress: bool = True,
) -> None:
    """Write `atlas.safetensors` into the VAE's folder: `portraits` of the world, quantiles of `held_out` others.

    What a coordinate changes is averaged over `probes` latents. `effort` is WebP's for the portraits, 0..100: 100
    takes five times as long as 80 and saves a fifth of the file.

    Raises:
        UserError: the world is not of natural people of that split and size, or the models do not fit each other.
    """
    from tqdm import tqdm

    vae = AvatarVAE.from_pretrained(vae_folder).eval()
    flow = AvatarFlow.from_pretrained(flow_folder).eval()
    judge = AvatarJudge.from_pretrained(judge_folder).eval()
    _check(vae, flow, judge, world)
    rows = np.arange(min(portraits, len(world)))
    images = world.images(rows)
    with tqdm(total=len(rows) + held_out + vae.latent * probes, unit="img", disable=not progress) as bar:
        latents, divergence = _encoded(vae, images)
        bar.update(len(rows))
        likelihoods, fidelities = _held_out(vae, flow, held_out, bar.update)
        changes = np.empty((vae.latent, len(judge.names)), np.float32)
        probed = latents[:: max(1, len(latents) // probes)][:probes]
        for index in range(vae.latent):
            changes[index] = _change(vae, judge, probed, index, latents[:, index])
            bar.update(probes)
    points = laid_out(images)
    shown = spread_over(points)
    sheets, ends = _sheets(images, effort)
    made = write_atlas(
        vae_folder,
        Atlas(
            names=tuple(attribute.name for attribute in ATTRIBUTES),
            values=tuple(tuple(map(str, attribute.values)) for attribute in ATTRIBUTES),
            latents=latents,
            labels=world.labels(rows),
            points=points,
            shown=shown,
            sheets=sheets,
            ends=ends,
            kl=divergence.mean(0),
            spread=latents.std(0),
            changes=changes,
            log_prob=likelihoods,
            psnr=fidelities,
        ),
    )
    assert made.stat().st_size <= MOST_BYTES, "fewer portraits make a smaller file"


def _check(vae: AvatarVAE, flow: AvatarFlow, judge: AvatarJudge, world: World) -> None:
    plan = world.plan
    if plan.kind != "natural" or plan.split != Split.TRAIN or plan.size != vae.size:
        raise UserError(
            f"An atlas is made of natural people of {vae.size} pixels, split {Split.TRAIN}; {world.folder} holds "
            f"{plan.kind} of {plan.size} pixels, split {plan.split}."
        )
    if flow.width != vae.latent or judge.size != vae.size or judge.names != tuple(a.name for a in ATTRIBUTES):
        raise UserError(
            f"The VAE has {vae.latent} coordinates and draws {vae.size} pixels; the flow is for {flow.width} "
            f"coordinates and the judge for {judge.size} pixels. Take models that belong together."
        )


def _encoded(vae: AvatarVAE, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means, as the file will hold them, and KL, (N, z) each."""
    parts = [encode(vae, images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    means = np.concatenate([mean for mean, _ in parts]).astype(np.float16).astype(np.float32)
    return means, np.concatenate([divergence for _, divergence in parts])


def _held_out(
    vae: AvatarVAE, flow: AvatarFlow, count: int, told: Callable[[int], object]
) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles (101,) of log p(z) and of PSNR over portraits that no model learnt from."""
    likelihoods, fidelities = [], []
    generator = torch.Generator("cpu").manual_seed(0)
    chosen = seeds(Split.HELD_OUT, count, HELD_OUT_START)
    for start in range(0, count, BATCH):
        images = np.stack([portrait(natural(seed), vae.size) for seed in chosen[start : start + BATCH]])
        means, _ = encode(vae, images)
        likelihoods.append(log_prob(flow, _drawn(vae, images, generator)))
        fidelities += [psnr(before, after) for before, after in zip(images, decode(vae, means), strict=True)]
        told(len(images))
    steps = np.linspace(0, 1, 101)
    return (
        np.quantile(np.concatenate(likelihoods), steps).astype(np.float32),
        np.quantile(np.array(fidelities), steps).astype(np.float32),
    )


def _drawn(vae: AvatarVAE, images: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """(N, z): a draw from each picture's posterior. The flow learnt from draws; the means are likelier than any."""
    with torch.inference_mode():
        mean, log_variance = vae.encode(to_tensor(images))
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        return (mean + (0.5 * log_variance).exp() * noise).numpy()


def _change(vae: AvatarVAE, judge: AvatarJudge, probed: np.ndarray, index: int, values: np.ndarray) -> np.ndarray:
    """(A,): what one coordinate from -2 to 2 standard deviations changes: mean total variation distance."""
    readings = []
    for way in (-2, 2):
        moved = probed.copy()
        moved[:, index] = values.mean() + way * values.std()
        readings.append(classify(judge, decode(vae, moved)))
    return np.array([0.5 * np.abs(a - b).sum(1).mean() for a, b in zip(*readings, strict=True)], np.float32)


def _sheets(images: np.ndarray, effort: int) -> tuple[np.ndarray, np.ndarray]:
    """Lossless WebP files of 64 portraits each, end to end, and where they end."""
    size, files = images.shape[1], []
    for start in range(0, len(images), PER_SHEET):
        sheet = np.zeros((PER_SHEET, size, size, 3), np.uint8)
        part = images[start : start + PER_SHEET]
        sheet[: len(part)] = part
        buffer = BytesIO()
        Image.fromarray(tiled(sheet, COLUMNS)).save(
            buffer, "WEBP", lossless=True, quality=effort, method=6 if effort else 0
        )
        files.append(buffer.getvalue())
    return np.frombuffer(b"".join(files), np.uint8), np.cumsum([len(file) for file in files])
