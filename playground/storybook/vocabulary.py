"""All words of the Storybook world with what they mean, for captions, for reading prompts and for "words I know".

Invariants:
    A phrase has one entry per meaning; where two meanings share a word ("orange", 左边), the reader decides by what
    stands beside it.
    English phrases are looked up as lower-case words without accents, hyphens or apostrophes.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from playground.storybook import lexicon_en, lexicon_zh, prompt_words
from playground.storybook.claims import KINDS
from playground.storybook.types import Background, Relation, Thing

RELATED = Path(__file__).resolve().parents[2] / "assets" / "storybook" / "related.json"
LANGUAGES = ("en", "zh")
HAN = re.compile(r"[㐀-鿿豈-﫿〇]")


class Kind(StrEnum):
    """What a word does in a text."""

    THING = "thing"
    NUMBER = "number"
    SEVERAL = "several"
    NONE = "none"
    SIZE = "size"
    COLOUR = "colour"
    OTHER_COLOUR = "other colour"
    PLACE = "place"
    RELATION = "relation"  # English, before its object
    SIDE = "side"  # Chinese, behind its object; alone it is a place
    VERB = "verb"  # Chinese, before its object
    BACKGROUND = "background"
    MEASURE = "measure"
    ARTICLE = "article"
    DEFINITE = "definite"
    PRONOUN = "pronoun"
    AND = "and"
    COMMA = "comma"
    STOP = "stop"
    IS = "is"
    HAS = "has"
    AT = "at"  # 在
    OF = "of"  # 的
    EACH_OTHER = "each other"
    FILLER = "filler"
    QUALITY = "quality"
    UNKNOWN = "unknown"


# English nouns that are not counted: "bread", "a piece of cheese"; "some bread" is one.
_UNCOUNTED = """
bread popcorn cheese broccoli corn rice spaghetti sushi bacon garlic butter milk wine coffee honey salt ice
juice meat soup chocolate lightning luggage money cash yarn wool thread rope tennis badminton bowling maize
dynamite medicine pasta champagne cola lavender bamboo soap toast steak curling denim shortcake
"""
UNCOUNTED = frozenset(_UNCOUNTED.split()) | {
    "red wine",
    "ping pong",
    "French bread",
    "canned food",
    "milk tea",
    "bubble tea",
    "meat on the bone",
    "toilet paper",
}


@dataclass(frozen=True)
class Meaning:
    """One entry of the vocabulary.

    Attributes:
        kind: what it does.
        value: for a thing its name; a number, size, colour, place, relation or background; (place, relation) for SIDE.
        plural: for a thing, whether this form means several.
    """

    kind: Kind
    value: Any = None
    plural: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """What can be looked up.

    Attributes:
        english: first word → the phrases that begin with it, longest first, with their meanings.
        chinese: phrase → meanings.
        longest: characters of the longest Chinese phrase.
        related: words that are no names → names of the nearest things.
    """

    english: dict[str, list[tuple[tuple[str, ...], tuple[Meaning, ...]]]]
    chinese: dict[str, tuple[Meaning, ...]]
    longest: int
    related: dict[str, tuple[str, ...]]


_IRREGULAR = {
    "mouse": "mice",
    "goose": "geese",
    "tooth": "teeth",
    "foot": "feet",
    "man": "men",
    "woman": "women",
    "child": "children",
    "knife": "knives",
    "leaf": "leaves",
    "wolf": "wolves",
    "calf": "calves",
    "loaf": "loaves",
    "scarf": "scarves",
    "person": "people",
    "ox": "oxen",
    "sheep": "sheep",
    "deer": "deer",
    "fish": "fish",
    "moose": "moose",
    "squid": "squid",
    "bison": "bison",
    "shrimp": "shrimp",
    "aircraft": "aircraft",
    "spacecraft": "spacecraft",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "hero": "heroes",
    "mango": "mangoes",
    "volcano": "volcanoes",
    "mosquito": "mosquitoes",
    "bookshelf": "bookshelves",
    "elf": "elves",
    "thief": "thieves",
    "shelf": "shelves",
    "half": "halves",
    "die": "dice",
    "cactus": "cacti",
    "octopus": "octopuses",
}


# Names and synonyms that mean something else far more often: neither said nor read.
_MISLEADING = """
sweet world paper painting present pick net balance mobile can tin bang brush glitter mail plaster 画 家 结 报 面 兵
包 盘
"""
MISLEADING = frozenset(_MISLEADING.split())


def plural_of(noun: str) -> str:
    """The English plural of a noun or of a noun phrase that ends in it."""
    for joint in (" of ", " with ", " on ", " in "):
        if joint in noun:
            first, rest = noun.split(joint, 1)
            return f"{plural_of(first)}{joint}{rest}"
    head, _, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith(("man",)) and last not in ("human", "german"):
        last = last[:-2] + "en"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        last += "es"
    else:
        last += "s"
    return f"{head} {last}" if head else last


def said_synonyms(thing: Thing, language: str) -> tuple[str, ...]:
    """The synonyms that captions use: none that means something else, no plural of the name."""
    names = thing.zh_synonyms if language == "zh" else thing.synonyms
    return tuple(name for name in names if name not in MISLEADING and name != thing.plural)


def plural_form(thing: Thing, name: str) -> str:
    """The plural of one of a thing's English names; "trousers" is its own."""
    if name == thing.name:
        return thing.plural
    if thing.name == thing.plural and is_plural_noun(name):
        return name
    return plural_of(name)


