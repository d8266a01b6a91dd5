"""Save and load a face: as a file, inside its own picture, or as a link.

Invariants: what is loaded is untrusted until checked; what is saved goes to the browser and never to this disk.
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
from tabs.common.download import download
from tabs.common.events import Updates
from tabs.common.live.stage import to_lists
from tabs.common.words import language_of
from tabs.vae.handlers import FaceHandlers
from tabs.vae.session import VaeSession

SAVED_SIDE = 512  # pixels of a saved picture
MAX_LINK = 20_000  # characters
LINK = r"(?:^|[?&]face=)([A-Za-z0-9._/~-]{1,160}):([A-Za-z0-9_-]+)$"  # model:numbers


@dataclass
class FileHandlers:
    """Save, load and share the face on show."""

    face: FaceHandlers

    def save_json(self, session: VaeSession, stage: Any) -> str:
        """The latent as JSON, for the browser to save."""
        return download("face.json", "application/json", latent_file.dumps(self._file(session, stage)))

    def save_png(self, session: VaeSession, stage: Any) -> str:
        """The picture as a PNG with its latent inside, for the browser to save."""
        file = self._file(session, stage)
        picture = enlarge(np.asarray(self.face.service.render(session.model, file.latent)), SAVED_SIDE)
        return download("face.png", "image/png", latent_file.png_with_latent(picture, file))

    def load(self, session: VaeSession, path: str, request: gr.Request) -> Updates:
        """A saved face on the stage; what is there stays if the file holds none."""
        width = self.face.service.config(session.model).latent
        file = latent_file.read_latent_file(path)
        latent = latent_file.check_latent(file, "vae", session.model, (width,))
        return self.face.show(session, latent, language_of(request))

    def share(self, session: VaeSession, stage: Any, request: gr.Request) -> str:
        """A link to this face: the page's own address and the latent."""
        page = (request.headers.get("referer") or "").split("?")[0].split("#")[0]
        return f"{page}?tab=vae&face={latent_to_text(session.model, self.face.current(session, stage))}"

    def open_link(self, session: VaeSession, text: str, request: gr.Request) -> Updates:
        """The face of a link (or of its text alone) on the stage."""
        model, latent = text_to_latent(text or "")
        if model != session.model:
            raise UserError(f"This face was made by “{model[:80]}”. Choose that model first.")
        return self.face.show(session, latent, language_of(request))

    def _file(self, session: VaeSession, stage: Any) -> LatentFile:
        return LatentFile("vae", session.model, to_lists(self.face.current(session, stage)))


def latent_to_text(model: str, latent: np.ndarray) -> str:
    """A latent as text that an address can hold: the model's id and its numbers in half precision.

    Args:
        model: a VAE's catalogue id.
        latent: (z_dim,).

    Returns:
        "model:numbers".
    """
    numbers = base64.urlsafe_b64encode(latent.astype("<f2").tobytes()).decode("ascii").rstrip("=")
    return f"{model}:{numbers}"


def text_to_latent(text: str) -> tuple[str, np.ndarray]:
    """The inverse of `latent_to_text`; takes a link that holds the text, too.

    Args:
        text: what was pasted.

    Returns:
        The model's id, and the latent (z_dim,) float32.

    Raises:
        UserError: the text holds no latent.
    """
    found = re.search(LINK, text.strip()) if len(text) <= MAX_LINK else None
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
