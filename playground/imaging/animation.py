"""Encode frames as a looping animated WebP, which every browser shows in an `img` element.

Invariants: a frame is computed when the encoder asks for it, so a long animation needs the memory of one frame, and
cancelling acts between two of them.
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
    """A looping animated WebP.

    Args:
        frames: (S, S, 3) uint8 each.
        fps: frames per second.
        side: pixels of the longer side of a frame.
        task: checked before every frame; None for work nobody cancels.
        report: called after every frame with the number of frames done.
        count: how many frames there will be; None computes all of them before the first is encoded.

    Returns:
        WebP bytes.

    Raises:
        Cancelled: between two frames, once `task` was cancelled.
        ValueError: no frame at all, or fewer than `count`.
    """
    made = _with_progress(frames, task or Task(), report)
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
        append_images=[_RemainingFrames(made, count - 1, side)] if count > 1 else [],
        duration=1000 / fps,  # milliseconds; Pillow adds them up before it rounds
        loop=0,
        quality=QUALITY,
        method=2,
    )
    return buffer.getvalue()


def _with_progress(frames: Iterable[np.ndarray], task: Task, report: Callable[[int], None]) -> Iterator[np.ndarray]:
    task.check()
    for done, frame in enumerate(frames, start=1):
        report(done)
        task.check()
        yield frame


class _RemainingFrames:
    """All frames but the first, as one multi-frame picture that Pillow seeks from frame to frame, once."""

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
