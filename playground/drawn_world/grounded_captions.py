"""Captions of group pictures whose phrases have boxes.

Invariants: what a phrase says is true of every box it names, and can be seen there; spans are counted while the
text is written, never searched for afterwards.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from playground.drawn_world.attributes import BEARDS, HATS
from playground.drawn_world.captions import pick, topic, with_article
from playground.drawn_world.phrases import Saying
from playground.drawn_world.referring_expressions import as_person, has_part, true_sayings
from playground.drawn_world.sampling import GROUNDED, stream
from playground.drawn_world.scenes import Group

_NUMBERS = ("no", "one", "two", "three", "four", "five")


@dataclass(frozen=True)
class Span:
    """Characters `start` <= i < `end` of a caption name these boxes (indices into `Group.boxes`)."""

    start: int
    end: int
    boxes: tuple[int, ...]


@dataclass(frozen=True)
class GroundedCaption:
    """A caption of a group picture; spans do not overlap and stand in the order of the text."""

    text: str
    spans: tuple[Span, ...]


def grounded_caption(group: Group, seed: int) -> GroundedCaption:
    """A caption that counts the people and describes them, in one of three styles drawn by the seed.

    The phrases with boxes are whole people ("a person with a red hat"), or people and their parts apart, or
    the plural of a part ("glasses" with one box each). What a phrase says is true of every box it names.
    """
    rng = stream(seed, GROUNDED)
    people = [i for i in range(len(group.figures)) if group.box_of(i) is not None]
    writer = _Writer()
    style = int(rng.integers(3))
    everybody = tuple(box for i in people if (box := group.box_of(i)) is not None)
    counted = f"{_NUMBERS[len(people)]} people"
    if style == 2:
        writer.add(pick(rng, ("there are ", "a picture of ", "a group of ", "")))
        writer.add(counted, everybody)
        kinds = Counter(box.part for box in group.boxes if box.part not in ("person", "mouth"))
        for number, part in enumerate(sorted(kinds)):
            if kinds[part] == sum(has_part(f.person, part) for f in group.figures):
                boxes = tuple(i for i, box in enumerate(group.boxes) if box.part == part)
                writer.add(f"{', ' if number else ': '}{_NUMBERS[len(boxes)]} of them with ")
                plural = "glasses" if part == "glasses" else f"{part}s"
                writer.add(plural if len(boxes) > 1 or part == "glasses" else with_article(part), boxes)
        return writer.done()
    writer.add(pick(rng, ("", "there are ", "a picture of ")))
    writer.add(counted, everybody)
    writer.add(": ")
    for number, figure in enumerate(people):
        if number:
            writer.add(" and " if number == len(people) - 1 else ", ")
        if style == 0:
            _whole(writer, group, figure, rng)
        else:
            _in_parts(writer, group, figure, rng)
    return writer.done()


class _Writer:
    """A caption as it grows, with the spans of its phrases."""

    def __init__(self) -> None:
        self.text = ""
        self.spans: list[Span] = []

    def add(self, text: str, boxes: tuple[int, ...] = ()) -> None:
        if boxes:
            self.spans.append(Span(len(self.text), len(self.text) + len(text), boxes))
        self.text += text

    def done(self) -> GroundedCaption:
        return GroundedCaption(self.text, tuple(self.spans))


def _whole(writer: _Writer, group: Group, figure: int, rng: np.random.Generator) -> None:
    """One phrase that names the person with one or two attributes, and the person's box."""
    box = group.box_of(figure)
    assert box is not None
    true = true_sayings(group, figure)
    first = pick(rng, true)
    others = [s for s in true if topic(s) != topic(first) and s.phrase.role == first.phrase.role]
    text = as_person(first)
    if others and first.phrase.role != "adjective" and rng.random() < 0.5:
        text = f"{text} and {pick(rng, others).text}"
    writer.add(with_article(text), (box,))


def _in_parts(writer: _Writer, group: Group, figure: int, rng: np.random.Generator) -> None:
    """ "a person" and each listed part as phrases of their own."""
    box = group.box_of(figure)
    assert box is not None
    writer.add("a person", (box,))
    ways: dict[int, list[str]] = {}
    for saying in true_sayings(group, figure):
        part = _part_said(saying)
        index = group.box_of(figure, part) if part else None
        if index is not None:
            ways.setdefault(index, []).append(saying.text)
    for number, index in enumerate(sorted(ways)):
        last = number == len(ways) - 1
        writer.add(" with " if number == 0 else " and " if last else ", ")
        writer.add(pick(rng, ways[index]), (index,))


def _part_said(saying: Saying) -> str | None:
    """The part that a saying names with a noun, so that its text may stand for that part's box."""
    said = dict(saying.claims)
    if saying.phrase.role == "adjective" or saying.text.startswith("no "):
        return None
    if "glasses" in said:
        return "glasses"
    if said.keys() & {"top"} and said["top"] <= set(HATS):
        return "hat"
    if "facial_hair" in said:
        return "beard" if said["facial_hair"] <= set(BEARDS) else "moustache"
    return None
