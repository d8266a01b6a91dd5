"""Scenes of the Storybook world: what a seed decides, which things meet, whether what is said of them is true."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from playground.drawn_world.attributes import with_value
from playground.drawn_world.sampling import Split, random_person, seeds
from playground.drawn_world.values import Colour as Hue
from playground.drawn_world.values import Top
from playground.storybook import scenes
from playground.storybook.backgrounds import draw_background
from playground.storybook.rendering import extent
from playground.storybook.things import COMMON, PERSON, THINGS
from playground.storybook.types import Background, Colour, Item, Relation, Scene, Size


def drawn(split: Split, count: int) -> list[Scene]:
    return [scenes.scene(seed) for seed in seeds(split, count)]


def placed(*places: tuple[float, float], size: float = 0.25) -> Scene:
    return Scene(Background.PLAIN_GREY, tuple(Item(1, None, x, y, size) for x, y in places), 7)


def test_a_seed_decides_everything_also_in_another_process() -> None:
    program = (
        "from playground.storybook import scenes; from zlib import crc32;"
        "print(crc32(scenes.render(scenes.scene(12)).tobytes()))"
    )
    answers = {subprocess.check_output([sys.executable, "-c", program], text=True) for _ in range(2)}
    assert len(answers) == 1
    assert scenes.scene(12) == scenes.scene(12) != scenes.scene(13)


def test_held_out_pairs_never_meet_in_training_and_always_in_their_own_scenes() -> None:
    share = np.mean([scenes.is_held_out(a, b) for a in range(0, len(THINGS), 3) for b in range(a)])
    assert 0.04 < share < 0.06
    assert all(scenes.is_held_out(a, b) == scenes.is_held_out(b, a) for a in range(40) for b in range(40))
    for scene in drawn(Split.TRAIN, 150):
        kinds = {item.thing for item in scene.items}
        assert not any(scenes.is_held_out(a, b) for a in kinds for b in kinds)
    for seed in seeds(Split.HELD_OUT, 60):
        first, second = {item.thing for item in scenes.held_out_pair_scene(seed, COMMON).items}
        assert scenes.is_held_out(first, second)
        assert {first, second} <= set(COMMON)


def test_held_out_pairs_are_refused_for_a_training_seed() -> None:
    with pytest.raises(ValueError, match="train split"):
        scenes.held_out_pair_scene(5)
    with pytest.raises(ValueError, match="belongs to no split"):
        scenes.scene(3_000_000_000)
    with pytest.raises(ValueError, match="one to five"):
        scenes.random_scene(np.random.default_rng(1), most=6)


def test_one_thing_at_most_where_so_wanted() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        (item,) = scenes.random_scene(rng, things=(3, 4), most=1).items
        assert item.thing in (3, 4)


def test_scenes_show_what_training_needs() -> None:
    many = drawn(Split.TRAIN, 500)
    kinds = Counter(len({item.thing for item in scene.items}) for scene in many)
    assert 0.28 < kinds[1] / 500 < 0.42
    assert 0.38 < kinds[2] / 500 < 0.52
    assert {len(scene.items) for scene in many} == {1, 2, 3, 4, 5}
    assert {scene.background for scene in many} == set(Background)
    found = Counter(related.relation for scene in many for related in scenes.relations(scene))
    for relation in (Relation.LEFT_OF, Relation.RIGHT_OF, Relation.ABOVE, Relation.BELOW):
        assert found[relation] > 200
    for relation in (Relation.NEXT_TO, Relation.IN_FRONT_OF, Relation.BETWEEN):
        assert found[relation] > 10
    for scene in many:
        for item in scene.items:
            assert (item.colour is None) is (not THINGS[item.thing].recolourable)
            assert scenes.size_of(item) is not None
            width, height = extent(item)
            assert width / 2 <= item.x <= 1 - width / 2
            assert height / 2 <= item.y <= 1 - height / 2


def test_boxes_masks_and_visible_parts_are_those_of_the_picture() -> None:
    for scene in drawn(Split.JUDGE, 60):
        drawing = scenes.draw(scene, 96)
        assert np.array_equal(drawing.picture, scenes.render(scene, 96))
        assert drawing.masks.sum(0).max() <= 1  # every pixel shows one item at most
        assert (drawing.visible >= 0.8).all()
        for item, mask, box in zip(scene.items, drawing.masks, drawing.boxes, strict=True):
            rows, columns = np.nonzero(mask)
            assert box == pytest.approx(
                [columns.min() / 96, rows.min() / 96, (columns.max() + 1) / 96, (rows.max() + 1) / 96]
            )
            width, height = extent(item)
            assert max(box[2] - box[0], box[3] - box[1]) > 0.7 * item.size
            assert item.x - width / 2 - 0.02 <= box[0] and box[2] <= item.x + width / 2 + 0.02
            assert item.y - height / 2 - 0.02 <= box[1] and box[3] <= item.y + height / 2 + 0.02


def test_an_item_changes_the_picture_where_its_mask_is_and_nowhere_far_from_it() -> None:
    scene = Scene(Background.PLAIN_WHITE, (Item(0, Colour.BLACK, 0.3, 0.4, 0.35, angle=10),), 3)
    drawing = scenes.draw(scene, 128)
    bare = draw_background(scene.background, scene.seed, 128)
    change = np.abs(drawing.picture - bare).max(2)
    assert change[drawing.masks[0]].min() > 3
    assert change[90:, 90:].max() < 2


def test_a_flipped_item_is_its_mirror_and_a_turned_one_leans_the_right_way() -> None:
    item = Item(8, None, 0.5, 0.5, 0.6)
    plain = scenes.masks(Scene(Background.PLAIN_WHITE, (item,), 1))[0]
    mirrored = scenes.masks(Scene(Background.PLAIN_WHITE, (Item(8, None, 0.5, 0.5, 0.6, flip=True),), 1))[0]
    assert (plain[:, ::-1] != mirrored).mean() < 0.01
    assert (plain != mirrored).mean() > 0.03
    pencil = next(label for label, thing in enumerate(THINGS) if thing.name == "candle")
    turned = scenes.masks(Scene(Background.PLAIN_WHITE, (Item(pencil, None, 0.5, 0.5, 0.6, angle=15),), 1))[0]
    rows, columns = np.nonzero(turned)
    assert columns[rows < 50].mean() < columns[rows > 78].mean() - 4  # counter-clockwise: the top goes left


def test_relations_are_right_by_construction() -> None:
    found = set(scenes.relations(placed((0.2, 0.5), (0.8, 0.5))))
    assert {(0, Relation.LEFT_OF, 1, None), (1, Relation.RIGHT_OF, 0, None)} <= found
    found = set(scenes.relations(placed((0.5, 0.2), (0.5, 0.8))))
    assert found == {(0, Relation.ABOVE, 1, None), (1, Relation.BELOW, 0, None)}
    assert scenes.relations(placed((0.2, 0.2), (0.6, 0.6))) == []  # neither clearly beside nor above
    found = set(scenes.relations(placed((0.15, 0.5), (0.85, 0.5), (0.5, 0.52))))
    assert {(2, Relation.BETWEEN, 0, 1), (2, Relation.BETWEEN, 1, 0)} <= found
    found = set(scenes.relations(placed((0.4, 0.5), (0.67, 0.5))))
    assert (0, Relation.NEXT_TO, 1, None) in found
    found = set(scenes.relations(placed((0.4, 0.5), (0.5, 0.55))))
    assert {(1, Relation.IN_FRONT_OF, 0, None), (0, Relation.BEHIND, 1, None)} <= found


def test_relations_hold_in_the_picture() -> None:
    for scene in drawn(Split.HELD_OUT, 80):
        middles = (scenes.boxes(scene)[:, :2] + scenes.boxes(scene)[:, 2:]) / 2
        for subject, relation, other, _ in scenes.relations(scene):
            across, down = middles[other] - middles[subject]
            if relation is Relation.LEFT_OF:
                assert across > 0.1
            if relation is Relation.ABOVE:
                assert down > 0.1


def test_sizes_have_gaps_between_them() -> None:
    assert scenes.SIZES[Size.SMALL][1] < scenes.SIZES[Size.MEDIUM][0] - 0.05
    assert scenes.SIZES[Size.MEDIUM][1] < scenes.SIZES[Size.LARGE][0] - 0.05
    assert scenes.size_of(Item(0, Colour.RED, 0.5, 0.5, 0.3)) is None
    assert scenes.size_of(Item(0, Colour.RED, 0.5, 0.5, 0.6)) is Size.LARGE


@pytest.mark.parametrize("background", Background)
def test_a_background_is_the_same_at_any_size_and_varies_with_the_seed(background: Background) -> None:
    large, small = draw_background(background, 5, 128), draw_background(background, 5, 64)
    shrunk = large.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 3
    assert not np.array_equal(large, draw_background(background, 6, 128))


def test_backgrounds_differ_from_each_other() -> None:
    tiny = {b: draw_background(b, 5, 16).ravel() for b in Background}
    for first, one in tiny.items():
        for second, other in tiny.items():
            assert first is second or np.abs(one - other).mean() > 9, (first, second)


def test_people_of_the_avatars_world_take_their_places_with_boxes_of_their_own() -> None:
    found = [scenes.scene(seed, people=1.0) for seed in seeds(Split.TRAIN, 40)]
    for scene in found:
        people = [item for item in scene.items if item.person is not None]
        assert people
        assert all(item.thing == PERSON and item.colour is None for item in people)
        drawing = scenes.draw(scene, 96)
        assert (drawing.visible >= 0.8).all()
        for item, box, visible in zip(scene.items, drawing.boxes, drawing.visible, strict=True):
            width, height = extent(item)
            if visible < 1 or item.person is None or item.angle:
                continue
            assert box[2] - box[0] == pytest.approx(width, abs=0.05)
            assert box[3] - box[1] == pytest.approx(height, abs=0.05)
    assert len({item.person for scene in found for item in scene.items if item.person}) > 40
    assert scenes.scene(12, people=0.0) == scenes.scene(12)


def test_a_person_looks_as_the_record_says() -> None:
    person = with_value(
        with_value(random_person(np.random.default_rng(1)), "top", Top.BRIMMED_HAT), "hat_colour", Hue.RED
    )
    item = Item(PERSON, None, 0.5, 0.5, 0.7, person=person)
    red = scenes.draw(Scene(Background.PLAIN_WHITE, (item,), 1))
    other = replace(item, person=with_value(person, "hat_colour", Hue.BLUE))
    blue = scenes.draw(Scene(Background.PLAIN_WHITE, (other,), 1))
    assert np.array_equal(red.masks, blue.masks)
    top = red.masks[0].copy()
    top[64:] = False
    warmer = red.picture[top].mean(0) - blue.picture[top].mean(0)
    assert warmer[0] > 20 and warmer[2] < -20
