"""How many CPU threads torch uses: all for a large model; for a small network as many as there are idle cores.

Invariants: torch's thread count is a thread's own, so what is set here holds for the calling one. Whoever computed on
several threads releases them: a large model when it is done, a small one when its worker rests or runs anything large.

Why a count is not enough: a layer of a small network takes a tenth of a millisecond, and OpenMP's threads wait for
each other in a busy loop, which is fast while each has a core to itself. Two things make every layer wait for
milliseconds:

- a thread has to wait for a core that somebody else (the browser, another visitor) computes on;
- GNU's OpenMP lets its threads sleep, which it does as soon as the teams of all threads together, also of those that
  are done, are larger than the machine.

A picture of `avatar-diffusion` on a quiet machine of two cores took 0.23 s on both and 0.30 s on one; on both
beside a process that computes 1.3 s, and beside a thread that kept its team 0.5 s. The rule is compared with "one
thread" and "all threads" by `python -m playground.bench threads`.
"""

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

AWAKE = 0.8  # of the time a step took: whose thread computed for less had to wait for a core
KEPT = 0.8  # of what a step counted once the next is over: a single short wait among five is none
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
SHARED_OUT = 200_000  # numbers: enough for torch to use all threads
_SOFT = 1  # omp_pause_soft of OpenMP 5.0: threads end, all that was set stays
_FIRST = threading.Lock()
_usual: list[int] = []  # what torch, or whoever set OMP_NUM_THREADS, thinks right; read before anything was set


@contextmanager
def torch_threads(one_core: bool) -> Iterator[None]:
    """torch's thread count on the calling thread until the block ends; nothing to set if torch is not imported.

    Args:
        one_core: one thread; otherwise as many as torch, or `OMP_NUM_THREADS`, thinks right.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        with _FIRST:
            if not _usual:
                _usual.append(torch.get_num_threads())
        before = torch.get_num_threads()
        _set_threads(1 if one_core else _usual[0])
    if not one_core:
        # What the steps of a small model left: the work may be done on another thread (llama.cpp's is).
        release_threads()
    try:
        yield
    finally:
        if not one_core:
            release_threads()
        if torch is not None:
            _set_threads(before)


class IdleCores:
    """An estimate of how many cores are idle, from how long steps of small networks waited. One for the whole process.

    All at first. Steps that had to wait for a core leave half as many for the next ones. After a pause twice as many
    are tried, and every try that fails makes the next pause twice as long.

    Args:
        most: threads at most.
        clock: seconds that only grow.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = self._count = most
        self._clock = clock
        self._pause = FIRST_PAUSE_S
        self._changed = clock()
        self._wall = self._cpu = 0.0  # of the last steps, each counting less than the one after it

    def count(self) -> int:
        """The cores for the next step."""
        if self._count < self._most and self._unchanged_s() >= self._pause:
            self._set(min(2 * self._count, self._most))
        return self._count

    def judge(self, count: int, wall_s: float, cpu_s: float) -> None:
        """Learn from a step.

        Args:
            count: threads it computed on.
            wall_s: seconds it took.
            cpu_s: seconds of them that its calling thread computed.
        """
        if count != self._count or count == 1:
            return
        self._wall, self._cpu = KEPT * self._wall + wall_s, KEPT * self._cpu + cpu_s
        if self._cpu < AWAKE * self._wall:
            tried_in_vain = self._unchanged_s() < self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE_S) if tried_in_vain else FIRST_PAUSE_S
            self._set(count // 2)

    def _unchanged_s(self) -> float:
        return self._clock() - self._changed

    def _set(self, count: int) -> None:
        self._count, self._changed = count, self._clock()
        self._wall = self._cpu = 0.0


class Steps:
    """Sets the threads for each step of one piece of work, on the thread that does it.

    The threads stay for the next piece of work: visitors who want another picture do not wait for new ones.

    Args:
        small: whether the network is small, and so computes on as many cores as are idle.
    """

    def __init__(self, small: bool) -> None:
        self._idle = _idle_cores() if small else None
        self._count = 0
        self._wall = self._cpu = 0.0

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """The threads come into being some milliseconds before they are needed; in the end the count is as it was.

        A new thread begins on the core of its maker. While that computes, it takes tens of milliseconds to move.
        """
        if self._idle is None:
            yield
            return
        import torch

        before = self._count = torch.get_num_threads()
        self.begin()
        torch.zeros(SHARED_OUT).add(1.0)
        try:
            yield
        finally:
            _set_threads(before)

    def begin(self) -> None:
        """What comes now is a step, and nothing else than torch's work."""
        if self._idle is None:
            return
        if (count := self._idle.count()) != self._count:
            self._count = count
            _set_threads(count)
        self._wall, self._cpu = time.perf_counter(), time.thread_time()

    def end(self) -> None:
        """The step is over."""
        if self._idle is not None:
            self._idle.judge(self._count, time.perf_counter() - self._wall, time.thread_time() - self._cpu)


@cache
def _idle_cores() -> IdleCores:
    with torch_threads(one_core=False):  # so that the usual number is known
        return IdleCores(_usual[0])


def _set_threads(count: int) -> None:
    """How many threads torch's work on this thread has."""
    import torch

    torch.set_num_threads(count)
    if count > 1 and (reset := _reset_of_mkl()) is not None:
        reset(0)


@cache
def _reset_of_mkl() -> Callable[[int], int] | None:
    """MKL's way back to as many threads as OpenMP has here; None where torch has no MKL of its own.

    torch tells MKL the number too, and then the products of small matrices take longer: 2 % of a step.
    """
    import torch

    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    return getattr(ctypes.CDLL(str(library)), "MKL_Set_Num_Threads_Local", None) if library.exists() else None


def release_threads() -> None:
    """End the threads that this thread computed on beside itself; they come back with its next layer."""
    if "torch" in sys.modules and (pause := _pause_of_openmp()) is not None:
        pause(_SOFT)


@cache
def _pause_of_openmp() -> Callable[[int], int] | None:
    """OpenMP's way to let go; None where torch computes with another library than GNU's."""
    if sys.platform != "linux":
        return None
    here = ctypes.CDLL(None)  # torch makes the symbols of its OpenMP visible to the whole process
    return here.omp_pause_resource_all if hasattr(here, "GOMP_parallel") else None
