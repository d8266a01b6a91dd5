"""Questions about a group picture with their exact answers, in the words and markup of MiniGPT-v2.

Invariants: an answer is read off the record of the picture, never guessed; a question is asked only if everybody
it could be about can be told apart at their size. Several things are always named in one order: whoever stands
further up first. Tags, templates and boxes: Chen et al. (2023), arXiv:2310.09478.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from playground.drawn_world.captions import pick
from playground.drawn_world.descriptions import described, thing
from playground.drawn_world.referring_expressions import GAP
from playground.drawn_world.traits import TRAITS, WORN, having

NUMBERS = ("none", "one", "two", "three", "four", "five")
TEMPLATES = {
    "caption": ("please describe this image?", "describe this image", "what is in this picture?"),
    "grounding": (
        "describe this image in detail",
        "please describe this image in details",
        "give a thorough description of what you see in this image",
    ),
    "refer": (
        "{}",
        "give me the location of {}",
        "where is {} ?",
        "from this image, tell me the location of {}",
        "the location of {} is",
    ),
    "identify": ("what is this {}", "{}", "what object is in this location {}", "what is it in {}", "who is in {}"),
    "vqa": ("{}", "Based on the image, respond to this question with a short answer: {}"),
}
TAGS = {"caption": "[caption]", "grounding": "[grounding]", "refer": "[refer]", "detection": "[detection]",
        "identify": "[identify]", "vqa": "[vqa]"}  # fmt: skip
UNTAGGED = 0.08  # share of questions that come without their tag, as a person would ask


@dataclass(frozen=True)
class Asked:
    """A question as the model reads it, and its answer. `boxes` are what it is about, as indices into the record's.

    `absent` is what asks for somebody or something that is not there; a caption is about nobody in particular.
    `kind` says what is measured: the tag, and a word on what makes the question easy or hard.
    """

    tag: str
    kind: str
    prompt: str
    answer: str
    boxes: tuple[int, ...] = ()
    absent: bool = False


def spelled(box: dict[str, Any], size: int) -> str:
    """A box of a record as MiniGPT-v2 writes it: {<x0><y0><x1><y1>} in hundredths of the picture's side."""
    return "{" + "".join(f"<{round(100 * box[side] / size)}>" for side in ("x0", "y0", "x1", "y1")) + "}"


def questions(record: dict[str, Any], size: int, rng: np.random.Generator, count: int) -> list[Asked]:
    """`count` questions about one picture, drawn among all kinds."""
    asked: list[Asked] = []
    kinds = rng.choice(len(_KINDS), size=4 * count, p=[share for _, share in _KINDS])
    for kind in kinds:
        found = _KINDS[kind][0](record, size, rng)
        if found is not None and all(found.prompt != other.prompt for other in asked):
            asked.append(found)
        if len(asked) == count:
            break
    return asked


def caption(record: dict[str, Any], size: int, rng: np.random.Generator) -> Asked:
    return _asked("caption", "caption", pick(rng, TEMPLATES["caption"]), record["caption"], rng)


def grounded(record: dict[str, Any], size: int, rng: np.random.Generator) -> Asked:
    """The caption with every phrase between <p> and </p>, its boxes behind it."""
    text, parts, at = record["caption"], [], 0
    for span in record["spans"]:
        boxes = "<delim>".join(spelled(record["boxes"][index], size) for index in span["boxes"])
        parts.append(f"{text[at : span['start']]}<p>{text[span['start'] : span['end']]}</p> {boxes}")
        at = span["end"]
    answer = "".join(parts) + text[at:]
    return _asked("grounding", "grounding", pick(rng, TEMPLATES["grounding"]), answer, rng)


def refer(record: dict[str, Any], size: int, rng: np.random.Generator) -> Asked | None:
    """One person or thing by the words that fit nobody else."""
    kind = ("attribute", "position", "both", "part")[int(rng.choice(4, p=(0.45, 0.25, 0.15, 0.15)))]
    return _referring(record, size, rng, kind)


def search(record: dict[str, Any], size: int, rng: np.random.Generator) -> Asked | None:
    """One person by looks alone: what is hardest to learn, and is asked most."""
    return _referring(record, size, rng, "attribute")


