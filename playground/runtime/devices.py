"""The machine: which device models run on, how much memory there is, and how to give it back.

Invariants: facts about the machine, nothing about particular models. torch is imported by functions
that are not called before a model is asked for.
"""

import ctypes
import errno
import gc
import os
import sys
import traceback
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from torch import nn

VRAM_SHARE = 0.9  # of the device's memory: the rest is for its context, libraries and the desktop
RAM_SHARE = 0.6  # of the memory this process may have: the rest is for the system, the page and work
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Device:
    """Where models run. `reason` says why this device and number format; `total_bytes` is its memory.

    `unified`: the device's memory is the machine's RAM (a CPU, Apple silicon, an integrated GPU), so
    that moving a model off the device would free nothing.
    """

    name: str  # "cuda:0", "mps" or "cpu"
    dtype: str  # "bfloat16", "float16" or "float32"
    reason: str
    total_bytes: int
    unified: bool


def detect_device() -> Device:
    """The best device this PyTorch can use. Makes no context on a GPU, which would cost 100–300 MiB."""
    import torch

    built = f"PyTorch {torch.__version__}"
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        if torch.version.hip or has_kernels(torch.cuda.get_arch_list(), gpu.major, gpu.minor):
            dtype = dtype_for("cuda:0")
            reason = f"{gpu.name}, the first GPU that {built} sees, in {dtype}."
            unified = bool(getattr(gpu, "is_integrated", False))  # ZeroGPU's stand-in has no such field
            return Device("cuda:0", dtype, reason, gpu.total_memory, unified)
        reason = f"{built} is not built for {gpu.name} (compute capability {gpu.major}.{gpu.minor})."
    elif torch.backends.mps.is_available():
        dtype = dtype_for("mps")
        reason = f"The Apple GPU, which shares the machine's memory, in {dtype}."
        return Device("mps", dtype, reason, torch.mps.recommended_max_memory(), unified=True)
    elif torch.version.cuda or torch.version.hip:
        reason = f"{built} finds no GPU, or no driver for it."
    else:
        reason = f"{built} is a build without GPU support."
    return Device("cpu", dtype_for("cpu"), f"CPU in float32: {reason}", ram_limit(), unified=True)


def dtype_for(device_name: str) -> str:
    """The dtype models run in: bfloat16 on a GPU that has it (float16 can overflow), else float16; float32 on a CPU,
    which every CPU computes well.

    Args:
        device_name: torch's name of the device: "cuda:0", "mps" or "cpu".
    """
    import torch

    if device_name.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device_name == "mps":
        return "bfloat16" if torch.backends.mps.is_macos_or_newer(14, 0) else "float16"
    return "float32"


def has_kernels(built_for: list[str], major: int, minor: int) -> bool:
    """Whether a PyTorch can use an NVIDIA GPU.

    It can with machine code for the GPU's own major version, or with PTX not newer than the GPU. Old
    cards are "available" to a PyTorch that was built without them and fail in the first operation.

    Args:
        built_for: architectures it was built for: "sm_75", "sm_90a", "compute_90".
        major: of the GPU's compute capability.
        minor: of the GPU's compute capability.
    """
    own = [f"sm_{major}{lower}" for lower in range(minor + 1)]
    ptx = [int(arch.removeprefix("compute_").rstrip("af")) for arch in built_for if arch.startswith("compute_")]
    return any(arch.rstrip("af") in own for arch in built_for) or any(version <= 10 * major + minor for version in ptx)


def default_vram_budget(device: Device) -> int:
    """Bytes that models may take on the device, their working memory included, unless `--vram` says otherwise.

    Args:
        device: where models run.
    """
    return int(VRAM_SHARE * device.total_bytes)


def default_ram_budget() -> int:
    """Bytes that models may take in RAM, their working memory included, unless `--ram` says otherwise."""
    return int(RAM_SHARE * ram_limit())


