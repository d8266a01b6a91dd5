"""Several runs of a generative model over one picture, told as one answer.

Invariants: what needs two steps (a caption, then where its phrases are) or one per thing asked is composed here;
words stream through all of them, and the raw words of the steps stand one under the other. Imports torch through
`generation`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from playground.grounding.answer_decoding import placed
from playground.grounding.codecs import Codec
from playground.grounding.generation import generated
from playground.grounding.types import Answer, Box, Entity, ParsedAnswer, PartialAnswer, Question
from playground.runtime.task import Task


@dataclass
class MultiPass:
    """The answer to one question as it grows. Each pass generates `most` tokens; ids in `skip` are not shown."""

    model: Any
    tokenizer: Any
    codec: Codec
    question: Question
    task: Task
    most: int
    skip: frozenset[int]
    reading: ParsedAnswer = field(default_factory=lambda: ParsedAnswer(""))
    raw: str = ""
    prompts: list[str] = field(default_factory=list)
    tokens: int = 0
    cut: bool = False
    began: float = field(default_factory=time.monotonic)

    def run(
        self,
        prompt: str,
        inputs: Mapping[str, Any],
        mended: Callable[[ParsedAnswer], ParsedAnswer] = lambda reading: reading,
        before: str = "",
        until: str = "",
    ) -> Iterator[PartialAnswer]:
        """One pass: `PartialAnswer` while they come, then `reading` is whole.

        `before` is what of the prompt belongs to the text that is read; where `until` is said, the pass ends.
        """
        earlier = f"{self.raw}\n" if self.prompts else ""
        self.prompts.append(prompt)
        question, said = self.question, ""
        earlier_tokens = self.tokens
        pieces = generated(
            self.model, self.tokenizer, inputs, self.task, self.most, question.temperature, question.seed, self.skip
        )
        with closing(pieces):  # type: ignore[type-var]
            for words, count in pieces:
                self.tokens = earlier_tokens + count
                if words == said:
                    continue
                said = words
                self.raw = earlier + said
                yield PartialAnswer(mended(self._read(before + said, whole=False)), self.raw)
                if until and until in said:
                    break
            else:
                self.cut = self.cut or self.tokens - earlier_tokens >= self.most
        self.raw = earlier + said
        self.reading = mended(self._read(before + said, whole=True))

    def answer(self) -> Answer:
        """What all passes came to."""
        seconds = time.monotonic() - self.began
        return Answer(self.reading, self.raw, "\n".join(self.prompts), seconds, self.tokens, self.cut)

    def _read(self, raw: str, whole: bool) -> ParsedAnswer:
        return self.codec.read(raw, self.question.image.size, whole)


def onto(text: str, reading: ParsedAnswer) -> ParsedAnswer:
    """What the reading points at, told by `text`, in whose words its phrases are looked for."""
    entities = tuple(replace(entity, span=None) for entity in reading.entities)
    return placed(ParsedAnswer(text, entities, reading.warnings))


def listed(earlier: ParsedAnswer, phrase: str, reading: ParsedAnswer) -> ParsedAnswer:
    """The things found so far and one more: all boxes of `reading` are its, whatever the model called them.

    The text is their list, "glasses, a hat".
    """
    boxes: tuple[Box, ...] = tuple(box for entity in reading.entities for box in entity.boxes)
    start = f"{earlier.text}, " if earlier.text else ""
    entity = Entity(phrase, (len(start), len(start) + len(phrase)), boxes)
    warnings = dict.fromkeys((*earlier.warnings, *reading.warnings))
    return ParsedAnswer(start + phrase, (*earlier.entities, entity), tuple(warnings))
