"""The atlas of a VAE: encoded training portraits, their layout on a 2-D map, and statistics measured on them.

Invariants: read from `atlas.safetensors` in the model's folder, which a recipe of `playground.training` writes; numpy
alone. Every array's shape is checked against the model when it is read.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from playground.errors import UserError

FILE = "atlas.safetensors"
VERSION = "1"
COLUMNS = 8  # portraits in a row of one compressed sheet
PER_SHEET = COLUMNS * COLUMNS
NEIGHBOURS = 4  # portraits a point of the map is interpolated from


@dataclass(frozen=True)
class Atlas:
    """N encoded portraits and statistics over them. Quantiles are over portraits the VAE was not trained on.

    Attributes:
        names: of the A attributes.
        values: of each attribute.
        latents: (N, z_dim) float32.
        labels: (N, A) int8; -1 where a portrait does not show the attribute.
        points: (N, 2) float32 in 0..1, x to the right, y downwards; neighbours look alike.
        shown: (T,) int32, rows of the portraits with a thumbnail, T = k * k, in reading order of the map's cells.
        sheets: uint8, lossless WebP files end to end, 64 portraits each.
        ends: (sheets,) int64, where each file ends.
        kl: (z_dim,) float32, nats.
        spread: (z_dim,) float32, standard deviation.
        changes: (z_dim, A) float32, what a coordinate changes, total variation distance 0..1.
        log_prob: (101,) float32, quantiles in nats, of samples from the portraits' posteriors.
        psnr: (101,) float32, quantiles in dB.
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    latents: np.ndarray
    labels: np.ndarray
    points: np.ndarray
    shown: np.ndarray
    sheets: np.ndarray
    ends: np.ndarray
    kl: np.ndarray
    spread: np.ndarray
    changes: np.ndarray
    log_prob: np.ndarray
    psnr: np.ndarray

    @cached_property
    def thumbnails(self) -> np.ndarray:
        """(T, 32, 32, 3) uint8 of the portraits `shown`, in their order. Takes about half a second, once."""
        small = np.empty((len(self.shown), 32, 32, 3), np.uint8)
        for sheet in np.unique(self.shown // PER_SHEET).tolist():
            here = self.shown // PER_SHEET == sheet
            portraits = np.stack(self.portraits(self.shown[here]))
            n, block = len(portraits), portraits.shape[1] // 32
            small[here] = portraits.reshape(n, 32, block, 32, block, 3).mean((2, 4)).round()
        return small

    def percentile(self, log_prob: float) -> float:
        """The share of portraits that are less likely.

        Args:
            log_prob: log p(z) in nats.

        Returns:
            0..1.
        """
        return float(np.interp(log_prob, self.log_prob, np.linspace(0, 1, len(self.log_prob))))

    def in_distribution(self, psnr: float, log_prob: float) -> bool:
        """Whether a picture is like the training data: reconstructed as well as 99 % of portraits, and as likely.

        Args:
            psnr: of its reconstruction, dB.
            log_prob: of its latent, nats.

        Returns:
            False where it is reconstructed worse, or its latent is rarer than any portrait's.
        """
        return psnr >= float(self.psnr[1]) and log_prob >= float(self.log_prob[0])

    def latent_at(self, x: float, y: float) -> np.ndarray:
        """The latent at a point of the map: a portrait's own at its point, interpolated in between.

        Inverse distance weighting (Shepard 1968) with power 4 over the nearest portraits alone, so no point shows the
        mean of them all.

        Args:
            x: 0..1, to the right.
            y: 0..1, downwards.

        Returns:
            (z_dim,) float32.
        """
        squares = ((self.points - np.array([x, y], np.float32)) ** 2).sum(1)
        near = np.argpartition(squares, NEIGHBOURS)[:NEIGHBOURS]
        weights = 1 / np.maximum(squares[near], 1e-12) ** 2
        return (weights @ self.latents[near] / weights.sum()).astype(np.float32)

    def nearest(self, latent: np.ndarray, count: int) -> np.ndarray:
        """The portraits nearest to a latent.

        Args:
            latent: (z_dim,).
            count: how many.

        Returns:
            (count,) rows, nearest first.
        """
        squares = ((self.latents - latent) ** 2).sum(1)
        return np.argsort(squares, kind="stable")[:count]

    def portraits(self, rows: np.ndarray) -> list[np.ndarray]:
        """Portraits as they were drawn.

        Args:
            rows: (n,) which ones.

        Returns:
            (S, S, 3) uint8 each, in the order of `rows`.
        """
        from PIL import Image

        opened: dict[int, np.ndarray] = {}
        found = []
        for sheet, within in np.stack(np.divmod(rows, PER_SHEET), axis=1).tolist():
            if sheet not in opened:
                start = self.ends[sheet - 1] if sheet else 0
                opened[sheet] = np.asarray(Image.open(BytesIO(self.sheets[start : self.ends[sheet]].tobytes())))
            size = opened[sheet].shape[1] // COLUMNS
            down, right = divmod(within, COLUMNS)
            found.append(opened[sheet][down * size : (down + 1) * size, right * size : (right + 1) * size])
        return found

    def attributes_of(self, row: int) -> dict[str, str]:
        """A portrait's visible attributes.

        Args:
            row: which portrait.

        Returns:
            Attribute name to value.
        """
        labels = zip(self.names, self.values, self.labels[row].tolist(), strict=True)
        return {name: values[label] for name, values, label in labels if label >= 0}


def read_atlas(folder: Path, width: int) -> Atlas:
    """Read the atlas of a VAE.

    Args:
        folder: the VAE's folder.
        width: coordinates of its latent.

    Returns:
        The atlas.

    Raises:
        UserError: there is none, or it belongs to another model.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        raise UserError("This model has no atlas, and so no map, no typicality and no measured dimensions.")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        atlas = _atlas(json.loads(metadata["attributes"]), tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"The atlas of this model cannot be read ({error}). Make it again with its recipe.") from error
    if metadata.get("version") != VERSION or not _fits(atlas, width):
        raise UserError("The atlas in this model's folder was made for another model. Make it again with its recipe.")
    return atlas


def write_atlas(folder: Path, atlas: Atlas) -> Path:
    """Save an atlas as `atlas.safetensors`, latents in half precision.

    Args:
        folder: the VAE's folder.
        atlas: what to save.

    Returns:
        The file's path.
    """
    from safetensors.numpy import save_file

    attributes = [{"name": name, "values": values} for name, values in zip(atlas.names, atlas.values, strict=True)]
    tensors = {name: np.ascontiguousarray(getattr(atlas, name)) for name in _TENSORS}
    tensors["latents"] = tensors["latents"].astype(np.float16)
    new = folder / f"{FILE}.part"
    save_file(tensors, new, metadata={"version": VERSION, "attributes": json.dumps(attributes)})
    return new.replace(folder / FILE)


_TENSORS = ("latents", "labels", "points", "shown", "sheets", "ends", "kl", "spread", "changes",
            "log_prob", "psnr")  # fmt: skip


def _atlas(attributes: list[dict[str, Any]], tensors: dict[str, np.ndarray]) -> Atlas:
    tensors["latents"] = tensors["latents"].astype(np.float32)
    names = tuple(str(attribute["name"]) for attribute in attributes)
    values = tuple(tuple(map(str, attribute["values"])) for attribute in attributes)
    return Atlas(names=names, values=values, **tensors)


def _fits(atlas: Atlas, width: int) -> bool:
    """Whether all shapes agree with each other and with the model's latent."""
    n, a = len(atlas.latents), len(atlas.names)
    return (
        atlas.latents.shape == (n, width)
        and n > NEIGHBOURS
        and atlas.labels.shape == (n, a)
        and atlas.points.shape == (n, 2)
        and bool(np.all((atlas.shown >= 0) & (atlas.shown < n)))
        and len(atlas.ends) == -(-n // PER_SHEET)
        and atlas.kl.shape == atlas.spread.shape == (width,)
        and atlas.changes.shape == (width, a)
        and atlas.log_prob.shape == atlas.psnr.shape == (101,)
    )
