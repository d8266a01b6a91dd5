"""The panel "What it learned": nearest training portraits, truncation sheet, attribute histogram."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.blocks import Block

from playground.gan.edit_state import EditState
from playground.gan.types import AttributeHistogram, GeneratorConfig
from playground.imaging import encoding
from tabs.common.components import BarChart, PictureStrip, selected_index, strip
from tabs.common.errors import shown
from tabs.common.events import UNQUEUED, Updates, queued, run_buttons
from tabs.common.jobs import JobEnd, stream_job
from tabs.common.session import stop_job, visitor_of
from tabs.common.words import label, language_of, say
from tabs.gan import render
from tabs.gan.handlers import PictureHandlers
from tabs.gan.session import GanSession

NEIGHBOURS = 6
SHEET_PSI = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass
class EvaluationPanel:
    """Components and handlers of the panel; made by `evaluation_panel`."""

    picture: PictureHandlers
    nearest: gr.Button
    neighbours: PictureStrip
    sheet: gr.Button
    sheet_pictures: PictureStrip
    count: gr.Button
    stop: gr.Button
    status: gr.Markdown
    chart: BarChart

    def outputs(self) -> Sequence[Block]:
        """The components of `start` and `show`."""
        return [self.neighbours, self.sheet_pictures, self.status, self.chart]

    def start(self, language: str) -> Updates:
        """Another model: nothing was measured yet."""
        return {self.neighbours: strip(), self.sheet_pictures: strip(), self.status: "", self.chart: {}}

    def show(self, state: EditState, config: GeneratorConfig, language: str) -> Updates:
        """The current picture changes nothing here."""
        return {}

    def find_nearest(self, stage: Any, request: gr.Request) -> Updates:
        """The training portraits nearest to the current picture, beside it."""
        state, _ = self.picture.current(stage)
        language, service = language_of(request), self.picture.service
        frame = service.frame(state, render.THUMBNAIL_SIDE)
        pictures = [(encoding.data_uri(frame.jpeg), render.caption(state, language))]
        for each in service.nearest(state, NEIGHBOURS):
            caption = say(language, "gan_nearest_caption", distance=each.distance)
            pictures.append((render.thumbnail(each.picture), caption))
        return {self.neighbours: strip(pictures)}

    def make_sheet(self, session: GanSession, stage: Any, request: gr.Request) -> Updates:
        """The current style at many truncations, without movements along directions."""
        state, _ = self.picture.current(stage)
        found = self.picture.service.truncation_sheet(state, SHEET_PSI)
        session.sheet = tuple(psi for psi, _ in found)
        pictures = [(render.thumbnail(picture), f"ψ {psi:g}") for psi, picture in found]
        return {self.sheet_pictures: strip(pictures, pick=say(language_of(request), "gan_sheet_choose"))}

    def take_truncation(self, session: GanSession, stage: Any, data: gr.EventData, request: gr.Request) -> Updates:
        """A picture of the sheet was clicked: its truncation."""
        index = selected_index(data, len(session.sheet))
        if index is None:
            return {}
        state, _ = self.picture.current(stage)
        return self.picture.show(session, replace(state, truncation=session.sheet[index]), language_of(request))

    def histogram(self, session: GanSession, model: str, request: gr.Request) -> Iterator[Updates]:
        """Count attributes of samples, while the bars grow."""
        language = language_of(request)
        session.require_idle(say(language, "gan_busy"))
        job = self.picture.service.histogram(visitor_of(request), model)
        counted = ""

        def result(found: AttributeHistogram) -> Updates:
            nonlocal counted
            counted = say(language, "gan_counted", done=found.count, total=found.total)
            return {self.status: counted, self.chart: render.histogram(found, language)}

        def end(how: JobEnd) -> Updates:
            stopped = f"{say(language, 'gan_stopped')} {counted}".strip()
            return {self.status: how.status(counted, stopped)} | run_buttons(self.count, self.stop, False)

        yield from stream_job(
            session,
            job,
            language,
            start={self.status: ""} | run_buttons(self.count, self.stop, True),
            phase=lambda text: {self.status: text},
            result=result,
            end=end,
        )

    def wire(self, session: gr.State, model: gr.Dropdown) -> None:
        """Connect the events, once all panels exist.

        Args:
            session: holds the visitor's `GanSession`.
            model: the model menu.
        """
        stage = self.picture.stage
        self.nearest.click(shown(self.find_nearest), [stage], self.neighbours, **queued("gan"))
        self.sheet.click(shown(self.make_sheet), [session, stage], self.sheet_pictures, **queued("gan"))
        self.sheet_pictures.select(
            shown(self.take_truncation), [session, stage], self.picture.outputs, **queued("gan")
        )
        self.count.click(
            shown(self.histogram),
            [session, model],
            [self.status, self.chart, self.count, self.stop],
            **queued("gan-jobs", "once"),
        )
        self.stop.click(stop_job, [session], None, **UNQUEUED)


def evaluation_panel(picture: PictureHandlers) -> EvaluationPanel:
    """Make the panel inside the current `gr.Tabs`.

    Args:
        picture: shows the current picture.

    Returns:
        The panel; `wire` connects it.
    """
    with gr.Tab(label("gan_explore")):
        gr.Markdown(label("gan_nearest_info"), elem_classes="subtle")
        with gr.Row():
            nearest = gr.Button(label("gan_nearest"), size="sm", scale=0, min_width=180, elem_id="gan-nearest")
        neighbours = PictureStrip(elem_id="gan-neighbours")
        gr.Markdown(label("gan_sheet_info"), elem_classes="subtle")
        with gr.Row():
            sheet = gr.Button(label("gan_sheet"), size="sm", scale=0, min_width=180, elem_id="gan-sheet")
        sheet_pictures = PictureStrip(elem_id="gan-sheets")
        gr.Markdown(label("gan_histogram_info"), elem_classes="subtle")
        with gr.Row(equal_height=True):
            count = gr.Button(label("gan_histogram_make"), size="sm", scale=0, min_width=180, elem_id="gan-count")
            stop = gr.Button(
                label("stop"), variant="stop", size="sm", scale=0, min_width=90, visible=False,
                elem_id="gan-count-stop",
            )  # fmt: skip
        status = gr.Markdown("", elem_classes="subtle", elem_id="gan-count-status")
        chart = BarChart(elem_id="gan-bars")
    return EvaluationPanel(picture, nearest, neighbours, sheet, sheet_pictures, count, stop, status, chart)
