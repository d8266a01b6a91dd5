"""People and things of a group picture in words: the answers to "what is in this box?".

Invariants: words come from the record of the picture, and only where what they say is to be seen.
"""

from typing import Any

from playground.drawn_world.captions import with_article
from playground.drawn_world.traits import WORN


def described(who: dict[str, Any]) -> str | None:
    """A person in the words that tell most: hair or hat, then glasses and beard; None where that is not to be seen."""
    known = set(who["known"])
    if not {"top", "glasses", "facial_hair"} <= known:
        return None
    extras = ["glasses"] if who["glasses"] != "none" else []
    if who["facial_hair"] != "none":
        extras.append("a moustache" if who["facial_hair"] == "moustache" else "a beard")
    if who["top"] in WORN:
        if "hat_colour" not in known:
            return None
        return " and ".join(
            [f"a person wearing {with_article(who['hat_colour'])} hat", *(f"with {e}" for e in extras[:1])]
        )
    if who["top"] == "bald":
        return "a bald person" + (f" with {' and '.join(extras)}" if extras else "")
    if "hair_colour" not in known:
        return None
    return " and ".join([f"a person with {who['hair_colour']} hair", *extras[:1]])


def thing(who: dict[str, Any], part: str) -> str | None:
    """What somebody wears, by its colour; None where the colour is not to be seen."""
    if part == "glasses":
        return "glasses"
    colour = "hat_colour" if part == "hat" else "hair_colour"
    return f"{with_article(who[colour])} {part}" if colour in who["known"] else None
