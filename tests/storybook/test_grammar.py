"""Captions in both languages: true, short, varied, and read back as they were meant."""

from collections import Counter
from functools import cache
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.storybook.claims import canonical, holds, matching
from playground.storybook.grammar import MOST_WORDS, Caption, caption, held_out
from playground.storybook.parse import parse
from playground.storybook.scenes import random_scene
from playground.storybook.things import THINGS
from playground.storybook.types import Background, Colour, Relation, Scene, Size

LANGUAGES = ("en", "zh")


@cache
def scenes() -> list[Scene]:
    rng = np.random.default_rng(0)
    return [random_scene(rng) for _ in range(800)]


def captions(language: str, count: int, seed: int = 0) -> list[tuple[Scene, Caption]]:
    """Captions of the same scenes over and over, in other words each time."""
    rng = np.random.default_rng(seed)
    return [(scene, caption(scene, rng, language)) for scene, _ in zip(cycle(scenes()), range(count), strict=False)]


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_a_caption_says_is_so(language: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = random_scene(rng)
    said = caption(scene, rng, language)
    assert holds(said.claims, scene)
    assert said.claims.things
    assert said.text == said.text.strip()
    assert len(said.text.split()) <= MOST_WORDS
    for span in said.spans:
        claim = said.claims.things[span.thing]
        assert said.text[span.start : span.end].strip()
        assert matching(scene, claim)


@pytest.mark.parametrize("language", LANGUAGES)
def test_captions_are_read_back_as_they_were_meant(language: str) -> None:
    made = captions(language, 1500)
    wrong = [
        (said.text, parse(said.text).claims) for _, said in made
        if canonical(parse(said.text).claims) != canonical(said.claims)
    ]  # fmt: skip
    assert len(wrong) <= 0.03 * len(made), wrong[:5]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_a_caption_says_is_noted_as_unknown(language: str) -> None:
    noted = [(said.text, notes) for _, said in captions(language, 800, 1) if (notes := parse(said.text).notes)]
    assert len(noted) <= 8, noted[:5]


@pytest.mark.parametrize("language", LANGUAGES)
def test_captions_name_everything_that_the_world_has(language: str) -> None:
    said = [said.claims for _, said in captions(language, 4000, 2)]
    things = [claim for claims in said for claim in claims.things]
    assert {claim.count for claim in things} == {1, 2, 3, 4, 5, None}
    assert {claim.colour for claim in things} == {*Colour, None}
    assert {claim.size for claim in things} == {Size.SMALL, Size.LARGE, None}
    assert {relation.relation for claims in said for relation in claims.relations} == set(Relation)
    assert {claims.background for claims in said} == {*Background, None}
    assert len({claim.thing for claim in things}) > 0.8 * len(THINGS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_captions_vary(language: str) -> None:
    texts = [said.text for _, said in captions(language, 1000, 3)]
    assert len(set(texts)) > 900
    plain = sum(
        not said.claims.relations and said.claims.background is None and all(
            claim.colour is None and claim.size is None and claim.place is None for claim in said.claims.things
        ) for _, said in captions(language, 1000, 4)
    )  # fmt: skip
    assert plain > 200, "about one in four names just the things"
    if language == "en":
        assert 0.3 < sum(text == text.lower() for text in texts) / len(texts) < 0.9
        openings = Counter(text.split()[0].lower() for text in texts)
        assert max(openings.values()) < 0.4 * len(texts)


def test_one_text_in_sixteen_is_held_out() -> None:
    texts = [said.text for _, said in captions("en", 3000, 5)]
    share = sum(map(held_out, texts)) / len(texts)
    assert 0.045 < share < 0.085
    assert held_out("A Cat") == held_out("a cat")


def test_people_are_named_counted_and_in_english_described() -> None:
    rng = np.random.default_rng(6)
    crowd = [random_scene(rng, people=1.0) for _ in range(60)]
    looks = set()
    for language in LANGUAGES:
        for scene in crowd:
            said = caption(scene, rng, language)
            assert holds(said.claims, scene)
            assert canonical(parse(said.text).claims) == canonical(said.claims), said.text
            looks |= {(language, claim.looks) for claim in said.claims.things if claim.looks}
    assert {language for language, _ in looks} == {"en"}
    assert len(looks) > 10
