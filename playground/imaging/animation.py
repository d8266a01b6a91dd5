"""Frames become an animation: a looping WebP, which every browser shows in an `img` element.

Invariants: a frame is made when the encoder asks for it, so a long animation needs the memory of one frame, and
Stop acts between two of them.
"""

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from playground.imaging.encoding import enlarge
from playground.runtime.task import Task

QUALITY = 85


def webp(
    frames: Iterable[np.ndarray],
    fps: float,
    side: int,
    task: Task | None = None,
    report: Callable[[int], None] = lambda done: None,
    count: int | None = None,
) -> bytes:
    """Looping animated WebP of frames (S, S, 3) uint8, each enlarged to `side` pixels.

    `count` says how many frames there will be; without it all of them are made before the first is encoded. `report`
    is told after every frame how many were made.

    Raises:
        Cancelled: between two frames, once `task` was stopped.
        ValueError: no frame at all, or fewer than `count`.
    """
    made = _watched(frames, task or Task(), report)
    if count is None:
        ready = list(made)
        made, count = iter(ready), len(ready)
    first = next(made, None)
    if first is None:
        raise ValueError("an animation needs at least one frame")
    buffer = BytesIO()
    enlarge(first, side).save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=[_Rest(made, count - 1, side)] if count > 1 else [],
        duration=1000 / fps,  # milliseconds; Pillow adds them up before it rounds
        loop=0,
        quality=QUALITY,
        method=2,
    )
    return buffer.getvalue()


def _watched(frames: Iterable[np.ndarray], task: Task, report: Callable[[int], None]) -> Iterator[np.ndarray]:
    task.check()
    for done, frame in enumerate(frames, start=1):
        report(done)
        task.check()
        yield frame


class _Rest:
    """All frames but the first, as one picture of several frames: Pillow seeks it from frame to frame, once."""

    def __init__(self, made: Iterator[np.ndarray], count: int, side: int) -> None:
        self.n_frames = count
        self._made = made
        self._side = side
        self._current: Image.Image | None = None

    def seek(self, place: int) -> None:
        frame = next(self._made, None)
        if frame is None:
            raise ValueError(f"{self.n_frames + 1} frames were announced, and only {place + 1} came")
        self._current = enlarge(frame, self._side)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._current, name)
