"""What a visitor does with finished pictures: choose, sort, save, use again, send on, and settings from a file.

Invariants: nothing is computed here by a model; what comes back from the page is checked like any other input.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.errors import UserError
from playground.text_to_image import infotext
from playground.text_to_image.types import ImageRequest
from tabs.common.words import language_of, say
from tabs.text_to_image import render
from tabs.text_to_image.handlers import again, chosen
from tabs.text_to_image.session import SessionState, Updates


def choose(visit: SessionState, data: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
    """A picture was clicked: it goes on the canvas."""
    language = language_of(request)
    sent = data._data if isinstance(data._data, dict) else {}
    kept = next((one for one in visit.pictures if one.key == sent.get("key")), None)
    if kept is None:
        raise UserError(say(language, "image_gone"))
    visit.chosen = kept.key
    return _redrawn(visit, language)


def sort(visit: SessionState, order: str, request: gr.Request) -> dict[str, Any]:
    """Newest first, or the best score first."""
    visit.order = "best" if order == "best" else "new"
    return render.shelf(visit, language_of(request))


def clear(visit: SessionState, request: gr.Request) -> tuple[Any, ...]:
    """All pictures go."""
    visit.clear()
    language = language_of(request)
    return Updates(
        canvas=render.kept_canvas(None, language), shelf=render.shelf(visit, language), status="",
        film=render.film(None, language),
    ).updates()  # fmt: skip


def save(visit: SessionState, request: gr.Request) -> str:
    """The chosen picture with its settings inside, for the browser to save."""
    kept = chosen(visit, language_of(request))
    return f"image-seed-{kept.settings.seed}.png|{render.png_uri(kept.png)}"


def reuse_seed(visit: SessionState, request: gr.Request) -> tuple[int, bool]:
    """The seed of the chosen picture, to be kept."""
    return chosen(visit, language_of(request)).settings.seed, False


def picture(visit: SessionState, request: gr.Request) -> Image.Image:
    """The chosen picture's pixels."""
    with Image.open(BytesIO(chosen(visit, language_of(request)).png), formats=("PNG",)) as image:
        return image.convert("RGB")


def model(visit: SessionState, request: gr.Request) -> str:
    """The model the chosen picture is by."""
    return chosen(visit, language_of(request)).settings.model


def wish_again(visit: SessionState, language: str) -> tuple[str, ImageRequest, str]:
    """The chosen picture's model and request, and what to say of it."""
    kept = chosen(visit, language)
    word = "image_used" if kept.start is None else "image_used_start"
    return kept.settings.model, again(kept), say(language, word, seed=kept.settings.seed)


def restored(path: str | None, known: list[str], now: str, language: str) -> tuple[str, ImageRequest, str]:
    """The model and the request that a file's text describes, and what to say of it.

    `known` are the models of the menu, `now` is the one to stay with where the file names another.
    """
    found = infotext.read(Path(path or ""))
    said = [say(language, "image_restored", seed=found.settings.seed), *found.notes]
    if found.model and found.model not in known:
        said.insert(1, say(language, "image_restored_other", model=found.model))
    model = found.model if found.model in known else now
    return model, replace(found.settings, start=None), " ".join(said)


def _redrawn(visit: SessionState, language: str) -> tuple[Any, ...]:
    kept = visit.current()
    film = render.film(kept.film, language, kept.settings.seed) if kept and kept.film else render.film(None, language)
    return Updates(canvas=render.kept_canvas(kept, language), shelf=render.shelf(visit, language), film=film).updates()
