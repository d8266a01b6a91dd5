"""The interpolation panel: from a face A to a face B, as a strip of pictures and as an animation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from playground.errors import UserError
from playground.vae.service import INTERPOLATION_COUNT
from tabs.common.components import PictureStrip, animation_strip, selected_index, strip
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, queued, run_buttons
from tabs.common.jobs import JobEnd, stream_job
from tabs.common.progress import counted
from tabs.common.session import stop_job, visitor_of
from tabs.common.words import label, language_of, say
from tabs.vae.handlers import FaceHandlers
from tabs.vae.session import VaeSession

STEPS, FPS, SIDE = 24, 16, 320
THUMBNAIL_SIDE = 96  # CSS pixels


@dataclass
class InterpolationPanel:
    """Components and handlers of the panel; made by `interpolation_panel`."""

    face: FaceHandlers
    set_a: gr.Button
    set_b: gr.Button
    endpoints: PictureStrip
    count: gr.Slider
    mode: gr.Radio
    show: gr.Button
    animate: gr.Button
    stop: gr.Button
    frames: PictureStrip
    status: gr.Markdown
    animation: PictureStrip

    def clear(self) -> Updates:
        """Another model: nothing of the last one stays."""
        return {self.endpoints: strip(), self.frames: strip(), self.status: "", self.animation: strip()}

    def set_endpoint(self, session: VaeSession, stage: Any, request: gr.Request, name: str) -> Updates:
        """Keep the face on show as A or B."""
        session.endpoints[name] = self.face.current(session, stage)
        render, kept = self.face.service.render, session.endpoints
        pictures = [(render(session.model, kept[each]), each.upper()) for each in "ab" if each in kept]
        hint = "" if len(kept) == 2 else say(language_of(request), "vae_aside_hint")
        return {self.endpoints: strip(pictures, THUMBNAIL_SIDE, hint=hint)}

    def interpolate(self, session: VaeSession, count: float, mode: str, request: gr.Request) -> Updates:
        """The pictures from A to B, both included."""
        language = language_of(request)
        a, b = _endpoints(session, language)
        session.frames, pictures = self.face.service.interpolate(session.model, a, b, int(count), mode)  # type: ignore[arg-type]  # it checks
        last = len(pictures) - 1
        captions = ["A", *(f"{100 * number / last:.0f} %" for number in range(1, last)), "B"]
        shown_frames = list(zip(pictures, captions, strict=True))
        return {self.frames: strip(shown_frames, THUMBNAIL_SIDE, pick=say(language, "vae_select"))}

    def choose_frame(self, session: VaeSession, data: gr.EventData, request: gr.Request) -> Updates:
        """A picture of the strip was clicked: on the stage."""
        frames = session.frames if session.frames is not None else np.empty((0, 0))
        index = selected_index(data, len(frames))
        return {} if index is None else self.face.show(session, frames[index], language_of(request))

    def make_animation(self, session: VaeSession, mode: str, request: gr.Request) -> Iterator[Updates]:
        """A looping animation from A to B and back."""
        language = language_of(request)
        session.require_idle(say(language, "vae_busy"))
        ends = _endpoints(session, language)
        job = self.face.service.animation(
            visitor_of(request), session.model, ends, STEPS, FPS, SIDE, mode  # type: ignore[arg-type]
        )  # fmt: skip
        done = ""

        def result(webp: bytes) -> Updates:
            nonlocal done
            done = say(language, "vae_animation_done", size=len(webp) / 1000)
            return {self.animation: animation_strip(webp, SIDE, "faces.webp", language)}

        def end(how: JobEnd) -> Updates:
            text = how.status(done, say(language, "vae_stopped"))
            return {self.status: text} | run_buttons(self.animate, self.stop, False)

        yield from stream_job(
            session,
            job,
            language,
            start={self.status: ""} | run_buttons(self.animate, self.stop, True),
            phase=lambda text: {self.status: text},
            result=result,
            end=end,
            words=counted("vae_animation_progress"),
        )

    def wire(self, session: gr.State) -> None:
        """Connect the events.

        Args:
            session: holds the visitor's `VaeSession`.
        """
        here, outputs = [session, self.face.stage], self.face.outputs
        for button, name in ((self.set_a, "a"), (self.set_b, "b")):
            button.click(shown(_named(self.set_endpoint, name)), here, self.endpoints, **queued("vae"))
        self.show.click(shown(self.interpolate), [session, self.count, self.mode], self.frames, **queued("vae"))
        self.frames.select(shown(self.choose_frame), [session], outputs, **queued("vae"))
        made = [self.status, self.animation, self.animate, self.stop]
        self.animate.click(shown(self.make_animation), [session, self.mode], made, **queued("vae-jobs", "once"))
        self.stop.click(stop_job, [session], None, **UNQUEUED)


def interpolation_panel(face: FaceHandlers) -> InterpolationPanel:
    """Make the panel inside the current `gr.Blocks`.

    Args:
        face: shows the face on the stage.

    Returns:
        The panel; `wire` connects it.
    """
    with gr.Accordion(label("vae_interpolation"), open=False):
        with gr.Row(elem_classes="tools"):
            set_a, set_b = (gr.Button(label(f"vae_set_{name}"), size="sm", min_width=90) for name in "ab")
        endpoints = PictureStrip(elem_id="vae-endpoints")
        with gr.Row():
            count = gr.Slider(
                INTERPOLATION_COUNT[0], 24, 8, step=1, label=label("vae_interpolation_count"), min_width=160
            )
            mode = gr.Radio(
                [(label("vae_lerp"), "lerp"), (label("vae_slerp"), "slerp")], value="slerp", label=label("vae_mode"),
                min_width=160,
            )  # fmt: skip
        with gr.Row(elem_classes="tools"):
            show = gr.Button(label("vae_interpolate"), size="sm", min_width=110, elem_id="vae-interpolate")
            animate = gr.Button(label("vae_animate"), size="sm", min_width=110, elem_id="vae-animate")
            stop = gr.Button(label("stop"), size="sm", variant="stop", min_width=110, visible=False)
        frames = PictureStrip(elem_id="vae-frames")
        status = gr.Markdown("", elem_classes="subtle", elem_id="vae-animation-status")
        animation = PictureStrip(elem_id="vae-animation")
    return InterpolationPanel(
        face, set_a, set_b, endpoints, count, mode, show, animate, stop, frames, status, animation
    )


def _endpoints(session: VaeSession, language: str) -> tuple[np.ndarray, np.ndarray]:
    if len(session.endpoints) < 2:
        raise UserError(say(language, "vae_aside_missing"))
    return session.endpoints["a"], session.endpoints["b"]


def _named(handler: Any, name: str) -> Any:
    """The handler of the button that belongs to that name."""

    def handle(session: VaeSession, stage: Any, request: gr.Request) -> Updates:
        return handler(session, stage, request, name)

    return handle
