"""Markup that has begun and not ended, at the end of words that are still coming.

Invariants: only the end of a text is looked at, never more than the longest tag.
"""

import re
from collections.abc import Sequence

_DIGIT = re.compile("[0-9]")


def partial_markup_at(raw: str, tokens: Sequence[str]) -> int:
    """Where a beginning of one of the `tokens` stands at the end of `raw`, as far left as any; else its length.

    A 0 in a token stands for any digit.
    """
    most = max(map(len, tokens)) - 1
    tail = _DIGIT.sub("0", raw[-most:])
    for start in range(len(tail)):
        if any(token.startswith(tail[start:]) and len(token) > len(tail) - start for token in tokens):
            return len(raw) - len(tail) + start
    return len(raw)
