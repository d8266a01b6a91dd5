"""A hub model's whole way through the chat: told sizes, a stopped download, its resumption, the reply."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.catalog import Catalog, Entry
from playground.chat.service import ChatService
from playground.chat.types import Turn
from playground.errors import Cancelled, UserError
from playground.inference.types import Sampling, Token
from playground.model_loader import ModelLoader
from playground.runtime.model_cache import ModelCache
from playground.runtime.task import Phase
from playground.runtime.worker import Worker
from playground.weights.store import WeightStore
from playground.weights.types import State
from tests.support.hub_server import HubServer, Repo, plain_library, serve_hub
from tests.tiny_models.causal_lm import tiny_llama

QUESTION = (Turn("user", "Hello, how are you?"),)
ENTRY = Entry.model_validate(
    {
        "id": "far",
        "tab": "chat",
        "label": "Far away",
        "family": "causal-lm",
        "licence": "MIT",
        "context": 512,
        "memory_bytes": 1_000_000,
        "sources": [{"kind": "hub", "repo": "acme/far"}],
    }
)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    plain_library(monkeypatch, tmp_path)
    folder = tiny_llama(tmp_path / "made")
    with serve_hub() as server:
        server.repos["acme/far"] = Repo({path.name: path.read_bytes() for path in folder.iterdir()})
        yield server


@pytest.fixture
def store(hub: HubServer, tmp_path: Path) -> WeightStore:
    return WeightStore(tmp_path / "cache", tmp_path / "assets", hub_endpoint=hub.url, hub_cache=tmp_path / "hub")


@pytest.fixture
def chat(store: WeightStore, tmp_path: Path) -> Iterator[ChatService]:
    catalog = Catalog({ENTRY.id: ENTRY})
    loaders = ModelLoader(catalog, store, tmp_path / "cache")
    models = ModelCache(loaders, loaders.estimate)
    workers = Worker("device"), Worker("remote")
    yield ChatService(catalog, models, *workers)
    for worker in workers:
        worker.close()
    models.close()


def test_stop_in_the_download_releases_at_once_and_the_next_try_goes_on_and_answers(
    chat: ChatService, store: WeightStore, hub: HubServer
) -> None:
    assert store.state(ENTRY) is State.TO_DOWNLOAD
    hub.seconds_per_block = 0.3
    job = chat.reply("v", "far", QUESTION, "", Sampling(max_new_tokens=6))
    stopped = 0.0
    with pytest.raises(Cancelled):
        for event in job.events():
            if isinstance(event, Phase) and event.kind == "downloading" and event.done and not stopped:
                assert event.total > event.done
                stopped = time.monotonic()
                job.cancel()
    assert time.monotonic() - stopped < 0.3
    hub.seconds_per_block = 0.0
    again = chat.reply("v", "far", QUESTION, "", Sampling(max_new_tokens=6))
    events = [event for event in again.events() if event is not None]
    kinds = [event.kind for event in events if isinstance(event, Phase)]
    assert "downloading" in kinds and "loading" in kinds
    assert sum(isinstance(event, Token) for event in events) > 0
    assert store.state(ENTRY) is State.CACHED


def test_a_hub_that_is_away_is_told_and_the_line_goes_on(chat: ChatService, hub: HubServer) -> None:
    hub.status = 503
    with pytest.raises(UserError) as error:
        list(chat.reply("v", "far", QUESTION).events())
    assert "Something went wrong inside" not in str(error.value)
    hub.status = None
    assert any(isinstance(event, Token) for event in chat.reply("v", "far", QUESTION).events())
