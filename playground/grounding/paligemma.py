"""PaliGemma 2 mix: a task word, an answer; boxes as <loc0000> tokens, y before x.

Invariants: the prompts are those the mix checkpoints were trained with (Steiner et al. 2024, arXiv:2412.03555);
a region is asked about by cutting it out, for no prompt takes a box. Imports torch and transformers; imported lazily.
One thread at a time.
"""

from collections.abc import Iterator
from typing import Any

from PIL import Image
from transformers import PaliGemmaForConditionalGeneration

from playground.catalog import Entry
from playground.families import LoadRequest
from playground.grounding import boxes, checkpoint
from playground.grounding.answer_decoding import AnswerDecoder, locate_phrases, name_entities
from playground.grounding.checkpoint import Checkpoint
from playground.grounding.generation import generate_text
from playground.grounding.options import GroundingOptions
from playground.grounding.task_instructions import split_list
from playground.grounding.types import Asked, GroundingEvent, GroundingTask, ParsedAnswer, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

CLASSES: dict[str, Any] = {"paligemma": PaliGemmaForConditionalGeneration}
MIN_CROP = 16  # pixels a side: of less the model sees one colour


class PaliGemma:
    """A loaded model as a `GroundingEngine`."""

    def __init__(self, loaded: Checkpoint, entry: Entry) -> None:
        self._model = loaded.model
        self._processor = loaded.processor
        self._codec = GroundingOptions.of(entry).dialect
        tokenizer = loaded.processor.tokenizer
        self._unseen = frozenset(
            token for token in (tokenizer.bos_token_id, tokenizer.pad_token_id) if token is not None
        )

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """See `GroundingEngine`."""
        image, notes = self._input_image(question)
        decoder = AnswerDecoder(self._codec, image.size, question.max_new_tokens)
        prompt = f"<image>{_words(question)}"
        yield Asked(prompt, notes)
        # Its own `labels`, for training, would only cost time.
        inputs = {
            name: value
            for name, value in self._processor(text=[prompt], images=[image], return_tensors="pt").items()
            if name != "labels"
        }
        stream = generate_text(
            self._model,
            self._processor.tokenizer,
            inputs,
            task,
            question.max_new_tokens,
            question.temperature,
            question.seed,
            skip=self._unseen,
        )

        def fix(parsed: ParsedAnswer) -> ParsedAnswer:
            found = (
                name_entities(question.text)(parsed)
                if question.task in (GroundingTask.REFER, GroundingTask.DETECT)
                else parsed
            )
            return locate_phrases(found)

        yield from decoder.decode(prompt, stream, fix)
        yield decoder.answer()

    def _input_image(self, question: Question) -> tuple[Image.Image, tuple[str, ...]]:
        """The picture, or the part of it that is asked about."""
        if question.task is not GroundingTask.IDENTIFY or question.box is None:
            return question.image, ()
        left, top, right, bottom = boxes.to_pixels(question.box, question.image.size)
        wider, higher = max(0, MIN_CROP - right + left), max(0, MIN_CROP - bottom + top)
        part = (
            max(0, left - wider), max(0, top - higher),
            min(question.image.width, right + wider), min(question.image.height, bottom + higher),
        )  # fmt: skip
        return question.image.crop(part), ("The model was shown the box cut out: its prompts take no boxes.",)


def load(request: LoadRequest) -> LoadedModel:
    """A PaliGemma from its folder.

    Args:
        request: the model, its folder, device and dtype.

    Raises:
        UserError: the files are not of such a model.
    """
    loaded = checkpoint.open_checkpoint(request, CLASSES)
    return LoadedModel(PaliGemma(loaded, request.entry), nbytes=loaded.nbytes, move=loaded.move)


def _words(question: Question) -> str:
    """The prompt without the picture's token; the processor ends it with a line end, as in training."""
    # One line: a line end is where the prompt ends.
    text = " ".join(question.text.split())
    match question.task:
        case GroundingTask.REFER:
            return f"detect {text}"
        case GroundingTask.DETECT:
            return f"detect {' ; '.join(split_list(text))}"
        case GroundingTask.VQA:
            return f"answer en {text}"
        case GroundingTask.IDENTIFY if text:
            return f"answer en {text}"
        case _:
            return "caption en"
