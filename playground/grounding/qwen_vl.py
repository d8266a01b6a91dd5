"""Qwen's vision-language models (Qwen3-VL, Qwen3.5, Qwen2.5-VL): a chat about a picture, boxes as JSON.

Invariants: the classes, processor and chat template are the checkpoint's own; what is ours is the words for a
task, and the codec the catalogue names. Imports torch and transformers; imported lazily. One thread at a time.

Boxes of Qwen3-VL and later are in thousandths of the picture, those of Qwen2.5-VL in pixels of the resized input
(Bai et al. 2025, arXiv:2502.13923), which is why the codec is told that size.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    ProcessorMixin,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
)

from playground.catalog import Entry
from playground.errors import UserError
from playground.families import LoadRequest
from playground.grounding import checkpoint
from playground.grounding.answer_decoding import AnswerDecoder, locate_phrases, name_entities, substitute_regions
from playground.grounding.checkpoint import Checkpoint
from playground.grounding.generation import generate_text
from playground.grounding.options import GroundingOptions
from playground.grounding.task_instructions import instruction
from playground.grounding.types import Asked, GroundingEvent, GroundingTask, ParsedAnswer, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

# model_type of the config: the class that reads it
CLASSES: dict[str, Any] = {
    "qwen3_vl": Qwen3VLForConditionalGeneration,
    "qwen3_5": Qwen3_5ForConditionalGeneration,
    "qwen2_5_vl": Qwen2_5_VLForConditionalGeneration,
}
# Pixels a picture is brought down to: a token of the picture is 32 x 32 of them (28 x 28 before Qwen3-VL), and a CPU
# reads few tokens a second.
MAX_PIXELS = {"cpu": 512 * 32 * 32, "": 1280 * 32 * 32}
MAX_ASPECT_RATIO = 100  # the longer side by the shorter; the library refuses 200
# A model may have said anything; these would move the picture, or begin another turn.
_MARKS = re.compile(r"<\|(?:image_pad|video_pad|vision_start|vision_end|im_start|im_end)\|>")
_PICTURE = re.compile(r"<\|vision_start\|>.*?<\|vision_end\|>", re.DOTALL)


class StillsProcessor(Qwen3VLProcessor):
    """The processor without its part for videos, which is the one that needs torchvision."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None) -> None:
        marks = {
            "image": "image_pad",
            "video": "video_pad",
            "vision_start": "vision_start",
            "vision_end": "vision_end",
        }
        for name, mark in marks.items():
            setattr(self, f"{name}_token", f"<|{mark}|>")
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(f"<|{mark}|>"))
        # Not the parent's: it wants the part that is left out.
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


class Qwen:
    """A loaded model as a `GroundingEngine`."""

    def __init__(self, loaded: Checkpoint, entry: Entry) -> None:
        self._model = loaded.model
        self._processor = loaded.processor
        self._codec = GroundingOptions.of(entry).dialect

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """See `GroundingEngine`. Raises `UserError` for a picture far longer than wide."""
        image = question.image
        if max(image.size) > MAX_ASPECT_RATIO * min(image.size):
            raise UserError("This picture is too long and thin for this model. Cut it into parts first.")
        size = self._codec_size(image)
        decoder = AnswerDecoder(self._codec, size, question.max_new_tokens)
        prompt = self._prompt(question, size)
        yield Asked(prompt)
        inputs = self._processor(text=[prompt], images=[image], return_tensors="pt", size=self._size())
        stream = generate_text(
            self._model,
            self._processor.tokenizer,
            inputs,
            task,
            question.max_new_tokens,
            question.temperature,
            question.seed,
        )

        def fix(parsed: ParsedAnswer) -> ParsedAnswer:
            found = name_entities(question.text)(parsed) if question.task is GroundingTask.REFER else parsed
            return locate_phrases(found)

        yield from decoder.decode(prompt, stream, fix)
        yield decoder.answer()

    def _prompt(self, question: Question, size: tuple[int, int]) -> str:
        """The whole conversation as the chat template writes it, the picture in its first message."""

        def write(box: Any) -> str:
            return self._codec.format_box(box, size)

        text = substitute_regions(question.text, question.regions, write)
        box = write(question.box) if question.box is not None else ""
        said: list[dict[str, Any]] = []
        for turn in question.turns:
            said.append({"role": "user", "content": [{"type": "text", "text": _words(turn.prompt)}]})
            said.append({"role": "assistant", "content": [{"type": "text", "text": _MARKS.sub("", turn.raw)}]})
        last = instruction(question, text, self._codec.name, box)
        said.append({"role": "user", "content": [{"type": "text", "text": last}]})
        said[0]["content"].insert(0, {"type": "image"})
        written = self._processor.tokenizer.apply_chat_template(
            said,
            chat_template=self._processor.chat_template,
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,  # where a box is does not need to be thought about for a minute
        )
        return str(written)

    def _size(self) -> dict[str, int]:
        most = MAX_PIXELS["cpu" if self._model.device.type == "cpu" else ""]
        own = self._processor.image_processor.size
        return {
            "shortest_edge": min(own["shortest_edge"], most),
            "longest_edge": min(own["longest_edge"], most),
        }

    def _codec_size(self, image: Image.Image) -> tuple[int, int]:
        """(width, height) that the codec counts in: of the resized input where boxes are in its pixels."""
        if self._codec.name != "qwen_abs":
            return image.size
        pixels = self._processor.image_processor(images=[image], return_tensors="pt", size=self._size())
        _, high, wide = pixels["image_grid_thw"][0].tolist()
        side = self._processor.image_processor.patch_size
        return wide * side, high * side


def load(request: LoadRequest) -> LoadedModel:
    """A Qwen vision-language model from its folder.

    Args:
        request: the model, its folder, device and dtype.

    Raises:
        UserError: the files are not of such a model.
    """
    loaded = checkpoint.open_checkpoint(request, CLASSES, _processor)
    return LoadedModel(Qwen(loaded, request.entry), nbytes=loaded.nbytes, move=loaded.move)


def _processor(folder: Path) -> StillsProcessor:
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    pictures = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    other, _ = StillsProcessor.get_processor_dict(folder, local_files_only=True)
    template = other.get("chat_template") or tokenizer.chat_template
    if not template:
        raise ValueError("there is no chat template")
    return StillsProcessor(pictures, tokenizer, chat_template=template)


def _words(prompt: str) -> str:
    """The user's part of an earlier prompt, which is kept as the whole that the model was sent."""
    last = prompt.rpartition("<|im_start|>user\n")[2].partition("<|im_end|>")[0]
    return _PICTURE.sub("", last)
