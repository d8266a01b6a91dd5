"""Help with the prompt: chips of known words, somebody nobody asked for, and the chat model's longer version.

Invariants: the prompt stays the visitor's own text; a chip adds its phrase where a caption would have it, or
takes exactly that phrase out again.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase
from playground.text_to_image import prompt_vocabulary
from playground.text_to_image.service import ImageService
from playground.validation import MAX_SEED, validate_seed
from tabs.common.attribute_words import name
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.text_to_image import render
from tabs.text_to_image.session import SessionState, buttons, idle

LONGEST_PROMPT = 8_000  # characters; longer ones are looked at no further


@dataclass
class PromptHandlers:
    """What helps to write a prompt, over an `ImageService`."""

    service: ImageService

    def looked(self, prompt: str, model: str, request: gr.Request) -> tuple[Any, Any]:
        """Which chips stand in the prompt, and which words the model has never seen."""
        if not self.service.limits(model).vocabulary:
            return gr.skip(), ""
        language, prompt = language_of(request), (prompt or "")[:LONGEST_PROMPT]
        odd = prompt_vocabulary.unknown_words(prompt)
        said = say(language, "image_unknown", words=", ".join(f"“{word}”" for word in odd)) if odd else ""
        return chips(prompt, language), said

    def toggle(self, prompt: str, data: gr.EventData) -> str:
        """A chip was clicked."""
        sent = data._data if isinstance(data._data, dict) else {}
        word = sent.get("word")
        if word not in prompt_vocabulary.known_phrases():
            raise UserError("That word is not among the chips. Reload the page.")
        return prompt_vocabulary.toggle_phrase((prompt or "")[:LONGEST_PROMPT], word)

    def surprise(self) -> str:
        """A prompt about somebody nobody asked for."""
        return prompt_vocabulary.random_prompt(secrets.randbelow(MAX_SEED + 1))

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


def chips(prompt: str, language: str) -> dict[str, Any]:
    """The value of `Chips` for this prompt."""
    on = prompt_vocabulary.phrases_in(prompt)
    groups = [
        {
            "title": name_of(group.key, language),
            "words": [{"text": word, "on": word in on} for word in group.words],
        }
        for group in prompt_vocabulary.phrase_groups()
    ]
    return {"groups": groups}


def name_of(key: str, language: str) -> str:
    """What a group of chips is about."""
    return say(language, f"image_group_{key}") if key in ("hair", "hat") else name(key, language)
