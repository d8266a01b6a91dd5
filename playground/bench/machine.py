"""Which machine a figure was measured on, and how fast its memory is."""

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil


@dataclass(frozen=True)
class Machine:
    """`bandwidth`: bytes a second that all cores together read from memory, measured."""

    cpu: str
    cores: int
    memory_bytes: int
    bandwidth: float
    libraries: str

    def __str__(self) -> str:
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_bytes / 1e9:.0f} GB, "
            f"reads {self.bandwidth / 1e9:.1f} GB/s; "
            f"{platform.system()}, Python {platform.python_version()}, {self.libraries}"
        )


def describe_machine() -> Machine:
    """Measures the bandwidth too; takes a second or two."""
    import torch
    import transformers
    import xllamacpp

    libraries = f"torch {torch.__version__}, transformers {transformers.__version__}, "
    libraries += f"xllamacpp {getattr(xllamacpp, '__version__', '?')}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(_cpu_name(), cores, psutil.virtual_memory().total, _bandwidth(), libraries)


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        flags = next((line for line in lines if line.startswith("flags")), "")
        widest = next((name for name in ("amx_bf16", "avx512f", "avx2") if name in flags), "no AVX2")
        return f"{names[0] if names else platform.processor()} ({widest})"
    return platform.processor() or platform.machine()


def _bandwidth() -> float:
    """Summing a tensor far larger than any cache: reading is all it does."""
    import torch

    data = torch.ones(64 * 2**20, dtype=torch.float32)  # 256 MB
    rates = []
    for _ in range(7):
        began = time.perf_counter()
        data.sum()
        rates.append(data.nbytes / (time.perf_counter() - began))
    return median(rates)
