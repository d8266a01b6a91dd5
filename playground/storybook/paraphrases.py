"""Prompts and questions in everyday language that the grammars cannot say: held out, for measuring alone.

Invariants:
    Nothing is trained, chosen or tuned on them.
"""

import json
from dataclasses import dataclass
from typing import Any

from playground.storybook.claims import INDEX, Claims, from_json
from playground.storybook.things import ASSETS
from playground.storybook.types import Background, Colour, Item, Scene

PARAPHRASES = ASSETS / "paraphrases.json"


@dataclass(frozen=True)
class ParaphrasedPrompt:
    """A prompt and what it asks for. `language` is "en" or "zh"."""

    text: str
    language: str
    claims: Claims


@dataclass(frozen=True)
class ParaphrasedQuestion:
    """A question about a scene.

    Attributes:
        text: the question, without a tag.
        language: "en" or "zh".
        task: "refer", "detection" or "vqa".
        scene: what it is asked about.
        boxes: the items that the answer boxes, as indices into `scene.items`; empty for a question in words.
        answers: any of these words is right; empty where boxes are asked for.
    """

    text: str
    language: str
    task: str
    scene: Scene
    boxes: tuple[int, ...]
    answers: tuple[str, ...]


def prompts(language: str) -> tuple[ParaphrasedPrompt, ...]:
    """All prompts of one language, "en" or "zh"."""
    records = _read()["prompts"][language]
    return tuple(ParaphrasedPrompt(record["text"], language, from_json(record["claims"])) for record in records)


def questions(language: str) -> tuple[ParaphrasedQuestion, ...]:
    """All questions of one language, "en" or "zh"."""
    read = _read()
    scenes = {
        name: Scene(
            Background(record["background"]),
            tuple(
                Item(INDEX[i["thing"]], Colour(i["colour"]) if "colour" in i else None, i["x"], i["y"], i["size"])
                for i in record["items"]
            ),
            seed,
        )
        for seed, (name, record) in enumerate(read["scenes"].items())
    }
    return tuple(
        ParaphrasedQuestion(
            record["text"],
            language,
            record["task"],
            scenes[record["scene"]],
            tuple(record.get("boxes", ())),
            tuple(record.get("answers", ())),
        )
        for record in read["questions"][language]
    )


def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PARAPHRASES.read_text(encoding="utf-8"))
    return found
