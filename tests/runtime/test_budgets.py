"""Budgets and leases: who leaves, who waits, who is refused.

Invariants: a model in use stays, whatever others want; nobody waits for ever, and who cannot have what
was asked for is told numbers and what to do.
"""

import threading
import time

import pytest

from playground.errors import Cancelled, UserError
from playground.runtime.records import ModelKey
from playground.runtime.task import Phase, Task
from tests.runtime.toy_models import (
    ACCELERATOR,
    PATIENCE_S,
    Background,
    FromDisk,
    Make,
    Zoo,
    alive,
    bytes_of,
    places,
    run_model,
    use,
    wait_until,
)

pytestmark = pytest.mark.slow


def test_the_least_recently_used_model_leaves_for_a_new_one(make: Make, zoo: Zoo) -> None:
    loader = FromDisk(dict.fromkeys("abcd", zoo["bert"]))
    size = bytes_of(zoo, "bert")
    models = make(loader, size, ram_budget=int(3.2 * size))
    for name in "abcad":
        with models.use(ModelKey(name)) as model:
            run_model("bert", model)
    assert list(places(models)) == ["d", "a", "c"]
    assert loader.closed == {"b": 1}


def test_two_tabs_alternate_in_a_budget_for_one(make: Make, background: Background, zoo: Zoo) -> None:
    """Each comes back at once to its model; neither starves, and there are never two."""
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    models = make(FromDisk(zoo), sizes, ram_budget=int(1.2 * max(sizes.values())))

    def tab(name: str) -> None:
        for _ in range(5):
            with models.use(ModelKey(name)) as model:
                run_model(name, model)
                assert places(models) == {name: "ram"}

    for result in [background(tab, name) for name in ("bert", "vae")]:
        result.result(PATIENCE_S)


def test_a_model_in_constant_use_gives_way_to_who_waits(make: Make, background: Background, zoo: Zoo) -> None:
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    models = make(FromDisk(zoo), sizes, ram_budget=int(1.2 * max(sizes.values())))
    stop = threading.Event()

    def slider() -> None:
        while not stop.is_set():
            use(models, "bert")

    hammering = [background(slider) for _ in range(2)]
    wait_until(lambda: "bert" in places(models))
    try:
        background(use, models, "vae").result(PATIENCE_S)
    finally:
        stop.set()
    for result in hammering:
        result.result(PATIENCE_S)


def test_nobody_is_evicted_for_what_would_not_fit_all_the_same(make: Make, background: Background, zoo: Zoo) -> None:
    """While somebody waits for long work to end, a small model beside it is used again and again, undisturbed."""
    names = ("text-unet", "unet", "vit")
    sizes = {name: bytes_of(zoo, name) for name in names}
    loader = FromDisk(zoo)
    models = make(loader, sizes, ram_budget=int(1.15 * sizes["text-unet"] + 1.15 * sizes["vit"]))
    seen: list[Phase] = []

    def move_a_slider() -> None:
        for _ in range(20):
            use(models, "vit")

    with models.use(ModelKey("text-unet")):
        use(models, "vit")
        waiting = background(use, models, "unet", Task(seen.append))
        wait_until(lambda: any(phase.kind == "waiting" for phase in seen))
        background(move_a_slider).result(PATIENCE_S)
        assert not waiting.done()
    waiting.result(PATIENCE_S)
    assert loader.built == {"text-unet": 1, "vit": 1, "unet": 1}


def test_a_model_in_use_is_never_evicted(make: Make, background: Background, zoo: Zoo) -> None:
    names = ("bert", "vae", "clip", "tiny-vae")
    sizes = {name: bytes_of(zoo, name) for name in names}
    loader = FromDisk(zoo)
    models = make(loader, sizes, ram_budget=int(1.2 * (sizes["bert"] + sizes["vae"])))

    def hammer(offset: int) -> None:
        for turn in range(6):
            name = names[(turn + offset) % len(names)]
            with models.use(ModelKey(name)) as model:
                builds, closes = loader.built[name], loader.closed[name]
                assert name in places(models)
                run_model(name, model)
                assert (loader.built[name], loader.closed[name]) == (builds, closes)

    for result in [background(hammer, offset) for offset in range(4)]:
        result.result(PATIENCE_S)
    assert sum(loader.closed.values()) > 0  # there was something to withstand