def _referring(record: dict[str, Any], size: int, rng: np.random.Generator, kind: str) -> Asked | None:
    fitting = [e for e in record["expressions"] if e["kind"] == kind and _stands_out(record, e)]
    if not fitting:
        return None
    chosen = pick(rng, fitting)
    prompt = pick(rng, TEMPLATES["refer"]).format(chosen["text"])
    return _asked("refer", kind, prompt, spelled(record["boxes"][chosen["box"]], size), rng, (chosen["box"],))


def detect(record: dict[str, Any], size: int, rng: np.random.Generator) -> Asked | None:
    """All of a kind of thing, or that there is none."""
    if rng.random() < 0.45:
        there_is = rng.random() < 0.5  # else the draw decides, and most traits are rare
        tried = (pick(rng, TRAITS) for _ in range(12 if there_is else 1))
        trait, who = next(((t, having(record, t)) for t in tried if not there_is or having(record, t)), (None, None))
        if trait is None or who is None:
            return None
        boxes = [_box_of(record, figure, "person") for figure in who]
        kind, text = "people", trait.noun
    else:
        kind = ("people", "glasses", "hat", "beard", "moustache")[int(rng.choice(5, p=(0.2, 0.3, 0.25, 0.15, 0.1)))]
        part = "person" if kind == "people" else kind
        boxes = [i for i, box in enumerate(record["boxes"]) if box["part"] == part]
        text = part if kind == "glasses" or rng.random() < 0.6 else ("people" if kind == "people" else f"{part}s")
    if any(box is None for box in boxes):
        return None
    there = tuple(box for box in boxes if box is not None)
    spelt = "<delim>".join(spelled(record["boxes"][box], size) for box in there)
    answer = f"<p>{text}</p> {spelt}" if there else f"there is no {text}"
    return _asked("detection", kind if there else "absent", text, answer, rng, there)


def identify(record: dict[str, Any], size: int, rng: np.random.Generator) -> Asked | None:
    """What is in a box: a person by the most telling traits, a thing by its colour."""
    part = ("person", "hat", "glasses", "beard")[int(rng.choice(4, p=(0.7, 0.12, 0.1, 0.08)))]
    boxes = [i for i, box in enumerate(record["boxes"]) if box["part"] == part]
    if not boxes:
        return None
    chosen = int(pick(rng, boxes))
    who = record["people"][record["boxes"][chosen]["figure"]]
    answer = described(who) if part == "person" else thing(who, part)
    prompt = pick(rng, TEMPLATES["identify"]).format(spelled(record["boxes"][chosen], size))
    return _asked("identify", part, prompt, answer, rng, (chosen,)) if answer else None


def ask(record: dict[str, Any], size: int, rng: np.random.Generator) -> Asked | None:
    """A question whose answer is a word or two: how many, yes or no, which colour, which person."""
    kind = ("count", "yes/no", "colour", "which")[int(rng.choice(4, p=(0.26, 0.26, 0.23, 0.25)))]
    found = {"count": _count, "yes/no": _whether, "colour": _colour, "which": _which}[kind](record, size, rng)
    if found is None:
        return None
    text, answer, about = found
    boxes = tuple(box for figure in about if (box := _box_of(record, figure, "person")) is not None)
    return _asked("vqa", kind, pick(rng, TEMPLATES["vqa"]).format(text), answer, rng, boxes)


def _asked(
    tag: str, kind: str, prompt: str, answer: str, rng: np.random.Generator, boxes: tuple[int, ...] | None = None
) -> Asked:  # fmt: skip
    plain = tag not in ("detection",) and prompt.strip("{}<>0123456789") and rng.random() < UNTAGGED
    return Asked(tag, kind, prompt if plain else f"{TAGS[tag]} {prompt}", answer, boxes or (), boxes == ())


_Found = tuple[str, str, Sequence[int]] | None  # a question, its answer, and the figures it is about


def _count(record: dict[str, Any], size: int, rng: np.random.Generator) -> _Found:
    if rng.random() < 0.3:
        everybody = len(record["people"])
        return "how many people are there?", NUMBERS[everybody], range(everybody)
    trait = pick(rng, TRAITS)
    who = having(record, trait)
    return None if who is None else (f"how many people {trait.plural}?", NUMBERS[len(who)], who)


