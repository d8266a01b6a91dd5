"""From a model's raw text to an answer: every engine that generates text, local or remote, decodes with this.

The way of a request: `validation.validate_request` → the engine's prompt → `generation.generate_text` (or a server's
stream) → `AnswerDecoder.decode`, which parses the text with the model's codec → `AnswerDecoder.answer`.

Invariants: one decoder for all engines. The codec parses, the engine's `fix` may complete what the codec cannot know
(what was asked for), and markup that is not complete is never shown. No model library.
"""

import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from playground.grounding.types import Answer, Box, Entity, ParsedAnswer, PartialAnswer

if TYPE_CHECKING:
    from playground.grounding.codecs import Codec

_REGION = re.compile(r"\[(r[1-9]\d{0,2})\]", re.IGNORECASE)
# Raw text so far and tokens so far, after every token.
TextStream = Generator[tuple[str, int], None, None]
Fix = Callable[[ParsedAnswer], ParsedAnswer]


def _unchanged(parsed: ParsedAnswer) -> ParsedAnswer:
    return parsed


@dataclass
class AnswerDecoder:
    """The answer to one question as it grows, decoded from one or several passes (generations) over one picture.

    Several passes serve what needs two steps (a caption, then where its phrases are) and models that are asked for one
    thing at a time. The raw texts of the passes stand one under the other.

    Attributes:
        codec: parses the model's box dialect.
        size: (width, height) in pixels of the picture, as the codec wants it.
        max_new_tokens: at which a pass counts as cut.
        parsed: the answer so far; complete after each pass.
        raw: what the model has written so far, markup included.
        prompts: one per pass.
        tokens: generated so far, over all passes.
        stopped: a pass was cut at `max_new_tokens`.
        began: start of the work by `time.monotonic()`.
    """

    codec: "Codec"
    size: tuple[int, int]
    max_new_tokens: int
    parsed: ParsedAnswer = field(default_factory=lambda: ParsedAnswer(""))
    raw: str = ""
    prompts: list[str] = field(default_factory=list)
    tokens: int = 0
    stopped: bool = False
    began: float = field(default_factory=time.monotonic)

    def decode(
        self, prompt: str, stream: TextStream, fix: Fix = _unchanged, before: str = "", until: str = ""
    ) -> Iterator[PartialAnswer]:
        """Decode one pass: yield the answer so far whenever the text grows; then `parsed` is complete.

        Args:
            prompt: What the model was sent.
            stream: Raw text and number of tokens so far, after every token. Closed at the end.
            fix: Completes what was parsed, such as `name_entities`. Default: nothing.
            before: The part of the prompt that belongs to the answer's text. Default: "".
            until: Text at which the pass ends early. Default: "", only where the stream ends.
        """
        earlier_text = f"{self.raw}\n" if self.prompts else ""
        earlier_tokens, text = self.tokens, ""
        self.prompts.append(prompt)
        with closing(stream):
            for grown, count in stream:
                self.tokens = earlier_tokens + count
                if grown == text:
                    continue
                text, self.raw = grown, earlier_text + grown
                yield PartialAnswer(fix(self._parse(before + text, complete=False)), self.raw)
                if until and until in text:
                    break
            else:
                self.stopped = self.stopped or self.tokens - earlier_tokens >= self.max_new_tokens
        self.raw = earlier_text + text
        self.parsed = fix(self._parse(before + text, complete=True))

    def answer(self) -> Answer:
        """The finished answer of all passes."""
        seconds = time.monotonic() - self.began
        return Answer(self.parsed, self.raw, "\n".join(self.prompts), seconds, self.tokens, self.stopped)

    def _parse(self, raw: str, complete: bool) -> ParsedAnswer:
        return self.codec.parse(_without_thinking(raw), self.size, complete)


def name_entities(phrase: str) -> Fix:
    """A fix that gives entities without a phrase the one that was asked for.

    Args:
        phrase: What was asked for; a model told to find something writes only where it is.
    """

    def fix(parsed: ParsedAnswer) -> ParsedAnswer:
        entities = tuple(
            entity if entity.phrase else replace(entity, phrase=phrase, span=None) for entity in parsed.entities
        )
        return replace(parsed, entities=entities)

    return fix


def locate_phrases(parsed: ParsedAnswer) -> ParsedAnswer:
    """Give entities without a span the first free place in the text that has their words, where there is one.

    Models that list boxes after a sentence name things as the sentence did.

    Args:
        parsed: An answer; spans that are known stay.
    """
    lower = parsed.text.lower()
    taken = [entity.span for entity in parsed.entities if entity.span is not None]
    entities = []
    for entity in parsed.entities:
        span = entity.span
        if span is None and entity.phrase.strip():
            span = _free_span(lower, entity.phrase.strip().lower(), taken)
            taken += [span] if span else []
        entities.append(replace(entity, span=span))
    return replace(parsed, entities=tuple(entities))


def with_text(text: str, parsed: ParsedAnswer) -> ParsedAnswer:
    """The entities of an answer with another text, in which their phrases are located.

    Args:
        text: The text that is shown, such as the caption whose phrases a second pass found.
        parsed: What that pass found; its own text is dropped.
    """
    entities = tuple(replace(entity, span=None) for entity in parsed.entities)
    return locate_phrases(ParsedAnswer(text, entities, parsed.warnings))


def append_detections(earlier: ParsedAnswer, phrase: str, parsed: ParsedAnswer) -> ParsedAnswer:
    """The things detected so far and one more, for models that are asked for one thing at a time.

    Args:
        earlier: The things detected so far. Its text is their list: "glasses, a hat".
        phrase: What this pass was asked for.
        parsed: What it found; all its boxes become the phrase's, whatever the model called them.
    """
    boxes: tuple[Box, ...] = tuple(box for entity in parsed.entities for box in entity.boxes)
    start = f"{earlier.text}, " if earlier.text else ""
    entity = Entity(phrase, (len(start), len(start) + len(phrase)), boxes)
    warnings = dict.fromkeys((*earlier.warnings, *parsed.warnings))
    return ParsedAnswer(start + phrase, (*earlier.entities, entity), tuple(warnings))


def substitute_regions(text: str, regions: Mapping[str, Box], format_box: Callable[[Box], str]) -> str:
    """A question's text with the names of regions (`[r1]`) replaced by their boxes.

    Args:
        text: What a visitor wrote.
        regions: Boxes (x0, y0, x1, y1 in fractions of the picture) by name.
        format_box: Writes a box in the model's dialect.
    """

    def written(found: re.Match[str]) -> str:
        box = regions.get(found[1].lower())
        return found[0] if box is None else format_box(box)

    return _REGION.sub(written, text)


def _without_thinking(raw: str) -> str:
    """What comes after the block of a reasoning model's thoughts, if it begins with one."""
    if not raw.lstrip().startswith("<think>"):
        return raw
    return raw.partition("</think>")[2].lstrip()


def _free_span(text: str, phrase: str, taken: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The first whole words of `text` that equal `phrase` and overlap no span of `taken`."""
    for found in re.finditer(rf"(?<!\w){re.escape(phrase)}(?!\w)", text):
        start, end = found.span()
        if all(end <= other_start or start >= other_end for other_start, other_end in taken):
            return start, end
    return None
