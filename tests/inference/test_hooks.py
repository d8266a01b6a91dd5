"""Which blocks of a network are looked at between layers."""

import torch
from torch import nn

from playground.inference.hooks import between_layers, blocks_of


class Level(nn.Module):
    """A block with two of its own, and something in a list that has no parts."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(2, 2)) for _ in range(2))
        self.rest = nn.ModuleList([nn.Dropout(0.0)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in (*self.blocks, *self.rest):
            x = block(x)
        return x


def test_every_block_is_looked_at_or_the_outermost_alone() -> None:
    levels = nn.ModuleList([Level(), Level(), Level()])
    network = nn.Module()
    network.levels = levels
    outermost = blocks_of(network, outermost=True)
    assert outermost == list(levels)
    assert len(blocks_of(network)) == 3 + 2 * 3
    for blocks, wanted in ((outermost, 3), (blocks_of(network), 9)):
        looks: list[None] = []
        with between_layers(blocks, lambda looks=looks: looks.append(None)):  # type: ignore[misc]
            for level in levels:
                level(torch.zeros(1, 2))
        levels[0](torch.zeros(1, 2))  # no longer
        assert len(looks) == wanted
