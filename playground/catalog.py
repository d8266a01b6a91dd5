"""The catalogue: every model of the app, read from TOML and checked.

A hub model of a known family is one entry and no code. A user's own file (`--catalog`) may add entries and replace
entries of the same id.

Invariants: the catalogue is data. What is wrong is told by file, entry and field, while the file is read.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from playground.catalog_entry import (
    ID,
    AssetSource,
    Entry,
    HubSource,
    PathSource,
    Pickle,
    Remote,
    Source,
    Strict,
    WheelSource,
)
from playground.errors import UserError
from playground.families import Registry, built_in

__all__ = [
    "AssetSource",
    "Catalog",
    "Entry",
    "HubSource",
    "PathSource",
    "Pickle",
    "Remote",
    "Source",
    "Strict",
    "WheelSource",
    "read_catalog",
]

BUILT_IN = Path(__file__).with_name("catalog.toml")
UNLISTED_FAMILY = "causal-lm"  # of a hub id that nobody listed
FORMER_NAMES = ("defaults", "image", "grounding")  # of the table `options`, in files of before


class Catalog:
    """All models, in the order of the files; looked up by id.

    Args:
        entries: the models by id.
        families: what an unlisted model's family is looked up in.
        hub_ids: whether "owner/name" of the hub is an id too: a chat model nobody listed.
    """

    def __init__(self, entries: dict[str, Entry], families: Registry | None = None, hub_ids: bool = False) -> None:
        self._entries = entries
        self._families = families or built_in()
        self.hub_ids = hub_ids

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def of_tab(self, tab: str) -> list[Entry]:
        """The models of a tab, the default first.

        Args:
            tab: its name ("chat", "image", "grounding", "vae", "gan", or one of an extension's).
        """
        return [entry for entry in self if entry.tab == tab]

    def get(self, model_id: str) -> Entry:
        """The entry of an id.

        Args:
            model_id: an id of the catalogue, or "owner/name" of the hub where `hub_ids` allows it.

        Raises:
            UserError: there is no such model; names those there are.
        """
        if model_id in self._entries:
            return self._entries[model_id]
        if self.hub_ids and "/" in model_id and re.fullmatch(ID, model_id) and len(model_id) <= 128:
            return self._unlisted(model_id)
        known = ", ".join(self._entries)
        raise UserError(f"There is no model “{model_id[:80]}”. Choose one of: {known}.")

    def _unlisted(self, repo: str) -> Entry:
        family = self._families[UNLISTED_FAMILY]
        return Entry(
            id=repo,
            tab=family.tab,
            label=repo.split("/")[1][:80],
            family=family.name,
            licence="see its hub page",
            thinking="switch",
            sources=(HubSource(kind="hub", repo=repo),),
            options=family.options(),
        )


def read_catalog(*extra: Path, families: Registry | None = None, hub_ids: bool = False) -> Catalog:
    """The built-in catalogue with other files on top.

    Args:
        extra: catalogue files of extensions and of the user's own; a later one replaces entries of an earlier one.
        families: the families that entries may name. Default: those that come with the app.
        hub_ids: whether "owner/name" of the hub is a model too.

    Raises:
        UserError: the first fault found, by file, entry and field.
    """
    families = families or built_in()
    entries: dict[str, Entry] = {}
    for path in (BUILT_IN, *extra):
        entries |= _read_file(path, families)
    return Catalog(entries, families, hub_ids)


def _read_file(path: Path, families: Registry) -> dict[str, Entry]:
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
        entry = _read_entry(path, number, fields, families)
        if entry.id in entries:
            raise UserError(f"The catalogue {path} lists the id “{entry.id}” twice. Rename one of them.")
        entries[entry.id] = entry
    return entries


def _read_entry(path: Path, number: int, fields: object, families: Registry) -> Entry:
    """An entry held to its family: its tab, whether it needs a server, and its options."""
    name = fields.get("id", f"number {number}") if isinstance(fields, dict) else f"number {number}"

    def fault(field: str, message: str) -> UserError:
        return UserError(f"The catalogue {path}, entry “{name}”, field `{field}`: {message}.")

    try:
        if not isinstance(fields, dict) or not isinstance(fields.get("family"), str):
            return Entry.model_validate(fields)  # raises
        if fields["family"] not in families:
            known = ", ".join(families.names())
            raise fault("family", f"there is no family “{fields['family'][:80]}”. Choose one of: {known}")
        family = families[fields["family"]]
        given = dict(fields)
        table = next((former for former in FORMER_NAMES if former in given), "options")
        if given.setdefault("tab", family.tab) != family.tab:
            raise fault("tab", f"models of the family “{family.name}” are of the tab “{family.tab}”")
        if family.remote and given.get("remote") is None:
            raise fault("remote", f"an entry of the family “{family.name}” needs `remote` with `url` and `model`")
        options = given.pop(table, {})
        entry = Entry.model_validate(given)
        try:
            return entry.model_copy(update={"options": family.options.model_validate(options)})
        except ValidationError as error:
            raise fault(*_first(error, table)) from error
    except ValidationError as error:
        raise fault(*_first(error)) from error


def _first(error: ValidationError, *at: str) -> tuple[str, str]:
    """Field and message of the first fault."""
    fault = error.errors()[0]
    return ".".join([*at, *(str(part) for part in fault["loc"])]) or "the entry itself", fault["msg"]
