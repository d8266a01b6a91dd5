"""What a chat model said, made a prompt: one line, no thoughts, no markdown, no talk around it.

Invariants: pure text in, pure text out; nothing is invented, only left out.
"""

import re

MOST_WORDS = 60  # about the 77 tokens of a CLIP text encoder
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_TALK = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here(?:'s| is| are)|(?:the )?(?:(?:expanded|image|final) )?prompt)\b"
    r"[^:\n]{0,80}:\s*",
    re.IGNORECASE,
)
# At most 300 characters long, so that many openings without a closing cost little.
_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|`{1,3})(?=\S)(.{0,299}?\S)\1(?!\w)")
_MARK = re.compile(r"^\s*(?:#{1,6}\s+|[-*•]\s+|\d{1,2}[.)]\s+|>\s?)")


def one_line(text: str) -> tuple[str, bool]:
    """The prompt in a model's text so far, and whether it is whole: what follows would be another line, or too much.

    Thoughts (`<think>`), code fences, headings, list marks, emphasis, quotes around it and a phrase that announces it
    ("Here is the prompt:") are left out. Cut after `MOST_WORDS` words, at a comma where one is near.
    """
    text = _THOUGHT.sub("", text[:20_000])
    line, ended = "", False
    for raw in text.split("\n"):
        if line:
            ended = True
            break
        line = _plain(raw)
    words = line.split()
    if len(words) <= MOST_WORDS:
        return _unquoted(" ".join(words)), ended
    return _unquoted(_cut(words)), True


def to_last_pause(line: str) -> str:
    """A line that was cut off, without its last, unfinished phrase, where a pause stands in its second half."""
    pauses = [found.start() for found in re.finditer(r"[,.;](?=\s|$)", line)]
    return line[: pauses[-1]] if pauses and pauses[-1] > len(line) // 2 else line


def _plain(line: str) -> str:
    if line.strip().startswith("```"):
        return ""
    line = _MARK.sub("", line)
    line = _EMPHASIS.sub(r"\2", line).strip()
    line = "".join(letter for letter in line if letter.isprintable()).replace("**", "").replace("`", "")
    announced = _TALK.match(line)
    return (line[announced.end() :] if announced else line).strip()


def _unquoted(line: str) -> str:
    for opening, closing in (('"', '"'), ("“", "”"), ("'", "'"), ("«", "»")):
        if line.startswith(opening):
            inner = line[1:].removesuffix(closing)
            line = inner if closing not in inner else line
    return line.strip()


def _cut(words: list[str]) -> str:
    for end in range(MOST_WORDS, MOST_WORDS * 2 // 3, -1):
        if words[end - 1].endswith((",", ".", ";")):
            return " ".join(words[:end]).rstrip(",.;")
    return " ".join(words[:MOST_WORDS])
