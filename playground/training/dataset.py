"""Reading the drawn world from disk, without holding it in memory.

Invariants: arrays are maps of the files; only the rows that are asked for are read.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playground.drawn_world.sampling import Split
from playground.errors import UserError
from playground.training.shards import Plan

_DTYPES = {"U8": np.uint8, "I8": np.int8, "I64": np.int64}


@dataclass(frozen=True)
class World:
    """All shards of a folder as one: rows are pictures, in the order of their seeds."""

    folder: Path
    plan: Plan
    tensors: tuple[dict[str, np.ndarray], ...]  # per shard: "images", "labels", "seeds", memory-mapped

    def __len__(self) -> int:
        return self.plan.count

    def images(self, rows: np.ndarray) -> np.ndarray:
        """(n, size, size, 3) uint8 of these rows."""
        return self._rows("images", rows)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """(n, A) int8 of these rows; (n, 5, A) for groups."""
        return self._rows("labels", rows)

    def seeds(self, rows: np.ndarray) -> np.ndarray:
        """(n,) int64 of these rows."""
        return self._rows("seeds", rows)

    def records(self) -> list[dict[str, Any]]:
        """The captions (and boxes) of all pictures, in their order. Read once; a few hundred bytes each."""
        paths = sorted(self.folder.glob("shard-*.jsonl"))[: len(self.tensors)]
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]

    def _rows(self, name: str, rows: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows)
        first = self.tensors[0][name]
        out = np.empty((len(rows), *first.shape[1:]), first.dtype)
        shard, within = np.divmod(rows, self.plan.per_shard)
        for number in np.unique(shard).tolist():
            here = shard == number
            out[here] = self.tensors[number][name][within[here]]
        return out


def read(folder: Path) -> World:
    """Open a rendered folder.

    Raises:
        UserError: nothing was rendered there, or not all of it.
    """
    about = folder / "world.json"
    if not about.exists():
        raise UserError(f"{folder} holds no rendered pictures. Make them: python -m playground.training world --out …")
    stored = json.loads(about.read_text())
    plan = Plan(**{**stored, "split": Split(stored["split"])})
    paths = [folder / f"shard-{shard:05d}.safetensors" for shard in range(plan.shards)]
    missing = sum(not path.exists() for path in paths)
    if missing:
        raise UserError(f"{missing} of {plan.shards} shards in {folder} are missing. Run the same command again.")
    return World(folder, plan, tuple(_map(path) for path in paths))


def _map(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file as memory maps: 8 bytes of header length, a JSON header, then the data."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return {
        name: np.memmap(
            path, _DTYPES[about["dtype"]], "r", 8 + length + about["data_offsets"][0], tuple(about["shape"])
        )
        for name, about in header.items()
        if name != "__metadata__"
    }
