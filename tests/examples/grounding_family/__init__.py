"""A grounding family from outside: LLaVA, taught to write boxes in a dialect of its own.

Start the app with `--extension tests.examples.grounding_family`, and catalogue entries may say `family = "llava"`.
"""

from playground.families import Extension, Family, lazy, listed_in_16_bits
from playground.grounding.options import GroundingOptions
from playground.grounding.types import GroundingTask
from tests.examples.grounding_family.dialect import PERCENT


class LlavaOptions(GroundingOptions):
    """What an entry's `options` may say, with this family's defaults."""

    dialects = (PERCENT,)

    asks: tuple[GroundingTask, ...] = (GroundingTask.CHAT, GroundingTask.CAPTION, GroundingTask.DETECT)
    max_new_tokens: tuple[int, int, int] = (1, 128, 512)


EXTENSION = Extension(
    families=(
        Family(
            name="llava",
            tab="grounding",
            load=lazy("tests.examples.grounding_family.engine:load"),  # imports torch, so not before a model is wanted
            options=LlavaOptions,
            memory=listed_in_16_bits,
        ),
    )
)
