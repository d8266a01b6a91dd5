"""The worker: one at a time, fair, and a visitor is released at once whatever the work is doing."""

import threading
import time
from collections.abc import Iterator

import pytest

from playground.errors import Cancelled, UserError
from playground.runtime.task import Phase, Task
from playground.runtime.worker import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("test", longest_line=8, per_visitor=4)
    yield made
    made.close()


def results(job: object) -> list[object]:
    return [event for event in job.events() if event is not None and not isinstance(event, Phase)]  # type: ignore[attr-defined]


def test_results_come_in_order_and_the_works_error_reaches_the_visitor(worker: Worker) -> None:
    def work(task: Task) -> Iterator[int]:
        yield from range(5)
        raise UserError("told")

    got: list[int] = []
    with pytest.raises(UserError, match="told"):
        got.extend(event for event in worker.submit("a", work).events() if isinstance(event, int))
    assert got == [0, 1, 2, 3, 4]
    assert results(worker.submit("a", lambda task: iter("xy"))) == ["x", "y"]  # alive afterwards


def test_turns_go_round_the_visitors_and_never_two_at_once(worker: Worker) -> None:
    order: list[str] = []
    running = threading.Semaphore(1)
    gate = threading.Event()

    def work(name: str) -> Iterator[None]:
        assert running.acquire(blocking=False), "two jobs at once"
        order.append(name)
        yield
        running.release()

    def first(task: Task) -> Iterator[None]:
        gate.wait(10)
        yield

    jobs = [worker.submit("z", first)]
    for name in ("a1", "a2", "a3", "b1", "c1", "b2"):
        jobs.append(worker.submit(name[0], lambda task, name=name: work(name)))  # type: ignore[misc]
    gate.set()
    for job in jobs:
        results(job)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_place_in_line_is_told(worker: Worker) -> None:
    gate = threading.Event()
    worker.submit("a", lambda task: iter([gate.wait(10)]))
    second = worker.submit("b", lambda task: iter([1]))
    third = worker.submit("c", lambda task: iter([2]))
    assert next(third.events()) in (Phase("waiting", done=2), Phase("waiting", done=1))
    second.cancel()
    place = next(event for event in worker.submit("d", lambda task: iter([3])).events())
    assert isinstance(place, Phase) and place.done <= 2  # the cancelled one does not count
    gate.set()


def test_stop_releases_the_visitor_while_the_work_is_stuck_and_ends_the_work_at_its_boundary(worker: Worker) -> None:
    ended = threading.Event()

    def stuck(task: Task) -> Iterator[str]:
        yield "first"
        try:
            while True:
                time.sleep(1.0)  # a phase with rare boundaries
                task.check()
        finally:
            ended.set()

    job = worker.submit("a", stuck)
    events = job.events()
    assert next(event for event in events if event is not None) == "first"
    threading.Timer(0.05, job.cancel).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        for _ in events:
            pass
    assert time.monotonic() - started < 0.05 + 0.3
    assert ended.wait(5)
    assert results(worker.submit("b", lambda task: iter([1]))) == [1]


def test_a_visitor_who_leaves_stops_the_work(worker: Worker) -> None:
    stopped = threading.Event()

    def work(task: Task) -> Iterator[int]:
        try:
            while True:
                time.sleep(0.01)
                task.check()
                yield 1
        finally:
            stopped.set()

    events = worker.submit("a", work).events()
    next(events)
    events.close()
    assert stopped.wait(5)


def test_a_full_line_is_refused_in_words(worker: Worker) -> None:
    gate = threading.Event()
    worker.submit("z", lambda task: iter([gate.wait(10)]))
    time.sleep(0.1)
    for _ in range(4):
        worker.submit("a", lambda task: iter([1]))
    with pytest.raises(UserError, match="4 of your requests"):
        worker.submit("a", lambda task: iter([1]))
    for number in range(4):
        worker.submit(f"b{number}", lambda task: iter([1]))
    with pytest.raises(UserError, match="8 requests are waiting"):
        worker.submit("c", lambda task: iter([1]))
    gate.set()


def test_closing_ends_everything(worker: Worker) -> None:
    gate, begun = threading.Event(), threading.Event()

    def work(task: Task) -> Iterator[int]:
        begun.set()
        yield gate.wait(10)

    running = worker.submit("a", work)
    waiting = worker.submit("b", lambda task: iter([1]))
    assert begun.wait(10), "work that never began has no boundary to wait for"
    threading.Timer(0.2, gate.set).start()
    worker.close()
    assert gate.is_set(), "it waits for the boundary"
    for job in (running, waiting):
        with pytest.raises(Cancelled):
            list(job.events())


def test_a_defect_ends_the_job_in_words_and_is_logged(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    def work(task: Task) -> Iterator[int]:
        yield 1
        raise KeyError("inner detail")

    with pytest.raises(UserError, match="KeyError") as error:
        list(worker.submit("a", work).events())
    assert "inner detail" not in str(error.value)
    assert "inner detail" in caplog.text
