"""The one place where a `UserError` becomes what Gradio shows."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import gradio as gr

from playground.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])


def shown(handler: F) -> F:
    """Wrap a handler (plain or generator) so that its `UserError`s are shown with their own words."""

    @functools.wraps(handler)
    def plain(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except UserError as error:
            raise _as_gradio(error) from error

    @functools.wraps(handler)
    def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
        try:
            yield from handler(*args, **kwargs)
        except UserError as error:
            raise _as_gradio(error) from error

    return cast(F, generator if inspect.isgeneratorfunction(handler) else plain)


def _as_gradio(error: UserError) -> gr.Error:
    return gr.Error(str(error), duration=12, title="", print_exception=False)
