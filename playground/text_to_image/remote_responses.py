"""What an image server sends: the picture in its answer, or words for a person about what came instead.

Invariants: an answer is hostile: JSON, base64 and picture are each checked, a picture's size before a pixel is
decoded, and no address in an answer is ever asked. Every failure names the host.
"""

import base64
import binascii
import json
import re
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from playground.catalog import Remote
from playground.errors import UserError
from playground.imaging.uploads import BROKEN, MAX_PIXELS

FORMATS = ("PNG", "JPEG", "WEBP")
_DATA = re.compile(r"^data:image/[a-z]{1,10};base64,")
_LOG = "Try again; if it stays so, look into the server's log or choose another model."


def picture(host: str, answer: bytes) -> Image.Image:
    """The RGB picture in an answer of `images/generations`. Raises `UserError` for anything else."""
    try:
        encoded = _encoded(json.loads(answer))
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{host} answered, but not with JSON. Check that `url` in the catalogue is the address of an "
            "OpenAI-compatible API for images."
        ) from error
    if encoded is None:
        raise UserError(f"{host} answered without a picture. {_LOG}")
    if encoded.startswith(("http:", "https:")):
        raise UserError(
            f"{host} sent the address of a picture instead of the picture, and such addresses are not followed. Set "
            "the server up to answer with `b64_json`."
        )
    try:
        data = base64.b64decode(_DATA.sub("", encoded), validate=True)
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(
                    f"{host} sent a picture of {image.width} × {image.height} pixels. Ask for a smaller one."
                )
            rgb = image.convert("RGB")
    except binascii.Error as error:
        raise UserError(f"{host} sent a picture that is not whole (its base64 is damaged). {_LOG}") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, *BROKEN) as error:
        raise UserError(f"{host} sent something that is not a whole PNG, JPEG or WebP picture. {_LOG}") from error
    if rgb.getextrema() == ((0, 0),) * 3:
        raise UserError(
            f"{host} sent an all black picture: its model overflowed, or a safety filter hid the result. Change the "
            "prompt or the seed."
        )
    return rgb


def _encoded(answer: Any) -> str | None:
    """The picture of an answer as text: base64, or an address; None where there is none."""
    data = answer.get("data") if isinstance(answer, dict) else None
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        return None
    return next((value for name in ("b64_json", "url") if isinstance(value := first.get(name), str) and value), None)


def not_found(host: str, remote: Remote, said: str) -> UserError:
    return UserError(
        f"{host} has no model “{remote.model}”, or makes no pictures at this address (HTTP 404){said}. Correct "
        "`model` or `url` in the catalogue."
    )


def refused(host: str, status: int, said: str) -> UserError:
    return UserError(f"{host} refused the request (HTTP {status}){said}. Change the prompt or the settings.")


def broken_off(host: str) -> UserError:
    return UserError(f"{host} broke off in the middle of the picture. {_LOG}")


def silent(host: str, seconds: float) -> UserError:
    return UserError(
        f"{host} has not sent the picture within {seconds:g} s. Ask for fewer steps or a smaller picture, or choose "
        "another model."
    )


def endless(host: str, most: int) -> UserError:
    return UserError(f"{host} sent more than {most / 1e6:g} MB and no end of it, so it was cut off. {_LOG}")
