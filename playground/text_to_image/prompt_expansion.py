"""Prompt expansion: a chat model says more about a short prompt.

Invariants: what a chat model writes becomes one line of plain text, which a person may edit: no thoughts, no markdown,
no talk around it. Nothing is invented here, only left out.
"""

import re
from collections.abc import Generator
from contextlib import closing

from playground.chat.reply import Reply
from playground.chat.service import ChatService
from playground.chat.types import ChatEvent, Done, Turn
from playground.errors import UserError
from playground.inference.types import Sampling
from playground.runtime.task import Phase
from playground.runtime.worker import Job
from playground.validation import validate_seed

MOST_PROMPT = 2_000  # characters
MOST_WORDS = 60  # about the 77 tokens of a CLIP text encoder
MOST_TO_EXPAND = MOST_WORDS * 3 // 4  # words: beyond, there is no room for more
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_TALK = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here(?:'s| is| are)|(?:the )?(?:(?:expanded|image|final) )?prompt)\b"
    r"[^:\n]{0,80}:\s*",
    re.IGNORECASE,
)
# At most 300 characters long, so that many openings without a closing cost little.
_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|`{1,3})(?=\S)(.{0,299}?\S)\1(?!\w)")
_MARK = re.compile(r"^\s*(?:#{1,6}\s+|[-*•]\s+|\d{1,2}[.)]\s+|>\s?)")
_TASK = (
    "You write prompts for an image generator. The user gives a short idea. Answer with one prompt: first the user's "
    "own words, then what else is seen: colours, light, place, style. Plain English, one line, at most 50 words, no "
    "explanation, no list, no quotes."
)
# A small model follows examples better than rules.
_EXAMPLES = (
    Turn("user", "a lighthouse"),
    Turn(
        "assistant",
        "a lighthouse, white, on a rocky cliff at dusk, warm light in its window, dark blue waves, a pink and orange "
        "sky, soft mist, detailed oil painting",
    ),
    Turn("user", "cat with a hat"),
    Turn(
        "assistant",
        "cat with a hat, grey tabby, small red felt hat, sitting on a wooden chair by a window, soft morning light, "
        "green eyes, shallow depth of field, photograph",
    ),
)


def expand_prompt(chat: ChatService, visitor: str, chat_model: str, prompt: str, seed: int) -> Job[str]:
    """A richer prompt by a chat model, as DALL·E 3 has it.

    A local model goes on from the prompt, so that even a small one keeps every word of it; a server, or a model that
    must think first, writes it anew.

    Args:
        chat: Has the model.
        visitor: Who asks, for the line.
        chat_model: The chat model's id.
        prompt: A few words, at most `MOST_PROMPT` characters and `MOST_TO_EXPAND` words.
        seed: The same model, prompt and seed give the same words; 0 to 2**32 - 1.

    Returns:
        A job that yields the text as it grows, at last the whole of it: the prompt itself where nothing usable came.

    Raises:
        UserError: The prompt is empty or says plenty already, the seed is out of range, or
            `ChatService.reply` refuses.
    """
    prompt = " ".join(prompt.split())
    if not prompt:
        raise UserError("Write a few words first; the chat model then says more about them.")
    if len(prompt) > MOST_PROMPT:
        raise UserError(f"This prompt has {len(prompt)} characters; {MOST_PROMPT} is the most to expand. Shorten it.")
    if len(prompt.split()) > MOST_TO_EXPAND:
        raise UserError(f"This prompt has {len(prompt.split())} words and says plenty already. Use it as it is.")
    entry = chat.entry(chat_model)
    thinks = entry.thinking == "always"
    sampling = Sampling(
        temperature=0.7,
        top_p=0.9,
        max_new_tokens=1_024 if thinks else 64,
        repetition_penalty=1.1,
        seed=validate_seed(seed),
    )
    turns: tuple[Turn, ...] = (*_EXAMPLES, Turn("user", prompt))
    begun = None
    if entry.remote is None and not thinks:
        begun = Turn("assistant", prompt.rstrip(" .,;:") + ",")
        turns = (*turns, begun)
    job = chat.reply(visitor, chat_model, turns, _TASK, sampling, continue_last=begun is not None, thinking=False)
    return _Expansion(job, Reply(chat_model, begun), prompt)


def clean_prompt(text: str) -> tuple[str, bool]:
    """The prompt in what a chat model has written so far.

    Thoughts (`<think>`), code fences, headings, list marks, emphasis, quotes around it and a phrase that announces it
    ("Here is the prompt:") are left out. Cut after `MOST_WORDS` words, at a comma where one is near.

    Args:
        text: The reply so far.

    Returns:
        One line, and whether it is whole: what follows would be another line, or too much.
    """
    text = _THOUGHT.sub("", text[:20_000])
    line, ended = "", False
    for raw in text.split("\n"):
        if line:
            ended = True
            break
        line = _strip_markup(raw)
    words = line.split()
    if len(words) <= MOST_WORDS:
        return _strip_quotes(" ".join(words)), ended
    return _strip_quotes(_cut(words)), True


def trim_to_last_clause(line: str) -> str:
    """A line without its last, unfinished clause, where a comma, full stop or semicolon stands in its second half.

    Args:
        line: Was cut off somewhere.
    """
    pauses = [found.start() for found in re.finditer(r"[,.;](?=\s|$)", line)]
    return line[: pauses[-1]] if pauses and pauses[-1] > len(line) // 2 else line


class _Expansion(Job[str]):
    """A chat model's reply seen as a prompt that grows. The work, its line and Stop are those of the reply."""

    def __init__(self, job: Job[ChatEvent], reply: Reply, prompt: str) -> None:
        self.visitor = job.visitor
        self.task = job.task
        self.ended = job.ended
        self._job = job
        self._reply = reply
        self._prompt = prompt

    def events(self) -> Generator[str | Phase | None, None, None]:
        shown = ""
        with closing(self._job.events()) as events:
            for event in events:
                if event is None or isinstance(event, Phase):
                    yield event
                    continue
                self._reply.add(event)
                text, whole = clean_prompt(self._reply.turn().text)
                if isinstance(event, Done) and event.reason == "length":
                    text = trim_to_last_clause(text)
                if text and text != shown:
                    shown = text
                    yield shown
                if whole:  # it goes on with something else: closing the events stops the model
                    break
        usable = shown.rstrip(" .,;:")
        if (usable or self._prompt) != shown:
            yield usable or self._prompt


def _strip_markup(line: str) -> str:
    if line.strip().startswith("```"):
        return ""
    line = _MARK.sub("", line)
    line = _EMPHASIS.sub(r"\2", line).strip()
    line = "".join(letter for letter in line if letter.isprintable()).replace("**", "").replace("`", "")
    announced = _TALK.match(line)
    return (line[announced.end() :] if announced else line).strip()


def _strip_quotes(line: str) -> str:
    for opening, ending in (('"', '"'), ("“", "”"), ("'", "'"), ("«", "»")):
        if line.startswith(opening):
            inner = line[1:].removesuffix(ending)
            line = inner if ending not in inner else line
    return line.strip()


def _cut(words: list[str]) -> str:
    for end in range(MOST_WORDS, MOST_WORDS * 2 // 3, -1):
        if words[end - 1].endswith((",", ".", ";")):
            return " ".join(words[:end]).rstrip(",.;")
    return " ".join(words[:MOST_WORDS])
