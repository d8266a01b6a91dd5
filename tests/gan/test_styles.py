"""Seeds, styles, directions and paths: the pure half of the GAN's package, against what the formulas promise."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import UserError
from playground.gan import directions, edit_state, interpolation, seed_parsing, styles, validation
from playground.gan.types import GeneratorConfig
from playground.validation import MAX_SEED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-16, 40, 7", [*range(1, 17), 40, 7]),
        ("5", [5]),
        ("3 - 5;9", [3, 4, 5, 9]),
        ("2，1、2", [2, 1, 2]),
        ("0 4294967295", [0, 2**32 - 1]),
        ([7, 3.0, 7], [7, 3, 7]),
        (12, [12]),
    ],
)
def test_seeds_come_in_the_order_written(text: Any, expected: list[int]) -> None:
    assert seed_parsing.parse_seeds(text) == expected


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ("a million of them", "not a list of seeds"),
        ("", "No seed"),
        (" , ", "No seed"),
        ([], "No seed"),
        ("-3", "A seed must be a whole number"),
        ([-3], "A seed must be a whole number"),
        ("1.5", "not a list of seeds"),
        ([1.5], "A seed must be a whole number"),
        ([float("nan")], "A seed must be a whole number"),
        ([True], "A seed must be a whole number"),
        ([None], "A seed must be a whole number"),
        (None, "A seed must be a whole number"),
        ({"seed": 1}, "A seed must be a whole number"),
        (["1-3"], "A seed must be a whole number"),
        ("4294967296", "from 0 to 4294967295, not 4294967296"),
        ([10**5000], "not a number of 5001 digits"),
        ("9" * 3000, "not a number of"),
        ("1-65", "65 seeds; at most 64"),
        ("0-4294967295", "4294967296 seeds"),
        (list(range(65)), "65 seeds"),
        ("9-3", "backwards"),
        ("1--3", "not a list of seeds"),
        ("1," * 4000, "characters long"),
    ],
)
def test_what_is_no_seed_is_refused_in_words(bad: Any, word: str) -> None:
    with pytest.raises(UserError, match=word):
        seed_parsing.parse_seeds(bad)


def test_a_histogram_may_have_a_thousand() -> None:
    assert len(seed_parsing.parse_seeds("1-1000", seed_parsing.MAX_SAMPLES)) == 1000
    with pytest.raises(UserError, match="1001 seeds; at most 1000"):
        seed_parsing.parse_seeds("1-1001", seed_parsing.MAX_SAMPLES)


@given(
    st.one_of(st.text(max_size=60), st.lists(st.one_of(st.integers(), st.floats(), st.text(), st.none()), max_size=9))
)
def test_any_input_gives_seeds_or_words(given_: Any) -> None:
    try:
        found = seed_parsing.parse_seeds(given_)
    except UserError:
        return
    assert 0 < len(found) <= 64
    assert all(isinstance(seed, int) and 0 <= seed <= MAX_SEED for seed in found)


def test_latents_follow_the_rule_that_stylegans_tools_share() -> None:
    z = styles.seed_latents([3, 2**32 - 1, 3], 16)
    assert np.array_equal(z[0], np.random.RandomState(3).randn(1, 16)[0].astype(np.float32))
    assert np.array_equal(z[0], z[2])
    assert z.shape == (3, 16)


def test_truncation_is_exact_at_both_ends_and_linear_between() -> None:
    rng = np.random.default_rng(0)
    style, mean = rng.normal(size=(7, 16)).astype(np.float32) * 100, rng.normal(size=16).astype(np.float32)
    assert np.array_equal(styles.truncate(style, mean, 1.0), style)
    assert np.array_equal(styles.truncate(style, mean, 0.0), np.broadcast_to(mean, (7, 16)))
    assert np.allclose(styles.truncate(style, mean, -1.0), 2 * mean - style, atol=1e-3)
    cut = styles.truncate(style, mean, 0.5, 3)
    assert np.allclose(cut[:3], (style[:3] + mean) / 2, atol=1e-4)
    assert np.array_equal(cut[3:], style[3:])


def test_mixing_changes_the_chosen_layers_and_no_others() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 7, 16)).astype(np.float32)
    for layers in ([0, 4], [], range(7)):
        mixed = styles.mix(a, b, layers)
        for layer in range(7):
            assert np.array_equal(mixed[layer], (b if layer in layers else a)[layer])
    assert [layer for group in styles.layer_groups(7).values() for layer in group] == list(range(7)), (
        "the three groups are all layers"
    )


def test_principal_components_agree_with_the_singular_value_decomposition() -> None:
    rng = np.random.default_rng(2)
    w = rng.normal(size=(2000, 12)) @ rng.normal(size=(12, 12)) + 300  # far from 0: a careless sum would lose digits
    found = directions.principal_components(
        directions.style_statistics(w[start : start + 300] for start in range(0, 2000, 300)), 12
    )
    _, values, rows = np.linalg.svd(w - w.mean(axis=0), full_matrices=False)
    assert np.allclose(found.deviations, values / np.sqrt(1999), rtol=1e-5)
    assert np.allclose(np.abs((found.vectors * rows).sum(axis=1)), 1, atol=1e-5)
    assert np.allclose(found.vectors @ found.vectors.T, np.eye(12), atol=1e-5)
    assert (found.vectors[np.arange(12), np.abs(found.vectors).argmax(axis=1)] > 0).all(), "the sign is fixed"


def test_sefa_finds_what_the_weights_answer_to_most() -> None:
    rng = np.random.default_rng(3)
    weights = [rng.normal(size=(20, 8)), rng.normal(size=(5, 8))]
    statistics = directions.style_statistics([rng.normal(size=(500, 8)) * 3])
    found = directions.sefa(weights, statistics, 3)
    stacked = np.concatenate(weights)
    answers = np.linalg.norm(stacked @ found.vectors.T, axis=0)
    assert np.allclose(answers, np.linalg.svd(stacked)[1][:3], rtol=1e-5)
    others = rng.normal(size=(1000, 8))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert (np.linalg.norm(stacked @ others.T, axis=0) <= answers[0] + 1e-6).all()
    assert np.allclose(found.deviations, 3, rtol=0.15)


def test_moving_counts_in_the_layers_named() -> None:
    style, direction = np.zeros((7, 4), np.float32), np.array([0, 1, 0, 0], np.float32)
    moved = styles.move(style, direction, 2.5, (2, 4))
    assert np.array_equal(moved[2:5], np.tile([0, 2.5, 0, 0], (3, 1)))
    assert not moved[:2].any()
    assert not moved[5:].any()
    assert not style.any(), "nothing is changed in place"


@pytest.mark.parametrize("keys", [2, 3, 5])
@pytest.mark.parametrize("loop", [True, False])
def test_a_spline_hits_its_keys_exactly_and_is_smooth(keys: int, loop: bool) -> None:
    points = np.random.default_rng(keys).normal(size=(keys, 7, 3)).astype(np.float32)
    between = 40
    way = np.stack(list(interpolation.spline(points, between, loop)))
    assert len(way) == (keys * between if loop else (keys - 1) * between + 1)
    assert np.array_equal(way[::between], points)
    if loop:
        way = np.concatenate([way, way[:3]])  # the seam is a place like any other
    second = np.diff(way.astype(np.float64), n=2, axis=0) * between**2
    jumps = np.abs(np.diff(second, axis=0)).max()
    assert jumps < 0.2 * max(1.0, np.abs(second).max()), "the curvature has no jump, not at keys, not at the seam"


def test_a_closed_spline_through_a_circle_stays_on_it() -> None:
    angles = 2 * np.pi * np.arange(12) / 12
    way = np.stack(list(interpolation.spline(np.stack([np.cos(angles), np.sin(angles)], axis=1), 10)))
    assert np.allclose(np.linalg.norm(way, axis=1), 1, atol=1e-3)


def test_animations_have_limits() -> None:
    assert interpolation.frame_counts(4, 4.0, 25, True) == (25, 100)
    assert interpolation.frame_counts(5, 4.0, 25, False) == (25, 101)
    for keys, seconds in ((1, 4.0), (33, 4.0), (4, 60.0)):
        with pytest.raises(UserError):
            interpolation.frame_counts(keys, seconds, 25, True)


CONFIG = GeneratorConfig(size=64, z_dim=64, w_dim=16, resolutions=(4, 8, 8, 16, 16, 32, 32))


@pytest.mark.parametrize(
    "bad",
    [
        "text", 5, {}, [5], [None], [[]], [{}], [["ica", 0, [0, 6], 1]], [[["pca"], 0, [0, 6], 1]],
        [["pca", 16, [0, 6], 1]], [["pca", -1, [0, 6], 1]], [["pca", 0.5, [0, 6], 1]], [["pca", True, [0, 6], 1]],
        [["pca", 0, [0, 6], float("nan")]], [["pca", 0, [0, 6], float("inf")]], [["pca", 0, [0, 6], 21]],
        [["pca", 0, [0, 6], "1"]], [["pca", 0, [0, 6], 10**400]], [["pca", 0, [0, 7], 1]], [["pca", 0, [3, 2], 1]],
        [["pca", 0, [0], 1]], [["pca", 0, "06", 1]], [["pca", 0, None, 1]], [["pca", 0, [0, 6], 1]] * 25,
    ],
)  # fmt: skip
def test_directions_are_validated(bad: Any) -> None:
    assert edit_state.parse_edit_state({"seed": 1, "moves": [["pca", 0, [0, 6], 1]]}, CONFIG).directions
    with pytest.raises(UserError):
        edit_state.parse_edit_state({"seed": 1, "moves": bad}, CONFIG)


@pytest.mark.parametrize(
    "bad",
    [
        None, 5, "no", b"no", [], [[0.0] * 16] * 6, [[0.0] * 15] * 7, [[0.0] * 15 + [float("nan")]] * 7,
        [[0.0] * 15 + [1e9]] * 7, [[0.0] * 15 + ["1"]] * 7, [[0.0] * 15 + [None]] * 7, [[0.0] * 15 + [True]] * 7,
        [[0.0] * 15 + [10**400]] * 7, [[[0.0]] * 16] * 7, {"0": [0.0] * 16}, np.zeros((7, 15)), np.zeros(112),
        np.full((7, 16), np.inf),
    ],
)  # fmt: skip
def test_styles_are_validated(bad: Any) -> None:
    with pytest.raises(UserError, match="7 layers of 16 numbers"):
        validation.style(bad, 7, 16)


@pytest.mark.parametrize("bad", [5, "no", None, [5], [0.0] * 16, [float("inf")] * 16, [1.0] * 15, [[1.0] * 16]])
def test_direction_vectors_are_validated(bad: Any) -> None:
    assert np.allclose(validation.unit_vector([2.0] * 16, 16), 0.25)
    with pytest.raises(UserError):
        validation.unit_vector(bad, 16)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 2.1, -2.1, 1e300, 10**400, "1", None, True, [1.0]])
def test_truncation_has_a_range(bad: Any) -> None:
    with pytest.raises(UserError, match="Truncation must be a number from -2 to 2"):
        validation.truncation(bad)
