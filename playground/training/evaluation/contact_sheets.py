"""The contact sheets of the model cards: held-out pictures and fixed seeds, nothing chosen by eye.

Invariants: a sheet is drawn by the same code that measures, from the shipped weights.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from playground.avatars.controls import make_controls
from playground.avatars.flow import AvatarFlow
from playground.avatars.gan import AvatarGenerator
from playground.avatars.vae import AvatarVAE
from playground.drawn_world.attributes import visible
from playground.drawn_world.captions import captioned_person
from playground.drawn_world.sampling import Split, person, seeds
from playground.training.evaluation import diffusion, metrics, storybook
from playground.training.evaluation.grounding_sheet import grounding_sheet
from playground.training.recipes.training_loop import tiled, to_uint8

COLUMNS = 12


@torch.no_grad()
def vae_sheet(models: Path) -> np.ndarray:
    """Two rows of portraits with their reconstructions, then one row per control from one end to the other.

    Each control is shown on the first of them that shows its attribute.
    """
    vae = AvatarVAE.from_pretrained(models / "avatar-vae").eval()
    people = [person(seed) for seed in seeds(Split.HELD_OUT, 2 * COLUMNS)]
    images, _ = metrics.drawn(people, vae.size)
    latents = vae.encode(images)[0]
    back = vae.decode(latents)
    rows = [images[:COLUMNS], back[:COLUMNS], images[COLUMNS:], back[COLUMNS:]]
    for control in make_controls(vae.blocks):
        shows = next(i for i, who in enumerate(people) if control.block.name in visible(who))
        start = latents[shows].numpy()
        words = [control.values[i % len(control.values)] for i in range(COLUMNS)]
        steps = np.linspace(control.minimum, control.maximum, COLUMNS)
        moved = [
            control.apply(start, word if control.kind == "chips" else float(step))
            for word, step in zip(words, steps, strict=True)
        ]
        rows.append(vae.decode(torch.from_numpy(np.stack(moved))))
    return tiled(to_uint8(torch.cat(rows)), COLUMNS)


@torch.no_grad()
def flow_sheet(models: Path) -> np.ndarray:
    """Three rows of samples of the flow, then three of N(0, I), from the same noise."""
    vae = AvatarVAE.from_pretrained(models / "avatar-vae").eval()
    flow = AvatarFlow.from_pretrained(models / "avatar-flow").eval()
    noise = torch.randn((3 * COLUMNS, vae.latent), generator=torch.Generator().manual_seed(0))
    return tiled(to_uint8(vae.decode(torch.cat([flow.inverse(noise), noise]))), COLUMNS)


@torch.no_grad()
def gan_sheet(models: Path) -> np.ndarray:
    """Seeds 0 to 47, the first twelve at psi 0.7, 0.4 and 0, and mixed with the next twelve from each layer on."""
    generator = AvatarGenerator.from_pretrained(models / "avatar-gan").eval()
    z = np.concatenate([np.random.RandomState(seed).randn(1, generator.z_dim) for seed in range(4 * COLUMNS)])
    w = generator.map(torch.from_numpy(z).float())
    rows = [generator.synthesis(w)]
    rows += [generator.synthesis(generator.truncate(w[:COLUMNS], psi)) for psi in (0.7, 0.4, 0.0)]
    for layer in range(1, generator.layers, 2):
        mixed = w[:COLUMNS].clone()
        mixed[:, layer:] = w[COLUMNS : 2 * COLUMNS, layer:]
        rows.append(generator.synthesis(mixed))
    return tiled(to_uint8(torch.cat(rows)), COLUMNS)


@torch.no_grad()
def diffusion_sheet(models: Path) -> np.ndarray:
    """Held-out people and what their captions give, twice; then four prompts with twelve seeds each; then guidance."""
    pipe = diffusion.load(models / "avatar-diffusion")
    asked = diffusion.prompts(2 * COLUMNS)
    texts = [prompt.text for prompt in asked]
    drawn = diffusion.draw(pipe, texts, 0)
    people, _ = metrics.drawn([captioned_person(prompt.seed).person for prompt in asked], drawn.shape[-1])
    rows = [people[:COLUMNS], drawn[:COLUMNS], people[COLUMNS:], drawn[COLUMNS:]]
    rows += [diffusion.draw(pipe, [text] * COLUMNS, 100) for text in ("a person", "a woman", "an old man", texts[0])]
    rows += [diffusion.draw(pipe, texts[:COLUMNS], 0, guidance=guidance) for guidance in (1.0, 2.0, 6.0)]
    return tiled(to_uint8(torch.cat(rows)), COLUMNS)


SHEETS: dict[str, Callable[[Path], np.ndarray]] = {
    "avatar-vae": vae_sheet,
    "avatar-flow": flow_sheet,
    "avatar-gan": gan_sheet,
    "avatar-diffusion": diffusion_sheet,
    "avatar-minigpt": grounding_sheet,
    "storybook-vae": storybook.vae_sheet,
}


def write(models: Path, name: str) -> None:
    """`sheet.webp` beside the card, for the models that draw."""
    if name in SHEETS:
        Image.fromarray(SHEETS[name](models)).save(models / name / "sheet.webp", quality=85, method=6)
