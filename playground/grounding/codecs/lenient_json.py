"""The JSON in a model's words, complete or cut, right or nearly so.

Invariants: one pass over the text and nothing read twice; no recursion, so no depth can exhaust it. What is no
JSON is left to the caller as text.
"""

import re
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 16
_FENCE = r"```(?:json|JSON)?\s*+"
# A list of objects, an object, an empty list; each with the fence that markdown puts before it.
STARTS = re.compile(rf"(?:{_FENCE})?(?=\[\s*+\{{\s*+[\"']|\{{\s*+[\"']|\[\s*+\])")
ENDS = re.compile(r"\s*+```")
_BEGUN_FENCE = re.compile(r"`{1,2}|```(?:j|js|jso|json|J|JS|JSO|JSON)?\s*+")
_TOKEN = re.compile(
    r"""[\s]*+(?:(?P<mark>[{}\[\],:])|"(?P<double>(?:[^"\\]|\\.)*+)(?P<shut>")?+|'(?P<single>(?:[^'\\]|\\.)*+)(?P<to>')?+"""
    r"""|(?P<number>-?[0-9]++(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]++)?)|(?P<word>[A-Za-z]++))""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SURROGATES = re.compile("([\ud800-\udbff])([\udc00-\udfff])|[\ud800-\udfff]")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "", "f": ""}


@dataclass(frozen=True)
class Found:
    """A piece of JSON: the objects in it complete, in the order in which they end, and the one that was cut, if any.

    `end` is where it ends. `cut`: the text ended first. Numbers are floats; other words than strings are None.
    """

    objects: tuple[dict[str, Any], ...]
    begun: dict[str, Any] | None
    end: int
    cut: bool


def scan(raw: str, start: int, end: int) -> Found:
    """The JSON that starts at `start` of `raw[:end]`, until its brackets close or it stops being JSON."""
    objects: list[dict[str, Any]] = []
    open_: list[dict[str, Any] | list[Any]] = []
    keys: list[str | None] = []  # of each open object, the key whose value comes next
    place = start
    while True:
        token = _TOKEN.match(raw, place, end)
        if token is None:
            cut = raw[place:end].strip() in ("", "-", "+")  # a sign may be the beginning of a number or an exponent
            return Found(tuple(objects), _innermost(open_), end if cut else place, cut)
        shut = token["double"] is None or token["shut"] is not None
        shut = shut and (token["single"] is None or token["to"] is not None)
        growing = token.end() == end and token["mark"] is None  # a number or word may go on
        if not shut or growing:
            if not shut and open_ and keys[-1] is not None and isinstance(open_[-1], dict):
                open_[-1][keys[-1]] = _string(token)
            return Found(tuple(objects), _innermost(open_), end, cut=True)
        place = token.end()
        match token["mark"]:
            case "{" | "[" as mark:
                if len(open_) == MAX_DEPTH:
                    return Found(tuple(objects), None, place, cut=False)
                open_.append({} if mark == "{" else [])
                keys.append(None)
            case "}" | "]" as mark:
                if isinstance(open_[-1], dict) != (mark == "}"):
                    return Found(tuple(objects), _innermost(open_), place, cut=False)
                closed = open_.pop()
                keys.pop()
                if isinstance(closed, dict):
                    objects.append(closed)
                if not open_:
                    return Found(tuple(objects), None, place, cut=False)
                _put(open_[-1], keys, closed)
            case "," | ":":
                pass
            case _:
                _put(open_[-1], keys, float(token["number"]) if token["number"] is not None else _string(token))


def begun_at(raw: str) -> int:
    """Where the end of `raw` may be the beginning of JSON or of its fence; its length where it is none."""
    end = len(raw.rstrip())
    for bracket in "{[":
        if end and raw[end - 1] == bracket:
            end = len(raw[: end - 1].rstrip())
    ticks = raw.rfind("`", 0, end)
    first = len(raw[: ticks + 1].rstrip("`"))
    if ticks >= 0 and _BEGUN_FENCE.fullmatch(raw, max(first, ticks - 2), end):
        end = max(first, ticks - 2)
    rest = raw[end:]
    return end + len(rest) - len(rest.lstrip()) if rest.strip() else len(raw)


def _put(into: dict[str, Any] | list[Any], keys: list[str | None], value: Any) -> None:
    """A value where it belongs: the first string in an object is a key, what follows it the value."""
    if isinstance(into, list):
        into.append(value)
    elif keys[-1] is None:
        keys[-1] = value if isinstance(value, str) else ""
    else:
        into[keys[-1]] = value
        keys[-1] = None


def _innermost(open_: list[dict[str, Any] | list[Any]]) -> dict[str, Any] | None:
    return next((value for value in reversed(open_) if isinstance(value, dict)), None)


def _string(token: re.Match[str]) -> str | None:
    """The text of a string token, None for another word (null, true)."""
    text = token["double"] if token["double"] is not None else token["single"]
    if text is None:
        return None
    written = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _LETTERS.get(found[2], found[2]), text)
    return _SURROGATES.sub(_joined, written)


def _joined(found: re.Match[str]) -> str:
    """The character that two surrogates make; a lone one is none."""
    if not found[1]:
        return "\ufffd"
    return chr(0x10000 + ((ord(found[1]) - 0xD800) << 10) + ord(found[2]) - 0xDC00)
