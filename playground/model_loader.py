"""From a catalogue id to a model in memory: fetches the files and has the model's family load them.

Invariants: what belongs to a family is in its declaration (`playground.families`). `fetch` may use the network and
holds no lock; `build` constructs and is called under the load lock of the model cache.
"""

from pathlib import Path

from playground.catalog import Catalog
from playground.families import Family, LoadRequest, Registry, built_in
from playground.runtime import devices
from playground.runtime.records import LoadedModel, ModelKey
from playground.runtime.task import Phase, Task
from playground.weights.store import WeightStore
from playground.weights.types import Weights


class ModelLoader:
    """The `Loader` of the model cache.

    Args:
        catalog: the models.
        weights: where their files come from.
        cache: the app's folder for what is kept between runs.
        vram: bytes that models may take on the device; None for what the machine suggests.
        optimizations: of `playground.settings.WAYS`.
        families: what entries' families are looked up in. Default: those that come with the app.
    """

    def __init__(
        self,
        catalog: Catalog,
        weights: WeightStore,
        cache: Path,
        vram: int | None = None,
        optimizations: tuple[str, ...] = (),
        families: Registry | None = None,
    ) -> None:
        self._catalog = catalog
        self._weights = weights
        self._cache = cache
        self._vram = vram
        self._optimizations = optimizations
        self._families = families or built_in()

    def estimate(self, key: ModelKey) -> int:
        """Bytes that a model will take, before it is loaded.

        Args:
            key: id and role of the model.
        """
        return self._family(key).memory(self._catalog.get(key.id), key.role, self._vram)

    def on_cpu(self, key: ModelKey) -> bool:
        """Whether a model computes on the CPU, whatever else the machine has.

        Args:
            key: id and role of the model.
        """
        return self._family(key).device(self._catalog.get(key.id), key.role) == "cpu"

    def fetch(self, key: ModelKey, task: Task) -> Weights:
        """The model's files on this disk, in the form that its family loads for this role.

        Args:
            key: id and role of the model.
            task: stops a download and is told its phases.

        Raises:
            UserError: the files cannot be had, in words that say what to do.
        """
        entry = self._catalog.get(key.id)
        weights = self._weights.fetch(entry, task)
        if (convert := self._family(key).convert) is None:
            return weights
        path = convert(entry, weights.path, key.role, self._cache, task)
        return weights if path == weights.path else Weights(path, "folder", f"{weights.source}, converted")

    def build(self, key: ModelKey, fetched: Weights, device: str, task: Task) -> LoadedModel:
        """Construct the model.

        Args:
            key: id and role of the model.
            fetched: what `fetch` returned.
            device: where to: "cuda:0", "mps" or "cpu".
            task: stops the load and is told its phases.

        Raises:
            UserError: the files are not what the entry says.
        """
        entry, family = self._catalog.get(key.id), self._family(key)
        task.report(Phase("loading", entry.label))
        assert family.load is not None  # a model on another server is not asked for here
        resident = family.load(
            LoadRequest(
                entry=entry,
                path=fetched.path,
                device=device,
                dtype="float32" if family.dtype == "float32" else devices.dtype_for(device),
                format=fetched.format,
                role=key.role,
                task=task,
                vram=self._vram,
                optimizations=self._optimizations,
            )
        )
        resident.one_core = family.computes_on_one_core(entry)
        return resident

    def _family(self, key: ModelKey) -> Family:
        return self._families[self._catalog.get(key.id).family]
