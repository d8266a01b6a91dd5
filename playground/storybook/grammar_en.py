"""English captions of scenes; `grammar` decides what is said, this module how."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from playground.storybook import lexicon_en as lexicon
from playground.storybook.claims import KINDS, ThingClaim
from playground.storybook.grammar import Caption, Plan, Writer, pick
from playground.storybook.types import Thing
from playground.storybook.vocabulary import UNCOUNTED, english_seams, is_plural_noun, means, plural_form, said_synonyms

_THING = {thing.name: thing for thing in KINDS}
_SYNONYMS = {
    t.name: tuple(s for s in said_synonyms(t, "en") if {means(s), means(plural_form(t, s))} == {t.name}) for t in KINDS
}
PAIRS = frozenset(
    {
        "glasses",
        "sunglasses",
        "scissors",
        "jeans",
        "socks",
        "shorts",
        "chopsticks",
        "ballet shoes",
        "goggles",
        "headphones",
    }
)


_DETERMINERS = frozenset(
    ("a", "an", "some", "several", *(word for phrases in lexicon.NUMBERS.values() for word in phrases.said))
)


def write(plan: Plan, rng: np.random.Generator) -> Caption:
    """Put a plan into words."""
    casual = rng.random() < 0.35
    writer = Writer(plan, _typed_quickly if casual else str)
    style = _Style(plan, rng)
    said = plan.statement
    ending = "."
    shape = rng.random()
    if said is None and shape < 0.2:
        _bare_list(writer, plan, style, rng)
        ending = ""
    else:
        opening = _opening(rng)
        background = plan.background
        nouns = lexicon.BACKGROUND_NOUNS.get(background) if background is not None else None
        where = rng.random()
        done = background is None
        if nouns and where < 0.12:
            if opening not in ("there is", ""):
                writer.add(opening + " ")
            writer.add(pick(rng, nouns) + " with ")
            done, opening = True, ""
        elif background is not None and where < 0.3:
            writer.add(pick(rng, lexicon.BACKGROUNDS[background].said) + ", ")
            done = True
            opening = opening if opening in ("there is", "") else ""
        if said is None:
            _listed(writer, plan, style, rng, opening)
        else:
            _related(writer, plan, style, rng, opening, casual, done)
        if not done:
            assert background is not None
            comma = ", " if said is not None or rng.random() < 0.25 else " "
            writer.add(comma + pick(rng, lexicon.BACKGROUNDS[background].said))
        if opening in ("can you draw", "could you draw", "would you paint"):
            ending = "?"
        elif opening in lexicon.COMMANDS and rng.random() < 0.12:
            writer.add(", please")
    capital = not casual and rng.random() < 0.45
    made = writer.caption("en")
    text = made.text
    if capital:
        text = text[0].upper() + text[1:]
        text += ending
    return Caption(text, "en", made.claims, made.spans)


class _Style:
    """Choices that one caption keeps to."""

    def __init__(self, plan: Plan, rng: np.random.Generator) -> None:
        self.rng = rng
        named = [group.thing for group in plan.groups]
        self.repeated = {name for name in named if named.count(name) > 1}  # always with a number, to tell them apart
        self.digits = bool(rng.random() < 0.2)
        self.names: dict[str, str] = {}

    def noun(self, thing: Thing, several: bool) -> str:
        """One of the thing's names, the same all through a caption."""
        name = self.names.get(thing.name)
        if name is None:
            others = _SYNONYMS[thing.name] if self.rng.random() < 0.3 else ()
            name = self.names[thing.name] = pick(self.rng, others) if others else thing.name
        return plural_form(thing, name) if several else name

    def number(self, count: int) -> str:
        return lexicon.NUMBERS[count].said[1 if self.digits else 0]

    def phrase(self, claim: ThingClaim, bare: bool = False) -> str:
        """A noun phrase without its place: "two big red apples", "a person with a red beard"."""
        words = self._phrase(claim, bare)
        return words if claim.looks is None else f"{words} {claim.looks}"

    def _phrase(self, claim: ThingClaim, bare: bool) -> str:
        thing, rng = _THING[claim.thing], self.rng
        several = claim.count is None or claim.count > 1
        noun = self.noun(thing, several)
        look: list[str] = []
        for _ in range(4):
            size = [pick(rng, lexicon.SIZES[claim.size].said)] if claim.size is not None else []
            look = [*size, *([claim.colour.value] if claim.colour is not None else [])]
            if english_seams([*look, noun]):
                break
        else:
            look = [look[0] if len(look) == 2 else "", "coloured"] if claim.colour is not None else ["very", look[0]]
            if claim.colour is not None:
                look = [word for word in (look[0], f"{claim.colour.value} coloured") if word]
        after = ""
        if claim.colour is not None and len(look) == 1 and not bare and claim.place is None and rng.random() < 0.05:
            look, after = [], f" that {'are' if several else 'is'} {claim.colour.value}"
        words = " ".join([*look, noun])
        name = self.names[thing.name]
        uncounted = name in UNCOUNTED
        pieces = f"pieces of {words}" if uncounted else f"pairs of {words}" if noun in PAIRS else words
        if claim.count is None:
            if bare and noun != name and not uncounted and rng.random() < 0.5:
                return words
            return f"{pick(rng, lexicon.SEVERAL.said[0 if noun != name else 1 :])} {pieces}{after}"
        if several:
            return f"{self.number(claim.count)} {pieces}{after}"
        if noun in PAIRS and not bare and rng.random() < 0.7:
            return f"a pair of {words}{after}"
        if uncounted and not bare and rng.random() < 0.3:
            return f"a piece of {words}{after}"
        if claim.thing in self.repeated:
            return f"{self.number(1)} {'piece of ' if uncounted else ''}{words}{after}"
        if bare or uncounted or self.plural(claim):
            return words + after
        if rng.random() < 0.12:
            return f"{self.number(1)} {words}{after}"
        return f"{article(words)} {words}{after}"

    def plural(self, claim: ThingClaim) -> bool:
        """Whether the verb is "are"."""
        several = claim.count is None or claim.count > 1
        thing = _THING[claim.thing]
        noun = self.noun(thing, several)
        return several or (thing.name == thing.plural and is_plural_noun(noun))

    def definite(self, claim: ThingClaim) -> str:
        """The phrase by which something is mentioned again: "the red apples"."""
        several = claim.count is None or claim.count > 1
        look = [claim.colour.value] if claim.colour is not None else []
        return " ".join(["the", *look, self.noun(_THING[claim.thing], several)])


