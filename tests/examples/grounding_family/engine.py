"""Loads a LLaVA and answers with it. Imports torch and transformers; imported when the first model is asked for."""

from collections.abc import Iterator
from typing import Any

from transformers import LlavaForConditionalGeneration

from playground.catalog import Entry
from playground.families import LoadRequest
from playground.grounding.answer_decoding import AnswerDecoder
from playground.grounding.checkpoint import Checkpoint, open_checkpoint
from playground.grounding.generation import generate_text
from playground.grounding.options import GroundingOptions
from playground.grounding.types import Asked, GroundingEvent, GroundingTask, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

CLASSES: dict[str, Any] = {"llava": LlavaForConditionalGeneration}  # by the config's model_type


class Llava:
    """A loaded model as a `GroundingEngine`."""

    def __init__(self, checkpoint: Checkpoint, entry: Entry) -> None:
        self.checkpoint = checkpoint
        self._codec = GroundingOptions.of(entry).dialect

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """See `GroundingEngine`."""
        decoder = AnswerDecoder(self._codec, question.image.size, question.max_new_tokens)
        prompt = f"USER: <image>\n{_words(question)} ASSISTANT:"
        yield Asked(prompt)
        model, processor = self.checkpoint.model, self.checkpoint.processor
        stream = generate_text(
            model,
            processor.tokenizer,
            dict(processor(text=[prompt], images=[question.image], return_tensors="pt")),
            task,
            question.max_new_tokens,
            question.temperature,
            question.seed,
        )
        yield from decoder.decode(prompt, stream)
        yield decoder.answer()


def load(request: LoadRequest) -> LoadedModel:
    """A LLaVA from its folder. Raises `UserError` for files that are not of one."""
    checkpoint = open_checkpoint(request, CLASSES)
    return LoadedModel(Llava(checkpoint, request.entry), nbytes=checkpoint.nbytes, move=checkpoint.move)


def _words(question: Question) -> str:
    match question.task:
        case GroundingTask.CAPTION:
            return "Describe the picture."
        case GroundingTask.DETECT:
            return f"Find: {question.text}"
        case _:
            return question.text
