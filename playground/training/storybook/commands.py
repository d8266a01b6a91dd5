"""The Storybook recipes on the command line: `python -m playground.training storybook-judge …`.

Invariants:
    Every command can be cut and run again, and goes on where it was. Only `--ship` writes what ships.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.drawn_world.sampling import Split
from playground.errors import UserError

if TYPE_CHECKING:
    from playground.training.recipes.training_loop import Schedule
    from playground.training.storybook.shards import SceneShards


def add_recipes(commands: Any, models: Path, runs: Path) -> None:
    """A subcommand per model.

    Args:
        commands: the subparsers to add to.
        models, runs: default folders of the models and of the runs.
    """

    def command(name: str, about: str, run: Any, images: int, batch: int, rate: float, scenes: int) -> Any:
        parser = commands.add_parser(name, help=about)
        parser.add_argument("--images", type=int, default=images, help="how many pictures or captions to see in all")
        parser.add_argument("--batch", type=int, default=batch)
        parser.add_argument("--rate", type=float, default=rate, help="the highest learning rate")
        parser.add_argument(
            "--scenes", type=int, default=scenes, help="how many scenes to render, a multiple of 1,024"
        )
        parser.add_argument("--runs", type=Path, default=runs, help="where runs and rendered scenes are kept")
        parser.add_argument("--models", type=Path, default=models, help="where the models it builds on are found")
        parser.add_argument("--init-from", type=Path, help="start from the weights in this folder")
        parser.add_argument("--ship", action="store_true", help="at the end, put the weights among --models")
        parser.set_defaults(run=run, name=name)
        return parser

    command("storybook-judge", "the detector that measures", _judge, 400_000, 32, 1.5e-3, 32_768)
    command("storybook-clip", "the text half: what sentences say", _clip, 600_000, 128, 1e-3, 0)
    parser = command("storybook-vae", "pictures to latents and back", _vae, 300_000, 16, 2e-3, 32_768)
    parser.add_argument("--decoder-only", action="store_true", help="teach the decoder alone: latents stay valid")
    command("storybook-diffusion", "the pipeline: scenes from words", _diffusion, 1_000_000, 64, 1e-3, 131_072)


def _scenes(options: argparse.Namespace, split: Split) -> "SceneShards":
    from playground.training.storybook.shards import Plan, rendered

    return rendered(options.runs / f"storybook-{split}-128", Plan(split, options.scenes))


def _schedule(options: argparse.Namespace, images: int, batch: int | None = None) -> "Schedule":
    from playground.training.recipes.training_loop import Schedule

    return Schedule(images, batch or options.batch, options.rate, averaging=min(20_000, max(1, images // 20)))


def _folders(options: argparse.Namespace) -> list[Path]:
    """Where the weights go: the run's folder, and among the models if that is wished."""
    return [options.runs / options.name / "model", *([options.models / options.name] if options.ship else [])]


def _judge(options: argparse.Namespace) -> None:
    from playground.training.storybook import judge

    shards = _scenes(options, Split.JUDGE)
    model = judge.train(
        shards, options.runs / options.name / "judge", _schedule(options, options.images), options.init_from
    )
    for folder in _folders(options):
        model.save_pretrained(folder, max_shard_size="9MB")


def _clip(options: argparse.Namespace) -> None:
    from playground.training.storybook import text_encoder

    out = options.runs / options.name
    tokenizer = text_encoder.tokenizer_of(options.init_from or out / "tokenizer")
    model, found = text_encoder.train(tokenizer, out / "text", _schedule(options, options.images), options.init_from)
    print(found)
    for folder in _folders(options):
        text_encoder.save(model, tokenizer, folder)


def _vae(options: argparse.Namespace) -> None:
    from playground.training.storybook import autoencoder

    vae, _ = autoencoder.train(
        _scenes(options, Split.TRAIN), options.runs / options.name / "vae", _schedule(options, options.images),
        options.init_from, options.decoder_only,
    )  # fmt: skip
    for folder in _folders(options):
        autoencoder.save(vae, folder)


def _diffusion(options: argparse.Namespace) -> None:
    from diffusers import AutoencoderKL

    from playground.training.storybook import autoencoder, denoiser, text_encoder

    shards, out = _scenes(options, Split.TRAIN), options.runs / options.name
    vae = AutoencoderKL.from_pretrained(_model(options, "storybook-vae"))
    text, tokenizer = text_encoder.load(_model(options, "storybook-clip"))
    latents = denoiser.latents_of(vae, shards, out / "latents")
    reader = autoencoder.reader_of(shards, latents, out / "reader")
    pipeline = denoiser.train(
        shards, latents, vae, reader, text, tokenizer, text_encoder.describer(shards), out / "unet",
        _schedule(options, options.images), options.init_from,
    )  # fmt: skip
    for folder in _folders(options):
        denoiser.save(pipeline, folder)


def _model(options: argparse.Namespace, name: str) -> Path:
    """The folder of a model that another is built on: of the runs, else what ships."""
    for folder in (options.runs / name / "model", options.models / name):
        if folder.exists():
            return folder
    raise UserError(f"There is no {name} yet. Train it first: python -m playground.training {name}.")
