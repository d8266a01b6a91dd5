"""Group pictures of the drawn world with a question each, which work offline.

Invariants: data; the pictures are of seeds that no model has learned from.
"""

from dataclasses import dataclass
from pathlib import Path

from playground.grounding.types import Box


@dataclass(frozen=True)
class Example:
    """A picture's file, what stands in the prompt with it, and the visitor's box where the question needs one."""

    path: Path
    question: str
    box: Box | None = None


QUESTIONS: tuple[tuple[str, str, Box | None], ...] = (
    ("1", "[refer] the bald person with sunglasses", None),
    ("2", "[grounding] describe this image in detail", None),
    ("3", "[detection] glasses", None),
    ("4", "[identify] what is this", Box(0.08, 0.545, 0.43, 0.99)),
    ("5", "[vqa] how many people are there?", None),
    ("6", "[refer] the person wearing a black hat", None),
    ("7", "[detection] person", None),
    ("8", "[caption] please describe this image", None),
)


def examples(assets: Path) -> tuple[Example, ...]:
    """The examples whose pictures are there."""
    folder = assets / "examples" / "groups"
    found = (Example(folder / f"{name}.png", question, box) for name, question, box in QUESTIONS)
    return tuple(example for example in found if example.path.is_file())
