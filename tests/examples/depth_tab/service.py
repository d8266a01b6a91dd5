"""Depth of pictures, by any depth model of the catalogue, in the line of the device."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from playground.catalog import Entry
from playground.core import Playground
from playground.errors import UserError
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Job


class DepthService:
    """What the tab and its endpoint ask; imports no model library."""

    def __init__(self, playground: Playground) -> None:
        self._playground = playground

    def entries(self) -> list[Entry]:
        """The depth models, in the catalogue's order."""
        return self._playground.catalog.of_tab("depth")

    def estimate(self, visitor: str, model: str, image: Image.Image) -> Job[np.ndarray]:
        """Put a picture in the line; the job yields its inverse depth, (h, w) float32 in 0..1, larger is nearer.

        Args:
            visitor: Who asks.
            model: Id of a depth model.
            image: Upright and RGB.

        Raises:
            UserError: No such model, or the line is full.
        """
        if model not in [entry.id for entry in self.entries()]:
            raise UserError(f"“{model[:80]}” is no depth model. /models lists them.")

        def work(task: Task) -> Iterator[np.ndarray]:
            with self._playground.models.use(ModelKey(model), task) as estimator:
                depth = estimator.estimate(image)
            yield (depth - depth.min()) / max(float(np.ptp(depth)), 1e-9)

        return self._playground.worker.submit(visitor, work)
