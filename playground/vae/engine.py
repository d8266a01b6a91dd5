"""The networks of a VAE at work: arrays in, arrays out, each under a lease of the model it needs.

Invariants: one piece of work at a time, beside the live pictures, so that a crowd cannot slow those; what
comes in was checked. Torch is imported by `network`, when the first model is asked for.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from playground.imaging.encoding import jpeg
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.vae.types import Leak
from playground.vae.validation import FARTHEST

Reading = dict[str, dict[str, float]]  # attribute -> value -> probability


class Engine:
    """What the service asks of the models."""

    def __init__(self, models: ModelCache, live: threading.Semaphore) -> None:
        self._models = models
        self._live = live
        self._others = threading.Lock()

    def live(self, vae_id: str, latent: np.ndarray, side: int) -> bytes:
        """The JPEG of one latent (z,), `side` pixels wide; as many at a time as `live` lets in."""
        with self._models.use(ModelKey(vae_id)) as vae, self._live:
            from playground.vae.forward import decode

            return jpeg(decode(vae, latent[None])[0], side)

    def decoded(self, vae_id: str, latents: np.ndarray) -> np.ndarray:
        """(B, S, S, 3) uint8 of (B, z)."""
        with self._use(vae_id) as vae:
            from playground.vae.forward import decoded

            return np.concatenate(list(decoded(vae, latents)))

    def one_by_one(self, vae_id: str, latents: np.ndarray, task: Task) -> Iterator[np.ndarray]:
        """The pictures of (B, z), some decoded at a time while they are taken; for work in the line."""
        with self._models.use(ModelKey(vae_id), task) as vae:
            from playground.vae.forward import decoded

            for pictures in decoded(vae, latents):
                yield from pictures

    def means(self, vae_id: str, pictures: np.ndarray) -> np.ndarray:
        """(B, z): where pictures (B, S, S, 3) uint8 lie; what is far from the world, at the edge."""
        with self._use(vae_id) as vae:
            from playground.vae.forward import encode

            return encode(vae, pictures)[0].clip(-FARTHEST, FARTHEST)

    def sampled(self, flow_id: str | None, width: int, seed: int, temperature: float) -> np.ndarray:
        """(z,): the noise of a seed, through the flow if there is one."""
        from playground.vae.forward import sampled

        if flow_id is None:
            return sampled(width, seed, temperature).clip(-FARTHEST, FARTHEST)
        with self._use(flow_id) as flow:
            return sampled(width, seed, temperature, flow).clip(-FARTHEST, FARTHEST)

    def log_prob(self, flow_id: str, latent: np.ndarray) -> float:
        """log p(z) in nats."""
        with self._use(flow_id) as flow:
            from playground.vae.forward import log_prob

            return float(log_prob(flow, latent[None])[0])

    def shrunk(self, flow_id: str, latent: np.ndarray, factor: float) -> np.ndarray:
        """(z,): the latent whose noise is `factor` times that of `latent`."""
        with self._use(flow_id) as flow:
            from playground.vae.forward import shrunk

            return shrunk(flow, latent, factor).clip(-FARTHEST, FARTHEST)

    def readings(self, judge_id: str, pictures: np.ndarray) -> list[Reading]:
        """What the judge sees in each of the pictures (B, S, S, 3) uint8."""
        with self._use(judge_id) as judge:
            from playground.vae.forward import judged

            shares, names, values = judged(judge, pictures), judge.names, judge.values
        return [
            {
                name: dict(zip(of, share[row].tolist(), strict=True))
                for name, of, share in zip(names, values, shares, strict=True)
            }
            for row in range(len(pictures))
        ]

    @contextmanager
    def _use(self, model_id: str) -> Iterator[Any]:
        with self._models.use(ModelKey(model_id)) as model, self._others:
            yield model


def leaks(before: Reading, after: Reading) -> tuple[Leak, ...]:
    """What changed from one reading to the other, the strongest change first."""
    found = []
    for name, shares in before.items():
        other = after[name]
        change = 0.5 * sum(abs(other[value] - share) for value, share in shares.items())  # total variation
        found.append(Leak(name, change, max(shares, key=shares.__getitem__), max(other, key=other.__getitem__)))
    return tuple(sorted(found, key=lambda leak: -leak.change))
