"""Render styles with a loaded generator: single live frames, or many pictures in batches.

Invariants: live frames run a few at a time (the `live` semaphore) and never wait for a batch; batches run one at a
time and release the lock between chunks.
"""

import threading
from typing import TYPE_CHECKING

import numpy as np

from playground.imaging import encoding

if TYPE_CHECKING:
    from playground.avatars.gan import AvatarGenerator


class Renderer:
    """Styles to pictures.

    Args:
        live: limits how many live frames are computed at once.
    """

    def __init__(self, live: threading.Semaphore) -> None:
        self._live = live
        self._batch = threading.Lock()  # one at a time: two would share the same cores

    def render_jpeg(self, model: "AvatarGenerator", style: np.ndarray, side: int) -> bytes:
        """A live frame.

        Args:
            model: the generator.
            style: (layers, w_dim).
            side: pixels of the JPEG's side.

        Returns:
            JPEG bytes.
        """
        with self._live:
            return encoding.jpeg(_render(model, style[None])[0], side)

    def render_batch(self, model: "AvatarGenerator", styles: np.ndarray) -> np.ndarray:
        """Many pictures; other batches may run between the chunks.

        Args:
            model: the generator.
            styles: (N, layers, w_dim).

        Returns:
            (N, S, S, 3) uint8.
        """
        from playground.gan import forward

        rendered = []
        for start in range(0, len(styles), forward.BATCH):
            with self._batch:
                rendered.append(_render(model, styles[start : start + forward.BATCH]))
        return np.concatenate(rendered)


def _render(model: "AvatarGenerator", styles: np.ndarray) -> np.ndarray:
    from playground.gan import forward

    return forward.to_uint8(forward.synthesize(model, styles))
