"""The animation panel: key frames, and the looping animation through them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from playground.errors import UserError
from playground.gan.edit_state import EditState
from playground.gan.interpolation import MAX_KEYS
from playground.gan.types import GeneratorConfig
from playground.imaging import encoding
from tabs.common.components import PictureStrip, animation_strip, selected_index, strip
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, queued, run_buttons
from tabs.common.jobs import JobEnd, stream_job
from tabs.common.progress import counted
from tabs.common.session import stop_job, visitor_of
from tabs.common.words import label, language_of, say
from tabs.gan import render
from tabs.gan.handlers import PictureHandlers
from tabs.gan.session import GanSession, KeyFrame

SIDE = 320  # pixels


@dataclass
class AnimationPanel:
    """Components and handlers of the panel; made by `animation_panel`."""

    picture: PictureHandlers
    keys: PictureStrip
    seconds: gr.Slider
    fps: gr.Slider
    loop: gr.Checkbox
    run: gr.Button
    stop: gr.Button
    status: gr.Markdown
    animation: PictureStrip

    def outputs(self) -> Sequence[Block]:
        """The components of `start` and `show`."""
        return [self.keys, self.status, self.animation]

    def start(self, language: str) -> Updates:
        """Another model: no key frames."""
        return {self.keys: key_strip([], language), self.status: "", self.animation: strip()}

    def show(self, state: EditState, config: GeneratorConfig, language: str) -> Updates:
        """The current picture changes nothing here."""
        return {}

    def add(self, session: GanSession, stage: Any, request: gr.Request) -> Updates:
        """The current picture becomes the last key frame."""
        language = language_of(request)
        if len(session.keys) >= MAX_KEYS:
            raise UserError(say(language, "gan_keys_many", n=MAX_KEYS))
        state, _ = self.picture.current(stage)
        image = encoding.data_uri(self.picture.service.frame(state, render.THUMBNAIL_SIDE).jpeg)
        session.keys.append(KeyFrame(state, image, render.caption(state, language)))
        return {self.keys: key_strip(session.keys, language)}

    def remove(self, session: GanSession, data: gr.EventData, request: gr.Request) -> Updates:
        """A key frame is removed."""
        language = language_of(request)
        del session.keys[_key(session, data, language)]
        return {self.keys: key_strip(session.keys, language)}

    def choose(self, session: GanSession, data: gr.EventData, request: gr.Request) -> Updates:
        """A key frame becomes the current picture again, with all of its edits."""
        language = language_of(request)
        return self.picture.show(session, session.keys[_key(session, data, language)].state, language)

    def make(self, session: GanSession, seconds: Any, fps: Any, loop: Any, request: gr.Request) -> Iterator[Updates]:
        """Compute the animation."""
        language = language_of(request)
        session.require_idle(say(language, "gan_busy"))
        if len(session.keys) < 2:
            raise UserError(say(language, "gan_keys_few"))
        states = [key.state for key in session.keys]
        job = self.picture.service.animation(visitor_of(request), states, seconds, fps, bool(loop), SIDE)
        done = ""

        def result(webp: bytes) -> Updates:
            nonlocal done
            done = say(language, "gan_animation_done", size=f"{len(webp) / 1000:,.0f} kB")
            return {self.animation: animation_strip(webp, SIDE, "animation.webp", language)}

        def end(how: JobEnd) -> Updates:
            text = how.status(done, say(language, "gan_stopped"))
            return {self.status: text} | run_buttons(self.run, self.stop, False)

        yield from stream_job(
            session,
            job,
            language,
            start={self.status: ""} | run_buttons(self.run, self.stop, True),
            phase=lambda text: {self.status: text},
            result=result,
            end=end,
            words=counted("gan_animation_progress"),
        )

    def wire(self, session: gr.State, add: gr.Button) -> None:
        """Connect the events, once all panels exist.

        Args:
            session: holds the visitor's `GanSession`.
            add: the button that adds a key frame.
        """
        add.click(shown(self.add), [session, self.picture.stage], self.keys, **queued("gan"))
        self.keys.delete(shown(self.remove), [session], self.keys, **queued("gan"))
        self.keys.select(shown(self.choose), [session], self.picture.outputs, **queued("gan"))
        self.run.click(
            shown(self.make),
            [session, self.seconds, self.fps, self.loop],
            [self.status, self.animation, self.run, self.stop],
            **queued("gan-jobs", "once"),
        )
        self.stop.click(stop_job, [session], None, **UNQUEUED)


def animation_panel(picture: PictureHandlers) -> AnimationPanel:
    """Make the panel inside the current `gr.Tabs`.

    Args:
        picture: shows the current picture.

    Returns:
        The panel; `wire` connects it.
    """
    with gr.Tab(label("gan_animation")):
        gr.Markdown(label("gan_animation_info"), elem_classes="subtle")
        keys = PictureStrip(elem_id="gan-keys")
        with gr.Row(equal_height=True):
            seconds = gr.Slider(1, 20, value=4, step=0.5, label=label("gan_seconds"), min_width=160)
            fps = gr.Slider(5, 30, value=20, step=1, label=label("gan_fps"), min_width=160)
            loop = gr.Checkbox(True, label=label("gan_loop"), min_width=140)
        with gr.Row(equal_height=True):
            run = gr.Button(
                label("gan_make"), variant="primary", size="sm", scale=0, min_width=120, elem_id="gan-make"
            )
            stop = gr.Button(
                label("stop"), variant="stop", size="sm", scale=0, min_width=90, visible=False, elem_id="gan-make-stop"
            )
            status = gr.Markdown("", elem_classes="subtle", elem_id="gan-animation-status")
        animation = PictureStrip(elem_id="gan-animation")
    return AnimationPanel(picture, keys, seconds, fps, loop, run, stop, status, animation)


def key_strip(keys: Sequence[KeyFrame], language: str) -> dict[str, Any]:
    """The value of the strip of key frames.

    Args:
        keys: the visitor's key frames.
        language: one of `tabs.common.words.LANGUAGES`.

    Returns:
        Plain JSON.
    """
    return strip(
        [(key.image, key.caption) for key in keys],
        hint="" if keys else say(language, "gan_keys_none"),
        pick=say(language, "gan_key_choose"),
        remove=say(language, "gan_key_remove"),
    )


def _key(session: GanSession, data: gr.EventData, language: str) -> int:
    index = selected_index(data, len(session.keys))
    if index is None:
        raise UserError(say(language, "gan_key_gone"))
    return index
