"""The latent arithmetic panel: A − B + C."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tabs.common.components import PictureStrip, selected_index, strip
from tabs.common.errors import shown
from tabs.common.events import Updates, queued
from tabs.common.words import label, language_of, say
from tabs.vae.handlers import FaceHandlers
from tabs.vae.session import VaeSession

TERMS = "abc"
THUMBNAIL_SIDE = 96  # CSS pixels


@dataclass
class ArithmeticPanel:
    """Components and handlers of the panel; made by `arithmetic_panel`."""

    face: FaceHandlers
    buttons: list[gr.Button]
    pictures: PictureStrip

    def clear(self) -> Updates:
        """Another model: nothing of the last one stays."""
        return {self.pictures: strip()}

    def set_term(self, session: VaeSession, stage: Any, request: gr.Request, name: str) -> Updates:
        """Keep the face on show as A, B or C; with the result, once all are there."""
        language, service, terms = language_of(request), self.face.service, session.terms
        terms[name] = self.face.current(session, stage)
        if all(each in terms for each in TERMS):
            terms["result"] = service.arithmetic(session.model, *(terms[each] for each in TERMS))
        pictures = [
            (service.render(session.model, latent), "A − B + C" if key == "result" else key.upper())
            for key, latent in _in_order(session)
        ]
        hint = "" if "result" in terms else say(language, "vae_aside_hint")
        return {self.pictures: strip(pictures, THUMBNAIL_SIDE, pick=say(language, "vae_select"), hint=hint)}

    def choose(self, session: VaeSession, data: gr.EventData, request: gr.Request) -> Updates:
        """A term or the result was clicked: on the stage."""
        found = _in_order(session)
        index = selected_index(data, len(found))
        return {} if index is None else self.face.show(session, found[index][1], language_of(request))

    def wire(self, session: gr.State) -> None:
        """Connect the events.

        Args:
            session: holds the visitor's `VaeSession`.
        """
        for button, name in zip(self.buttons, TERMS, strict=True):
            button.click(shown(self._setter(name)), [session, self.face.stage], self.pictures, **queued("vae"))
        self.pictures.select(shown(self.choose), [session], self.face.outputs, **queued("vae"))

    def _setter(self, name: str) -> Any:
        def handle(session: VaeSession, stage: Any, request: gr.Request) -> Updates:
            return self.set_term(session, stage, request, name)

        return handle


def arithmetic_panel(face: FaceHandlers) -> ArithmeticPanel:
    """Make the panel inside the current `gr.Blocks`.

    Args:
        face: shows the face on the stage.

    Returns:
        The panel; `wire` connects it.
    """
    with gr.Accordion(label("vae_sum"), open=False):
        gr.Markdown(label("vae_sum_hint"), elem_classes="subtle")
        with gr.Row(elem_classes="tools"):
            buttons = [gr.Button(label(f"vae_set_{name}"), size="sm", min_width=90) for name in TERMS]
        pictures = PictureStrip(elem_id="vae-terms")
    return ArithmeticPanel(face, buttons, pictures)


def _in_order(session: VaeSession) -> list[tuple[str, Any]]:
    return [(key, session.terms[key]) for key in (*TERMS, "result") if key in session.terms]
