"""Text-to-image's named endpoint: a contract, with plain typed arguments, also listed as an MCP tool."""

from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.data_classes import FileDataDict

from playground.text_to_image import infotext
from playground.text_to_image.service import ImageService
from playground.text_to_image.types import ImageRequest, Picture, Started
from tabs.common.errors import raised
from tabs.common.image_files import png_file
from tabs.common.session import visitor_of


def image_endpoints(service: ImageService) -> None:
    """Add `/text_to_image` to the app under construction."""
    default = service.entries()[0]

    def text_to_image(
        prompt: str,
        model: str = default.id,
        negative_prompt: str = "",
        width: int = 0,
        height: int = 0,
        steps: int = 0,
        guidance: float | None = None,
        seed: int = 0,
        count: int = 1,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio fills it in
    ) -> tuple[list[FileDataDict], list[dict[str, Any]]]:
        """Make pictures from words; the same seed and settings give the same picture.

        Gives the pictures as PNG files which carry their settings, and for each of them its seed, settings, seconds,
        CLIP score (100 cos of picture and prompt, null where no CLIP is here) and what of the wish was changed.

        Args:
            prompt: What the picture should show.
            model: A text-to-image model's id, as listed by /models.
            negative_prompt: What it should not show; used only by some models, at a guidance above 1.
            width: In pixels; 0 for the model's usual size.
            height: In pixels; 0 for the model's usual size.
            steps: Of denoising; 0 for the model's usual number.
            guidance: How strictly the prompt is followed (CFG); null for the model's usual value.
            seed: Of the first picture, 0 to 4294967295; picture k has seed + k.
            count: How many pictures.
        """
        wish = ImageRequest(
            prompt, negative_prompt, width, height, steps, guidance, seed=seed, count=count, preview=False
        )
        pictures: list[Picture] = []
        notes: tuple[str, ...] = ()
        for event in service.generate(visitor_of(request), _text(model), wish).events():
            if isinstance(event, Started):
                notes = event.notes
            if isinstance(event, Picture):
                pictures.append(event)
        files = [
            png_file(picture.image, f"seed-{picture.settings.seed}", infotext.write(picture.settings))
            for picture in pictures
        ]
        return files, [_plain(picture, notes) for picture in pictures]

    gr.api(raised(text_to_image), api_name="text_to_image", concurrency_id="image", concurrency_limit=None)


def _plain(picture: Picture, notes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "seed": picture.settings.seed,
        "settings": asdict(picture.settings),
        "seconds": round(picture.seconds, 3),
        "clip_score": None if picture.score is None else round(picture.score, 2),
        "scored_by": picture.scored_by,
        "notes": list(notes),
    }


def _text(model: object) -> str:
    return model if isinstance(model, str) else ""  # which no model is called
