"""The one place where a `UserError` becomes what Gradio shows.

Invariants: on the page it is a note beside what is there, since Gradio draws a raised error over the very conversation
that was kept; a program that calls an endpoint gets it raised.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import gradio as gr

from playground.errors import Cancelled, UserError

F = TypeVar("F", bound=Callable[..., Any])
SHOWN_S = 12


def shown(handler: F) -> F:
    """Wrap an event's handler (plain or generator): its `UserError`s are shown as a note, and nothing is redrawn.

    A handler that returns `Updates` may return an empty dict.
    """

    @functools.wraps(handler)
    def plain(*args: Any, **kwargs: Any) -> Any:
        try:
            return _or_skip(handler(*args, **kwargs))
        except UserError as error:
            gr.Warning(str(error), duration=SHOWN_S)
            return gr.skip()

    @functools.wraps(handler)
    def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
        try:
            for updates in handler(*args, **kwargs):
                yield _or_skip(updates)
        except UserError as error:
            gr.Warning(str(error), duration=SHOWN_S)
            yield gr.skip()

    return cast(F, generator if inspect.isgeneratorfunction(handler) else plain)


def raised(endpoint: F) -> F:
    """Wrap a named endpoint (plain or generator): its `UserError`s reach the caller with their own words."""

    @functools.wraps(endpoint)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with _told():
            return endpoint(*args, **kwargs)

    @functools.wraps(endpoint)
    def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with _told():
            yield from endpoint(*args, **kwargs)

    return cast(F, generator if inspect.isgeneratorfunction(endpoint) else plain)


def _or_skip(updates: Any) -> Any:
    """Gradio would take an empty dict for a value."""
    return gr.skip() if isinstance(updates, dict) and not updates else updates


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise gr.Error(str(error), duration=SHOWN_S, print_exception=False) from error
    except Cancelled as error:  # a client that stops is not here any more; so it is the app
        raise gr.Error("The app is ending. Ask again when it is back.", print_exception=False) from error
