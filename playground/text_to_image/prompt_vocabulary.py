"""The words that models of the drawn world know: phrases by what they are about, a prompt of them, and others' words.

Invariants: words in, words out. The prompt stays the visitor's own text: a phrase is set where a caption would have
it, in place of another one about the same attribute, or taken out again.
"""

import re
from dataclasses import dataclass
from functools import cache

from playground.drawn_world.attributes import HATS
from playground.drawn_world.vocabulary import COLOUR_WORDS, PHRASES, Phrase
from playground.validation import validate_seed

MOST_UNKNOWN = 12
EMPTY_PROMPT = "a person"
_ORDER = (
    "hair", "hair_colour", "hat", "hat_colour", "facial_hair", "glasses", "mouth", "eyes", "eyebrows", "skin",
    "clothing", "clothing_colour", "background",
)  # fmt: skip
_SETTING = re.compile(r"\s+(?:on|against)\s+an?\s+\w+(?:\s+gradient)?\s+(?:background|backdrop)\W*$", re.IGNORECASE)
_JOINT = r"(?P<before>\s*,\s*|\s+(?:and|with|wearing)\s+)?"


@dataclass(frozen=True)
class PhraseGroup:
    """Phrases about one attribute of a person.

    Attributes:
        key: hair, hair_colour, hat, hat_colour, facial_hair, glasses, mouth, eyes, eyebrows, skin, clothing,
            clothing_colour or background.
        words: One wording for each meaning.
    """

    key: str
    words: tuple[str, ...]


@cache
def phrase_groups() -> tuple[PhraseGroup, ...]:
    """The phrases that the captions of the drawn world use, by attribute."""
    found: dict[str, dict[object, str]] = {key: {} for key in _ORDER}
    for phrase in PHRASES:
        if phrase.written and phrase.bare:
            found[_attribute(phrase)].setdefault(phrase.claims, phrase.write(""))
    for slot, colours in COLOUR_WORDS.items():
        phrase = _widest(slot)
        for colour, names in colours.items():
            found[slot].setdefault(colour, phrase.write(names[0]))
    return tuple(PhraseGroup(key, tuple(words.values())) for key, words in found.items())


@cache
def known_phrases() -> tuple[str, ...]:
    """Every phrase of `phrase_groups`, the longest first."""
    return tuple(sorted((word for group in phrase_groups() for word in group.words), key=len, reverse=True))


def random_prompt(seed: int) -> str:
    """A random prompt about a person of the drawn world.

    Args:
        seed: The same seed gives the same prompt; 0 to 2**32 - 1.

    Raises:
        UserError: The seed is out of range.
    """
    from playground.drawn_world.captions import surprise

    return surprise(validate_seed(seed))


def unknown_words(prompt: str) -> tuple[str, ...]:
    """The words of a prompt that the drawn world never says.

    Args:
        prompt: Any text.

    Returns:
        In lower case, each once, at most `MOST_UNKNOWN`.
    """
    known = _known_words()
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", prompt.casefold())
    odd = dict.fromkeys(word[:40] for word in words if word not in known)
    return tuple(odd)[:MOST_UNKNOWN]


def phrases_in(prompt: str) -> set[str]:
    """The known phrases that a prompt holds; of overlapping ones the longest.

    Args:
        prompt: Any text.
    """
    taken: list[tuple[int, int]] = []
    found = set()
    for phrase in known_phrases():
        for match in re.finditer(_pattern(phrase), prompt, re.IGNORECASE):
            if all(match.end() <= start or match.start() >= end for start, end in taken):
                taken.append(match.span())
                found.add(phrase)
    return found


def toggle_phrase(prompt: str, phrase: str) -> str:
    """The prompt with a phrase set where a caption would have it, or without it where it stood.

    Args:
        prompt: Any text; `EMPTY_PROMPT` where it is empty.
        phrase: One of `known_phrases()`.
    """
    return _remove(prompt, phrase) if phrase in phrases_in(prompt) else _add(prompt, phrase)


def _remove(prompt: str, phrase: str) -> str:
    """One word that joins goes with the phrase; "with A and B" without A is "with B"."""

    def cut(match: re.Match[str]) -> str:
        before, after = match["before"] or "", match["after"] or ""
        if not (before and after):
            return ""
        return before if "with" in before or "wearing" in before else after

    text = re.sub(_JOINT + _pattern(phrase) + r"(?P<after>\s*,\s*|\s+and\s+)?", cut, prompt, count=1, flags=re.I)
    return re.sub(r"\ban?(?=\s+person\b)", "a", " ".join(text.split())).strip(" ,")


def _add(prompt: str, phrase: str) -> str:
    """The phrase where a caption has it: before "person", behind "with" or "wearing", or at the end."""
    prompt = " ".join(prompt.split()).rstrip(" ,.") or EMPTY_PROMPT
    role = _roles().get(phrase, "with")
    if role == "adjective":
        article = "an" if phrase[0] in "aeiou" else "a"
        text, count = re.subn(r"\ban?\s+person\b", f"{article} {phrase} person", prompt, count=1, flags=re.I)
        if not count:
            text, count = re.subn(r"\bperson\b", f"{phrase} person", prompt, count=1, flags=re.I)
        return text if count else f"{phrase} {prompt}"
    if role == "setting":
        return f"{_SETTING.sub('', prompt)} {phrase}"
    setting = _SETTING.search(prompt)
    body, tail = (prompt[: setting.start()], setting[0]) if setting else (prompt, "")
    joints = re.findall(r"\b(with|wearing)\b", body, re.IGNORECASE)
    joint = "and" if joints and joints[-1].lower() == role else role
    return f"{body} {joint} {phrase}{tail}"


@cache
def _roles() -> dict[str, str]:
    """Where in a sentence each phrase stands."""
    found: dict[str, str] = {}
    for word in known_phrases():
        role = next((p.role for p in PHRASES if re.fullmatch(p.regex(), word, re.IGNORECASE)), None)
        if role is not None:
            found[word] = role
    return found


def _pattern(phrase: str) -> str:
    return r"(?<![\w-])" + r"\s+".join(map(re.escape, phrase.split())) + r"(?![\w-])"


def _attribute(phrase: Phrase) -> str:
    """The group of a phrase; hair and hats are one attribute of the drawn world, but not for a person who chooses."""
    name, values = phrase.claims[0]
    if name != "top":
        return name
    return "hat" if values <= set(HATS) or phrase.pattern.endswith(" hat") else "hair"


def _widest(slot: str) -> Phrase:
    """The phrase that says this colour and least else."""
    having = [phrase for phrase in PHRASES if phrase.written and phrase.slot == slot]
    return next((phrase for phrase in having if not phrase.bare), max(having, key=_width))


def _width(phrase: Phrase) -> int:
    return sum(len(values) for _, values in phrase.claims)


@cache
def _known_words() -> frozenset[str]:
    from playground.drawn_world.captions import words

    return frozenset(words())
