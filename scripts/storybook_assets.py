"""Make `assets/storybook` from two npm packages: `python -m scripts.storybook_assets` (needs npm, once per new thing).

The sprites are Fluent Emoji (`@lobehub/fluent-emoji-3d`), the emoji's CLDR names come from `emojibase-data`. Which of
them are things of the Storybook world, in which order and under which names stands in `storybook_things.txt` beside
this script. Names there were written by hand with the CLDR names and keywords at hand; `--review` prints both.

Invariants:
    The order of things is their label: models are trained on it, so lines are only ever appended.
"""

import argparse
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from playground.settings import ROOT

SPRITES = "@lobehub/fluent-emoji-3d@1.1.0"
NAMES = "emojibase-data@17.0.0"
SOURCE = Path(__file__).with_name("storybook_things.txt")
ASSETS = ROOT / "assets" / "storybook"
LONGER_SIDE = 160  # pixels of a sprite in the atlas
PAGE = 2048  # pixels of a side of an atlas page
GAP = 2  # empty pixels between sprites
COLOURS = frozenset(("red", "orange", "yellow", "green", "blue", "purple", "pink", "black"))


def main() -> None:
    """Read the packages and the list of things, write the atlas pages and things.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sprites", type=Path, help=f"the unpacked folder of {SPRITES}; fetched where not given")
    parser.add_argument("--names", type=Path, help=f"the unpacked folder of {NAMES}; fetched where not given")
    parser.add_argument("--words", action="store_true", help="write things.json anew, keep the atlas")
    parser.add_argument("--review", action="store_true", help="print the names beside those of CLDR, write nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        things = read_things(SOURCE)
        if options.review:
            review(things, options.names or fetch(NAMES, Path(folder)))
            return
        if options.words:
            keep_places(things)
            write_json(things)
            return
        sprites = options.sprites or fetch(SPRITES, Path(folder))
        pack(things, sprites / "assets")
        write_json(things)


def fetch(package: str, folder: Path) -> Path:
    """The unpacked folder of an npm package, fetched by npm itself."""
    command = ["npm", "pack", package, "--silent", "--pack-destination", str(folder)]
    archive = folder / subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    target = folder / archive.stem
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    return target / "package"


def read_things(source: Path) -> list[dict[str, Any]]:
    """The records of the list, in its order."""
    things: list[dict[str, Any]] = []
    common, group = False, ""
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            common, group = line.startswith("## common "), line.split()[-1]
        elif not line.startswith("#"):
            code, name, plural, zh, measure, synonyms, zh_synonyms, traits = line.split("|")
            marks = traits.split()
            paint = next((m for m in marks if m in ("fair", "wide")), "main")
            recolourable = any(m in COLOURS or m in ("painted", "fair") for m in marks)
            things.append(
                {
                    "name": name,
                    "plural": plural or name + "s",
                    "zh": zh,
                    "measure": measure,
                    "synonyms": [s for s in synonyms.split(";") if s],
                    "zh_synonyms": [s for s in zh_synonyms.split(";") if s],
                    "group": group,
                    "code": code,
                    "recolourable": recolourable,
                    "common": common,
                    "natural": next((m for m in marks if m in COLOURS), None),
                    "paint": paint if recolourable else "",
                    "place": next((m for m in marks if m in ("sky", "water")), ""),
                }
            )
    return things


def pack(things: list[dict[str, Any]], sprites: Path) -> None:
    """Write the atlas pages, row by row, and note in each thing where its sprite is: page, x, y, width, height."""
    ASSETS.mkdir(parents=True, exist_ok=True)
    for old in ASSETS.glob("atlas-*.webp"):
        old.unlink()
    pages: list[Image.Image] = []
    x = y = PAGE
    for thing in things:
        sprite = cropped(Image.open(sprites / f"{thing['code']}.webp").convert("RGBA"))
        if x + sprite.width > PAGE:
            x, y = 0, y + LONGER_SIDE + GAP
        if y + LONGER_SIDE > PAGE:
            pages.append(Image.new("RGBA", (PAGE, PAGE)))
            x = y = 0
        pages[-1].paste(sprite, (x, y))
        thing["atlas"] = [len(pages) - 1, x, y, sprite.width, sprite.height]
        x += sprite.width + GAP
    for number, page in enumerate(pages):
        page.save(ASSETS / f"atlas-{number}.webp", quality=92, alpha_quality=100, method=6)


def keep_places(things: list[dict[str, Any]]) -> None:
    """Give each thing the place in the atlas that it has already."""
    known = json.loads((ASSETS / "things.json").read_text(encoding="utf-8"))
    places = {thing["code"]: thing["atlas"] for thing in known}
    for thing in things:
        thing["atlas"] = places[thing["code"]]


def cropped(picture: Image.Image) -> Image.Image:
    """The sprite without its empty margin, its longer side `LONGER_SIDE` pixels."""
    solid = picture.getchannel("A").point(lambda a: 255 if a > 24 else 0)
    box = solid.getbbox()
    assert box is not None
    picture = picture.crop(box)
    scale = LONGER_SIDE / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)


def write_json(things: list[dict[str, Any]]) -> None:
    """Write things.json, one thing a line."""
    lines = ",\n".join(json.dumps(thing, ensure_ascii=False) for thing in things)
    (ASSETS / "things.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def review(things: list[dict[str, Any]], names: Path) -> None:
    """Print every thing's names beside the CLDR names and keywords of its emoji, to check them by eye."""
    cldr = {}
    for language in ("en", "zh"):
        entries = json.loads((names / language / "data.json").read_text(encoding="utf-8"))
        cldr[language] = {e["hexcode"].lower().removesuffix("-fe0f"): e for e in entries}
    for thing in things:
        print(thing["name"], thing["zh"], sep="\t", end="")
        for entries in cldr.values():
            entry = entries.get(thing["code"].removesuffix("-fe0f"), {})
            print("\t", entry.get("label"), entry.get("tags"), end="")
        print()


if __name__ == "__main__":
    main()
