"""The paraphrases: enough of them, about this world, not sayable by the grammars, and mostly read right."""

import re
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from playground.storybook import paraphrases
from playground.storybook.claims import Claims, matching
from playground.storybook.grammar import caption
from playground.storybook.parse import parse
from playground.storybook.questions import questions
from playground.storybook.relations import relations
from playground.storybook.scenes import SIZES, random_scene
from playground.storybook.things import THINGS
from playground.storybook.vocabulary import plural_form

LANGUAGES = ("en", "zh")


def plain(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())


@cache
def names(language: str) -> re.Pattern[str]:
    """All names of things, the longest first."""
    if language == "zh":
        found = {name for thing in THINGS for name in (thing.zh, *thing.zh_synonyms)}
    else:
        found = {
            form.lower()
            for thing in THINGS
            for name in (thing.name, *thing.synonyms)
            for form in (name, plural_form(thing, name))
        }
    return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True))))


def turns(text: str, language: str) -> set[tuple[str, ...]]:
    """What stands beside what, whatever the things are called: pairs of words, or of characters in Chinese."""
    masked = names(language).sub("N", text.lower())
    parts = re.findall(r"\w+" if language == "en" else r"\w", masked)
    return set(pairwise(["", *parts, ""]))


def test_there_are_enough_of_them_and_the_file_says_what_they_are_for() -> None:
    for language in LANGUAGES:
        for found in (paraphrases.prompts(language), paraphrases.questions(language)):
            assert len({plain(one.text) for one in found}) == len(found) >= 150
    assert "measure; no model" in paraphrases.PARAPHRASES.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_caption_equals_a_prompt_and_no_question_a_question(language: str) -> None:
    rng = np.random.default_rng(7)
    scenes = [random_scene(rng) for _ in range(250)]
    said = {plain(caption(scenes[i % len(scenes)], rng, language).text) for i in range(4000)}
    assert not said & {plain(prompt.text) for prompt in paraphrases.prompts(language)}
    asked = {
        plain(question.text)
        for i in range(500)
        for question in questions(scenes[i % 250], rng, 6, language, [(0.0, 0.0, 1.0, 1.0)] * 5)
    }
    assert not asked & {plain(question.text) for question in paraphrases.questions(language)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_put_words_together_as_no_caption_does(language: str) -> None:
    rng = np.random.default_rng(8)
    scenes = [random_scene(rng) for _ in range(200)]
    known: set[tuple[str, ...]] = set()
    for i in range(3000):
        known |= turns(caption(scenes[i % 200], rng, language).text, language)
    sayable = [prompt.text for prompt in paraphrases.prompts(language) if turns(prompt.text, language) <= known]
    assert not sayable


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_prompts_are_read_right(language: str) -> None:
    found = paraphrases.prompts(language)
    right = [unordered(parse(prompt.text).claims) == unordered(prompt.claims) for prompt in found]
    things = [
        {claim.thing for claim in parse(prompt.text).claims.things} == {claim.thing for claim in prompt.claims.things}
        for prompt in found
    ]
    assert sum(right) >= 0.75 * len(found)
    assert sum(things) >= 0.9 * len(found)


def unordered(claims: Claims) -> tuple[object, ...]:
    """Claims without the order in which things are mentioned."""
    things = claims.things
    related = {
        (things[r.subject], r.relation, things[r.object], None if r.second is None else things[r.second])
        for r in claims.relations
    }
    return frozenset(things), related, claims.background


@pytest.mark.parametrize("language", LANGUAGES)
def test_scenes_of_questions_can_be_drawn_and_answers_are_of_their_kind(language: str) -> None:
    for question in paraphrases.questions(language):
        for item in question.scene.items:
            assert any(low <= item.size <= high for low, high in SIZES.values())
            assert (item.colour is not None) == THINGS[item.thing].recolourable
        assert bool(question.boxes) != bool(question.answers)
        assert (question.task == "vqa") == bool(question.answers)
        assert all(index < len(question.scene.items) for index in question.boxes)
        relations(question.scene)


@pytest.mark.parametrize("language", LANGUAGES)
def test_counts_asked_for_are_those_of_the_scene(language: str) -> None:
    numbers = {"one": 1, "two": 2, "three": 3, "一": 1, "两": 2, "三": 3}
    checked = 0
    for question in paraphrases.questions(language):
        number = (
            numbers.get(question.answers[0][0] if language == "zh" else question.answers[0])
            if question.answers
            else None
        )
        named = parse(question.text).claims.things
        if number is None or len(named) != 1 or "/" in question.text:
            continue
        if not (
            "how many" in question.text.lower()
            or "ount" in question.text
            or "几" in question.text
            or "多少" in question.text
        ):
            continue
        checked += 1
        assert len(matching(question.scene, named[0])) == number, question.text
    assert checked >= 10
