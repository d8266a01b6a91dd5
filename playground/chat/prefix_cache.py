"""The KV caches a decoder keeps from one reply to the next, and how one is found and cut to fit a prompt.

Invariants: a cache is never without the ids it stands for, and never handed out as long as the
prompt (that would give wrong text without an error). Whether a cache can be cut back is tried, not
asked, and only on layers whose `crop` is known to be whole. Imports torch and transformers; imported lazily.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from transformers import Cache
from transformers.cache_utils import DummyLayer, DynamicLayer, DynamicSlidingWindowLayer

# Exactly these classes: a subclass may hold more state, which their `crop` would leave as it is.
_ALWAYS_CROPPABLE = (DynamicLayer, DummyLayer)
_CROPPABLE = (*_ALWAYS_CROPPABLE, DynamicSlidingWindowLayer)


@dataclass(eq=False)
class CachedPrefix:
    """What a model has read: the cache, and the ids it stands for.

    `sealed` readings (checkpoints) are only ever copied. `intact` is False while a forward pass writes.
    """

    cache: Cache
    ids: list[int] = field(default_factory=list)
    sealed: bool = False
    intact: bool = True

    @contextmanager
    def extended(self, ids: Sequence[int]) -> Iterator[None]:
        """Around the forward pass over `ids`; if it raises, the reading stays broken and is not kept."""
        self.intact = False
        yield
        self.ids.extend(ids)
        self.intact = True

    def sealed_copy(self) -> "CachedPrefix":
        return CachedPrefix(copy.deepcopy(self.cache), list(self.ids), sealed=True)

    def rewound(self, length: int) -> "CachedPrefix | None":
        """A reading of the first `length` ids, shorter than these; None where the model cannot go back.

        This one stays whole: cropping makes views and reading on makes new tensors, so nothing is copied.
        """
        if not all(type(layer) in _CROPPABLE for layer in self.cache.layers):
            return None
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        try:
            cache.crop(length - len(self.ids))
        except RuntimeError:  # a sliding window that has moved on forgot what it needs
            return None
        return CachedPrefix(cache, self.ids[:length])

    @property
    def can_always_rewind(self) -> bool:
        """False where `rewound` fails, or will once a sliding window is full."""
        return all(type(layer) in _ALWAYS_CROPPABLE for layer in self.cache.layers)

    @property
    def bytes(self) -> int:
        """Memory the cache holds, whole storages counted once."""
        storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in _tensors(self.cache)}
        return sum(storage.nbytes() for storage in storages.values())


class PrefixCache:
    """Readings kept for later, the least recently used given up first; one is always kept.

    One thread at a time. `budget` in bytes does not count the reading that is in use.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._readings: list[CachedPrefix] = []  # least recently used first

    def __iter__(self) -> Iterator[CachedPrefix]:
        return iter(self._readings)

    def take(self, prompt: Sequence[int]) -> CachedPrefix | None:
        """The reading that saves most of `prompt`, cut to a beginning of it and shorter than it.

        It leaves the shelf if the prompt goes on from its very end; otherwise a cut or copied one is given.
        """
        for length, reading in self._by_use(prompt):
            if length < len(reading.ids):
                if (cut := reading.rewound(length)) is None:
                    continue
                # Mostly a reply taken back, and its reading not needed again: the first to be given up.
                if length >= len(reading.ids) // 2:
                    self._readings.remove(reading)
                    self._readings.insert(0, reading)
                return cut
            self._readings.remove(reading)
            if not reading.sealed:
                return reading
            self._readings.append(reading)
            return CachedPrefix(copy.deepcopy(reading.cache), list(reading.ids))
        return None

    def borrow(self, prompt: Sequence[int]) -> CachedPrefix | None:
        """As `take`, but the shelf stays as it is: for a look at a position that is not to be kept."""
        for length, reading in self._by_use(prompt):
            if length == len(reading.ids):
                return CachedPrefix(copy.deepcopy(reading.cache), list(reading.ids))
            if (cut := reading.rewound(length)) is not None:
                return cut
        return None

    def keep(self, reading: CachedPrefix) -> None:
        """Put a reading on the shelf, and give up old ones beyond the budget. A broken or empty one is dropped."""
        if not reading.intact or not reading.ids:
            return
        self._readings.append(reading)
        sizes = [kept.bytes for kept in self._readings]
        while len(self._readings) > 1 and sum(sizes) > self.budget:
            del self._readings[0], sizes[0]

    def clear(self) -> None:
        self._readings.clear()

    def _by_use(self, prompt: Sequence[int]) -> list[tuple[int, CachedPrefix]]:
        found = [(common_prefix(reading.ids, prompt[:-1]), reading) for reading in reversed(self._readings)]
        return sorted(((length, reading) for length, reading in found if length), key=lambda pair: -pair[0])


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids the two have in common at their beginning."""
    for position, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return position
    return min(len(one), len(other))


def _tensors(cache: Cache) -> Iterator[torch.Tensor]:
    for layer in cache.layers:
        for value in vars(layer).values():
            for item in value.values() if isinstance(value, dict) else (value,):
                if isinstance(item, torch.Tensor):
                    yield item
