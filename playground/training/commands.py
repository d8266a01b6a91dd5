"""The recipes from the command line: `python -m playground.training avatar-vae …`.

Invariants: every command can be cut and run again, and goes on where it was. Only `--ship` writes what ships.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from playground.drawn_world.sampling import Split

if TYPE_CHECKING:
    from playground.training.dataset import World
    from playground.training.recipes.training_loop import Schedule

MODELS = Path(__file__).resolve().parents[2] / "assets" / "models"
RUNS = Path("runs")  # beside the code, and ignored by git
SIZE = 64
PORTRAITS = {Split.TRAIN: 196_608, Split.JUDGE: 98_304}  # rendered to disk when a recipe first needs them
GROUPS, GROUP_SIZE = 16_640, 96
Kind = Literal["portraits", "edits", "groups", "natural", "captioned"]


@dataclass(frozen=True)
class Recipe:
    """What a recipe does by default; every number can be given on the command line."""

    about: str
    images: int
    batch: int
    rate: float
    averaging: int
    train: Callable[[argparse.Namespace], None]
    first: int = 0  # pictures of the part that comes before, where there is one


def add_recipes(commands: Any) -> None:
    """A subcommand per recipe."""
    for name, recipe in RECIPES.items():
        parser = commands.add_parser(name, help=recipe.about)
        parser.add_argument("--images", type=int, default=recipe.images, help="how many pictures to see in all")
        parser.add_argument("--batch", type=int, default=recipe.batch)
        parser.add_argument("--rate", type=float, default=recipe.rate, help="the highest learning rate")
        parser.add_argument("--runs", type=Path, default=RUNS, help="where runs and rendered portraits are kept")
        parser.add_argument("--models", type=Path, default=MODELS, help="where the models it builds on are found")
        parser.add_argument("--init-from", type=Path, help="start from the weights in this folder")
        parser.add_argument("--portraits", type=int, help="how many of each kind to render; by default plenty")
        parser.add_argument("--groups", type=int, default=GROUPS, help="how many group pictures to render")
        if name == "avatar-gan":
            parser.add_argument(
                "--prior", action="store_true", help="with --init-from: take avatar-flow's weights anew"
            )
        if name == "avatar-diffusion":
            parser.add_argument("--reading", type=int, default=260_000, help="latents for the reader of latents")
            parser.add_argument("--doubled", type=int, default=150_000, help="pictures for the larger decoder, or 0")
        if recipe.first:
            parser.add_argument(
                "--first",
                type=int,
                help=f"pictures of the first part (default: {recipe.first:,}, or none with --init-from)",
            )
        parser.add_argument("--ship", action="store_true", help="at the end, put the weights among --models")
        parser.set_defaults(run=recipe.train, averaging=recipe.averaging, name=name, usual=recipe.first)
    parser = commands.add_parser("atlas", help="portraits on a map and what was measured on them, beside avatar-vae")
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--portraits", type=int, help="how many to render; by default plenty")
    parser.set_defaults(run=_atlas)


def _schedule(options: argparse.Namespace) -> "Schedule":
    from playground.training.recipes.training_loop import Schedule

    return Schedule(options.images, options.batch, options.rate, averaging=options.averaging)


def rendered(options: argparse.Namespace, split: Split, kind: Kind = "portraits", size: int = SIZE) -> "World":
    """The pictures of that split, rendered if they are not there yet."""
    from playground.training.dataset import read
    from playground.training.shards import Plan, render

    plan = Plan(kind, split, options.portraits or PORTRAITS[split], size)
    if kind == "groups":
        plan = Plan(kind, split, options.groups, GROUP_SIZE, per_shard=256)
    folder = options.runs / f"{split}-{plan.kind}-{plan.size}"
    render(folder, plan)
    return read(folder)


def _folders(options: argparse.Namespace) -> list[Path]:
    """Where the weights go: the run's folder, and among the models if that is wished."""
    return [options.runs / options.name / "model", *([options.models / options.name] if options.ship else [])]


def _done(options: argparse.Namespace, model: Any, within: str = "") -> None:
    for folder in _folders(options):
        model.save_pretrained(folder / within)
        print(folder / within)


def _vae(options: argparse.Namespace) -> None:
    from playground.training.recipes import vae

    worlds = rendered(options, Split.TRAIN), rendered(options, Split.TRAIN, "edits")
    _done(options, vae.train(*worlds, options.runs / options.name, _schedule(options), options.init_from))


def _judge(options: argparse.Namespace) -> None:
    from playground.training.recipes import judge

    world, out = rendered(options, Split.JUDGE), options.runs / options.name
    eyes: Any = "convolutional" if options.name == "avatar-judge" else "patches"
    _done(options, judge.train(world, out, _schedule(options), eyes, options.init_from))


def _flow(options: argparse.Namespace) -> None:
    from playground.training.recipes import flow

    known = _latents(options)
    _done(options, flow.train(known, options.runs / options.name, _schedule(options), options.init_from))


def _first(options: argparse.Namespace) -> int:
    """The pictures of the first part: what was asked, or all of it for weights that start from nothing."""
    if options.first is not None:
        return int(options.first)
    return 0 if options.init_from else int(options.usual)


