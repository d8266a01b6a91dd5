"""The drawn world on disk: rendered once, read by any number of training runs.

Invariants: a shard is a function of its seeds alone. It is written beside its place and moved there when whole,
so a cut run leaves only whole shards and the next run goes on; how many processes drew them changes nothing.

A folder holds `world.json` (the `Plan`) and, per shard, `shard-00000.safetensors` with

* `images` uint8 (n, size, size, 3), `seeds` int64 (n),
* `labels` int8 (n, A) in the order of `ATTRIBUTES` (-1: not to be seen); for groups (n, 5, A), nobody: -2,

and `shard-00000.jsonl`, one object a picture: `caption` and `claims`; for groups `people`, `boxes`, `caption`, `spans`
and `expressions`.
"""

import functools
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from playground.drawn_world.attributes import ATTRIBUTES, NOBODY, Person, labels
from playground.drawn_world.captions import caption_of, caption_of_captioned, captioned_person
from playground.drawn_world.drawing import portrait
from playground.drawn_world.grounded_captions import grounded_caption
from playground.drawn_world.natural import natural
from playground.drawn_world.nouns import Claims
from playground.drawn_world.referring_expressions import expressions
from playground.drawn_world.sampling import Split, edited, person, seeds
from playground.drawn_world.scenes import group
from playground.errors import UserError

VERSION = 2  # raise it with every change of what a seed looks like
MOST_PEOPLE = 5


@dataclass(frozen=True)
class Plan:
    """What a folder holds: `count` pictures of `size` pixels from the `start`-th seed of a split on.

    Portraits show people of whom every value is equally likely; edits the same seeds after one attribute that is to
    be seen got another value. Natural are people as one meets them; captioned those made for a caption
    (`captions.captioned_person`).
    """

    kind: Literal["portraits", "edits", "groups", "natural", "captioned"]
    split: Split
    count: int
    size: int
    start: int = 0
    per_shard: int = 2048
    version: int = VERSION

    def shard_seeds(self, shard: int) -> range:
        return seeds(self.split, self.count, self.start)[shard * self.per_shard : (shard + 1) * self.per_shard]

    @property
    def shards(self) -> int:
        return -(-self.count // self.per_shard)


def render(folder: Path, plan: Plan, processes: int = 2, progress: bool = True) -> None:
    """Draw every shard that is missing in `folder`; with a progress bar on standard error.

    Raises:
        UserError: the folder holds pictures of another plan.
    """
    from tqdm import tqdm

    folder.mkdir(parents=True, exist_ok=True)
    about = folder / "world.json"
    wanted = json.dumps(asdict(plan), indent=1)
    if about.exists() and about.read_text() != wanted:
        raise UserError(f"{folder} holds other pictures than these. Choose another folder, or remove that one.")
    if not about.exists():
        _replace(about, lambda new: new.write_text(wanted))
    missing = [shard for shard in range(plan.shards) if not _path(folder, shard).exists()]
    done = plan.count - sum(len(plan.shard_seeds(shard)) for shard in missing)
    with tqdm(total=plan.count, initial=done, unit="picture", smoothing=0.1, disable=not progress) as bar:
        for drawn in _drawn(folder, plan, missing, processes):
            bar.update(drawn)


def _drawn(folder: Path, plan: Plan, missing: list[int], processes: int) -> Iterator[int]:
    """The number of pictures of each shard, as it gets done."""
    work = functools.partial(_render_shard, folder, plan)
    if processes <= 1 or len(missing) <= 1:
        yield from map(work, missing)
        return
    # Spawned, not forked: a trainer that calls this has threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, missing)


def _render_shard(folder: Path, plan: Plan, shard: int) -> int:
    from safetensors.numpy import save_file

    chosen = plan.shard_seeds(shard)
    images = np.empty((len(chosen), plan.size, plan.size, 3), np.uint8)
    one = plan.kind != "groups"
    shape = (len(chosen), len(ATTRIBUTES)) if one else (len(chosen), MOST_PEOPLE, len(ATTRIBUTES))
    values = np.full(shape, NOBODY, np.int8)
    rows = []
    for index, seed in enumerate(chosen):
        row: dict[str, Any]
        if one:
            images[index], values[index], row = _portrait(seed, plan)
        else:
            images[index], people, row = _group_row(seed, plan.size)
            values[index, : len(people)] = people
        rows.append(json.dumps({"seed": seed, **row}))
    path = _path(folder, shard)
    _replace(path.with_suffix(".jsonl"), lambda new: new.write_text("".join(row + "\n" for row in rows)))
    tensors: dict[str, np.ndarray] = {"images": images, "labels": values, "seeds": np.array(chosen, np.int64)}
    _replace(path, lambda new: save_file(tensors, new))  # last: a shard with tensors is whole
    return len(chosen)


def person_of(kind: str, seed: int) -> Person:
    """Who stands in a picture of that kind and seed; any kind but groups."""
    if kind == "captioned":
        return captioned_person(seed).person
    return {"portraits": person, "edits": edited, "natural": natural}[kind](seed)


def _portrait(seed: int, plan: Plan) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    who = person_of(plan.kind, seed)
    caption = caption_of_captioned(seed) if plan.kind == "captioned" else caption_of(seed, who)
    return portrait(who, plan.size), labels(who), {"caption": caption.text, "claims": _plain(caption.claims)}


def drawn_group(seed: int, size: int) -> tuple[np.ndarray, dict[str, Any]]:
    """The group picture of one seed, (size, size, 3) uint8, and its record, as a folder of groups holds them."""
    image, _, row = _group_row(seed, size)
    return image, {"seed": seed, **row}


def _group_row(seed: int, size: int) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    scene = group(seed, size)
    caption = grounded_caption(scene, seed)
    row = {
        "people": [
            {"x": f.x, "y": f.y, "height": f.height, "known": sorted(f.known), **_named(f.person)}
            for f in scene.figures
        ],
        "boxes": [asdict(box) for box in scene.boxes],
        "caption": caption.text,
        "spans": [asdict(span) for span in caption.spans],
        "expressions": [{**asdict(e), "claims": _plain(e.claims)} for e in expressions(scene, seed)],
    }
    people = np.stack([labels(figure.person) for figure in scene.figures])
    return scene.picture, people, row


def _named(who: Person) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(who).items()}


def _plain(claims: Claims) -> dict[str, list[str]]:
    return {name: sorted(map(str, values)) for name, values in claims.items()}


def _path(folder: Path, shard: int) -> Path:
    return folder / f"shard-{shard:05d}.safetensors"


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}.part")
    write(new)
    new.replace(path)
