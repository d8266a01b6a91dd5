"""What the residency tests share: models on disk, `ModelCache` that are closed in the end, threads."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from playground.runtime.model_cache import ModelCache
from tests.runtime.toy_models import CPU, PLENTY, Background, Make, Zoo, save_zoo


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return save_zoo(tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make(cleanup: ExitStack) -> Make:
    """Models over a loader, closed when the test ends. `sizes` are the estimates, by id."""

    def make(loader: Any, sizes: dict[str, int] | int = 0, **kwargs: Any) -> ModelCache:
        settings: Any = {"device": lambda: CPU, "ram_budget": PLENTY, "vram_budget": PLENTY} | kwargs
        models = ModelCache(loader, lambda key: sizes if isinstance(sizes, int) else sizes[key.id], **settings)
        cleanup.callback(models.close)
        return models

    return make


@pytest.fixture
def background(cleanup: ExitStack) -> Background:
    """Run something on a thread of its own; its future gives what it returned or raised."""
    pool = cleanup.enter_context(ThreadPoolExecutor(16))
    return pool.submit
