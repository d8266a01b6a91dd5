"""Small networks compute on one core, large ones on all, and each thread has a count of its own."""

import threading
from collections.abc import Callable

import torch

from playground.cores import computing
from playground.residency import ModelKey, Models
from playground.resident import Resident
from playground.task import Task


def on_new_thread(work: Callable[[], object]) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


class TwoModels:
    """A loader of a small and a large one."""

    def fetch(self, key: ModelKey, task: Task) -> None:
        return None

    def build(self, key: ModelKey, fetched: None, device: str, task: Task) -> Resident:
        return Resident(torch.nn.Linear(1, 1), nbytes=8, one_core=key.id == "small")


def test_a_lease_sets_the_cores_of_its_thread_and_gives_them_back() -> None:
    models = Models(TwoModels(), lambda key: 8)

    def counted() -> list[int]:
        found = []
        with models.use(ModelKey("large")):
            found.append(torch.get_num_threads())
            with models.use(ModelKey("small")):
                found.append(torch.get_num_threads())
            found.append(torch.get_num_threads())
        return found

    with computing(one_core=False):
        usual = torch.get_num_threads()
    try:
        assert on_new_thread(counted) == [usual, 1, usual]
    finally:
        models.close()


def test_a_count_belongs_to_its_thread() -> None:
    with computing(one_core=False):
        usual = torch.get_num_threads()

        def one() -> int:
            with computing(one_core=True):
                return torch.get_num_threads()

        assert on_new_thread(one) == 1
        assert torch.get_num_threads() == usual
