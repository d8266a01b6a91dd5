"""How well `storybook-diffusion` draws what it is asked for, by `storybook-judge`, row by row of its card.

Prompts are made here in plain sentences, one kind of claim a row, from things and pairs of things that no training
scene put together; the paraphrases were written by hand. Each is drawn once with a seed of its own.

Invariants:
    A claim counts as met where `claims.checks` finds it in the scene that the judge reads in the picture.
    The judge's own accuracy on true scenes stands beside the rows: nothing can measure better than that.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from playground.storybook.claims import Claims, RelationClaim, ThingClaim, checks, from_json
from playground.storybook.judge import StorybookJudge
from playground.storybook.scenes import is_held_out
from playground.storybook.things import THINGS
from playground.storybook.types import Background, Colour, Relation, Thing

PARAPHRASES = Path(__file__).resolve().parents[3] / "assets" / "storybook" / "paraphrases.json"
COUNTS = (2, 3, 4)
_NUMBERS = {"en": {2: "two", 3: "three", 4: "four"}, "zh": {2: "两", 3: "三", 4: "四"}}
_SIDES = {
    Relation.LEFT_OF: ("to the left of", "左边"),
    Relation.RIGHT_OF: ("to the right of", "右边"),
    Relation.ABOVE: ("above", "上面"),
    Relation.BELOW: ("below", "下面"),
}
_COLOURS_ZH = dict(zip(Colour, ("红色", "橙色", "黄色", "绿色", "蓝色", "紫色", "粉色", "黑色"), strict=True))
_GROUNDS = {
    Background.DAY_SKY: ("in the sky", "在天空中"),
    Background.SUNSET: ("at sunset", "在夕阳下"),
    Background.NIGHT_SKY: ("at night", "在夜里"),
    Background.GRASS: ("on the grass", "在草地上"),
    Background.BEACH: ("on the beach", "在沙滩上"),
    Background.SEA: ("at sea", "在海上"),
    Background.SNOW: ("in the snow", "在雪地里"),
    Background.DESERT: ("in the desert", "在沙漠里"),
    Background.ROOM: ("in a room", "在房间里"),
    Background.TABLE: ("on a table", "在桌子上"),
}


@dataclass(frozen=True)
class Prompt:
    """A text, what it asks for, and which kinds of checks its row counts."""

    text: str
    claims: Claims
    kinds: tuple[str, ...]


def english(thing: Thing, words: str = "") -> str:
    """ "a red car": the thing with its article and words before it."""
    phrase = f"{words} {thing.name}".strip()
    return f"{'an' if phrase[0].lower() in 'aeiou' else 'a'} {phrase}"


def chinese(thing: Thing, words: str = "") -> str:
    """ "一辆红色的汽车": the thing with its measure word and words before it."""
    return f"一{thing.measure}{words + '的' if words else ''}{thing.zh}"


def rows(count: int, language: str, things: Sequence[int], seed: int = 0) -> dict[str, list[Prompt]]:
    """Prompts of each row of the card but the paraphrases.

    Args:
        count: prompts a row.
        language: "en" or "zh".
        things: indices of the things the model promises to draw.
        seed: decides which.
    """
    rng = np.random.default_rng((83, seed))
    one = english if language == "en" else chinese
    joint = " and " if language == "en" else "和"
    painted = [index for index in things if THINGS[index].recolourable]

    def thing(among: Sequence[int] = things) -> Thing:
        return THINGS[int(rng.choice(among))]

    def pair(among: Sequence[int] = things) -> tuple[Thing, Thing]:
        while True:
            a, b = (int(index) for index in rng.choice(among, 2, replace=False))
            if is_held_out(a, b):
                return THINGS[a], THINGS[b]

    def single() -> Prompt:
        a = thing()
        return Prompt(one(a), Claims((ThingClaim(a.name),)), ("thing",))

    def both() -> Prompt:
        a, b = pair()
        return Prompt(one(a) + joint + one(b), Claims((ThingClaim(a.name), ThingClaim(b.name))), ("thing",))

    def coloured() -> Prompt:
        (a, b), (c, d) = pair(painted), (list(Colour)[i] for i in rng.choice(len(Colour), 2, replace=False))
        said = (c.value, d.value) if language == "en" else (_COLOURS_ZH[c], _COLOURS_ZH[d])
        claims = Claims((ThingClaim(a.name, colour=c), ThingClaim(b.name, colour=d)))
        return Prompt(one(a, said[0]) + joint + one(b, said[1]), claims, ("colour",))

    def counted() -> Prompt:
        a, number = thing(), int(rng.integers(1, 5))
        if number == 1:
            text = one(a)
        elif language == "en":
            text = f"{_NUMBERS['en'][number]} {a.plural}"
        else:
            text = f"{_NUMBERS['zh'][number]}{a.measure}{a.zh}"
        return Prompt(text, Claims((ThingClaim(a.name, number),)), ("count",))

    def placed() -> Prompt:
        (a, b), relation = pair(), list(_SIDES)[int(rng.integers(4))]
        side = _SIDES[relation]
        text = f"{one(a)} {side[0]} {one(b)}" if language == "en" else f"{one(a)}在{one(b)}的{side[1]}"
        claims = Claims((ThingClaim(a.name), ThingClaim(b.name)), (RelationClaim(0, relation, 1),))
        return Prompt(text, claims, ("relation",))

    def grounded() -> Prompt:
        a, ground = thing(), list(_GROUNDS)[int(rng.integers(len(_GROUNDS)))]
        said = _GROUNDS[ground]
        text = f"{one(a)} {said[0]}" if language == "en" else f"{one(a)}{said[1]}"
        return Prompt(text, Claims((ThingClaim(a.name),), (), ground), ("background",))

    makers: dict[str, Callable[[], Prompt]] = {
        "one thing": single, "two things, held-out pairs": both, "colour on the right thing": coloured,
        "count of 1 to 4": counted, "left, right, above, below": placed, "background": grounded,
    }  # fmt: skip
    return {name: [make() for _ in range(count)] for name, make in makers.items()}


def paraphrases(language: str) -> list[Prompt]:
    """The hand-written prompts of a language; what counts is that the things are there."""
    written = json.loads(PARAPHRASES.read_text(encoding="utf-8"))["prompts"][language]
    return [Prompt(one["text"], from_json(one["claims"]), ("thing",)) for one in written]


def share(prompts: Sequence[Prompt], pictures: Tensor, judge: StorybookJudge) -> float:
    """The share of prompts of which every check of the row's kinds holds.

    Args:
        prompts: N of them.
        pictures: (N, 3, S, S) in -1..1.
        judge: reads the pictures.
    """
    met = []
    for prompt, scene in zip(prompts, judge.read(pictures), strict=True):
        found = [check.holds for check in checks(prompt.claims, scene) if check.kind in prompt.kinds]
        met.append(all(found))
    return float(np.mean(met))


def evaluate(
    draw: Callable[[list[str], int], Tensor], judge: StorybookJudge, things: Sequence[int], count: int = 100,
    batch: int = 50,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """The table: row by row, English beside Chinese.

    Args:
        draw: texts and a first seed to pictures (N, 3, S, S) in -1..1.
        judge: reads them.
        things: indices of the things the model promises to draw.
        count: prompts a row and language.
        batch: pictures drawn at once.
    """
    table: dict[str, dict[str, float]] = {}
    for language in ("en", "zh"):
        for name, prompts in (rows(count, language, things) | {"paraphrases": paraphrases(language)}).items():
            parts = [
                draw([prompt.text for prompt in prompts[start : start + batch]], start)
                for start in range(0, len(prompts), batch)
            ]
            with torch.no_grad():
                table.setdefault(name, {})[language] = share(prompts, torch.cat(parts), judge)
    return table