def _whether(record: dict[str, Any], size: int, rng: np.random.Generator) -> _Found:
    wanted = rng.random() < 0.5  # as many yes as no
    for _ in range(8):
        trait = pick(rng, TRAITS)
        who = having(record, trait)
        if who is not None and bool(who) == wanted:
            return pick(rng, ("is there a {}?", "can you see a {}?")).format(trait.noun), "yes" if who else "no", who
    return None


def _colour(record: dict[str, Any], size: int, rng: np.random.Generator) -> _Found:
    what, attribute, needs = _COLOURED[int(rng.integers(len(_COLOURED)))]
    fitting = [
        figure for figure, who in enumerate(record["people"])
        if {attribute, *needs} <= set(who["known"]) and (what != "hat" or who["top"] in WORN)
        and (what != "hair" or who["top"] not in (*WORN, "bald"))
    ]  # fmt: skip
    if not fitting:
        return None
    figure = int(pick(rng, fitting))
    box = _box_of(record, figure, "person")
    names = [
        e["text"] for e in record["expressions"]
        if e["box"] == box and attribute not in e["claims"] and _stands_out(record, e)
    ]  # fmt: skip
    if box is not None and (not names or rng.random() < 0.3):
        names = [f"the person in {spelled(record['boxes'][box], size)}"]
    if not names:
        return None
    verb = "are" if what == "clothes" else "is"
    return f"what colour {verb} the {what} of {pick(rng, names)}?", record["people"][figure][attribute], (figure,)


def _which(record: dict[str, Any], size: int, rng: np.random.Generator) -> _Found:
    for _ in range(8):  # most traits are nobody's
        trait = pick(rng, TRAITS)
        who = having(record, trait)
        if who is not None and len(who) == 1:
            place = _place(record, who[0], size)
            return (f"which person {_third(trait.plural)}?", place, who) if place else None
    return None


def _place(record: dict[str, Any], figure: int, size: int) -> str | None:
    """Where somebody stands, counted from the nearer side; None where two stand too near each other to tell."""
    boxes = [b for b in record["boxes"] if b["part"] == "person"]
    centres = sorted(((b["x0"] + b["x1"]) / 2, b["figure"]) for b in boxes)
    if len(boxes) < len(record["people"]) or any(b[0] - a[0] < GAP * size for a, b in pairwise(centres)):
        return None
    last = len(centres) - 1
    left = [who for _, who in centres].index(figure)
    right = last - left
    if left == right:
        return "the person in the middle"
    side, nearer = ("left", left) if left < right else ("right", right)
    if nearer:
        return f"the second person from the {side}"
    return f"the person on the {side}" if last == 1 else f"the person on the far {side}"


def _stands_out(record: dict[str, Any], expression: dict[str, Any]) -> bool:
    """Whether all that the expression says can be seen of everybody: two who might both fit are not told apart."""
    return all(set(expression["claims"]) <= set(who["known"]) | _RARE for who in record["people"])


def _box_of(record: dict[str, Any], figure: int, part: str) -> int | None:
    return next((i for i, b in enumerate(record["boxes"]) if (b["figure"], b["part"]) == (figure, part)), None)


def _third(verb: str) -> str:
    for plain, third in (("wear ", "wears "), ("have ", "has "), ("are ", "is ")):
        if verb.startswith(plain):
            return third + verb.removeprefix(plain)
    return verb


_RARE = frozenset({"hair_colour", "hat_colour", "lenses"})  # not to be seen of everybody, and then it does not matter
_COLOURED = (("hair", "hair_colour", ("top",)), ("hat", "hat_colour", ("top",)), ("clothes", "clothing_colour", ()))
_KINDS: tuple[tuple[Callable[[dict[str, Any], int, np.random.Generator], Asked | None], float], ...] = (
    (refer, 0.2), (search, 0.16), (detect, 0.15), (identify, 0.1), (ask, 0.31), (grounded, 0.05), (caption, 0.03),
)  # fmt: skip
