"""The books of residency: which model is where, who is using it, what it takes, and who waits for whom.

Rule of the room: bookkeeping only. Nothing here loads, moves or closes a model, reports, or blocks for
longer than one `wait`. Every method is called with the ledger held (`with ledger:`).
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from playground.resident import Entry, Lease, ModelKey, Place, Record
from playground.task import Phase

LOOK_S = 0.1  # how often a thread that waits looks whether it was stopped


@dataclass
class _Wait:
    """What a thread waits for: that one of these threads goes on, perhaps so as to have room for bytes of an entry."""

    on: frozenset[int]
    room: tuple[Entry, int] | None
    version: int  # of the ledger when it saw no way


class Ledger:
    """All entries, under one condition that is notified of every change."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._condition = threading.Condition(self.lock)
        self._entries: dict[ModelKey, Entry] = {}
        self._waits: dict[int, _Wait] = {}
        self._version = 0

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *exc: object) -> None:
        self.lock.release()

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def find(self, key: ModelKey, home: Place) -> Entry:
        """The entry of a key. The calling thread becomes its owner if it must be brought home and no other does."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Entry(key, home, owner=threading.get_ident())
        elif entry.owner is None and entry.place != home:
            self.own(entry)
        return entry

    def disown(self, entry: Entry) -> None:
        """The owner is done, well or badly: an entry without a model goes."""
        entry.owner = entry.bound_for = None
        if entry.resident is None:
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
            if e.nbytes or e.resident is not None
        ]

    def used(self, place: Place) -> int:
        return sum(entry.bytes_in(place) for entry in self)

    def lease(self, entry: Entry, nbytes: int) -> Lease:
        lease = Lease(entry, threading.get_ident(), nbytes)
        entry.leases.append(lease)
        entry.last_used = time.monotonic()
        return lease

    def end(self, lease: Lease) -> None:
        lease.entry.leases.remove(lease)
        lease.entry.last_used = time.monotonic()
        self.changed()

    def unused(self, place: Place | None = None, besides: Entry | None = None) -> list[Entry]:
        """The models (of a place) that nobody uses or moves, the least recently used first."""
        entries = [
            entry
            for entry in self._entries.values()
            if entry.owner is None and not entry.leases and place in (None, entry.place) and entry is not besides
        ]
        return sorted(entries, key=lambda entry: entry.last_used)

    def own(self, entry: Entry) -> Entry:
        """The calling thread may now load, move or close the model, until `disown`."""
        entry.owner = threading.get_ident()
        entry.phase = Phase("loading", entry.key.id)  # what is being moved away must be brought back for who asks
        return entry

    def waiting_for_room(self) -> list[tuple[Entry, int]]:
        return [wait.room for wait in self._waits.values() if wait.room is not None]

    def pause(self) -> None:
        """Let go of the ledger for a moment, for those who wait."""
        self._condition.wait(LOOK_S)

    def wait_for_room(self, entry: Entry, need: int) -> bool:
        """Wait a moment for those who hold memory in the home of `entry`; False if that is in vain."""
        on = {lease.thread for other in self for lease in other.leases if other.bytes_in(entry.home)}
        on |= {other.owner for other in self if other.owner and other.bytes_in(entry.home) and other is not entry}
        return self._wait(_Wait(frozenset(on), (entry, need), self._version))

    def wait_for_owner(self, entry: Entry) -> bool:
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