def test_waits_for_a_lease_to_end_says_so_and_can_be_stopped(make: Make, background: Background, zoo: Zoo) -> None:
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    models = make(FromDisk(zoo), sizes, ram_budget=int(1.2 * max(sizes.values())))
    seen: list[Phase] = []
    task = Task(seen.append)
    with models.use(ModelKey("bert")):
        stopped = background(use, models, "vae", task)
        patient = background(use, models, "vae")
        wait_until(lambda: any(phase.kind == "waiting" for phase in seen))
        started = time.monotonic()
        task.cancel()
        assert isinstance(stopped.exception(PATIENCE_S), Cancelled)
        assert time.monotonic() - started < 0.3
        time.sleep(0.2)
        assert not patient.done()
    patient.result(PATIENCE_S)


def test_a_model_too_large_for_the_budget_is_refused_before_its_download(make: Make, zoo: Zoo) -> None:
    loader = FromDisk(zoo)
    models = make(loader, 3 * 10**9, ram_budget=2 * 10**9)
    with pytest.raises(UserError, match=r"“bert” needs about 3\.3 GB, and models may take 2\.0 GB of memory.*--ram"):
        use(models, "bert")
    assert not loader.fetching.is_set()
    with pytest.raises(UserError, match="--vram"):
        use(make(loader, 3 * 10**9, vram_budget=2 * 10**9, device=lambda: ACCELERATOR), "bert")


def test_a_model_that_turns_out_too_large_goes_again_and_its_size_is_remembered(make: Make, zoo: Zoo) -> None:
    loader = FromDisk(zoo)
    models = make(loader, 0, ram_budget=bytes_of(zoo, "bert") - 1)
    with pytest.raises(UserError, match="needs about") as error:
        use(models, "bert")
    assert error.value.__traceback__ is not None
    assert alive(zoo["bert"][0]) == 0
    with pytest.raises(UserError, match="needs about"):
        use(models, "bert")
    assert models.snapshot() == []
    assert loader.built == {"bert": 1}


def test_working_memory_counts(make: Make, zoo: Zoo) -> None:
    """A model that is there already makes others leave for the memory its work takes."""
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    models = make(FromDisk(zoo), sizes, ram_budget=10**6 + sum(sizes.values()))
    use(models, "vae")
    use(models, "bert")
    assert set(places(models)) == {"bert", "vae"}
    use(models, "bert", working_bytes=10**6 + sizes["vae"])
    assert set(places(models)) == {"bert"}
    with pytest.raises(UserError, match="ask for less"):
        use(models, "bert", working_bytes=10**6 + sizes["vae"] + 1)


def test_a_thread_blocked_by_its_own_lease_is_told(make: Make, zoo: Zoo) -> None:
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    models = make(FromDisk(zoo), sizes, ram_budget=int(1.2 * max(sizes.values())))
    with models.use(ModelKey("bert")) as model:
        with pytest.raises(UserError, match=r"“vae” needs about .* beside it “bert” must stay.*--ram"):
            use(models, "vae")
        run_model("bert", model)
    use(models, "vae")


def test_two_threads_that_wait_for_each_other_do_not_wait_for_ever(
    make: Make, background: Background, zoo: Zoo
) -> None:
    """Each holds one model and wants a third; only one of them can go on, and it does."""
    names = ("bert", "vae", "clip", "tiny-vae")
    sizes = {name: bytes_of(zoo, name) for name in names}
    models = make(FromDisk(zoo), sizes, ram_budget=int(1.12 * (sizes["bert"] + sizes["vae"])))
    both_hold = threading.Barrier(2)

    def hold_and_ask(held: str, wanted: str) -> None:
        with models.use(ModelKey(held)):
            both_hold.wait(PATIENCE_S)
            use(models, wanted)

    results = [background(hold_and_ask, "bert", "clip"), background(hold_and_ask, "vae", "tiny-vae")]
    errors = [result.exception(PATIENCE_S) for result in results]
    assert any(isinstance(error, UserError) for error in errors)
    assert all(error is None or isinstance(error, UserError) for error in errors)
    for name in names:
        use(models, name)


def test_who_waits_for_a_load_that_waits_for_him_is_told(make: Make, background: Background, zoo: Zoo) -> None:
    sizes = {"bert": bytes_of(zoo, "bert"), "vae": bytes_of(zoo, "vae")}
    models = make(FromDisk(zoo), sizes, ram_budget=int(1.2 * max(sizes.values())))
    seen: list[Phase] = []
    with models.use(ModelKey("bert")):
        other = background(use, models, "vae", Task(seen.append))  # waits for “bert” to be released
        wait_until(lambda: any(phase.kind == "waiting" for phase in seen))
        with pytest.raises(UserError, match="“vae”"):
            use(models, "vae")
    other.result(PATIENCE_S)
