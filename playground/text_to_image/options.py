"""What the catalogue says of using a text-to-image model: its pipeline, its ranges and the memory it works in."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from playground.catalog_entry import Options

MODEL_ID = r"^([A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?)?$"  # of another entry, or none
Guidance = Annotated[float, Field(ge=0, le=100)]
Steps = Annotated[int, Field(ge=1, le=1000)]
Side = Annotated[int, Field(ge=8, le=4096)]


class ImageOptions(Options):
    """How a text-to-image model is used. Triples are (least, usual, most); the defaults are Stable Diffusion 1.5's.

    `pipeline` and `scheduler` are class names of diffusers, `scheduler` the one the model comes with; `process` is
    what the denoiser learned to undo: "diffusion" (alpha-bar schedules), "flow" (rectified flow) or "trigflow".
    `few_steps` marks models distilled to a handful of steps. `tokens` is what of a prompt is read at most.

    `working_bytes` is the room one picture of the usual size takes beside the weights, `offload_bytes` what the
    largest part of the pipeline takes, and `batch` how many pictures are made at once where memory allows. `decoder`
    (a tiny autoencoder for the live preview) and `clip` (scores) are ids of other entries.
    """

    pipeline: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9_]{0,60}Pipeline$")] = "StableDiffusionPipeline"
    scheduler: Annotated[str, Field(pattern=r"^([A-Z][A-Za-z0-9_]{0,60}Scheduler)?$")] = ""
    process: Literal["diffusion", "flow", "trigflow"] = "diffusion"
    few_steps: bool = False
    steps: tuple[Steps, Steps, Steps] = (1, 25, 100)
    guidance: tuple[Guidance, Guidance, Guidance] = (1.0, 7.5, 20.0)
    sizes: tuple[Side, Side, Side] = (256, 512, 1024)
    multiple: Annotated[int, Field(ge=1, le=256)] = 8
    negative: bool = True
    tokens: Annotated[int, Field(ge=0)] = 77
    count: Annotated[int, Field(ge=1, le=64)] = 8
    batch: Annotated[int, Field(ge=1, le=64)] = 1
    vocabulary: bool = False
    working_bytes: Annotated[int, Field(ge=0)] = 1_000_000_000
    offload_bytes: Annotated[int, Field(ge=0)] = 0
    decoder: Annotated[str, Field(pattern=MODEL_ID)] = ""
    clip: Annotated[str, Field(pattern=MODEL_ID)] = ""

    @model_validator(mode="after")
    def _is_in_order(self) -> "ImageOptions":
        for name in ("steps", "guidance", "sizes"):
            least, usual, most = getattr(self, name)
            if not least <= usual <= most:
                raise ValueError(f"`{name}` is (least, usual, most), in this order")
        if any(side % self.multiple for side in self.sizes):
            raise ValueError(f"every one of `sizes` must be a multiple of `multiple` ({self.multiple})")
        return self
