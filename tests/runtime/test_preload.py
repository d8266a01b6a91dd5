"""A tab that is opened gets its small model ready, once, and nothing else is loaded."""

import threading
import time
from collections.abc import Iterator

import pytest

from playground.runtime.model_cache import ModelCache
from playground.runtime.preload import Preloader
from playground.runtime.records import LoadedModel, ModelKey
from playground.runtime.task import Task

DEFAULTS = {"image": "avatar-diffusion", "grounding": "avatar-minigpt"}


class Slow:
    """A loader that notes what is loaded, and waits until it may go on."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.go_on = threading.Event()

    def fetch(self, key: ModelKey, task: Task) -> None:
        return None

    def build(self, key: ModelKey, fetched: None, device: str, task: Task) -> LoadedModel:
        self.loaded.append(key.id)
        while not self.go_on.wait(0.01):
            task.check()
        return LoadedModel(object(), nbytes=8)


@pytest.fixture
def loader() -> Slow:
    return Slow()


@pytest.fixture
def models(loader: Slow) -> Iterator[ModelCache]:
    made = ModelCache(loader, lambda key: 8)
    yield made
    made.close()


@pytest.fixture
def preloader(models: ModelCache) -> Iterator[Preloader]:
    made = Preloader(DEFAULTS, models)
    yield made
    made.close()


def until(what: str, models: ModelCache) -> None:
    deadline = time.monotonic() + 30
    while what not in [record.key.id for record in models.snapshot()]:
        assert time.monotonic() < deadline, f"{what} was never loaded"
        time.sleep(0.01)


def test_an_opened_tab_loads_its_own_small_model_once(preloader: Preloader, models: ModelCache, loader: Slow) -> None:
    for _ in range(5):
        preloader.tab_opened("image")  # returns though the load is not over
    loader.go_on.set()
    until("avatar-diffusion", models)
    preloader.tab_opened("grounding")
    until("avatar-minigpt", models)
    assert loader.loaded == ["avatar-diffusion", "avatar-minigpt"]


def test_a_model_that_was_unloaded_is_loaded_again(preloader: Preloader, models: ModelCache, loader: Slow) -> None:
    loader.go_on.set()
    preloader.tab_opened("image")
    until("avatar-diffusion", models)
    deadline = time.monotonic() + 30
    while loader.loaded.count("avatar-diffusion") < 2:
        models.unload(ModelKey("avatar-diffusion"))
        preloader.tab_opened("image")
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("tab", ["chat", "vae", "gan", "no such tab"])
def test_other_tabs_load_nothing_ahead(preloader: Preloader, loader: Slow, tab: str) -> None:
    loader.go_on.set()
    preloader.tab_opened(tab)
    time.sleep(0.2)
    assert loader.loaded == []


def test_an_app_that_ends_waits_for_no_load(models: ModelCache, loader: Slow) -> None:
    made = Preloader(DEFAULTS, models)
    made.tab_opened("image")
    while not loader.loaded:
        time.sleep(0.01)
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < 3
