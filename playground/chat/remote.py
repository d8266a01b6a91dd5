"""A chat engine that asks another server: any that speaks OpenAI's chat completions.

Invariants: how a `ChatRequest` becomes a request to vLLM, SGLang, llama-server, `transformers
serve` and their like, and their answer the events of `ChatEngine`. The server is asked in `playground.remote`.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Literal

import httpx
from pydantic import ValidationError

from playground.catalog import Remote
from playground.chat.types import ChatEvent, ChatRequest, Done, Prompt
from playground.errors import UserError
from playground.inference.openai_stream import Chunk, Usage, sse_data, tokens_of
from playground.inference.types import Token
from playground.remote import error_messages
from playground.remote.client import Refused, Server
from playground.remote.connection import Connection
from playground.remote.endpoint import api_key
from playground.runtime.task import Task

# Fields a server may not know: left out for good where it refuses them by name, the request goes through without.
_SAMPLERS = frozenset(("top_k", "min_p", "repetition_penalty", "repeat_penalty", "repeat_last_n", "samplers"))
_LOGPROBS = frozenset(("logprobs", "top_logprobs"))
_OPTIONAL = _SAMPLERS | _LOGPROBS | {"stream_options", "chat_template_kwargs"}


class RemoteChat:
    """One model of one server. Any number of replies may stream at the same time.

    `context` is what the catalogue says of the model, in tokens; the server keeps the real limit.
    `thinking` is the entry's: with "switch", `ChatRequest.thinking` is handed to the chat template.
    Times are seconds: to connect, to the first token, from one token to the next.
    """

    def __init__(
        self,
        remote: Remote,
        context: int,
        *,
        thinking: Literal["none", "switch", "always"] = "none",
        connect_seconds: float = 5,
        first_seconds: float = 120,
        between_seconds: float = 60,
    ) -> None:
        self._remote = remote
        self._server = Server(remote, "/chat/completions", "text/event-stream", connect_seconds)
        self._host = self._server.host
        self._context = context
        self._thinking = thinking
        self._first_seconds = first_seconds
        self._between_seconds = between_seconds

    def stream(self, request: ChatRequest, task: Task) -> Iterator[ChatEvent]:
        """As `ChatEngine.stream`. Stop works at once in every phase, and closes the connection."""
        wire = Connection()
        begun = False
        events = wire.carry(
            self._exchange(request, wire), task, lambda: self._between_seconds if begun else self._first_seconds
        )
        try:
            with closing(events):
                for event in events:
                    begun = begun or isinstance(event, Token)
                    yield event
        except TimeoutError as error:
            seconds = self._between_seconds if begun else self._first_seconds
            raise error_messages.silent(self._host, seconds, begun) from error

    def _exchange(self, request: ChatRequest, wire: Connection) -> Iterator[ChatEvent]:
        """Ask until the server accepts the fields, then read its reply. Runs in the thread of the wire."""
        body = self._body(request)
        yield Prompt(json.dumps(body["messages"], ensure_ascii=False, indent=2), max_new_tokens=body["max_tokens"])
        key = api_key(self._remote)
        answer = self._server.taken(body, wire, _without, lambda: error_messages.broken_off(self._host, False))
        try:
            with answer as (response, _):
                yield from self._reply(response, request.alternatives, key)
        except Refused as refusal:
            raise self._refusal(refusal, request, key, wire) from refusal

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        """The request. Samplers that are off are sent as such: a server fills in its own values otherwise."""
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._remote.model,
            "messages": [{"role": turn.role, "content": turn.text} for turn in request.turns],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": min(sampling.max_new_tokens, self._context),
            "temperature": sampling.temperature,
            "top_p": max(sampling.top_p, 1e-6),  # vLLM refuses 0
            "seed": sampling.seed,
            "top_k": sampling.top_k or -1,  # off in vLLM, SGLang and llama-server alike
            "min_p": sampling.min_p,
            "repetition_penalty": sampling.repetition_penalty,
            # llama-server's own name, reach and order of samplers, which elsewhere mean nothing
            "repeat_penalty": sampling.repetition_penalty,
            "repeat_last_n": self._context,
            "samplers": ["penalties", "temperature", "top_k", "top_p", "min_p"],
        }
        if request.alternatives:
            body |= {"logprobs": True, "top_logprobs": request.alternatives}
        if self._thinking == "switch":
            body["chat_template_kwargs"] = {"enable_thinking": request.thinking}
        if request.continue_last:
            # For vLLM and SGLang; llama-server goes on with an assistant's last message anyway.
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body

    def _reply(self, response: httpx.Response, alternatives: int, key: str) -> Iterator[Token | Done]:
        """The events of an accepted request, told apart: whole, broken off, or no chat stream at all."""
        reason, usage = "", Usage()
        begun = heard = False
        try:
            for data in sse_data(response.iter_bytes()):
                heard = True
                if data == b"[DONE]":
                    reason = reason or "stop"
                    break
                try:
                    chunk = Chunk.model_validate_json(data)
                except ValidationError as error:
                    raise error_messages.malformed(self._host, begun) from error
                if problem := chunk.error or (chunk.object == "error" and chunk.message):
                    said = error_messages.one_line(error_messages.message_of(problem), key)
                    raise error_messages.broken_off(self._host, begun, said)
                usage = chunk.usage or usage
                for choice in chunk.choices[:1]:
                    for token in tokens_of(choice, alternatives):
                        begun = True
                        yield token
                    reason = choice.finish_reason or reason
        except httpx.RequestError as error:
            if not reason:  # otherwise only the counts are lost
                raise error_messages.broken_off(self._host, begun) from error
        if not heard:
            raise error_messages.no_chat_stream(self._host, response.headers.get("content-type", ""))
        if reason in ("", "abort", "error", "content_filter"):
            raise error_messages.broken_off(self._host, begun, f" (“{reason}”)" if reason else "")
        details = usage.prompt_tokens_details
        yield Done(
            "length" if reason == "length" else "end",
            usage.prompt_tokens,
            details.cached_tokens if details else None,
            usage.completion_tokens,
        )

    def _refusal(self, refusal: Refused, request: ChatRequest, key: str, wire: Connection) -> UserError:
        response, answer = refusal.response, refusal.body
        status = response.status_code
        said = error_messages.one_line(error_messages.body_message(answer), key)
        if status in (401, 403):
            return error_messages.bad_key(self._host, self._remote, key, status)
        if status == 404:
            return error_messages.not_found(self._host, self._remote, self._offered(wire), said)
        if error_messages.is_overflow(status, answer):
            return error_messages.overflow(self._host, self._context, said)
        if request.continue_last and status in (400, 422):
            return error_messages.cannot_continue(self._host, said)
        return error_messages.refused(self._host, response, said)

    def _offered(self, wire: Connection) -> list[str]:
        """The ids of the first models the server lists; none where it does not answer as it should."""
        try:
            response = self._server.client.get(
                f"{self._server.base}/models",
                headers=self._server.headers(),
                timeout=5,
                extensions={"trace": wire.trace},
            )
            return [str(model["id"])[:80] for model in response.json()["data"][:8]]
        except (httpx.RequestError, ValueError, KeyError, TypeError):
            return []


def _without(body: dict[str, Any], refusal: Refused) -> dict[str, Any] | None:
    """The request without the optional fields a refusal names; the two that ask for probabilities go together."""
    named = _OPTIONAL & body.keys() & frozenset(re.findall(r"\w+", refusal.body))
    if named & _LOGPROBS:
        named |= _LOGPROBS
    return {name: value for name, value in body.items() if name not in named} if named else None
