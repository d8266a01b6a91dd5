"""Tiny random checkpoints of three kinds of models: one that can be cropped, two that cannot always."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from playground.chat.torch_decoder import TorchDecoder
from playground.runtime.task import Task
from tests.tiny_models.causal_lm import tiny_llama
from tests.tiny_models.causal_lm_variants import tiny_gemma3, tiny_qwen35

BUILDERS = {"llama": tiny_llama, "qwen3.5": tiny_qwen35, "gemma3": tiny_gemma3}


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """On tensors this small threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {kind: build(root / kind) for kind, build in BUILDERS.items()}


@pytest.fixture(params=list(BUILDERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def decoder(folders: dict[str, Path], kind: str) -> TorchDecoder:
    return TorchDecoder.from_folder(folders[kind], "cpu", "float32", 512, Task())
