"""Who asks, and what is kept of them: the state that one open page has in one tab."""

from typing import Any

import gradio as gr

from playground.errors import UserError
from playground.runtime.worker import Job


class SessionState:
    """What a tab keeps for one visitor, as long as their page is open; each tab adds its own attributes.

    Held in a `gr.State`. Not a dataclass: Gradio would send it to the page.
    """

    def __init__(self) -> None:
        self.job: Job[Any] | None = None  # what is under way for this visitor
        self.model = ""  # the id of the model whose settings are on the page

    def require_idle(self, busy: str) -> None:
        """Raise `UserError` with the words `busy` where a job is under way."""
        if self.job is not None:
            raise UserError(busy)

    def stop(self) -> None:
        """Release the visitor now; the work ends at its next boundary."""
        if self.job is not None:
            self.job.cancel()


def stop_job(session: SessionState) -> None:
    """The handler of a Stop button, and of a page that closes (`gr.State(delete_callback=...)`)."""
    session.stop()


def visitor_of(request: gr.Request | None) -> str:
    """Who asks, for the line: the page's session, or the address of a program that has none (MCP)."""
    if request is None:
        return ""
    return request.session_hash or (request.client.host if request.client else "")
