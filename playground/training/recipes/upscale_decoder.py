"""The same latents drawn twice as large and more surely: a wider autoencoder of one more level, for the same UNet.

Invariants: the smaller autoencoder is there before and says what a latent means. All of it goes on twice as
wide (`widening`), with an attention in the middle and a level more, and learns from larger pictures of these people.
This world is drawn: where an edge runs can be told from the latent of a small picture, to less than one of its pixels.

Whom a latent shows is settled where pictures are small, so `inside` teaches all but the last level first, with a head
that does not ship; `train` then teaches the whole.

Half of what the decoder learns from are latents that the UNet drew, with the people it nearly drew (`feedback`), and a
quarter lie between a person and the same person after one edit: what is left between two values it draws as one of
them, whichever the reader of latents says. Neighbouring skins differ little and hats much, so how much of the way to
the other picture it went counts as well (`undecided`): by that all of them weigh the same. Drawings that it left
between two people come back the sooner, as in Schaul et al. (2016), arXiv:1511.05952.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from playground.avatars.vae import AvatarVAE
from playground.drawn_world.attributes import HIDDEN
from playground.drawn_world.drawing import portraits
from playground.training.dataset import World
from playground.training.recipes.autoencoder import OFF, READ, build, perceived
from playground.training.recipes.latent_classifier import LatentReader
from playground.training.recipes.muon import Both
from playground.training.recipes.net2wider import take_over
from playground.training.recipes.on_policy_finetuning import next_to, scored
from playground.training.recipes.training_loop import (
    Run,
    Schedule,
    device,
    pictures,
    placed,
    reconstruction_loss,
    reduced,
    tiled,
    to_uint8,
)

MEANT = 1.0  # weight of the encoder's distance from the latent, in standard deviations squared
ABOUT = 0.1  # standard deviations by which the others may be off as well
UNDECIDED = 0.2  # weight of the share of the way that was gone to another picture
DECIDED = 0.1  # how often a drawing comes back that is one person, where one in the middle of two comes 0.6 times
ALIKE = 1e-4  # mean square by which two pictures differ at least, so that there is a way from one to the other

Known = tuple[Tensor, np.ndarray]  # latents (M, C, h, w), not scaled, and labels (M, A) of whom they show


def begun(small: AutoencoderKL) -> AutoencoderKL:
    """An autoencoder for pictures twice as large, which begins with all of the small one, twice as wide."""
    widths = tuple(small.config.block_out_channels)
    large = build(
        2 * small.config.sample_size, (widths[0], *(2 * width for width in widths)), small.config.latent_channels,
        attention=True,
    )  # fmt: skip
    large.register_to_config(scaling_factor=small.config.scaling_factor)
    weights = {}
    for key, value in small.state_dict().items():
        parts = key.split(".")
        if parts[1] == "down_blocks":  # a level comes before these
            parts[2] = str(int(parts[2]) + 1)
        weights[".".join(parts)] = value
    take_over(large, weights)
    for part in (large.encoder, large.decoder):
        for attention in part.mid_block.attentions:  # it begins as if it were not there
            nn.init.zeros_(attention.to_out[0].weight)
            nn.init.zeros_(attention.to_out[0].bias)
    return large


class Inside(nn.Module):
    """All of a decoder but its last level, and a head: latents (B, C, h, w) to pictures half as large as its own."""

    def __init__(self, model: AutoencoderKL) -> None:
        super().__init__()
        decoder, width = model.decoder, model.config.block_out_channels[1]
        self.post, self.begin, self.middle = model.post_quant_conv, decoder.conv_in, decoder.mid_block
        self.levels = decoder.up_blocks[:-1]
        self.head = nn.Sequential(
            nn.GroupNorm(model.config.norm_num_groups, width), nn.SiLU(), nn.Conv2d(width, 3, 3, padding=1)
        )

    def forward(self, latents: Tensor) -> Tensor:
        x = self.middle(self.begin(self.post(latents)))
        *levels, last = self.levels
        for level in levels:
            x = level(x)
        for block in last.resnets:  # what comes after them enlarges
            x = block(x, None)
        return torch.as_tensor(self.head(x))


class Lesson(NamedTuple):
    """What one step learns from: a quarter of portraits, then drawings, and in the last quarter who is nearer."""

    given: Tensor  # latents to decode (B, C, h, w)
    wanted: Tensor  # pictures they should become (B, 3, S, S)
    others: Tensor  # pictures they almost are, of all but the first quarter (B - B // 4, 3, S, S)
    true: Tensor  # the portraits' own latents, of the first quarter (B // 4, C, h, w)
    drawn: np.ndarray  # which drawings these are


class Lessons:
    """Latents, a little off, and the portraits they should become: of people, of drawings, of who is nearer.

    `latents` (N, C, h, w) are what the small autoencoder makes of the first N portraits of `world`, not scaled; `own`
    are such that the UNet drew; `edits` those of the first M people after an edit. `reader` reads scaled latents.
    """

    def __init__(
        self, world: World, latents: Tensor, own: Known, edits: Known, reader: LatentReader, scaling: float
    ) -> None:
        self.world, self.latents, self.own, self.edits = world, latents, own, edits
        self.reader, self.scaling, self.spread = reader.cpu().eval(), scaling, latents.std()
        self.go_on(0)

    def go_on(self, seen: int) -> None:
        """As after that many pictures of a run that is gone on with, but that every drawing may be undecided again."""
        self.rng = np.random.default_rng((31, seen))
        self.left = np.full(len(self.own[0]), 0.25)  # how undecided each drawing was left

    def next(self, batch: int, size: int, where: torch.device) -> Lesson:
        """A lesson of so many pictures of `size` pixels."""
        true = np.sort(self.rng.integers(len(self.latents), size=batch // 4))
        often = DECIDED + self.left
        drawn = self.rng.choice(len(often), size=batch - 2 * len(true), p=often / often.sum())
        between, nearer, farther = self.between(len(true))
        wanted = portraits([*self.world.labels(true), *self.own[1][drawn], *nearer], size)
        others = portraits([*self.almost(drawn), *farther], size)
        meant_by = torch.cat([self.latents[true], self.own[0][drawn], between])
        most = torch.tensor([OFF] * len(true) + [ABOUT] * (batch - len(true))).view(-1, 1, 1, 1)
        given = meant_by + most * torch.rand(most.shape) * self.spread * torch.randn_like(meant_by)
        given = given.to(where).contiguous(memory_format=torch.channels_last)
        return Lesson(given, pictures(wanted, where), pictures(others, where), meant_by[: len(true)].to(where), drawn)

    def note(self, drawn: np.ndarray, shares: Tensor) -> None:
        """Remember how far (D,) those drawings were left from who they are."""
        self.left[drawn] = shares.clamp(max=0.5).cpu().numpy()

    @torch.no_grad()
    def almost(self, drawn: np.ndarray) -> np.ndarray:
        """(B, A) whom drawings almost show instead."""
        return next_to(self.reader(self.own[0][drawn] * self.scaling), self.own[1][drawn], self.rng)

    @torch.no_grad()
    def between(self, count: int) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """Latents anywhere between people and their edits, whom of the two the reader rather sees, and the other."""
        rows = self.rng.integers(len(self.edits[0]), size=count)
        share = torch.rand(count, 1, 1, 1)
        latents = (1 - share) * self.latents[rows] + share * self.edits[0][rows]
        said = self.reader(latents * self.scaling)
        before, after = self.world.labels(rows), self.edits[1][rows]
        seen = torch.from_numpy((before != HIDDEN) & (after != HIDDEN))
        rather = (((scored(said, after) - scored(said, before)) * seen).sum(1, keepdim=True) > 0).numpy()
        return latents, np.where(rather, after, before), np.where(rather, before, after)


def inside(model: AutoencoderKL, eyes: AvatarVAE, lessons: Lessons, out: Path, schedule: Schedule) -> None:
    """Train the inner levels of the decoder, or go on, and leave the averaged ones in `model`."""
    where, size = device(), model.config.sample_size // 2
    within = placed(Inside(model), where).train()
    eyes = placed(eyes, where).eval().requires_grad_(False)
    optimiser = Both([{"params": [*within.parameters()]}], within.parameters(), schedule.rate, (0.9, 0.99), 1e-4)
    run = Run(out, {"inside": within}, optimiser.each, schedule, ("inside",), "inside of the doubled decoder")
    lessons.go_on(run.seen)

    def step(batch: int) -> dict[str, float]:
        lesson = lessons.next(batch, size, where)
        with reduced(where):
            found = within(lesson.given).float()
        loss, shown = _judged(found, lesson, lessons, eyes)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(within.parameters(), 1.0)
        optimiser.step()
        return shown

    run.train(step)
    within.load_state_dict(run.average("inside"))


def train(model: AutoencoderKL, eyes: AvatarVAE, lessons: Lessons, out: Path, schedule: Schedule) -> AutoencoderKL:
    """Train the whole, or go on, and return the averaged autoencoder."""
    where, size = device(), model.config.sample_size
    model = placed(model, where).train()
    eyes = placed(eyes, where).eval().requires_grad_(False)
    hidden = [*model.encoder.parameters(), *model.decoder.parameters()]
    optimiser = Both([{"params": [*model.parameters()]}], hidden, schedule.rate, (0.9, 0.99), 1e-4)
    run = Run(out, {"autoencoder": model}, optimiser.each, schedule, ("autoencoder",), "doubled autoencoder")
    lessons.go_on(run.seen)

    def step(batch: int) -> dict[str, float]:
        lesson = lessons.next(batch, size, where)
        with reduced(where):
            found = model.decode(lesson.given).sample.float()
            encoded = model.encode(lesson.wanted[: len(lesson.true)]).latent_dist.mode().float()
        loss, shown = _judged(found, lesson, lessons, eyes)
        apart = F.mse_loss(encoded, lesson.true) / lessons.spread.square()
        optimiser.zero_grad()
        (loss + MEANT * apart).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        return {**shown, "apart": apart.item()}

    averaged = placed(AutoencoderKL.from_config(model.config), where).eval()

    @torch.no_grad()
    def grid() -> np.ndarray:
        """Portraits and what their latents give; below, whom the UNet nearly drew and what its latents give."""
        averaged.load_state_dict(run.average("autoencoder"))
        labels = [*lessons.world.labels(np.arange(12)), *lessons.own[1][:12]]
        given = torch.cat([lessons.latents[:12], lessons.own[0][:12]]).to(where)
        found = to_uint8(averaged.decode(given.contiguous(memory_format=torch.channels_last)).sample)
        true = portraits(labels, size)
        return tiled(np.concatenate([true[:12], found[:12], true[12:], found[12:]]), 12)

    run.train(step, grid)
    averaged.load_state_dict(run.average("autoencoder"))
    return averaged


def undecided(found: Tensor, wanted: Tensor, others: Tensor) -> Tensor:
    """(B,) shares, 0 to 1 and beyond, of the way from wanted pictures (B, 3, S, S) to others that pictures have gone.

    Not squared: of two that are as likely as each other it is least at either, not in the middle.
    """
    ways = others - wanted
    lengths = ways.square().mean((1, 2, 3))
    shares = ((found - wanted) * ways).mean((1, 2, 3)) / lengths.clamp(min=ALIKE)
    return shares.abs() * (lengths > ALIKE)


def _judged(found: Tensor, lesson: Lesson, lessons: Lessons, eyes: AvatarVAE) -> tuple[Tensor, dict[str, float]]:
    """What pictures (B, 3, S, S) lack, and figures to show; of drawings it is noted."""
    pixels, loss = reconstruction_loss(found, lesson.wanted)
    read, true = perceived(eyes, found, lesson.wanted), len(lesson.true)
    shares = undecided(found[true:], lesson.wanted[true:], lesson.others)
    lessons.note(lesson.drawn, shares[: len(lesson.drawn)].detach())
    errors = (found.detach().clamp(-1, 1) - lesson.wanted).square().mean((1, 2, 3)) / 4
    psnr, between = -10 * torch.log10(errors), shares.mean()
    shown = {"psnr": psnr[:true].mean().item(), "psnr_own": psnr[true:].mean().item(), "undecided": between.item()}
    return loss + READ * read + UNDECIDED * between, {"l1": pixels.item(), **shown, "read": read.item()}
