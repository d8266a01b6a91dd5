"""From a catalogue entry to a model in memory: which library loads which files.

Invariants: a family of models is one function here, and the heavy library is imported inside it.
`fetch` may use the network and holds no lock; `build` constructs and is called under the lock of
`runtime.model_cache`.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.catalog import AssetSource, Catalog, Entry, HubSource, PathSource, WheelSource
from playground.chat.types import TORCH
from playground.errors import UserError
from playground.runtime import devices
from playground.runtime.load_lock import load_lock
from playground.runtime.records import LoadedModel, ModelKey
from playground.runtime.task import Phase, Task
from playground.weights.store import WeightStore
from playground.weights.types import Weights

if TYPE_CHECKING:
    from playground.text_to_image.offload import Offload

UNLISTED_BYTES = 3_000_000_000  # a guess for a model the catalogue does not know
SMALL = ("diffusion", "clip")  # families whose model that comes along computes on one core
# Families of the grounding tab: each is a module of `playground.grounding` with `load(folder, entry, device, dtype)`.
GROUNDING = {
    "avatar-minigpt": "minigpt",
    "florence2": "florence2",
    "kosmos2": "kosmos2",
    "grounding-dino": "grounding_dino",
    "owl-vit": "owl_vit",
    "paligemma": "paligemma",
    "qwen-vl": "qwen_vl",
}


class Loaders:
    """The `Loader` that residency is given."""

    def __init__(
        self,
        catalog: Catalog,
        weights: WeightStore,
        cache: Path,
        vram: int | None = None,
        faster: tuple[str, ...] = (),
    ) -> None:
        self._catalog = catalog
        self._weights = weights
        self._cache = cache
        self._vram = vram
        self._faster = faster

    def estimate(self, key: ModelKey) -> int:
        """Bytes the model will take, before it is there. A GGUF's twin in fp32 takes about eight times its file."""
        entry = self._catalog.get(key.id)
        if not entry.memory_bytes:
            return UNLISTED_BYTES
        if entry.family == "diffusion":
            return _diffusion_bytes(entry, self._vram)
        if entry.family in GROUNDING:
            return _in_16_bits(entry)
        return entry.memory_bytes if key.role != TORCH else max(entry.memory_bytes, 8 * entry.download_bytes)

    def on_cpu(self, key: ModelKey) -> bool:
        """llama.cpp's wheel computes on the CPU, whatever else the machine has; so do small helpers and models behind
        sliders."""
        entry = self._catalog.get(key.id)
        return entry.family.startswith(("avatar-", "clip")) or (key.role != TORCH and is_gguf(entry))

    def fetch(self, key: ModelKey, task: Task) -> Weights:
        """The model's files on this disk, for the role asked for."""
        entry = self._catalog.get(key.id)
        weights = self._weights.fetch(entry, task)
        if key.role == TORCH and weights.format == "gguf":
            from playground.chat.dequantize import dequantize

            task.report(Phase("preparing", entry.label))
            with load_lock(task):  # once in this model's life; it constructs the model to do so
                folder = dequantize(weights.path, self._cache / "dequantised" / entry.id, task)
            return Weights(folder, "folder", f"{weights.source}, dequantised")
        return weights

    def build(self, key: ModelKey, fetched: Weights, device: str, task: Task) -> LoadedModel:
        """Construct the model. Raises `UserError` for files that are not what the entry says."""
        entry = self._catalog.get(key.id)
        task.report(Phase("loading", entry.label))
        resident = self._built(entry, key, fetched, device, task)
        resident.one_core = entry.family.startswith("avatar-") or (entry.embedded and entry.family in SMALL)
        return resident

    def _built(self, entry: Entry, key: ModelKey, fetched: Weights, device: str, task: Task) -> LoadedModel:
        if entry.family in GROUNDING:
            module = import_module(f"playground.grounding.{GROUNDING[entry.family]}")
            loaded: LoadedModel = module.load(fetched.path, entry, device, _dtype(device))
            return loaded
        if entry.family.startswith("avatar-"):
            return _avatar(entry, fetched.path, key.role)
        if entry.family.startswith("autoencoder-"):
            return _autoencoder(entry, fetched.path, device)
        if entry.family == "diffusion":
            return _diffusion(entry, fetched.path, device, self._vram, self._faster)
        if entry.family == "clip":
            from playground.text_to_image.clip_score import load

            return load(fetched.path, device)
        if fetched.format == "gguf":
            return _llama_cpp(entry, fetched.path)
        return _transformers(entry, fetched.path, device, task)


