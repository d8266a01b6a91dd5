"""An image engine on another server: any that speaks OpenAI's image generations (vLLM-Omni, SGLang and their like).

An `ImageRequest` becomes one HTTP request for each picture, so that every seed is its own, and the answers become the
events of `ImageEngine`.

Invariants: nobody who presses Stop waits for a network, and a server that sends without end is cut off. An answer is
hostile: JSON, base64 and picture are each checked, a picture's size before a pixel is decoded, and no address in an
answer is ever asked. Every failure names the host.
"""

import base64
import binascii
import json
import re
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from playground.catalog import Entry, Remote
from playground.errors import UserError
from playground.imaging.uploads import BROKEN, MAX_PIXELS
from playground.remote import error_messages
from playground.remote.client import Refused, Server
from playground.remote.connection import Connection
from playground.remote.endpoint import api_key
from playground.runtime.task import Task
from playground.text_to_image.types import Done, ImageEvent, ImageRequest, Picture, Settings, Started

MOST_ANSWER = 100_000_000  # bytes: a picture of 4096 x 4096 as PNG in base64
FORMATS = ("PNG", "JPEG", "WEBP")
# Fields a server may not know: left out for good where it refuses them by name, the request goes through without.
OPTIONAL = frozenset((
    "seed", "num_inference_steps", "guidance_scale", "negative_prompt", "response_format", "output_format",
    "generator_device",
))  # fmt: skip
# What the notes call those of them that a person chose.
_NAMES = {
    "seed": "the seed (the same one may give another picture)",
    "num_inference_steps": "the number of steps",
    "guidance_scale": "guidance",
    "negative_prompt": "the negative prompt",
}
# A refusal that names a field may mean its value; these words say that the field itself is meant.
_NOT_KNOWN = re.compile(
    r"unknown|unrecogni[sz]ed|unexpected|unsupported|not (?:supported|permitted|allowed|recogni[sz]ed)|extra[_ ]"
    r"(?:forbidden|field|input)|no such",
    re.IGNORECASE,
)
_DATA_URI = re.compile(r"^data:image/[a-z]{1,10};base64,")
_TRY_AGAIN = "Try again; if it stays so, look into the server's log or choose another model."


class RemoteImages:
    """One model of one server. Any number of requests may be under way at the same time.

    Servers tell no steps: there is no `Step`, and no preview. `Started` comes again, with a note, where the server
    turns out not to take a setting.

    Args:
        remote: The server and the model's name there.
        entry: The model in the catalogue.
        connect_seconds: How long to wait for a connection.
        seconds: How long to wait until a picture has come whole.
    """

    def __init__(self, remote: Remote, entry: Entry, *, connect_seconds: float = 5, seconds: float = 600) -> None:
        self._remote = remote
        self._entry = entry
        self._seconds = seconds
        self._server = Server(remote, "/images/generations", "application/json", connect_seconds)
        self._host = self._server.host

    def generate(self, request: ImageRequest, task: Task) -> Iterator[ImageEvent]:
        """As `ImageEngine.generate`. Stop works at once while waiting, and closes the connection.

        Args:
            request: A validated request without a start picture.
            task: Stops the work.

        Raises:
            UserError: The server cannot be reached, refuses, or answers with something else.
        """
        if request.start is not None:
            raise UserError(
                f"{self._entry.label} makes pictures from words alone here. Take the start picture away, or choose a "
                "local model."
            )
        began = time.monotonic()
        refused = self._server.refused
        yield self._started(request, refused)
        for index in range(request.count):
            task.check()
            one = replace(request, seed=request.seed + index)
            asked = time.monotonic()
            answer, taken = self._ask(_body(one, self._remote.model), task)
            image = _decode_answer(self._host, answer)
            if self._server.refused != refused:
                refused = self._server.refused
                yield self._started(request, refused)
            settings = replace(_settings(one, self._entry, taken), width=image.width, height=image.height)
            yield Picture(index, image, settings, time.monotonic() - asked)
        yield Done(time.monotonic() - began, 0)

    def _started(self, request: ImageRequest, refused: frozenset[str]) -> Started:
        body = _body(request, self._remote.model)
        names = [name for field, name in _NAMES.items() if field in refused and field in body]
        notes = (f"{self._host} does not take {', '.join(names)}; it used its own.",) if names else ()
        return Started(_settings(request, self._entry, body.keys() - refused), notes)

    def _ask(self, body: dict[str, Any], task: Task) -> tuple[bytes, dict[str, Any]]:
        """The answer to this request, and the request as the server took it."""
        taken: dict[str, Any] = {}
        connection, chunks, until = Connection(), list[bytes](), time.monotonic() + self._seconds
        items = connection.carry(
            self._exchange(body, taken, connection), task, lambda: max(0.01, until - time.monotonic())
        )
        try:
            with closing(items):
                for chunk in items:
                    chunks.append(chunk)
                    if time.monotonic() > until:  # it sends, but never comes to an end
                        raise TimeoutError
        except TimeoutError as error:
            raise UserError(
                f"{self._host} has not sent the picture within {self._seconds:g} s. Ask for fewer steps or a smaller "
                "picture, or choose another model."
            ) from error
        except Refused as refusal:
            raise self._explain(refusal) from refusal
        return b"".join(chunks), taken

    def _exchange(self, body: dict[str, Any], taken: dict[str, Any], connection: Connection) -> Iterator[bytes]:
        """The bytes of an accepted answer as they come; fills in `taken`. In the thread of the connection."""
        arrived = 0
        with self._server.taken(body, connection, _without_refused_fields, self._broken_off) as (response, accepted):
            taken |= accepted
            for chunk in response.iter_bytes():
                if connection.is_cut:
                    return
                arrived += len(chunk)
                if arrived > MOST_ANSWER:
                    raise UserError(
                        f"{self._host} sent more than {MOST_ANSWER / 1e6:g} MB and no end of it, so it was cut off. "
                        + _TRY_AGAIN
                    )
                yield chunk

    def _broken_off(self) -> UserError:
        return UserError(f"{self._host} broke off in the middle of the picture. {_TRY_AGAIN}")

    def _explain(self, refusal: Refused) -> UserError:
        status, key = refusal.response.status_code, api_key(self._remote)
        said = error_messages.one_line(error_messages.body_message(refusal.body), key)
        if status in (401, 403):
            return error_messages.bad_key(self._host, self._remote, key, status)
        if status == 404:
            return UserError(
                f"{self._host} has no model “{self._remote.model}”, or makes no pictures at this address (HTTP 404)"
                f"{said}. Correct `model` or `url` in the catalogue."
            )
        if status in (400, 413, 422):
            return UserError(
                f"{self._host} refused the request (HTTP {status}){said}. Change the prompt or the settings."
            )
        return error_messages.refused(self._host, refusal.response, said)


