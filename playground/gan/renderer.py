"""How a resident generator's pictures are drawn: one at once for a finger, many a batch at a time.

Invariants: a live picture is one of a few at a time (`live`) and waits for nobody else's batch.
"""

import threading
from typing import TYPE_CHECKING

import numpy as np

from playground.imaging import encoding

if TYPE_CHECKING:
    from playground.avatars.gan import AvatarGenerator


class Renderer:
    """Styles to pictures."""

    def __init__(self, live: threading.Semaphore) -> None:
        self._live = live
        self._batch = threading.Lock()  # one at a time: two would share the same cores

    def live(self, model: "AvatarGenerator", style: np.ndarray, side: int) -> bytes:
        """The JPEG of one style (layers, w), `side` pixels wide."""
        with self._live:
            return encoding.jpeg(_drawn(model, style[None])[0], side)

    def many(self, model: "AvatarGenerator", all_styles: np.ndarray) -> np.ndarray:
        """(N, layers, w) to (N, S, S, 3) uint8; others come in between batches."""
        from playground.gan import forward

        found = []
        for start in range(0, len(all_styles), forward.BATCH):
            with self._batch:
                found.append(_drawn(model, all_styles[start : start + forward.BATCH]))
        return np.concatenate(found)


def _drawn(model: "AvatarGenerator", batch: np.ndarray) -> np.ndarray:
    from playground.gan import forward

    return forward.to_uint8(forward.pictures(model, batch))
