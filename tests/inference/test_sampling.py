"""The samplers against transformers' own, and what can be told of them from a few alternatives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from playground.chat.sampler_preview import after_sampler
from playground.inference.sampling import draw, sample_probabilities
from playground.inference.types import Alternative, Sampling

VOCABULARY = 50

samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.3, 0.7, 1.0, 1.5, 2.0]),
    top_p=st.sampled_from([0.0, 0.2, 0.5, 0.9, 0.99, 1.0]),
    top_k=st.sampled_from([0, 1, 3, 8, 20, 49, 50, 200]),
    min_p=st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.2, 2.0]),
)
logit_rows = st.integers(0, 10_000).map(
    lambda seed: 3 * torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)
)


def by_transformers(logits: torch.Tensor, context: list[int], sampling: Sampling) -> torch.Tensor:
    chain = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)])
    if sampling.temperature > 0:
        chain.append(TemperatureLogitsWarper(sampling.temperature))
        if sampling.top_k > 0:
            chain.append(TopKLogitsWarper(sampling.top_k))
        chain.append(TopPLogitsWarper(sampling.top_p))
        chain.append(MinPLogitsWarper(sampling.min_p))
    scores = chain(torch.tensor([context]), logits[None].clone())[0]
    if sampling.temperature == 0:
        return torch.nn.functional.one_hot(scores.argmax(), VOCABULARY).float()
    return scores.softmax(-1)


@settings(max_examples=200, deadline=None)
@given(logit_rows, st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=30), samplings)
def test_the_samplers_are_those_of_transformers(logits: torch.Tensor, context: list[int], sampling: Sampling) -> None:
    before = logits.clone()
    ours = sample_probabilities(logits, context, sampling)
    theirs = by_transformers(logits, context, sampling)
    assert torch.equal(ours > 0, theirs > 0)
    torch.testing.assert_close(ours, theirs)
    assert ours.dtype == torch.float32
    assert torch.equal(logits, before)


def test_ties_with_the_kth_token_stay_as_in_transformers() -> None:
    logits = torch.tensor([1.0, 3.0, 2.0, 2.0, 2.0, 0.0], dtype=torch.float32)
    ours = sample_probabilities(logits, [0], Sampling(temperature=1.0, top_k=2, top_p=1.0))
    assert (ours > 0).tolist() == [False, True, True, True, True, False]


def test_half_precision_logits_and_another_default_dtype_change_nothing() -> None:
    logits = torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(0), dtype=torch.float32).bfloat16()
    sampling = Sampling(repetition_penalty=1.3)
    expected = sample_probabilities(logits.float(), [1, 2], sampling)
    torch.set_default_dtype(torch.bfloat16)  # as a model that loads beside it does
    try:
        ours = sample_probabilities(logits, [1, 2], sampling)
        token = draw(ours, torch.Generator().manual_seed(1))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(ours, expected)
    assert token == draw(expected, torch.Generator().manual_seed(1))


def test_draws_follow_the_probabilities() -> None:
    probabilities = torch.tensor([0.0, 0.5, 0.0, 0.2, 0.3, 0.0], dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    counts = [0] * 6
    for _ in range(4000):
        counts[draw(probabilities, generator)] += 1
    assert counts[0] == counts[2] == counts[5] == 0
    # Five standard deviations: sqrt(4000 * 0.25) * 5 = 158.
    assert abs(counts[1] - 2000) < 158
    assert abs(counts[3] - 800) < 158


def test_a_seed_gives_the_same_draws_again() -> None:
    probabilities = torch.full((100,), 0.01, dtype=torch.float32)
    one, two = ([draw(probabilities, g) for _ in range(20)] for g in (torch.Generator().manual_seed(7) for _ in "ab"))
    assert one == two
    assert len(set(one)) > 5


def alternatives_of(logits: torch.Tensor, number: int) -> list[Alternative]:
    top = logits.log_softmax(-1).topk(number)
    columns = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return [Alternative(token, str(token), logprob) for token, logprob in columns]


@settings(max_examples=400, deadline=None)
@given(logit_rows, samplings, st.sampled_from([1, 2, 8, 20, VOCABULARY]))
def test_what_is_called_exact_is_what_the_whole_vocabulary_gives(
    logits: torch.Tensor, sampling: Sampling, number: int
) -> None:
    known = alternatives_of(logits, number)
    result = after_sampler(known, sampling)
    assert result is not None
    assert len(result.probabilities) == number
    assert sum(result.probabilities) < 1 + 1e-9
    if result.exact:
        true = sample_probabilities(logits, [], sampling)
        assert list(result.probabilities) == pytest.approx([float(true[a.id]) for a in known], abs=2e-4)


@pytest.mark.parametrize(
    ("sampling", "exact"),
    [
        (Sampling(temperature=0), True),
        (Sampling(temperature=0.7, top_k=5, top_p=0.9), True),
        (Sampling(temperature=1.5, top_k=5, top_p=1.0, min_p=0.05), True),
        (Sampling(temperature=1.0, top_k=0, top_p=1.0), True),
        (Sampling(temperature=1.0, top_k=0, top_p=0.5), True),
        (Sampling(temperature=0.5, top_k=0, top_p=0.5), True),
        (Sampling(temperature=1.7, top_k=0, top_p=1.0, min_p=0.5), True),
        (Sampling(temperature=1.7, top_k=0, top_p=1.0), False),
        (Sampling(temperature=0.7, top_k=40, top_p=1.0), False),
        (Sampling(temperature=1.0, top_k=0, top_p=0.999), False),
        (Sampling(temperature=0.7, top_k=5, repetition_penalty=1.1), False),
    ],
)
def test_exact_where_it_can_be_known(sampling: Sampling, exact: bool) -> None:
    # Probabilities 0.4, 0.2, 0.1, ..., and a long tail beyond the eight that are known.
    head = [0.4, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.006, 0.004]
    tail = [(1 - sum(head)) / 92] * 92
    logits = torch.tensor(head + tail, dtype=torch.float64).log().float()
    known = alternatives_of(logits, 8)
    result = after_sampler(known, sampling)
    assert result is not None
    assert result.exact is exact
    if exact:
        true = sample_probabilities(logits, [], sampling)
        assert list(result.probabilities) == pytest.approx([float(true[a.id]) for a in known], abs=1e-5)


def test_an_estimate_is_near_and_nothing_gives_nothing() -> None:
    logits = 3 * torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(3), dtype=torch.float32)
    sampling = Sampling(temperature=0.8, top_k=40, top_p=0.95)
    known = alternatives_of(logits, 8)
    result = after_sampler(known, sampling)
    assert result is not None
    assert not result.exact
    true = sample_probabilities(logits, [], sampling)
    assert list(result.probabilities) == pytest.approx([float(true[a.id]) for a in known], abs=0.05)
    assert after_sampler([], sampling) is None
