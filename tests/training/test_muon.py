"""Muon beside AdamW: every weight has one of them, kernels are matrices, and a cut run goes on as if it were whole."""

from pathlib import Path

import torch
from torch import nn

from playground.training.recipes.muon import Both
from playground.training.recipes.training_loop import Run, Schedule, placed

CPU = torch.device("cpu")


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.kernel, self.matrix = nn.Conv2d(3, 64, 3), nn.Conv2d(64, 96, 3), nn.Linear(96, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.matrix(self.kernel(self.first(x)).flatten(1))
        return found


def network() -> Network:
    return placed(Network(), CPU)


def learner(net: Network, rate: float = 1e-2) -> Both:
    hidden = [*net.kernel.parameters(), *net.matrix.parameters()]
    return Both([{"params": [*net.parameters()], "share": 0.5}], hidden, rate, (0.9, 0.98), 0.0)


def losses(net: Network, optimiser: Both, count: int) -> list[float]:
    x = torch.randn(32, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    wanted = torch.randn(32, 64, generator=torch.Generator().manual_seed(2))
    found = []
    for _ in range(count):
        loss = (net(x) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    return found


def test_hidden_weights_are_muons_and_all_others_adams() -> None:
    net = network()
    both = learner(net)
    adams = {id(p) for group in both.each["adam"].param_groups for p in group["params"]}
    assert adams == {id(p) for p in (*net.first.parameters(), net.kernel.bias, net.matrix.bias)}
    matrices = [p for group in both.each["muon"].param_groups for p in group["params"]]
    assert [m.shape for m in matrices] == [(96, 576), (64, 96)]
    assert all(group["share"] == 0.5 for each in both.each.values() for group in each.param_groups)


def test_a_step_turns_all_directions_of_a_kernel_alike() -> None:
    net = network()
    before = [net.kernel.weight.detach().clone(), net.matrix.weight.detach().clone()]
    losses(net, learner(net), 1)
    for old, now in zip(before, (net.kernel.weight, net.matrix.weight), strict=True):
        strengths = torch.linalg.svdvals((now.detach() - old).flatten(1))
        # A batch of 32 has no more than 32 directions that can be told; Newton's five steps make them nearly one.
        assert strengths[0] / strengths[15] < 2.5
        assert 0.1e-2 < (now.detach() - old).square().mean().sqrt() < 0.4e-2, "as large as steps of AdamW are, or so"


def test_it_learns() -> None:
    net = network()
    found = losses(net, learner(net), 40)
    assert found[-1] < 0.3 * found[0]


def test_no_gradient_is_left_over() -> None:
    net = network()
    both = learner(net)
    losses(net, both, 2)
    both.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_a_cut_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    def trained(folder: Path, until: int) -> Network:
        net = network()
        both = learner(net)
        run = Run(folder, {"net": net}, both.each, Schedule(until, 32, 1e-2, warmup=32), ("net",), "a net")
        run.schedule.images = 10**6  # the rate of both runs falls alike

        def step(batch: int) -> dict[str, float]:
            loss = losses(net, both, 1)[0]
            if run.seen + batch >= until:
                run.schedule.images = until
            return {"loss": loss}

        run.train(step)
        return net

    whole = trained(tmp_path / "whole", 320)
    trained(tmp_path / "cut", 160)
    again = trained(tmp_path / "cut", 320)
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
