"""A diffusers pipeline from its folder, on the device, whole or in parts.

Invariants: safetensors only, nothing from the network, under the lock of whoever builds.
"""

import copy
import inspect
import re
from pathlib import Path
from typing import Any

import diffusers
import torch

from playground.catalog import Entry
from playground.errors import UserError
from playground.inference.loading_errors import explained
from playground.text_to_image.limits import IMAGE_TO_IMAGE
from playground.text_to_image.offload import Offload
from playground.text_to_image.optimization import cache_prompt_embeddings, fix_execution_device, optimize
from playground.text_to_image.options import ImageOptions

VARIANT = re.compile(r"\.(fp16|bf16|fp32)(-\d{5}-of-\d{5})?\.safetensors$")
# Left out: they would be downloaded and loaded to black out pictures; the model's note says so.
WITHOUT = ("safety_checker", "feature_extractor", "image_encoder")


def load(
    folder: Path, entry: Entry, device: str, dtype: torch.dtype, offload: Offload, ways: tuple[str, ...] = ()
) -> Any:
    """The pipeline of a folder, ready to be called.

    Args:
        folder: In diffusers' layout, with safetensors.
        entry: The model in the catalogue.
        device: "cuda:0", "mps" or "cpu".
        dtype: Of the weights.
        offload: Where the weights are while the pipeline works.
        ways: Optional optimizations, of `settings.WAYS`; for weights that stay on the device.

    Raises:
        UserError: The files are of something else, or weights are missing.
    """
    name = ImageOptions.of(entry).pipeline
    kind = getattr(diffusers, name, None)
    if kind is None:
        raise UserError(
            f"The installed diffusers {diffusers.__version__} knows no {name}, which {entry.label} needs. Update it, "
            "or mend `pipeline` of its catalogue entry."
        )
    with explained(entry.label, f"a {name}"):
        saved = str(diffusers.DiffusionPipeline.load_config(folder, local_files_only=True).get("_class_name", ""))
        if saved != name:
            raise UserError(
                f"{entry.label} is a {saved[:80] or 'pipeline without a class'}, not a {name}. Mend `pipeline` of its "
                "catalogue entry, or choose another model."
            )
        known = inspect.signature(kind.__init__).parameters
        pipe = kind.from_pretrained(
            folder,
            dtype=dtype,
            variant=weights_variant(folder),
            use_safetensors=True,
            local_files_only=True,
            **{part: None for part in WITHOUT if part in known},
            **({"requires_safety_checker": False} if "requires_safety_checker" in known else {}),
        )
    _refuse_incomplete(pipe, entry)
    pipe.set_progress_bar_config(disable=True)
    cache_prompt_embeddings(pipe)
    match offload:
        case "none":
            pipe.to(device)
            fix_execution_device(pipe)
            optimize(networks_of(pipe), ways)
        case "parts":
            pipe.enable_model_cpu_offload(device=device)
        case "layers":
            pipe.enable_group_offload(
                onload_device=torch.device(device), offload_type="leaf_level", use_stream=True, low_cpu_mem_usage=True
            )
    return pipe


def image_to_image_pipeline(pipe: Any) -> Any:
    """The pipeline that begins from a picture, sharing every part with this one.

    Not `from_pipe`, which casts all parts to one dtype.

    Args:
        pipe: One of those of `limits.IMAGE_TO_IMAGE`.
    """
    name = IMAGE_TO_IMAGE[type(pipe).__name__]
    if name == type(pipe).__name__:
        return pipe
    kind = getattr(diffusers, name)
    known = inspect.signature(kind.__init__).parameters
    parts = {part: value for part, value in pipe.components.items() if part in known}
    settings = {key: pipe.config[key] for key in known if key in pipe.config and key not in parts}
    other = kind(**parts, **settings)
    other.set_progress_bar_config(disable=True)
    cache_prompt_embeddings(other)
    return other


def weights_variant(folder: Path) -> str | None:
    """The variant ("fp16") whose files are the only ones of a part of a pipeline.

    Args:
        folder: In diffusers' layout.

    Returns:
        None where every part has files without a variant.
    """
    for part in sorted(path.parent for path in folder.glob("*/config.json")):
        names = [path.name for path in part.glob("*.safetensors")]
        variants = {found[1] for name in names if (found := VARIANT.search(name))}
        if variants and all(VARIANT.search(name) for name in names):
            return "fp16" if "fp16" in variants else sorted(variants)[0]
    return None


def networks_of(pipe: Any) -> list[torch.nn.Module]:
    """The parts of a pipeline that have weights.

    Args:
        pipe: Any pipeline of diffusers.
    """
    return [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]


def _refuse_incomplete(pipe: Any, entry: Entry) -> None:
    """Raise `UserError` where a part is missing or its weights never came (they stay on "meta")."""
    for part in networks_of(pipe):
        if any(value.is_meta for value in part.parameters()):
            raise UserError(
                f"Weights of the {type(part).__name__} of {entry.label} are missing. Download it again, or choose "
                "another model."
            )


class Schedulers:
    """New schedulers on the schedule that a model was trained with.

    Args:
        config: Of the scheduler that was saved with the model.
    """

    def __init__(self, config: Any) -> None:
        self._config = config
        self._unused: dict[str, Any] = {}

    def new(self, name: str) -> Any:
        """A new scheduler. A copy: to make it from the config takes ten times as long.

        Args:
            name: A class of diffusers.
        """
        if name not in self._unused:
            self._unused[name] = make_scheduler(name, self._config)
        return copy.deepcopy(self._unused[name])


def make_scheduler(name: str, config: Any) -> Any:
    """A scheduler on the schedule that a model was trained with.

    Args:
        name: A class of diffusers.
        config: Of the scheduler that was saved with the model.
    """
    kind = getattr(diffusers, name)
    clips = "clip_sample" in inspect.signature(kind.__init__).parameters and "clip_sample" not in config
    # Some samplers clip the clean sample to -1..1 unless told otherwise, which is for pixels, not for latents.
    return kind.from_config(config, **({"clip_sample": False} if clips else {}))
