"""Help with the prompt: chips of known words, somebody nobody asked for, and the chat model's longer version.

Invariants: the prompt stays the visitor's own text; a chip adds its phrase where a caption would have it, or
takes exactly that phrase out again.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr

from playground.drawn_world.vocabulary import PHRASES
from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase
from playground.text_to_image import prompt_help
from playground.text_to_image.service import ImageService
from playground.validation import MAX_SEED, validate_seed
from tabs.common.attribute_words import name
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.text_to_image import render
from tabs.text_to_image.session import SessionState, buttons, idle

NOBODY = "a person"
LONGEST_PROMPT = 8_000  # characters; longer ones are looked at no further
_SETTING = re.compile(r"\s+(?:on|against)\s+an?\s+\w+(?:\s+gradient)?\s+background\W*$", re.IGNORECASE)
_JOINT = r"(?P<before>\s*,\s*|\s+(?:and|with|wearing)\s+)?"


@dataclass
class PromptHandlers:
    """What helps to write a prompt, over an `ImageService`."""

    service: ImageService

    def looked(self, prompt: str, model: str, request: gr.Request) -> tuple[Any, Any]:
        """Which chips stand in the prompt, and which words the model has never seen."""
        if not self.service.limits(model).vocabulary:
            return gr.skip(), ""
        language, prompt = language_of(request), (prompt or "")[:LONGEST_PROMPT]
        odd = prompt_help.unknown(prompt)
        said = say(language, "image_unknown", words=", ".join(f"“{word}”" for word in odd)) if odd else ""
        return chips(prompt, language), said

    def toggle(self, prompt: str, data: gr.EventData) -> str:
        """A chip was clicked."""
        sent = data._data if isinstance(data._data, dict) else {}
        word = sent.get("word")
        if word not in known():
            raise UserError("That word is not among the chips. Reload the page.")
        return toggled((prompt or "")[:LONGEST_PROMPT], word)

    def surprise(self) -> str:
        """A prompt about somebody nobody asked for."""
        return prompt_help.surprise(secrets.randbelow(MAX_SEED + 1))

    def expand(
        self, visit: SessionState, prompt: str, chat_model: str, seed: Any, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """The chat model writes more: draws (expanded, use it, status, generate, stop)."""
        language = language_of(request)
        idle(visit, say(language, "image_busy"))
        number = validate_seed(seed)
        job = self.service.expand(visitor_of(request), prompt or "", number, chat_model)
        visit.job, text, said, error = job, "", "", None
        try:
            yield "", gr.skip(), {"text": say(language, "image_expanding")}, *buttons(True)
            for event in job.events():
                if isinstance(event, Phase):
                    now = render.phase_text(event, language)
                    if event.kind not in ("ready", "reading") and now != said:
                        said = now
                        yield gr.skip(), gr.skip(), {"text": said}, *buttons(None)
                elif event is not None:
                    text = event
                    yield text, gr.skip(), {"text": say(language, "image_expanding")}, *buttons(None)
            said = say(language, "image_expand_done")
        except Cancelled:
            said = say(language, "image_stopped")
        except UserError as raised:
            error, said = raised, str(raised)
        finally:
            visit.job = None
            job.cancel()
        yield text or gr.skip(), bool(text) or gr.skip(), {"text": said}, *buttons(False)
        if error is not None:
            raise error


@cache
def known() -> tuple[str, ...]:
    """Every phrase that has a chip, the longest first."""
    return tuple(sorted((word for group in prompt_help.groups() for word in group.words), key=len, reverse=True))


def chips(prompt: str, language: str) -> dict[str, Any]:
    """The value of `Chips` for this prompt."""
    on = _standing(prompt)
    groups = [
        {
            "title": name_of(group.key, language),
            "words": [{"text": word, "on": word in on} for word in group.words],
        }
        for group in prompt_help.groups()
    ]
    return {"groups": groups}


def name_of(key: str, language: str) -> str:
    """What a group of chips is about."""
    return say(language, f"image_group_{key}") if key in ("hair", "hat") else name(key, language)


def toggled(prompt: str, phrase: str) -> str:
    """The prompt with this phrase, or without it where it stood."""
    return _without(prompt, phrase) if phrase in _standing(prompt) else _with(prompt, phrase)


def _standing(prompt: str) -> set[str]:
    """The phrases that a prompt holds; of overlapping ones the longest."""
    taken: list[tuple[int, int]] = []
    found = set()
    for phrase in known():
        for match in re.finditer(_pattern(phrase), prompt, re.IGNORECASE):
            if all(match.end() <= start or match.start() >= end for start, end in taken):
                taken.append(match.span())
                found.add(phrase)
    return found


def _without(prompt: str, phrase: str) -> str:
    """One word that joins goes with the phrase; "with A and B" without A is "with B"."""

    def cut(match: re.Match[str]) -> str:
        before, after = match["before"] or "", match["after"] or ""
        if not (before and after):
            return ""
        return before if "with" in before or "wearing" in before else after

    text = re.sub(_JOINT + _pattern(phrase) + r"(?P<after>\s*,\s*|\s+and\s+)?", cut, prompt, count=1, flags=re.I)
    return re.sub(r"\ban?(?=\s+person\b)", "a", " ".join(text.split())).strip(" ,")


def _with(prompt: str, phrase: str) -> str:
    """The phrase where a caption has it: before "person", behind "with" or "wearing", or at the end."""
    prompt = " ".join(prompt.split()).rstrip(" ,.") or NOBODY
    role = _roles().get(phrase, "with")
    if role == "adjective":
        article = "an" if phrase[0] in "aeiou" else "a"
        text, count = re.subn(r"\ban?\s+person\b", f"{article} {phrase} person", prompt, count=1, flags=re.I)
        if not count:
            text, count = re.subn(r"\bperson\b", f"{phrase} person", prompt, count=1, flags=re.I)
        return text if count else f"{phrase} {prompt}"
    if role == "setting":
        return f"{_SETTING.sub('', prompt)} {phrase}"
    setting = _SETTING.search(prompt)
    body, tail = (prompt[: setting.start()], setting[0]) if setting else (prompt, "")
    joints = re.findall(r"\b(with|wearing)\b", body, re.IGNORECASE)
    joint = "and" if joints and joints[-1].lower() == role else role
    return f"{body} {joint} {phrase}{tail}"


@cache
def _roles() -> dict[str, str]:
    """Where in a sentence each phrase stands."""
    found: dict[str, str] = {}
    for word in known():
        role = next((p.role for p in PHRASES if re.fullmatch(p.regex(), word, re.IGNORECASE)), None)
        if role is not None:
            found[word] = role
    return found


def _pattern(phrase: str) -> str:
    return r"(?<![\w-])" + r"\s+".join(map(re.escape, phrase.split())) + r"(?![\w-])"
