"""`python -m playground.training …`: the world and the recipes from the command line.

Invariants: a subcommand reads its options and calls one function; nothing heavy is imported before that.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from playground.drawn_world.sampling import Split, seeds
from playground.errors import UserError
from playground.training.commands import MODELS, RUNS, add_recipes
from playground.training.evaluate_command import add_evaluate
from playground.training.storybook import commands as storybook


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m playground.training", description="The drawn world of the models."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _world_options(commands.add_parser("world", help="render pictures with labels and captions to disk"))
    _sheet_options(commands.add_parser("sheet", help="draw a contact sheet to look at"))
    add_recipes(commands)
    storybook.add_recipes(commands, MODELS, RUNS)
    add_evaluate(commands)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except UserError as problem:
        print(problem, file=sys.stderr)
        return 1
    except ModuleNotFoundError as missing:
        print(f"{missing.name} is not installed: pip install -r requirements-dev.txt", file=sys.stderr)
        return 1
    return 0


def _seed_options(parser: argparse.ArgumentParser, count: int) -> None:
    parser.add_argument("--count", type=_positive, default=count, help="how many pictures")
    parser.add_argument("--size", type=_positive, default=64, help="pixels of a side (for groups 96 or more)")
    parser.add_argument("--split", type=Split, choices=list(Split), default=Split.TRAIN, help="whose seeds")
    parser.add_argument("--start", type=int, default=0, help="the first seed, counted within the split")
    parser.add_argument("--groups", action="store_true", help="group pictures with boxes instead of portraits")


def _world_options(parser: argparse.ArgumentParser) -> None:
    _seed_options(parser, count=16384)
    parser.add_argument("--out", type=Path, required=True, help="a folder; a run that was cut goes on there")
    parser.add_argument("--edits", action="store_true", help="portraits after one attribute got another value")
    parser.add_argument("--processes", type=_positive, default=2)
    parser.set_defaults(run=_world)


def _sheet_options(parser: argparse.ArgumentParser) -> None:
    _seed_options(parser, count=72)
    parser.add_argument("--out", type=Path, required=True, help="a PNG file")
    parser.add_argument("--values", action="store_true", help="one row per attribute, one picture per value")
    parser.set_defaults(run=_sheet)


def _world(options: argparse.Namespace) -> None:
    from playground.training.shards import Plan, render

    kind: Literal["groups", "portraits", "edits"] = "groups" if options.groups else "portraits"
    if options.edits:
        kind = "edits"
    per_shard = 256 if options.groups else 2048  # some seconds of drawing
    _chosen(options)
    plan = Plan(kind, options.split, options.count, options.size, options.start, per_shard)
    render(options.out, plan, options.processes)


def _sheet(options: argparse.Namespace) -> None:
    from PIL import Image

    from playground.training.contact_sheets import groups_sheet, people_sheet, values_sheet

    chosen = _chosen(options)
    if options.values:
        picture = values_sheet(chosen[0], options.size)
    elif options.groups:
        picture = groups_sheet(chosen, options.size)
    else:
        picture = people_sheet(chosen, options.size)
    Image.fromarray(picture).save(options.out, format="PNG")


def _chosen(options: argparse.Namespace) -> range:
    """The seeds that the options name."""
    if options.groups and options.size < 64:
        raise UserError("Group pictures need a --size of 64 or more (96 for five people).")
    try:
        return seeds(options.split, options.count, options.start)
    except ValueError as problem:
        raise UserError(f"{problem} Choose a smaller --start or --count.") from problem


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