def article(words: str) -> str:
    """ "a" or "an" by the sound of the first letters."""
    first = words.split()[0].lower()
    if first.startswith(("uni", "ufo", "euro", "uke", "one", "use")):
        return "a"
    return "an" if first[0] in "aeiou" or first in ("hourglass", "x") else "a"


def _typed_quickly(text: str) -> str:
    """Without capitals and punctuation."""
    return text.lower().replace(",", "").replace(".", "").replace(":", "")


def _opening(rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < 0.45:
        return ""
    if draw < 0.6:
        return "there is"
    return pick(rng, lexicon.OPENINGS if draw < 0.75 else lexicon.COMMANDS)


def _join(writer: Writer, plan: Plan, groups: Sequence[int], style: _Style, rng: np.random.Generator) -> None:
    """Noun phrases with commas and an "and"; places behind them, or before them between commas."""
    with_place = [plan.groups[group].place is not None for group in groups]
    for number, group in enumerate(groups):
        last = number == len(groups) - 1
        if number:
            comma = with_place[number - 1] or with_place[number]
            writer.add((", and " if comma else " and ") if last else ", ")
            before = writer.text
        _placed(writer, plan, group, style, rng)
        if number and not last and before.endswith(" ") and not before.endswith(", "):
            said = writer.text[len(before) :].split()[0]
            if said not in _DETERMINERS:  # typed without commas, "a cat noodles" would be some cat's noodles
                writer.insert(len(before) - 1, ",")


def _placed(writer: Writer, plan: Plan, group: int, style: _Style, rng: np.random.Generator) -> None:
    claim = plan.groups[group]
    writer.name(group, style.phrase(claim))
    if claim.place is not None:
        writer.add(" " + pick(rng, lexicon.PLACES[claim.place].said))


def _bare_list(writer: Writer, plan: Plan, style: _Style, rng: np.random.Generator) -> None:
    """ "cat, two red apples, beach"."""
    articles = rng.random() < 0.3
    joint = " and " if rng.random() < 0.25 else ", "
    for number, claim in enumerate(plan.groups):
        if number and joint == ", " and not articles:
            writer.text += ", "  # stays, typed however quickly: bare nouns side by side are one noun
        elif number:
            writer.add(joint)
        writer.name(number, style.phrase(claim, bare=not articles))
        if claim.place is not None:
            writer.add(" " + pick(rng, lexicon.PLACES[claim.place].said))
    if plan.background is not None:
        writer.text += ", "
        writer.add(pick(rng, lexicon.BACKGROUNDS[plan.background].said))


def _listed(writer: Writer, plan: Plan, style: _Style, rng: np.random.Generator, opening: str) -> None:
    """All groups, none related to another; sometimes each with its place before it."""
    groups = list(range(len(plan.groups)))
    if opening == "there is":
        _there(writer, style, plan.groups[0], rng)
    elif opening:
        writer.add(opening + " ")
    elif all(plan.groups[group].place is not None for group in groups) and rng.random() < 0.5:
        for number, group in enumerate(groups):
            place = plan.groups[group].place
            assert place is not None
            if number:
                writer.add(pick(rng, (", ", " and ", ", and ")))
            writer.add(pick(rng, lexicon.PLACES[place].said))
            be = "are" if style.plural(plan.groups[group]) else "is"
            writer.add(pick(rng, (f" there {be} ", ", ", f" {be} ", " ")))
            writer.name(group, style.phrase(plan.groups[group]))
        return
    _join(writer, plan, groups, style, rng)


def _there(writer: Writer, style: _Style, first: ThingClaim, rng: np.random.Generator) -> None:
    be = "are" if style.plural(first) else "is"
    writer.add(pick(rng, (f"there {be} ", f"there {be} ", "i see ", f"here {be} ", "we see ", "it shows ")))


def _related(
    writer: Writer, plan: Plan, style: _Style, rng: np.random.Generator, opening: str, casual: bool, done: bool
) -> None:
    """The relation in one of the ways people have, and the rest behind it."""
    said = plan.statement
    assert said is not None
    words = pick(rng, lexicon.RELATIONS[said.relation].said)
    subjects = list(said.subjects)
    several = len(subjects) > 1 or style.plural(plan.groups[subjects[0]])
    be = "are" if several else "is"
    rest = list(plan.rest())
    form = rng.random()
    pair = said.second is not None and said.second != said.object

    def objects(definite: bool = False) -> None:
        make = style.definite if definite else style.phrase
        if said.second is not None and not pair:
            claim = plan.groups[said.object]
            two = style.phrase(replace(claim, count=2))
            writer.name(said.object, ("the " if definite else pick(rng, ("", "the "))) + two)
            return
        writer.name(said.object, make(plan.groups[said.object]))
        if pair:
            assert said.second is not None
            writer.add(" and ").name(said.second, make(plan.groups[said.second]))

    if form < 0.12 and not casual and not (said.second is not None):
        # Everything first, then how it stands.
        if opening == "there is":
            _there(writer, style, plan.groups[0], rng)
        elif opening:
            writer.add(opening + " ")
        _join(writer, plan, list(range(len(plan.groups))), style, rng)
        writer.add(pick(rng, (". the ", "; the ")))
        names = [style.definite(plan.groups[subject])[4:] for subject in subjects]
        for number, (subject, name) in enumerate(zip(subjects, names, strict=True)):
            writer.add(" and the " if number else "").name(subject, name)
        writer.add(f" {be} {words} ")
        objects(definite=True)
        return
    if form < 0.27 and not (casual and rest):
        # The object first: "under a moon there is a cat".
        inverted = "are" if style.plural(plan.groups[subjects[0]]) else "is"
        writer.add(words + " ")
        objects()
        writer.add(pick(rng, (f" there {inverted} ", ", ", f" {inverted} ")))
        _join(writer, plan, subjects, style, rng)
        if rest:
            writer.add(". there is also " if rng.random() < 0.5 else ". also ")
            _join(writer, plan, rest, style, rng)
        return
    alone = plan.groups[said.object].count == 1 and not style.plural(plan.groups[said.object])
    plain_opening = opening in ("", "there is", *lexicon.COMMANDS)
    if form < 0.37 and said.second is None and not rest and alone and plain_opening:
        # The object first, and taken up again: "a tree with a cat next to it".
        if opening == "there is":
            _there(writer, style, plan.groups[said.object], rng)
        elif opening:
            writer.add(opening + " ")
        writer.name(said.object, style.phrase(plan.groups[said.object])).add(" with ")
        _join(writer, plan, subjects, style, rng)
        writer.add(f" {words} it")
        return
    if opening == "there is":
        _there(writer, style, plan.groups[subjects[0]], rng)
    elif opening:
        writer.add(opening + " ")
    _join(writer, plan, subjects, style, rng)
    sentence = not opening and rng.random() < 0.35
    writer.add(f" {be} {words} " if sentence else f" {words} ")
    objects()
    if rest:
        writer.add(pick(rng, (", with ", " with ", " and there is ", ", plus also ")))
        _join(writer, plan, rest, style, rng)


def describe(plan: Plan, rng: np.random.Generator) -> Caption:
    """All groups of the plan in one plain phrase with its background: "a cat and two red apples on the beach"."""
    writer = Writer(plan)
    style = _Style(plan, rng)
    _join(writer, plan, list(range(len(plan.groups))), style, rng)
    if plan.background is not None:
        writer.add(" " + lexicon.BACKGROUNDS[plan.background].said[0])
    return writer.caption("en")


def noun_phrase(claim: ThingClaim, name: str, definite: bool = False) -> str:
    """A claim under one of the thing's names: "two red apples", "the big red apple", "an apple"."""
    thing = _THING[claim.thing]
    several = claim.count is None or claim.count > 1
    noun = plural_form(thing, name) if several else name
    look = [{"large": "big"}.get(claim.size, claim.size)] if claim.size is not None else []
    look += [claim.colour.value] if claim.colour is not None else []
    if not english_seams([*look, noun]):
        look = [word if word in ("big", "small") else f"{word} coloured" for word in map(str, look)]
    words = " ".join([*map(str, look), noun])
    if definite:
        return f"the {words}"
    if claim.count is not None and claim.count > 1:
        return f"{lexicon.NUMBERS[claim.count].said[0]} {words}"
    if several or name in UNCOUNTED or (thing.name == thing.plural and is_plural_noun(noun)):
        return words
    return f"{article(words)} {words}"
