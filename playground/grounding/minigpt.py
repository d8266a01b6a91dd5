"""`avatar-minigpt`, the small model of the drawn world: tasks, template and boxes of MiniGPT-v2 (arXiv:2310.09478).

Invariants: stock classes of transformers (Idefics3 with a Llama) answer; ours are the words of a task and the
square the model looks at. A picture that is not square stands in the middle of one, and boxes are told of the picture.
Imports torch and transformers; imported lazily. One thread at a time.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from transformers import AutoImageProcessor, AutoTokenizer, Idefics3ForConditionalGeneration

from playground.families import LoadRequest
from playground.grounding import checkpoint
from playground.grounding.answer_decoding import AnswerDecoder, append_detections, name_entities, substitute_regions
from playground.grounding.checkpoint import Checkpoint
from playground.grounding.codecs.tag_dialects import MINIGPT_V2
from playground.grounding.generation import generate_text
from playground.grounding.minigpt_prompt import IMAGE, PLACES, opening, turn
from playground.grounding.task_instructions import split_list
from playground.grounding.types import Asked, Box, Entity, GroundingEvent, GroundingTask, ParsedAnswer, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

TEMPLATES = {
    GroundingTask.CHAT: "{text}",
    GroundingTask.CAPTION: "[caption] please describe this image?",
    GroundingTask.GROUNDED_CAPTION: "[grounding] describe this image in detail",
    GroundingTask.REFER: "[refer] {text}",
    GroundingTask.DETECT: "[detection] {text}",
    GroundingTask.IDENTIFY: "[identify] what is this {box}",
    GroundingTask.VQA: "[vqa] {text}",
}
# What a person may type and the template alone may say.
_MARKS = re.compile(r"</?s>|<pad>|\[/?INST\]|</?Img>|<image>")
_QUESTION = re.compile(r"(?:</Img>|\[INST\]) ?((?:(?!\[INST\]|</Img>).)*) \[/INST\]\Z", re.DOTALL)


@dataclass(frozen=True)
class Square:
    """A picture of `width` x `height` in the middle of a square; both directions are exact up to rounding."""

    width: int
    height: int

    def inside(self, box: Box) -> Box:
        """From the picture to the square, both in fractions."""
        side = max(self.width, self.height)
        left, top = (side - self.width) / 2, (side - self.height) / 2
        x0, x1 = ((left + x * self.width) / side for x in (box.x0, box.x1))
        y0, y1 = ((top + y * self.height) / side for y in (box.y0, box.y1))
        return replace(box, x0=x0, y0=y0, x1=x1, y1=y1)

    def outside(self, box: Box) -> Box | None:
        """From the square to the picture; None where nothing of the box lies in the picture."""
        side = max(self.width, self.height)
        left, top = (side - self.width) / 2, (side - self.height) / 2
        x0, x1 = (min(max((x * side - left) / self.width, 0.0), 1.0) for x in (box.x0, box.x1))
        y0, y1 = (min(max((y * side - top) / self.height, 0.0), 1.0) for y in (box.y0, box.y1))
        return replace(box, x0=x0, y0=y0, x1=x1, y1=y1) if x0 < x1 and y0 < y1 else None


class MiniGPT:
    """A loaded model as a `GroundingEngine` and a `SeeingEngine`."""

    def __init__(self, loaded: Checkpoint) -> None:
        self._model = loaded.model
        self._tokenizer = loaded.processor.tokenizer
        self._images = loaded.processor.image_processor
        self._codec = MINIGPT_V2

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """See `GroundingEngine`."""
        square = Square(*question.image.size)
        size = (max(question.image.size),) * 2
        decoder = AnswerDecoder(self._codec, size, question.max_new_tokens)
        things = split_list(question.text) if question.task is GroundingTask.DETECT else ()
        # The model was trained to detect one thing at a time.
        questions = [replace(question, text=thing) for thing in things] if len(things) > 1 else [question]
        prompts = [self._prompt(one, square, size) for one in questions]
        shown = [prompt.replace(IMAGE * PLACES, f"{IMAGE}×{PLACES}") for prompt in prompts]
        yield Asked("\n".join(shown))
        pixels = self._pixels(question.image)
        for one, prompt, seen in zip(questions, prompts, shown, strict=True):
            ids = self._ids(prompt)
            inputs = {"input_ids": ids, "pixel_values": pixels, "attention_mask": torch.ones_like(ids)}
            stream = generate_text(
                self._model,
                self._tokenizer,
                inputs,
                task,
                question.max_new_tokens,
                question.temperature,
                question.seed,
            )
            earlier = decoder.parsed if len(questions) > 1 else None
            yield from decoder.decode(seen, stream, partial(_fix, one, square, earlier))
        yield decoder.answer()

    @torch.no_grad()
    def heat(self, image: Image.Image, phrase: str, task: Task) -> np.ndarray:
        """See `SeeingEngine`. For a phrase: how much its words look at each place, over the language model's layers;
        with "": how much the patches of the ViT look at each other. Both are what attention weights show, no more."""
        square = Square(*image.size)
        pixels = self._pixels(image)
        if phrase:
            shown = self._looked_at(pixels, phrase)
        else:
            with self._eager_attention():
                found = self._model.model.vision_model(pixels[:, 0].to(self._model.device), output_attentions=True)
            shown = torch.stack(found.attentions).mean((0, 1, 2, 3))  # (patches,) as keys
        task.check()
        side = round(len(shown) ** 0.5)
        grid = shown.view(side, side).float().cpu().numpy()
        low, high = float(grid.min()), float(grid.max())
        grid = (grid - low) / (high - low) if high > low else np.zeros_like(grid)
        return _cut(grid, square)

    def _looked_at(self, pixels: torch.Tensor, phrase: str) -> torch.Tensor:
        ids = self._ids(opening() + turn(f"[refer] {_MARKS.sub('', phrase)}", first=True))
        with self._eager_attention():
            found = self._model(
                input_ids=ids.to(self._model.device), pixel_values=pixels.to(self._model.device, self._model.dtype),
                output_attentions=True,
            )  # fmt: skip
        places = torch.nonzero(ids[0] == self._model.config.image_token_id)[:, 0]
        layers = torch.stack([layer[0].float().mean(0) for layer in found.attentions])  # (layers, L, L)
        # The last places of the prompt ask; earlier words only hold what they mean.
        return layers[:, -3:, places].mean((0, 1))

    @contextmanager
    def _eager_attention(self) -> Iterator[None]:
        """Attention computed in the one way that gives its weights, until the block ends, however it ends."""
        before = str(self._model.config._attn_implementation)
        self._model.set_attn_implementation("eager")
        try:
            yield
        finally:
            self._model.set_attn_implementation(before)

    def _prompt(self, question: Question, square: Square, size: tuple[int, int]) -> str:
        def write(box: Box) -> str:
            return self._codec.format_box(square.inside(box), size)

        text = substitute_regions(_MARKS.sub("", question.text), question.regions, write)
        box = write(question.box) if question.box is not None else ""
        asked = TEMPLATES[question.task].format(text=text, box=box)
        if question.task is GroundingTask.IDENTIFY and text.strip():
            asked = f"[identify] {text} {box}"
        written = opening()
        for number, earlier in enumerate(question.turns):
            said = _QUESTION.search(earlier.prompt)
            words = said[1] if said else earlier.prompt
            written += f"{turn(words, first=number == 0)}{_MARKS.sub('', earlier.raw)}</s>"
        return written + turn(asked, first=not question.turns)

    def _ids(self, prompt: str) -> torch.Tensor:
        ids: torch.Tensor = self._tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
        return ids

    def _pixels(self, image: Image.Image) -> torch.Tensor:
        """(1, 1, 3, S, S) of the picture in the middle of a square."""
        side = self._model.config.vision_config.image_size
        edge = np.asarray(image.resize((side, side)).convert("RGB"))
        border = np.concatenate([edge[0], edge[-1], edge[:, 0], edge[:, -1]])
        colour = tuple(int(value) for value in np.median(border, axis=0))  # as if its background went on
        whole = ImageOps.pad(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS, color=colour)
        pixels: torch.Tensor = self._images(images=[whole], return_tensors="pt").pixel_values
        return pixels


def load(request: LoadRequest) -> LoadedModel:
    """The model from its folder, in float32 on a CPU.

    Args:
        request: the model, its folder, device and dtype.

    Raises:
        UserError: the files are not of such a model.
    """
    loaded = checkpoint.open_checkpoint(
        request, {"idefics3": Idefics3ForConditionalGeneration}, _Preparing.from_folder
    )
    return LoadedModel(MiniGPT(loaded), nbytes=loaded.nbytes, move=loaded.move)


@dataclass(frozen=True)
class _Preparing:
    """Tokenizer and image processor side by side: the stock processor writes a template of its own."""

    tokenizer: Any
    image_processor: Any

    @classmethod
    def from_folder(cls, folder: Path) -> "_Preparing":
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return cls(tokenizer, AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil"))


def _fix(question: Question, square: Square, earlier: ParsedAnswer | None, parsed: ParsedAnswer) -> ParsedAnswer:
    """Boxes of the picture; what was asked for as the phrase, after `earlier` things of a list."""
    found = _of_the_picture(parsed, square)
    if earlier is not None:
        return append_detections(earlier, question.text, found)
    return name_entities(question.text)(found) if question.task is GroundingTask.REFER else found


def _of_the_picture(parsed: ParsedAnswer, square: Square) -> ParsedAnswer:
    """Boxes of the square as boxes of the picture; those beside it are left out, which is said."""
    entities, lost = [], 0
    for entity in parsed.entities:
        boxes = [square.outside(box) for box in entity.boxes]
        lost += sum(box is None for box in boxes)
        entities.append(Entity(entity.phrase, entity.span, tuple(box for box in boxes if box is not None)))
    said = (f"{lost} box{'es' if lost > 1 else ''} left out: beside the picture.",) if lost else ()
    return ParsedAnswer(parsed.text, tuple(entities), parsed.warnings + said)


def _cut(grid: np.ndarray, square: Square) -> np.ndarray:
    """The part of a square heat map that lies over the picture."""
    side = len(grid)
    part = square.inside(Box(0, 0, 1, 1))
    rows = slice(int(part.y0 * side), max(int(np.ceil(part.y1 * side)), int(part.y0 * side) + 1))
    columns = slice(int(part.x0 * side), max(int(np.ceil(part.x1 * side)), int(part.x0 * side) + 1))
    return np.ascontiguousarray(grid[rows, columns], dtype=np.float32)
