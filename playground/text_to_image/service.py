"""Text-to-image's verbs: make pictures, fill a grid, expand a prompt. What the tab and the API endpoints call.

Invariants: every verb returns a `Job` at once; the work behind it knows nothing of pages. A score is an extra:
a picture is never lost for it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from playground.catalog import Catalog, Entry
from playground.chat.service import ChatService
from playground.errors import UserError
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Job, Worker
from playground.text_to_image.limits import Limits, limits_of
from playground.text_to_image.options import ImageOptions
from playground.text_to_image.types import ImageEngine, ImageEvent, ImageRequest, Picture, Started
from playground.text_to_image.validation import ValidatedRequest, validate_request, working_bytes

if TYPE_CHECKING:
    from playground.text_to_image.grid import Axis, GridEvent

log = logging.getLogger(__name__)


class ImageService:
    """Pictures from any text-to-image model of the catalogue: local ones in line, remote ones side by side.

    `here(entry)` tells whether a model is on this disk: helpers (a tiny decoder, a CLIP) are used only if they are.
    """

    def __init__(
        self,
        catalog: Catalog,
        models: ModelCache,
        worker: Worker,
        remote_worker: Worker,
        chat: ChatService,
        here: Callable[[Entry], bool] = lambda entry: False,
    ) -> None:
        self.catalog = catalog
        self._models = models
        self._worker = worker
        self._remote_worker = remote_worker
        self._chat = chat
        self._here = here
        self._remotes: dict[str, ImageEngine] = {}

    def entries(self) -> list[Entry]:
        """The text-to-image models, in the catalogue's order."""
        return self.catalog.of_tab("image")

    def entry(self, model_id: str) -> Entry:
        """The text-to-image model of an id. Raises `UserError` for an unknown id or a model of another tab."""
        entry = self.catalog.get(model_id)
        if entry.tab != "image":
            known = ", ".join(other.id for other in self.entries())
            raise UserError(f"{entry.label} makes no pictures from words. Choose one of: {known}.")
        return entry

    def limits(self, model_id: str) -> Limits:
        """What can be asked of a model. Raises `UserError` like `entry`."""
        return limits_of(self.entry(model_id))

    def generate(self, visitor: str, model_id: str, request: ImageRequest) -> Job[ImageEvent]:
        """Make the pictures: yields `Started`, `Step`s and `Picture`s, at last `Done`.

        Values outside the model's limits are brought inside, which `Started.notes` says. Raises `UserError` at once
        for a request that means nothing (an empty prompt, numbers that are none).
        """
        entry = self.entry(model_id)
        wish = validate_request(entry, request)
        engine = _Engine(self, entry)
        return self._of(entry).submit(visitor, lambda task: engine.granted(wish, task))

    def grid(
        self, visitor: str, model_id: str, request: ImageRequest, x: "Axis", y: "Axis | None" = None
    ) -> "Job[GridEvent]":
        """Make a picture for every pair of values: yields `Started`, `Step`s and `Cell`s, at last `Sheet`."""
        from playground.text_to_image import grid

        entry = self.entry(model_id)
        limits = limits_of(entry)
        for axis in (x, y):
            if axis is not None:
                grid.checked(axis, limits)
        wishes = [
            validate_request(entry, cell) for row in grid.requests(request, x, y) for cell in row
        ]  # before the line
        most = max(working_bytes(entry, wish.request) for wish in wishes)

        def work(task: Task) -> "Iterator[GridEvent]":
            with self._held(entry, task, most):
                yield from grid.run(_Engine(self, entry), request, x, y, task)

        return self._of(entry).submit(visitor, work)

    def expand(self, visitor: str, prompt: str, seed: int, chat_model_id: str) -> Job[str]:
        """The prompt with more to see in it, written by a chat model: yields the growing text."""
        from playground.text_to_image import prompt_help

        return prompt_help.expand(self._chat, visitor, chat_model_id, prompt, seed)

    def png(self, picture: Picture) -> bytes:
        """PNG bytes that carry the settings as `parameters`, the way other tools read them."""
        from PIL.PngImagePlugin import PngInfo

        from playground.text_to_image import infotext

        chunks = PngInfo()
        text = infotext.write(picture.settings)
        # tEXt is Latin-1 by its definition; iTXt holds every language.
        chunks.add_text("parameters", text) if text.isascii() else chunks.add_itxt("parameters", text)
        buffer = BytesIO()
        picture.image.save(buffer, "PNG", pnginfo=chunks)
        return buffer.getvalue()

    def _of(self, entry: Entry) -> Worker:
        return self._worker if entry.remote is None else self._remote_worker

    @contextmanager
    def _held(self, entry: Entry, task: Task, working: int) -> Iterator[ImageEngine]:
        """The engine of an entry, loaded if need be, which stays until the block ends."""
        if entry.remote is not None:
            yield self._remote(entry)
            return
        with self._models.use(ModelKey(entry.id), task, working) as engine:
            yield engine

    def _remote(self, entry: Entry) -> ImageEngine:
        from playground.text_to_image.remote import RemoteImages

        assert entry.remote is not None
        return self._remotes.setdefault(entry.id, RemoteImages(entry.remote, entry))

    def _companion(self, model_id: str) -> Entry | None:
        """A helper of the catalogue that is on this disk already."""
        if not model_id:
            return None
        entry = self.catalog.get(model_id)
        return entry if self._here(entry) else None

    def _scored(self, entry: Entry, picture: Picture, task: Task) -> Picture:
        """The picture with its CLIP score, where there is a CLIP and it works."""
        companion = self._companion(ImageOptions.of(entry).clip)
        if companion is None:
            return picture
        words = picture.settings.written or picture.settings.prompt
        try:
            with self._models.use(ModelKey(companion.id), task) as clip:
                score = clip.score([picture.image], words)[0]
        except (UserError, RuntimeError, OSError, ValueError):
            log.exception("A picture could not be scored by %s", companion.id)
            return picture
        return replace(picture, score=score, scored_by=companion.label)


@dataclass(frozen=True)
class _Engine:
    """One model of the catalogue as an `ImageEngine`: checks the wish, holds the model, scores what it made."""

    service: ImageService
    entry: Entry

    def generate(self, request: ImageRequest, task: Task) -> Iterator[ImageEvent]:
        yield from self.granted(validate_request(self.entry, request), task)

    def granted(self, wish: ValidatedRequest, task: Task) -> Iterator[ImageEvent]:
        """The events of a settled request, with what was changed told at the start."""
        service, entry, notes = self.service, self.entry, wish.notes
        working = working_bytes(entry, wish.request)
        with service._held(entry, task, working) as engine, self._decoder(wish, task) as tiny:
            extra = {} if entry.remote is not None else {"decoder": tiny}
            with closing(engine.generate(wish.request, task, **extra)) as events:  # type: ignore[type-var]
                for event in events:
                    match event:
                        case Started():
                            yield replace(event, notes=notes + event.notes)
                            notes = ()  # a server may start again, having learned what it does not take
                        case Picture() if wish.request.score:
                            yield service._scored(entry, event, task)
                        case _:
                            yield event

    @contextmanager
    def _decoder(self, wish: ValidatedRequest, task: Task) -> Iterator[Any]:
        """The tiny autoencoder for the live preview, where the catalogue names one and it is on this disk."""
        companion = self.service._companion(ImageOptions.of(self.entry).decoder) if wish.request.preview else None
        if companion is None:
            yield None
            return
        with self.service._models.use(ModelKey(companion.id), task) as network:
            yield network
