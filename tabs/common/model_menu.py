"""The model menu: one line per model with size, licence and state, what to know of the chosen one, and its memory.

Invariants: no model is loaded for a menu, and no network is asked. The choice lives in the visitor's browser.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.catalog import Entry
from playground.weights.types import State
from tabs.common.events import Updates
from tabs.common.session import SessionState
from tabs.common.words import label, say, size_text

ModelState = Callable[[Entry], State]


@dataclass(frozen=True)
class ModelMenu:
    """The dropdown, the line below it, and what the browser remembers; made by `model_menu`."""

    dropdown: gr.Dropdown
    about: gr.Markdown
    remembered: gr.BrowserState
    entries: Sequence[Entry]
    state: ModelState
    line: Callable[[Entry, str], str]

    def choices(self, language: str) -> list[tuple[str, str]]:
        """(text, id) of each model."""
        return [(model_choice(entry, self.state(entry), language), entry.id) for entry in self.entries]

    def to_open(self, session: SessionState, remembered: str) -> str | None:
        """The model that a page should open with; None where it is on the page already.

        Gradio asks when the page opens, before the browser has told what it remembers, and whenever that changes:
        also after every choice.
        """
        known = [entry.id for entry in self.entries]
        model = remembered if remembered in known else known[0]
        shown_already = session.model and (session.model == model or remembered not in known)
        return None if shown_already else model

    def opened(self, entry: Entry, language: str) -> Updates:
        """The menu of a page that opens with this model, in the visitor's language."""
        return self.refreshed(language, value=entry.id) | {self.about: self.line(entry, language)}

    def chosen(self, entry: Entry, language: str) -> Updates:
        """Another model was chosen: the line about it, and what the browser remembers."""
        return {self.about: self.line(entry, language), self.remembered: entry.id}

    def refreshed(self, language: str, **properties: Any) -> Updates:
        """The menu with today's states: a model that was to be downloaded may be on this disk now."""
        return {self.dropdown: gr.Dropdown(choices=self.choices(language), **properties)}


def model_menu(
    tab: str,
    entries: Sequence[Entry],
    state: ModelState,
    line: Callable[[Entry, str], str],
    about_id: str = "",
    **properties: Any,
) -> ModelMenu:
    """Make a menu inside the current `gr.Blocks`.

    Args:
        tab: Names what the browser remembers.
        entries: The models, the first one is chosen. At least one.
        state: How near a model is (`Playground.state`).
        line: What to know of a model, in a language.
        about_id: Element id of the line about the chosen model; "<tab>-about" if empty.
        properties: Of the `gr.Dropdown`, instead of or beside those set here.
    """
    key = f"aigc-playground-{tab}-model"
    choices = [(model_choice(entry, state(entry), "en"), entry.id) for entry in entries]
    dropdown = gr.Dropdown(choices, value=entries[0].id, **({"label": label("model")} | properties))
    about = gr.Markdown("", elem_classes="subtle", elem_id=about_id or f"{tab}-about")  # filled in when the page opens
    remembered = gr.BrowserState(entries[0].id, storage_key=key, secret=key)  # a menu choice, no secret at all
    return ModelMenu(dropdown, about, remembered, entries, state, line)


def model_choice(entry: Entry, state: State, language: str) -> str:
    """One line of the model menu."""
    return f"{entry.label} · {entry.licence} · {state_text(entry, state, language)}"


def model_line(entry: Entry, state: State, language: str, key: str = "model_line", **figures: object) -> str:
    """What to know of the chosen model.

    Args:
        entry: The model.
        state: How near it is.
        language: One of `tabs.common.words.LANGUAGES`.
        key: A text that may name {licence}, {state}, {memory}, {context}, {note} and the `figures`. A remote model
            has a line of its own.
        figures: What else the text names.
    """
    if entry.remote is not None:
        host = entry.remote.url.split("://")[-1].split("/")[0]
        return say(language, "model_line_remote", licence=entry.licence, host=host, note=entry.note)
    return say(
        language,
        key,
        licence=entry.licence,
        state=state_text(entry, state, language),
        context=entry.context,
        memory=size_text(entry.memory_bytes),
        note=entry.note,
        **figures,
    )


def state_text(entry: Entry, state: State, language: str) -> str:
    """How near a model is: embedded, on this disk, to be downloaded (and how much), gated, or remote."""
    return say(language, f"state_{state.value}", size=size_text(entry.download_bytes))
