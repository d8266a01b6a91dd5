"""What a visitor does without a model: bring a picture, name regions, choose an answer, move a threshold, save.

Invariants: nothing here waits for anything; what comes back from a page is checked like any other input.
"""

import base64
import io
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import processing_utils, utils
from gradio.data_classes import FileDataDict
from PIL import Image

from playground.errors import UserError
from playground.grounding import boxes, export
from playground.grounding.types import Answer
from playground.imaging import uploads
from tabs.common.words import language_of, say
from tabs.grounding import request_builder
from tabs.grounding.examples import Example
from tabs.grounding.handlers import GroundingHandlers
from tabs.grounding.session import Exchange, SessionState, Updates

DRAWN_FAMILY = "avatar-minigpt"
SHOWN_SIDE = 2048  # pixels of the longer side of what a page is sent; the model gets the original


@dataclass
class EditingHandlers:
    """The events that need no model, over the tab's handlers."""

    handlers: GroundingHandlers
    examples: tuple[Example, ...] = ()

    def upload(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A picture arrived: whatever was said of the last one goes."""
        language = language_of(request)
        path = request_builder.sent(data, "path")
        if not isinstance(path, str) or not utils.is_in_or_equal(path, utils.get_upload_folder()):
            raise UserError(say(language, "ground_not_sent"))
        if not Path(path).is_file():
            raise UserError(say(language, "ground_not_sent"))
        return self.opened(visit, uploads.read(path), request)

    def example(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """An example: its picture, and its question in the prompt."""
        index = request_builder.sent(data, "index")
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(self.examples):
            raise UserError(say(language_of(request), "ground_not_sent"))
        example = self.examples[index]
        return self.opened(visit, uploads.read(example.path), request, example)

    def opened(
        self, visit: SessionState, image: Image.Image, request: gr.Request, example: Example | None = None
    ) -> tuple[Any, ...]:
        """The page with this picture, upright and RGB, and nothing asked of it yet."""
        self.handlers.stop(visit)
        visit.afresh(image, shown_file(image))
        if example is not None and example.box is not None:
            visit.place(example.box)
        prompt = None if example is None else example.question
        return self._drawn(visit, request, status="", prompt=prompt)

    def clear(self, visit: SessionState, request: gr.Request) -> tuple[Any, ...]:
        """The conversation goes, the picture and its regions stay."""
        self.handlers.stop(visit)
        visit.exchanges, visit.shown, visit.heat = [], None, ""
        return self._drawn(visit, request, status="")

    def choose(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """An earlier answer was clicked: its boxes go on the picture."""
        exchange = visit.found(request_builder.sent(data, "turn"))
        if exchange is None:
            raise UserError(say(language_of(request), "ground_gone"))
        visit.shown = exchange.key
        return self._drawn(visit, request)

    def name(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """The box is kept under the next free name."""
        box = request_builder.box_of(data)
        visit.regions = {**visit.regions, visit.new_region(): box}
        visit.place(None)
        return self._drawn(visit, request)

    def quote(self, visit: SessionState, prompt: str, data: gr.EventData) -> str:
        """The name of a region goes to the end of the prompt."""
        name = request_builder.sent(data, "name")
        return f"{(prompt or '').rstrip()} [{name}] ".lstrip() if name in visit.regions else prompt

    def forget(self, visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """A region is not needed any more."""
        gone = request_builder.sent(data, "name")
        visit.regions = {name: box for name, box in visit.regions.items() if name != gone}
        return self._drawn(visit, request)

    def cool(self, visit: SessionState, request: gr.Request) -> tuple[Any, ...]:
        """The heat map goes."""
        visit.heat = ""
        return self._drawn(visit, request)

    def sift(self, visit: SessionState, threshold: Any, overlap: Any, request: gr.Request) -> tuple[Any, ...]:
        """Threshold and overlap of a detector's boxes, without asking it again."""
        visit.threshold, visit.overlap = _share(threshold, 0.0), _share(overlap, 1.0)
        return self._drawn(visit, request)

    # --- what can be taken away ----------------------------------------------------------------------

    def save_json(self, visit: SessionState, request: gr.Request) -> str:
        exchange, image = self._finished(visit, request)
        assert exchange.answer is not None
        answer = replace(exchange.answer, parsed=visit.filtered_answer(exchange), prompt=exchange.prompt)
        return _file("grounding.json", "application/json", export.as_json(answer, image.size, exchange.model))

    def save_coco(self, visit: SessionState, request: gr.Request) -> str:
        exchange, image = self._finished(visit, request)
        return _file("coco.json", "application/json", export.as_coco(visit.filtered_answer(exchange), image.size))

    def save_yolo(self, visit: SessionState, request: gr.Request) -> str:
        exchange, _ = self._finished(visit, request)
        return _file("yolo.txt", "text/plain", export.as_yolo(visit.filtered_answer(exchange))[0])

    def save_names(self, visit: SessionState, request: gr.Request) -> str:
        exchange, _ = self._finished(visit, request)
        return _file("classes.txt", "text/plain", export.as_yolo(visit.filtered_answer(exchange))[1])

    def save_png(self, visit: SessionState, request: gr.Request) -> str:
        exchange, image = self._finished(visit, request)
        buffer = io.BytesIO()
        export.draw_boxes(image, visit.filtered_answer(exchange)).save(buffer, "PNG")
        return _file("annotated.png", "image/png", buffer.getvalue())

    def crop(self, visit: SessionState, drawn: str, request: gr.Request) -> Image.Image:
        """The inside of the visitor's box."""
        language = language_of(request)
        if visit.image is None:
            raise UserError(say(language, "ground_no_picture"))
        box = request_builder.box_of_text(drawn)
        if box is None:
            raise UserError(say(language, "ground_no_box"))
        return visit.image.crop(boxes.to_pixels(box, visit.image.size))

    def drawn_world(self, model: str) -> bool:
        """Whether a model's pictures are of the drawn people that the VAE's faces are of."""
        return self.handlers.service.entry(model).family == DRAWN_FAMILY

    def _finished(self, visit: SessionState, request: gr.Request) -> tuple[Exchange, Image.Image]:
        """The answer on show. Raises `UserError` where there is none that came to its end."""
        exchange = visit.current()
        if exchange is None or not isinstance(exchange.answer, Answer) or visit.image is None:
            raise UserError(say(language_of(request), "ground_export_none"))
        return exchange, visit.image

    def _drawn(self, visit: SessionState, request: gr.Request, **other: Any) -> tuple[Any, ...]:
        drawing: Updates = self.handlers.drawing(visit, language_of(request), **other)
        return drawing.updates()


def shown_file(image: Image.Image) -> FileDataDict:
    """The picture as a file of Gradio's cache, small enough for a page; its name says nothing."""
    shown = image
    if max(image.size) > SHOWN_SIDE:
        shown = image.copy()
        shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=92, subsampling=0)
    data = buffer.getvalue()
    path = processing_utils.save_bytes_to_cache(data, "picture.jpg", utils.get_upload_folder())
    return {
        "path": path, "orig_name": "picture.jpg", "mime_type": "image/jpeg", "size": len(data), "is_stream": False,
        "meta": {"_type": "gradio.FileData"},
    }  # fmt: skip


def _file(name: str, kind: str, data: str | bytes) -> str:
    """What the browser saves: "name|data URI"."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    return f"{name}|data:{kind};base64,{base64.b64encode(raw).decode('ascii')}"


def _share(value: Any, other: float) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    number = float(value) if usable else other
    return min(1.0, max(0.0, number))
