"""The projection panel: find the style of an uploaded picture (GAN inversion)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from PIL import Image

from playground.errors import UserError
from playground.gan.edit_state import EditState
from playground.gan.types import GeneratorConfig, ProjectionStep
from playground.imaging import uploads
from tabs.common.components import PictureStrip, strip
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, queued, run_buttons
from tabs.common.jobs import JobEnd, stream_job
from tabs.common.session import stop_job, visitor_of
from tabs.common.words import label, language_of, say
from tabs.gan import render
from tabs.gan.handlers import PictureHandlers
from tabs.gan.session import GanSession

OUT_OF_DISTRIBUTION_DB = 22.0  # training portraits are found at 25 and more, other pictures at 20 and less


@dataclass
class ProjectionPanel:
    """Components and handlers of the panel; made by `projection_panel`."""

    picture: PictureHandlers
    image: gr.Image
    steps: gr.Slider
    run: gr.Button
    stop: gr.Button
    status: gr.Markdown
    progress: PictureStrip

    def outputs(self) -> Sequence[Block]:
        """The components of `start` and `show`."""
        return [self.status, self.progress]

    def start(self, language: str) -> Updates:
        """Another model: nothing was found yet."""
        return {self.status: "", self.progress: strip()}

    def show(self, state: EditState, config: GeneratorConfig, language: str) -> Updates:
        """The current picture changes nothing here."""
        return {}

    def project(
        self, session: GanSession, stage: Any, image: Image.Image | None, steps: Any, request: gr.Request
    ) -> Iterator[Updates]:
        """Look for the style of a picture; the best one becomes the current picture."""
        language = language_of(request)
        session.require_idle(say(language, "gan_busy"))
        if image is None:
            raise UserError(say(language, "gan_own_none"))
        state, config = self.picture.current(stage)
        cropped, _ = uploads.square(uploads.read(image), config.size)
        seen = (render.thumbnail(cropped), say(language, "gan_seen"))
        job = self.picture.service.project(visitor_of(request), state.model, image, steps)
        best: ProjectionStep | None = None

        def result(step: ProjectionStep) -> Updates:
            nonlocal best
            best = step
            caption = say(language, "gan_found", step=step.step, steps=step.steps)
            return {self.status: "", self.progress: strip([seen, (render.thumbnail(step.picture), caption)])}

        def end(how: JobEnd) -> Updates:
            found = "" if best is None else _verdict(best, language)
            stopped = f"{say(language, 'gan_stopped')} {found}".strip()
            updates = {self.status: how.status(found, stopped)} | run_buttons(self.run, self.stop, False)
            if best is not None:
                updates |= self.picture.show(session, state.with_style(best.style), language)
            return updates

        yield from stream_job(
            session,
            job,
            language,
            start={self.status: "", self.progress: strip([seen])} | run_buttons(self.run, self.stop, True),
            phase=lambda text: {self.status: text},
            result=result,
            end=end,
        )

    def wire(self, session: gr.State) -> None:
        """Connect the events, once all panels exist.

        Args:
            session: holds the visitor's `GanSession`.
        """
        self.run.click(
            shown(self.project),
            [session, self.picture.stage, self.image, self.steps],
            [self.run, self.stop, *self.picture.outputs],
            **queued("gan-jobs", "once"),
        )
        self.stop.click(stop_job, [session], None, **UNQUEUED)


def projection_panel(picture: PictureHandlers) -> ProjectionPanel:
    """Make the panel inside the current `gr.Tabs`.

    Args:
        picture: shows the current picture.

    Returns:
        The panel; `wire` connects it.
    """
    with gr.Tab(label("gan_own")):
        gr.Markdown(label("gan_own_info"), elem_classes="subtle")
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=260):
                image = gr.Image(
                    label=label("gan_own_picture"), sources=["upload", "clipboard", "webcam"], type="pil",
                    format="png", height=260, elem_id="gan-own",
                )  # fmt: skip
            with gr.Column(scale=1, min_width=260):
                steps = gr.Slider(20, 500, value=150, step=10, label=label("gan_steps"))
                with gr.Row(equal_height=True):
                    run = gr.Button(
                        label("gan_project"), variant="primary", size="sm", scale=0, min_width=120,
                        elem_id="gan-project",
                    )  # fmt: skip
                    stop = gr.Button(
                        label("stop"), variant="stop", size="sm", scale=0, min_width=90, visible=False,
                        elem_id="gan-project-stop",
                    )  # fmt: skip
                status = gr.Markdown("", elem_classes="subtle", elem_id="gan-own-status")
                progress = PictureStrip(elem_id="gan-own-strip")
    return ProjectionPanel(picture, image, steps, run, stop, status, progress)


def _verdict(step: ProjectionStep, language: str) -> str:
    words = say(language, "gan_projected", psnr=step.psnr, step=step.step)
    return words if step.psnr >= OUT_OF_DISTRIBUTION_DB else f"{words} {say(language, 'gan_foreign')}"
