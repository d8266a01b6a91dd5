"""An image engine that asks another server: any that speaks OpenAI's image generations.

Invariants: how an `ImageRequest` becomes requests to vLLM-Omni, SGLang and their like, one for each picture so
that every seed is its own, and their answers the events of `ImageEngine`. The connection is in `remote_server`, what
comes over it and what is said when it fails in `remote_answers`.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from playground.catalog import Entry, Remote
from playground.errors import UserError
from playground.runtime.task import Task
from playground.text_to_image import remote_responses as answers
from playground.text_to_image.remote_connection import ImageServer
from playground.text_to_image.types import Done, ImageEvent, ImageRequest, Picture, Settings, Started

# What the notes call the fields a server may not know.
_NAMES = {
    "seed": "the seed (the same one may give another picture)",
    "num_inference_steps": "the number of steps",
    "guidance_scale": "guidance",
    "negative_prompt": "the negative prompt",
}


class RemoteImages:
    """One model of one server. Any number of requests may be under way at the same time.

    Times are seconds: to connect, and until a picture has come whole. Servers tell no steps: there is no `Step`, and
    no preview. `Started` comes again, with a note, where the server turns out not to take a setting.
    """

    def __init__(self, remote: Remote, entry: Entry, *, connect_seconds: float = 5, seconds: float = 600) -> None:
        self._remote = remote
        self._entry = entry
        self._server = ImageServer(remote, connect_seconds=connect_seconds, seconds=seconds)

    def generate(self, request: ImageRequest, task: Task) -> Iterator[ImageEvent]:
        """As `ImageEngine.generate`. Stop works at once while waiting, and closes the connection."""
        if request.start is not None:
            raise UserError(
                f"{self._entry.label} makes pictures from words alone here. Take the picture to begin from away, or "
                "choose a local model."
            )
        began = time.monotonic()
        told = self._server.refused
        yield self._started(request, told)
        for index in range(request.count):
            task.check()
            wish = replace(request, seed=request.seed + index)
            asked = time.monotonic()
            answer, taken = self._server.ask(_body(wish, self._remote.model), task)
            image = answers.picture(self._server.host, answer)
            if self._server.refused != told:
                told = self._server.refused
                yield self._started(request, told)
            settings = replace(_settings(wish, self._entry, taken.keys()), width=image.width, height=image.height)
            yield Picture(index, image, settings, time.monotonic() - asked)
        yield Done(time.monotonic() - began, 0)

    def _started(self, request: ImageRequest, refused: frozenset[str]) -> Started:
        body = _body(request, self._remote.model)
        names = [name for field, name in _NAMES.items() if field in refused and field in body]
        notes = (f"{self._server.host} does not take {', '.join(names)}; it used its own.",) if names else ()
        return Started(_settings(request, self._entry, body.keys() - refused), notes)


def _body(request: ImageRequest, model: str) -> dict[str, Any]:
    """The request for one picture. What is left to the model is left out."""
    body: dict[str, Any] = {
        "model": model,
        "prompt": request.prompt,
        "n": 1,
        "response_format": "b64_json",
        "output_format": "png",  # SGLang sends JPEG otherwise
        "seed": request.seed,
        "generator_device": "cpu",  # SGLang: the same noise on every machine
    }
    if request.width and request.height:
        body["size"] = f"{request.width}x{request.height}"
    if request.steps:
        body["num_inference_steps"] = request.steps
    if request.guidance is not None:
        body["guidance_scale"] = request.guidance
    if request.negative_prompt:
        body["negative_prompt"] = request.negative_prompt
    return body


def _settings(request: ImageRequest, entry: Entry, taken: Any) -> Settings:
    """What is known of a picture whose request had the fields `taken`."""
    return Settings(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt if "negative_prompt" in taken else "",
        written=request.written,
        model=entry.id,
        scheduler="",
        steps=request.steps if "num_inference_steps" in taken else 0,
        guidance=(request.guidance or 0.0) if "guidance_scale" in taken else 0.0,
        width=request.width,
        height=request.height,
        seed=request.seed,
    )