def _gan(options: argparse.Namespace) -> None:
    from playground.avatars.flow import AvatarFlow
    from playground.avatars.gan import AvatarDiscriminator, AvatarGenerator
    from playground.training.recipes import gan
    from playground.training.recipes.training_loop import Schedule, device
    from playground.training.recipes.vae import attribute_config

    where = device()
    generator, discriminator = (
        AvatarGenerator(attributes=attribute_config()).to(where),
        AvatarDiscriminator().to(where),
    )
    known, world, out = _latents(options), rendered(options, Split.TRAIN, "natural"), options.runs / options.name
    if options.init_from is not None:
        generator.load_state_dict(AvatarGenerator.from_pretrained(options.init_from).state_dict())
        opposite = AvatarDiscriminator.from_pretrained(options.init_from / "discriminator")
        discriminator.load_state_dict(opposite.state_dict())
    first = _first(options)
    if first:
        gan.styles(generator, known, world, out / "styles", Schedule(first, 64, 2.5e-3, averaging=6000))
    if first or options.prior:
        flow = AvatarFlow.from_pretrained(options.models / "avatar-flow")
        generator.mapping.prior.load_state_dict(flow.state_dict())
        gan.centre(generator)
    if options.images:
        gan.game(generator, discriminator, known, world, out / "game", _schedule(options))
    _done(options, generator)
    _done(options, discriminator, "discriminator")


def _clip(options: argparse.Namespace) -> None:
    from playground.drawn_world.captions import words
    from playground.training.recipes import clip, minigpt
    from playground.training.recipes.clip_tokenizer import new_tokenizer
    from playground.training.recipes.training_loop import Schedule

    groups, out = rendered(options, Split.TRAIN, "groups"), options.runs / options.name
    again = options.init_from is not None
    if again:
        model = clip.load(options.init_from)
    else:
        worlds = rendered(options, Split.TRAIN), groups
        captions = [record["caption"] for world in worlds for record in world.records()]
        model = clip.build(new_tokenizer([*captions, *words()]), SIZE)
        if (lent := options.models / "avatar-minigpt").exists():
            clip.borrow(model, minigpt.load(lent).model.model.vision_model)
    if first := _first(options):
        rate, head_start = (5e-4, first // 8) if again else (1.5e-3, 0)
        clip.words(model, groups, out / "words", Schedule(first, 64, rate, averaging=4000), head_start)
    if options.images:
        both = rendered(options, Split.TRAIN), rendered(options, Split.TRAIN, "edits")
        clip.sight(model, *both, groups, out / "sight", _schedule(options))
    for folder in _folders(options):
        model.save(folder)


def _diffusion(options: argparse.Namespace) -> None:
    from playground.training.recipes import diffusion, diffusion_pipeline

    size = 2 * SIZE if options.init_from else SIZE  # what the autoencoder draws in the end, and what at first
    world = rendered(options, Split.TRAIN, "captioned", size)
    after = rendered(options, Split.TRAIN, "edits") if options.doubled else None
    out = options.runs / options.name
    whole = diffusion_pipeline.train(
        world, after, options.models, out, _first(options), _schedule(options), options.init_from, options.reading,
        options.doubled,
    )  # fmt: skip
    for folder in _folders(options):
        diffusion.save(whole, folder)


def _minigpt(options: argparse.Namespace) -> None:
    from playground.training.recipes import minigpt
    from playground.training.recipes.minigpt_tokenizer import every_text, new_tokenizer
    from playground.training.recipes.training_loop import Schedule

    groups, out = rendered(options, Split.TRAIN, "groups"), options.runs / options.name
    if options.init_from is not None:
        model = minigpt.load(options.init_from)
    else:
        model = minigpt.build(new_tokenizer(every_text(groups.records(), GROUP_SIZE)), GROUP_SIZE)
    heads = minigpt.eyes(model, groups, out / "eyes", Schedule(_first(options), 8, 1.2e-3, 2000, 3000))
    minigpt.words(model, groups, out / "words", _schedule(options), heads)
    for folder in _folders(options):
        model.save(folder)


def _atlas(options: argparse.Namespace) -> None:
    from playground.training.recipes.atlas import make_atlas

    models, world = options.models, rendered(options, Split.TRAIN, "natural")
    make_atlas(models / "avatar-vae", models / "avatar-flow", models / "avatar-judge", world)


def _latents(options: argparse.Namespace) -> Any:
    """The VAE's posteriors of natural people."""
    from playground.avatars.vae import AvatarVAE
    from playground.training.recipes.training_loop import device
    from playground.training.recipes.vae_posteriors import latents_of

    vae = AvatarVAE.from_pretrained(options.models / "avatar-vae").eval().requires_grad_(False).to(device())
    world = rendered(options, Split.TRAIN, "natural")
    return latents_of(vae, world, len(world), options.runs / f"posteriors-{len(world)}.safetensors")


RECIPES = {
    "avatar-vae": Recipe("encoder and decoder with named controls", 170_000, 64, 2e-3, 8000, _vae),
    "avatar-flow": Recipe("the prior of the VAE's latent", 3_000_000, 1024, 1.5e-3, 200_000, _flow),
    "avatar-gan": Recipe("generator and discriminator", 60_000, 32, 1.5e-4, 4000, _gan, 215_000),
    "avatar-clip": Recipe("pictures and words that point the same way", 200_000, 128, 1e-3, 8000, _clip, 60_000),
    "avatar-diffusion": Recipe("pictures from words", 400_000, 64, 1e-3, 10_000, _diffusion, 60_000),
    "avatar-minigpt": Recipe("answers about group pictures, with boxes", 200_000, 16, 1e-3, 4000, _minigpt, 40_000),
    "avatar-judge": Recipe("the classifier that measures", 260_000, 128, 2e-3, 12_000, _judge),
    "avatar-judge-2": Recipe("another one, of another architecture", 260_000, 128, 1.5e-3, 12_000, _judge),
}
