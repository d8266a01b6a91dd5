"""Keeping a face: as a file, inside its own picture, or as a line of text that fits into a message.

Invariants: what is loaded is hostile until checked; what is saved goes to the browser and never to this disk.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from playground.errors import UserError
from playground.imaging import latent_file
from playground.imaging.encoding import enlarge
from playground.imaging.latent_file import LatentFile
from tabs.common.live.stage import to_lists
from tabs.common.words import language_of
from tabs.vae.handlers import VaeHandlers
from tabs.vae.session import SessionState

SAVED_SIDE = 512  # pixels of a saved picture
LONGEST_TEXT = 20_000
TEXT = r"(?:^|[?&]face=)([A-Za-z0-9._/~-]{1,160}):([A-Za-z0-9_-]+)$"  # model:numbers
# The browser saves what a handler hands it, {name, type, data: base64}.
SAVE_AS_FILE = """(file) => { if (!file) return;
  const bytes = Uint8Array.from(atob(file.data), (c) => c.charCodeAt(0));
  const link = document.createElement("a"); link.href = URL.createObjectURL(new Blob([bytes], {type: file.type}));
  link.download = file.name; link.click(); setTimeout(() => URL.revokeObjectURL(link.href), 10000); }"""


@dataclass
class FileHandlers:
    """Save, load and share, over the tab's handlers."""

    handlers: VaeHandlers

    def save_json(self, visit: SessionState, stage: Any) -> dict[str, str]:
        """The latent as a JSON file."""
        text = latent_file.dumps(self._file(visit, stage))
        return _file("face.json", "application/json", text.encode("utf-8"))

    def save_png(self, visit: SessionState, stage: Any) -> dict[str, str]:
        """The picture, with the latent inside."""
        file = self._file(visit, stage)
        picture = self.handlers.service.render(visit.model, file.latent)
        return _file(
            "face.png", "image/png", latent_file.png_with_latent(enlarge(np.asarray(picture), SAVED_SIDE), file)
        )

    def load(self, visit: SessionState, path: str, request: gr.Request) -> tuple[Any, ...]:
        """A face that was saved, on the stage; what is there stays if the file is not one."""
        width = self.handlers.service.config(visit.model).latent
        latent = latent_file.check_latent(latent_file.read_latent_file(path), "vae", visit.model, (width,))
        return self.handlers.show(visit, latent, language_of(request)).updates()

    def share(self, visit: SessionState, stage: Any, request: gr.Request) -> str:
        """A link to this face: the page's own address and the latent."""
        page = (request.headers.get("referer") or "").split("?")[0].split("#")[0]
        return f"{page}?tab=vae&face={to_text(visit.model, self.handlers.now(visit, stage))}"

    def shared(self, visit: SessionState, text: str, request: gr.Request) -> tuple[Any, ...]:
        """The face of a link (or of its text alone), on the stage."""
        model, latent = from_text(text or "")
        if model != visit.model:
            raise UserError(f"This face was made by “{model[:80]}”. Choose that model first.")
        return self.handlers.show(visit, latent, language_of(request)).updates()

    def _file(self, visit: SessionState, stage: Any) -> LatentFile:
        return LatentFile("vae", visit.model, to_lists(self.handlers.now(visit, stage)))


def to_text(model: str, latent: np.ndarray) -> str:
    """A latent as text that an address can hold: the model's id and its numbers in half precision."""
    numbers = base64.urlsafe_b64encode(latent.astype("<f2").tobytes()).decode("ascii").rstrip("=")
    return f"{model}:{numbers}"


def from_text(text: str) -> tuple[str, np.ndarray]:
    """The model's id and the latent of `to_text`, or of a link that holds it. Raises `UserError`."""
    found = re.search(TEXT, text.strip()) if len(text) <= LONGEST_TEXT else None
    try:
        raw = base64.b64decode(found[2] + "=" * (-len(found[2]) % 4), b"-_", validate=True) if found else b""
    except binascii.Error:
        raw = b""
    if found is None or not raw or len(raw) % 2:
        raise UserError("This text holds no face. Copy all of it: it ends with a long row of letters and digits.")
    latent = np.frombuffer(raw, "<f2").astype(np.float32)
    if not np.isfinite(latent).all():
        raise UserError("This text holds numbers that no face has. Copy it again.")
    return found[1], latent


def _file(name: str, type_: str, content: bytes) -> dict[str, str]:
    return {"name": name, "type": type_, "data": base64.b64encode(content).decode("ascii")}
