"""From what is asked of a picture to the style that is drawn: truncation first, then every edit.

Invariants: directions are worked out once for a resident model and kept with it. Truncating first means that an
edit's strength is the same whatever psi is.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from playground.gan import styles, validation
from playground.gan.derived_cache import DerivedCache
from playground.gan.directions import Directions, Spread, closed_form, principal, spread

if TYPE_CHECKING:
    from playground.avatars.gan import AvatarGenerator

SPREAD_SAMPLES = 10_000  # z that w's covariance is measured on
CHUNK = 1_000


class Editor:
    """Styles of resident generators, moved along directions."""

    def __init__(self, kept: DerivedCache) -> None:
        self._kept = kept

    def apply(
        self, model: "AvatarGenerator", style: Any, truncation: Any, cutoff: Any = None, edits: Any = (), own: Any = ()
    ) -> np.ndarray:
        """(layers, w) to be drawn. Everything given is checked: raises `UserError`."""
        from playground.gan import forward

        checked = validation.style(style, model.layers, model.w_dim)
        until, psi = validation.cutoff(cutoff, model.layers), validation.truncation(truncation)
        vectors = validation.own_directions(own, model.w_dim)
        result = styles.truncated(checked, forward.mean_style(model), psi, until)
        for edit in validation.edits(edits, model.layers, components(model), len(vectors)):
            if edit.kind == "own":
                vector = vectors[edit.index]
                deviation = self.spread(model).deviation(vector)
            else:
                found = self.directions(model, edit.kind, edit.layers)
                vector, deviation = found.vectors[edit.index], float(found.deviations[edit.index])
            result = styles.moved(result, vector, edit.strength * deviation, edit.layers)
        return result

    def spread(self, model: "AvatarGenerator") -> Spread:
        """How w varies over 10,000 z."""
        from playground.gan import forward

        return self._kept.get(model, "spread", lambda: spread(forward.many_w(model, SPREAD_SAMPLES, CHUNK)))

    def directions(self, model: "AvatarGenerator", kind: Literal["pca", "sefa"], span: tuple[int, int]) -> Directions:
        """All directions of a kind; SeFa's are those of the layers first to last."""
        from playground.gan import forward

        of, count = self.spread(model), components(model)
        if kind == "pca":
            return self._kept.get(model, "pca", lambda: principal(of, count))
        return self._kept.get(
            model, ("sefa", span), lambda: closed_form(forward.style_weights(model, span), of, count)
        )


def components(model: "AvatarGenerator") -> int:
    """How many directions of a kind there are."""
    return min(model.w_dim, validation.MOST_COMPONENTS)
