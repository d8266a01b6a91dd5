"""Leaving: told to, idle, or at the end; and that the memory is the system's again.

Invariants: what is said about memory is measured in a process of its own, as fresh as the app's.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from playground.errors import UserError
from playground.runtime.devices import release_memory
from playground.runtime.load_lock import LOAD_LOCK
from playground.runtime.records import ModelKey
from tests.runtime.toy_models import PATIENCE_S, FromDisk, Make, Zoo, bytes_of, places, run_model, use

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def run_python(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=2 * PATIENCE_S, cwd=ROOT)


def test_unload_and_close(make: Make, zoo: Zoo) -> None:
    loader = FromDisk(zoo)
    models = make(loader)
    use(models, "bert")
    models.unload(ModelKey("bert"))
    models.unload(ModelKey("bert"))  # not there: nothing to do
    assert models.snapshot() == []
    with models.use(ModelKey("vae")) as model:
        with pytest.raises(UserError, match="in use"):
            models.unload(ModelKey("vae"))
        models.close()
        run_model("vae", model)
    assert models.snapshot() == []
    assert loader.closed == {"bert": 1, "vae": 1}


def test_the_memory_line_knows_what_is_in_use(make: Make, zoo: Zoo) -> None:
    models = make(FromDisk(zoo))
    use(models, "bert")
    with models.use(ModelKey("vae")):
        vae, bert = models.snapshot()
        assert (vae.key, vae.leases, vae.idle_seconds) == (ModelKey("vae"), 1, 0)
        assert (bert.key, bert.leases, bert.nbytes) == (ModelKey("bert"), 0, bytes_of(zoo, "bert"))
        time.sleep(0.01)
        assert models.snapshot()[1].idle_seconds > bert.idle_seconds > 0


def test_only_what_nobody_used_for_long_is_idle(make: Make, zoo: Zoo) -> None:
    models = make(FromDisk(zoo), idle_seconds=600)
    use(models, "bert")
    time.sleep(0.2)
    use(models, "vae")
    models.unload_idle()
    assert set(places(models)) == {"bert", "vae"}
    models.unload_idle(0.15)
    assert set(places(models)) == {"vae"}


def test_a_model_in_use_is_not_idle(make: Make, zoo: Zoo) -> None:
    models = make(FromDisk(zoo), idle_seconds=0.1)
    with models.use(ModelKey("bert")) as model:
        time.sleep(0.5)
        run_model("bert", model)
        assert places(models) == {"bert": "ram"}


def test_eager_models_are_all_there_at_the_start_and_stay(make: Make, zoo: Zoo) -> None:
    loader = FromDisk(zoo)
    models = make(loader, 10**9, ram_budget=1, idle_seconds=0, eager=True)
    models.preload(ModelKey(name) for name in zoo)
    for name in zoo:
        use(models, name, working_bytes=10**12)
    assert set(places(models)) == set(zoo)
    assert set(loader.built.values()) == {1}


# --- the memory itself, in a process of its own: how much it takes, and what happens if it may take no more ----


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[type, Path]:
    """A Llama of 59 M random parameters: 235 MB in fp32."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("large")
    config = LlamaConfig(
        hidden_size=512, intermediate_size=2048, num_hidden_layers=12, num_attention_heads=8, vocab_size=8192
    )
    with LOAD_LOCK, torch.random.fork_rng(devices=[]):
        LlamaForCausalLM(config).save_pretrained(folder)
    release_memory()
    return LlamaForCausalLM, folder


