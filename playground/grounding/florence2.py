"""Florence-2: a small model of many set tasks, each a sentence it was trained on, with boxes as location tokens.

Invariants: prompts are put together and answers read here. transformers' processor looks for its task tokens
anywhere in a user's words, and its reader drops letters beyond ASCII and rounds to pixels. The picture is looked at
once, however many passes an answer takes.

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
from playground.grounding.checkpoint import Checkpoint, open_checkpoint
from playground.grounding.codecs.base import harmless
from playground.grounding.detection import asked, stoppable
from playground.grounding.multi_pass import MultiPass, listed, onto
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
        passes = MultiPass(self._model, self._tokenizer, self._codec, question, task, most, self._skip)
        seen = self._seen(question.image, task)
        for number, prompt in enumerate(prompts):
            inputs = self._inputs(prompt, seen, task)
            if question.ask is GroundingTask.REFER:
                yield from passes.run(prompt, inputs, partial(onto, wanted[0]))
            elif wanted:
                yield from passes.run(prompt, inputs, partial(listed, passes.reading, wanted[number]))
            else:
                yield from passes.run(prompt, inputs)
        if question.ask is GroundingTask.GROUNDED_CAPTION and passes.reading.text:
            caption = passes.reading.text
            prompt = PHRASES.format(harmless(caption))
            yield from passes.run(prompt, self._inputs(prompt, seen, task), partial(onto, caption))
        yield passes.answer()

    def _wanted(self, question: Question) -> tuple[list[str], list[str]]:
        """The phrases looked for, and notes; none where all objects are, or where the task takes no words."""
        if question.ask is GroundingTask.REFER or (question.ask is GroundingTask.DETECT and question.text):
            wanted, notes = asked(question)
            return [harmless(phrase) for phrase in wanted], notes
        return [], ["Your words were not sent: the model takes none with this task."] if question.text else []

    def _prompts(self, question: Question, wanted: list[str]) -> list[str]:
        match question.ask:
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
                return [REGION.format(self._codec.write(question.box, question.image.size))]
            case _:
                raise UserError("Florence-2 answers set tasks and no free questions. Choose another task or model.")

    def _seen(self, image: Image.Image, task: Task) -> torch.Tensor:
        """What the eyes make of the picture: (1, tokens, dim)."""
        pixels = self._prepare(images=image, return_tensors="pt")["pixel_values"]
        with stoppable(self._model, task):
            features = self._model.get_image_features(pixels.to(self._model.device, self._model.dtype))
        return features.pooler_output

    def _inputs(self, prompt: str, seen: torch.Tensor, task: Task) -> dict[str, Any]:
        """Keywords of `generate`: picture and words encoded, the words cut to what the encoder has positions for."""
        config = self._model.config
        count = seen.shape[1]
        room = config.text_config.max_position_embeddings - count - 2
        words = self._tokenizer(prompt, add_special_tokens=False, truncation=True, max_length=room)["input_ids"]
        start, end = self._ends
        ids = torch.tensor([[config.image_token_id] * count + [start, *words, end]], device=self._model.device)
        mask = torch.ones_like(ids)
        with stoppable(self._model, task):
            embeddings = self._model.get_input_embeddings()(ids)  # (1, length, dim)
            embeddings[:, :count] = seen.to(embeddings.dtype)
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
