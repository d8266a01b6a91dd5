"""Run a VAE's networks: arrays in, arrays out, each call under a lease of the model it needs.

Invariants: arguments were validated. Live frames run as many at a time as the semaphore admits; all other calls run
one at a time beside them, so that they cannot slow live frames. Torch is imported with `forward`, when the first model
is used.
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
from playground.vae.types import Classification, Leak
from playground.vae.validation import MAX_ABS


class Engine:
    """Forward passes of resident models.

    Args:
        models: leases loaded models.
        live: limits how many live frames are computed at once.
    """

    def __init__(self, models: ModelCache, live: threading.Semaphore) -> None:
        self._models = models
        self._live = live
        self._one_at_a_time = threading.Lock()

    def render_jpeg(self, vae_id: str, latent: np.ndarray, side: int) -> bytes:
        """A live frame.

        Args:
            vae_id: the VAE's catalogue id.
            latent: (z_dim,).
            side: pixels of the JPEG's side.

        Returns:
            JPEG bytes.
        """
        with self._models.use(ModelKey(vae_id)) as vae, self._live:
            from playground.vae.forward import decode

            return jpeg(decode(vae, latent[None])[0], side)

    def decode(self, vae_id: str, latents: np.ndarray) -> np.ndarray:
        """Decode latents.

        Args:
            vae_id: the VAE's catalogue id.
            latents: (B, z_dim).

        Returns:
            (B, S, S, 3) uint8.
        """
        with self._use(vae_id) as vae:
            from playground.vae.forward import decode_batches

            return np.concatenate(list(decode_batches(vae, latents)))

    def decode_stream(self, vae_id: str, latents: np.ndarray, task: Task) -> Iterator[np.ndarray]:
        """Decode latents while the pictures are taken; for jobs.

        Args:
            vae_id: the VAE's catalogue id.
            latents: (B, z_dim).
            task: receives progress while the model loads, and may cancel it.

        Yields:
            (S, S, 3) uint8, one per latent.
        """
        with self._models.use(ModelKey(vae_id), task) as vae:
            from playground.vae.forward import decode_batches

            for pictures in decode_batches(vae, latents):
                yield from pictures

    def encode(self, vae_id: str, pictures: np.ndarray) -> np.ndarray:
        """Encode pictures.

        Args:
            vae_id: the VAE's catalogue id.
            pictures: (B, S, S, 3) uint8.

        Returns:
            (B, z_dim), the means of q(z | x), clipped to the range of valid latents.
        """
        with self._use(vae_id) as vae:
            from playground.vae.forward import encode

            return encode(vae, pictures)[0].clip(-MAX_ABS, MAX_ABS)

    def sample(self, flow_id: str | None, width: int, seed: int, temperature: float) -> np.ndarray:
        """A latent from the prior.

        Args:
            flow_id: the flow's catalogue id; None for the normal prior.
            width: z_dim.
            seed: of the noise.
            temperature: factor of the noise.

        Returns:
            (z_dim,).
        """
        from playground.vae.forward import sample

        if flow_id is None:
            return sample(width, seed, temperature).clip(-MAX_ABS, MAX_ABS)
        with self._use(flow_id) as flow:
            return sample(width, seed, temperature, flow).clip(-MAX_ABS, MAX_ABS)

    def log_prob(self, flow_id: str, latent: np.ndarray) -> float:
        """Log-likelihood of a latent.

        Args:
            flow_id: the flow's catalogue id.
            latent: (z_dim,).

        Returns:
            log p(z) in nats.
        """
        with self._use(flow_id) as flow:
            from playground.vae.forward import log_prob

            return float(log_prob(flow, latent[None])[0])

    def scale_noise(self, flow_id: str, latent: np.ndarray, factor: float) -> np.ndarray:
        """Scale a latent in the flow's noise space.

        Args:
            flow_id: the flow's catalogue id.
            latent: (z_dim,).
            factor: of its noise.

        Returns:
            (z_dim,).
        """
        with self._use(flow_id) as flow:
            from playground.vae.forward import scale_noise

            return scale_noise(flow, latent, factor).clip(-MAX_ABS, MAX_ABS)

    def classify(self, judge_id: str, pictures: np.ndarray) -> list[Classification]:
        """The judge's probabilities.

        Args:
            judge_id: the judge's catalogue id.
            pictures: (B, S, S, 3) uint8.

        Returns:
            Per picture: attribute to value to probability.
        """
        with self._use(judge_id) as judge:
            from playground.vae.forward import classify

            probabilities, names, values = classify(judge, pictures), judge.names, judge.values
        return [
            {
                name: dict(zip(of, shares[row].tolist(), strict=True))
                for name, of, shares in zip(names, values, probabilities, strict=True)
            }
            for row in range(len(pictures))
        ]

    @contextmanager
    def _use(self, model_id: str) -> Iterator[Any]:
        with self._models.use(ModelKey(model_id)) as model, self._one_at_a_time:
            yield model


def leaks(before: Classification, after: Classification) -> tuple[Leak, ...]:
    """What changed from one classification to the other.

    Args:
        before: the judge's probabilities before the change.
        after: those after it.

    Returns:
        One entry per attribute, strongest change first.
    """
    found = []
    for name, shares in before.items():
        other = after[name]
        change = 0.5 * sum(abs(other[value] - share) for value, share in shares.items())  # total variation
        found.append(Leak(name, change, max(shares, key=shares.__getitem__), max(other, key=other.__getitem__)))
    return tuple(sorted(found, key=lambda leak: -leak.change))
