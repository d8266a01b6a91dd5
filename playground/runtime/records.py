"""What the model cache keeps track of: keys, models in memory, the record of each, and the ledger of all of them.

Invariants: plain data, the one protocol a loader follows, and bookkeeping. Nothing here loads, moves or closes a
model, reports, or blocks for longer than one `wait`. Every method of the ledger is called with the ledger held
(`with ledger:`).
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from playground.runtime.task import Phase, Task

Place = Literal["device", "ram"]
LOOK_S = 0.1  # how often a thread that waits looks whether it was stopped


class ModelKey(NamedTuple):
    """A catalogue id and which of its parts."""

    id: str
    role: str = "main"


@dataclass(eq=False)
class LoadedModel:
    """A model in memory, as a loader returns it.

    `nbytes` is what its weights take. `move` brings it to a device by name ("cpu", "cuda:0"); None
    for a model that lives where it was built (a llama.cpp server). `close` ends what does not end by
    dropping the last reference. `one_core` is for small networks, see `playground.runtime.cpu_threads`.
    """

    model: Any
    nbytes: int
    close: Callable[[], None] = lambda: None
    move: Callable[[str], None] | None = None
    one_core: bool = False


class Loader(Protocol):
    """From a key to a model in memory. Neither method may ask `ModelCache` for another model."""

    def fetch(self, key: ModelKey, task: Task) -> Any:
        """Get the files: network and disk, no lock held, may take long. What comes back goes to `build`."""
        ...

    def build(self, key: ModelKey, fetched: Any, device: str, task: Task) -> LoadedModel:
        """Construct the model on `device` ("cuda:0", "mps", "cpu"), under `LOAD_LOCK`."""
        ...


@dataclass(eq=False)
class Lease:
    """One use of one model. `nbytes` is room beside the weights: working memory, or a load under way."""

    entry: "CacheEntry"
    thread: int
    nbytes: int


@dataclass(eq=False)
class CacheEntry:
    """One model: loaded, or on its way in or out, which is its `owner`'s (a thread's) affair alone.

    `home` is where it works, `place` where it is, and `bound_for` where it is just being moved to: its
    `nbytes` count in both until it has arrived. `phase` is how far its load is.
    """

    key: ModelKey
    home: Place
    owner: int | None
    place: Place = field(init=False)
    bound_for: Place | None = None
    loaded: LoadedModel | None = None
    nbytes: int = 0
    leases: list[Lease] = field(default_factory=list)
    phase: Phase = field(init=False)
    last_used: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.place = self.home
        self.phase = Phase("loading", self.key.id)

    @property
    def is_ready(self) -> bool:
        """Whether it may be used where it is: nobody is bringing it here or away."""
        return self.owner is None and self.loaded is not None and self.place == self.home

    @property
    def bytes_at_home(self) -> int:
        """What its weights take where it works already: nothing before it is there."""
        return self.nbytes if self.place == self.home else 0

    def bytes_in(self, place: Place) -> int:
        weights = self.nbytes if place in (self.place, self.bound_for) else 0
        return weights + (sum(lease.nbytes for lease in self.leases) if place == self.home else 0)


@dataclass(frozen=True)
class Record:
    """One model in memory, for the memory line. A device that shares the machine's memory counts as "ram"."""

    key: ModelKey
    where: Place
    nbytes: int
    leases: int
    idle_seconds: float  # 0 while in use


@dataclass
class _Wait:
    """What a thread waits for: that one of these threads goes on, perhaps so as to have room for bytes of an entry."""

    on: frozenset[int]
    room: tuple[CacheEntry, int] | None
    version: int  # of the ledger when it saw no way


