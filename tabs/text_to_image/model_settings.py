"""What the chosen model changes on the page: ranges, what it reads, which helps make sense.

Invariants: every number that a slider is given lies within its model's limits, so that the page never holds what
Gradio would refuse to send.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from playground.catalog import Entry
from playground.text_to_image.service import ImageService
from playground.text_to_image.types import ImageRequest
from playground.text_to_image.validation import validate_request
from playground.weights.types import State
from tabs.common.sliders import slider_range
from tabs.text_to_image import render
from tabs.text_to_image.handlers_prompt import chips
from tabs.text_to_image.session import reads_negative


def described(
    service: ImageService,
    state: Callable[[Entry], State],
    model: str,
    prompt: str,
    language: str,
    wish: ImageRequest | None = None,
    numbers: bool = True,
) -> tuple[Any, ...]:
    """Updates for `described` of the layout, in its order; with a wish, its values, brought inside the limits.

    Without `numbers` only what is there and its words: numbers stay as the visitor has them.

    About, choice, negative prompt, steps, guidance, width, height, scheduler, count, strength, film always, then what
    is there for models of the drawn world and what for the others.
    """
    entry, limits = service.entry(model), service.limits(model)
    # Only numbers are settled here; words stay what they are, also where they are empty.
    settled = validate_request(
        entry, replace(wish or ImageRequest("-"), prompt="-", negative_prompt="", written="")
    ).request
    least, _, most = limits.sizes
    choices = render.scheduler_choices(limits, language)
    words: dict[str, Any] = {} if wish is None else {"value": wish.negative_prompt}
    strength: dict[str, Any] = {} if wish is None else {"value": settled.strength}
    side: dict[str, Any] = {"step": limits.multiple, "visible": least != most, **slider_range(least, most)}

    def value(number: float | str | None) -> dict[str, Any]:
        return {"value": number} if numbers else {}

    drawn = gr.Column(visible=limits.vocabulary)
    other = gr.Column(visible=not limits.vocabulary)
    return (
        render.model_line(entry, limits, state(entry), language),
        entry.id,
        gr.Textbox(
            interactive=reads_negative(limits, settled.guidance),
            placeholder=render.negative_words(limits, settled.guidance, language),
            **words,
        ),
        gr.Slider(**value(settled.steps), **slider_range(limits.steps[0], limits.steps[2])),
        gr.Slider(**value(settled.guidance), **slider_range(limits.guidance[0], limits.guidance[2])),
        gr.Slider(**value(settled.width), **side),
        gr.Slider(**value(settled.height), **side),
        gr.Dropdown(choices=choices, **value(settled.scheduler or None), visible=len(choices) > 0),
        gr.Slider(**slider_range(1, limits.count), visible=limits.count > 1),
        gr.Column(visible=limits.image_to_image),
        gr.Slider(interactive=not limits.reference, **strength),
        gr.Checkbox(visible=limits.trajectory),
        chips(prompt, language) if limits.vocabulary else gr.skip(),
        gr.Button(visible=limits.vocabulary), drawn, drawn, other, other,
    )  # fmt: skip
