"""What people type, read into claims and notes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.storybook.claims import MOST, Claims, Place, RelationClaim, ThingClaim, as_json
from playground.storybook.grammar_zh import reads_as
from playground.storybook.parse import MOST_CHARACTERS, NoteKind, nearest, parse
from playground.storybook.things import THINGS
from playground.storybook.types import Background, Colour, Relation, Size
from playground.storybook.vocabulary import chips, words


def things(text: str) -> list[tuple[str, int | None]]:
    return [(claim.thing, claim.count) for claim in parse(text).claims.things]


def test_three_prompts_as_people_type_them() -> None:
    assert parse("a sloth and a cupcake under a crescent moon at night").claims == Claims(
        (ThingClaim("sloth"), ThingClaim("cupcake"), ThingClaim("crescent moon")),
        (RelationClaim(0, Relation.BELOW, 2), RelationClaim(1, Relation.BELOW, 2)),
        Background.NIGHT_SKY,
    )
    assert parse("two red apples left of a teapot").claims == Claims(
        (ThingClaim("apple", 2, Colour.RED), ThingClaim("teapot")), (RelationClaim(0, Relation.LEFT_OF, 1),)
    )
    assert parse("一只猫和一颗星星").claims == Claims((ThingClaim("cat"), ThingClaim("star")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a kitty and two puppies", [("cat", 1), ("dog", 2)]),
        ("cat, dog, tree", [("cat", 1), ("dog", 1), ("tree", 1)]),
        ("apples", [("apple", None)]),
        ("5 stars", [("star", 5)]),
        ("apples x3", [("apple", 3)]),
        ("a pair of scissors", [("scissors", 1)]),
        ("a pair of cats", [("cat", 2)]),
        ("an orange and two oranges", [("orange", 3)]),
        ("no dog, just a cat", [("dog", 0), ("cat", 1)]),
        ("三只小狗，两辆车", [("dog", 3), ("car", 2)]),
        ("猫狗鸟", [("cat", 1), ("dog", 1), ("bird", 1)]),
        ("苹果3个", [("apple", 3)]),
        ("几朵云", [("cloud", None)]),
        ("一只cat和two dogs", [("cat", 1), ("dog", 2)]),
        ("A CAT!!! And... A DOG???", [("cat", 1), ("dog", 1)]),
        ("an ice-cream and a T-shirt", [("ice cream", 1), ("T-shirt", 1)]),
        ("画笔记本电脑", [("laptop", 1)]),
        ("a yellow school bus", [("bus", 1)]),
        ("a bird flies over a house", [("bird", 1), ("house", 1)]),
    ],
)
def test_names_and_counts(text: str, expected: list[tuple[str, int | None]]) -> None:
    assert things(text) == expected


def test_colours_and_sizes_belong_to_their_nouns() -> None:
    claims = parse("a big red car, a tiny blue balloon and an orange bus").claims
    assert claims.things == (
        ThingClaim("car", 1, Colour.RED, Size.LARGE),
        ThingClaim("balloon", 1, Colour.BLUE, Size.SMALL),
        ThingClaim("bus", 1, Colour.ORANGE),
    )
    assert parse("the car is red and huge").claims.things == (ThingClaim("car", 1, Colour.RED, Size.LARGE),)
    assert parse("一个红色的大气球和一辆小小的蓝色汽车").claims.things == (
        ThingClaim("balloon", 1, Colour.RED, Size.LARGE),
        ThingClaim("car", 1, Colour.BLUE, Size.SMALL),
    )


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("a cat to the left of a tree", RelationClaim(0, Relation.LEFT_OF, 1)),
        ("left of the tree there is a cat", RelationClaim(1, Relation.LEFT_OF, 0)),
        ("a cat next to a tree", RelationClaim(0, Relation.NEXT_TO, 1)),
        ("a tree with a cat behind it", RelationClaim(1, Relation.BEHIND, 0)),
        ("a cat and a tree. the cat is in front of the tree.", RelationClaim(0, Relation.IN_FRONT_OF, 1)),
        ("a cat between a tree and a house", RelationClaim(0, Relation.BETWEEN, 1, 2)),
        ("a cat between two trees", RelationClaim(0, Relation.BETWEEN, 1, 1)),
        ("猫在树的左边", RelationClaim(0, Relation.LEFT_OF, 1)),
        ("树左边有一只猫", RelationClaim(1, Relation.LEFT_OF, 0)),
        ("树上面的猫", RelationClaim(1, Relation.ABOVE, 0)),
        ("在房子和树之间有一只猫", RelationClaim(2, Relation.BETWEEN, 0, 1)),
        ("一艘帆船，旁边停着一条独木舟", RelationClaim(1, Relation.NEXT_TO, 0)),
    ],
)
def test_relations(text: str, relation: RelationClaim) -> None:
    assert parse(text).claims.relations == (relation,)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a cat on the left, a dog on the right", [Place.LEFT, Place.RIGHT]),
        ("on the left a cat on the right a dog", [Place.LEFT, Place.RIGHT]),
        ("a moon in the top left corner of the picture", [Place.TOP_LEFT]),
        ("左边是猫右边是狗", [Place.LEFT, Place.RIGHT]),
        ("一只猫在画面右上角", [Place.TOP_RIGHT]),
        ("someone left a backpack right beside a chair", [None, None]),
    ],
)
def test_places(text: str, places: list[Place | None]) -> None:
    assert [claim.place for claim in parse(text).claims.things] == places


@pytest.mark.parametrize(
    ("text", "background"),
    [
        ("a cat on the beach", Background.BEACH),
        ("a cat on a table", Background.TABLE),
        ("starry night, a cat", Background.NIGHT_SKY),
        ("a cat against a plain blue background", Background.PLAIN_BLUE),
        ("海边的猫", Background.BEACH),
        ("一只猫，背景是粉色的", Background.PLAIN_PINK),
        ("a sea turtle", None),
        ("a desert island", None),
    ],
)
def test_backgrounds(text: str, background: Background | None) -> None:
    assert parse(text).claims.background is background


def test_unknown_words_are_found_with_what_is_nearest() -> None:
    read = parse("a spaceship over a city")
    assert not read.claims.things and not read.claims.relations
    assert [(note.kind, note.word) for note in read.notes] == [
        (NoteKind.UNKNOWN, "spaceship"),
        (NoteKind.UNKNOWN, "city"),
    ]
    assert read.notes[0].suggestions[0] == "rocket"
    assert read.notes[0].span == (2, 11)
    read = parse("一艘宇宙飞船和一只猫")
    assert things("一艘宇宙飞船和一只猫") == [("cat", 1)]
    assert (read.notes[0].word, read.notes[0].suggestions[0]) == ("宇宙飞船", "rocket")
    assert nearest("elefant") == ("elephant",)
    assert nearest("carburettor")
    assert nearest("xqzzy") == ()


def test_an_unknown_noun_takes_no_part_in_relations_of_others() -> None:
    claims = parse("a cat and a spaceship over a house").claims
    assert claims.relations == (RelationClaim(0, Relation.ABOVE, 1),)
    assert parse("a cat next to a spaceship and a house").claims.relations == ()


def test_what_cannot_be_painted_is_noted() -> None:
    kinds = {note.kind: note for note in parse("seven white apples, a blue banana, no dog").notes}
    assert kinds.keys() == {NoteKind.COUNT, NoteKind.COLOUR, NoteKind.FIXED_COLOUR, NoteKind.NEGATION}
    assert kinds[NoteKind.FIXED_COLOUR].word == "blue"
    assert parse("a teal car").notes[0].suggestions == ("green", "blue")


def test_syntax_of_other_programs_is_understood_or_left_out() -> None:
    text = "masterpiece, best quality, (red car:1.3), ((hat)), [balloon], <lora:style:0.8>, 1girl, 8k, trending on artstation --ar 16:9"  # noqa: E501
    read = parse(text)
    assert [claim.thing for claim in read.claims.things] == ["car", "hat", "balloon", "girl"]
    assert read.claims.things[0].colour is Colour.RED
    assert read.clean_text == "red car, hat, balloon, 1girl"
    assert {note.kind for note in read.notes} == {NoteKind.QUALITY, NoteKind.SYNTAX}
    assert all(text[slice(*note.span)] == note.word for note in read.notes)
    assert parse("[cat:dog:0.5]").claims.things == (ThingClaim("cat"),)
    assert things("a cat negative prompt: dog") == [("cat", 1)]
    assert things("杰作，最高质量，一只猫") == [("cat", 1)]
    assert things("<b>a cat</b><script>dog</script>")[0] == ("cat", 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n",
        "\ud800",
        "cat \udfff dog",
        "🐱🐶",
        "1️⃣",
        "<b>cat</b>",
        "(((((",
        ")]:1.3)",
        "((cat:1.1)",
        "的的的",
        "在",
        "between",
        "between a cat and",
        "of of of",
        "a" * 10_000,
        "一" * 10_000,
        "猫" * 10_000,
        "(cat:" * 2000,
        "the left of",
        "<lora:" * 500,
        "1.5 cats",
        "٣ cats",
        "² cats",
        "ﬁsh",
        "e\u0301lephant",
        "'''",
        "cat's",
        "\x00\x00",
        "9999999999999 cats",
        "it is next to it",
        "它在它上面",
        "BREAK",
        "x3",
        "之间",
        "上面有",
        "and and",
        "a red",
        "red one",
        "no",
        "--",
        "[:",
        "x" * 41,
    ],
)
def test_odd_texts_do_not_raise(text: str) -> None:
    read = parse(text)
    read.clean_text.encode()
    as_json(read.claims)
    assert all(claim.count is None or 0 <= claim.count <= MOST for claim in read.claims.things)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_no_text_raises(text: str) -> None:
    for note in parse(text).notes:
        assert 0 <= note.span[0] <= note.span[1] <= len(text)


_WORDS = [
    *words("en")[::7],
    *words("zh")[::7],
    ",",
    ".",
    "a",
    "the",
    "it",
    "和",
    "的",
    "在",
    "spaceship",
    "它",
    " ",
    "x",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), max_size=15), st.sampled_from(["", " "]))
def test_no_order_of_known_words_raises(chosen: list[str], joint: str) -> None:
    claims = parse(joint.join(chosen)).claims
    for relation in claims.relations:
        assert {relation.subject, relation.object, relation.second or 0} <= set(range(len(claims.things)))


def test_a_long_text_is_read_up_to_its_limit() -> None:
    read = parse("a cat " + "very " * MOST_CHARACTERS + "dog")
    assert [claim.thing for claim in read.claims.things] == ["cat"]
    assert read.notes[-1].kind is NoteKind.LONG


def test_every_thing_is_known_by_its_names() -> None:
    for thing in THINGS:
        measured = thing.measure if reads_as([thing.measure, thing.zh]) else "个"  # 弯 + 月牙 would be 弯月 + 牙
        for name in (thing.name, thing.zh, f"a {thing.name}", f"一{measured}{thing.zh}"):
            assert things(name) == [(thing.name, 1)], name
        assert things(f"two {thing.plural}")[0][0] == thing.name


def test_random_captions_do_not_make_up_notes_for_their_words() -> None:
    rng = np.random.default_rng(0)
    for language in ("en", "zh"):
        for group, names in chips(language).items():
            for name in rng.permutation(names)[:20]:
                kinds = {note.kind for note in parse(str(name)).notes}
                assert NoteKind.UNKNOWN not in kinds, (group, name)


def test_looks_of_people_are_taken_up_as_they_are_said() -> None:
    read = parse("A person with a red beard and a penguin")
    assert read.claims.things == (ThingClaim("person", looks="with a red beard"), ThingClaim("penguin"))
    assert not read.notes
    assert parse("a person with a penguin").claims.things == (ThingClaim("person"), ThingClaim("penguin"))
    assert things("两个人和一条狗") == [("person", 2), ("dog", 1)]
