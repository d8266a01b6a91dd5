"""What the UNet draws itself, corrected: its own pictures are what visitors see, and no portrait stands beside them.

Invariants: it draws as a visitor would; whom it was about to draw is read off the latent, with what the words
ask for where they ask, and that person is drawn by the world itself and encoded. From its own late states the UNet
then learns to end there: of parts between two values becomes one of them. An expert that corrects the learner's own
states is that of Ross et al. (2011), arXiv:1011.0686. The error is not squared (`apart`): the square is content with
the mean of two neighbouring skins, and hardly counts how far that is from both. What nobody asked for is only held to
be what it nearly was, and what it draws too often must have been the nearer: corrections sharpen, also what was a
little more frequent.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from playground.drawn_world.attributes import HIDDEN, from_labels
from playground.drawn_world.attributes import labels as seen_labels
from playground.drawn_world.drawing import portraits
from playground.training.recipes.caption_targets import value_offsets
from playground.training.recipes.training_loop import reduced

STEPS, GUIDANCE = 12, 2.0  # as a visitor's; without guidance by turns
LATE = 8  # the first step that is corrected: with earlier ones, its people became alike
AGAIN = 8  # states more of every drawing, of other noise: they cost no drawing
BALANCE = 2.0  # how much a value that is drawn too often must be the likelier: times the log of how much too often
COUNTED = 1024  # drawings, about, over which it is counted how often each is
SMOOTH = 0.01  # distances below which it is as good as there
UNCAPTIONED = 0.25  # share of states that are corrected without words, which guidance leads away from

State = tuple[Tensor, Tensor, Tensor, Tensor, np.ndarray]
# Noisy latent, time, text states, the clean latent to end in, and the labels of whom that shows.


class Drawings:
    """States of own drawings that wait to be learnt from. Each is taken once.

    `encode` makes scaled latents (B, C, h, w) of portraits (B, size, size, 3); `nothing` (1, tokens, width) are the
    states of the empty caption; `shares` (V,) how frequent each value is in the world where its attribute is to be
    seen, by default all of an attribute alike.
    """

    def __init__(
        self, unet: UNet2DConditionModel, scheduler: DDIMScheduler, reader: nn.Module,
        encode: Callable[[np.ndarray], Tensor], size: int, nothing: Tensor,
        shares: Tensor | None = None,
    ) -> None:  # fmt: skip
        self.unet, self.scheduler, self.reader, self.encode, self.size = unet, scheduler, reader, encode, size
        self.nothing = nothing
        self.waiting: list[State] = []
        self.drawn = 0
        parts = list(pairwise(value_offsets()))
        even = torch.cat([torch.full((end - start,), 1 / (end - start)) for start, end in parts])
        self.shares = even if shares is None else shares
        scale = torch.cat([torch.full((end - start,), COUNTED * (end - start) / 8) for start, end in parts])
        self.counts = self.shares * scale  # of every value among latest drawings

    @torch.no_grad()
    def draw(self, seen: Tensor, allowed: np.ndarray) -> float:
        """Draw a picture each of captions' states (B, tokens, width), which allow (B, V); returns how far off, rms."""
        where, config = seen.device, self.unet.config
        guidance = GUIDANCE if self.drawn % 2 else 1.0
        self.drawn += 1
        x = torch.randn((len(seen), config.in_channels, config.sample_size, config.sample_size), device=where)
        nothing = self.nothing.expand_as(seen)
        self.scheduler.set_timesteps(STEPS)
        late = []
        for number, time in enumerate(self.scheduler.timesteps.to(where)):
            if number >= LATE:
                late.append((x, time))
            with reduced(where):
                v = self.unet(x, time, seen).sample.float()
                if guidance != 1:
                    without = self.unet(x, time, nothing).sample.float()
                    v = without + guidance * (v - without)
            x = self.scheduler.step(v, int(time), x).prev_sample
        times = [time for _, time in late]
        for _ in range(AGAIN):
            time = times[int(torch.randint(len(times), ()))]
            late.append((self.scheduler.add_noise(x, torch.randn_like(x), time[None]), time))
        labels = meant(self.reader(x) - BALANCE * self.too_often().to(where), allowed)
        self.count(labels)
        wanted = self.encode(portraits(labels, self.size))
        wordless = torch.rand(len(late), len(seen)) < UNCAPTIONED
        self.waiting += [
            (state[i], time, self.nothing[0] if wordless[k, i] else seen[i], wanted[i], labels[i])
            for k, (state, time) in enumerate(late) for i in range(len(seen))
        ]  # fmt: skip
        order = np.random.default_rng(self.drawn).permutation(len(self.waiting))
        self.waiting = [self.waiting[i] for i in order]
        return (x - wanted).square().mean().sqrt().item()

    def too_often(self) -> Tensor:
        """(V,) logarithms of how many times as often every value was drawn as it is in the world."""
        parts = [(self.counts[start:end], self.shares[start:end]) for start, end in pairwise(value_offsets())]
        return torch.cat([torch.log(drawn / drawn.sum() / wanted) for drawn, wanted in parts])

    def count(self, labels: np.ndarray) -> None:
        """Count who was drawn (B, A): of every attribute what is to be seen."""
        self.counts *= 1 - len(labels) / COUNTED
        for row in labels:
            for start, index in zip(value_offsets()[:-1], seen_labels(from_labels(row)), strict=True):
                if index != HIDDEN:
                    self.counts[start + int(index)] += 1

    def loss(self, count: int) -> tuple[Tensor, np.ndarray]:
        """How far v is from what it should have been in `count` waiting states, and their labels (B, A)."""
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        *parts, labels = zip(*taken, strict=True)
        x, times, seen, wanted = (torch.stack(part) for part in parts)
        x = x.contiguous(memory_format=torch.channels_last)
        with reduced(x.device):
            v = self.unet(x, times, seen).sample.float()
        signal = self.scheduler.alphas_cumprod.to(x.device)[times].view(-1, 1, 1, 1)
        # As everywhere, the error of v: the last states, from which nothing corrects any more, count most.
        return apart(v, (signal.sqrt() * x - wanted) / (1 - signal).sqrt()).mean(), np.stack(labels)


