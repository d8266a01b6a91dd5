"""Making room: who leaves memory, where to, and who has to wait.

Invariants: from the GPU a model goes to RAM, if it can be moved and fits there, and from RAM it
goes altogether; always the one that was not used for longest, never one in use.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property

from playground.errors import UserError
from playground.runtime import devices
from playground.runtime.devices import Device, format_bytes
from playground.runtime.load_lock import load_lock
from playground.runtime.records import CacheEntry, Lease, Ledger, ModelKey, Place
from playground.runtime.task import Phase, Task

log = logging.getLogger(__name__)
_MEMORY: dict[Place, str] = {"device": "GPU memory", "ram": "memory"}
_FLAG: dict[Place, str] = {"device": "--vram", "ram": "--ram"}


class EvictionPolicy:
    """What models take of the device and of RAM, kept within budgets. The lock order is that of `ModelCache`."""

    def __init__(
        self,
        ledger: Ledger,
        detect_device: Callable[[], Device],
        vram_budget: int | None,
        ram_budget: int | None,
        eager: bool,
    ) -> None:
        self._ledger = ledger
        self._detect_device = detect_device
        self._budgets: dict[Place, int | None] = {"device": vram_budget, "ram": ram_budget}
        self._eager = eager

    @cached_property
    def device(self) -> Device:
        return self._detect_device()

    def budget(self, place: Place) -> int:
        """Bytes that models may take there."""
        if (budget := self._budgets[place]) is None:
            budget = devices.default_ram_budget() if place == "ram" else devices.default_vram_budget(self.device)
            self._budgets[place] = budget
        return budget

    def reserve(self, entry: CacheEntry, need: int, task: Task) -> Lease | None:
        """A lease on `entry` with room for `need` bytes, once others have left or ended.

        None if it left meanwhile and must be asked for anew. Raises `UserError` if
        there will never be room.
        """
        self.refuse_too_large(entry, need)
        told = False
        while True:
            task.check()
            with self._ledger:
                if not entry.is_ready and entry.owner != threading.get_ident():
                    return None
                if self._has_room(entry, need):
                    return self._ledger.lease(entry, need)
                unused = self._ledger.unused(entry.home, besides=entry)
                evict = bool(unused) and self._fits_without(unused, entry.home, need)
                if told and not evict and not self._ledger.wait_for_room(entry, need):
                    raise UserError(self._no_room_message(entry, need))
            if evict:
                with load_lock(task):
                    if not self._has_room(entry, need):  # it may have come while others were building
                        self._evict_one(entry.home, besides=entry)
            elif not told:
                task.report(Phase("waiting", "memory is in use by other models"))
                told = True

    def yield_to_waiting(self, key: ModelKey, place: Place) -> None:
        """Let a thread go first that waits for room and would have it if `key` were left alone for a moment:
        who comes back to a model again and again would starve it. Those who hold a lease are not held up."""
        with self._ledger:
            left_alone = [entry for entry in self._ledger if entry.key == key or entry in self._ledger.unused(place)]
            waiting = [need for entry, need in self._ledger.waiting_for_room() if entry.home == place]
            if not self._ledger.holds_lease() and any(self._fits_without(left_alone, place, n) for n in waiting):
                self._ledger.pause()

    def refuse_too_large(self, entry: CacheEntry, need: int) -> None:
        """Raise `UserError` if the model with `need` bytes more would not fit even alone."""
        budget = self.budget(entry.home)
        total = need + entry.bytes_at_home
        if total > budget and not self._eager:
            raise UserError(
                f"“{entry.key.id}” needs about {format_bytes(total)}, and models may take {format_bytes(budget)} of "
                f"{_MEMORY[entry.home]}. Choose a smaller model, ask for less at once, or start the app with a "
                f"larger {_FLAG[entry.home]}."
            )

    def enforce_budget(self, entry: CacheEntry, working: int) -> None:
        """Hold a model that was just built (`LOAD_LOCK` held) to the budget with the bytes it really takes:
        others leave, or it goes again and a `UserError` says so."""
        while not self._within_budget(entry.home) and self._evict_one(entry.home, besides=entry):
            pass
        try:
            self.refuse_too_large(entry, working)
        except UserError:
            self.release(entry)
            raise

    def drop_unused(self, which: Callable[[CacheEntry], bool], task: Task | None = None) -> None:
        """Let go of every unused model for which `which(entry)` holds, copies in RAM too."""
        with load_lock(task or Task()), ExitStack() as owned:
            with self._ledger:
                entries = [self._ledger.own(entry) for entry in self._ledger.unused() if which(entry)]
            for entry in entries:
                owned.enter_context(self.owning(entry))
            self.release(*entries)

    def drop_all_unused_but(self, key: ModelKey, task: Task) -> None:
        """What is left to do when memory ran out, although by the books it would not."""
        log.warning("memory ran out with %s; unloading what is not in use", key)
        if not self._eager:
            self.drop_unused(lambda entry: entry.key != key, task)
        devices.release_memory()

    def free_in_words(self, place: Place) -> str:
        """What the machine has, whatever the budget."""
        total = self.device.total_bytes if place == "device" else devices.ram_limit()
        return f"{format_bytes(self._free(place))} of {format_bytes(total)} are free"

    @contextmanager
    def owning(self, entry: CacheEntry) -> Iterator[None]:
        """Hand an owned entry back in the end, whatever happens."""
        try:
            yield
        finally:
            with self._ledger:
                self._ledger.disown(entry)

    def move(self, entry: CacheEntry, to: Place) -> None:
        """Move an owned model, `LOAD_LOCK` held. If that fails it is half here and half there, and released."""
        assert entry.loaded is not None
        assert entry.loaded.move is not None
        try:
            entry.loaded.move("cpu" if to == "ram" else self.device.name)
        except BaseException as error:  # cleared up, and on its way
            devices.forget_locals(error)
            self.release(entry)
            raise
        devices.release_memory(collect=False)
        with self._ledger:
            entry.place, entry.bound_for = to, None
            self._ledger.changed()

    def release(self, *entries: CacheEntry) -> None:
        """Close owned models, `LOAD_LOCK` held. Their bytes count until the memory was given back."""
        traces = []
        try:
            for entry in entries:
                loaded, entry.loaded = entry.loaded, None
                if loaded is not None:
                    traces.append(devices.trace(loaded.model))
                    loaded.close()
        finally:
            loaded = None
            devices.release_memory(collect=any(trace() is not None for trace in traces))
            for entry in entries:
                if entry.loaded is None:
                    entry.nbytes = 0

    def _evict_one(self, place: Place, besides: CacheEntry | None = None, before: float = float("inf")) -> bool:
        """Send the least recently used model away from `place`; False if none was last used earlier than `before`."""
        with self._ledger:
            unused = self._ledger.unused(place, besides)
            if not unused or unused[0].last_used >= before:
                return False
            victim = self._ledger.own(unused[0])
        with self.owning(victim):
            if place == "device" and self._make_room_in_ram(victim):
                try:
                    self.move(victim, "ram")
                except (RuntimeError, MemoryError):
                    log.exception("%s could not be moved to RAM and was dropped", victim.key)
            else:
                self.release(victim)
        return True

    def _make_room_in_ram(self, victim: CacheEntry) -> bool:
        """Whether RAM has room for a model on its way off the device, once older ones have left it."""
        assert victim.loaded is not None
        if victim.loaded.move is None:
            return False
        while True:
            with self._ledger:
                fits = self._ledger.used("ram") + victim.nbytes <= self.budget("ram")
                if fits and devices.free_ram() >= victim.nbytes:
                    victim.bound_for = "ram"
                    return True
            if not self._evict_one("ram", before=victim.last_used):
                return False

    def _has_room(self, entry: CacheEntry, need: int) -> bool:
        """By the books; and by the machine, as long as there is somebody who could leave: other programs
        take memory too, and an estimate is one."""
        if need == 0 or self._eager:
            return True
        with self._ledger:
            if self._ledger.used(entry.home) + need > self.budget(entry.home):
                return False
            return not self._ledger.unused(entry.home, besides=entry) or self._free(entry.home) >= need

    def _fits_without(self, gone: list[CacheEntry], place: Place, need: int) -> bool:
        used = self._ledger.used(place) - sum(entry.bytes_in(place) for entry in gone)
        return used + need <= self.budget(place)

    def _within_budget(self, place: Place) -> bool:
        with self._ledger:
            return self._eager or self._ledger.used(place) <= self.budget(place)

    def _free(self, place: Place) -> int:
        if place == "ram":
            return devices.free_ram()
        cuda = self.device.name.startswith("cuda")
        return devices.free_cuda_memory(self.device.name) if cuda else self.device.total_bytes

    def _no_room_message(self, entry: CacheEntry, need: int) -> str:
        place = entry.home
        held = self._ledger.used(place) - entry.bytes_in(place)
        users = sorted({f"“{other.key.id}”" for other in self._ledger if other.leases and other is not entry})
        return (
            f"“{entry.key.id}” needs about {format_bytes(need + entry.bytes_at_home)}, and beside it "
            f"{', '.join(users)} must stay, with {format_bytes(held)} of the "
            f"{format_bytes(self.budget(place))} that models may take of {_MEMORY[place]}. Choose a "
            f"smaller model for one of them, or start the app with a larger {_FLAG[place]}."
        )
