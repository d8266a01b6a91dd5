"""What every patch of a group picture is a part of: supervision for eyes that this world gives for nothing.

Invariants: targets come from the boxes and labels of the record; the heads that answer do not ship. A patch
belongs to whoever stands in front of its centre; it then says what it can see of that person, how the whole person
looks, and where the person and the person's things begin and end. People in front stand later in the record.

A search compares what is looked for with one patch at a time: each must know all of its person, the hat above the
clothes too.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.drawn_world.attributes import ATTRIBUTES, HIDDEN
from playground.drawn_world.scenes import PARTS
from playground.training.recipes.caption_targets import value_offsets

THINGS = len(PARTS)  # the person, and what the person wears
# Which part of a person's box shows what, from its top (0) to its bottom (1): a patch is asked about what it can see,
# which is learnt many times faster than asking every patch about everything.
ZONES = {
    "skin": (0.3, 0.8), "top": (0.0, 0.55), "hair_colour": (0.0, 0.85), "hat_colour": (0.0, 0.5),
    "facial_hair": (0.45, 0.9), "glasses": (0.25, 0.65), "lenses": (0.25, 0.65), "mouth": (0.45, 0.85),
    "clothing": (0.65, 1.0), "clothing_colour": (0.65, 1.0),
}  # fmt: skip
EVERYWHERE = dict.fromkeys(ZONES, (-np.inf, np.inf))
# A portrait is large enough for these too.
PORTRAIT_ZONES = {**ZONES, "eyes": (0.3, 0.65), "eyebrows": (0.25, 0.6), "background": (0, 1), "backdrop": (0, 1)}


class Scenes:
    """The records of group pictures as arrays; N pictures of `size` pixels, at most five people."""

    def __init__(self, records: list[dict[str, Any]], labels: np.ndarray, size: int) -> None:
        self.boxes = np.zeros((len(records), 5, THINGS, 4), np.float32)  # fractions of the side
        self.there = np.zeros((len(records), 5, THINGS), bool)
        self.labels = np.full(labels.shape, HIDDEN, np.int64)  # (N, 5, A), HIDDEN where not to be told
        for row, record in enumerate(records):
            for box in record["boxes"]:
                at = row, box["figure"], PARTS.index(box["part"])
                self.boxes[at] = [box[side] / size for side in ("x0", "y0", "x1", "y1")]
                self.there[at] = True
            for figure, person in enumerate(record["people"]):
                known = [a.name in person["known"] for a in ATTRIBUTES]
                self.labels[row, figure] = np.where(known, labels[row, figure], HIDDEN)

    def owners(self, rows: np.ndarray, side: int) -> np.ndarray:
        """(n, side * side) which person each patch shows, from 0; -1 for none."""
        centre = ((np.arange(side) + 0.5) / side).astype(np.float32)  # as the boxes are: an edge is an edge
        owner = np.full((len(rows), side, side), -1)
        for figure in range(5):
            x0, y0, x1, y1 = self.boxes[rows, figure, 0].T[:, :, None]  # each (n, 1)
            down = (centre >= y0) & (centre < y1)  # (n, side)
            across = (centre >= x0) & (centre < x1)
            within = down[:, :, None] & across[:, None, :] & self.there[rows, figure, 0][:, None, None]
            owner[within] = figure
        return owner.reshape(len(rows), side * side)


class DenseHeads(nn.Module):
    """One linear layer over patches (..., width): is somebody here, who, with what, and where."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.answers = nn.Linear(width, 1 + value_offsets()[-1] + THINGS + 4 * THINGS)
        self.whole = nn.Linear(width, value_offsets()[-1])

    def loss(self, patches: Tensor, scenes: Scenes, rows: np.ndarray) -> tuple[Tensor, dict[str, float]]:
        """Of patches (n, P, width) of these rows; with the share of attributes read rightly, for the bar."""
        number = patches.shape[1]
        side = round(number**0.5)
        owner = torch.from_numpy(scenes.owners(rows, side)).to(patches.device).flatten()  # (n P)
        found = self.answers(patches).flatten(0, 1)  # (n P, answers)
        somebody = F.binary_cross_entropy_with_logits(found[:, 0], (owner >= 0).float())
        at = torch.nonzero(owner >= 0)[:, 0]
        found, picture = found[at], torch.from_numpy(rows).to(at.device)[at // number]
        values, has, where = found[:, 1:].split([value_offsets()[-1], THINGS, 4 * THINGS], dim=1)
        keys = picture.cpu().numpy(), owner[at].cpu().numpy()
        there = torch.from_numpy(scenes.there[keys]).to(found.device)  # (m, THINGS)
        boxes = torch.from_numpy(scenes.boxes[keys]).to(found.device)  # (m, THINGS, 4)
        labels = torch.from_numpy(scenes.labels[keys]).to(found.device)  # (m, A)
        # Where things end is told from the patch's own centre: the same everywhere in the picture.
        centre = torch.stack([at % number % side, at % number // side], 1).add(0.5).div(side)  # (m, 2)
        offset = boxes - torch.cat([centre, centre], 1)[:, None]
        place = (4 * offset - where.view(-1, THINGS, 4)).abs().mean(2)[there].mean()
        parts = F.binary_cross_entropy_with_logits(has, there.float())
        down = (centre[:, 1] - boxes[:, 0, 1]) / (boxes[:, 0, 3] - boxes[:, 0, 1])  # (m,) 0..1 within the person
        look, right = naming_by_zone(values, labels, down, ZONES)
        knows, known = naming_whole(self.whole(patches), scenes, rows)
        measured = {"look": look.item(), "place": place.item(), "right": right, "known": known}
        return somebody + parts + 4 * look + 4 * knows + place, measured


def naming_whole(values: Tensor, scenes: Scenes, rows: np.ndarray) -> tuple[Tensor, float]:
    """As `naming_by_zone` of `values` (n, P, V), whose P places each show what their centre shows: of whole people."""
    number = values.shape[1]
    owner = scenes.owners(rows, round(number**0.5)).ravel()
    at = np.nonzero(owner >= 0)[0]
    labels = torch.from_numpy(scenes.labels[rows[at // number], owner[at]]).to(values.device)
    those = values.flatten(0, 1)[torch.from_numpy(at).to(values.device)]
    return naming_by_zone(those, labels, torch.zeros(len(at), device=values.device), EVERYWHERE)


def naming_by_zone(
    values: Tensor, labels: Tensor, down: Tensor, zones: Mapping[str, tuple[float, float]]
) -> tuple[Tensor, float]:
    """Mean cross-entropy of naming, by patches that can see it, what a person has; and the share named rightly.

    `values` (m, V) scores of all values, `labels` (m, A), `down` (m,) how far down the person each patch lies.
    """
    looks, right = [], []
    for index, (start, end) in enumerate(pairwise(value_offsets())):
        zone = zones.get(ATTRIBUTES[index].name)
        if zone is None:
            continue
        told = (labels[:, index] >= 0) & (down >= zone[0]) & (down <= zone[1])
        if told.any():
            scores, wanted = values[told, start:end], labels[told, index]
            looks.append(F.cross_entropy(scores, wanted))
            right.append((scores.argmax(1) == wanted).float().mean())
    return torch.stack(looks).mean(), torch.stack(right).mean().item()
