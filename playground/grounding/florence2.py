"""Florence-2: a small model of fixed tasks, each a sentence it was trained on, with boxes as location tokens.

Invariants: prompts are built and answers parsed here. transformers' processor looks for its task tokens anywhere in a
user's words, and its parser drops letters beyond ASCII and rounds to pixels. The picture is encoded once, however many
passes an answer takes.

Xiao et al. 2023, arXiv:2311.06242.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from PIL import Image
from transformers import Florence2ForConditionalGeneration

from playground.catalog import Entry
from playground.errors import UserError
from playground.families import LoadRequest
from playground.grounding.answer_decoding import AnswerDecoder, TextStream, append_detections, with_text
from playground.grounding.checkpoint import Checkpoint, open_checkpoint
from playground.grounding.codecs.base import without_angle_brackets
from playground.grounding.detection import parse_queries, stoppable
from playground.grounding.generation import generate_text
from playground.grounding.options import GroundingOptions
from playground.grounding.types import Asked, GroundingEvent, GroundingTask, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

CLASSES = {"florence2": Florence2ForConditionalGeneration}
# The sentences behind <CAPTION>, <DETAILED_CAPTION>, <CAPTION_TO_PHRASE_GROUNDING>, <OPEN_VOCABULARY_DETECTION>, <OD>
# and <REGION_TO_DESCRIPTION>.
CAPTION = "What does the image describe?"
IN_DETAIL = "Describe in detail what is shown in the image."
PHRASES = "Locate the phrases in the caption: {}"
THING = "Locate {} in the image."
OBJECTS = "Locate the objects with category name in the image."
REGION = "What does the region {} describe?"


class Florence:
    """A loaded model as a `GroundingEngine`. One thread at a time."""

    def __init__(self, checkpoint: Checkpoint, entry: Entry) -> None:
        self._model = checkpoint.model
        self._prepare = checkpoint.processor.image_processor
        self._tokenizer = checkpoint.processor.tokenizer
        self._codec = GroundingOptions.of(entry).dialect
        self._usual = GroundingOptions.of(entry).max_new_tokens[1]
        tokenizer = self._tokenizer
        self._ends = (tokenizer.bos_token_id, tokenizer.eos_token_id)
        self._skip = frozenset({*self._ends, tokenizer.pad_token_id})

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """See `GroundingEngine`. `Asked` has the prompts that are known before the first pass."""
        wanted, notes = self._wanted(question)
        prompts = self._prompts(question, wanted)
        yield Asked("\n".join(prompts), tuple(notes))
        most = question.max_new_tokens or self._usual
        decoder = AnswerDecoder(self._codec, question.image.size, most)
        features = self._image_features(question.image, task)

        def generate(prompt: str) -> TextStream:
            inputs = self._inputs(prompt, features, task)
            return generate_text(
                self._model, self._tokenizer, inputs, task, most, question.temperature, question.seed, self._skip
            )

        for number, prompt in enumerate(prompts):
            if question.task is GroundingTask.REFER:
                yield from decoder.decode(prompt, generate(prompt), partial(with_text, wanted[0]))
            elif wanted:
                fix = partial(append_detections, decoder.parsed, wanted[number])
                yield from decoder.decode(prompt, generate(prompt), fix)
            else:
                yield from decoder.decode(prompt, generate(prompt))
        if question.task is GroundingTask.GROUNDED_CAPTION and decoder.parsed.text:
            caption = decoder.parsed.text
            prompt = PHRASES.format(without_angle_brackets(caption))
            yield from decoder.decode(prompt, generate(prompt), partial(with_text, caption))
        yield decoder.answer()

    def _wanted(self, question: Question) -> tuple[list[str], list[str]]:
        """The phrases looked for, and notes; none where all objects are, or where the task takes no words."""
        if question.task is GroundingTask.REFER or (question.task is GroundingTask.DETECT and question.text):
            wanted, notes = parse_queries(question)
            return [without_angle_brackets(phrase) for phrase in wanted], notes
        return [], ["Your words were not sent: the model takes none with this task."] if question.text else []

    def _prompts(self, question: Question, wanted: list[str]) -> list[str]:
        match question.task:
            case GroundingTask.CAPTION:
                return [CAPTION]
            case GroundingTask.GROUNDED_CAPTION:
                return [IN_DETAIL]
            case GroundingTask.REFER:
                return [PHRASES.format(wanted[0])]
            case GroundingTask.DETECT:
                return [THING.format(phrase) for phrase in wanted] or [OBJECTS]
            case GroundingTask.IDENTIFY:
                assert question.box is not None
                return [REGION.format(self._codec.format_box(question.box, question.image.size))]
            case _:
                raise UserError("Florence-2 answers set tasks and no free questions. Choose another task or model.")

    def _image_features(self, image: Image.Image, task: Task) -> torch.Tensor:
        """The vision encoder's features of the picture: (1, tokens, dim)."""
        pixels = self._prepare(images=image, return_tensors="pt")["pixel_values"]
        with stoppable(self._model, task):
            output = self._model.get_image_features(pixels.to(self._model.device, self._model.dtype))
        return output.pooler_output

    def _inputs(self, prompt: str, features: torch.Tensor, task: Task) -> dict[str, Any]:
        """Keywords of `generate`: picture and words encoded, the words cut to what the encoder has positions for."""
        config = self._model.config
        count = features.shape[1]
        room = config.text_config.max_position_embeddings - count - 2
        words = self._tokenizer(prompt, add_special_tokens=False, truncation=True, max_length=room)["input_ids"]
        start, end = self._ends
        ids = torch.tensor([[config.image_token_id] * count + [start, *words, end]], device=self._model.device)
        mask = torch.ones_like(ids)
        with stoppable(self._model, task):
            embeddings = self._model.get_input_embeddings()(ids)  # (1, length, dim)
            embeddings[:, :count] = features.to(embeddings.dtype)
            encoded = self._model.get_encoder()(inputs_embeds=embeddings, attention_mask=mask)
        return {"encoder_outputs": encoded, "attention_mask": mask}


def load(request: LoadRequest) -> LoadedModel:
    """A Florence-2 from its folder.

    Args:
        request: the model, its folder, device and dtype.

    Raises:
        UserError: the files are not of such a model.
    """
    checkpoint = open_checkpoint(request, CLASSES)
    # The end is the model's to say: put at the last token by force, it makes a cut answer look whole.
    checkpoint.model.generation_config.forced_eos_token_id = None
    return LoadedModel(Florence(checkpoint, request.entry), nbytes=checkpoint.nbytes, move=checkpoint.move)