def is_gguf(entry: Entry) -> bool:
    """Whether the entry's first source is a GGUF file."""
    source = entry.sources[0]
    match source:
        case WheelSource():
            return source.file.endswith(".gguf")
        case HubSource():
            return any(name.endswith(".gguf") for name in source.files)
        case PathSource():
            return source.path.suffix == ".gguf"
        case AssetSource():
            return False


def _llama_cpp(entry: Entry, gguf: Path) -> LoadedModel:
    try:
        from playground.chat.llama_cpp_decoder import LlamaCppDecoder
    except ImportError as error:
        raise UserError(
            f"{entry.label} is a GGUF file and needs llama.cpp, which is not installed here. "
            "Install it with: pip install xllamacpp."
        ) from error
    from playground.chat.local import LocalChat

    decoder = LlamaCppDecoder(gguf, entry.context)
    return LoadedModel(LocalChat(decoder), nbytes=entry.memory_bytes, close=decoder.close)


def _avatar(entry: Entry, folder: Path, role: str) -> LoadedModel:
    """One of our own networks, from its folder; a role other than "main" is a folder within that one."""
    import torch
    from safetensors import SafetensorError

    from playground.avatars.flow import AvatarFlow
    from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
    from playground.avatars.judge import AvatarJudge
    from playground.avatars.vae import AvatarVAE

    networks: dict[str, Any] = {
        "avatar-vae": AvatarVAE,
        "avatar-flow": AvatarFlow,
        "avatar-gan": AvatarGenerator if role == "main" else AvatarDiscriminator,
        "avatar-judge": AvatarJudge,
    }
    folder = folder if role == "main" else folder / role
    try:
        model = networks[entry.family].from_pretrained(folder, local_files_only=True, strict=True)
    except (OSError, TypeError, ValueError, AssertionError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"The files of {entry.label} are not those of an {entry.family} ({type(error).__name__}). "
            "Save the model with its own save_pretrained, or choose another."
        ) from error
    model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # as its pictures are
    return LoadedModel(model, nbytes=sum(value.nbytes for value in model.state_dict().values()))


def _autoencoder(entry: Entry, folder: Path, device: str) -> LoadedModel:
    from playground.autoencoders.photo_autoencoder import PhotoAutoencoder

    network = PhotoAutoencoder.from_folder(folder, entry.family, device, entry.label)
    return LoadedModel(network, nbytes=network.nbytes, move=network.move)


def _diffusion(entry: Entry, folder: Path, device: str, vram: int | None, faster: tuple[str, ...]) -> LoadedModel:
    from playground.text_to_image.pipeline import LocalPipeline

    offload = _offload(entry, vram)
    if offload != "none" and (free := devices.free_ram()) < entry.memory_bytes:
        raise UserError(
            f"{entry.label} does not fit into the GPU's memory as a whole, and for its parts to take turns there its "
            f"{devices.format_bytes(entry.memory_bytes)} must fit into RAM, of which {devices.format_bytes(free)} are "
            "free. Close other programs, or choose a smaller model."
        )
    engine = LocalPipeline.from_folder(folder, entry, device, _dtype(device), offload, faster)
    return LoadedModel(engine, engine.nbytes, engine.close, engine.move if offload == "none" else None)


def _offload(entry: Entry, vram: int | None) -> "Offload":
    """How a pipeline is kept on the device there is: see `playground.text_to_image.offload`."""
    from playground.text_to_image.offload import offload_for

    device = devices.detect_device()
    if device.unified:
        return "none"  # moving a part off the device would free nothing
    room = vram or devices.default_vram_budget(device)
    return offload_for(entry.memory_bytes, entry.image.offload_bytes, entry.image.working_bytes, room)


def _diffusion_bytes(entry: Entry, vram: int | None) -> int:
    """Bytes of weights on the device."""
    whole = _in_16_bits(entry)
    largest = entry.image.offload_bytes
    return {"none": whole, "parts": largest, "layers": largest // 8}[_offload(entry, vram)]


def _in_16_bits(entry: Entry) -> int:
    """Bytes of weights here of a model that the catalogue counts in 16 bits, if it is one of the hub."""
    whole = entry.family in ("grounding-dino", "owl-vit") or devices.detect_device().dtype == "float32"
    return entry.memory_bytes * (2 if whole and not entry.embedded else 1)


def _transformers(entry: Entry, folder: Path, device: str, task: Task) -> LoadedModel:
    from playground.chat.local import LocalChat
    from playground.chat.torch_decoder import TorchDecoder

    decoder = TorchDecoder.from_folder(folder, device, _dtype(device), entry.context, task)
    return LoadedModel(LocalChat(decoder), nbytes=decoder.nbytes, move=decoder.move)


def _dtype(device: str) -> str:
    return devices.dtype_for(device)
