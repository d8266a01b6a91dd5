"""What a catalogue entry says about using its model: where settings start and how far they go.

Invariants: plain fields with ranges, one table per tab; what is wrong is found while the file is read.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from playground.grounding.types import GroundingTask

MODEL_ID = r"^([A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?)?$"  # of another entry, or none
Guidance = Annotated[float, Field(ge=0, le=100)]
Steps = Annotated[int, Field(ge=1, le=1000)]
Side = Annotated[int, Field(ge=8, le=4096)]
Tokens = Annotated[int, Field(ge=1, le=8192)]
Codec = Literal[
    "minigpt_v2", "florence_loc", "kosmos_patch", "paligemma_loc", "qwen_rel1000", "qwen_abs", "gemini_yxyx1000",
    "ref_box_1000", "rex_999", "plain",
]  # fmt: skip


class Strict(BaseModel):
    """A table that knows its fields and refuses all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChatDefaults(Strict):
    """Where the chat's sliders start with a model: ranges as in the chat tab."""

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    top_k: Annotated[int, Field(ge=0, le=200)] = 40
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    repetition_penalty: Annotated[float, Field(ge=1, le=2)] = 1.0
    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] = 512


class ImageDefaults(Strict):
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
    def _is_in_order(self) -> "ImageDefaults":
        for name in ("steps", "guidance", "sizes"):
            least, usual, most = getattr(self, name)
            if not least <= usual <= most:
                raise ValueError(f"`{name}` is (least, usual, most), in this order")
        if any(side % self.multiple for side in self.sizes):
            raise ValueError(f"every one of `sizes` must be a multiple of `multiple` ({self.multiple})")
        return self


class GroundingDefaults(Strict):
    """What a model can be asked about a picture, and how it says where.

    `asks` are the tasks it can do, by itself or by its adapter's composing; `everything`: told to detect nothing in
    particular, it finds all it knows. `codec` names its box dialect. `streams`: it writes words (a detector does not).
    `scores`: every box has a score, and `threshold` (0..1) is where the slider over them starts. `heat`: it shows what
    its eyes see; `similar`: it finds what looks like a box; `turns`: earlier questions and answers go along.
    `max_new_tokens` is (least, usual, most). `working_bytes` is the room one question takes beside the weights.
    """

    asks: tuple[GroundingTask, ...] = tuple(GroundingTask)
    everything: bool = False
    codec: Codec = "plain"
    streams: bool = True
    scores: bool = False
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    heat: bool = False
    similar: bool = False
    turns: bool = False
    max_new_tokens: tuple[Tokens, Tokens, Tokens] = (1, 256, 1024)
    working_bytes: Annotated[int, Field(ge=0)] = 500_000_000

    @model_validator(mode="after")
    def _makes_sense(self) -> "GroundingDefaults":
        least, usual, most = self.max_new_tokens
        if not least <= usual <= most:
            raise ValueError("`max_new_tokens` is (least, usual, most), in this order")
        if not self.asks or len(set(self.asks)) < len(self.asks):
            raise ValueError("`asks` names at least one task, each once")
        if self.threshold and not self.scores:
            raise ValueError("`threshold` is for models whose boxes have `scores`")
        return self
