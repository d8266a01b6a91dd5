"""The networks of the drawn world: what the papers say of them holds in numbers."""

import math
from typing import TypeVar

import numpy as np
import pytest
import torch

from playground.avatars.controls import apply_controls, make_controls
from playground.avatars.flow import AvatarFlow
from playground.avatars.gan import AttributeQuantizer
from playground.avatars.judge import HIDDEN_VALUE, AvatarJudge
from playground.avatars.latent_layout import Block, blocks
from playground.avatars.vae import AvatarVAE, kl
from playground.errors import UserError
from playground.training.recipes.vae import attribute_config

WORLD = blocks(attribute_config())
BY_NAME = {control.name: control for control in make_controls(WORLD)}


M = TypeVar("M", bound=torch.nn.Module)


def stirred(module: M, scale: float = 0.3) -> M:
    """Weights that are far from where they start, since layers start as the identity."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator) / math.sqrt(parameter.shape[-1]))
    return module


@pytest.mark.parametrize("block", WORLD, ids=lambda block: block.name)
def test_codes_look_like_the_prior(block: Block) -> None:
    assert block.codes.shape == (len(block.values), block.width)
    np.testing.assert_allclose(block.codes.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(
        np.cov(block.codes.T, bias=True).reshape(block.width, -1), np.eye(block.width), atol=1e-5
    )


def test_blocks_do_not_overlap_and_leave_room_for_the_rest() -> None:
    taken = np.concatenate([np.arange(block.slice.start, block.slice.stop) for block in WORLD])
    assert sorted(taken.tolist()) == list(range(len(taken)))
    assert len(taken) < AvatarVAE(attribute_config()).latent


@pytest.mark.parametrize("name", [name for name, control in BY_NAME.items() if control.kind != "chips"])
def test_a_slider_stands_where_it_was_put_and_moves_nothing_else(name: str) -> None:
    control = BY_NAME[name]
    latent = np.random.default_rng(0).standard_normal(64).astype(np.float32)
    for value in np.linspace(control.minimum, control.maximum, 13)[:-1]:
        moved = control.apply(latent, float(value))
        assert control.value_in(moved) == pytest.approx(value, abs=1e-4)
        others = np.delete(np.arange(64), np.arange(control.block.slice.start, control.block.slice.stop))
        np.testing.assert_array_equal(moved[others], latent[others])
    for number, word in enumerate(control.values):
        np.testing.assert_allclose(control.apply(latent, word), control.apply(latent, float(number)), atol=1e-6)


def test_a_circle_closes() -> None:
    hue = BY_NAME["background"]
    latent = np.zeros(64, np.float32)
    np.testing.assert_allclose(hue.apply(latent, hue.maximum), hue.apply(latent, 0.0), atol=1e-6)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"moustache": 1.0}, "no control"),
        ({"skin": "green"}, "no value"),
        ({"skin": 99.0}, "lies outside"),
        ({"skin": math.nan}, "lies outside"),
        ({"skin": True}, "lies outside"),
        ({"top": 3.0}, "chosen by name"),
        ({"top": "crown"}, "Choose one of"),
    ],
)
def test_what_a_control_does_not_have_is_refused_in_words(values: dict[str, float | str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        apply_controls(tuple(BY_NAME.values()), np.zeros(64, np.float32), values)


def test_the_flow_is_its_own_inverse_and_its_determinant_is_that_of_the_jacobian() -> None:
    flow = stirred(AvatarFlow(width=8, layers=5, hidden=16)).double()
    z = torch.randn(6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    noise, log_det = flow(z)
    assert (noise - z[:, torch.arange(8)]).abs().max() > 0.1, "the weights do something"
    torch.testing.assert_close(flow.inverse(noise), z, atol=1e-9, rtol=0)
    for row in range(len(z)):
        jacobian = torch.autograd.functional.jacobian(lambda x: flow(x[None])[0][0], z[row])
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_det[row], atol=1e-8, rtol=0)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum(1)
    torch.testing.assert_close(flow.log_prob(z), normal + log_det, atol=1e-9, rtol=0)


def test_the_likelihood_of_a_flow_sums_to_one() -> None:
    flow = stirred(AvatarFlow(width=2, layers=4, hidden=8)).double()
    line = torch.linspace(-12, 12, 500, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)
    mass = flow.log_prob(grid).detach().exp().sum() * (line[1] - line[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=0.01)


def test_kl_is_that_of_two_normals() -> None:
    mean, log_variance = torch.randn(4, 7), torch.randn(4, 7)
    normal = torch.distributions.Normal
    wanted = torch.distributions.kl_divergence(normal(mean, (0.5 * log_variance).exp()), normal(0.0, 1.0))
    torch.testing.assert_close(kl(mean, log_variance), wanted)


def test_a_picture_is_decoded_alone_as_in_a_batch() -> None:
    vae = stirred(AvatarVAE(attribute_config(), decoder_widths=(16, 12, 8, 8), encoder_widths=(4, 8, 8, 8))).eval()
    z = torch.randn(5, 64, generator=torch.Generator().manual_seed(3))
    together = vae.decode(z)
    rounding = 1e-4 * float(together.abs().max())
    assert together.shape == (5, 3, 64, 64)
    for row in range(5):
        torch.testing.assert_close(vae.decode(z[row : row + 1])[0], together[row], atol=rounding, rtol=0)
    mean, log_variance = vae.encode(together)
    assert mean.shape == log_variance.shape == (5, 64)


@pytest.mark.parametrize("eyes", ["convolutional", "patches"])
def test_a_judge_answers_for_every_attribute_and_may_say_that_it_is_hidden(eyes: str) -> None:
    judge = AvatarJudge(attribute_config(), 64, eyes, features=16).eval()  # type: ignore[arg-type]
    x = torch.randn(3, 3, 64, 64)
    logits = judge(x)
    assert [each.shape[1] for each in logits] == [len(block.values) + 1 for block in WORLD]
    assert all(values[-1] == HIDDEN_VALUE for values in judge.values)
    labels, confidence = judge.predict(x)
    for index, each in enumerate(logits):
        best = each.argmax(1)
        expected = torch.where(best == each.shape[1] - 1, -1, best)
        torch.testing.assert_close(labels[:, index], expected)
        torch.testing.assert_close(confidence[:, index], each.softmax(1).amax(1))


def test_models_come_back_from_their_folders(tmp_path) -> None:  # type: ignore[no-untyped-def]
    judge = AvatarJudge(attribute_config(), 64, "patches", 16, temperatures=[2.0] * len(WORLD), threshold=0.9).eval()
    judge.save_pretrained(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".safetensors", ".md"}
    back = AvatarJudge.from_pretrained(tmp_path).eval()
    x = torch.randn(2, 3, 64, 64)
    for a, b in zip(judge(x), back(x), strict=True):
        torch.testing.assert_close(a, b)
    assert back.threshold == 0.9


def test_a_decision_leaves_codes_alone_and_draws_what_lies_between_to_the_nearest() -> None:
    quantize = AttributeQuantizer(WORLD)
    rng = np.random.default_rng(0)
    labels = [int(rng.integers(len(block.values))) for block in WORLD]
    codes = np.concatenate([block.codes[label] for block, label in zip(WORLD, labels, strict=True)])
    latent = torch.from_numpy(np.concatenate([codes, rng.standard_normal(9)])).float()[None]
    torch.testing.assert_close(quantize(latent), latent, atol=1e-4, rtol=0)
    near = latent + 0.1 * torch.randn(1, 64, generator=torch.Generator().manual_seed(0))
    quantized = quantize(near)
    torch.testing.assert_close(quantized[:, :55], latent[:, :55], atol=0.05, rtol=0)
    torch.testing.assert_close(quantized[:, 55:], near[:, 55:])
    assert not any(name.startswith("codes") for name in quantize.state_dict()), "constants are not weights"
