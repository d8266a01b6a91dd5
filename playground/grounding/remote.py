"""A grounding engine that asks another server: any that speaks OpenAI's chat completions and sees pictures.

Invariants: how a `Question` becomes messages with the picture inside, and the words that come back the events of
`GroundingEngine`. The connection is in `remote_connection`. The codec is the one the catalogue's entry
names: which numbers a model gives is known of the model and never guessed from its answer.
"""

import base64
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from PIL import Image

from playground.catalog import Entry, Remote
from playground.grounding.answer_decoding import AnswerDecoder, locate_phrases, name_entities, substitute_regions
from playground.grounding.options import GroundingOptions
from playground.grounding.remote_connection import WordServer
from playground.grounding.task_instructions import instruction
from playground.grounding.types import Asked, Box, GroundingEvent, GroundingTask, ParsedAnswer, Question
from playground.runtime.task import Task

MAX_SIDE = 1536  # pixels of the picture that is sent; more is brought down by nearly every server
QUALITY = 92  # of JPEG
PATCH = 28  # pixels: servers of Qwen2.5-VL resize to whole multiples of it, which then changes nothing


class RemoteGrounding:
    """One model of one server. Any number of questions may be under way at the same time.

    Times are seconds: to connect, to the first word, from one word to the next.
    """

    def __init__(
        self,
        remote: Remote,
        entry: Entry,
        *,
        connect_seconds: float = 5,
        first_seconds: float = 120,
        between_seconds: float = 60,
    ) -> None:
        self._remote = remote
        self._entry = entry
        self._codec = GroundingOptions.of(entry).dialect
        self._server = WordServer(remote, connect_seconds, first_seconds, between_seconds)

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """See `GroundingEngine`. Stop works at once in every phase, and closes the connection.

        `Asked.prompt` is the words of this question; the picture and the earlier turns go with them.
        """
        image = self._sent(question.image)
        decoder = AnswerDecoder(self._codec, image.size, question.max_new_tokens)

        def write(box: Box) -> str:
            return self._codec.format_box(box, image.size)

        text = substitute_regions(question.text, question.regions, write)
        box = write(question.box) if question.box is not None else ""
        prompt = instruction(question, text, self._codec.name, box)
        yield Asked(prompt)
        task.check()

        def fix(parsed: ParsedAnswer) -> ParsedAnswer:
            return locate_phrases(
                name_entities(question.text)(parsed) if question.task is GroundingTask.REFER else parsed
            )

        yield from decoder.decode(prompt, self._server.say(self._body(question, prompt, image), task), fix)
        yield decoder.answer()

    def _body(self, question: Question, prompt: str, image: Image.Image) -> dict[str, Any]:
        messages: list[dict[str, Any]] = []
        for turn in question.turns:
            messages.append({"role": "user", "content": [{"type": "text", "text": turn.prompt}]})
            messages.append({"role": "assistant", "content": turn.raw})
        messages.append({"role": "user", "content": [{"type": "text", "text": prompt}]})
        messages[0]["content"].insert(0, {"type": "image_url", "image_url": {"url": _data_url(image)}})
        body: dict[str, Any] = {
            "model": self._remote.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": question.max_new_tokens,
            "temperature": question.temperature,
            "seed": question.seed,
        }
        if self._entry.thinking == "switch":
            body["chat_template_kwargs"] = {"enable_thinking": False}
        return body

    def _sent(self, image: Image.Image) -> Image.Image:
        """The picture as it goes out: no larger than servers look at it."""
        scale = min(1.0, MAX_SIDE / max(image.size))
        width, height = (max(1, round(side * scale)) for side in image.size)
        if self._codec.name == "qwen_abs":
            width, height = (max(PATCH, round(side / PATCH) * PATCH) for side in (width, height))
        size = (width, height)
        return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _data_url(image: Image.Image) -> str:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
