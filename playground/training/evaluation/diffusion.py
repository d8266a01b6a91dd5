"""How well `avatar-diffusion` draws what it is told, read by a judge that saw none of its pictures.

Invariants: prompts are held-out captions of held-out people, one picture each, with the settings a visitor starts
with. An attribute counts where the prompt names it, and is right where the judge reads a value that the words allow;
the same prompts on true portraits stand beside it: the ceiling. What no prompt names is held against how frequent it
is among people. A grammar is not a person: sentences written by hand have a row of their own.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from playground.drawn_world.attributes import ATTRIBUTES, labels
from playground.drawn_world.captions import caption_of_captioned, captioned_person, held_out
from playground.drawn_world.natural import natural_person
from playground.drawn_world.phrases import claims as said
from playground.drawn_world.sampling import Split, seeds
from playground.drawn_world.values import HairColour
from playground.training.evaluation import metrics
from playground.training.evaluation.frequencies import FACIAL_HAIR, frequency_rows, having
from playground.training.evaluation.model_card import Row, percent
from playground.training.recipes.caption_targets import allowed, value_offsets
from playground.training.recipes.training_loop import reduced

STEPS, GUIDANCE = 12, 2.0
AGAIN = 100  # prompts that are drawn once more with another seed
BY_HAND = (
    "a smiling person with long red hair and round glasses, blue hoodie, on a green background",
    "a smiling person with long red hair and round glasses wearing a blue hoodie on a green background",
    "a bald person with a long black beard, sunglasses, and a green hoodie",
    "woman with curly blonde hair, red T-shirt, yellow background",
    "a serious man, short black hair and a full beard, in front of a blue wall",
    "someone with a purple beanie and heart eyes, wearing an orange sweater",
    "pink mohawk, dark sunglasses, black blazer, big smile",
    "a sad, dark-skinned person with a green turban and a grey moustache on a purple background",
)
HANDS = 8  # seeds each
# What nobody names must be as frequent as among people: prompts by hand that leave it open.
OPEN = (
    "a person", "a portrait of a person", "a person on a green background", "a person in a blue hoodie", "a character",
    "a person with brown skin", "a person wearing a red T-shirt", "an avatar of a person",
)  # fmt: skip
WOMEN = (
    "a woman", "a girl", "a happy girl with pink pigtails", "a lady with long red hair", "a mother in a yellow hoodie",
    "a woman with glasses", "a girl with closed eyes", "a portrait of a grandma",
)  # fmt: skip
MEN = ("a man", "a portrait of a man", "a father in a green sweater", "a guy with glasses")
OLD = ("a grandma", "an old man", "an elderly woman with glasses", "grandpa on a blue background")
COLOURS = ("hair_colour", "hat_colour", "clothing_colour", "background")


@dataclass(frozen=True)
class Prompt:
    """Words, the values they allow (V,), and the held-out seed of a person they are true of."""

    text: str
    allowed: np.ndarray
    seed: int


def prompts(count: int) -> list[Prompt]:
    """Captions of held-out people, naming something, in words that no recipe shows to a model."""
    found: list[Prompt] = []
    for seed in seeds(Split.HELD_OUT, 40 * count):
        caption = caption_of_captioned(seed)
        if caption.claims and held_out(caption.text):
            found.append(Prompt(caption.text, allowed(caption.claims), seed))
    return found[:count]


def load(folder: Path) -> Any:
    """The pipeline in fp32."""
    pipe: Any = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@torch.no_grad()
def draw(
    pipe: Any, texts: list[str], first_seed: int, steps: int = STEPS, guidance: float = GUIDANCE, batch: int = 16
) -> Tensor:
    """One picture (N, 3, S, S) in -1..1 a text, with the seeds `first_seed`, `first_seed` + 1, …"""
    parts = []
    for part in metrics.chunks(len(texts), batch):
        noise = [torch.Generator().manual_seed(first_seed + row) for row in range(part.start, part.stop)]
        with reduced(pipe.device):
            drawn = pipe(
                texts[part], num_inference_steps=steps, guidance_scale=guidance, generator=noise, output_type="pt"
            ).images
        parts.append(drawn.float())
    return torch.cat(parts).mul(2).sub(1)


def table(models: Path, count: int) -> list[Row]:
    """What is drawn of `count` prompts."""
    pipe, judge = load(models / "avatar-diffusion"), metrics.judge("avatar-judge", models)
    both = prompts(2 * count)
    asked, others = both[:count], both[count:]
    texts = [prompt.text for prompt in asked]
    claims = np.stack([prompt.allowed for prompt in asked])
    images = draw(pipe, texts, 0)
    again = metrics.read(judge, draw(pipe, texts[:AGAIN], count))
    # Who chooses weights by what is above flatters them: of these prompts nothing else is told.
    other = metrics.read(judge, draw(pipe, [prompt.text for prompt in others], 2 * count))
    portraits, _ = metrics.drawn([captioned_person(prompt.seed).person for prompt in asked], images.shape[-1])
    real, found = metrics.read(judge, portraits), metrics.read(judge, images)
    right, ceiling = obeyed(found.labels, claims), obeyed(real.labels, claims)
    shares, best = per_attribute(right), per_attribute(ceiling)
    mean, worst = float(np.mean(list(shares.values()))), min(shares, key=lambda name: shares[name])
    coloured = colours_named(claims) >= 3
    spoken = np.stack([allowed(said(text)) for text in BY_HAND for _ in range(HANDS)])
    by_hand = obeyed(metrics.read(judge, draw(pipe, [t for t in BY_HAND for _ in range(HANDS)], 0)).labels, spoken)
    free = ~np.stack([claims[:AGAIN, start:end].any(1) for start, end in pairwise(value_offsets())], 1)
    varied = differing(found.labels[:AGAIN], again.labels, free)
    world = differing(*two_of_each([prompt.seed for prompt in asked[:AGAIN]]), free)
    return [
        Row("attributes named that are there, mean", percent(mean), "85 % (aim 97 %)",
            f"ceiling {percent(float(np.mean(list(best.values()))))}"),
        Row("the worst of them", f"{percent(shares[worst])} {worst.replace('_', ' ')}", "70 % (aim 90 %)"),
        Row("pictures with all that was named", percent(_whole(right)), "50 % (aim 85 %)",
            f"ceiling {percent(_whole(ceiling))}"),
        Row(f"– of the {int(coloured.sum())} prompts with three colours or more", percent(_whole(right[coloured])), "",
            f"ceiling {percent(_whole(ceiling[coloured]))}"),
        Row(f"{len(BY_HAND)} sentences written by hand, {HANDS} seeds each: attributes; all of them",
            f"{percent(float(np.nanmean(by_hand)))}; {percent(_whole(by_hand))}"),
        Row("pictures judged valid", percent(found.valid.mean()), "90 % (aim 99 %)",
            f"true portraits {percent(real.valid.mean())}"),
        Row(f"– of {len(others)} other prompts", percent(other.valid.mean()), "90 %", "they chose no weights"),
        Row("another seed changes what was not named", percent(varied), "", f"two people differ in {percent(world)}"),
        Row("KID x 1,000 (features of avatar-judge)",
            f"{metrics.kid(found.features, real.features, size=min(250, count // 2)):.1f}"),
        *unnamed_rows(pipe, judge, max(1, count // 20)),
        Row("prompts", str(len(asked)), "", f"{STEPS} steps, guidance {GUIDANCE}; no model learns their words"),
        *[Row(f"– {name.replace('_', ' ')}", percent(share), "", f"ceiling {percent(best[name])}")
          for name, share in shares.items()],
    ]  # fmt: skip


def obeyed(labels: np.ndarray, claims: np.ndarray) -> np.ndarray:
    """(N, A): 1 where the label (N, A) is one that the words allow (N, V), 0 where not, NaN where nothing was said."""
    offsets = value_offsets()
    found = np.full(labels.shape, np.nan)
    for index in range(labels.shape[1]):
        allows = claims[:, offsets[index] : offsets[index + 1]]
        said = allows.any(1)
        value = np.maximum(labels[:, index], 0)
        right = allows[np.arange(len(labels)), value] & (labels[:, index] >= 0)
        found[said, index] = right[said]
    return found


def colours_named(claims: np.ndarray) -> np.ndarray:
    """(N,) how many things of each prompt are given a colour; claims (N, V)."""
    offsets = value_offsets()
    places = [index for index, attribute in enumerate(ATTRIBUTES) if attribute.name in COLOURS]
    return np.sum([claims[:, offsets[i] : offsets[i + 1]].any(1) for i in places], axis=0)


def _whole(right: np.ndarray) -> float:
    """The share of pictures with all that was named; right (N, A) as `obeyed` gives it."""
    return float((np.isnan(right) | (right == 1)).all(1).mean())


def per_attribute(right: np.ndarray) -> dict[str, float]:
    """The share that is right of each attribute that some prompt names."""
    named = {a.name: right[:, index] for index, a in enumerate(ATTRIBUTES) if not np.isnan(right[:, index]).all()}
    return {name: float(np.nanmean(column)) for name, column in named.items()}


def differing(first: np.ndarray, second: np.ndarray, free: np.ndarray) -> float:
    """How often an attribute that was not named differs between two people; labels and `free`, (N, A) each."""
    both = free & (first >= 0) & (second >= 0)
    return float(np.mean([(first != second)[both[:, i], i].mean() for i in range(both.shape[1]) if both[:, i].any()]))


def two_of_each(chosen: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N, A) of the captioned people of these seeds, and of others of whom the same is said."""
    made = [captioned_person(seed) for seed in chosen]
    others = [natural_person(np.random.default_rng(seed), each.who, each.claims) for seed, each in enumerate(made)]
    return np.stack([labels(each.person) for each in made]), np.stack([labels(each) for each in others])


def unnamed_rows(pipe: Any, judge: Any, each: int) -> list[Row]:
    """How often what no prompt names is drawn, with `each` seeds a prompt."""
    shown = {
        name: metrics.read(judge, draw(pipe, [text for text in texts for _ in range(each)], 0)).labels
        for name, texts in (("open", OPEN), ("women", WOMEN), ("men", MEN), ("old", OLD))
    }
    return [
        *frequency_rows(shown["open"], "pictures where it is not named"),
        Row(f"facial hair on {len(shown['women'])} women and girls",
            percent(having(shown["women"], "facial_hair", FACIAL_HAIR)), "at most 3 %"),
        Row(f"facial hair on {len(shown['men'])} men",
            percent(having(shown["men"], "facial_hair", FACIAL_HAIR)), "", "among men 50 %"),
        Row(f"grey hair on {len(shown['old'])} old people",
            percent(having(shown["old"], "hair_colour", (HairColour.GREY,))), "at least 95 %"),
    ]  # fmt: skip
