"""Rendered Storybook scenes on disk: pictures and what is to be seen in each 16-pixel cell, memory-mapped.

A folder holds `scenes.json` (the `Plan`) and, per shard, `shard-00000.safetensors` with
* `images` uint8 (n, size, size, 3),
* `things` int16 (n, c, c): the thing that covers most of each cell of 16 pixels, or -1 where the background does,
* `colours` int8 (n, c, c): its colour as an index into `Colour`, or -1 where it has its own colours,
* `backgrounds` int8 (n): index into `Background`.

Invariants:
    A shard is a function of its seeds alone and is written whole or not at all, so a run that was cut goes on; all
    shards but the last of a plan are full, so `count` should be a multiple of `per_shard`.
    Row i of a folder is the scene `scenes.scene(seed)` of the plan's i-th seed.
"""

import functools
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from playground.drawn_world.sampling import Split, seeds
from playground.errors import UserError
from playground.storybook.scenes import Drawing, draw, scene
from playground.storybook.types import Background, Colour, Scene

CELL = 16  # pixels: the autoencoder divides sides by this
VERSION = 1  # raise it with every change of what a seed looks like


@dataclass(frozen=True)
class Plan:
    """What is read of a folder: `count` scenes of `size` pixels from the `start`-th seed of a split on."""

    split: Split
    count: int
    size: int = 128
    start: int = 0
    per_shard: int = 1024
    version: int = VERSION

    @property
    def seeds(self) -> range:
        return seeds(self.split, self.count, self.start)

    @property
    def shards(self) -> int:
        return -(-self.count // self.per_shard)


@dataclass(frozen=True)
class SceneShards:
    """All shards of a folder as one: rows are scenes, in the order of their seeds."""

    plan: Plan
    tensors: tuple[dict[str, np.ndarray], ...]

    def __len__(self) -> int:
        return self.plan.count

    def rows(self, name: str, rows: np.ndarray) -> np.ndarray:
        """The tensor of that name ("images", "things", "colours", "backgrounds") at these rows, (n, …)."""
        rows = np.asarray(rows)
        first = self.tensors[0][name]
        out = np.empty((len(rows), *first.shape[1:]), first.dtype)
        shard, within = np.divmod(rows, self.plan.per_shard)
        for number in np.unique(shard).tolist():
            here = shard == number
            out[here] = self.tensors[number][name][within[here]]
        return out

    def scene(self, row: int) -> Scene:
        """The scene of a row, made again from its seed."""
        return scene(self.plan.seeds[row])


def cells(shown: Scene, drawn: Drawing) -> tuple[np.ndarray, np.ndarray]:
    """What covers most of each cell: things int16 and colours int8, both (size / 16, size / 16), -1 for none."""
    side = drawn.masks.shape[-1] // CELL
    each = drawn.masks.reshape(-1, side, CELL, side, CELL).mean((2, 4))  # (items, side, side), shares
    free = np.full((1, side, side), 0.3)  # an item must cover this share to count
    most = np.concatenate([free, each]).argmax(0) - 1
    colours = list(Colour)
    things = np.array([-1, *(item.thing for item in shown.items)], np.int16)
    painted = np.array(
        [-1, *(-1 if item.colour is None else colours.index(item.colour) for item in shown.items)], np.int8
    )
    return things[most + 1], painted[most + 1]


def rendered(folder: Path, plan: Plan, processes: int = 1) -> SceneShards:
    """The scenes of a plan, rendered into `folder` as far as they are not there yet.

    Args:
        folder: where the shards are kept.
        plan: which scenes.
        processes: how many processes draw.

    Raises:
        UserError: the folder holds scenes of another plan.
    """
    from tqdm import tqdm

    folder.mkdir(parents=True, exist_ok=True)
    # How many there are may differ: a folder grows, and a run may read its first scenes alone.
    kept = {name: value for name, value in asdict(plan).items() if name != "count"}
    about, wanted = folder / "scenes.json", json.dumps(kept, indent=1)
    if about.exists() and about.read_text() != wanted:
        raise UserError(f"{folder} holds other scenes than these. Choose another folder, or remove that one.")
    about.write_text(wanted)
    missing = [shard for shard in range(plan.shards) if not _path(folder, shard).exists()]
    with tqdm(total=len(missing), unit="shard", disable=not missing) as bar:
        for _ in _drawn(folder, plan, missing, processes):
            bar.update()
    return SceneShards(plan, tuple(_mapped(_path(folder, shard)) for shard in range(plan.shards)))


def _drawn(folder: Path, plan: Plan, missing: list[int], processes: int) -> Iterator[None]:
    work = functools.partial(_render_shard, folder, plan)
    if processes <= 1 or len(missing) <= 1:
        yield from map(work, missing)
        return
    # Spawned, not forked: a trainer that calls this has threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, missing)


def _render_shard(folder: Path, plan: Plan, shard: int) -> None:
    from safetensors.numpy import save_file

    chosen = plan.seeds[shard * plan.per_shard : (shard + 1) * plan.per_shard]
    side = plan.size // CELL
    tensors: dict[str, np.ndarray] = {
        "images": np.empty((len(chosen), plan.size, plan.size, 3), np.uint8),
        "things": np.empty((len(chosen), side, side), np.int16),
        "colours": np.empty((len(chosen), side, side), np.int8),
        "backgrounds": np.empty(len(chosen), np.int8),
    }
    backgrounds = list(Background)
    for index, seed in enumerate(chosen):
        shown = scene(seed)
        drawn = draw(shown, plan.size)
        tensors["images"][index] = drawn.picture
        tensors["things"][index], tensors["colours"][index] = cells(shown, drawn)
        tensors["backgrounds"][index] = backgrounds.index(shown.background)
    path = _path(folder, shard)
    save_file(tensors, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def _mapped(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file as memory maps: 8 bytes of header length, a JSON header, then the data."""
    dtypes = {"U8": np.uint8, "I8": np.int8, "I16": np.int16, "F16": np.float16}
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {
        name: np.memmap(
            path, dtypes[about["dtype"]], "r", 8 + length + about["data_offsets"][0], tuple(about["shape"])
        )
        for name, about in header.items()
    }


def _path(folder: Path, shard: int) -> Path:
    return folder / f"shard-{shard:05d}.safetensors"
