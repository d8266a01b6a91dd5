"""The one way in to every model: `with models.use(key, task) as model:`.

Invariants: a model in use stays where it is; a model nobody uses leaves when its memory is wanted
elsewhere, or when nobody came back to it (`eviction.py`). What is where stands in the ledger (`records.py`).
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from playground.errors import UserError
from playground.runtime import devices
from playground.runtime.cpu_threads import torch_threads
from playground.runtime.eviction import EvictionPolicy
from playground.runtime.load_lock import load_lock
from playground.runtime.records import CacheEntry, Lease, Ledger, Loader, ModelKey, Place, Record
from playground.runtime.task import Phase, Task

T = TypeVar("T")
log = logging.getLogger(__name__)
MARGIN = 1.1  # a load takes more than its weights: buffers, blocks of the file, an estimate that is one


class ModelCache:
    """All models of the app, within byte budgets for the device and for RAM.

    Two locks, taken in this order and never the other way round:

    1. `LOAD_LOCK`, for building, moving and closing. No thread holds it while it downloads or waits
       for a lease to end; so one that holds a lease can always load what else it needs, and end.
    2. the ledger, for looking and writing down. Nothing is called under it that could block: no
       loader, no `task.report`, no `move`, no `close`.

    A lease belongs to the thread that took it. A thread that holds one and asks for another model may
    wait for other threads; where all of them wait for each other it gets a `UserError`, not a
    deadlock. A lease keeps a model in its place; it does not keep others from using the same model.

    Args:
        loader: fetches and builds models.
        estimate: the bytes of a model that was not loaded yet.
        device: finds the device that models run on; called when it is first needed, since it imports torch.
        ram_budget: bytes that models may take in RAM. Default: what the machine suggests.
        vram_budget: bytes that models may take on the device. Default: what the machine suggests.
        idle_seconds: a model that nobody used for so long is unloaded.
        eager: budgets do not count and nothing leaves unless told to (ZeroGPU).
        on_cpu: which models always work on the CPU (small decoders, llama.cpp).
    """

    def __init__(
        self,
        loader: Loader,
        estimate: Callable[[ModelKey], int],
        *,
        device: Callable[[], devices.Device] = devices.detect_device,
        ram_budget: int | None = None,
        vram_budget: int | None = None,
        idle_seconds: float = 600,
        eager: bool = False,
        on_cpu: Callable[[ModelKey], bool] = lambda _: False,
    ) -> None:
        self._loader = loader
        self._estimate = estimate
        self._measured: dict[ModelKey, int] = {}  # what a model really took, once that is known
        self._idle_seconds = idle_seconds
        self._on_cpu = on_cpu
        self._ledger = Ledger()
        self._eviction = EvictionPolicy(self._ledger, device, vram_budget, ram_budget, eager)
        self._closed = threading.Event()
        devices.share_one_heap()
        if eager:
            # ZeroGPU forks for every call, and a child born while another thread writes in the ledger
            # would find it locked for ever: a fork waits its turn.
            lock = self._ledger.lock
            os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
        else:
            threading.Thread(target=self._watch_idle, name="idle models", daemon=True).start()

    @property
    def device(self) -> devices.Device:
        """Where models run. Found when first asked for, which imports torch."""
        return self._eviction.device

    def budget(self, place: Place) -> int:
        """Bytes that models may take in a place. A device that shares the machine's memory has none of its own.

        Args:
            place: "device" or "ram".
        """
        return self._eviction.budget(place)

    @contextmanager
    def use(self, key: ModelKey, task: Task | None = None, working_bytes: int = 0) -> Iterator[Any]:
        """The model, loaded if need be, which stays where it is until the block ends.

        Whoever keeps it longer keeps its memory.

        Args:
            key: which model.
            task: stops the waiting and the load, and is told their phases.
            working_bytes: what the work will take beside the weights.

        Yields:
            What the loader built.

        Raises:
            Cancelled: the task was stopped.
            UserError: there is no room, or the loader could not build the model.
        """
        task = task or Task()
        lease = self._lease(key, task, working_bytes)
        try:
            task.check()
            task.report(Phase("ready", key.id))
            assert lease.entry.loaded is not None  # it is leased
            with torch_threads(lease.entry.loaded.one_core):
                yield lease.entry.loaded.model
        finally:
            self._end(lease)
            if self._closed.is_set():
                self._eviction.drop_unused(lambda _: True)

    def run(self, key: ModelKey, fn: Callable[[Any], T], task: Task | None = None, working_bytes: int = 0) -> T:
        """Call a function with a model; if memory runs out in it, other unused models leave and it is called again.

        Args:
            key: which model.
            fn: called with the model, at most twice.
            task: stops the waiting and the load, and is told their phases.
            working_bytes: what the work will take beside the weights.

        Returns:
            What `fn` returned.

        Raises:
            Cancelled: the task was stopped.
            UserError: memory ran out in the second call too, or what `use` raises.
        """
        task = task or Task()
        for _ in range(2):
            try:
                with self.use(key, task, working_bytes) as model:
                    return fn(model)
            except (RuntimeError, MemoryError, OSError) as error:
                if not devices.is_out_of_memory(error):
                    raise
                devices.forget_locals(error)
            self._eviction.drop_all_unused_but(key, task)
        raise UserError(
            f"Memory ran out while “{key.id}” was working, although every other unused model was unloaded; "
            f"{self._eviction.free_in_words(self._home(key))}. Ask for less at once (a smaller picture, fewer of "
            "them, a shorter text), close other programs, or choose a smaller model."
        )

    def preload(self, keys: Iterable[ModelKey], task: Task | None = None) -> None:
        """Load models now, one after the other, on the calling thread.

        Args:
            keys: which.
            task: stops the loading and is told its phases.
        """
        for key in keys:
            with self.use(key, task):
                pass

    def snapshot(self) -> list[Record]:
        """What is in memory, the most recently used first."""
        with self._ledger:
            return self._ledger.records()

    def unload(self, key: ModelKey) -> None:
        """Let a model go now.

        Args:
            key: which.

        Raises:
            UserError: it is in use.
        """
        self._eviction.drop_unused(lambda entry: entry.key == key)
        if any(record.key == key for record in self.snapshot()):
            raise UserError(f"“{key.id}” is in use. Stop what it is doing first, then unload it.")

    def unload_idle(self, seconds: float | None = None) -> None:
        """Let go of what nobody has used for a while.

        Args:
            seconds: how long. Default: the idle time given at the start.
        """
        limit = time.monotonic() - (self._idle_seconds if seconds is None else seconds)
        self._eviction.drop_unused(lambda entry: entry.last_used <= limit)

    def close(self) -> None:
        """Let every model go; those in use when their use ends. Nothing should be asked for afterwards."""
        self._closed.set()
        self._eviction.drop_unused(lambda _: True)

    def _lease(self, key: ModelKey, task: Task, working: int) -> Lease:
        home = self._home(key)
        told: Phase | None = None
        self._eviction.yield_to_waiting(key, home)
        while True:
            task.check()
            with self._ledger:
                entry = self._ledger.find(key, home)
                mine, busy, phase = entry.owner == threading.get_ident(), entry.owner is not None, entry.phase
                if busy and not mine and phase == told and not self._ledger.wait_for_owner(entry):
                    raise UserError(f"“{key.id}” waits for a model that waits for this one. Try again in a moment.")
            if mine:
                return self._load(entry, task, working)
            if not busy:
                lease = self._eviction.reserve(entry, working, task)
                if lease is not None:
                    return lease
            elif phase != told:  # another thread loads it: show how far it is
                task.report(phase)
                told = phase

    def _load(self, entry: CacheEntry, task: Task, working: int) -> Lease:
        """Bring home the entry this thread owns. Nothing stays of a load that fails."""
        with self._eviction.owning(entry), _report_to_all(entry, task) as shown:
            for _ in range(2):
                try:
                    return self._load_or_move(entry, shown, working)
                except (RuntimeError, MemoryError, OSError) as error:
                    if not devices.is_out_of_memory(error):
                        raise
                    devices.forget_locals(error)
                self._eviction.drop_all_unused_but(entry.key, shown)
        size = f" ({devices.format_bytes(nbytes)})" if (nbytes := self._weights(entry.key)) else ""
        raise UserError(
            f"Memory ran out while loading “{entry.key.id}”{size}, although every unused model was unloaded; "
            f"{self._eviction.free_in_words(entry.home)}. Close other programs, or choose a smaller model."
        )

    def _load_or_move(self, entry: CacheEntry, task: Task, working: int) -> Lease:
        """Move the model back from RAM, or fetch and build it; its bytes are reserved before they are taken."""
        key, eviction = entry.key, self._eviction
        need = int(MARGIN * self._weights(key)) + working
        eviction.refuse_too_large(entry, need)  # before a download for nothing
        fetched = self._loader.fetch(key, task) if entry.loaded is None else None
        lease = eviction.reserve(entry, need, task)
        assert lease is not None  # the entry is this thread's, nobody else takes it away
        with ExitStack() as undo:
            undo.callback(self._end, lease)
            with load_lock(task), torch_threads(one_core=False):
                task.report(Phase("loading", key.id))
                if entry.loaded is not None:
                    eviction.move(entry, entry.home)
                else:
                    self._build(entry, fetched, task)
                lease.nbytes = working
                eviction.enforce_budget(entry, working)
            undo.pop_all()
        return lease

    def _build(self, entry: CacheEntry, fetched: Any, task: Task) -> None:
        try:
            device = "cpu" if self._on_cpu(entry.key) else self.device.name
            loaded = self._loader.build(entry.key, fetched, device, task)
        except BaseException as error:  # on its way, without the half-built model
            devices.forget_locals(error)
            devices.release_memory()
            raise
        self._measured[entry.key] = loaded.nbytes
        with self._ledger:
            entry.loaded, entry.nbytes, entry.place = loaded, loaded.nbytes, entry.home

    def _home(self, key: ModelKey) -> Place:
        return "ram" if self._on_cpu(key) or self.device.unified else "device"  # for a CPU model torch stays out

    def _weights(self, key: ModelKey) -> int:
        return self._measured.get(key) or self._estimate(key)

    def _end(self, lease: Lease) -> None:
        with self._ledger:
            self._ledger.end(lease)

    def _watch_idle(self) -> None:
        while not self._closed.wait(max(0.05, min(self._idle_seconds / 4, 15))):
            try:
                self.unload_idle()
            except Exception:  # the thread boundary: the next round tries again
                log.exception("an idle model could not be unloaded")


@contextmanager
def _report_to_all(entry: CacheEntry, task: Task) -> Iterator[Task]:
    """A task for the load of `entry`, which ends with `task` and shows its phases to all who wait for it."""

    def report(phase: Phase) -> None:
        entry.phase = phase
        task.report(phase)

    shown = Task(report)
    with task.when_cancelled(shown.cancel):
        yield shown
