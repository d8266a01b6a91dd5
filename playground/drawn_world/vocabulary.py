"""The words of the drawn world, each beside what it claims.

Invariants: a phrase is a pattern and what it says of a person, as sets of allowed values ("a hat" allows every
hat). In a pattern `{a}` is the article, `{hair_colour}` and the like a colour that may be left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from playground.drawn_world.attributes import (
    BEARDS,
    HATS,
    Background,
    Clothing,
    Colour,
    Eyebrows,
    Eyes,
    FacialHair,
    Glasses,
    HairColour,
    Lenses,
    Mouth,
    Skin,
    Top,
)

# Where in a sentence a phrase stands; "listed" in lists alone.
Role = Literal["adjective", "with", "wearing", "setting", "listed"]


@dataclass(frozen=True)
class Phrase:
    """One way to say something: `pattern` claims `says`, and its colour slot, if filled, claims that colour."""

    role: Role
    pattern: str
    says: Mapping[str, tuple[StrEnum, ...]]
    written: bool = True  # False: understood, and typed by people
    bare: bool = True  # False: written with its colour only
    slot: str | None = field(init=False)
    claims: tuple[tuple[str, frozenset[StrEnum]], ...] = field(init=False)  # `says`, as the sayings carry it

    def __post_init__(self) -> None:
        found = [name for name in COLOUR_WORDS if f"{{{name}}}" in self.pattern]
        object.__setattr__(self, "slot", found[0] if found else None)
        object.__setattr__(self, "claims", tuple((name, frozenset(values)) for name, values in self.says.items()))

    def write(self, colour: str) -> str:
        """The phrase with this colour word, or with none where `colour` is empty."""
        text = self.pattern.replace(f"{{{self.slot}}}", colour) if self.slot else self.pattern
        text = " ".join(text.split())
        return re.sub(r"\{a\} (\w)", lambda m: f"{'an' if m[1] in 'aeiou' else 'a'} {m[1]}", text)

    def regex(self) -> str:
        """Source of a pattern that finds this phrase, with any of its colours (group 1) or none."""
        colours = "|".join(sorted(colour_words(self.slot), key=len, reverse=True)) if self.slot else ""
        words = []
        for word in self.pattern.split():
            if word == "{a}":
                words.append("(?:an? )?")
            elif word.startswith("{"):
                words.append(rf"(?:({colours}) )?")
            else:
                words.append(re.escape(word) + " ")
        return "".join(words).rstrip()


COLOUR_WORDS: dict[str, dict[StrEnum, tuple[str, ...]]] = {
    "hair_colour": {
        **{colour: (colour.value,) for colour in HairColour},
        HairColour.RED: ("red", "ginger"),
        HairColour.BLONDE: ("blonde", "blond"),
        HairColour.GREY: ("grey", "gray"),
    },
    "hat_colour": {colour: (colour.value,) for colour in Colour},
    "clothing_colour": {colour: (colour.value,) for colour in Colour},
    "background": {**{hue: (hue.value,) for hue in Background}, Background.TURQUOISE: ("turquoise", "teal")},
}


def colour_words(slot: str | None) -> dict[str, StrEnum]:
    """The words that may fill this colour slot, with their values; none for no slot."""
    return {word: value for value, words in COLOUR_WORDS[slot].items() for word in words} if slot else {}


def _table() -> Iterator[Phrase]:
    hair: dict[Top, tuple[str, ...]] = {
        Top.SHORT: ("short {hair_colour} hair",),
        Top.SPIKY: ("spiky {hair_colour} hair",),
        Top.MOHAWK: ("{a} {hair_colour} mohawk",),
        Top.BUN: ("{a} {hair_colour} bun", "{hair_colour} hair in a bun"),
        Top.PONYTAIL: ("{a} {hair_colour} ponytail", "{hair_colour} hair in a ponytail"),
        Top.PIGTAILS: ("{hair_colour} pigtails", "{hair_colour} hair in pigtails"),
        Top.BOB: ("{a} {hair_colour} bob",),
        Top.CURLY: ("curly {hair_colour} hair", "{hair_colour} curls"),
        Top.AFRO: ("{a} {hair_colour} afro",),
        Top.LONG_STRAIGHT: ("long straight {hair_colour} hair", "straight long {hair_colour} hair"),
        Top.LONG_WAVY: ("long wavy {hair_colour} hair", "wavy long {hair_colour} hair"),
    }
    for top, patterns in hair.items():
        for pattern in patterns:
            yield Phrase("with", pattern, {"top": (top,)})
    with_hair = tuple(hair)
    yield Phrase("with", "{hair_colour} hair", {"top": with_hair}, bare=False)
    yield Phrase("with", "long {hair_colour} hair", {"top": (Top.LONG_STRAIGHT, Top.LONG_WAVY)})
    yield Phrase("adjective", "bald", {"top": (Top.BALD,)})
    yield Phrase("with", "{a} bald head", {"top": (Top.BALD,)})
    yield Phrase("with", "no hair", {"top": (Top.BALD,)})
    hats = {
        Top.BRIMMED_HAT: ("{a} {hat_colour} wide-brimmed hat", "{a} {hat_colour} hat with a wide brim"),
        Top.TURBAN: ("{a} {hat_colour} turban",),
        Top.BOBBLE_HAT: ("{a} {hat_colour} bobble hat", "{a} {hat_colour} beanie"),
        Top.FLAP_HAT: ("{a} {hat_colour} hat with ear flaps",),
    }
    for top, patterns in hats.items():
        for pattern in patterns:
            yield Phrase("wearing", pattern, {"top": (top,)})
    yield Phrase("wearing", "{a} {hat_colour} winter hat", {"top": (Top.BOBBLE_HAT, Top.FLAP_HAT)})
    yield Phrase("wearing", "{a} {hat_colour} hat", {"top": HATS})
    yield Phrase("with", "no hat", {"top": (Top.BALD, *with_hair)})
    yield Phrase("with", "{a} {hair_colour} moustache", {"facial_hair": (FacialHair.MOUSTACHE,)})
    for beard, word in zip(BEARDS, ("short", "full", "long"), strict=True):
        yield Phrase("with", f"{{a}} {word} {{hair_colour}} beard", {"facial_hair": (beard,)})
    yield Phrase("with", "{a} {hair_colour} beard", {"facial_hair": BEARDS})
    yield Phrase("with", "no beard", {"facial_hair": (FacialHair.NONE, FacialHair.MOUSTACHE)})
    yield Phrase("adjective", "clean-shaven", {"facial_hair": (FacialHair.NONE,)})
    frames = (Glasses.ROUND, Glasses.SQUARE)
    for frame, word in zip(frames, ("round", "square"), strict=True):
        yield Phrase("wearing", f"{word} glasses", {"glasses": (frame,)})
        yield Phrase("wearing", f"clear {word} glasses", {"glasses": (frame,), "lenses": (Lenses.CLEAR,)})
        yield Phrase("wearing", f"tinted {word} glasses", {"glasses": (frame,), "lenses": (Lenses.TINTED,)})
        yield Phrase("wearing", f"{word} sunglasses", {"glasses": (frame,), "lenses": (Lenses.DARK,)})
    yield Phrase("wearing", "glasses", {"glasses": frames})
    yield Phrase("wearing", "tinted glasses", {"glasses": frames, "lenses": (Lenses.TINTED,)})
    yield Phrase("wearing", "sunglasses", {"glasses": frames, "lenses": (Lenses.DARK,)})
    yield Phrase("wearing", "dark glasses", {"glasses": frames, "lenses": (Lenses.DARK,)})
    yield Phrase("with", "no glasses", {"glasses": (Glasses.NONE,)})
    mouths = {
        Mouth.SAD: (("adjective", "sad"), ("adjective", "frowning"), ("with", "{a} sad mouth")),
        Mouth.NEUTRAL: (("adjective", "serious"), ("with", "{a} straight mouth"), ("with", "{a} neutral expression")),
        Mouth.SMILE: (("with", "{a} gentle smile"), ("adjective", "gently smiling")),
        Mouth.LAUGH: (("adjective", "laughing"), ("with", "{a} big smile"), ("adjective", "grinning")),
    }
    for mouth, ways in mouths.items():
        for role, pattern in ways:
            yield Phrase(role, pattern, {"mouth": (mouth,)})  # type: ignore[arg-type]
    happy = {"mouth": (Mouth.SMILE, Mouth.LAUGH)}
    yield Phrase("adjective", "smiling", happy)
    yield Phrase("adjective", "happy", happy)
    yield Phrase("with", "{a} smile", happy)
    yield Phrase("with", "closed eyes", {"eyes": (Eyes.CLOSED,)})
    yield Phrase("with", "open eyes", {"eyes": (Eyes.OPEN,)})
    yield Phrase("with", "wide eyes", {"eyes": (Eyes.WIDE,)})
    yield Phrase("with", "wide open eyes", {"eyes": (Eyes.WIDE,)})
    yield Phrase("with", "hearts for eyes", {"eyes": (Eyes.HEARTS,)})
    yield Phrase("with", "heart eyes", {"eyes": (Eyes.HEARTS,)})
    for brows, words in zip(Eyebrows, (("angry",), ("level", "straight"), ("worried",)), strict=True):
        for word in words:
            yield Phrase("with", f"{word} eyebrows", {"eyebrows": (brows,)})
    for skin in Skin:
        yield Phrase("with", f"{skin.value} skin", {"skin": (skin,)})
        yield Phrase("adjective", f"{skin.value}-skinned", {"skin": (skin,)})
    yield Phrase("adjective", "tanned", {"skin": (Skin.TAN,)})
    clothes = {
        Clothing.T_SHIRT: ("{a} {clothing_colour} T-shirt",),
        Clothing.HOODIE: ("{a} {clothing_colour} hoodie", "{a} {clothing_colour} hooded sweater"),
        Clothing.DUNGAREES: ("{clothing_colour} dungarees", "{clothing_colour} overalls"),
        Clothing.COLLARED: ("{a} {clothing_colour} sweater with a white collar", "{a} {clothing_colour} sweater"),
        Clothing.BLAZER: ("{a} blazer over {a} {clothing_colour} shirt", "{a} blazer"),
    }
    for clothing, patterns in clothes.items():
        for pattern in patterns:
            yield Phrase("wearing", pattern, {"clothing": (clothing,)})
    yield Phrase("wearing", "{clothing_colour} clothes", {}, bare=False)
    for ground in ("background", "backdrop"):
        yield Phrase("setting", f"on {{a}} {{background}} {ground}", {}, bare=False)
        yield Phrase("setting", f"against {{a}} {{background}} {ground}", {}, bare=False)
    yield Phrase("setting", "in front of {a} {background} wall", {}, bare=False)
    for ground in ("background", "backdrop"):
        yield Phrase("listed", f"{{a}} {{background}} {ground}", {}, written=False, bare=False)
    # What people type and captions do not say: understood as the nearest thing of this world.
    yield Phrase("with", "{a} {hair_colour} mustache", {"facial_hair": (FacialHair.MOUSTACHE,)}, written=False)
    yield Phrase("adjective", "bearded", {"facial_hair": BEARDS}, written=False)
    beardless = (FacialHair.NONE, FacialHair.MOUSTACHE)
    yield Phrase("setting", "without {a} beard", {"facial_hair": beardless}, written=False)
    yield Phrase("setting", "without {a} hat", {"top": (Top.BALD, *with_hair)}, written=False)
    yield Phrase("setting", "without glasses", {"glasses": (Glasses.NONE,)}, written=False)
    yield Phrase("wearing", "{a} {hat_colour} cap", {"top": HATS}, written=False)
    yield Phrase("wearing", "{a} {clothing_colour} shirt", {"clothing": (Clothing.T_SHIRT,)}, written=False)
    yield Phrase("wearing", "{a} {clothing_colour} t-shirt", {"clothing": (Clothing.T_SHIRT,)}, written=False)
    yield Phrase("wearing", "{a} {clothing_colour} jumper", {"clothing": (Clothing.COLLARED,)}, written=False)


PHRASES = tuple(_table())
