"""How the app was started: flags, each also an environment variable `PLAYGROUND_*`, and the profile's limits.

Invariants: numbers of the machine and of the profile live here and nowhere else; the rest of the
code is given a `Settings`.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playground.errors import UserError

ProfileName = Literal["local", "demo", "space"]
CHANNELS_LAST, COMPILED = WAYS = ("channels-last", "compile")  # see `playground.text_to_image.optimization`
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Profile:
    """What a place of use allows. Ages are seconds, `upload` is Gradio's size text."""

    name: ProfileName
    line: int  # requests waiting at most
    upload: str
    show_error: bool
    delete_cache: tuple[int, int]  # how often, how old
    sessions: int  # page states kept
    monitoring: bool | None
    footer: tuple[str, ...]
    mcp: bool
    strangers: bool  # visitors may not name models of their own, nor see paths of this machine


PROFILES: dict[str, Profile] = {
    "local": Profile("local", 64, "20mb", True, (3600, 3600), 10_000, None, ("api", "settings"), True, False),
    "demo": Profile("demo", 64, "10mb", False, (3600, 3600), 200, False, (), True, True),
    "space": Profile("space", 20, "10mb", False, (600, 1800), 200, False, ("gradio",), False, True),
}


@dataclass(frozen=True)
class Settings:
    """Everything a start decides. Budgets are bytes, or None for what the machine suggests."""

    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    auth: tuple[str, str] | None = None
    profile: Profile = PROFILES["local"]
    offline: bool = False
    prefetch: tuple[str, ...] = ()
    catalogs: tuple[Path, ...] = ()
    extensions: tuple[str, ...] = ()  # dotted names of modules, see `playground.families`
    vram: int | None = None
    ram: int | None = None
    idle_s: float = 600.0
    faster: tuple[str, ...] = ()  # of WAYS
    cache: Path = Path.home() / ".cache" / "aigc-playground"
    assets: Path = ROOT / "assets"


def read_settings(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Flags over environment over defaults. Raises `UserError` for combinations that are not safe."""

    def default(name: str, fallback: str | None = None) -> str | None:
        return environ.get(f"PLAYGROUND_{name}") or fallback

    parser = argparse.ArgumentParser(
        prog="app.py",
        description="A playground for generative models. Each flag is also an environment variable PLAYGROUND_*.",
    )
    in_space = bool(environ.get("SPACE_ID"))
    parser.add_argument("--host", default=default("HOST"), help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=default("PORT", environ.get("GRADIO_SERVER_PORT", "7860")))
    parser.add_argument(
        "--share", action="store_true", default=_is_on(default("SHARE")), help="a public link; needs --auth"
    )
    parser.add_argument("--auth", metavar="USER:PASSWORD", default=default("AUTH"), help="who may come in")
    parser.add_argument(
        "--profile", choices=sorted(PROFILES), default=default("PROFILE", "space" if in_space else "local")
    )
    parser.add_argument(
        "--offline", action="store_true", default=_is_on(default("OFFLINE")), help="never use the network"
    )
    parser.add_argument(
        "--prefetch",
        nargs="+",
        metavar="MODEL",
        default=(default("PREFETCH") or "").split(),
        help="fetch these models for a stage without network, then end",
    )
    parser.add_argument("--catalog", type=Path, action="append", metavar="FILE", help="models of your own (TOML)")
    parser.add_argument(
        "--extension",
        action="append",
        metavar="MODULE",
        help="a Python module that adds model families or tabs; it runs inside the app: name only what you trust",
    )
    parser.add_argument("--vram", type=float, metavar="GB", default=default("VRAM"), help="GPU memory to use at most")
    parser.add_argument("--ram", type=float, metavar="GB", default=default("RAM"), help="memory to use at most")
    parser.add_argument(
        "--idle",
        type=float,
        metavar="SECONDS",
        default=default("IDLE", "600"),
        help="unload a model nobody used for so long (default 600)",
    )
    parser.add_argument(
        "--faster",
        nargs="+",
        choices=WAYS,
        default=(default("FASTER") or "").split(),
        help="how image models may draw faster on a GPU; `compile` makes the first picture of a size wait",
    )
    given = parser.parse_args(argv)

    catalogs = given.catalog or [Path(name) for name in (default("CATALOG") or "").split(os.pathsep) if name]
    host = given.host or ("0.0.0.0" if in_space else "127.0.0.1")  # noqa: S104  # a Space's gate stands before it
    auth = _auth(given.auth)
    open_host = host not in ("127.0.0.1", "localhost", "::1") and not in_space
    if auth is None and (given.share or open_host):
        raise UserError("Others could reach this app: add --auth USER:PASSWORD, or leave out --share and --host.")
    return Settings(
        host=host,
        port=given.port,
        share=given.share,
        auth=auth,
        profile=PROFILES[given.profile],
        offline=given.offline,
        prefetch=tuple(given.prefetch),
        catalogs=tuple(catalogs),
        extensions=tuple(given.extension or (default("EXTENSION") or "").split()),
        vram=_gigabytes(given.vram),
        ram=_gigabytes(given.ram),
        idle_s=given.idle,
        faster=_ways(given.faster),
        cache=Path(default("CACHE", str(Settings.cache)) or ""),
    )


def _is_on(text: str | None) -> bool:
    return (text or "").lower() in ("1", "true", "yes", "on")


def _ways(names: Sequence[str]) -> tuple[str, ...]:
    if unknown := sorted(set(names) - set(WAYS)):  # from the environment
        raise UserError(f"--faster knows no {unknown[0]!r}; it takes {' and '.join(WAYS)}.")
    return tuple(names)


def _gigabytes(value: float | None) -> int | None:
    return None if value is None else int(value * 1e9)


def _auth(text: str | None) -> tuple[str, str] | None:
    if not text:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise UserError("--auth takes USER:PASSWORD, for example --auth guest:open-sesame.")
    return user, password
