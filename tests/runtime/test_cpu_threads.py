"""Small networks compute on one core or on those that are idle, large ones on all; nobody keeps threads when done."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import torch

from playground.runtime import cpu_threads
from playground.runtime.cpu_threads import FIRST_PAUSE_S, LONGEST_PAUSE_S, IdleCores, Steps, torch_threads
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import LoadedModel, ModelKey
from playground.runtime.task import Task
from playground.runtime.worker import Worker


def on_new_thread(work: Callable[[], object]) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def threads() -> set[int]:
    return {thread.id for thread in psutil.Process().threads()}


def compute() -> torch.Tensor:
    return torch.ones(1_000_000).mul_(2.0)  # so many numbers are shared out


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TwoModels:
    """A loader of a small and a large one, which computes while it loads."""

    def fetch(self, key: ModelKey, task: Task) -> None:
        return None

    def build(self, key: ModelKey, fetched: None, device: str, task: Task) -> LoadedModel:
        compute()
        return LoadedModel(torch.nn.Linear(1, 1), nbytes=8, one_core=key.id == "small")


def test_a_lease_sets_the_cores_of_its_thread_and_gives_them_back() -> None:
    models = ModelCache(TwoModels(), lambda key: 8)

    def counted() -> list[int]:
        found = []
        with models.use(ModelKey("large")):
            found.append(torch.get_num_threads())
            with models.use(ModelKey("small")):
                found.append(torch.get_num_threads())
            found.append(torch.get_num_threads())
        return found

    with torch_threads(one_core=False):
        usual = torch.get_num_threads()
    try:
        assert on_new_thread(counted) == [usual, 1, usual]
    finally:
        models.close()


def test_a_count_belongs_to_its_thread() -> None:
    with torch_threads(one_core=False):
        usual = torch.get_num_threads()

        def one() -> int:
            with torch_threads(one_core=True):
                return torch.get_num_threads()

        assert on_new_thread(one) == 1
        assert torch.get_num_threads() == usual


@pytest.mark.skipif(cpu_threads._pause_of_openmp() is None, reason="torch does not compute with GNU's OpenMP here")
@pytest.mark.parametrize("way", ["a block", "a load"])
def test_who_computed_on_several_cores_keeps_no_threads(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_threads, "_usual", [3])
    came: list[set[int]] = []
    models = ModelCache(TwoModels(), lambda key: 8)

    def block() -> None:
        with torch_threads(one_core=False):
            compute()
            came.append(threads())

    def load() -> None:
        build = models._loader.build

        def watched(*given: object) -> LoadedModel:
            resident = build(*given)  # type: ignore[arg-type]
            came.append(threads())
            return resident

        monkeypatch.setattr(models._loader, "build", watched)
        with models.use(ModelKey("small")):
            assert torch.get_num_threads() == 1

    def kept() -> set[int]:
        before = threads()
        {"a block": block, "a load": load}[way]()
        own = came[0] - before
        assert len(own) == 2  # three compute, one of them is this thread
        deadline = time.monotonic() + 10
        while own & threads() and time.monotonic() < deadline:
            time.sleep(0.01)  # a thread that ends is there for a moment
        return own & threads()

    try:
        assert on_new_thread(kept) == set()
    finally:
        models.close()


def test_a_block_in_which_torch_is_imported_leaves_no_threads() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import psutil, time\n"
            "from playground.runtime.cpu_threads import torch_threads\n"
            "threads = lambda: {thread.id for thread in psutil.Process().threads()}\n"
            "with torch_threads(one_core=False):\n"
            "    import torch\n"
            "    torch.set_num_threads(3)\n"
            "    before = threads()\n"
            "    torch.ones(1_000_000).mul_(2.0)\n"
            "    came = threads() - before\n"
            "deadline = time.monotonic() + 10\n"
            "while came & threads() and time.monotonic() < deadline:\n"
            "    time.sleep(0.01)\n"
            "print(len(came), len(came & threads()))\n",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["2", "0"]


def test_all_cores_are_idle_until_a_step_had_to_wait() -> None:
    idle = IdleCores(8, Clock())
    for _ in range(20):
        idle.judge(idle.count(), 0.020, 0.019)
    assert idle.count() == 8
    found = []
    for _ in range(4):
        idle.judge(idle.count(), 0.100, 0.050)
        found.append(idle.count())
    assert found == [4, 2, 1, 1]


def test_one_short_wait_among_many_steps_is_none() -> None:
    idle = IdleCores(2, Clock())
    for step in range(60):
        idle.judge(idle.count(), 0.027 if step % 10 == 9 else 0.020, 0.020)
    assert idle.count() == 2


def test_more_cores_are_tried_after_a_pause_that_grows_while_tries_fail() -> None:
    clock = Clock()
    idle = IdleCores(2, clock)
    clock.now += 60  # the first steps come a while after the start
    pauses = []
    for _ in range(10):
        assert idle.count() == 2
        idle.judge(2, 0.100, 0.050)
        began = clock.now
        while idle.count() == 1:
            clock.now += 0.1
        pauses.append(clock.now - began)
    assert pauses[0] == pytest.approx(FIRST_PAUSE_S, abs=0.15)
    assert pauses[1:4] == pytest.approx([1.0, 2.0, 4.0], abs=0.15)
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE_S, abs=0.15)
    clock.now += 2 * LONGEST_PAUSE_S  # all this time it went well
    idle.judge(2, 0.100, 0.050)
    clock.now += 1.1 * FIRST_PAUSE_S
    assert idle.count() == 2


def test_what_was_begun_on_other_cores_is_not_judged() -> None:
    idle = IdleCores(4, Clock())
    idle.judge(4, 0.100, 0.050)
    idle.judge(4, 0.100, 0.050)  # a step of another thread, which began before
    assert idle.count() == 2


def test_a_step_that_waits_is_told_from_one_that_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = IdleCores(4, Clock())
    monkeypatch.setattr(cpu_threads, "_idle_cores", lambda: idle)

    def counts() -> list[int]:
        found, steps = [], Steps(small=True)
        for wait in (0.0, 0.2):
            steps.begin()
            found.append(torch.get_num_threads())
            end = time.thread_time() + 0.05
            while time.thread_time() < end:
                pass
            time.sleep(wait)
            if wait:
                steps.end()
        steps.begin()
        return [*found, torch.get_num_threads()]

    assert on_new_thread(counts) == [4, 4, 2]


def test_steps_of_a_large_model_keep_the_cores_they_have() -> None:
    def counted() -> int:
        torch.set_num_threads(3)
        steps = Steps(small=False)
        steps.begin()
        time.sleep(0.1)
        steps.end()
        steps.begin()
        return torch.get_num_threads()

    assert on_new_thread(counted) == 3


def test_the_threads_of_a_small_model_are_there_before_its_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_threads, "_idle_cores", lambda: IdleCores(3))

    def came() -> int:
        before = threads()
        torch.set_num_threads(1)
        with Steps(small=True).gathered():
            return len(threads() - before)

    assert on_new_thread(came) == 2


def ends(ids: set[int]) -> bool:
    """Whether these threads do, which takes a moment."""
    deadline = time.monotonic() + 10
    while ids & threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not ids & threads()


@pytest.mark.skipif(cpu_threads._pause_of_openmp() is None, reason="torch does not compute with GNU's OpenMP here")
def test_the_threads_of_a_small_model_stay_for_its_next_work_and_go_before_large_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cpu_threads, "_idle_cores", lambda: IdleCores(3))

    def told() -> list[object]:
        before, found = threads(), list[set[int]]()
        torch.set_num_threads(1)
        for _ in range(2):
            with Steps(small=True).gathered():
                compute()
                found.append(threads() - before)
            with torch_threads(one_core=True):
                compute()
        after = torch.get_num_threads()
        with torch_threads(one_core=False):
            return [len(found[0]), found[0] == found[1], after, ends(found[0])]

    assert on_new_thread(told) == [2, True, 1, True]


@pytest.mark.skipif(cpu_threads._pause_of_openmp() is None, reason="torch does not compute with GNU's OpenMP here")
def test_the_threads_of_a_small_model_go_when_its_worker_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_threads, "_idle_cores", lambda: IdleCores(3))
    monkeypatch.setattr("playground.runtime.worker.REST_S", 0.2)
    worker = Worker("draws")

    def draw(_: Task) -> Iterator[set[int]]:
        before = threads()
        with Steps(small=True).gathered():
            yield threads() - before

    try:
        for _ in range(2):  # it wakes up again
            (own,) = (event for event in worker.submit("me", draw).events() if isinstance(event, set))
            assert len(own) == 2
            assert ends(own)
    finally:
        worker.close()


@pytest.mark.skipif(cpu_threads._reset_of_mkl() is None, reason="torch computes without MKL here")
def test_mkl_decides_by_itself_how_many_of_the_threads_a_product_needs() -> None:
    reset = cpu_threads._reset_of_mkl()
    assert reset is not None

    def told() -> tuple[int, int]:
        torch.set_num_threads(2)
        by_torch = reset(0)  # gives what it was
        with torch_threads(one_core=False):
            return by_torch, reset(0)

    assert on_new_thread(told) == (2, 0)
