"""Kosmos-2: a vision-language model that links phrases to boxes of a 32 x 32 grid.

Invariants: a prompt is the beginning of the text that the model continues, so some of it belongs to the answer ("An
image of"). The picture is resized to a square, for the grid covers all of it; it is encoded once.

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
from playground.grounding.answer_decoding import AnswerDecoder, append_detections, substitute_regions
from playground.grounding.checkpoint import Checkpoint, open_checkpoint
from playground.grounding.codecs.base import without_angle_brackets
from playground.grounding.detection import parse_queries, stoppable
from playground.grounding.generation import generate_text
from playground.grounding.options import GroundingOptions
from playground.grounding.types import Asked, Box, GroundingEvent, GroundingTask, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

CLASSES = {"kosmos-2": Kosmos2ForConditionalGeneration}
BEGINNING = "An image of"
END_OF_BOXES = "</object>"  # of a phrase; what the model writes after it was not asked for


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
        wanted, notes = (
            parse_queries(question) if question.task in (GroundingTask.REFER, GroundingTask.DETECT) else ([], [])
        )
        wanted = [without_angle_brackets(thing) for thing in wanted]
        prompts = [_phrase(thing) for thing in wanted] or [self._prompt(question)]
        if question.text and not wanted and question.task is not GroundingTask.VQA:
            notes = ["Your words were not sent: the model takes none with this task."]
        yield Asked("\n".join(prompts), tuple(notes))
        most = question.max_new_tokens or self._usual
        decoder = AnswerDecoder(self._codec, question.image.size, most)
        picture = self._square(question.image)
        features = self._image_features(picture, task)
        for number, prompt in enumerate(prompts):
            inputs = self._inputs(picture, prompt, features)
            stream = generate_text(
                self._model, self._processor.tokenizer, inputs, task, most, question.temperature, question.seed,
                self._skip,
            )  # fmt: skip
            match question.task:
                case GroundingTask.DETECT:
                    fix = partial(append_detections, decoder.parsed, wanted[number])
                    yield from decoder.decode(prompt, stream, fix, before=prompt, until=END_OF_BOXES)
                case GroundingTask.REFER:
                    yield from decoder.decode(prompt, stream, before=prompt, until=END_OF_BOXES)
                case GroundingTask.CAPTION | GroundingTask.GROUNDED_CAPTION:
                    yield from decoder.decode(prompt, stream, before=f"{BEGINNING} ")  # decoding drops a first space
                case _:
                    yield from decoder.decode(prompt, stream)
        yield decoder.answer()

    def _prompt(self, question: Question) -> str:
        text = substitute_regions(
            without_angle_brackets(question.text), question.regions, partial(self._it_phrase, question)
        )
        match question.task:
            case GroundingTask.CAPTION:
                return BEGINNING
            case GroundingTask.GROUNDED_CAPTION:
                return f"<grounding> {BEGINNING}"
            case GroundingTask.IDENTIFY:
                assert question.box is not None
                return f"<grounding>{self._it_phrase(question, question.box)} is"
            case GroundingTask.VQA:
                return f"<grounding> Question: {text} Answer:"
            case _:
                raise UserError("Kosmos-2 was not trained to talk freely. Choose another task or model.")

    def _it_phrase(self, question: Question, box: Box) -> str:
        """A box as the phrase that the model knows from its training."""
        return f"<phrase> It</phrase>{self._codec.format_box(box, question.image.size)}"

    def _square(self, image: Image.Image) -> Image.Image:
        side = self._model.config.vision_config.image_size
        return image.resize((side, side), Image.Resampling.BICUBIC)

    def _image_features(self, picture: Image.Image, task: Task) -> torch.Tensor:
        """The picture's features as the language model takes them: (1, 64, dim)."""
        pixels = self._processor.image_processor(images=picture, return_tensors="pt")["pixel_values"]
        encoder = self._model.vision_model
        with stoppable(self._model, task):
            patches = encoder(
                pixels.to(self._model.device, self._model.dtype)
            ).last_hidden_state  # (1, patches + 1, dim)
            # As the model's own `generate` does it: each patch normalised, and 64 queries that look at them.
            patches = functional.normalize(encoder.model.post_layernorm(patches), dim=-1)
            features: torch.Tensor = self._model.image_to_text_projection(patches)[0]
        return features

    def _inputs(self, picture: Image.Image, prompt: str, features: torch.Tensor) -> dict[str, Any]:
        """Keywords of `generate`: the prompt with places for the picture, which is filled in at `image_embeds`."""
        places = self._model.config.latent_query_num
        given = self._processor(images=picture, text=prompt, num_image_tokens=places, return_tensors="pt")
        names = ("input_ids", "attention_mask", "image_embeds_position_mask")
        return {name: given[name] for name in names} | {"image_embeds": features}


def _phrase(text: str) -> str:
    """A prompt whose phrase the model completes with its boxes."""
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
