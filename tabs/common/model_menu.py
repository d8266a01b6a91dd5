"""The model menu: one line per model, and what to know of the chosen one. Pure functions."""

from playground.catalog import Entry
from playground.weights.types import State
from tabs.common.words import say, size_text


def model_choice(entry: Entry, state: State, language: str) -> str:
    """One line of the model menu."""
    return f"{entry.label} · {entry.licence} · {state_text(entry, state, language)}"


def model_line(entry: Entry, state: State, language: str) -> str:
    """What to know of the chosen model before its first word."""
    if entry.remote is not None:
        host = entry.remote.url.split("://")[-1].split("/")[0]
        return say(language, "model_line_remote", licence=entry.licence, host=host, note=entry.note)
    return say(
        language,
        "model_line",
        licence=entry.licence,
        state=state_text(entry, state, language),
        context=entry.context,
        memory=size_text(entry.memory_bytes),
        note=entry.note,
    )


def state_text(entry: Entry, state: State, language: str) -> str:
    return say(language, f"state_{state.value}", size=size_text(entry.download_bytes))