def ram_limit() -> int:
    """Bytes of memory this process may have: the machine's, or less where a container limits it."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _container_memory())])


def free_ram() -> int:
    """Bytes this process could still take, file cache counted as free, in the machine and its container."""
    return min([psutil.virtual_memory().available, *(limit - used for limit, used in _container_memory())])


def _container_memory() -> list[tuple[int, int]]:
    """(limit, bytes in use without the file cache) of the container this runs in; empty where none is set."""
    layouts = (
        (CGROUP, "memory.max", "memory.current", "inactive_file"),  # cgroup v2
        (CGROUP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),  # v1
    )
    found = []
    for folder, limit, current, cache in layouts:
        if (folder / current).is_file() and (text := (folder / limit).read_text().strip()).isdigit():
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            found.append((int(text), int((folder / current).read_text()) - int(stat[cache])))
    return found


def free_cuda_memory(name: str) -> int:
    """Bytes that could still be taken on a GPU: what is free, and what torch's allocator holds without using it.

    Args:
        name: torch's name of the device, like "cuda:0".
    """
    import torch

    free, _ = torch.cuda.mem_get_info(name)
    return int(free + torch.cuda.memory_reserved(name) - torch.cuda.memory_allocated(name))


def weights_bytes(*modules: "nn.Module") -> int:
    """Bytes of all parameters and buffers; what several share (tied embeddings, one VAE in two) counts once.

    Args:
        modules: the parts of a pipeline. One model alone tells it by its `get_memory_footprint`.
    """
    storages = {}
    for module in modules:
        for tensor in (*module.parameters(), *module.buffers()):
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def share_one_heap() -> None:
    """Let all threads share glibc's main heap ("arena") instead of making up to eight per core.

    `malloc_trim` cannot cut the top of the other heaps, up to 64 MB each, and the libraries load and
    convert weights in several threads. To be called before the first of them; what threads made stays.
    """
    m_arena_max = -8
    if (libc := _glibc()) and "MALLOC_ARENA_MAX" not in os.environ:
        libc.mallopt(m_arena_max, 1)


def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None


def trace(model: object) -> Callable[[], object]:
    """A weak reference to a model, to see later whether it is gone.

    Args:
        model: any object.

    Returns:
        A function that returns None once the model is gone.
    """
    try:
        return weakref.ref(model)
    except TypeError:  # its type allows no weak references
        return lambda: "unknown"


def release_memory(collect: bool = True) -> None:
    """Return what nobody refers to any more to the GPU and to the operating system.

    Args:
        collect: look for reference cycles first. With the libraries imported that stops every thread for 0.2 to 0.5 s,
            and models of transformers and diffusers go without it.
    """
    if collect:
        gc.collect()
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()
    if libc := _glibc():
        libc.malloc_trim(0)  # it keeps the freed pages of its heaps otherwise


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: the GPU's, the CPU allocator's, Python's, or a file that could not be mapped.

    Args:
        error: what was raised.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    # torch.OutOfMemoryError is a RuntimeError; on a CPU ("DefaultCPUAllocator: can't allocate memory",
    # "unable to mmap ...: Cannot allocate memory (12)"), on MPS and in cuBLAS there is no type of its own.
    signs = ("out of memory", "can't allocate memory", "cannot allocate memory", "status_alloc_failed")
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in signs)


def forget_locals(error: BaseException) -> None:
    """Empty the frames an error went through, and those of its causes, keeping their lines.

    A traceback holds every local of every frame, so half-built models live as long as the error.

    Args:
        error: what was raised; it is changed.
    """
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        seen.append(link)
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__


def format_bytes(nbytes: int) -> str:
    """A size as people read it, decimal as disks and the hub count: "2.6 GB", "98 MB", "12 kB", "40 bytes".

    Args:
        nbytes: bytes, at least 0.
    """
    for unit, scale, digits in (("GB", 10**9, 1), ("MB", 10**6, 0), ("kB", 10**3, 0)):
        if nbytes >= scale:
            return f"{nbytes / scale:.{digits}f} {unit}"
    return f"{nbytes} bytes"
