"""What a family of models is: how its models are loaded, on which device, in which dtype, and in how much memory.

Invariants: declaring a family imports no model library; `load` does, when a model is asked for.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playground.catalog_entry import Entry, Options
from playground.runtime import devices
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

UNLISTED_BYTES = 3_000_000_000  # a guess for a model whose size the catalogue does not tell

DeviceKind = Literal["best", "cpu"]


@dataclass(frozen=True)
class LoadRequest:
    """One model to be built.

    Attributes:
        entry: what the catalogue says of it.
        path: its folder in `from_pretrained` layout, or its file.
        device: where to: "cuda:0", "mps" or "cpu".
        dtype: the name of a torch dtype, as the family's `dtype` rule gives it for this device.
        format: whether `path` is a folder or one GGUF file.
        role: which part of the model; "main" unless a family has several.
        task: stops the load and is told its phases.
        vram: bytes that models may take on the device, where the user limits them.
        optimizations: of `playground.settings.WAYS`.
    """

    entry: Entry
    path: Path
    device: str = "cpu"
    dtype: str = "float32"
    format: Literal["folder", "gguf"] = "folder"
    role: str = "main"
    task: Task = field(default_factory=Task)
    vram: int | None = None
    optimizations: tuple[str, ...] = ()


def best_device(entry: Entry, role: str) -> DeviceKind:
    """The device rule of most families: the machine's GPU if it has one.

    Args:
        entry: the model.
        role: which part of it.
    """
    return "best"


def always_cpu(entry: Entry, role: str) -> DeviceKind:
    """The device rule of small networks, which a GPU would not make faster.

    Args:
        entry: the model.
        role: which part of it.
    """
    return "cpu"


def listed_bytes(entry: Entry, role: str, vram: int | None) -> int:
    """The memory rule of families whose `memory_bytes` are as loaded, whatever the device.

    Args:
        entry: the model.
        role: which part of it.
        vram: bytes that models may take on the device, where the user limits them.

    Returns:
        Bytes of weights; `UNLISTED_BYTES` where the catalogue does not tell.
    """
    return entry.memory_bytes or UNLISTED_BYTES


def listed_in_16_bits(entry: Entry, role: str, vram: int | None) -> int:
    """The memory rule of families whose hub models are listed in 16 bits: twice that where they load in float32.

    Args:
        entry: the model.
        role: which part of it.
        vram: bytes that models may take on the device, where the user limits them.
    """
    doubled = not entry.embedded and devices.detect_device().dtype == "float32"
    return listed_bytes(entry, role, vram) * (2 if doubled else 1)


def lazy(reference: str) -> Callable[[LoadRequest], LoadedModel]:
    """A `load` function that is imported when it is first called, so that its module may import model libraries.

    Args:
        reference: "package.module:function", as in the entry points of packaging.
    """

    def load(request: LoadRequest) -> LoadedModel:
        loaded: LoadedModel = pkgutil.resolve_name(reference)(request)
        return loaded

    return load


@dataclass(frozen=True)
class Family:
    """A kind of model that one piece of code loads and uses.

    Attributes:
        name: as the catalogue's `family` names it.
        tab: where its models stand in the menu; "companion" for those that only other models need.
        load: builds a model; imports model libraries inside, or is `lazy`. None for models on another server.
        options: the class of the entries' `options` table.
        memory: bytes that a model will take, of (entry, role, the user's limit for the device), before it is loaded.
        device: "best" (a GPU if there is one) or "cpu", of (entry, role).
        dtype: "device" for the dtype that suits the device (`devices.dtype_for`), or always "float32".
        one_core: whether its networks are so small that they compute on one core: "never", "embedded" or "always".
        convert: makes what `load` reads out of the files that were fetched, where those are something else: of (entry,
            file or folder, role, a folder for what is kept, task) the folder or file to load. May take long.
    """

    name: str
    tab: str
    load: Callable[[LoadRequest], LoadedModel] | None = None
    options: type[Options] = Options
    memory: Callable[[Entry, str, int | None], int] = listed_bytes
    device: Callable[[Entry, str], DeviceKind] = best_device
    dtype: Literal["device", "float32"] = "device"
    one_core: Literal["never", "embedded", "always"] = "never"
    convert: Callable[[Entry, Path, str, Path, Task], Path] | None = None

    @property
    def remote(self) -> bool:
        """Whether its models are on another server."""
        return self.load is None

    def computes_on_one_core(self, entry: Entry) -> bool:
        """Whether a model of the family does.

        Args:
            entry: the model.
        """
        return self.one_core == "always" or (self.one_core == "embedded" and entry.embedded)