def is_plural_noun(noun: str) -> bool:
    """Whether an English noun looks plural as it stands: "trousers", not "glass" and not "bunch of grapes"."""
    head = noun.split(" of ")[0]
    return head.endswith("s") and not head.endswith(("ss", "us"))


def words_of(text: str) -> tuple[str, ...]:
    """An English phrase as it is looked up: lower case, no accents, taken apart at hyphens and apostrophes."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return tuple(
        re.findall(
            r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)).replace("’", "'").replace("'", "")
        )
    )


@cache
def vocabulary() -> Vocabulary:
    """The whole vocabulary, built once."""
    english: dict[tuple[str, ...], list[Meaning]] = {}
    chinese: dict[str, list[Meaning]] = {}

    def add(phrases: Iterable[str], meaning: Meaning) -> None:
        for phrase in phrases:
            if HAN.search(phrase) or not words_of(phrase):
                entry = chinese.setdefault(phrase.lower(), [])
            else:
                entry = english.setdefault(words_of(phrase), [])
            if all(known.kind is not meaning.kind for known in entry):
                entry.append(meaning)

    for thing in KINDS:  # names before synonyms: "dragon" is its own thing before it is another's
        add((thing.name, thing.zh), Meaning(Kind.THING, thing.name))
    for thing in KINDS:
        add((thing.plural,), Meaning(Kind.THING, thing.name, plural=True))
    for thing in KINDS:
        add((*said_synonyms(thing, "en"), *said_synonyms(thing, "zh")), Meaning(Kind.THING, thing.name))
    for thing in KINDS:  # behind every singular: "glasses" is a thing before it is the plural of "glass"
        plurals = (plural_form(thing, name) for name in (thing.name, *said_synonyms(thing, "en")))
        add(plurals, Meaning(Kind.THING, thing.name, plural=True))
        add((thing.measure,), Meaning(Kind.MEASURE))
    for lexicon in (lexicon_en, lexicon_zh):
        for number, phrases in lexicon.NUMBERS.items():
            add(phrases.all, Meaning(Kind.NUMBER, number))
        for number, phrases in lexicon.TOO_MANY.items():
            add(phrases.all, Meaning(Kind.NUMBER, number))
        add(lexicon.SEVERAL.all, Meaning(Kind.SEVERAL))
        add(lexicon.NONE.all, Meaning(Kind.NONE))
        for size, phrases in lexicon.SIZES.items():
            add(phrases.all, Meaning(Kind.SIZE, size))
        for colour, phrases in lexicon.COLOURS.items():
            for phrase in phrases.all:
                tinted = () if HAN.search(phrase) else (f"{phrase} coloured", f"{phrase} colored")
                add((phrase, *tinted), Meaning(Kind.COLOUR, colour))
        for phrase, near in lexicon.OTHER_COLOURS.items():
            add((phrase,), Meaning(Kind.OTHER_COLOUR, near))
        for background, phrases in lexicon.BACKGROUNDS.items():
            add(phrases.all, Meaning(Kind.BACKGROUND, background))
        for background, nouns in lexicon.BACKGROUND_NOUNS.items():
            add(nouns, Meaning(Kind.BACKGROUND, background))
    for place, phrases in lexicon_en.PLACES.items():
        add(phrases.all, Meaning(Kind.PLACE, place))
    for relation, phrases in lexicon_en.RELATIONS.items():
        add(phrases.all, Meaning(Kind.RELATION, relation))
    sides: dict[str, list[Any]] = {}
    for place, phrases in lexicon_zh.PLACES.items():
        for phrase in phrases.all:
            sides.setdefault(phrase, [None, None])[0] = place
    for relation, phrases in lexicon_zh.RELATIONS.items():
        for phrase in phrases.all:
            sides.setdefault(phrase, [None, None])[1] = relation
    for phrase, (place, relation) in sides.items():
        add((phrase,), Meaning(Kind.SIDE, (place, relation)))
    for relation, verbs in lexicon_zh.RELATION_VERBS.items():
        add(verbs, Meaning(Kind.VERB, relation))
    for kind, words in _FUNCTION_WORDS.items():
        add(words, Meaning(kind))
    add(prompt_words.QUALITY, Meaning(Kind.QUALITY))
    add(lexicon_zh.MEASURES, Meaning(Kind.MEASURE))
    for filler in (*lexicon_en.FILLERS, *lexicon_zh.FILLERS):
        key = filler.lower() if HAN.search(filler) else words_of(filler)
        if key not in chinese and key not in english:
            add((filler,), Meaning(Kind.FILLER))
    related = _related()
    for word in related:
        key = word if HAN.search(word) else words_of(word)
        if key and key not in chinese and key not in english:
            add((word,), Meaning(Kind.UNKNOWN, word))
            if not HAN.search(word):
                add((plural_of(word),), Meaning(Kind.UNKNOWN, word))
    tree: dict[str, list[tuple[tuple[str, ...], tuple[Meaning, ...]]]] = {}
    for words, meanings in sorted(english.items(), key=lambda entry: -len(entry[0])):
        tree.setdefault(words[0], []).append((words, tuple(meanings)))
    known = {phrase: tuple(meanings) for phrase, meanings in chinese.items()}
    return Vocabulary(tree, known, max(map(len, known)), related)


def means(noun: str) -> str | None:
    """The name of the thing that this noun is read as first, in either language; None for other words."""
    known = vocabulary()
    if HAN.search(noun):
        meanings = known.chinese.get(noun.lower(), ())
    else:
        phrase = words_of(noun)
        meanings = next((found for words, found in known.english.get(phrase[0], ()) if words == phrase), ())
    return str(meanings[0].value) if meanings and meanings[0].kind is Kind.THING else None


def first_word(run: str) -> int:
    """How many characters the first known phrase of a run of Chinese takes; 0 where none begins it.

    Of all ways to begin, the one is taken that together with the longest phrase behind it covers most, and of those
    the longest: 画 + 笔记本电脑 before 画笔 + 记, but 猫头鹰 before 猫.
    """
    known = vocabulary()
    best, reach = 0, 0
    for size in range(min(known.longest, len(run)), 0, -1):
        if run[:size] in known.chinese:
            covered = size + _longest(run[size : size + known.longest])
            if covered > reach:
                best, reach = size, covered
    return best


def _longest(run: str) -> int:
    known = vocabulary().chinese
    return next((size for size in range(len(run), 0, -1) if run[:size] in known), 0)


def english_seams(parts: Sequence[str]) -> bool:
    """Whether English phrases side by side keep their meanings: "little" and "girl" are the phrase "little girl"."""
    known = vocabulary()
    ends: set[int] = set()
    words: list[str] = []
    for part in parts:
        words += words_of(part)
        ends.add(len(words))
    at = 0
    while at < len(words):
        for phrase, _ in known.english.get(words[at], ()):
            if tuple(words[at : at + len(phrase)]) == phrase:
                if any(at < end < at + len(phrase) for end in ends):
                    return False
                at += len(phrase)
                break
        else:
            at += 1
    return True


@cache
def words(language: str) -> tuple[str, ...]:
    """All phrases of one language ("en" or "zh") that the world understands, sorted, quality words aside."""
    known = vocabulary()
    silent = {Kind.QUALITY, Kind.UNKNOWN}
    if language == "zh":
        found = {p for p, meanings in known.chinese.items() if HAN.search(p) and meanings[0].kind not in silent}
    else:
        found = {
            " ".join(phrase)
            for entries in known.english.values()
            for phrase, meanings in entries
            if meanings[0].kind not in silent
        }
    return tuple(sorted(found))


def chips(language: str) -> dict[str, tuple[str, ...]]:
    """Words for a person to pick from: things by group, then numbers, colours, sizes, relations and backgrounds."""
    zh = language == "zh"
    lexicon = lexicon_zh if zh else lexicon_en
    groups: dict[str, list[str]] = {}
    for thing in KINDS:
        groups.setdefault(thing.group, []).append(thing.zh if zh else thing.name)
    found = {group: tuple(names) for group, names in groups.items()}
    found["number"] = tuple(phrases.said[0] for phrases in lexicon.NUMBERS.values())
    found["colour"] = tuple(phrases.said[0] for phrases in lexicon.COLOURS.values())
    found["size"] = tuple(phrases.said[0] for phrases in lexicon.SIZES.values() if phrases.said)
    found["relation"] = tuple(lexicon.RELATIONS[relation].said[0] for relation in Relation)
    found["background"] = tuple(lexicon.BACKGROUNDS[background].said[0] for background in Background)
    return found


def _related() -> dict[str, tuple[str, ...]]:
    if not RELATED.exists():
        return {}
    names = {thing.name for thing in KINDS}
    table = json.loads(RELATED.read_text(encoding="utf-8"))
    found = {}
    for language in LANGUAGES:
        for word, things in table[language].items():
            known = tuple(name for name in things if name in names)
            if known:
                found[word] = known
    return found


_FUNCTION_WORDS: dict[Kind, tuple[str, ...]] = {
    Kind.ARTICLE: ("a", "an"),
    Kind.DEFINITE: (
        "the",
        "this",
        "that",
        "these",
        "those",
        "那只",
        "这只",
        "那个",
        "这个",
        "那辆",
        "这辆",
        "那",
        "这",
        "该",
    ),
    Kind.PRONOUN: ("it", "them", "him", "her", "它", "它们", "他", "她"),
    Kind.AND: (
        "and",
        "plus",
        "&",
        "和",
        "与",
        "跟",
        "以及",
        "、",
        "及",
        "加",
        "外加",
        "还有",
        "+",
        "同",
        "又有",
        "再加",
        "并有",
        "and also",
    ),
    Kind.COMMA: (",", "，", "：", ":", "—", "–", "-"),
    Kind.STOP: (
        ".",
        "。",
        ";",
        "；",
        "!",
        "！",
        "?",
        "？",
        "\n",
        "there is",
        "there are",
        "also",
        "with",
        "there s",
        "theres",
        "另外还有",
        "此外还有",
        "…",
    ),
    Kind.IS: (
        "is",
        "are",
        "was",
        "were",
        "be",
        "that is",
        "which is",
        "that are",
        "which are",
        "是",
        "为",
        "都是",
        "in",
    ),
    Kind.HAS: (
        "has",
        "have",
        "had",
        "holds",
        "有",
        "放着",
        "停着",
        "站着",
        "坐着",
        "摆着",
        "挂着",
        "长着",
        "飘着",
        "飞着",
        "躺着",
        "趴着",
        "放了",
        "出现",
        "还有个",
        "有着",
        "蹲着",
        "立着",
        "都有",
        "也有",
        "又是",
        "蹲了",
        "挂了",
        "堆了",
        "堆着",
        "卧着",
        "飘了",
        "游着",
        "响着",
        "还有只",
        "露出",
    ),
    Kind.AT: (
        "在",
        "站在",
        "坐在",
        "趴在",
        "躺在",
        "停在",
        "放在",
        "摆在",
        "飞在",
        "挂在",
        "漂在",
        "浮在",
        "飘在",
        "长在",
        "立在",
        "位于",
        "处于",
        "落在",
        "蹲在",
        "待在",
        "游在",
        "走在",
        "跑在",
        "睡在",
        "藏在",
        "躲在",
        "都在",
        "就在",
        "飞到",
        "正在",
        "守在",
        "靠在",
        "悬在",
        "站到",
    ),
    Kind.OF: ("的", "之"),
    Kind.EACH_OTHER: (
        "each other",
        "one another",
        "side by side",
        "next to each other",
        "beside each other",
        "next to one another",
        "并排",
        "并肩",
        "挨在一起",
    ),
}
