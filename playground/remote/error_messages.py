"""What to tell a person when a server fails, and what to do about it.

Invariants: every function makes a `UserError` that names the host; none shows a key, nor more
than a line of what the server said.
"""

import json
import re
import socket
import ssl
from typing import Any

import httpx

from playground.catalog import Remote
from playground.errors import UserError

_OVERFLOW = re.compile(
    r"context[ _](length|size|window)|exceed_context|maximum context|(prompt|input|message)s? (is|are) too long",
    re.IGNORECASE,
)
_LINE = 300  # characters of a server's words that are shown


def message_of(answer: Any) -> str:
    """The words in a parsed error answer, in any of the forms servers use; "" where there are none."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, dict):
        for field in ("error", "message", "detail", "type"):
            if answer.get(field):
                return message_of(answer[field])
        return ""
    return json.dumps(answer, ensure_ascii=False) if answer else ""


def one_line(words: str, key: str) -> str:
    """A server's words, short, on one line, without the key some servers repeat; begins with ": "."""
    line = " ".join(words.replace(key, "…").split() if key else words.split())
    return f": {line[:_LINE].rstrip(' .')}" if line else ""


def body_message(body: str) -> str:
    """The words in the body of an error answer; "" for anything but JSON (a proxy's HTML page, say)."""
    try:
        return message_of(json.loads(body))
    except ValueError:
        return ""


def is_overflow(status: int, body: str) -> bool:
    """Whether a refusal means that the conversation is longer than the model's context."""
    return status == 413 or (status in (400, 422) and _OVERFLOW.search(body) is not None)


def overflow(host: str, context: int, said: str) -> UserError:
    return UserError(
        f"The conversation and the reply do not fit into the model's context on {host} (the catalogue says "
        f"{context} tokens){said}. Lower “max new tokens”, remove older turns, or clear the chat."
    )


def cannot_continue(host: str, said: str) -> UserError:
    return UserError(f"{host} cannot continue a reply that was cut{said}. Use Regenerate instead.")


def bad_key(host: str, remote: Remote, key: str, status: int) -> UserError:
    variable = remote.key_variable
    if not variable:
        return UserError(
            f"{host} wants a key (HTTP {status}). Put the name of an environment variable that holds it into "
            f"`key_variable` of this model's catalogue entry, and start the app again."
        )
    if not key:
        return UserError(
            f"{host} wants a key (HTTP {status}), and the environment variable {variable} is not set. "
            f"Set it and start the app again."
        )
    return UserError(
        f"{host} refused the key in the environment variable {variable} (HTTP {status}). "
        f"Check that it is the right one and may use “{remote.model}”."
    )


def not_found(host: str, remote: Remote, offered: list[str], said: str) -> UserError:
    if offered:
        return UserError(
            f"{host} has no model “{remote.model}” (HTTP 404). It offers: {', '.join(offered)}. "
            f"Correct `model` in the catalogue."
        )
    return UserError(
        f"{host} has no model “{remote.model}”, or no chat API at this address (HTTP 404){said}. "
        f"Correct `model` or `url` in the catalogue."
    )


def refused(host: str, response: httpx.Response, said: str) -> UserError:
    """For every status without a case of its own."""
    status = response.status_code
    if response.has_redirect_location:
        target = httpx.URL(response.headers["location"]).host or "another address"
        return UserError(
            f"{host} redirects to {target}, and redirects are not followed. Put the final address into `url` "
            f"in the catalogue."
        )
    if status == 429:
        return UserError(f"{host} is busy, or the quota of this key is used up (HTTP 429){said}. Try again later.")
    if status >= 500:
        return UserError(
            f"{host} failed (HTTP {status}){said}. Try again; if it stays so, look into the server's log "
            f"or choose another model."
        )
    return UserError(f"{host} refused the request (HTTP {status}){said}. Change the settings or the messages.")


def unreachable(host: str, error: httpx.RequestError, seconds: float) -> UserError:
    """For an exchange that broke before an answer began."""
    cause: BaseException = error
    while (below := cause.__cause__ or cause.__context__) is not None:
        cause = below
    if isinstance(error, httpx.ConnectTimeout):
        what = f"{host} did not take the connection within {seconds:g} s."
    elif isinstance(cause, socket.gaierror):
        what = f"The name {host} is not known to the network."
    elif isinstance(cause, ssl.SSLError):
        what = f"No secure connection to {host} ({cause.reason or 'TLS error'})."
    elif isinstance(cause, ConnectionRefusedError):
        what = f"Nothing answers at {host}."
    elif isinstance(error, httpx.ConnectError | httpx.ProxyError):
        what = f"{host} cannot be reached."
    else:
        return UserError(f"{host} closed the connection without an answer. Try again, or look into the server's log.")
    return UserError(
        f"{what} Check that the server runs, the network, and `url` in the catalogue; or choose another model."
    )


def silent(host: str, seconds: float, begun: bool) -> UserError:
    if begun:
        return UserError(
            f"{host} has sent nothing for {seconds:g} s, so the reply is incomplete. Use Continue or Regenerate."
        )
    return UserError(f"{host} has not begun to answer within {seconds:g} s. Try again, or choose another model.")


def broken_off(host: str, begun: bool, said: str = "") -> UserError:
    """For a reply that ended without saying so, or with an error told inside the stream."""
    if begun:
        return UserError(f"{host} broke off{said}, so the reply is incomplete. Use Continue or Regenerate.")
    return UserError(f"{host} broke off before the reply began{said}. Try again, or look into the server's log.")


def no_chat_stream(host: str, content_type: str) -> UserError:
    kind = f" (it sent {content_type[:60]})" if content_type else ""
    return UserError(
        f"{host} answered, but not with a chat stream{kind}. Check that `url` in the catalogue is the address "
        f"of an OpenAI-compatible API."
    )


def malformed(host: str, begun: bool) -> UserError:
    end = "so the reply is incomplete. Use Regenerate" if begun else "so there is no reply. Try again"
    return UserError(f"{host} sent something that is no chat completion chunk, {end}, or choose another model.")
