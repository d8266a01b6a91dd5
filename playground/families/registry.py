"""The registry of families: those that come with the app, and those of the extensions it was started with.

An extension is an importable module that defines `EXTENSION = Extension(...)`. The app's own packages are found the
same way, so that an extension can do whatever they can.

Invariants: extensions are named where the app is started (`--extension`, `PLAYGROUND_EXTENSION`) and nowhere else: no
page, endpoint or catalogue file can name a module. A registry is made once and never changed.
"""

import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from playground.errors import UserError
from playground.families.family import Family

# A package that registers families is one line here.
BUILT_IN = (
    "playground.chat.families",
    "playground.text_to_image.families",
    "playground.avatars.families",
    "playground.autoencoders.families",
    "playground.grounding.families",
)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Extension:
    """What one module adds to the app.

    Attributes:
        families: model families.
        catalogs: TOML files with models of them, in the format of `playground/catalog.toml`.
        tabs: descriptions of tabs, which `tabs.shell` reads; this package knows no page.
    """

    families: tuple[Family, ...] = ()
    catalogs: tuple[Path, ...] = ()
    tabs: tuple[object, ...] = ()


class Registry:
    """The families by name, with the catalogues and tabs of the same extensions.

    Args:
        extensions: what the modules define, the app's own first.

    Raises:
        UserError: two families have the same name.
    """

    def __init__(self, *extensions: Extension) -> None:
        self._families: dict[str, Family] = {}
        for family in (family for extension in extensions for family in extension.families):
            if family.name in self._families:
                raise UserError(f"There are two model families called “{family.name}”. Rename that of the extension.")
            self._families[family.name] = family
        self.catalogs = tuple(path for extension in extensions for path in extension.catalogs)
        self.tabs = tuple(tab for extension in extensions for tab in extension.tabs)

    def __contains__(self, name: object) -> bool:
        return name in self._families

    def __getitem__(self, name: str) -> Family:
        return self._families[name]

    def names(self) -> list[str]:
        """Names of all families, sorted."""
        return sorted(self._families)


def load_registry(*modules: str) -> Registry:
    """The app's own families and those of extensions.

    Args:
        modules: dotted names of importable modules that define `EXTENSION`.

    Raises:
        UserError: a module that cannot be imported or defines no `EXTENSION`, or a family that is there already.
    """
    return Registry(*(_extension(module) for module in (*BUILT_IN, *modules)))


@cache
def built_in() -> Registry:
    """The families that come with the app."""
    return load_registry()


def _extension(module: str) -> Extension:
    if not _MODULE.fullmatch(module):
        raise UserError(f"--extension takes the name of a module, as in `import`, and not “{module[:80]}”.")
    try:
        found = getattr(importlib.import_module(module), "EXTENSION", None)
    except ImportError as error:
        raise UserError(
            f"The extension “{module}” cannot be imported: {error}. Install it, or put it beside app.py."
        ) from error
    if not isinstance(found, Extension):
        raise UserError(f"The module “{module}” is no extension: it defines no `EXTENSION = Extension(...)`.")
    return found
