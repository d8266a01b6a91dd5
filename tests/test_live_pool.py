"""Live pictures are drawn on one core each, and nobody else loses cores by it."""

import threading
from collections.abc import Callable, Iterator

import pytest
import torch

from playground.errors import UserError
from playground.live_pool import LivePool


@pytest.fixture
def pool() -> Iterator[LivePool]:
    made = LivePool()
    yield made
    made.close()


def on_new_thread(work: Callable[[], object]) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_live_threads_compute_on_one_core_and_other_threads_keep_theirs(pool: LivePool) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)  # more than one, on whatever machine this is
    try:
        both = threading.Barrier(2)

        def counted() -> int:
            both.wait(timeout=30)
            return torch.get_num_threads()

        if pool._pool._max_workers > 1:
            first = threading.Thread(target=pool.run, args=(counted,))
            first.start()
            assert pool.run(counted) == 1
            first.join()
        assert pool.run(torch.get_num_threads) == 1
        assert torch.get_num_threads() == 3
        assert on_new_thread(torch.get_num_threads) == 3
    finally:
        torch.set_num_threads(before)
        on_new_thread(lambda: torch.set_num_threads(before))


def test_an_error_of_a_drawing_reaches_who_asked(pool: LivePool) -> None:
    def fail() -> None:
        raise UserError("no such slider")

    with pytest.raises(UserError, match="no such slider"):
        pool.run(fail)
    assert pool.run(lambda: 5) == 5
