"""Eight tiny models of eight real classes on disk, a loader that reads them, and what the tests do with models."""

import gc
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playground.runtime.devices import Device, weights_bytes
from playground.runtime.load_lock import LOAD_LOCK
from playground.runtime.model_cache import ModelCache
from playground.runtime.records import LoadedModel, ModelKey
from playground.runtime.task import Phase, Task
from tests.tiny_models.causal_lm import tiny_llama

CPU = Device("cpu", "float32", "a CPU", 64 * 10**9, unified=True)
# A CPU that is treated as a GPU would be: its memory is not RAM, models move between the two.
ACCELERATOR = Device("cpu", "float32", "plays the GPU", 64 * 10**9, unified=False)
PLENTY = 10**12
PATIENCE_S = 60  # a wait that should end; longer than a loaded machine needs

Zoo = dict[str, tuple[type, Path]]
Make = Callable[..., ModelCache]
Background = Callable[..., Future[None]]


@dataclass
class FromDisk:
    """The `Loader` of these tests: a class and a folder for each id, and doors a test can hold shut."""

    sources: Zoo
    movable: bool = True
    built: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    fetching: threading.Event = field(default_factory=threading.Event)
    may_fetch: threading.Event = field(default_factory=threading.Event)
    may_build: threading.Event = field(default_factory=threading.Event)
    building: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_fetch.set()
        self.may_build.set()

    def fetch(self, key: ModelKey, task: Task) -> Path:
        task.report(Phase("downloading", key.id, 1, 2))
        self.fetching.set()
        while not self.may_fetch.wait(0.01):
            task.check()
        return self.sources[key.id][1]

    def build(self, key: ModelKey, fetched: Path, device: str, task: Task) -> LoadedModel:
        import torch

        self.building.set()
        assert self.may_build.wait(PATIENCE_S)
        task.check()
        cls: Any = self.sources[key.id][0]
        model = cls.from_pretrained(fetched, dtype=torch.float32).to(device).eval()
        self.built[key.id] += 1
        return LoadedModel(
            model,
            weights_bytes(model),
            close=lambda: self.closed.update([key.id]),
            move=model.to if self.movable else None,
        )


def save_zoo(folder: Path) -> Zoo:
    """Eight models of eight classes, four of each library, some 10 000 parameters each, on disk."""
    import diffusers
    import transformers

    sizes: Any = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    net: Any = {"sample_size": 8, "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}
    coder: Any = {"encoder_block_out_channels": (8, 8), "num_encoder_blocks": (1, 1)}
    coder |= {key.replace("encoder", "decoder"): value for key, value in coder.items()}
    models: dict[str, Any] = {
        "bert": transformers.BertModel(transformers.BertConfig(vocab_size=64, **sizes)),
        "clip": transformers.CLIPTextModel(transformers.CLIPTextConfig(vocab_size=64, **sizes)),
        "vit": transformers.ViTModel(transformers.ViTConfig(image_size=16, patch_size=8, **sizes)),
        "unet": diffusers.UNet2DModel(
            attention_head_dim=4,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            **net,
        ),
        "text-unet": diffusers.UNet2DConditionModel(
            attention_head_dim=2,
            cross_attention_dim=16,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            **net,
        ),
        "vae": diffusers.AutoencoderKL(block_out_channels=(8,), norm_num_groups=4),
        "tiny-vae": diffusers.AutoencoderTiny(**coder),
    }
    for name, model in models.items():
        model.save_pretrained(folder / name)
    classes = {name: type(model) for name, model in models.items()} | {"llama": transformers.LlamaForCausalLM}
    tiny_llama(folder / "llama")
    return {name: (cls, folder / name) for name, cls in classes.items()}


def run_model(name: str, model: Any) -> None:
    """One forward pass; fails if a weight is missing, of a wrong number format, or not a number."""
    import torch

    assert not any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    ids = torch.ones(1, 4, dtype=torch.int64)
    with torch.inference_mode():
        match name:
            case "bert" | "clip":
                out = model(ids).last_hidden_state
            case "llama":
                out = model(ids).logits
            case "vit":
                out = model(torch.zeros(1, 3, 16, 16, dtype=torch.float32)).last_hidden_state
            case "unet":
                out = model(torch.zeros(1, 3, 8, 8, dtype=torch.float32), 1).sample
            case "text-unet":
                text = torch.zeros(1, 4, 16, dtype=torch.float32)
                out = model(torch.zeros(1, 4, 8, 8, dtype=torch.float32), 1, text).sample
            case "vae" | "tiny-vae":
                out = model(torch.zeros(1, 3, 16, 16, dtype=torch.float32)).sample
    assert torch.isfinite(out).all()


def use(models: ModelCache, name: str, task: Task | None = None, working_bytes: int = 0) -> None:
    with models.use(ModelKey(name), task, working_bytes) as model:
        run_model(name, model)


def places(models: ModelCache) -> dict[str, str]:
    return {record.key.id: record.where for record in models.snapshot()}


def bytes_of(zoo: Zoo, *names: str) -> int:
    """What these take in memory (measured by loading them)."""
    total = 0
    for name in names:
        cls: Any = zoo[name][0]
        with LOAD_LOCK:
            total += weights_bytes(cls.from_pretrained(zoo[name][1]))
    return total


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


def alive(cls: type) -> int:
    """How many objects of a class are in memory, garbage that nobody collected included."""
    return sum(type(thing) is cls for thing in gc.get_objects())
