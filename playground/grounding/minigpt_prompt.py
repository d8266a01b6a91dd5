"""How `avatar-minigpt` is spoken to: template, tags and markup of MiniGPT-v2, Chen et al. (2023), arXiv:2310.09478.

Invariants: training and answering both take the words from here, so they cannot differ.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import AddedToken

IMAGE = "<image>"
PLACES = 36  # tokens that stand for the picture: 12 × 12 patches, four to a token
COORDINATES = tuple(f"<{number}>" for number in range(101))
TAGS = ("[caption]", "[grounding]", "[refer]", "[detection]", "[identify]", "[vqa]")


def opening() -> str:
    """Everything up to the first question."""
    return f"<s>[INST] <Img>{IMAGE * PLACES}</Img> "


def turn(prompt: str, first: bool) -> str:
    """One question, behind `opening()` or behind an answer and its </s>."""
    return f"{prompt} [/INST]" if first else f"<s>[INST] {prompt} [/INST]"


def added_tokens() -> "tuple[list[AddedToken], list[AddedToken]]":
    """Tokens that only the template writes, and markup that answers hold. Both take the spaces beside them in."""
    from tokenizers import AddedToken

    special = [
        AddedToken("<pad>", special=True),
        AddedToken("<s>", special=True),
        AddedToken("</s>", special=True),
        AddedToken("[INST]", special=True, rstrip=True),
        AddedToken("[/INST]", special=True, lstrip=True),
        AddedToken("<Img>", special=True),
        AddedToken("</Img>", special=True, rstrip=True),
        AddedToken(IMAGE, special=True),
    ]
    tags = [AddedToken(tag, rstrip=True, normalized=False) for tag in TAGS]
    marks = [AddedToken(mark, normalized=False) for mark in ("<p>", "</p>", "<delim>", "{", "}", *COORDINATES)]
    return special, tags + marks
