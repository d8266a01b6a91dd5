"""Questions about scenes: their answers checked by reading the question anew."""

import re
from functools import cache

import numpy as np
import pytest

from playground.grounding.minigpt_prompt import TAGS as MINIGPT_TAGS
from playground.storybook import lexicon_en, lexicon_zh
from playground.storybook.claims import KINDS, ThingClaim, box_of, colour_of, matching
from playground.storybook.parse import parse
from playground.storybook.questions import FAMILIES, TAGS, Question, questions, spelled
from playground.storybook.rendering import boxes
from playground.storybook.scenes import random_scene
from playground.storybook.things import THINGS
from playground.storybook.types import Background, Colour, Scene
from playground.storybook.vocabulary import means

LANGUAGES = ("en", "zh")


@cache
def asked(language: str) -> tuple[tuple[Scene, Question], ...]:
    rng = np.random.default_rng(11)
    found = []
    for _ in range(250):
        scene = random_scene(rng)
        around = [box_of(item) for item in scene.items]
        for _ in range(2):
            found += [(scene, question) for question in questions(scene, rng, 8, language, around)]
    return tuple(found)


def of_kind(language: str, task: str, kind: str | None = None) -> list[tuple[Scene, Question]]:
    found = [(s, q) for s, q in asked(language) if q.task == task and kind in (None, q.kind)]
    assert len(found) >= 8
    return found


def thing_of(phrase: str) -> str:
    """The thing that a phrase names."""
    named = means(phrase) or parse(phrase).claims.things[0].thing
    assert named is not None
    return named


def there(scene: Scene, name: str) -> set[tuple[float, ...]]:
    return {box_of(scene.items[index]) for index in matching(scene, ThingClaim(name))}


def test_tags_are_those_of_the_avatars() -> None:
    assert {f"[{tag}]" for tag in TAGS} == set(MINIGPT_TAGS)


def test_families_are_of_known_things() -> None:
    names = {thing.name for thing in KINDS}
    assert all(family <= names and len(family) > 1 for family in FAMILIES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_task_and_kind_is_asked_in_its_language(language: str) -> None:
    found = [question for _, question in asked(language)]
    assert {question.task for question in found} == set(TAGS)
    assert {question.kind for question in found} >= {
        "name", "plural", "colour", "position", "relation", "absent", "one", "list", "list with absent",
        "count", "is there", "what stands there", "does it stand there", "which is larger", "background", "time",
    }  # fmt: skip
    for question in found:
        assert question.language == language
        assert question.prompt.endswith(question.text)
        words = re.sub(r"</?p>|<delim>|[{}<>\d]", "", question.text + question.answer_text)
        letters = re.findall(r"[A-Za-z]{3,}", words)
        assert not letters or language == "en" or set(letters) <= {"DNA"}, question
        assert language == "zh" or not re.search(r"[一-鿿]", words), question
    untagged = sum(not question.tagged for question in found) / len(found)
    assert 0.08 < untagged < 0.3


@pytest.mark.parametrize("language", LANGUAGES)
def test_detection_boxes_everything_of_a_name_and_says_what_is_absent(language: str) -> None:
    for scene, question in of_kind(language, "detection"):
        for phrase, found in question.entities:
            assert set(found) == there(scene, thing_of(phrase)), question
            assert phrase in question.text
        if len(question.entities) == 1 and not question.entities[0][1]:
            assert "图里没有" in question.answer_text or question.answer_text.startswith("no ")
            assert "{" not in question.answer_text
        else:
            for phrase, found in question.entities:
                words = "<delim>".join(map(spelled, found)) or ("没有" if language == "zh" else "none")
                assert f"<p>{phrase}</p> {words}" in question.answer_text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_box_is_named_by_what_is_in_it(language: str) -> None:
    for scene, question in of_kind(language, "identify"):
        assert question.box is not None and spelled(question.box) in question.text
        item = next(item for item in scene.items if box_of(item) == question.box)
        assert thing_of(question.answer_text) == THINGS[item.thing].name


@pytest.mark.parametrize("language", LANGUAGES)
def test_references_point_at_one_thing_or_all_of_a_kind(language: str) -> None:
    for scene, question in of_kind(language, "refer"):
        ((phrase, found),) = question.entities
        claims = parse(phrase).claims.things
        assert claims, question
        if question.kind == "absent":
            assert not found and not there(scene, claims[0].thing)
        elif question.kind == "plural":
            assert len(found) > 1 and set(found) == there(scene, claims[0].thing)
        else:
            assert len(found) == 1
            assert any(found[0] in there(scene, claim.thing) for claim in claims)
        if question.kind == "colour":
            chosen = next(item for item in scene.items if box_of(item) == found[0])
            assert claims[0].colour == colour_of(chosen)
        assert question.answer_text == "<delim>".join(map(spelled, found)) or not found


@pytest.mark.parametrize("language", LANGUAGES)
def test_counts(language: str) -> None:
    numbers = (lexicon_en if language == "en" else lexicon_zh).NUMBERS
    for kind in ("count", "count of a colour"):
        for scene, question in of_kind(language, "vqa", kind):
            claim = parse(question.text).claims.things[0]
            number = len(matching(scene, claim))
            zero = "none" if language == "en" else "没有"
            assert question.answer_text.startswith(numbers[number].said[0] if number else zero), question


@pytest.mark.parametrize("language", LANGUAGES)
def test_whether_something_is_there(language: str) -> None:
    answers = []
    for scene, question in of_kind(language, "vqa", "is there"):
        claim = next(claim for claim in parse(question.text).claims.things)
        yes = bool(there(scene, claim.thing))
        assert question.answer_text == {("en", True): "yes", ("en", False): "no", ("zh", True): "有"}.get(
            (language, yes), "没有"
        )
        answers.append(yes)
    assert 0.25 < sum(answers) / len(answers) < 0.75


@pytest.mark.parametrize("language", LANGUAGES)
def test_colours(language: str) -> None:
    for scene, question in of_kind(language, "vqa", "colour"):
        name = parse(question.text).claims.things[0].thing
        (index,) = matching(scene, ThingClaim(name))
        colour = colour_of(scene.items[index])
        assert isinstance(colour, Colour)
        assert question.answer_text == (
            colour.value if language == "en" else lexicon_zh.COLOURS[colour].said[1].removesuffix("的")
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_grounded_descriptions_box_their_phrases(language: str) -> None:
    for scene, question in of_kind(language, "grounding"):
        boxed = {box for _, found in question.entities for box in found}
        assert boxed == {box_of(item) for item in scene.items}
        for phrase, found in question.entities:
            assert f"<p>{phrase}</p> {'<delim>'.join(map(spelled, found))}" in question.answer_text
            claim = parse(phrase).claims.things[0]
            assert claim.count in (len(found), None) or THINGS[0].name == claim.thing


def test_backgrounds_are_named_in_words_the_reader_knows() -> None:
    for language in LANGUAGES:
        for scene, question in of_kind(language, "vqa", "background"):
            assert parse(question.answer_text).claims.background is scene.background
    assert {scene.background for scene, _ in asked("en")} == set(Background)


def test_boxes_come_from_the_drawing_where_none_are_given() -> None:
    rng = np.random.default_rng(1)
    scene = random_scene(rng)
    drawn = {tuple(box) for box in boxes(scene).tolist()}
    for question in questions(scene, rng, 8):
        assert {box for _, found in question.entities for box in found} <= drawn
