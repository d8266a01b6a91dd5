"""Facts about the machine: devices, limits, errors that mean memory ran out."""

import errno
from pathlib import Path

import psutil
import pytest

from playground.runtime import devices
from playground.runtime.devices import Device, format_bytes, has_kernels, is_out_of_memory, ram_limit, weights_bytes


def test_the_device_says_why() -> None:
    import torch

    device = devices.detect_device()
    assert torch.__version__ in device.reason or device.name == "mps"
    assert hasattr(torch, device.dtype)
    assert device.total_bytes > 10**9
    assert torch.empty(1, device=device.name, dtype=getattr(torch, device.dtype)).device.type in device.name
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert (device.name, device.dtype, device.unified) == ("cpu", "float32", True)
        assert device.reason.startswith("CPU in float32: ")


@pytest.mark.parametrize(
    ("built_for", "major", "minor", "works"),
    [
        (["sm_75", "sm_86", "sm_90"], 8, 9, True),  # code for 8.6 runs on 8.9
        (["sm_75", "sm_86", "sm_90"], 8, 0, False),  # not the other way round
        (["sm_75", "sm_86", "sm_90"], 6, 1, False),  # a card of 2016
        (["sm_75", "sm_86", "sm_90"], 12, 0, False),  # a card newer than this PyTorch
        (["sm_75", "compute_90"], 12, 0, True),  # which can compile for itself
        (["sm_90a", "compute_120a"], 9, 0, True),
    ],
)
def test_a_gpu_that_pytorch_was_not_built_for_is_not_used(
    built_for: list[str], major: int, minor: int, works: bool
) -> None:
    assert has_kernels(built_for, major, minor) is works


def test_budgets_are_shares_of_what_there_is() -> None:
    gpu = Device("cuda:0", "bfloat16", "", 24 * 10**9, unified=False)
    assert 0.8 * gpu.total_bytes < devices.default_vram_budget(gpu) < gpu.total_bytes
    assert 0.5 * ram_limit() < devices.default_ram_budget() < 0.8 * ram_limit()
    assert 0 < devices.free_ram() < ram_limit() <= psutil.virtual_memory().total


@pytest.mark.parametrize("version", [1, 2])
def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """The files as the kernel writes them, of cgroup v1 and v2."""
    folder = tmp_path if version == 2 else tmp_path / "memory"
    folder.mkdir(exist_ok=True)
    limit, usage, cache = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.max", "memory.current", "inactive_file"),
    }[version]
    monkeypatch.setattr(devices, "CGROUP", tmp_path)
    (folder / usage).write_text("300000000\n")
    (folder / "memory.stat").write_text(f"anon 100000000\n{cache} 120000000\n")
    (folder / limit).write_text("500000000\n")
    assert ram_limit() == 500_000_000
    assert devices.free_ram() == 320_000_000
    (folder / limit).write_text("max\n" if version == 2 else "9223372036854771712\n")
    assert ram_limit() == psutil.virtual_memory().total


def test_what_out_of_memory_looks_like() -> None:
    import torch

    with pytest.raises(RuntimeError) as real:
        torch.empty(10**15, dtype=torch.uint8, device="cpu")
    assert is_out_of_memory(real.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    with pytest.raises(RuntimeError) as defect:
        torch.ones(2, dtype=torch.float32) @ torch.ones(3, dtype=torch.float32)
    assert not is_out_of_memory(defect.value)
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))


def test_shared_weights_count_once() -> None:
    import torch
    from torch import nn

    layer = nn.Linear(10, 20, bias=False, dtype=torch.float32)
    twin = nn.Linear(10, 20, bias=False, dtype=torch.float32)
    twin.weight = layer.weight
    normed = nn.BatchNorm1d(8, dtype=torch.float32)  # weight, bias, mean and variance; a counter of 8 bytes
    assert weights_bytes(layer) == weights_bytes(layer, twin) == weights_bytes(layer, layer) == 800
    assert weights_bytes(nn.Sequential(layer, twin), normed) == 800 + 4 * 8 * 4 + 8


def test_sizes_in_words() -> None:
    sizes = {0: "0 bytes", 12_000: "12 kB", 850_000_000: "850 MB", 2_640_000_000: "2.6 GB"}
    assert {size: format_bytes(size) for size in sizes} == sizes
