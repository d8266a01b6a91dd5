"""What the sampler makes of the stored alternatives of a token, without the model: for live sliders.

Invariants: plain Python numbers, nothing to load. Only the likeliest few tokens are known here, with
the model's true log-probabilities; what can be proved from them is marked exact, the rest is an estimate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from playground.inference.types import Alternative, Sampling


@dataclass(frozen=True)
class AfterSampler:
    """`probabilities` (0..1, one for each alternative, in their order) after the sampler.

    `exact`: they are the ones the model's whole vocabulary would give; otherwise a best estimate.
    """

    probabilities: tuple[float, ...]
    exact: bool


def after_sampler(alternatives: Sequence[Alternative], sampling: Sampling) -> AfterSampler | None:
    """The probabilities of `alternatives` after temperature, top-k, top-p and min-p; None without any.

    `alternatives` are the likeliest tokens of one position, most likely first and none left out between
    them. The repetition penalty is ignored (it needs the context), so with one the result is never exact.
    Exact where temperature 0 decides, where top-k, top-p or min-p provably cut inside the list, and where
    nothing is cut and temperature 1 leaves the probabilities as they are; which of two equally likely
    tokens top-p cuts is up to the sort of the engine. An estimate takes the tokens that are not known to
    be as likely as the last that is.
    """
    if not alternatives:
        return None
    no_penalty = sampling.repetition_penalty == 1.0
    if sampling.temperature == 0:
        return AfterSampler((1.0,) + (0.0,) * (len(alternatives) - 1), no_penalty)

    logprobs = [alternative.logprob for alternative in alternatives]
    # Weights relative to the likeliest token, so that nothing underflows: the sampler only sees their ratios.
    weights = [math.exp((logprob - logprobs[0]) / sampling.temperature) for logprob in logprobs]
    known = _top_k(weights, sampling.top_k)
    least, likely, most = (0.0, 0.0, 0.0) if len(known) < len(weights) else _unknown(weights, logprobs, sampling)

    # The more the unknown tokens weigh, the more tokens stay: if both ends agree, so does the truth between.
    (kept_least, tail_least, _), (kept_most, tail_most, sure) = (
        _cut(known, unknown, sampling) for unknown in (least, most)
    )
    kept, tail, _ = _cut(known, likely, sampling)
    total = math.fsum(known[:kept]) + tail
    after = tuple(weight / total if rank < kept else 0.0 for rank, weight in enumerate(weights))
    return AfterSampler(after, no_penalty and sure and kept_least == kept_most and tail_least == tail_most)


def _top_k(weights: list[float], top_k: int) -> list[float]:
    """The known weights that top-k leaves: all that tie with the k-th stay."""
    if not 0 < top_k < len(weights):
        return weights
    return [weight for weight in weights if weight >= weights[top_k - 1]]


def _unknown(weights: list[float], logprobs: list[float], sampling: Sampling) -> tuple[float, float, float]:
    """What all tokens beyond the list weigh after temperature and top-k: at least, likely, at most.

    None of them is likelier than the last known one, and together they have the rest of the probability.
    """
    rest = 1.0 - math.fsum(math.exp(logprob) for logprob in logprobs)
    as_last = rest / math.exp(logprobs[-1])  # so many tokens, were each as likely as the last known one
    if rest < 1e-6:  # the list is as good as the vocabulary; also the rounding of float32 logprobs
        return 0.0, 0.0, 0.0
    if 0 < sampling.top_k <= len(weights):  # only ties with the k-th token could be left
        return 0.0, 0.0, math.floor(as_last) * weights[-1]
    places = sampling.top_k - len(weights) if sampling.top_k > 0 else math.inf
    likely = min(as_last, places) * weights[-1]
    # Temperature below 1 favours few likely tokens (a convex map), above 1 many unlikely ones (concave).
    if sampling.temperature <= 1:
        exactly_known = sampling.temperature == 1 and places == math.inf
        return likely if exactly_known else 0.0, likely, likely
    return likely if places == math.inf else 0.0, likely, places * weights[-1]


def _cut(weights: list[float], unknown: float, sampling: Sampling) -> tuple[int, float, bool]:
    """Top-p, then min-p, if the unknown tokens weigh `unknown`.

    Returns how many known tokens stay, the weight of the unknown tokens that stay, and whether that
    weight is certain (it is not where a cut runs through the unknown tokens).
    """
    target = sampling.top_p * (math.fsum(weights) + unknown)
    kept, mass, sure = len(weights), 0.0, True
    if sampling.top_p < 1:
        kept = 0
        for weight in weights:  # a token stays while the likelier ones together do not reach top-p
            if kept > 0 and mass >= target:
                break
            kept, mass = kept + 1, mass + weight
        if unknown > 0:
            sure = mass >= target
            unknown = max(0.0, target - mass) if math.isfinite(unknown) else unknown
    if sampling.min_p > 0:
        smallest = sampling.min_p * weights[0]
        kept = min(kept, sum(weight >= smallest for weight in weights))
        if weights[-1] < smallest:
            unknown, sure = 0.0, True
        elif unknown > 0:
            sure = False
    return kept, unknown, sure
