"""Loading with the real classes of transformers and diffusers at tiny sizes, saved to disk and loaded again.

Invariants: what a visitor could notice. Every model comes out working, whoever else is loading; whoever
waits is told how far it is and can be stopped; a load that fails or is stopped leaves nothing behind.
"""

import threading
import time
from pathlib import Path

import pytest

from playground.errors import Cancelled
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import LoadedModel, ModelKey
from playground.runtime.task import Phase, Task
from tests.runtime.toy_models import PATIENCE_S, Background, FromDisk, Make, Zoo, alive, places, use, wait_until


def test_eight_threads_load_eight_models_at_once_and_all_of_them_work(
    make: Make, background: Background, zoo: Zoo
) -> None:
    """Without the lock all four transformers models come out on the meta device in every round (40 of 80
    loads), and in the end a plain `nn.Linear` of any other thread does too."""
    import torch

    together = threading.Barrier(len(zoo))

    def load(models: ModelCache, name: str) -> None:
        together.wait(PATIENCE_S)
        use(models, name)

    for _ in range(4):
        models = make(FromDisk(zoo))
        for result in [background(load, models, name) for name in zoo]:
            result.result(PATIENCE_S)
        models.close()
    assert not torch.nn.Linear(2, 2).weight.is_meta
    assert torch.get_default_dtype() == torch.float32


def test_a_model_asked_for_by_many_at_once_is_loaded_once(make: Make, background: Background, zoo: Zoo) -> None:
    loader = FromDisk(zoo)
    models = make(loader)
    for result in [background(use, models, "bert") for _ in range(8)]:
        result.result(PATIENCE_S)
    assert loader.built == {"bert": 1}


def test_who_waits_for_anothers_load_sees_how_far_it_is(make: Make, background: Background, zoo: Zoo) -> None:
    loader = FromDisk(zoo)
    loader.may_fetch.clear()
    models = make(loader)
    seen: list[Phase] = []
    first = background(use, models, "bert")
    assert loader.fetching.wait(PATIENCE_S)
    second = background(use, models, "bert", Task(seen.append))
    wait_until(lambda: Phase("downloading", "bert", 1, 2) in seen)
    loader.may_fetch.set()
    first.result(PATIENCE_S)
    second.result(PATIENCE_S)


def test_the_phases_of_a_load_are_reported(make: Make, zoo: Zoo) -> None:
    models = make(FromDisk(zoo))
    seen: list[Phase] = []
    use(models, "bert", Task(seen.append))
    assert [phase.kind for phase in seen] == ["downloading", "loading", "ready"]
    seen.clear()
    use(models, "bert", Task(seen.append))
    assert [phase.kind for phase in seen] == ["ready"]


def test_downloads_do_not_keep_others_from_loading(make: Make, background: Background, zoo: Zoo) -> None:
    slow, quick = FromDisk(zoo), FromDisk(zoo)
    slow.may_fetch.clear()
    waiting = background(use, make(slow), "bert")
    assert slow.fetching.wait(PATIENCE_S)
    use(make(quick), "vae")
    assert not waiting.done()
    slow.may_fetch.set()
    waiting.result(PATIENCE_S)


# --- loads that fail or are stopped ------------------------------------------------------------------------


def test_a_failed_load_leaves_nothing_and_the_next_one_works(make: Make, tmp_path: Path, zoo: Zoo) -> None:
    loader = FromDisk({"bert": (zoo["bert"][0], tmp_path)})  # an empty folder
    models = make(loader)
    with pytest.raises(OSError, match="no file named"):
        use(models, "bert")
    assert models.snapshot() == []
    loader.sources["bert"] = zoo["bert"]
    use(models, "bert")
    assert places(models) == {"bert": "ram"}


def test_a_failed_load_leaves_no_half_built_model_behind_even_while_its_error_is_kept(make: Make, zoo: Zoo) -> None:
    class BreaksAfterTheWeights(FromDisk):
        def build(self, key: ModelKey, fetched: Path, device: str, task: Task) -> LoadedModel:
            resident = super().build(key, fetched, device, task)
            raise ValueError(f"no tokenizer for {type(resident.model)}")

    with pytest.raises(ValueError, match="no tokenizer") as error:
        use(make(BreaksAfterTheWeights(zoo)), "bert")
    assert error.value.__traceback__ is not None
    assert alive(zoo["bert"][0]) == 0


@pytest.mark.parametrize("end", ["fails", "is stopped"])
def test_if_the_first_load_ends_badly_who_waited_loads_for_himself(
    make: Make, background: Background, zoo: Zoo, end: str, tmp_path: Path
) -> None:
    loader = FromDisk({**zoo, "bert": (zoo["bert"][0], tmp_path)} if end == "fails" else zoo)
    loader.may_fetch.clear()
    models = make(loader)
    task = Task()
    seen: list[Phase] = []
    first = background(use, models, "bert", task)
    assert loader.fetching.wait(PATIENCE_S)
    second = background(use, models, "bert", Task(seen.append))
    wait_until(lambda: bool(seen))
    if end == "fails":
        loader.may_fetch.set()
        assert isinstance(first.exception(PATIENCE_S), OSError)
        assert isinstance(second.exception(PATIENCE_S), OSError)  # it tried, and found the same
    else:
        task.cancel()
        assert isinstance(first.exception(PATIENCE_S), Cancelled)
        loader.may_fetch.set()
        second.result(PATIENCE_S)
        assert loader.built == {"bert": 1}


@pytest.mark.parametrize("busy_with", ["its download", "its construction", "another model's construction"])
def test_stop_releases_who_waits_for_somebody_elses_load(
    make: Make, background: Background, zoo: Zoo, busy_with: str
) -> None:
    loader = FromDisk(zoo)
    door = loader.may_fetch if busy_with == "its download" else loader.may_build
    door.clear()
    models = make(loader)
    first = background(use, models, "bert")
    assert (loader.fetching if busy_with == "its download" else loader.building).wait(PATIENCE_S)
    seen: list[Phase] = []
    task = Task(seen.append)
    second = background(use, models, "vae" if "another" in busy_with else "bert", task)
    wait_until(lambda: len(seen) >= (2 if "another" in busy_with else 1))
    started = time.monotonic()
    task.cancel()
    assert isinstance(second.exception(PATIENCE_S), Cancelled)
    assert time.monotonic() - started < 0.3
    door.set()
    first.result(PATIENCE_S)
    use(models, "vae")  # and all is well afterwards


def test_stop_while_building_leaves_nothing_and_the_next_load_works(
    make: Make, background: Background, zoo: Zoo
) -> None:
    loader = FromDisk(zoo)
    loader.may_build.clear()
    models = make(loader)
    task = Task()
    stopped = background(use, models, "bert", task)
    assert loader.building.wait(PATIENCE_S)
    task.cancel()
    loader.may_build.set()
    assert isinstance(stopped.exception(PATIENCE_S), Cancelled)
    assert models.snapshot() == []
    use(models, "bert")