FRESH = """
import resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from playground.errors import UserError
from playground.runtime.devices import Device, weights_bytes
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import LoadedModel, ModelKey

LARGE, TINY = map(Path, sys.argv[1:3])
NBYTES = (LARGE / "model.safetensors").stat().st_size

class Loader:
    def fetch(self, key, task):
        return TINY if key.id == "tiny" else LARGE
    def build(self, key, fetched, device, task):
        from transformers import LlamaForCausalLM
        dtype = torch.bfloat16 if key.id == "converted" else torch.float32
        model = LlamaForCausalLM.from_pretrained(fetched, dtype=dtype)
        return LoadedModel(model, weights_bytes(model))

def models_with(idle_seconds):
    # An estimate of nothing in a budget without end: the books see nothing coming.
    cpu = Device("cpu", "float32", "", 10**12, unified=True)
    return ModelCache(Loader(), lambda key: 0, device=lambda: cpu, ram_budget=10**12, idle_seconds=idle_seconds)

models = models_with(idle_seconds=0.2)  # as in the app, before a library has started threads
import torch
process = psutil.Process()
forward = lambda model: model(torch.ones(1, 4, dtype=torch.int64)).logits.isfinite().all().item()
there = lambda: sorted(record.key.id for record in models.snapshot())

print("idle models leave, and the system gets their memory back")
assert models.run(ModelKey("tiny"), forward)
before = process.memory_info().rss
for name in ("mapped from the file", "converted", "converted", "converted"):
    def measure(model):
        assert forward(model)
        return process.memory_info().rss - before, weights_bytes(model)
    with ThreadPoolExecutor() as visitor:  # a thread of its own, and so a heap of its own
        taken, nbytes = visitor.submit(models.run, ModelKey(name), measure).result()
    deadline = time.monotonic() + 60
    while there():
        assert time.monotonic() < deadline, "it stayed"
        time.sleep(0.05)
    left = process.memory_info().rss - before
    assert taken > 0.8 * nbytes and left < 0.15 * nbytes, (name, taken, left, nbytes)
models.close()

models = models_with(idle_seconds=600)

def may_take(share):
    limit = process.memory_info().data + int(share * NBYTES)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))

def refused(key, fn):
    try:
        models.run(ModelKey(key), fn)
    except UserError as error:
        return str(error)
    raise AssertionError("there was room")

assert models.run(ModelKey("tiny"), forward)
models.unload(ModelKey("tiny"))

print("the second model fits once the first one has left")
may_take(1.6)
assert models.run(ModelKey("first"), forward)
assert models.run(ModelKey("second"), forward)
assert there() == ["second"], there()

print("and does not where the first one is in use, which goes on")
with models.use(ModelKey("second")) as second:
    assert "Memory ran out while loading “first”" in refused("first", forward)
    assert forward(second) and there() == ["second"]
del second  # who keeps the name keeps the memory
assert models.run(ModelKey("first"), forward)
assert there() == ["first"], there()

print("the work itself has room once the other model has left, and is done again")
tries = []
def work(share):
    def fn(model):
        tries.append(share)
        return len(torch.empty(int(share * NBYTES), dtype=torch.uint8))
    return fn
assert models.run(ModelKey("tiny"), work(1.2)) == int(1.2 * NBYTES)
assert tries == [1.2, 1.2] and there() == ["tiny"], (tries, there())
assert "while “tiny” was working" in refused("tiny", work(5))

print("a defect is not taken for a lack of memory")
try:
    models.run(ModelKey("tiny"), lambda model: model(torch.ones(1, 4)))
except RuntimeError as error:
    assert "Expected tensor" in str(error), error
else:
    raise AssertionError("floats are no token ids")

print("what never fits is refused with numbers and leaves nothing")
models.unload(ModelKey("tiny"))
may_take(0.6)
before = process.memory_info().data
message = refused("large", forward)
assert "Memory ran out while loading “large”" in message and " GB are free" in message, message
assert there() == []
assert process.memory_info().data - before < 0.2 * NBYTES
assert models.run(ModelKey("tiny"), forward)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts all of a process on Linux")
def test_memory_is_given_back_and_running_out_of_it_is_survived(large: tuple[type, Path], zoo: Zoo) -> None:
    """The steps are printed; the last one is where it failed."""
    done = run_python(FRESH, str(large[1]), str(zoo["llama"][1]))
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


# --- the process around it ---------------------------------------------------------------------------------


def test_importing_residency_imports_no_model_library() -> None:
    code = (
        "import sys, playground.runtime.model_cache; print({'torch', 'transformers', 'diffusers'} & set(sys.modules))"
    )
    done = run_python(code)
    assert done.stdout.strip() == "set()", done.stderr


FORKING = """
import os, sys, threading, time
from playground.runtime.devices import Device
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import LoadedModel, ModelKey

class Loader:
    def fetch(self, key, task):
        return None
    def build(self, key, fetched, device, task):
        return LoadedModel(object(), 1)

sys.setswitchinterval(1e-6)
models = ModelCache(Loader(), lambda key: 1, device=lambda: Device("cpu", "float32", "", 1, True), eager=True)
keys = [ModelKey(str(number)) for number in range(4)]
models.preload(keys)

def hammer(key):
    while True:
        with models.use(key):
            pass

for key in keys:
    threading.Thread(target=hammer, args=(key,), daemon=True).start()
for _ in range(40):
    child = os.fork()
    if child == 0:
        with models.use(keys[0]):
            os._exit(7)
    deadline = time.monotonic() + 20
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(child, 9)
            sys.exit("a child could not use a model")
        time.sleep(0.001)
    assert os.waitstatus_to_exitcode(ended[1]) == 7
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_eager_models_can_be_used_in_a_forked_child_whatever_other_threads_are_doing() -> None:
    """ZeroGPU forks the busy server for every call."""
    done = run_python(FORKING)
    assert done.returncode == 0, done.stderr[-2000:]
