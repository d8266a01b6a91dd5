"""The atlas of a VAE: portraits of the world in its latent, laid out on a map, and what was measured on them.

Invariants: read from `atlas.safetensors` in the model's folder, made once by its recipe in
`playground.training`; numpy alone. Every array is checked against the model when it is read.
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
NEIGHBOURS = 4  # portraits a place on the map is made of


@dataclass(frozen=True)
class Atlas:
    """N portraits. Label -1: not to be seen. Quantiles are those of 0, 1, … 100 % of portraits the VAE never saw."""

    names: tuple[str, ...]  # of the attributes, A
    values: tuple[tuple[str, ...], ...]  # of each
    latents: np.ndarray  # (N, z) float32
    labels: np.ndarray  # (N, A) int8
    points: np.ndarray  # (N, 2) float32 in 0..1: x to the right, y downwards; neighbours look alike
    shown: np.ndarray  # (T,) int32: the rows of the thumbnails, a T of k * k; the k-th of a row in cell (row, column)
    sheets: np.ndarray  # uint8: lossless WebP files end to end, 64 portraits each
    ends: np.ndarray  # (sheets,) int64: where each of them ends
    kl: np.ndarray  # (z,) float32: nats
    spread: np.ndarray  # (z,) float32: standard deviation
    changes: np.ndarray  # (z, A) float32: what a coordinate changes, total variation distance 0..1
    log_prob: np.ndarray  # (101,) float32: quantiles, nats; of draws from the portraits' posteriors
    psnr: np.ndarray  # (101,) float32: quantiles, dB

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
        """The share (0..1) of portraits whose log p(z) is lower."""
        return float(np.interp(log_prob, self.log_prob, np.linspace(0, 1, len(self.log_prob))))

    def of_this_world(self, psnr: float, log_prob: float) -> bool:
        """Whether a picture comes back as well as 99 % of the portraits do, at a latent no rarer than the rarest."""
        return psnr >= float(self.psnr[1]) and log_prob >= float(self.log_prob[0])

    def at(self, x: float, y: float) -> np.ndarray:
        """(z,): the latent of a place on the map; at a portrait's own place its own, between portraits a blend.

        Inverse distance weighting (Shepard 1968) with power 4, of the nearest alone: every place shows a portrait or
        the way from one to the next, and never the mean of them all.
        """
        squares = ((self.points - np.array([x, y], np.float32)) ** 2).sum(1)
        near = np.argpartition(squares, NEIGHBOURS)[:NEIGHBOURS]
        weights = 1 / np.maximum(squares[near], 1e-12) ** 2
        return (weights @ self.latents[near] / weights.sum()).astype(np.float32)

    def nearest(self, latent: np.ndarray, count: int) -> np.ndarray:
        """(count,) rows of the portraits whose latents are nearest to `latent` (z,), the nearest first."""
        squares = ((self.latents - latent) ** 2).sum(1)
        return np.argsort(squares, kind="stable")[:count]

    def portraits(self, rows: np.ndarray) -> list[np.ndarray]:
        """The portraits of these rows, (S, S, 3) uint8 each, as they were before any model saw them."""
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

    def described(self, row: int) -> dict[str, str]:
        """The attributes that the portrait of this row shows, by name."""
        labels = zip(self.names, self.values, self.labels[row].tolist(), strict=True)
        return {name: values[label] for name, values, label in labels if label >= 0}


def read(folder: Path, width: int) -> Atlas:
    """The atlas of the VAE in `folder`, whose latent has `width` coordinates.

    Raises:
        UserError: there is none, or it belongs to another model.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        raise UserError("This model has no atlas, and so no map, no typicality and no measured dimensions.")
    try:
        with safe_open(path, framework="np") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        atlas = _atlas(json.loads(about["attributes"]), tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"The atlas of this model cannot be read ({error}). Make it again with its recipe.") from error
    if about.get("version") != VERSION or not _fits(atlas, width):
        raise UserError("The atlas in this model's folder was made for another model. Make it again with its recipe.")
    return atlas


def write(folder: Path, atlas: Atlas) -> Path:
    """Save as `atlas.safetensors`, latents and labels as small as they may be."""
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
    names = tuple(str(about["name"]) for about in attributes)
    values = tuple(tuple(map(str, about["values"])) for about in attributes)
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
