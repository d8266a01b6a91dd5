"""From an edit state to the style that is rendered: mixing, truncation, then movements along directions.

Invariants: directions are computed once per loaded model and cached with it. Truncation comes before the movements, so
an edit's strength means the same at every psi.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from playground.gan import styles, validation
from playground.gan.derived_cache import DerivedCache
from playground.gan.directions import Directions, StyleStatistics, principal_components, sefa, style_statistics
from playground.gan.edit_state import EditState, Kind

if TYPE_CHECKING:
    from playground.avatars.gan import AvatarGenerator

STATISTICS_SAMPLES = 10_000  # z that w's covariance is measured on
CHUNK = 1_000


class StyleEditor:
    """Edits styles of loaded generators.

    Args:
        cache: holds what was computed from a model.
    """

    def __init__(self, cache: DerivedCache) -> None:
        self._cache = cache

    def final_style(self, model: "AvatarGenerator", base: np.ndarray, state: EditState) -> np.ndarray:
        """The style to render.

        Args:
            model: the generator.
            base: (layers, w_dim), before truncation; see `base_style`.
            state: truncation and movements.

        Returns:
            (layers, w_dim).
        """
        from playground.gan import forward

        result = styles.truncate(base, forward.mean_w(model), state.truncation, state.cutoff)
        for edit in state.directions:
            if edit.strength:
                found = self.directions(model, edit.kind, edit.layers)
                distance = edit.strength * float(found.deviations[edit.index])
                result = styles.move(result, found.vectors[edit.index], distance, edit.layers)
        for custom in state.custom_directions:
            if custom.strength:
                vector = np.array(custom.vector, np.float32)
                distance = custom.strength * self.statistics(model).standard_deviation(vector)
                result = styles.move(result, vector, distance, custom.layers)
        return result

    def statistics(self, model: "AvatarGenerator") -> StyleStatistics:
        """Mean and covariance of w over 10,000 z.

        Args:
            model: the generator.

        Returns:
            The statistics, computed on the first call.
        """
        from playground.gan import forward

        samples = STATISTICS_SAMPLES
        return self._cache.get(model, "statistics", lambda: style_statistics(forward.sample_w(model, samples, CHUNK)))

    def directions(self, model: "AvatarGenerator", kind: Kind, layers: tuple[int, int]) -> Directions:
        """All directions of a kind.

        Args:
            model: the generator.
            kind: "pca" or "sefa".
            layers: first and last layer; SeFa decomposes the weights of these.

        Returns:
            `component_count` directions, computed on the first call.
        """
        from playground.gan import forward

        statistics, count = self.statistics(model), component_count(model)
        if kind == "pca":
            return self._cache.get(model, "pca", lambda: principal_components(statistics, count))
        return self._cache.get(
            model, ("sefa", layers), lambda: sefa(forward.style_weights(model, layers), statistics, count)
        )


def base_style(state: EditState, style_of_seed: Callable[[int], np.ndarray]) -> np.ndarray:
    """The style before truncation: that of the seed or the state's own, mixed with the second seed's.

    Args:
        state: what is wanted.
        style_of_seed: gives (layers, w_dim) of a seed.

    Returns:
        (layers, w_dim).
    """
    base = np.array(state.style, np.float32) if state.seed is None else style_of_seed(state.seed)
    if state.mix_seed is None or not state.mix_layers:
        return base
    return styles.mix(base, style_of_seed(state.mix_seed), state.mix_layers)


def component_count(model: "AvatarGenerator") -> int:
    """How many directions of a kind there are.

    Args:
        model: the generator.

    Returns:
        w_dim, at most `MAX_COMPONENTS`.
    """
    return min(model.w_dim, validation.MAX_COMPONENTS)
