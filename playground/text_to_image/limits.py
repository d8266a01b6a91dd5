"""What can be asked of a text-to-image model, known before it is loaded.

Invariants: all of it follows from the catalogue's entry; no model library. The page shows these limits, and
`validation.py` holds every request to them.
"""

from dataclasses import dataclass

from playground.catalog import Entry
from playground.text_to_image.options import ImageOptions

# The pipeline that begins from a picture, for each that begins from noise. FLUX.2's own takes pictures as references.
IMAGE_TO_IMAGE = {
    "StableDiffusionPipeline": "StableDiffusionImg2ImgPipeline",
    "StableDiffusionXLPipeline": "StableDiffusionXLImg2ImgPipeline",
    "Flux2KleinPipeline": "Flux2KleinPipeline",
    "ZImagePipeline": "ZImageImg2ImgPipeline",
    "SanaSprintPipeline": "SanaSprintImg2ImgPipeline",
}
# Samplers that understand what a model of this kind predicts, on the schedule it was trained with.
SCHEDULERS = {
    "diffusion": (
        "DDIMScheduler",
        "EulerDiscreteScheduler",
        "EulerAncestralDiscreteScheduler",
        "DPMSolverMultistepScheduler",
        "UniPCMultistepScheduler",
    ),
    "flow": ("FlowMatchEulerDiscreteScheduler",),
    "trigflow": ("SCMScheduler",),
}
FEW_STEPS = {"diffusion": ("LCMScheduler",), "flow": ("FlowMatchLCMScheduler",), "trigflow": ()}
REMOTE_COUNT = 10  # what OpenAI-compatible servers give at most


@dataclass(frozen=True)
class Limits:
    """What a model takes. Triples are (least, usual, most).

    `sizes` are pixels a side, whole multiples of `multiple`. `negative`: the model uses a negative prompt (above a
    guidance of 1). `schedulers` are class names of diffusers that work with it, its own first; none where a server
    keeps it to itself. `tokens` is what of a prompt is read, 0 where nobody knows. `reference`: image-to-image takes
    the picture as something to look at, so that `strength` means nothing.
    """

    steps: tuple[int, int, int]
    guidance: tuple[float, float, float]
    negative: bool
    sizes: tuple[int, int, int]
    multiple: int
    schedulers: tuple[str, ...]
    count: int
    image_to_image: bool
    film: bool
    vocabulary: bool
    tokens: int
    reference: bool = False


def limits_of(entry: Entry) -> Limits:
    """The limits of a model of the image tab, local or remote."""
    image = ImageOptions.of(entry)
    local = entry.remote is None
    return Limits(
        steps=image.steps,
        guidance=image.guidance,
        negative=image.negative,
        sizes=image.sizes,
        multiple=image.multiple,
        schedulers=schedulers_of(image) if local else (),
        count=image.count if local else min(image.count, REMOTE_COUNT),
        image_to_image=local and image.pipeline in IMAGE_TO_IMAGE,
        film=local,
        vocabulary=image.vocabulary,
        tokens=image.tokens if local else 0,
        reference=local and IMAGE_TO_IMAGE.get(image.pipeline) == image.pipeline,
    )


def schedulers_of(image: ImageOptions) -> tuple[str, ...]:
    """The samplers for such a model, the one it comes with first."""
    usual = SCHEDULERS[image.process] + (FEW_STEPS[image.process] if image.few_steps else ())
    own = image.scheduler or usual[0]
    return (own, *(name for name in usual if name != own))
