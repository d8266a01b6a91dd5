"""Expressions that point at one person or thing of a group picture.

Invariants: an expression is made only if it fits exactly one thing in the picture. "Fits" is judged by
the truth, not by what is visible (somebody whose beard is hidden still counts as bearded), and generously (an afro is
curly too); places and sizes are named only where they differ clearly.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from playground.drawn_world.attributes import BEARDS, HATS, FacialHair, Glasses, HairColour, Person, Skin, Top
from playground.drawn_world.captions import pick, topic
from playground.drawn_world.phrases import Claims, Saying, agrees, sayings
from playground.drawn_world.sampling import EXPRESSIONS, stream
from playground.drawn_world.scenes import LEGIBLE, PARTS, Group

_ORDINALS = ("", "first", "second", "third", "fourth", "fifth")
GAP = 0.08  # of the picture's side: places nearer than that are not told apart
_LARGER = 1.25  # heights nearer than that ratio are not told apart

_TOPS: dict[StrEnum, tuple[StrEnum, ...]] = {
    Top.BALD: (Top.MOHAWK,),
    Top.SHORT: (Top.SPIKY, Top.MOHAWK, Top.BUN, Top.PONYTAIL, Top.PIGTAILS),
    Top.CURLY: (Top.AFRO, Top.PIGTAILS, Top.LONG_WAVY),
    Top.AFRO: (Top.CURLY,),
    Top.LONG_STRAIGHT: (Top.LONG_WAVY, Top.BOB),
    Top.LONG_WAVY: (Top.LONG_STRAIGHT, Top.CURLY),
}
_BEARDS: dict[StrEnum, tuple[StrEnum, ...]] = {
    FacialHair.SHORT_BEARD: (FacialHair.FULL_BEARD,),
    FacialHair.FULL_BEARD: (FacialHair.SHORT_BEARD, FacialHair.LONG_BEARD),
    FacialHair.LONG_BEARD: (FacialHair.FULL_BEARD,),
}
_SKINS: dict[StrEnum, tuple[StrEnum, ...]] = {
    skin: tuple(Skin)[max(index - 1, 0) : index + 2] for index, skin in enumerate(Skin)
}
_HAIRS: dict[StrEnum, tuple[StrEnum, ...]] = {
    HairColour.BLACK: (HairColour.BROWN,),
    HairColour.BROWN: (HairColour.BLACK,),
}
# What somebody might also call by this word. One table an attribute: "brown" is a skin and a hair colour.
_NEAR = {"top": _TOPS, "facial_hair": _BEARDS, "skin": _SKINS, "hair_colour": _HAIRS}


@dataclass(frozen=True)
class Expression:
    """A noun phrase that fits one thing of the picture: `box` is an index into `Group.boxes`."""

    text: str
    box: int
    kind: str  # "attribute", "position", "both" or "part"
    claims: Claims  # what it says of the person, empty for pure positions


def expressions(group: Group, seed: int, most: int = 3) -> list[Expression]:
    """At most `most` expressions of each kind for every listed thing of the picture, drawn by the seed."""
    rng = stream(seed, EXPRESSIONS)
    found: list[Expression] = []
    names: dict[int, list[str]] = {}
    for figure in range(len(group.figures)):
        box = group.box_of(figure)
        if box is None:
            continue
        mine: list[Expression] = []
        for kind in (_by_attribute(group, figure, box), _by_position(group, figure, box), _both(group, figure, box)):
            mine += [kind[i] for i in rng.permutation(len(kind))[:most]]
        found += mine
        names[figure] = [expression.text for expression in mine]
    for index, box_ in enumerate(group.boxes):
        if box_.part == "person":
            continue
        if sum(has_part(figure.person, box_.part) for figure in group.figures) == 1:
            found.append(Expression(_article(box_.part), index, "part", {}))
        elif names.get(box_.figure):
            text = f"{_article(box_.part)} of {pick(rng, names[box_.figure])}"
            found.append(Expression(text, index, "part", {}))
    return found


def true_sayings(group: Group, figure: int) -> list[Saying]:
    """What may be said of this figure in one phrase: true, visible, and legible at its size."""
    here = group.figures[figure]
    true = [saying for saying in sayings(here.person, here.known) if saying.phrase.role != "setting"]
    if here.height < LEGIBLE:  # the frame's shape is a matter of two pixels
        coarse = {"none": frozenset({Glasses.NONE}), "any": frozenset({Glasses.ROUND, Glasses.SQUARE})}.values()
        true = [s for s in true if all(name != "glasses" or values in coarse for name, values in s.claims)]
    return true


def as_person(saying: Saying) -> str:
    """The saying as a noun phrase without article: "bald person", "person with a beard"."""
    if saying.phrase.role == "adjective":
        return f"{saying.text} person"
    return f"person {saying.phrase.role} {saying.text}"


def has_part(person: Person, part: str) -> bool:
    """Whether this person has that part at all, seen or not."""
    assert part in PARTS
    return {
        "glasses": person.glasses is not Glasses.NONE,
        "hat": person.top in HATS,
        "beard": person.facial_hair in BEARDS,
        "moustache": person.facial_hair is FacialHair.MOUSTACHE,
    }.get(part, True)


def _article(part: str) -> str:
    return f"the {part}"


def _fitting(group: Group, claims: Claims) -> list[int]:
    """Everybody whom these words fit, or nearly fit."""
    wide = {
        name: values.union(*(_NEAR.get(name, {}).get(value, ()) for value in values))
        for name, values in claims.items()
    }
    return [i for i, figure in enumerate(group.figures) if agrees(figure.person, wide)]


def _by_attribute(group: Group, figure: int, box: int) -> list[Expression]:
    """By one attribute that nobody else has, or by two that nobody else has together."""
    true = true_sayings(group, figure)
    single = [s for s in true if _fitting(group, dict(s.claims)) == [figure]]
    found = [Expression(f"the {as_person(s)}", box, "attribute", dict(s.claims)) for s in single]
    shared = [s for s in true if s not in single and s.phrase.role != "adjective" and not s.text.startswith("no ")]
    for i, a in enumerate(shared):
        for b in shared[i + 1 :]:
            if a.phrase.role == b.phrase.role and topic(a) != topic(b) and not dict(a.claims).keys() & dict(b.claims):
                claims = dict(a.claims) | dict(b.claims)
                if _fitting(group, claims) == [figure]:
                    found.append(Expression(f"the {as_person(a)} and {b.text}", box, "attribute", claims))
    return found


def _by_position(group: Group, figure: int, box: int) -> list[Expression]:
    texts: list[str] = []
    count = len(group.figures)
    across = _ranks(group, list(range(count)), axis=0)
    if across:
        rank = across.index(figure)
        if rank == 0:
            texts += ["the leftmost person", "the person on the left" if count == 2 else "the person on the far left"]
        if rank == count - 1:
            texts += [
                "the rightmost person",
                "the person on the right" if count == 2 else "the person on the far right",
            ]
        if count % 2 and rank == count // 2:
            texts.append("the person in the middle")
        if 0 < rank < count - 1:
            texts += [
                f"the {_ORDINALS[rank + 1]} person from the left",
                f"the {_ORDINALS[count - rank]} person from the right",
            ]
    down = _ranks(group, list(range(count)), axis=1)
    if down and down[0] == figure:
        texts.append("the person at the top")
    if down and down[-1] == figure:
        texts.append("the person at the bottom")
    heights = sorted((place.height, i) for i, place in enumerate(group.figures))
    if heights[-1][1] == figure and heights[-1][0] >= _LARGER * heights[-2][0]:
        texts.append("the biggest person")
    if heights[0][1] == figure and heights[0][0] * _LARGER <= heights[1][0]:
        texts.append("the smallest person")
    return [Expression(text, box, "position", {}) for text in texts]


def _both(group: Group, figure: int, box: int) -> list[Expression]:
    """The left or right one of exactly two whom one attribute fits."""
    found = []
    for saying in true_sayings(group, figure):
        fitting = _fitting(group, dict(saying.claims))
        order = _ranks(group, fitting, axis=0) if len(fitting) == 2 else []
        if order and len(group.figures) > 2:
            side = ("left", "right")[order.index(figure)]
            found.append(Expression(f"the {as_person(saying)} on the {side}", box, "both", dict(saying.claims)))
    return found


def _ranks(group: Group, figures: list[int], axis: int) -> list[int]:
    """The figures in the order of their centres along x (0) or y (1); empty where two are too near to tell."""
    size = group.picture.shape[0]

    def centre(i: int) -> float:
        place = group.figures[i]
        return place.y + place.height / 2 if axis else place.x + place.height * 264 / 280 / 2

    order = sorted(figures, key=centre)
    if any(centre(b) - centre(a) < GAP * size for a, b in pairwise(order)):
        return []
    return order
