"""Chinese captions of scenes; `grammar` decides what is said, this module how."""

from collections.abc import Sequence

import numpy as np

from playground.storybook import lexicon_zh as lexicon
from playground.storybook.claims import KINDS, ThingClaim
from playground.storybook.grammar import Caption, Plan, Writer, pick
from playground.storybook.vocabulary import first_word, means, said_synonyms

_THING = {thing.name: thing for thing in KINDS}
_SYNONYMS = {t.name: tuple(s for s in said_synonyms(t, "zh") if means(s) == t.name) for t in KINDS}


def write(plan: Plan, rng: np.random.Generator) -> Caption:
    """Put a plan into words."""
    writer = Writer(plan)
    style = _Style(plan, rng)
    said = plan.statement
    background = plan.background
    shape = rng.random()
    ending = ""
    opening, behind = _opening(rng)
    if said is None and shape < 0.22:
        _bare_list(writer, plan, style, rng)
    else:
        done = background is None
        where = rng.random()
        there = False
        writer.add(opening)
        if background is not None and where < 0.45:
            done = True
            nouns = lexicon.BACKGROUND_NOUNS.get(background)
            if nouns and where < 0.25:
                writer.add(pick(rng, nouns) + ("的" if behind else "有"))
                there = True
            else:
                writer.add(pick(rng, lexicon.BACKGROUNDS[background].said) + "，")
        if said is None:
            _listed(writer, plan, style, rng, plain=bool(opening) or there)
        else:
            _related(writer, plan, style, rng, plain=bool(opening) or there, behind=bool(behind))
        if not done and not behind:
            assert background is not None
            writer.add("，" + pick(rng, lexicon.BACKGROUNDS[background].said))
            done = True
        writer.add(behind)
        if not done:
            assert background is not None
            writer.add("，" + pick(rng, lexicon.BACKGROUNDS[background].said))
        if rng.random() < 0.4:
            ending = "。"
    made = writer.caption("zh")
    return Caption(made.text + ending, "zh", made.claims, made.spans)


class _Style:
    """Choices that one caption keeps to."""

    def __init__(self, plan: Plan, rng: np.random.Generator) -> None:
        self.rng = rng
        named = [group.thing for group in plan.groups]
        self.repeated = {name for name in named if named.count(name) > 1}  # always with its number, to tell them apart
        self.digits = bool(rng.random() < 0.2)
        self.names: dict[str, str] = {}

    def noun(self, claim: ThingClaim) -> str:
        """One of the thing's names, the same all through a caption."""
        thing = _THING[claim.thing]
        if thing.name not in self.names:
            others = _SYNONYMS[thing.name] if self.rng.random() < 0.3 else ()
            self.names[thing.name] = pick(self.rng, others) if others else thing.zh
        return self.names[thing.name]

    def phrase(self, claim: ThingClaim, bare: bool = False) -> str:
        """A noun phrase without its place: 两个红色的大气球."""
        thing, rng = _THING[claim.thing], self.rng
        noun = self.noun(claim)
        measure = thing.measure if reads_as([thing.measure, noun]) else "个"
        if claim.count is None:
            many = pick(rng, lexicon.SEVERAL.said)
            number = [many] if many == "一些" else [many, measure]
        elif claim.count == 1 and claim.thing not in self.repeated and (bare or rng.random() < 0.3):
            number = []
        else:
            number = [lexicon.NUMBERS[claim.count].said[1 if self.digits else 0], measure]
        for _ in range(8):
            look = self._look(claim)
            if reads_as([*number, *look, noun]):
                return "".join([*number, *look, noun])
        look = [lexicon.COLOURS[claim.colour].said[0]] if claim.colour is not None else []
        if claim.size is not None:
            look.insert(0, lexicon.SIZES[claim.size].said[-1])
        return "".join([*number, *look, noun])

    def _look(self, claim: ThingClaim) -> list[str]:
        rng = self.rng
        colour = [pick(rng, lexicon.COLOURS[claim.colour].said)] if claim.colour is not None else []
        size = [pick(rng, lexicon.SIZES[claim.size].said)] if claim.size is not None else []
        return [*size, *colour] if rng.random() < 0.5 else [*colour, *size]

    def again(self, claim: ThingClaim) -> str:
        """The phrase by which something is mentioned again."""
        noun = self.noun(claim)
        if claim.colour is None:
            return noun
        return lexicon.COLOURS[claim.colour].said[0] + noun


def reads_as(parts: Sequence[str]) -> bool:
    """Whether reading the longest known words first takes the text apart at these seams: 小 + 狗 is the word 小狗."""
    text = "".join(parts)
    seams, at = set(), 0
    for part in parts:
        at += len(part)
        seams.add(at)
    at = 0
    while at < len(text):
        step = first_word(text[at:]) or 1
        if any(at < seam < at + step for seam in seams):
            return False
        at += step
    return True


def _opening(rng: np.random.Generator) -> tuple[str, str]:
    """What stands before and behind: 来张…的图."""
    draw = rng.random()
    if draw < 0.5:
        return "", ""
    if draw < 0.72:
        return pick(rng, lexicon.COMMANDS), ""
    if draw < 0.88:
        return pick(rng, lexicon.AROUND)
    if draw < 0.94:
        return pick(rng, lexicon.PICTURES), ""
    return pick(rng, lexicon.THERE), ""


def _join(writer: Writer, plan: Plan, groups: Sequence[int], style: _Style, rng: np.random.Generator) -> None:
    """Noun phrases with 、 and 和."""
    for number, group in enumerate(groups):
        if number:
            writer.add(pick(rng, ("和", "和", "与", "跟", "以及")) if number == len(groups) - 1 else "、")
        writer.name(group, style.phrase(plan.groups[group]))


