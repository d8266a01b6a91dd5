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
# Schedulers that understand what a model of this kind predicts, on the schedule it was trained with.
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
NEGATIVE_ABOVE = 1.0  # guidance
REMOTE_COUNT = 10  # what OpenAI-compatible servers give at most


@dataclass(frozen=True)
class Limits:
    """What a model takes. Triples are (least, usual, most).

    Attributes:
        steps: Of denoising.
        guidance: Scale of classifier-free guidance.
        negative: Whether it reads a negative prompt at all.
        sizes: Pixels a side, whole multiples of `multiple`.
        multiple: Pixels.
        schedulers: Class names of diffusers that work with it, its own first; none where a server keeps it to itself.
        count: Most pictures of one request.
        image_to_image: Whether it can begin from a picture.
        trajectory: Whether its steps can be kept.
        vocabulary: Whether it knows only the words of the drawn world.
        tokens: How many of a prompt are read, 0 if unknown.
        reference: Image-to-image takes the picture as something to look at, so that `strength` means nothing.
    """

    steps: tuple[int, int, int]
    guidance: tuple[float, float, float]
    negative: bool
    sizes: tuple[int, int, int]
    multiple: int
    schedulers: tuple[str, ...]
    count: int
    image_to_image: bool
    trajectory: bool
    vocabulary: bool
    tokens: int
    reference: bool = False

    def reads_negative_prompt(self, guidance: float | None) -> bool:
        """Whether a negative prompt has an effect: not with every model, and only if there is guidance to steer with.

        Args:
            guidance: At 1 classifier-free guidance is the prompt alone; None for the model's own.
        """
        if not self.negative:
            return False
        if guidance is None:
            guidance = self.guidance[1]
        return guidance is None or guidance > NEGATIVE_ABOVE


def limits_of(entry: Entry) -> Limits:
    """The limits of a model.

    Args:
        entry: A text-to-image model of the catalogue, local or remote.
    """
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
        trajectory=local,
        vocabulary=image.vocabulary,
        tokens=image.tokens if local else 0,
        reference=local and IMAGE_TO_IMAGE.get(image.pipeline) == image.pipeline,
    )


def schedulers_of(image: ImageOptions) -> tuple[str, ...]:
    """The schedulers that work with a model, the one it comes with first.

    Args:
        image: What the catalogue says of it.
    """
    usual = SCHEDULERS[image.process] + (FEW_STEPS[image.process] if image.few_steps else ())
    own = image.scheduler or usual[0]
    return (own, *(name for name in usual if name != own))
