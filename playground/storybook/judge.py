"""A detector of Storybook scenes: things, their colours and boxes, and the background. The measure of other models.

It is never part of any loss of the models it measures, and learns from seeds of its own. It reads a picture into a
`Scene`, so that `claims.checks` judges a picture as it judges a scene.

One stage without anchors, after Tian et al. (2019), arXiv:1904.01355, and Zhou et al. (2019), arXiv:1904.07850: each
place of a grid of 8 pixels says whether the centre of a thing lies in it, of which thing, in which colour, and how far
it reaches in each direction.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from playground.storybook.types import Background, Colour, Item, Scene

CELL = 8  # pixels


@dataclass(frozen=True)
class Detection:
    """One thing that the judge sees.

    Attributes:
        thing: index into `claims.KINDS`.
        colour: its colour, or None for its own colours.
        box: x0, y0, x1, y1 as fractions of the side.
        score: 0..1.
    """

    thing: int
    colour: Colour | None
    box: tuple[float, float, float, float]
    score: float


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x + self.layers(x))


def _down(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.SiLU()
    )


class StorybookJudge(ModelMixin, ConfigMixin):
    """(B, 3, 128, 128) in -1..1 to what is there.

    Args:
        things: how many kinds of things there are.
        widths: channels at a half, a quarter, an eighth and a sixteenth of the side.
        threshold: the lowest score of a thing that counts as there.
        size: side of the pictures it learnt from, in pixels.
    """

    @register_to_config
    def __init__(
        self, things: int, widths: tuple[int, ...] = (32, 64, 128, 192), threshold: float = 0.4, size: int = 128
    ) -> None:
        super().__init__()
        self.first = _down(3, widths[0])
        self.quarter = nn.Sequential(_down(widths[0], widths[1]), _Residual(widths[1]))
        self.eighth = nn.Sequential(_down(widths[1], widths[2]), _Residual(widths[2]), _Residual(widths[2]))
        self.sixteenth = nn.Sequential(_down(widths[2], widths[3]), _Residual(widths[3]), _Residual(widths[3]))
        self.up = nn.Conv2d(widths[3], widths[2], 1)
        self.joined = nn.Sequential(_Residual(widths[2]), _Residual(widths[2]))
        # Whether there is a centre, how far the box reaches (left, top, right, bottom), and its colour.
        self.sizes = (1, 4, len(Colour) + 1)
        self.where = nn.Conv2d(widths[2], sum(self.sizes), 1)
        self.what = nn.Conv2d(widths[2], things, 1)
        self.background = nn.Linear(widths[3], len(Background))
        assert self.where.bias is not None
        nn.init.constant_(self.where.bias[:1], -4.0)  # most places hold no centre

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """What each place of the grid says.

        Returns:
            Logits of centres (B, 16, 16), reaches in cells (B, 4, 16, 16), logits of colours (B, 9, 16, 16), of things
            (B, things, 16, 16), and of backgrounds (B, 18).
        """
        eighth = self.eighth(self.quarter(self.first(pictures)))
        coarse = self.sixteenth(eighth)
        seen = self.joined(eighth + F.interpolate(self.up(coarse), scale_factor=2.0))
        centre, reach, colour = self.where(seen).split(self.sizes, 1)
        background = self.background(coarse.mean((2, 3)))
        return centre[:, 0], F.softplus(reach.float()), colour, self.what(seen), background

    @torch.no_grad()
    def detect(self, pictures: Tensor) -> list[tuple[list[Detection], Background]]:
        """What each of (B, 3, S, S) in -1..1 shows: surest first, no two boxes of one thing on the same place."""
        centre, reach, colour, what, background = self(pictures)
        scores = centre.float().sigmoid()
        peaks = scores * (F.max_pool2d(scores[:, None], 3, 1, 1)[:, 0] == scores)
        found = []
        colours: list[Colour | None] = [*Colour, None]
        side = pictures.shape[-1] / CELL
        for index in range(len(pictures)):
            there = (peaks[index] > self.config.threshold).nonzero()
            seen = []
            for y, x in there[scores[index][there[:, 0], there[:, 1]].argsort(descending=True)].tolist():
                left, top, right, bottom = (reach[index, :, y, x] / side).tolist()
                cx, cy = (x + 0.5) / side, (y + 0.5) / side
                box = (cx - left, cy - top, cx + right, cy + bottom)
                thing, painted = int(what[index, :, y, x].argmax()), int(colour[index, :, y, x].argmax())
                seen.append(Detection(thing, colours[painted], box, float(scores[index, y, x])))
            found.append((_distinct(seen), list(Background)[int(background[index].argmax())]))
        return found

    def read(self, pictures: Tensor) -> list[Scene]:
        """Each picture as a scene, in the order in which things lie: what reaches lower is in front."""
        scenes = []
        for seen, background in self.detect(pictures):
            items = [
                Item(one.thing, one.colour, (x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0))
                for one in sorted(seen, key=lambda d: d.box[3])
                for x0, y0, x1, y1 in [one.box]
            ]
            scenes.append(Scene(background, tuple(items), 0))
        return scenes


def _distinct(seen: list[Detection]) -> list[Detection]:
    """Non-maximum suppression: a box that covers another by 0.6 or more of either is the same thing seen twice."""
    kept: list[Detection] = []
    for one in seen:
        if all(_overlap(one.box, other.box) < 0.6 for other in kept):
            kept.append(one)
    return kept


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / max(areas - shared, 1e-9)
