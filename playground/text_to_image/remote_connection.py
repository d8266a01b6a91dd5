"""The connection to an image server: one JSON request, one whole answer, within limits of time and size.

Invariants: nothing here knows pictures. Nobody who presses Stop waits for a network, and a server that sends
without end is cut off.
"""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from playground.catalog import Remote
from playground.errors import UserError
from playground.remote import error_messages
from playground.remote.client import Refused, Server
from playground.remote.connection import Connection
from playground.remote.endpoint import api_key
from playground.runtime.task import Task
from playground.text_to_image import remote_responses as answers

MOST_ANSWER = 100_000_000  # bytes: a picture of 4096 x 4096 as PNG in base64
# Fields a server may not know: left out for good where it refuses them by name, the request goes through without.
OPTIONAL = frozenset((
    "seed", "num_inference_steps", "guidance_scale", "negative_prompt", "response_format", "output_format",
    "generator_device",
))  # fmt: skip
# A refusal that names a field may mean its value; these words say that the field itself is meant.
_NOT_KNOWN = re.compile(
    r"unknown|unrecogni[sz]ed|unexpected|unsupported|not (?:supported|permitted|allowed|recogni[sz]ed)|extra[_ ]"
    r"(?:forbidden|field|input)|no such",
    re.IGNORECASE,
)


class ImageServer:
    """One server. `host` is how it is called in words, `refused` the fields it was found not to take."""

    def __init__(self, remote: Remote, *, connect_seconds: float, seconds: float) -> None:
        self._remote = remote
        self._server = Server(remote, "/images/generations", "application/json", connect_seconds)
        self.host = self._server.host
        self._seconds = seconds

    @property
    def refused(self) -> frozenset[str]:
        return self._server.refused

    def ask(self, body: dict[str, Any], task: Task) -> tuple[bytes, dict[str, Any]]:
        """The answer to this request, and the request as the server took it.

        Raises `Cancelled` at once after `task.cancel()`, and `UserError` for a refusal, a broken connection, silence
        or an answer beyond `MOST_ANSWER`.
        """
        taken: dict[str, Any] = {}
        wire, chunks, until = Connection(), list[bytes](), time.monotonic() + self._seconds
        items = wire.carry(self._exchange(body, taken, wire), task, lambda: max(0.01, until - time.monotonic()))
        try:
            with closing(items):
                for chunk in items:
                    chunks.append(chunk)
                    if time.monotonic() > until:  # it sends, but never comes to an end
                        raise TimeoutError
        except TimeoutError as error:
            raise answers.silent(self.host, self._seconds) from error
        except Refused as refusal:
            raise self._words(refusal) from refusal
        return b"".join(chunks), taken

    def _exchange(self, body: dict[str, Any], taken: dict[str, Any], wire: Connection) -> Iterator[bytes]:
        """The bytes of an accepted answer as they come; fills in the request that was. In the thread of the wire."""
        arrived = 0
        with self._server.taken(body, wire, _without, lambda: answers.broken_off(self.host)) as (response, accepted):
            taken |= accepted
            for chunk in response.iter_bytes():
                if wire.is_cut:
                    return
                arrived += len(chunk)
                if arrived > MOST_ANSWER:
                    raise answers.endless(self.host, MOST_ANSWER)
                yield chunk

    def _words(self, refusal: Refused) -> UserError:
        status, key = refusal.response.status_code, api_key(self._remote)
        said = error_messages.one_line(error_messages.body_message(refusal.body), key)
        if status in (401, 403):
            return error_messages.bad_key(self.host, self._remote, key, status)
        if status == 404:
            return answers.not_found(self.host, self._remote, said)
        if status in (400, 413, 422):
            return answers.refused(self.host, status, said)
        return error_messages.refused(self.host, refusal.response, said)


def _without(body: dict[str, Any], refusal: Refused) -> dict[str, Any] | None:
    """The request without the optional fields of which a refusal says that it does not know them."""
    words = frozenset(re.findall(r"\w+", refusal.body)) if _NOT_KNOWN.search(refusal.body) else frozenset()
    named = OPTIONAL & body.keys() & words
    return {name: value for name, value in body.items() if name not in named} if named else None
