"""Grounding's named endpoint: a contract, with plain typed arguments, also listed as an MCP tool."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.data_classes import FileDataDict

from playground.errors import UserError
from playground.grounding import boxes, export, task_tags
from playground.grounding.service import GroundingService
from playground.grounding.types import Answer, Asked, GroundingTask, Question
from playground.imaging import uploads
from tabs.common.errors import raised
from tabs.common.image_files import uploaded
from tabs.common.session import visitor_of

BOX: Any = {"anyOf": [{"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}, {"type": "null"}]}


def grounding_endpoint(service: GroundingService) -> None:
    """Add `/ground` to the app under construction."""
    default = service.entries()[0]

    def ground(
        image: FileDataDict,
        task: str = GroundingTask.CHAT,
        text: str = "",
        box: Sequence[float] | None = None,
        model: str = default.id,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio fills it in
    ) -> dict[str, Any]:
        """Ask a model about a picture; the answer says in boxes what it speaks of.

        Gives `text`, `entities` (each with phrase, span in `text`, boxes in 0..1 of the upright picture, and score or
        null), `raw` (what the model said), `prompt` (what it was sent) and `warnings` (what of either was changed).

        Args:
            image: A picture file.
            task: One of chat, caption, grounded_caption, refer, detect, identify, vqa.
            text: The question, or what to look for; a leading tag such as [refer] goes before `task`.
            box: [x0, y0, x1, y1] in 0..1 of the upright picture, for identify; null for none.
            model: A grounding model's id, as listed by /models.
        """
        if not isinstance(text, str) or not isinstance(task, str) or not isinstance(model, str):
            raise UserError("`task`, `text` and `model` are words. Send them as text.")
        tag, rest = task_tags.parse_tag(text)
        typed, rest = task_tags.parse_box(rest)
        asked: Any = tag or task_tags.TAGS.get(task.strip().lower()) or task  # any other word is refused by name
        part = typed if box is None else boxes.validate_box(box)
        question = Question(asked, uploads.read(uploaded(image)), rest, part)
        answer: Answer | None = None
        notes: tuple[str, ...] = ()
        for event in service.answer(visitor_of(request), model, question).events():
            if isinstance(event, Asked):
                notes = event.notes
            elif isinstance(event, Answer):
                answer = event
        assert answer is not None, "a job that ends without an error has given its answer"
        found = export.as_dict(answer)
        return found | {"warnings": [*notes, *found["warnings"]]}

    # Like `gr.api`, whose schema of a file no client and no MCP agent would know for one.
    a_file: Any = gr.File(render=False).api_info()
    inputs = [
        Api(None, a_file, "image"), Api(GroundingTask.CHAT.value, {"type": "string"}, "task"),
        Api("", {"type": "string"}, "text"), Api(None, BOX, "box"), Api(default.id, {"type": "string"}, "model"),
    ]  # fmt: skip
    gr.Button(visible=False).click(
        raised(ground), inputs, [Api(None, {"type": "object"}, "found")], api_name="ground",
        concurrency_id="ground-api", concurrency_limit=None,
    )  # fmt: skip
