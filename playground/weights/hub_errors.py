"""What can go wrong between here and the hub, each said with its next step.

Only imported lazily (it imports the hub's library).
"""

import errno

import httpx2
from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from playground.catalog import HubSource
from playground.errors import UserError

# What the library raises for anything between a wrong name and an unplugged cable.
HUB_ERRORS = (httpx2.HTTPError, OSError, HFValidationError)


def explain(error: Exception, source: HubSource, endpoint: str | None) -> UserError:
    """A `UserError` for any of `HUB_ERRORS`."""
    host = endpoint or constants.ENDPOINT
    # The library wraps what really happened in errors of its own.
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and isinstance(cause, Exception):
        chain.append(cause)
    for one in chain:
        words = _words(one, source, host)
        if words:
            return UserError(words)
    return UserError(
        f"{source.repo} could not be downloaded from {host}: {error}. Try again, or choose another model."
    )


def _words(error: Exception, source: HubSource, host: str) -> str | None:
    words = None
    match error:
        case GatedRepoError():
            words = f"{source.repo} is gated: accept its licence at {host}/{source.repo} in a browser. " + (
                "Your token's account was not granted access (yet)."
                if get_token()
                else "Then create an access token and run `hf auth login`, or set HF_TOKEN."
            )
        case RevisionNotFoundError():
            words = f"{source.repo} has no revision “{source.revision}”. Mend `revision` in the catalogue."
        case RepositoryNotFoundError():
            words = (
                f"There is no model {source.repo} at {host}, or it is private. "
                "Check the name; for a private one run `hf auth login`, or set HF_TOKEN."
            )
        case HfHubHTTPError():
            words = _status_words(error.response.status_code, source, host)
        case OfflineModeIsEnabled():
            words = "HF_HUB_OFFLINE is set, so nothing is downloaded. Unset it and start again, or use a cached model."
        case httpx2.ProxyError():
            words = f"The proxy on the way to {host} refused ({error}). Check HTTP_PROXY and HTTPS_PROXY."
        case httpx2.TransportError():
            words = (
                f"{host} cannot be reached ({str(error) or type(error).__name__}). Check the connection and try again "
                "(what came so far is kept), or set HF_ENDPOINT to a mirror of the hub."
            )
        case HFValidationError():
            words = f"“{source.repo}” is not the name of a model on the hub. Write it as owner/name in the catalogue."
        case OSError(errno=errno.ENOSPC):
            words = (
                f"The disk filled up while {source.repo} came in. Free some space and try again: what came is kept."
            )
    return words


def _status_words(status: int, source: HubSource, host: str) -> str:
    if status in (401, 403):
        return (
            f"{host} does not let you have {source.repo} (HTTP {status}). "
            "Run `hf auth login` with a token that may read it, or set HF_TOKEN."
        )
    if status == 429:
        return f"{host} asks for a pause (too many requests, HTTP 429). Try again in some minutes, or set HF_TOKEN."
    if status >= 500:
        return f"{host} has trouble of its own (HTTP {status}). Try again later, or set HF_ENDPOINT to a mirror."
    return f"{host} did not send {source.repo} (HTTP {status}). Check `repo`, `revision` and `files` in the catalogue."
