"""The connection to an image server: one JSON request, one whole answer, within limits of time and size.

Rule of the room: nothing here knows pictures. Nobody who presses Stop waits for a network, and a server that sends
without end is cut off.
"""

import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx

from playground.catalog import Remote
from playground.chat import remote_failures as failures
from playground.chat.remote_wire import Wire
from playground.errors import UserError
from playground.images import remote_answers as answers
from playground.remote_address import base_of, client, key_of
from playground.task import Task

log = logging.getLogger(__name__)

MOST_ANSWER = 100_000_000  # bytes: a picture of 4096 x 4096 as PNG in base64
MOST_REFUSAL = 100_000
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
_PATH = "/images/generations"


class ImageServer:
    """One server. `host` is how it is called in words, `refused` the fields it was found not to take."""

    def __init__(self, remote: Remote, *, connect_seconds: float, seconds: float) -> None:
        self._remote = remote
        self._base, self.host = base_of(remote.url, _PATH)
        self._connect_seconds = connect_seconds
        self._seconds = seconds
        self.refused: frozenset[str] = frozenset()
        self._client = client(connect_seconds)

    def ask(self, body: dict[str, Any], task: Task) -> tuple[bytes, dict[str, Any]]:
        """The answer to this request, and the request as the server took it.

        Raises `Cancelled` at once after `task.cancel()`, and `UserError` for a refusal, a broken connection, silence
        or an answer beyond `MOST_ANSWER`.
        """
        taken = {name: value for name, value in body.items() if name not in self.refused}
        refused: frozenset[str] = frozenset()
        until = time.monotonic() + self._seconds
        while True:
            try:
                answer = self._answer(taken, task, until)
            except _Refused as refusal:
                named = _named(taken, refusal)
                if not named:
                    raise self._words(refusal) from refusal
                log.info("%s does not take %s; asking without", self.host, ", ".join(sorted(named)))
                refused |= named
                taken = {name: value for name, value in taken.items() if name not in named}
                continue
            self.refused |= refused  # remembered only now: it was these fields, and nothing else
            return answer, taken

    def _answer(self, body: dict[str, Any], task: Task, until: float) -> bytes:
        wire = Wire()
        chunks: list[bytes] = []
        items = wire.carry(self._exchange(body, wire), task, lambda: max(0.01, until - time.monotonic()))
        try:
            with closing(items):
                for chunk in items:
                    chunks.append(chunk)
                    if time.monotonic() > until:  # it sends, but never comes to an end
                        raise TimeoutError
        except TimeoutError as error:
            raise answers.silent(self.host, self._seconds) from error
        return b"".join(chunks)

    def _exchange(self, body: dict[str, Any], wire: Wire) -> Iterator[bytes]:
        """The bytes of an accepted answer as they come. Runs in the thread of the wire."""
        begun = False
        arrived = 0
        try:
            with self._client.stream(
                "POST",
                f"{self._base}{_PATH}",
                content=json.dumps(body),
                headers=self._headers(),
                extensions={"trace": wire.trace},
            ) as response:
                begun = True
                if response.is_success:
                    for chunk in response.iter_bytes():
                        if wire.is_cut:
                            return
                        arrived += len(chunk)
                        if arrived > MOST_ANSWER:
                            raise answers.endless(self.host, MOST_ANSWER)
                        yield chunk
                    return
                said = b""
                for chunk in response.iter_bytes():
                    said += chunk
                    if wire.is_cut or len(said) > MOST_REFUSAL:
                        break
        except httpx.RequestError as error:
            if begun:
                raise answers.broken_off(self.host) from error
            raise failures.unreachable(self.host, error, self._connect_seconds) from error
        raise _Refused(response, said[:MOST_REFUSAL].decode("utf-8", "replace"))

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        key = key_of(self._remote)
        return headers | {"Authorization": f"Bearer {key}"} if key else headers

    def _words(self, refusal: "_Refused") -> UserError:
        status, key = refusal.response.status_code, key_of(self._remote)
        said = failures.one_line(failures.body_message(refusal.body), key)
        if status in (401, 403):
            return failures.bad_key(self.host, self._remote, key, status)
        if status == 404:
            return answers.not_found(self.host, self._remote, said)
        if status in (400, 413, 422):
            return answers.refused(self.host, status, said)
        return failures.refused(self.host, refusal.response, said)


class _Refused(Exception):
    """An answer with another status than success."""

    def __init__(self, response: httpx.Response, body: str) -> None:
        super().__init__(response.status_code)
        self.response = response
        self.body = body


def _named(body: dict[str, Any], refusal: _Refused) -> frozenset[str]:
    """Which optional fields of the request a refusal says it does not know."""
    if refusal.response.status_code not in (400, 422) or not _NOT_KNOWN.search(refusal.body):
        return frozenset()
    return OPTIONAL & body.keys() & frozenset(re.findall(r"\w+", refusal.body))
