"""Where a server of the catalogue is reached, with which key, and over which client.

Invariants: what every tab that asks another server has in common, and nothing of what is asked. A key is read
from the environment at every request and kept nowhere.
"""

import os
import re

import httpx

from playground.catalog import Remote
from playground.errors import UserError

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def base_url(url: str, path: str) -> tuple[str, str]:
    """The base of the API, with its version segment (`/v1` where the url names none), and the host to show.

    `path` is what is asked there, such as "/chat/completions": a url that ends in it means the base before it.
    Raises `UserError` for a url without a host.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UserError(f"`url` in the catalogue is no address: {error}. Correct it.") from error
    if not parsed.host:
        raise UserError("`url` in the catalogue names no host. Write it as http://host:port/v1.")
    base = url.rstrip("/").removesuffix(path)
    if not re.search(r"/v\d+\w*(/|$)", parsed.path):
        base += "/v1"
    return base, parsed.netloc.decode("ascii")


def api_key(remote: Remote) -> str:
    """The key, as the environment has it now; "" where the entry names none or it is not set.

    Raises `UserError` for one that no header can carry.
    """
    variable = remote.key_variable
    key = os.environ.get(variable, "").strip() if variable else ""
    if not (key.isascii() and key.isprintable()):
        raise UserError(f"The environment variable {variable} does not hold a key: a key is plain ASCII text.")
    return key


def http_client(connect_seconds: float) -> httpx.Client:
    """A client whose every request is a connection of its own, and whose reads are bounded by who waits for them."""
    return httpx.Client(
        # No limit on reads: whoever waits knows how long, and cuts the wire.
        timeout=httpx.Timeout(None, connect=connect_seconds),
        follow_redirects=False,
        # A connection for each request, so that cutting it ends that request and nothing else.
        limits=httpx.Limits(max_keepalive_connections=0),
        # A proxy of the environment must not stand between this machine and itself.
        mounts={f"all://{name}": None for name in _LOOPBACK},
    )
