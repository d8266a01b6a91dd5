"""Heavy work runs one at a time per device, on one persistent thread, fair between visitors.

Invariants: a visitor is never tied to the work. `Job.events()` is what the visitor sees: it
hears of every result and phase, a heartbeat at least every 0.1 s, and it ends as soon as the job is
cancelled, even while the work itself is still on its way to its next boundary. The work ends there by
itself (`Task.check`) and leaves the model usable.

The thread persists because compiled CUDA graphs belong to the thread that recorded them.
"""

import logging
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

from playground.errors import Cancelled, UserError
from playground.runtime.cpu_threads import release_threads
from playground.runtime.task import Phase, Task

log = logging.getLogger(__name__)
T = TypeVar("T")
HEARTBEAT_S = 0.1
LONGEST_FAREWELL_S = 3.0
REST_S = 2.0  # without work a thread keeps the cores it computed on for so long


class _End:
    """The last thing in a job's queue: how the work ended."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Job(Generic[T]):
    """One piece of work in the queue or under way, as its visitor holds it.

    Args:
        visitor: whose turn it is.
        work: yields results; takes the task that stops it.
        place: the job's place in the queue, 0 once it is under way.
    """

    def __init__(self, visitor: str, work: Callable[[Task], Iterator[T]], place: Callable[["Job[T]"], int]) -> None:
        self.visitor = visitor
        self._work = work
        self._place = place
        self._events: queue.SimpleQueue[T | Phase | _End] = queue.SimpleQueue()
        self.task = Task(self._events.put)
        self.ended = threading.Event()

    def cancel(self) -> None:
        """Release the visitor now; the work ends at its next boundary."""
        self.task.cancel()

    def events(self) -> Generator[T | Phase | None, None, None]:
        """Yield results and phases in order, None as a heartbeat while nothing happens.

        While the job is in the line the heartbeat is a `Phase("waiting")` with its place. Ends when
        the work ends; raises what the work raised, and `Cancelled` after a cancel, once all that
        had come before it has been yielded.
        """
        try:
            while True:
                try:
                    event = self._events.get(timeout=0 if self.task.cancelled else HEARTBEAT_S)
                except queue.Empty:
                    self.task.check()
                    place = self._place(self)
                    yield Phase("waiting", done=place) if place else None
                    continue
                if isinstance(event, _End):
                    if event.error is not None:
                        raise event.error
                    return
                yield event
        finally:
            # A visitor who leaves (the page closed, the generator dropped) stops the work too.
            if not self.ended.is_set():
                self.cancel()

    def run(self) -> None:
        """Do the work on the calling thread. The end is always queued, whatever happened."""
        error: BaseException | None = None
        try:
            self.task.check()
            for result in self._work(self.task):
                self._events.put(result)
                self.task.check()
        except (UserError, Cancelled) as raised:
            error = raised
        except Exception as raised:  # the thread boundary: a defect must not leave the visitor without an end
            log.exception("Work for a visitor failed")
            error = UserError(
                f"Something went wrong inside the playground ({type(raised).__name__}). Nothing of yours is lost: "
                "try again; if it stays, the terminal the app runs in shows what happened."
            )
            error.__cause__ = raised
        finally:
            self.ended.set()
            self._events.put(_End(error))


class Worker:
    """A queue of jobs and the threads that do them: one for a device, several for remote servers.

    Args:
        name: of the threads.
        threads: how many.
        longest_line: requests that may wait.
        per_visitor: requests of one visitor that may wait.
    """

    def __init__(self, name: str, threads: int = 1, longest_line: int = 64, per_visitor: int = 4) -> None:
        self._longest_line = longest_line
        self._per_visitor = per_visitor
        self._changed = threading.Condition()
        self._line: OrderedDict[str, deque[Job]] = OrderedDict()  # visitor -> jobs; the next visitor comes first
        self._closed = False
        self._running: set[Job] = set()
        self._threads = [threading.Thread(target=self._serve, name=f"{name}-{i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, visitor: str, work: Callable[[Task], Iterator[T]]) -> Job[T]:
        """Put work in the queue.

        Args:
            visitor: whose turn it will be; visitors take turns.
            work: yields results; takes the task that stops it.

        Returns:
            The job, at once.

        Raises:
            UserError: the queue, or this visitor's share of it, is full.
        """
        job: Job[T] = Job(visitor, work, self._place)
        with self._changed:
            waiting = sum(1 for _ in self._in_order())
            own = sum(1 for other in self._in_order() if other.visitor == visitor)
            if waiting >= self._longest_line:
                raise UserError(f"{waiting} requests are waiting already. Try again in a minute.")
            if own >= self._per_visitor:
                raise UserError(f"{own} of your requests are waiting already. Stop one, or wait for it.")
            self._line.setdefault(visitor, deque()).append(job)
            self._changed.notify()
        return job

    def close(self) -> None:
        """Cancel everything; wait for the work to end at its next boundary, but not for long.

        A process must not end in the middle of native code: it would abort.
        """
        with self._changed:
            self._closed = True
            jobs = [*self._in_order(), *self._running]
            self._changed.notify_all()
        for job in jobs:
            job.cancel()
        deadline = time.monotonic() + LONGEST_FAREWELL_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _in_order(self) -> Iterator[Job]:
        """The jobs still wanted, in the order they will be done: round after round over the visitors."""
        lines = [[job for job in jobs if not job.task.cancelled] for jobs in self._line.values()]
        for round_ in range(max(map(len, lines), default=0)):
            yield from (jobs[round_] for jobs in lines if round_ < len(jobs))

    def _place(self, job: Job) -> int:
        """1 for the next in line, 0 for a job that is not waiting."""
        with self._changed:
            return next((place for place, other in enumerate(self._in_order(), start=1) if other is job), 0)

    def _next(self) -> Job | None:
        with self._changed:
            rested = False
            while not self._line and not self._closed:
                if not self._changed.wait(None if rested else REST_S):
                    release_threads()
                    rested = True
            if self._closed:
                return None
            visitor, jobs = self._line.popitem(last=False)
            job = jobs.popleft()
            if jobs:
                self._line[visitor] = jobs  # behind everybody else: one turn each
            self._running.add(job)
            return job

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            job.run()
            with self._changed:
                self._running.discard(job)
