"""What a tab package exports, and how tabs hand things to each other.

A package of `tabs/` exports `TAB`. Its `build` makes the tab and returns `TabHandles`: what the tab sends and what it
accepts. The shell gives every sender one button for each tab that accepts what it sends; no tab knows another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import gradio as gr
from gradio.components import Component
from PIL import Image

from playground.core import Playground
from tabs.common.events import Updates
from tabs.common.words import register_words

T = TypeVar("T")


@dataclass(frozen=True)
class Picture:
    """A picture on its way to another tab: RGB, upright; `avatar` where it is one drawn face as the VAE knows them."""

    image: Image.Image
    avatar: bool = False


@dataclass(frozen=True)
class Sends(Generic[T]):
    """What a tab sends: an object of the class `kind`, read when a button is clicked.

    Args:
        kind: The class that is sent, such as `Picture`; a tab that accepts it gets a button.
        name: What the buttons' element ids begin with: "image" gives "image-to-vae".
        buttons: The row that the buttons are put in.
        read: Called with the values of `inputs` and the `gr.Request`. Raises `UserError` where there is nothing yet.
        inputs: Components that `read` is given.
        lane: Options of the events, see `tabs.common.events`.
        words: Key of a button's text for the `name` of an accepting tab, instead of that tab's own.
        js: Run in the browser before `read`, on the values of `inputs`, which come first.
    """

    kind: type[T]
    name: str
    buttons: gr.Row
    read: Callable[..., T]
    inputs: Sequence[Component]
    lane: Mapping[str, Any]
    words: Mapping[str, str] = field(default_factory=dict)
    js: str | None = None


@dataclass(frozen=True)
class Accepts(Generic[T]):
    """What a tab accepts: an object of the class `kind`.

    Args:
        kind: The class that is accepted.
        name: What the buttons' element ids end with: "vae" gives "image-to-vae".
        word: Key of the text of a sender's button.
        receive: Called with the object, the values of `inputs` and the `gr.Request`; the updates it returns are of
            `outputs`. The page then shows this tab.
        outputs: Components that `receive` may change.
        inputs: Components that `receive` is given.
    """

    kind: type[T]
    name: str
    word: str
    receive: Callable[..., Updates]
    outputs: Sequence[Any]
    inputs: Sequence[Component] = ()


@dataclass(frozen=True)
class TabHandles:
    """What the shell needs of a tab that was built."""

    sends: Sequence[Sends[Any]] = ()
    accepts: Sequence[Accepts[Any]] = ()


@dataclass(frozen=True)
class Tab:
    """A tab of the page. Making one registers its words.

    Args:
        id: Names the tab in the address (`?tab=vae`) and in the catalogue of models.
        label: Key of its title.
        build: Makes it inside the current `gr.Blocks` and wires its events.
        words: Its texts: key → (English, 中文).
    """

    id: str
    label: str
    build: Callable[[Playground], TabHandles]
    words: Mapping[str, tuple[str, str]]

    def __post_init__(self) -> None:
        register_words(self.words)
