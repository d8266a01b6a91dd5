"""One model of one server, asked until it takes the request: what it refuses by name is left out and remembered.

Invariants: a request is a dictionary and an answer is bytes; what the fields mean, and how a failure is told of
a reply or a picture, stays with who asks.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from playground.catalog import Remote
from playground.errors import UserError
from playground.remote import error_messages
from playground.remote.connection import Connection
from playground.remote.endpoint import api_key, base_url, http_client

log = logging.getLogger(__name__)

MOST_REFUSAL = 100_000  # bytes
Body = dict[str, Any]


class Refused(Exception):
    """An answer with another status than success; `body` is its beginning."""

    def __init__(self, response: httpx.Response, body: str) -> None:
        super().__init__(response.status_code)
        self.response = response
        self.body = body


class Server:
    """`host` is how it is called in words, `refused` the fields it was found not to take.

    Args:
        path: what is asked there, such as "/chat/completions".
        accept: the type of answer that is wished.
    """

    def __init__(self, remote: Remote, path: str, accept: str, connect_seconds: float) -> None:
        self.remote = remote
        self.base, self.host = base_url(remote.url, path)
        self.client = http_client(connect_seconds)
        self.refused: frozenset[str] = frozenset()
        self._path = path
        self._accept = accept
        self._connect_seconds = connect_seconds

    def headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": self._accept}
        key = api_key(self.remote)
        return headers | {"Authorization": f"Bearer {key}"} if key else headers

    @contextmanager
    def taken(
        self, body: Body, wire: Connection, without: Callable[[Body, Refused], Body | None],
        broken_off: Callable[[], UserError],
    ) -> Iterator[tuple[httpx.Response, Body]]:  # fmt: skip
        """The answer to be read, and the request as the server took it. Runs in the thread of the wire.

        `without(body, refusal)` is the request without what the refusal names, or None where that changes nothing;
        `broken_off()` is what to say of a connection that ends in the middle of an answer.
        Raises `Refused`, and `UserError` where there is no server.
        """
        body = {name: value for name, value in body.items() if name not in self.refused}
        headers, refused = self.headers(), frozenset[str]()
        while True:
            begun = False
            try:
                with self.client.stream(
                    "POST", f"{self.base}{self._path}", content=json.dumps(body), headers=headers,
                    extensions={"trace": wire.trace},
                ) as response:  # fmt: skip
                    begun = True
                    if response.is_success:
                        self.refused |= refused  # remembered only now: it was these fields, and nothing else
                        yield response, body
                        return
                    said = b""
                    for chunk in response.iter_bytes():
                        said += chunk
                        if wire.is_cut or len(said) > MOST_REFUSAL:
                            break
            except httpx.RequestError as error:
                if begun:
                    raise broken_off() from error
                raise error_messages.unreachable(self.host, error, self._connect_seconds) from error
            refusal = Refused(response, said[:MOST_REFUSAL].decode("utf-8", "replace"))
            changed = without(body, refusal) if response.status_code in (400, 422) else None
            if changed is None:
                raise refusal
            left_out = body.keys() - changed.keys()
            log.info("%s does not take %s; asking without", self.host, ", ".join(sorted(left_out)))
            if changed.keys() < body.keys():  # otherwise it only has another name there
                refused |= left_out
            body = changed