def shares_of(labels: np.ndarray) -> Tensor:
    """(V,) how frequent every value is among labels (N, A), of what is to be seen; a little for what is not there."""
    found = []
    for index, (start, end) in enumerate(pairwise(value_offsets())):
        counts = np.bincount(labels[:, index][labels[:, index] != HIDDEN], minlength=end - start) + 0.5
        found.append(torch.from_numpy(counts / counts.sum()).float())
    return torch.cat(found)


def apart(found: Tensor, wanted: Tensor) -> Tensor:
    """(B,) mean over places of the distance of numbers (B, C, h, w), smooth at 0: a pseudo-Huber loss, as in Song &
    Dhariwal (2023), arXiv:2310.14189. Where one of two is wanted, it is least at the likelier one, not between them.
    """
    return ((found - wanted).square().mean(1) + SMOOTH**2).sqrt().mean((1, 2))


def meant(scores: Tensor, allowed: np.ndarray) -> np.ndarray:
    """(B, A) the value of every attribute that scores (B, V) favour, among the allowed (B, V) where any is named."""
    may = torch.from_numpy(allowed).to(scores.device)
    found = []
    for start, end in pairwise(value_offsets()):
        these = may[:, start:end]
        free = these | ~these.any(1, keepdim=True)
        found.append(scores[:, start:end].masked_fill(~free, -torch.inf).argmax(1))
    return torch.stack(found, 1).cpu().numpy()


def scored(scores: Tensor, labels: np.ndarray) -> Tensor:
    """(B, A) what scores (B, V) give the values of labels (B, A); 0 for what is not to be seen."""
    at = torch.from_numpy(labels).long() + torch.tensor(value_offsets()[:-1])
    return scores.cpu().gather(1, at.clamp(min=0)) * torch.from_numpy(labels != HIDDEN)


def next_to(scores: Tensor, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(B, A) whom scores (B, V) take for almost as likely as these (B, A), who are read off them.

    One attribute that is to be seen has its next best value: the likelier the less it leads by (a softmax).
    """
    seconds, leads = labels.copy(), np.empty(labels.shape)
    given = scored(scores, labels)
    for index, (start, end) in enumerate(pairwise(value_offsets())):
        taken = torch.from_numpy(labels[:, index, None]).long().clamp(min=0)
        rest = scores[:, start:end].cpu().scatter(1, taken, -torch.inf)
        seconds[:, index] = rest.argmax(1).numpy()
        leads[:, index] = (given[:, index] - rest.amax(1)).numpy()
    shown = np.stack([seen_labels(from_labels(row)) for row in labels]) != HIDDEN
    by_chance = leads - rng.gumbel(size=leads.shape)  # its least is a sample of the softmax
    chosen = np.where(shown, by_chance, np.inf).argmin(1)[:, None] == np.arange(labels.shape[1])
    return np.where(chosen, seconds, labels)
