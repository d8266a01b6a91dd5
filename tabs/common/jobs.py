"""A job on the page: `stream_job` shows what a job yields, until it ends; `job_results` hands it to an endpoint.

Invariants: however a job ends (its last result, Stop, an error, a page that closes), it is cancelled or over, and the
session is free for the next one, when the generator ends. An error is shown first and then raised, so that it also
becomes a note. A job that a newer one of the same session has replaced draws nothing more.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase
from playground.runtime.worker import Job
from tabs.common.events import Updates
from tabs.common.progress import phase_text
from tabs.common.session import SessionState

T = TypeVar("T")
QUICK_S = 0.3


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: with its last result, by Stop, or with an error."""

    stopped: bool = False
    error: UserError | None = None

    def status(self, done: str, stopped: str) -> str:
        """The words for a status line: `done`, `stopped`, or those of the error."""
        if self.error is not None:
            return str(self.error)
        return stopped if self.stopped else done


def stream_job(
    session: SessionState,
    job: Job[T],
    language: str,
    *,
    start: Updates,
    phase: Callable[[str], Updates],
    result: Callable[[T], Updates | None],
    end: Callable[[JobEnd], Updates],
    draw: Callable[[], Updates] | None = None,
    interval_s: float = 0.0,
    words: Callable[[Phase, str], str] = phase_text,
) -> Iterator[Updates]:
    """Yield updates of the page while a job runs; a Stop button cancels the session's job.

    Args:
        session: The visitor's state. A job that is under way there is cancelled first: the newest wins.
        job: What a service has put in the line.
        language: One of `tabs.common.words.LANGUAGES`.
        start: Drawn at once.
        phase: What new words for the phase (waiting, downloading, loading, …) change; not called while they stay.
        result: Takes one result. What it returns is drawn at once; None leaves it to `draw`.
        end: The last update, however the job ended.
        draw: The page as it is now, after results for which `result` returned None.
        interval_s: Seconds between two calls of `draw`, at least.
        words: A phase in words; an empty text draws nothing.

    Raises:
        UserError: What the job raised, after `end` was drawn.
    """
    session.stop()
    session.job = job
    stopped, error = False, None
    said, drawn, due = "", 0.0, False
    latest, latest_at = dict[Any, Any](), 0.0  # the last result's updates
    try:
        if start:
            yield start
        for event in job.events():
            if session.job is not job:
                break
            if isinstance(event, Phase):
                text = words(event, language)
                if text and text != said:
                    said = text
                    yield phase(text)
            elif event is not None:
                updates = result(event)
                due = due or updates is None
                if updates:
                    latest, latest_at = updates, time.monotonic()
                    yield updates
            if due and draw is not None and time.monotonic() - drawn >= interval_s:
                drawn, due = time.monotonic(), False
                yield draw()
    except Cancelled:
        stopped = True
    except UserError as raised:
        error = raised
    finally:
        replaced = session.job is not job
        if not replaced:
            session.job = None
        job.cancel()  # a page that closed; nothing where it has ended
    if replaced:
        return
    last = end(JobEnd(stopped, error))
    # Of two updates in quick succession the browser may apply only the later one, so that one says both.
    if time.monotonic() - latest_at < QUICK_S:
        last = latest | last
    if last:
        yield last
    if error is not None:
        raise error


def job_results(job: Job[T]) -> Iterator[T]:
    """Yield only the results of a job: for an endpoint, whose caller hears of no phases.

    Raises:
        UserError: What the job raised.
        Cancelled: The app is ending.
    """
    with closing(job.events()) as events:
        for event in events:
            if event is not None and not isinstance(event, Phase):
                yield event