def _bare_list(writer: Writer, plan: Plan, style: _Style, rng: np.random.Generator) -> None:
    """猫，两个红苹果，海边; also with spaces alone."""
    joint = pick(rng, ("，", "、", "，", " "))
    bare = rng.random() < 0.6
    for number, claim in enumerate(plan.groups):
        if number:
            writer.add(joint)
        if claim.place is not None:
            writer.add(pick(rng, lexicon.PLACES[claim.place].said))
        writer.name(number, style.phrase(claim, bare=bare))
    if plan.background is not None:
        writer.add("，" + pick(rng, lexicon.BACKGROUNDS[plan.background].said))


def _listed(writer: Writer, plan: Plan, style: _Style, rng: np.random.Generator, plain: bool) -> None:
    """All groups, none related to another; those with a place in clauses of their own."""
    free = [group for group in range(len(plan.groups)) if plan.groups[group].place is None]
    placed = [group for group in range(len(plan.groups)) if plan.groups[group].place is not None]
    _join(writer, plan, free, style, rng)
    for number, group in enumerate(placed):
        claim = plan.groups[group]
        assert claim.place is not None
        if number or free:
            writer.add("，")
        word = pick(rng, lexicon.PLACES[claim.place].said)
        of = pick(rng, ("", "", "画面", "图片"))
        form = rng.random()
        if plain and not number and not free:
            writer.add(f"{of}{word}的").name(group, style.phrase(claim))
        elif form < 0.35:
            writer.name(group, style.phrase(claim)).add(f"在{of}{word}")
        elif form < 0.85:
            writer.add(f"{of}{word}{pick(rng, ('有', '是', '有', '是'))}").name(group, style.phrase(claim))
        else:
            writer.add(f"{of}{word}的").name(group, style.phrase(claim))


def _related(writer: Writer, plan: Plan, style: _Style, rng: np.random.Generator, plain: bool, behind: bool) -> None:
    """The relation in one of the ways people have, and the rest behind it."""
    said = plan.statement
    assert said is not None
    word = pick(rng, lexicon.RELATIONS[said.relation].said)
    of = "的" if rng.random() < 0.35 else ""
    subjects, rest = list(said.subjects), list(plan.rest())
    pair = said.second is not None and said.second != said.object

    def objects(again: bool = False) -> None:
        make = style.again if again else style.phrase
        writer.name(said.object, make(plan.groups[said.object]))
        if pair:
            assert said.second is not None
            writer.add("和").name(said.second, make(plan.groups[said.second]))

    form = rng.random()
    two = said.second is not None and not pair  # 两棵树之间 needs its number
    if form < 0.12 and not behind and not two and all(group.place is None for group in plan.groups):
        # Everything first, then how it stands.
        _join(writer, plan, list(range(len(plan.groups))), style, rng)
        writer.add("，")
        for number, subject in enumerate(subjects):
            writer.add("和" if number else "").name(subject, style.again(plan.groups[subject]))
        writer.add("在")
        objects(again=True)
        writer.add(of + word)
        return
    number_said = not two or plan.groups[said.object].count == 2
    if form < 0.45 and not behind and number_said:
        # The object first: 树的左边有一只猫.
        if not plain and rng.random() < 0.25:
            writer.add("在")
        objects()
        writer.add(of + word + pick(rng, ("有", "有", "是")))
        _join(writer, plan, subjects, style, rng)
    elif form < 0.58 and len(subjects) == 1 and not rest and not pair and number_said:
        # The relation as an attribute: 树左边的猫.
        objects()
        writer.add(word + "的").name(subjects[0], style.phrase(plan.groups[subjects[0]]))
    else:
        _join(writer, plan, subjects, style, rng)
        writer.add("在")
        objects()
        writer.add(of + word)
    if rest:
        writer.add(pick(rng, ("，还有", "，加", "，以及", "，")))
        free = [group for group in rest if plan.groups[group].place is None]
        placed = [group for group in rest if plan.groups[group].place is not None]
        _join(writer, plan, free, style, rng)
        for number, group in enumerate(placed):
            place = plan.groups[group].place
            assert place is not None
            if number or free:
                writer.add("，")
            writer.add(pick(rng, lexicon.PLACES[place].said) + "的").name(group, style.phrase(plan.groups[group]))


def describe(plan: Plan, rng: np.random.Generator) -> Caption:
    """All groups of the plan in one plain phrase with its background: 沙滩上有一只猫和两个红苹果."""
    writer = Writer(plan)
    style = _Style(plan, rng)
    background = plan.background
    if background is not None:
        nouns = lexicon.BACKGROUND_NOUNS.get(background)
        writer.add(nouns[0] + "有" if nouns else lexicon.BACKGROUNDS[background].said[0] + "，有")
    _join(writer, plan, list(range(len(plan.groups))), style, rng)
    return writer.caption("zh")


def noun_phrase(claim: ThingClaim, name: str, definite: bool = False) -> str:
    """A claim under one of the thing's names: 两个红色的苹果; definite without its number."""
    thing = _THING[claim.thing]
    look = [lexicon.COLOURS[claim.colour].said[0]] if claim.colour is not None else []
    if claim.size is not None:
        look.insert(0, {"small": "小小的", "large": "大大的"}.get(claim.size, "中等大小的"))
    words = "".join([*look, name])
    if definite:
        return words
    number = "几" if claim.count is None else lexicon.NUMBERS[claim.count].said[0]
    measure = thing.measure if reads_as([thing.measure, *look, name]) else "个"
    return f"{number}{measure}{words}"
