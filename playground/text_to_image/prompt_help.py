"""Help with prompts: the words the drawn world knows, somebody nobody asked for, and a chat model that says more.

Invariants: words in, words out. What a chat model writes is one line of plain text that a person may edit.
"""

import re
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import cache

from playground.chat.reply import Reply
from playground.chat.service import ChatService
from playground.chat.types import ChatEvent, Done, Turn
from playground.drawn_world.attributes import HATS
from playground.drawn_world.vocabulary import COLOUR_WORDS, PHRASES, Phrase
from playground.errors import UserError
from playground.inference.types import Sampling
from playground.runtime.task import Phase
from playground.runtime.worker import Job
from playground.text_to_image.prompt_cleanup import MOST_WORDS, one_line, to_last_pause
from playground.validation import validate_seed

MOST_PROMPT = 2_000  # characters
MOST_TO_EXPAND = MOST_WORDS * 3 // 4  # words: beyond, there is no room for more
MOST_UNKNOWN = 12
_ORDER = (
    "hair", "hair_colour", "hat", "hat_colour", "facial_hair", "glasses", "mouth", "eyes", "eyebrows", "skin",
    "clothing", "clothing_colour", "background",
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Phrases about one thing of a person. `key` is one of: hair, hair_colour, hat, hat_colour, facial_hair, glasses,
    mouth, eyes, eyebrows, skin, clothing, clothing_colour, background."""

    key: str
    words: tuple[str, ...]


@cache
def groups() -> tuple[Group, ...]:
    """The phrases the captions of the drawn world use, one wording for each meaning, by what they are about."""
    found: dict[str, dict[object, str]] = {key: {} for key in _ORDER}
    for phrase in PHRASES:
        if phrase.written and phrase.bare:
            found[_about(phrase)].setdefault(phrase.claims, phrase.write(""))
    for slot, colours in COLOUR_WORDS.items():
        phrase = _widest(slot)
        for colour, names in colours.items():
            found[slot].setdefault(colour, phrase.write(names[0]))
    return tuple(Group(key, tuple(words.values())) for key, words in found.items())


def surprise(seed: int) -> str:
    """A prompt about somebody of the drawn world; the same for the same seed (0..2**32-1)."""
    from playground.drawn_world.captions import surprise as about_somebody

    return about_somebody(validate_seed(seed))


def unknown(prompt: str) -> tuple[str, ...]:
    """The words of a prompt that the drawn world never says, in lower case, each once, at most `MOST_UNKNOWN`."""
    known = _known()
    words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", prompt.casefold())
    odd = dict.fromkeys(word[:40] for word in words if word not in known)
    return tuple(odd)[:MOST_UNKNOWN]


def expand(chat: ChatService, visitor: str, chat_model: str, prompt: str, seed: int) -> Job[str]:
    """A richer prompt by a chat model: yields the text as it grows, at last the whole of it.

    A local model goes on from the prompt, so that even a small one keeps every word of it; a server, or a model that
    must think first, writes it anew. Seeded: the same model, prompt and seed give the same words. Where nothing usable
    comes back, the last text is the prompt itself.

    Raises `UserError` for a prompt that is empty or says plenty already, and for what `ChatService.reply` refuses.
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
                text, whole = one_line(self._reply.turn().text)
                if isinstance(event, Done) and event.reason == "length":
                    text = to_last_pause(text)
                if text and text != shown:
                    shown = text
                    yield shown
                if whole:  # it goes on with something else: closing the events stops the model
                    break
        usable = shown.rstrip(" .,;:")
        if (usable or self._prompt) != shown:
            yield usable or self._prompt


def _about(phrase: Phrase) -> str:
    """The group of a phrase; hair and hats are one attribute of the drawn world, but not for a person who chooses."""
    name, values = phrase.claims[0]
    if name != "top":
        return name
    return "hat" if values <= set(HATS) or phrase.pattern.endswith(" hat") else "hair"


def _widest(slot: str) -> Phrase:
    """The phrase that says this colour and least else."""
    having = [phrase for phrase in PHRASES if phrase.written and phrase.slot == slot]
    return next((phrase for phrase in having if not phrase.bare), max(having, key=_width))


def _width(phrase: Phrase) -> int:
    return sum(len(values) for _, values in phrase.claims)


@cache
def _known() -> frozenset[str]:
    from playground.drawn_world.captions import words

    return frozenset(words())
