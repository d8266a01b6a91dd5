"""What the catalogue says of using a hub autoencoder."""

from typing import Annotated

from pydantic import Field

from playground.catalog_entry import Options


class AutoencoderOptions(Options):
    """How large pictures may be. The defaults are those of `AutoencoderKL`.

    Attributes:
        longest_side: pixels of the longer side, at most; beyond the default a KL decoder takes more than 6 GB.
        working_bytes_per_pixel: activations at their most, in float32.
    """

    longest_side: Annotated[int, Field(ge=64, le=8192)] = 1024
    working_bytes_per_pixel: Annotated[int, Field(ge=0)] = 6_000


class TinyAutoencoderOptions(AutoencoderOptions):
    """The defaults of `AutoencoderTiny`."""

    longest_side: Annotated[int, Field(ge=64, le=8192)] = 2048
    working_bytes_per_pixel: Annotated[int, Field(ge=0)] = 1_500
