"""The whole behind the page: catalogue, weights, resident models, workers, and a service per tab.

Invariants: made once from `Settings`, handed to the tabs, closed at the end. No model library is
imported before a model is asked for.
"""

import os
from collections.abc import Callable
from threading import BoundedSemaphore

from playground.autoencoders.service import AutoencoderService
from playground.catalog import Catalog, Entry, read_catalog
from playground.chat.service import ChatService
from playground.chat.types import TORCH
from playground.families import load_registry
from playground.gan.service import GanService
from playground.grounding.service import GroundingService
from playground.model_loader import ModelLoader
from playground.runtime.model_cache import ModelCache
from playground.runtime.preload import Preloader
from playground.runtime.records import ModelKey
from playground.runtime.task import Phase, Task
from playground.runtime.worker import Worker
from playground.settings import Settings
from playground.text_to_image.service import ImageService
from playground.vae.service import VaeService
from playground.weights.store import WeightStore
from playground.weights.types import State

# Tabs whose model takes a second to load; those of the small networks show a picture at once, and chat answers soon.
PRELOADED_TABS = ("image", "grounding")
REMOTE_THREADS = 16  # requests to other servers wait, they do not compute


class Playground:
    """What the tabs are given. Raises `UserError` for a catalogue that is not right."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.families = load_registry(*settings.extensions)
        self.catalog: Catalog = read_catalog(
            *self.families.catalogs,
            *settings.catalogs,
            families=self.families,
            hub_ids=not settings.profile.strangers,
        )
        self.weights = WeightStore(settings.cache, settings.assets / "models", settings.offline)
        self._loader = loader = ModelLoader(
            self.catalog, self.weights, settings.cache, settings.vram, settings.faster, self.families
        )
        self.models = ModelCache(
            loader,
            loader.estimate,
            ram_budget=settings.ram,
            vram_budget=settings.vram,
            idle_seconds=settings.idle_s,
            on_cpu=loader.on_cpu,
        )
        self.worker = Worker("device", longest_line=settings.profile.line)  # also for the services of extensions
        self._remote_worker = Worker("remote", threads=REMOTE_THREADS, longest_line=settings.profile.line)
        self._latents = Worker("latents", longest_line=settings.profile.line)
        live = BoundedSemaphore(os.cpu_count() or 1)  # live pictures at once: each computes on one core
        embedded = {tab: [entry.id for entry in self.catalog.of_tab(tab) if entry.embedded] for tab in PRELOADED_TABS}
        self.preloader = Preloader({tab: ids[0] for tab, ids in embedded.items() if ids}, self.models)
        self.chat = ChatService(self.catalog, self.models, self.worker, self._remote_worker)
        self.images = ImageService(
            self.catalog, self.models, self.worker, self._remote_worker, self.chat, self._is_here
        )
        self.grounding = GroundingService(self.catalog, self.models, self.worker, self._remote_worker)
        self.autoencoders = AutoencoderService(self.catalog, self.models, self.worker)
        self.vae = VaeService(self.catalog, self.models, self._latents, live, self.weights)
        self.gan = GanService(self.catalog, self.models, self._latents, live, self.weights)

    def state(self, entry: Entry) -> State:
        """How near a model is, for the menus; asks no network."""
        return State.REMOTE if entry.remote is not None else self.weights.state(entry)

    def _is_here(self, entry: Entry) -> bool:
        return self.state(entry) in (State.EMBEDDED, State.CACHED)

    def listing(self) -> list[dict[str, object]]:
        """Every model as plain data: what `/models` answers."""
        return [
            {
                "id": entry.id,
                "tab": entry.tab,
                "label": entry.label,
                "source": "remote" if entry.remote is not None else entry.sources[0].kind,
                "licence": entry.licence,
                "download_bytes": entry.download_bytes,
                "memory_bytes": entry.memory_bytes,
                "context": entry.context,
                "state": self.state(entry).value,
            }
            for entry in self.catalog
        ]

    def fetch(self, model_id: str, report: Callable[[Phase], None]) -> None:
        """Bring all of a model to this disk, for a place without network: also what its inspector needs."""
        if self.catalog.get(model_id).remote is None:
            self._loader.fetch(ModelKey(model_id, TORCH), Task(report))

    def close(self) -> None:
        """End the work and give the memory back."""
        self.preloader.close()
        self.worker.close()
        self._remote_worker.close()
        self._latents.close()
        self.models.close()
