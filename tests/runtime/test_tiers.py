"""A device with memory of its own, and RAM as the tier behind it: out by a move, back by a move.

The device of these tests is a CPU that is treated as a GPU would be; the moves are real `module.to`.
"""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from playground.errors import Cancelled, UserError
from playground.runtime.devices import Device
from playground.runtime.records import LoadedModel, ModelKey
from playground.runtime.task import Phase, Task
from tests.runtime.toy_models import (
    ACCELERATOR,
    PATIENCE_S,
    PLENTY,
    Background,
    FromDisk,
    Make,
    Zoo,
    bytes_of,
    places,
    run_model,
    use,
)


def test_from_the_device_a_model_goes_to_ram_and_comes_back_by_a_move(make: Make, zoo: Zoo) -> None:
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    loader = FromDisk(zoo)
    models = make(loader, sizes, device=lambda: ACCELERATOR, vram_budget=int(1.2 * max(sizes.values())))
    with models.use(ModelKey("bert")) as first:
        assert places(models) == {"bert": "device"}
    use(models, "vae")
    assert places(models) == {"bert": "ram", "vae": "device"}
    seen: list[Phase] = []
    with models.use(ModelKey("bert"), Task(seen.append)) as again:
        assert again is first
        run_model("bert", again)
    assert places(models) == {"bert": "device", "vae": "ram"}
    assert loader.built == {"bert": 1, "vae": 1}
    assert [phase.kind for phase in seen] == ["loading", "ready"]


def test_ram_keeps_the_most_recently_used(make: Make, zoo: Zoo) -> None:
    loader = FromDisk(dict.fromkeys("abcd", zoo["bert"]))
    size = bytes_of(zoo, "bert")
    models = make(loader, size, device=lambda: ACCELERATOR, vram_budget=int(1.2 * size), ram_budget=int(2.2 * size))
    for name in "abcd":
        with models.use(ModelKey(name)) as model:
            run_model("bert", model)
    assert places(models) == {"d": "device", "c": "ram", "b": "ram"}
    assert loader.closed == {"a": 1}


@pytest.mark.parametrize("reason", ["it cannot be moved", "RAM is too small"])
def test_what_cannot_go_to_ram_is_dropped(make: Make, zoo: Zoo, reason: str) -> None:
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    loader = FromDisk(zoo, movable=reason != "it cannot be moved")
    ram = 1000 if reason == "RAM is too small" else PLENTY
    vram = int(1.2 * max(sizes.values()))
    models = make(loader, sizes, device=lambda: ACCELERATOR, vram_budget=vram, ram_budget=ram)
    use(models, "bert")
    use(models, "vae")
    assert places(models) == {"vae": "device"}
    assert loader.closed == {"bert": 1}


def test_a_move_that_fails_costs_the_entry_and_nothing_else(make: Make, zoo: Zoo) -> None:
    """A module without weights (on meta) refuses to move, as one that is half moved would."""
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    loader = FromDisk(zoo)
    models = make(loader, sizes, device=lambda: ACCELERATOR, vram_budget=int(1.2 * max(sizes.values())))
    with models.use(ModelKey("bert")) as model:
        model.to("meta")
    use(models, "vae")  # its visitor does not notice
    assert places(models) == {"vae": "device"}
    use(models, "bert")
    assert places(models) == {"bert": "device", "vae": "ram"}
    with models.use(ModelKey("vae")) as model:
        pass
    use(models, "bert")
    model.to("meta")
    with pytest.raises(NotImplementedError):  # on the way back to the device
        use(models, "vae")
    assert "vae" not in places(models)
    del model
    use(models, "vae")


def test_models_of_the_cpu_do_not_count_on_the_device(make: Make, zoo: Zoo) -> None:
    devices = []

    class TellsWhere(FromDisk):
        def build(self, key: ModelKey, fetched: Path, device: str, task: Task) -> LoadedModel:
            devices.append(device)
            return super().build(key, fetched, "cpu", task)

    gpu = Device("cuda:7", "bfloat16", "never touched", 10**9, unified=False)
    models = make(TellsWhere(zoo), 1000, device=lambda: gpu, vram_budget=0, on_cpu=lambda key: key.id == "vae")
    use(models, "vae")
    assert devices == ["cpu"]
    assert places(models) == {"vae": "ram"}
    with pytest.raises(UserError, match="--vram"):
        use(models, "bert")


def test_many_threads_at_random_never_lose_a_model_in_use_nor_wait_for_ever(
    make: Make, background: Background
) -> None:
    """Twelve models in room for a few, on a device and in RAM; nested uses, stops, failing loads and moves."""
    sizes = {f"{number}": 10 * (1 + number % 4) for number in range(12)}

    class Thing:
        def __init__(self) -> None:
            self.where = "gpu"
            self.closed = False

        def move(self, where: str) -> None:
            if chance.random() < 0.03:
                raise RuntimeError("the move fails")
            self.where = where

        def close(self) -> None:
            self.closed = True

    class Things:
        def fetch(self, key: ModelKey, task: Task) -> None:
            time.sleep(0.001)
            task.check()
            if chance.random() < 0.05:
                raise ConnectionError("the download fails")

        def build(self, key: ModelKey, fetched: None, device: str, task: Task) -> LoadedModel:
            thing = Thing()
            thing.where = device
            movable = int(key.id) % 3 > 0
            return LoadedModel(thing, sizes[key.id], thing.close, thing.move if movable else None)

    chance = random.Random(0)
    gpu = Device("gpu", "float32", "", 10**9, unified=False)
    models = make(
        Things(),
        sizes,
        device=lambda: gpu,
        vram_budget=130,
        ram_budget=90,
        on_cpu=lambda key: key.id in ("0", "1"),
    )
    outcomes: Counter[str] = Counter()

    def check_in_use(key: ModelKey, thing: Thing) -> None:
        assert not thing.closed
        assert thing.where == ("cpu" if key.id in ("0", "1") else "gpu")

    def visit(depth: int = 0) -> None:
        key = ModelKey(chance.choice(list(sizes)))
        task = Task()
        if chance.random() < 0.1:
            task.cancel()
        try:
            with models.use(key, task, working_bytes=chance.choice((0, 0, 40))) as thing:
                check_in_use(key, thing)
                time.sleep(chance.random() / 500)
                if depth < 2 and chance.random() < 0.3:
                    visit(depth + 1)
                check_in_use(key, thing)
                outcomes["used"] += 1
        except (UserError, Cancelled, ConnectionError, RuntimeError) as error:
            outcomes[type(error).__name__] += 1

    def visitor() -> None:
        for _ in range(60):
            visit()
            for place, budget in (("device", 130), ("ram", 90)):
                assert sum(record.nbytes for record in models.snapshot() if record.where == place) <= budget

    for result in [background(visitor) for _ in range(6)]:
        result.result(PATIENCE_S)
    assert all(record.leases == 0 for record in models.snapshot())
    assert outcomes["used"] > 100, outcomes
    models.unload_idle(0)
    assert models.snapshot() == []
