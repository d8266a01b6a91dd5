"""Where long work stands, in words. Pure functions."""

from collections.abc import Callable

from playground.runtime.task import Phase
from tabs.common.words import say, size_text


def counted(key: str) -> Callable[[Phase, str], str]:
    """Words for the phases of a job that counts what it has made.

    Args:
        key: of a text that names {done} and {total}, said while the job counts.

    Returns:
        Phase and language to words; other phases as `phase_text` says them.
    """

    def words(phase: Phase, language: str) -> str:
        if phase.kind == "preparing" and phase.total:
            return say(language, key, done=phase.done, total=phase.total)
        return phase_text(phase, language)

    return words


def phase_text(phase: Phase, language: str) -> str:
    """Where long work stands, in words."""
    if phase.kind == "waiting" and phase.done == 1:
        return say(language, "waiting_next")
    if phase.kind == "waiting" and phase.done == 0:
        return say(language, "waiting_for", what=phase.what)
    if phase.kind == "waiting":
        return say(language, "waiting", place=phase.done - 1)
    if phase.kind == "downloading":
        return say(language, "downloading", what=phase.what, done=size_text(phase.done), total=size_text(phase.total))
    return say(language, phase.kind, what=phase.what, done=f"{phase.done:,}", total=f"{phase.total:,}")
