"""Kosmos-2: a language model that sees, and writes phrases tied to boxes of a 32 x 32 grid.

Invariants: a prompt is the beginning of what the model goes on with, so some of it belongs to the answer ("An
image of"). The picture is made a square here, for the grid is laid over all of it; it is looked at once.

Peng et al. 2023, arXiv:2306.14824.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from PIL import Image
from torch.nn import functional
from transformers import Kosmos2ForConditionalGeneration

from playground.catalog import Entry
from playground.errors import UserError
from playground.families import LoadRequest
from playground.grounding.answer_decoding import with_regions
from playground.grounding.checkpoint import Checkpoint, open_checkpoint
from playground.grounding.codecs.base import harmless
from playground.grounding.detection import asked, stoppable
from playground.grounding.multi_pass import MultiPass, listed
from playground.grounding.options import GroundingOptions
from playground.grounding.types import Asked, Box, GroundingEvent, GroundingTask, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

CLASSES = {"kosmos-2": Kosmos2ForConditionalGeneration}
BEGINNING = "An image of"
FOUND = "</object>"  # where the boxes of a phrase end; what comes then was not asked


class Kosmos:
    """A loaded model as a `GroundingEngine`. One thread at a time."""

    def __init__(self, checkpoint: Checkpoint, entry: Entry) -> None:
        self._model = checkpoint.model
        self._processor = checkpoint.processor
        self._codec = GroundingOptions.of(entry).dialect
        self._usual = GroundingOptions.of(entry).max_new_tokens[1]
        tokenizer = checkpoint.processor.tokenizer
        self._skip = frozenset({tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id})

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """See `GroundingEngine`."""
        wanted, notes = asked(question) if question.ask in (GroundingTask.REFER, GroundingTask.DETECT) else ([], [])
        wanted = [harmless(thing) for thing in wanted]
        prompts = [_phrase(thing) for thing in wanted] or [self._prompt(question)]
        if question.text and not wanted and question.ask is not GroundingTask.VQA:
            notes = ["Your words were not sent: the model takes none with this task."]
        yield Asked("\n".join(prompts), tuple(notes))
        most = question.max_new_tokens or self._usual
        passes = MultiPass(self._model, self._processor.tokenizer, self._codec, question, task, most, self._skip)
        picture = self._square(question.image)
        seen = self._seen(picture, task)
        for number, prompt in enumerate(prompts):
            inputs = self._inputs(picture, prompt, seen)
            match question.ask:
                case GroundingTask.DETECT:
                    joined = partial(listed, passes.reading, wanted[number])
                    yield from passes.run(prompt, inputs, joined, before=prompt, until=FOUND)
                case GroundingTask.REFER:
                    yield from passes.run(prompt, inputs, before=prompt, until=FOUND)
                case GroundingTask.CAPTION | GroundingTask.GROUNDED_CAPTION:
                    yield from passes.run(prompt, inputs, before=f"{BEGINNING} ")  # decoding drops a first space
                case _:
                    yield from passes.run(prompt, inputs)
        yield passes.answer()

    def _prompt(self, question: Question) -> str:
        text = with_regions(harmless(question.text), question.regions, partial(self._it, question))
        match question.ask:
            case GroundingTask.CAPTION:
                return BEGINNING
            case GroundingTask.GROUNDED_CAPTION:
                return f"<grounding> {BEGINNING}"
            case GroundingTask.IDENTIFY:
                assert question.box is not None
                return f"<grounding>{self._it(question, question.box)} is"
            case GroundingTask.VQA:
                return f"<grounding> Question: {text} Answer:"
            case _:
                raise UserError("Kosmos-2 was not trained to talk freely. Choose another task or model.")

    def _it(self, question: Question, box: Box) -> str:
        """A box in words the model knows from its training."""
        return f"<phrase> It</phrase>{self._codec.write(box, question.image.size)}"

    def _square(self, image: Image.Image) -> Image.Image:
        side = self._model.config.vision_config.image_size
        return image.resize((side, side), Image.Resampling.BICUBIC)

    def _seen(self, picture: Image.Image, task: Task) -> torch.Tensor:
        """What the eyes make of the picture, for the language model: (1, 64, dim)."""
        pixels = self._processor.image_processor(images=picture, return_tensors="pt")["pixel_values"]
        eyes = self._model.vision_model
        with stoppable(self._model, task):
            patches = eyes(pixels.to(self._model.device, self._model.dtype)).last_hidden_state  # (1, patches + 1, dim)
            # As the model's own `generate` does it: each patch normalised, and 64 queries that look at them.
            patches = functional.normalize(eyes.model.post_layernorm(patches), dim=-1)
            seen: torch.Tensor = self._model.image_to_text_projection(patches)[0]
        return seen

    def _inputs(self, picture: Image.Image, prompt: str, seen: torch.Tensor) -> dict[str, Any]:
        """Keywords of `generate`: the prompt with places for the picture, which is filled in at `image_embeds`."""
        places = self._model.config.latent_query_num
        given = self._processor(images=picture, text=prompt, num_image_tokens=places, return_tensors="pt")
        names = ("input_ids", "attention_mask", "image_embeds_position_mask")
        return {name: given[name] for name in names} | {"image_embeds": seen}


def _phrase(text: str) -> str:
    """A phrase whose boxes the model is to go on with."""
    return f"<grounding><phrase> {text}</phrase>"


def load(request: LoadRequest) -> LoadedModel:
    """A Kosmos-2 from its folder.

    Args:
        request: the model, its folder, device and dtype.

    Raises:
        UserError: the files are not of such a model.
    """
    checkpoint = open_checkpoint(request, CLASSES)
    return LoadedModel(Kosmos(checkpoint, request.entry), nbytes=checkpoint.nbytes, move=checkpoint.move)
