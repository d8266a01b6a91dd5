"""The families of text-to-image models: diffusers' pipelines and servers, and CLIP, which scores their pictures."""

from playground.catalog_entry import Entry
from playground.errors import UserError
from playground.families import Extension, Family, LoadRequest, always_cpu, lazy, listed_bytes, listed_in_16_bits
from playground.runtime import devices
from playground.runtime.records import LoadedModel
from playground.text_to_image.offload import Offload, offload_for
from playground.text_to_image.options import ImageOptions


def load_pipeline(request: LoadRequest) -> LoadedModel:
    """A diffusers pipeline, kept on the device whole, part by part or layer by layer, as memory allows.

    Args:
        request: the model, its folder, device, dtype, optimizations and the user's limit for the device.

    Raises:
        UserError: the files are not of such a pipeline, or it fits neither the device nor RAM.
    """
    from playground.text_to_image.pipeline import LocalPipeline

    entry = request.entry
    offload = _offload(entry, request.vram)
    if offload != "none" and (free := devices.free_ram()) < entry.memory_bytes:
        raise UserError(
            f"{entry.label} does not fit into the GPU's memory as a whole, and for its parts to take turns there its "
            f"{devices.format_bytes(entry.memory_bytes)} must fit into RAM, of which {devices.format_bytes(free)} are "
            "free. Close other programs, or choose a smaller model."
        )
    engine = LocalPipeline.from_folder(
        request.path, entry, request.device, request.dtype, offload, request.optimizations
    )
    return LoadedModel(engine, engine.nbytes, engine.close, engine.move if offload == "none" else None)


def _offload(entry: Entry, vram: int | None) -> Offload:
    device = devices.detect_device()
    if device.unified:
        return "none"  # moving a part off the device would free nothing
    options = ImageOptions.of(entry)
    room = vram or devices.default_vram_budget(device)
    return offload_for(entry.memory_bytes, options.offload_bytes, options.working_bytes, room)


def _memory(entry: Entry, role: str, vram: int | None) -> int:
    """Bytes of weights on the device."""
    if not entry.memory_bytes:
        return listed_bytes(entry, role, vram)
    largest = ImageOptions.of(entry).offload_bytes
    whole = listed_in_16_bits(entry, role, vram)
    return {"none": whole, "parts": largest, "layers": largest // 8}[_offload(entry, vram)]


EXTENSION = Extension(
    families=(
        Family(
            name="diffusion",
            tab="image",
            load=load_pipeline,
            options=ImageOptions,
            memory=_memory,
            one_core="embedded",
        ),
        Family(name="openai-images", tab="image", options=ImageOptions),
        Family(
            name="clip",
            tab="companion",
            load=lazy("playground.text_to_image.clip_score:load"),
            device=always_cpu,
            dtype="float32",
            one_core="embedded",
        ),
    )
)
