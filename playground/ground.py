"""A question to a whole folder of pictures: `python -m playground.ground FOLDER --task detect --text glasses --out …`.

Invariants: flags and progress; the work is in `grounding/batch.py`. Run again, it goes on where it was.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from playground.core import Playground
from playground.errors import UserError
from playground.grounding import batch as batches
from playground.grounding import task_tags
from playground.grounding.boxes import validate_box
from playground.grounding.types import Box, GroundingTask
from playground.runtime.task import Phase
from playground.settings import Settings, read_settings

# Of the app's own settings what means something without a page.
SHARED = ("CACHE", "CATALOG", "EXTENSION", "OFFLINE", "VRAM", "RAM")
INTERRUPTED = 130  # what a shell expects after Ctrl-C


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Ask of every picture that has no answer yet; the exit status."""
    given = _parser().parse_args(argv)
    try:
        playground = Playground(_settings(given, environ))
        try:
            return _run(playground, given)
        finally:
            playground.close()
    except UserError as error:
        print(f"ground: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # of the results' file or its folder: those of pictures are told in its lines
        print(f"ground: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ground: stopped. Run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED


def _run(playground: Playground, given: argparse.Namespace) -> int:
    service = playground.grounding
    entry = service.entry(given.model) if given.model else service.entries()[0]
    limits = service.limits(entry.id)
    ask, box, text = _question(given)
    threshold = limits.threshold if given.threshold is None and limits.scores else given.threshold or 0.0
    batch = batches.Batch(given.folder, entry.id, ask, text, box, threshold, given.temperature, given.seed)
    batches.checked(service, batch)
    files = batches.pictures(given.folder)
    done = batches.answered(given.out, batch)
    left = [file for file in files if file not in done]
    failed = found = 0
    with tqdm(total=len(files), initial=len(files) - len(left), unit="picture", desc=entry.label) as bar:
        for told in batches.run(service, batch, left, given.out, lambda phase: bar.set_postfix_str(_said(phase))):
            failed += "error" in told
            found += sum(len(entity["boxes"]) for entity in told.get("entities", ()))
            bar.set_postfix_str(f"{found} boxes")
            bar.update()
    print(f"{len(left) - failed} answered, {failed} failed, {len(done)} answered before: {given.out}")
    return 0


def _question(given: argparse.Namespace) -> tuple[GroundingTask, Box | None, str]:
    """Task, box and text of the flags, or typed in the text."""
    typed, text = task_tags.parse_tag(given.text)
    box, text = task_tags.parse_box(text)
    if given.box is not None:
        box = validate_box(given.box)
    return task_tags.TAGS[given.task] if given.task else typed or GroundingTask.CHAT, box, text


def _settings(given: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    flags = ["--offline"] if given.offline else []
    for catalog in given.catalog or ():
        flags += ["--catalog", str(catalog)]
    for name in ("vram", "ram"):
        value = getattr(given, name)
        flags += [f"--{name}", str(value)] if value is not None else []
    kept = {f"PLAYGROUND_{name}" for name in SHARED}
    return read_settings(flags, {name: value for name, value in environ.items() if name in kept})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m playground.ground",
        description="Ask the same of every picture in a folder. The results are JSON, a line per picture; run again, "
        "pictures that have one are passed over.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pictures are, also in folders below")
    parser.add_argument("--task", choices=sorted(task_tags.TAGS), help="or as a tag in the text, like [refer]")
    parser.add_argument("--text", default="", help="what to find, or the question")
    parser.add_argument("--box", type=_box, metavar="X0,Y0,X1,Y1", help="fractions of the picture, for identify")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the results, as JSON lines")
    parser.add_argument("--model", metavar="ID", help="a grounding model of the catalogue (default: the first)")
    parser.add_argument("--threshold", type=float, help="least score of a detector's box (default: as its slider)")
    parser.add_argument("--temperature", type=float, default=0.0, help="0, the default, gives the likeliest words")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--offline", action="store_true", help="never use the network")
    parser.add_argument("--catalog", type=Path, action="append", metavar="FILE", help="models of your own (TOML)")
    parser.add_argument("--vram", type=float, metavar="GB", help="GPU memory to use at most")
    parser.add_argument("--ram", type=float, metavar="GB", help="memory to use at most")
    return parser


def _box(text: str) -> list[float]:
    try:
        return [float(number) for number in text.strip("[] ").split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError("four numbers from 0 to 1 with commas, like 0.1,0.2,0.5,0.6") from error


def _said(phase: Phase) -> str:
    of = f" {phase.done / 1e6:.0f} of {phase.total / 1e6:.0f} MB" if phase.kind == "downloading" else ""
    return f"{phase.kind}{of}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