class Ledger:
    """All entries, under one condition that is notified of every change."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._condition = threading.Condition(self.lock)
        self._entries: dict[ModelKey, CacheEntry] = {}
        self._waits: dict[int, _Wait] = {}
        self._version = 0

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *exc: object) -> None:
        self.lock.release()

    def __iter__(self) -> Iterator[CacheEntry]:
        return iter(list(self._entries.values()))

    def find(self, key: ModelKey, home: Place) -> CacheEntry:
        """The entry of a key. The calling thread becomes its owner if it must be brought home and no other does."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = CacheEntry(key, home, owner=threading.get_ident())
        elif entry.owner is None and entry.place != home:
            self.own(entry)
        return entry

    def disown(self, entry: CacheEntry) -> None:
        """The owner is done, well or badly: an entry without a model goes."""
        entry.owner = entry.bound_for = None
        if entry.loaded is None:
            del self._entries[entry.key]
        self.changed()

    def changed(self) -> None:
        """Tell all who wait to look again."""
        self._version += 1
        self._condition.notify_all()

    def records(self) -> list[Record]:
        """What is in memory, the most recently used first."""
        now = time.monotonic()
        entries = sorted(self._entries.values(), key=lambda entry: entry.last_used, reverse=True)
        return [
            Record(e.key, e.place, e.nbytes, len(e.leases), 0.0 if e.leases else now - e.last_used)
            for e in entries
            if e.nbytes or e.loaded is not None
        ]

    def used(self, place: Place) -> int:
        return sum(entry.bytes_in(place) for entry in self)

    def lease(self, entry: CacheEntry, nbytes: int) -> Lease:
        lease = Lease(entry, threading.get_ident(), nbytes)
        entry.leases.append(lease)
        entry.last_used = time.monotonic()
        return lease

    def end(self, lease: Lease) -> None:
        lease.entry.leases.remove(lease)
        lease.entry.last_used = time.monotonic()
        self.changed()

    def unused(self, place: Place | None = None, besides: CacheEntry | None = None) -> list[CacheEntry]:
        """The models (of a place) that nobody uses or moves, the least recently used first."""
        entries = [
            entry
            for entry in self._entries.values()
            if entry.owner is None and not entry.leases and place in (None, entry.place) and entry is not besides
        ]
        return sorted(entries, key=lambda entry: entry.last_used)

    def own(self, entry: CacheEntry) -> CacheEntry:
        """The calling thread may now load, move or close the model, until `disown`."""
        entry.owner = threading.get_ident()
        entry.phase = Phase("loading", entry.key.id)  # what is being moved away must be brought back for who asks
        return entry

    def waiting_for_room(self) -> list[tuple[CacheEntry, int]]:
        return [wait.room for wait in self._waits.values() if wait.room is not None]

    def pause(self) -> None:
        """Let go of the ledger for a moment, for those who wait."""
        self._condition.wait(LOOK_S)

    def wait_for_room(self, entry: CacheEntry, need: int) -> bool:
        """Wait a moment for those who hold memory in the home of `entry`; False if that is in vain."""
        on = {lease.thread for other in self for lease in other.leases if other.bytes_in(entry.home)}
        on |= {other.owner for other in self if other.owner and other.bytes_in(entry.home) and other is not entry}
        return self._wait(_Wait(frozenset(on), (entry, need), self._version))

    def wait_for_owner(self, entry: CacheEntry) -> bool:
        """Wait a moment for the thread that loads or moves `entry`; False if that is in vain."""
        assert entry.owner is not None
        return self._wait(_Wait(frozenset({entry.owner}), None, self._version))

    def _wait(self, wait: _Wait) -> bool:
        me = threading.get_ident()
        self._waits[me] = wait
        try:
            if self.holds_lease() and not self._hope(me):
                return False
            self._condition.wait(LOOK_S)
            return True
        finally:
            del self._waits[me]

    def holds_lease(self) -> bool:
        """Whether the calling thread does."""
        me = threading.get_ident()
        return any(lease.thread == me for entry in self for lease in entry.leases)

    def _hope(self, thread: int) -> bool:
        """Whether `thread` waits, over any number of others, for one that is not itself waiting.

        A closed circle of waiting threads holds at least one lease, and a holder is told: it gives
        up, and the others go on. One who has not looked since the last change may yet find a way.
        """
        seen: set[int] = set()
        todo = [thread]
        while todo:
            current = todo.pop()
            wait = self._waits.get(current)
            if wait is None or wait.version != self._version:
                return True
            seen.add(current)
            todo += wait.on - seen
        return False
