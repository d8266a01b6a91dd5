"""The evaluation from the command line: `python -m playground.training evaluate avatar-vae`.

Invariants: what a model card claims is printed here, from held-out seeds and the weights that ship.
"""

import argparse
import importlib
from pathlib import Path
from typing import Any

from playground.training.commands import MODELS


def add_evaluate(commands: Any) -> None:
    parser = commands.add_parser("evaluate", help="print the table of a model card, and put it into the card")
    parser.add_argument("model", choices=sorted(TABLES))
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--count", type=int, help="held-out portraits, or samples")
    parser.add_argument("--no-card", action="store_true", help="print only; leave card and sheet alone")
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from playground.training.evaluation import contact_sheets, model_card

    module, function, count = TABLES[options.model]
    tables = importlib.import_module(f"playground.training.evaluation.{module}")
    arguments: list[Any] = [options.model] if module == "judges" else []
    rows = getattr(tables, function)(options.models, options.count or count, *arguments)
    text = model_card.markdown(rows, f"python -m playground.training evaluate {options.model}")
    print(text)
    if not options.no_card:
        contact_sheets.write(options.models, options.model)
        model_card.write(options.models / options.model / "README.md", text)


TABLES = {
    "avatar-clip": ("clip", "table", 2000),
    "avatar-diffusion": ("diffusion", "table", 500),
    "avatar-minigpt": ("minigpt", "table", 1000),
    "avatar-vae": ("vae", "table", 2048),
    "avatar-flow": ("flow_and_gan", "flow_table", 2048),
    "avatar-gan": ("flow_and_gan", "gan_table", 5000),
    "avatar-judge": ("judges", "table", 4096),
    "avatar-judge-2": ("judges", "table", 4096),
    "storybook-vae": ("storybook", "vae_table", 512),
    "storybook-judge": ("storybook", "judge_table", 2048),
}
