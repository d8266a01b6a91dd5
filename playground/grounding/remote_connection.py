"""The connection to a server that writes words: one streamed chat completion, within limits of time and length.

Invariants: nothing here knows pictures or boxes. Nobody who presses Stop waits for a network, a server that
writes without end is cut off, and every failure is told in words that name the host.
"""

import logging
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import httpx
from pydantic import ValidationError

from playground.catalog import Remote
from playground.errors import UserError
from playground.inference.openai_stream import Chunk, Usage, sse_data
from playground.remote import error_messages
from playground.remote.client import Refused, Server
from playground.remote.connection import Connection
from playground.remote.endpoint import api_key
from playground.runtime.task import Task

log = logging.getLogger(__name__)

MAX_ANSWER = 50_000  # characters; a server that keeps to `max_tokens` never gets there
# Fields a server may not know: left out for good where it refuses them by name, the request goes through without.
OPTIONAL = frozenset(("seed", "stream_options", "chat_template_kwargs", "temperature"))


class WordServer:
    """One model of one server."""

    def __init__(self, remote: Remote, connect_seconds: float, first_seconds: float, between_seconds: float) -> None:
        self._remote = remote
        self._server = Server(remote, "/chat/completions", "text/event-stream", connect_seconds)
        self.host = self._server.host
        self._first_seconds = first_seconds
        self._between_seconds = between_seconds

    def say(self, body: dict[str, Any], task: Task) -> Generator[tuple[str, int], None, None]:
        """Yield (words so far, tokens so far) as they come; the last tokens are the server's own count, and
        `max_tokens` where it says that it was cut there.

        Raises `Cancelled` at once after `task.cancel()`, and `UserError` for a refusal, a broken connection, silence,
        or something that is no chat completion.
        """
        wire = Connection()
        begun = False
        parts = wire.carry(
            self._exchange(body, wire), task, lambda: self._between_seconds if begun else self._first_seconds
        )
        try:
            with closing(parts):
                for text, tokens in parts:
                    begun = begun or bool(text)
                    yield text, tokens
        except TimeoutError as error:
            raise self._silent(begun) from error

    def _exchange(self, body: dict[str, Any], wire: Connection) -> Iterator[tuple[str, int]]:
        """Runs in the thread of the wire."""
        key = api_key(self._remote)
        try:
            with self._server.taken(body, wire, _without, lambda: self._broken_off("")) as (response, taken):
                yield from self._words(response, taken, key)
        except Refused as refusal:
            raise self._refusal(refusal, key) from refusal

    def _words(self, response: httpx.Response, body: dict[str, Any], key: str) -> Iterator[tuple[str, int]]:
        """The answer as it grows."""
        text, tokens, reason, usage, heard = "", 0, "", Usage(), False
        most = body.get("max_tokens", body.get("max_completion_tokens", 0))
        try:
            for data in sse_data(response.iter_bytes()):
                heard = True
                if data == b"[DONE]":
                    reason = reason or "stop"
                    break
                try:
                    chunk = Chunk.model_validate_json(data)
                except ValidationError as error:
                    raise UserError(
                        f"{self.host} sent something that is no chat completion chunk. Ask again, or choose another "
                        "model."
                    ) from error
                if problem := chunk.error or (chunk.object == "error" and chunk.message):
                    raise self._broken_off(error_messages.one_line(error_messages.message_of(problem), key))
                usage = chunk.usage or usage
                for choice in chunk.choices[:1]:
                    text += choice.delta.content or ""
                    tokens += bool(choice.delta.content)
                    reason = choice.finish_reason or reason
                if len(text) > MAX_ANSWER:
                    log.warning("%s writes without end; cut off", self.host)
                    text, reason = text[:MAX_ANSWER], "length"
                    break
                yield text, min(tokens, max(most - 1, 0))  # also while it thinks: it is alive
        except httpx.RequestError as error:
            if not reason:  # otherwise only the counts are lost
                raise self._broken_off("") from error
        if not heard:
            raise error_messages.no_chat_stream(self.host, response.headers.get("content-type", ""))
        if not reason:
            raise self._broken_off("")
        yield text, most if reason == "length" else min(usage.completion_tokens or tokens, max(most - 1, 0))

    def _refusal(self, refusal: Refused, key: str) -> UserError:
        status = refusal.response.status_code
        said = error_messages.one_line(error_messages.body_message(refusal.body), key)
        if status in (401, 403):
            return error_messages.bad_key(self.host, self._remote, key, status)
        if status == 404:
            return error_messages.not_found(self.host, self._remote, [], said)
        if status in (400, 413, 415, 422):
            return UserError(
                f"{self.host} refused the question (HTTP {status}){said}. Check that “{self._remote.model}” sees "
                "pictures; use a smaller one, or a shorter text."
            )
        return error_messages.refused(self.host, refusal.response, said)

    def _silent(self, begun: bool) -> UserError:
        if begun:
            return UserError(
                f"{self.host} has sent nothing for {self._between_seconds:g} s, so the answer is not whole. Ask again."
            )
        return error_messages.silent(self.host, self._first_seconds, begun)

    def _broken_off(self, said: str) -> UserError:
        return UserError(
            f"{self.host} broke off in the middle of its answer{said}. Ask again; if it stays so, look into the "
            "server's log or choose another model."
        )


def _without(body: dict[str, Any], refusal: Refused) -> dict[str, Any] | None:
    """The request without what the refusal names, or None where that would change nothing."""
    words = frozenset(re.findall(r"\w+", refusal.body))
    if "max_completion_tokens" in words and "max_tokens" in body:  # the newer name of the same
        most = {"max_completion_tokens": body["max_tokens"]}
        return {name: value for name, value in body.items() if name != "max_tokens"} | most
    named = OPTIONAL & words & body.keys()
    return {name: value for name, value in body.items() if name not in named} if named else None
