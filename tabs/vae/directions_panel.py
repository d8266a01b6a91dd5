"""The directions panels: sliders for raw coordinates of the latent, and for custom attributes.

Invariants: a slider that is added here joins those of the stage and is as live as they are; its direction travels with
the page.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.errors import UserError
from playground.imaging import uploads
from playground.vae.service import MAX_EXAMPLES
from tabs.common.components import BarChart, PictureStrip, selected_index, strip
from tabs.common.errors import shown
from tabs.common.events import Updates, queued
from tabs.common.words import label, language_of, say
from tabs.vae import render
from tabs.vae.handlers import FaceHandlers
from tabs.vae.session import MAX_CUSTOM, MAX_DIMENSIONS, CustomAttribute, VaeSession

MAX_NAME = 24  # characters
GROUPS = ("with", "without")
THUMBNAIL_SIDE = 64  # CSS pixels


@dataclass
class Group:
    """Components of one group of example faces."""

    name: str
    pictures: PictureStrip
    add: gr.Button
    files: gr.UploadButton
    empty: gr.Button


@dataclass
class DirectionsPanel:
    """Components and handlers of the panels; made by `directions_panel`."""

    face: FaceHandlers
    fold: gr.Accordion
    dimensions: BarChart
    groups: list[Group]
    name: gr.Textbox
    make: gr.Button
    remove: gr.Button
    uncertainty: gr.Markdown

    def clear(self) -> Updates:
        """Another model: nothing of the last one stays."""
        emptied: Updates = {self.dimensions: {}, self.uncertainty: ""}
        return emptied | {group.pictures: strip() for group in self.groups}

    def list_dimensions(self, session: VaeSession, request: gr.Request) -> Updates:
        """Every coordinate by its KL divergence, with what it changes."""
        found = self.face.service.dimensions(session.model)
        return {self.dimensions: render.dimensions(found, session.dimensions, language_of(request))}

    def toggle_dimension(self, session: VaeSession, stage: Any, data: gr.EventData, request: gr.Request) -> Updates:
        """A coordinate was clicked: its slider comes, or goes."""
        found = self.face.service.dimensions(session.model)
        place = selected_index(data, len(found))
        if place is not None:
            index = found[place].index
            if index in session.dimensions:
                session.dimensions.remove(index)
            else:
                session.dimensions = [index, *session.dimensions][:MAX_DIMENSIONS]
        language = language_of(request)
        updates = self.face.refresh(session, stage, language)
        return updates | {self.dimensions: render.dimensions(found, session.dimensions, language)}

    def add_current(self, session: VaeSession, stage: Any, group: Group) -> Updates:
        """The face on show joins a group."""
        picture = self.face.service.render(session.model, self.face.current(session, stage))
        return _join(session, group, [picture])

    def add_files(self, session: VaeSession, paths: list[str] | None, group: Group) -> Updates:
        """Uploaded pictures join a group."""
        space = MAX_EXAMPLES - len(session.groups[group.name])
        if len(paths or []) > space:
            raise UserError(f"A group holds {MAX_EXAMPLES} pictures; there is space for {space} more.")
        size = self.face.service.config(session.model).size
        return _join(session, group, [uploads.square(uploads.read(path), size)[0] for path in paths or []])

    def empty(self, session: VaeSession, group: Group) -> Updates:
        """All pictures leave a group."""
        session.groups[group.name] = []
        return _join(session, group, [])

    def make_attribute(self, session: VaeSession, stage: Any, name: str, request: gr.Request) -> Updates:
        """The difference of the two groups becomes a slider."""
        language = language_of(request)
        with_, without = (session.groups[each] for each in GROUPS)
        if not with_ or not without:
            raise UserError(say(language, "vae_own_groups"))
        if len(session.custom) >= MAX_CUSTOM:
            raise UserError(say(language, "vae_own_full", most=MAX_CUSTOM))
        found = self.face.service.direction(session.model, with_, without)
        text = " ".join((name or "").split())[:MAX_NAME] or say(language, "vae_own_name", n=len(session.custom) + 1)
        session.custom.append(CustomAttribute(text, found.vector))
        return self.face.refresh(session, stage, language) | {self.uncertainty: render.direction(found, language)}

    def remove_attributes(self, session: VaeSession, stage: Any, request: gr.Request) -> Updates:
        """All custom sliders go; the face stays as it is."""
        session.custom = []
        return self.face.refresh(session, stage, language_of(request)) | {self.uncertainty: ""}

    def wire(self, session: gr.State) -> None:
        """Connect the events.

        Args:
            session: holds the visitor's `VaeSession`.
        """
        here, outputs, event = [session, self.face.stage], self.face.outputs, queued("vae")
        self.fold.expand(shown(self.list_dimensions), [session], self.dimensions, **event)
        self.dimensions.select(shown(self.toggle_dimension), here, [*outputs, self.dimensions], **event)
        for group in self.groups:
            self._wire_group(session, group)
        self.make.click(shown(self.make_attribute), [*here, self.name], [*outputs, self.uncertainty], **event)
        self.remove.click(shown(self.remove_attributes), here, [*outputs, self.uncertainty], **event)

    def _wire_group(self, session: gr.State, group: Group) -> None:
        def add(session: VaeSession, stage: Any) -> Updates:
            return self.add_current(session, stage, group)

        def upload(session: VaeSession, paths: list[str] | None) -> Updates:
            return self.add_files(session, paths, group)

        def empty(session: VaeSession) -> Updates:
            return self.empty(session, group)

        event = queued("vae")
        group.add.click(shown(add), [session, self.face.stage], group.pictures, **event)
        group.files.upload(shown(upload), [session, group.files], group.pictures, **event)
        group.empty.click(shown(empty), [session], group.pictures, **event)


def directions_panel(face: FaceHandlers) -> DirectionsPanel:
    """Make the panels inside the current `gr.Blocks`.

    Args:
        face: shows the face on the stage.

    Returns:
        The panels; `wire` connects them.
    """
    with gr.Accordion(label("vae_dimensions"), open=False) as fold:
        dimensions = BarChart(elem_id="vae-dimensions", max_height=420)
    with gr.Accordion(label("vae_own"), open=False):
        gr.Markdown(label("vae_own_hint"), elem_classes="subtle")
        with gr.Row():
            groups = [_group(name) for name in GROUPS]
        with gr.Row(equal_height=True):
            name = gr.Textbox(label=label("vae_own_called"), max_length=MAX_NAME, min_width=160)
            make = gr.Button(label("vae_own_make"), size="sm", min_width=110, elem_id="vae-own-make")
            remove = gr.Button(label("vae_own_forget"), size="sm", min_width=110)
        uncertainty = gr.Markdown("", elem_id="vae-own-uncertainty")
    return DirectionsPanel(face, fold, dimensions, groups, name, make, remove, uncertainty)


def _group(name: str) -> Group:
    with gr.Column(min_width=240):
        gr.Markdown(label(f"vae_own_{name}"))
        pictures = PictureStrip(elem_id=f"vae-{name}")
        with gr.Row(elem_classes="tools"):
            add = gr.Button(label("vae_own_add"), size="sm", min_width=90)
            files = gr.UploadButton(
                label("vae_own_files"), size="sm", min_width=70, file_types=["image"], file_count="multiple"
            )
            empty = gr.Button(label("clear"), size="sm", min_width=60)
    return Group(name, pictures, add, files, empty)


def _join(session: VaeSession, group: Group, pictures: list[Any]) -> Updates:
    members = session.groups[group.name]
    if len(members) + len(pictures) > MAX_EXAMPLES:
        raise UserError(f"A group holds {MAX_EXAMPLES} pictures. Empty it first.")
    session.groups[group.name] = [*members, *pictures]
    return {group.pictures: strip([(each, "") for each in session.groups[group.name]], THUMBNAIL_SIDE)}