def _without_refused_fields(body: dict[str, Any], refusal: Refused) -> dict[str, Any] | None:
    """The request without the optional fields of which a refusal says that it does not know them."""
    words = frozenset(re.findall(r"\w+", refusal.body)) if _NOT_KNOWN.search(refusal.body) else frozenset()
    named = OPTIONAL & body.keys() & words
    return {name: value for name, value in body.items() if name not in named} if named else None


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


def _settings(request: ImageRequest, entry: Entry, taken: Collection[str]) -> Settings:
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


def _decode_answer(host: str, answer: bytes) -> Image.Image:
    """The RGB picture in an answer of `images/generations`."""
    try:
        encoded = _picture_field(json.loads(answer))
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{host} answered, but not with JSON. Check that `url` in the catalogue is the address of an "
            "OpenAI-compatible API for images."
        ) from error
    if encoded is None:
        raise UserError(f"{host} answered without a picture. {_TRY_AGAIN}")
    if encoded.startswith(("http:", "https:")):
        raise UserError(
            f"{host} sent the address of a picture instead of the picture, and such addresses are not followed. Set "
            "the server up to answer with `b64_json`."
        )
    try:
        data = base64.b64decode(_DATA_URI.sub("", encoded), validate=True)
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(
                    f"{host} sent a picture of {image.width} × {image.height} pixels. Ask for a smaller one."
                )
            rgb = image.convert("RGB")
    except binascii.Error as error:
        raise UserError(f"{host} sent a picture that is not whole (its base64 is damaged). {_TRY_AGAIN}") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, *BROKEN) as error:
        raise UserError(
            f"{host} sent something that is not a whole PNG, JPEG or WebP picture. {_TRY_AGAIN}"
        ) from error
    if rgb.getextrema() == ((0, 0),) * 3:
        raise UserError(
            f"{host} sent an all black picture: its model overflowed, or a safety filter hid the result. Change the "
            "prompt or the seed."
        )
    return rgb


def _picture_field(answer: Any) -> str | None:
    """The picture of an answer as text: base64, or an address; None where there is none."""
    data = answer.get("data") if isinstance(answer, dict) else None
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        return None
    return next((value for name in ("b64_json", "url") if isinstance(value := first.get(name), str) and value), None)
