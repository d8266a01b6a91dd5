"""Claims about scenes: counts are of sets, relations of all pairs, and JSON brings them back."""

import json

import numpy as np
import pytest

from playground.storybook.claims import (
    INDEX,
    Claims,
    Place,
    RelationClaim,
    ThingClaim,
    as_json,
    checks,
    from_json,
    holds,
    is_at,
    related,
)
from playground.storybook.grammar import caption
from playground.storybook.relations import relations
from playground.storybook.scenes import random_scene
from playground.storybook.types import Background, Colour, Item, Relation, Scene, Size

CAT, APPLE = INDEX["cat"], INDEX["apple"]
SCENE = Scene(
    Background.BEACH,
    (
        Item(CAT, None, 0.2, 0.5, 0.36),
        Item(APPLE, Colour.RED, 0.6, 0.5, 0.22),
        Item(APPLE, Colour.GREEN, 0.85, 0.5, 0.22),
        Item(CAT, None, 0.7, 0.15, 0.24),
    ),
    0,
)


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        (ThingClaim("apple", 2), True),
        (ThingClaim("apple", None), True),
        (ThingClaim("apple", 1), False),
        (ThingClaim("apple", 1, Colour.RED), True),
        (ThingClaim("apple", 2, Colour.RED), False),
        (ThingClaim("apple", 1, Colour.BLUE), False),
        (ThingClaim("cat", 1, size=Size.SMALL), True),
        (ThingClaim("cat", 1, place=Place.LEFT), True),
        (ThingClaim("cat", 1, place=Place.TOP_RIGHT), True),
        (ThingClaim("cat", 2, place=Place.LEFT), False),
        (ThingClaim("dog", 0), True),
        (ThingClaim("cat", 0), False),
    ],
)
def test_a_count_is_of_everything_that_answers_to_the_description(claim: ThingClaim, true: bool) -> None:
    assert holds(Claims((claim,)), SCENE) is true


def test_a_relation_holds_between_all_of_both_sides() -> None:
    small, apples = ThingClaim("cat", 1, size=Size.MEDIUM), ThingClaim("apple", 2)
    assert holds(Claims((small, apples), (RelationClaim(0, Relation.LEFT_OF, 1),)), SCENE)
    assert not holds(Claims((ThingClaim("cat", 2), apples), (RelationClaim(0, Relation.LEFT_OF, 1),)), SCENE)
    red, green = ThingClaim("apple", 1, Colour.RED), ThingClaim("apple", 1, Colour.GREEN)
    between = Claims((red, small, green), (RelationClaim(0, Relation.BETWEEN, 1, 2),))
    assert holds(between, SCENE)
    assert not holds(Claims((small, red, green), (RelationClaim(0, Relation.BETWEEN, 1, 2),)), SCENE)


def test_checks_tell_presence_count_and_colour_apart() -> None:
    claims = Claims((ThingClaim("apple", 3, Colour.BLUE), ThingClaim("dog")), background=Background.BEACH)
    found = {(check.kind, check.index): check.holds for check in checks(claims, SCENE)}
    assert found == {
        ("thing", 0): True,
        ("colour", 0): False,
        ("count", 0): False,
        ("thing", 1): False,
        ("count", 1): False,
        ("background", 0): True,
    }


def test_what_is_clear_is_also_so() -> None:
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(150):
        scene = random_scene(rng)
        for subject, relation, object_, other in relations(scene):
            seconds = None if other is None else [other]
            if related(scene, [subject], relation, [object_], seconds, clear=True):
                seen.add(relation)
                assert related(scene, [subject], relation, [object_], seconds)
    assert seen == set(Relation)
    for place in Place:
        for x, y in rng.random((200, 2)):
            assert not is_at(x, y, place, clear=True) or is_at(x, y, place)


def test_claims_go_through_json_unchanged() -> None:
    rng = np.random.default_rng(2)
    for language in ("en", "zh"):
        for _ in range(40):
            claims = caption(random_scene(rng), rng, language).claims
            assert from_json(json.loads(json.dumps(as_json(claims)))) == claims
    with pytest.raises(ValueError, match="mauve"):
        from_json({"things": [{"thing": "cat", "count": 1, "colour": "mauve"}]})
