"""What residency deals in: keys, models in memory and the records kept of them.

Rule of the room: plain data and the one protocol a loader follows; no behaviour beyond what a record needs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from playground.task import Phase, Task

Place = Literal["device", "ram"]


class ModelKey(NamedTuple):
    """A catalogue id and which of its parts."""

    id: str
    role: str = "main"


@dataclass(eq=False)
class Resident:
    """A model in memory, as a loader returns it.

    `nbytes` is what its weights take. `move` brings it to a device by name ("cpu", "cuda:0"); None
    for a model that lives where it was built (a llama.cpp server). `close` ends what does not end by
    dropping the last reference. `one_core` is for small networks, see `playground.cores`.
    """

    model: Any
    nbytes: int
    close: Callable[[], None] = lambda: None
    move: Callable[[str], None] | None = None
    one_core: bool = False


class Loader(Protocol):
    """From a key to a model in memory. Neither method may ask `Models` for another model."""

    def fetch(self, key: ModelKey, task: Task) -> Any:
        """Get the files: network and disk, no lock held, may take long. What comes back goes to `build`."""
        ...

    def build(self, key: ModelKey, fetched: Any, device: str, task: Task) -> Resident:
        """Construct the model on `device` ("cuda:0", "mps", "cpu"), under `BUILD_LOCK`."""
        ...


@dataclass(eq=False)
class Lease:
    """One use of one model. `nbytes` is room beside the weights: working memory, or a load under way."""

    entry: "Entry"
    thread: int
    nbytes: int


@dataclass(eq=False)
class Entry:
    """One model: resident, or on its way in or out, which is its `owner`'s (a thread's) affair alone.

    `home` is where it works, `place` where it is, and `bound_for` where it is just being moved to: its
    `nbytes` count in both until it has arrived. `phase` is how far its load is.
    """

    key: ModelKey
    home: Place
    owner: int | None
    place: Place = field(init=False)
    bound_for: Place | None = None
    resident: Resident | None = None
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
        return self.owner is None and self.resident is not None and self.place == self.home

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
