"""What the catalogue says of using a chat model: where the sliders start."""

from typing import Annotated

from pydantic import Field

from playground.catalog_entry import Options


class ChatOptions(Options):
    """Where the chat's sliders start with a model: ranges as in the chat tab."""

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    top_k: Annotated[int, Field(ge=0, le=200)] = 40
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0
    repetition_penalty: Annotated[float, Field(ge=1, le=2)] = 1.0
    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] = 512
