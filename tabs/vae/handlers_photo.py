"""What happens when a visitor does something with photographs.

Invariants: a handler takes plain component values, checks them, and draws what the service's job yields. A new
wish ends the one before it: the newest wins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.autoencoders import latent_operations as latents
from playground.autoencoders.service import AutoencoderService
from playground.autoencoders.types import (
    Encoded,
    Event,
    Interpolation,
    LatentChanges,
    Progress,
    QuantizationSheet,
    Reconstruction,
)
from playground.errors import Cancelled, UserError
from playground.imaging import uploads
from playground.runtime.task import Phase
from playground.runtime.worker import Job
from tabs.common.progress import phase_text
from tabs.common.session import visitor_of
from tabs.common.words import language_of, say
from tabs.vae import render_photo as view

CHANNELS = 16  # gain sliders on the page: as many as any model of the catalogue has channels


class PhotoSessionState:
    """One visitor's photograph, as long as the page is open. (No dataclass: Gradio would send it to the page.)"""

    def __init__(self) -> None:
        self.job: Job[Event] | None = None
        self.encoded: Encoded | None = None
        self.model = ""  # whose limits are on the page


@dataclass
class PhotoUpdates:
    """What a handler wants drawn; None leaves a component as it is."""

    status: str | None = None
    compare: tuple[Any, Any] | None = None
    pictures: list[tuple[Any, str]] | None = None
    moving: str | None = None
    running: bool | None = None
    channels: int | None = None

    def updates(self) -> tuple[Any, ...]:
        """In the order of `drawn` in the panel: status, compare, gallery, animation, buttons, gains."""
        values = (self.status, self.compare, self.pictures, self.moving)
        drawn = [gr.skip() if value is None else value for value in values]
        if self.pictures is not None:
            drawn[2] = gr.Gallery(value=self.pictures, visible=bool(self.pictures))
        if self.moving is not None:
            drawn[3] = gr.HTML(value=self.moving, visible=bool(self.moving))
        stop = gr.skip() if self.running is None else gr.Button(interactive=self.running)
        gains = [
            gr.skip() if self.channels is None else gr.Slider(visible=number < self.channels)
            for number in range(CHANNELS)
        ]
        return (*drawn, stop, *gains)


@dataclass
class PhotoHandlers:
    """The panel's events over an `AutoencoderService`."""

    service: AutoencoderService

    def reconstruct(
        self, visit: PhotoSessionState, picture: str | None, request: gr.Request, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The photograph through the model, with the latent changed as the sliders say."""
        image = self._read(picture, "photo_no_picture", request)
        model, side, changes = _options(values)
        job = self.service.reconstruct(visitor_of(request), model, image, changes, side, visit.encoded)
        yield from self._follow(visit, job, request)

    def retouch(
        self, visit: PhotoSessionState, picture: str | None, request: gr.Request, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        """A slider was let go: once there is a result, show what it does to it."""
        if picture and visit.encoded is not None:
            yield from self.reconstruct(visit, picture, request, *values)

    def sheet(
        self, visit: PhotoSessionState, picture: str | None, request: gr.Request, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The photograph with 1 to 8 bits a number."""
        image = self._read(picture, "photo_no_picture", request)
        model, side, changes = _options(values)
        job = self.service.quantization_sheet(visitor_of(request), model, image, changes, side, visit.encoded)
        yield from self._follow(visit, job, request)

    def between(
        self,
        visit: PhotoSessionState,
        picture: str | None,
        second: str | None,
        count: float,
        request: gr.Request,
        *values: Any,
    ) -> Iterator[tuple[Any, ...]]:
        """From the photograph to the second one."""
        first = self._read(picture, "photo_no_picture", request)
        last = self._read(second, "photo_no_second", request)
        model, side, _ = _options(values)
        job = self.service.interpolate(visitor_of(request), model, first, last, _whole(count), side)
        yield from self._follow(visit, job, request)

    def stop(self, visit: PhotoSessionState) -> None:
        """Release the visitor now; whoever draws notices within a heartbeat."""
        if visit.job is not None:
            visit.job.cancel()

    def _follow(self, visit: PhotoSessionState, job: Job[Event], request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Draw what the job yields. A job that a newer one has replaced draws nothing more."""
        language = language_of(request)
        self.stop(visit)
        visit.job = job
        error: UserError | None = None
        final = PhotoUpdates(running=False)
        said = ""
        try:
            for event in job.events():
                if visit.job is not job:
                    return
                text = said
                if isinstance(event, Phase):
                    text = phase_text(event, language) if event.kind != "ready" else said
                elif isinstance(event, Progress):
                    text = view.working_text(event, language)
                elif event is not None:
                    final = self._result(visit, event, language)
                if text != said:
                    said = text
                    yield PhotoUpdates(status=said, running=True).updates()
        except Cancelled:
            final = PhotoUpdates(status=say(language, "photo_stopped"), running=False)
        except UserError as raised:
            error = raised
            final = PhotoUpdates(status=str(error), running=False)
        if visit.job is not job:
            return
        visit.job = None
        yield final.updates()
        if error is not None:
            raise error

    def _result(self, visit: PhotoSessionState, event: Event, language: str) -> PhotoUpdates:
        if isinstance(event, Reconstruction):
            visit.encoded = event.encoded
            return PhotoUpdates(
                status=view.status_text(event, language),
                compare=(event.encoded.before, event.after),
                running=False,
                channels=len(event.encoded.latent),
            )
        if isinstance(event, QuantizationSheet):
            visit.encoded = event.encoded
            best = event.rows[-1][1]
            return PhotoUpdates(
                status=view.size_words(event.encoded, language),
                compare=(event.encoded.before, best),
                pictures=view.sheet_pictures(event, language),
                moving="",
                running=False,
                channels=len(event.encoded.latent),
            )
        assert isinstance(event, Interpolation)
        return PhotoUpdates(
            status=say(language, "photo_frames", count=len(event.frames)),
            pictures=view.way_pictures(event, language),
            moving=view.moving_html(event),
            running=False,
        )

    def _read(self, picture: str | None, missing: str, request: gr.Request) -> Any:
        if not picture:
            raise UserError(say(language_of(request), missing))
        return uploads.read(picture)


def _options(values: tuple[Any, ...]) -> tuple[str, int, LatentChanges]:
    """Model, longer side and changes from the values of the column: checked here and by the service."""
    model, side, noise, bits, seed, *gain = values
    changes = latents.validate_changes(gain, bits, noise, seed)
    # Gains left alone are dropped, so that a model with fewer channels than sliders takes what is left.
    kept = len(changes.gain)
    while kept and changes.gain[kept - 1] == 1:
        kept -= 1
    return model, side, LatentChanges(changes.gain[:kept], changes.bits, changes.noise, changes.seed)


def _whole(count: float) -> int:
    """Sliders send 12 or 12.0; anything else is for the service to refuse."""
    return int(count) if isinstance(count, float) and count.is_integer() else count  # type: ignore[return-value]
