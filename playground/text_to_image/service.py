"""Text-to-image: make pictures, fill a grid, expand a prompt. What the tab and the API endpoints call.

Invariants: every call returns a `Job` at once; the work behind it knows nothing of pages. A score is an extra: a
picture is never lost for it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from playground.catalog import Catalog, Entry
from playground.chat.service import ChatService
from playground.errors import UserError
from playground.imaging import encoding
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

    Args:
        catalog: The models.
        models: Loads and keeps them.
        worker: The line of local models.
        remote_worker: The line of remote models.
        chat: Expands prompts.
        here: Whether a model is on this disk: auxiliary models (a tiny decoder, a CLIP) are used only if they are.
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
        """A text-to-image model.

        Args:
            model_id: Its id in the catalogue.

        Raises:
            UserError: The id is unknown, or of a model of another tab.
        """
        entry = self.catalog.get(model_id)
        if entry.tab != "image":
            known = ", ".join(other.id for other in self.entries())
            raise UserError(f"{entry.label} makes no pictures from words. Choose one of: {known}.")
        return entry

    def limits(self, model_id: str) -> Limits:
        """What can be asked of a model.

        Args:
            model_id: Its id in the catalogue.

        Raises:
            UserError: As `entry`.
        """
        return limits_of(self.entry(model_id))

    def generate(self, visitor: str, model_id: str, request: ImageRequest) -> Job[ImageEvent]:
        """Make the pictures of a request.

        Args:
            visitor: Who asks, for the line.
            model_id: The model's id.
            request: Values outside the model's limits are brought inside, which `Started.notes` tells.

        Returns:
            A job that yields `Started`, `Step`s and `Picture`s, at last `Done`.

        Raises:
            UserError: The request means nothing (an empty prompt, numbers that are none), or `entry` raises.
        """
        entry = self.entry(model_id)
        validated = validate_request(entry, request)
        return self._line(entry).submit(visitor, lambda task: self._pictures(entry, validated, task))

    def grid(
        self, visitor: str, model_id: str, request: ImageRequest, x: "Axis", y: "Axis | None" = None
    ) -> "Job[GridEvent]":
        """Make a picture for every pair of values.

        Args:
            visitor: Who asks, for the line.
            model_id: The model's id.
            request: What all pictures share.
            x: Varied over the columns.
            y: Varied over the rows.

        Returns:
            A job that yields `Started`, `Step`s and `Cell`s, at last the `Sheet`.

        Raises:
            UserError: The request means nothing, or an axis has values that the model does not take.
        """
        from playground.text_to_image.grid import cell_requests, check_limits, run_grid

        entry = self.entry(model_id)
        for axis in filter(None, (x, y)):
            check_limits(axis, limits_of(entry))
        cells = [validate_request(entry, cell).request for row in cell_requests(request, x, y) for cell in row]
        most = max(working_bytes(entry, cell) for cell in cells)

        def work(task: Task) -> "Iterator[GridEvent]":
            with self._engine(entry, task, most):  # loaded once for all cells
                yield from run_grid(_CellEngine(self, entry), request, x, y, task)

        return self._line(entry).submit(visitor, work)

    def expand(self, visitor: str, prompt: str, seed: int, chat_model_id: str) -> Job[str]:
        """A prompt with more to see in it, written by a chat model.

        Args:
            visitor: Who asks, for the line.
            prompt: A few words.
            seed: The same gives the same text.
            chat_model_id: The chat model's id.

        Returns:
            A job that yields the growing text.

        Raises:
            UserError: The prompt is empty or says plenty already, or the id is unknown.
        """
        from playground.text_to_image.prompt_expansion import expand_prompt

        return expand_prompt(self._chat, visitor, chat_model_id, prompt, seed)

    def png(self, picture: Picture) -> bytes:
        """PNG bytes that carry the settings as `parameters`, the way other tools read them.

        Args:
            picture: A finished one.
        """
        from playground.text_to_image import infotext

        return encoding.png(picture.image, {infotext.KEYWORD: infotext.write(picture.settings)})

    def _pictures(self, entry: Entry, validated: ValidatedRequest, task: Task) -> Iterator[ImageEvent]:
        """The work behind `generate`: loads the model, scores what it makes."""
        request, notes = validated.request, validated.notes
        with (
            self._engine(entry, task, working_bytes(entry, request)) as engine,
            self._tiny_decoder(entry, request, task) as tiny,
        ):
            options = {} if entry.remote is not None else {"decoder": tiny}
            with closing(engine.generate(request, task, **options)) as events:  # type: ignore[type-var]
                for event in events:
                    match event:
                        case Started():
                            yield replace(event, notes=notes + event.notes)
                            notes = ()  # a server may start again, having learned what it does not take
                        case Picture() if request.score:
                            yield self._score(entry, event, task)
                        case _:
                            yield event

    def _line(self, entry: Entry) -> Worker:
        return self._worker if entry.remote is None else self._remote_worker

    @contextmanager
    def _engine(self, entry: Entry, task: Task, working: int) -> Iterator[ImageEngine]:
        """The engine of an entry, loaded if need be, which stays until the block ends."""
        if entry.remote is not None:
            from playground.text_to_image.remote import RemoteImages

            yield self._remotes.setdefault(entry.id, RemoteImages(entry.remote, entry))
            return
        with self._models.use(ModelKey(entry.id), task, working) as engine:
            yield engine

    @contextmanager
    def _tiny_decoder(self, entry: Entry, request: ImageRequest, task: Task) -> Iterator[Any]:
        """The tiny autoencoder for previews, where the catalogue names one and it is on this disk."""
        wanted = request.preview or request.trajectory
        auxiliary = self._auxiliary(ImageOptions.of(entry).decoder) if wanted else None
        if auxiliary is None:
            yield None
            return
        with self._models.use(ModelKey(auxiliary.id), task) as network:
            yield network

    def _auxiliary(self, model_id: str) -> Entry | None:
        """A model of the catalogue that helps another, if it is on this disk already."""
        if not model_id:
            return None
        entry = self.catalog.get(model_id)
        return entry if self._here(entry) else None

    def _score(self, entry: Entry, picture: Picture, task: Task) -> Picture:
        """The picture with its CLIP score, where there is a CLIP and it works."""
        auxiliary = self._auxiliary(ImageOptions.of(entry).clip)
        if auxiliary is None:
            return picture
        words = picture.settings.written or picture.settings.prompt
        try:
            with self._models.use(ModelKey(auxiliary.id), task) as clip:
                score = clip.score([picture.image], words)[0]
        except (UserError, RuntimeError, OSError, ValueError):
            log.exception("A picture could not be scored by %s", auxiliary.id)
            return picture
        return replace(picture, score=score, scored_by=auxiliary.label)


@dataclass(frozen=True)
class _CellEngine:
    """What a grid makes its pictures with: one model of the service."""

    service: ImageService
    entry: Entry

    def generate(self, request: ImageRequest, task: Task) -> Iterator[ImageEvent]:
        """As `ImageEngine`."""
        return self.service._pictures(self.entry, validate_request(self.entry, request), task)
