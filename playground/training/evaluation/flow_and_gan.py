"""How good `avatar-flow` and `avatar-gan` are: what their samples look like to a judge.

Invariants: a sample is valid where the judge reads every attribute with at least the confidence that 99 % of
true portraits reach. Blends of two true portraits stand beside it, to show that the measure can fail.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from playground.avatars.flow import AvatarFlow
from playground.avatars.gan import AvatarGenerator
from playground.avatars.judge import AvatarJudge
from playground.avatars.vae import AvatarVAE
from playground.drawn_world.attributes import ATTRIBUTES
from playground.drawn_world.natural import natural
from playground.drawn_world.sampling import Split, seeds
from playground.training.evaluation import metrics
from playground.training.evaluation.frequencies import frequency_rows
from playground.training.evaluation.model_card import Row, percent


def flow_table(models: Path, count: int) -> list[Row]:
    """The flow prior beside N(0, I), from `count` samples and as many held-out portraits."""
    vae = AvatarVAE.from_pretrained(models / "avatar-vae").eval().requires_grad_(False)
    flow = AvatarFlow.from_pretrained(models / "avatar-flow").eval().requires_grad_(False)
    judges = [metrics.judge(name, models) for name in ("avatar-judge", "avatar-judge-2")]
    noise = torch.randn((count, vae.latent), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        sampled = flow.inverse(noise)
        error = (flow(sampled)[0] - noise).abs().max()
    images, _ = metrics.drawn([natural(seed) for seed in seeds(Split.HELD_OUT, count)], vae.size)
    mean, log_variance = (torch.cat(parts) for parts in zip(*map(vae.encode, images.split(256)), strict=True))
    posterior = mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=torch.Generator().manual_seed(1))
    bits = 1 / (vae.latent * np.log(2))
    normal = 0.5 * (posterior.square().sum(1) + vae.latent * np.log(2 * np.pi))
    rows = []
    for name, latents, wanted in (
        ("samples of the flow judged valid", sampled, "better than N(0, I)"),
        ("samples of the flow at temperature 0.7", flow.inverse(0.7 * noise), ""),
        ("samples of N(0, I) judged valid", noise, ""),
    ):
        valid = [_valid(judge, vae, latents) for judge in judges]
        rows.append(Row(name, percent(valid[0]), wanted, f"second judge {percent(valid[1])}"))
    rows += [
        Row("reconstructions of held-out portraits", percent(_valid(judges[0], vae, mean)), "", "the ceiling"),
        Row("held-out latents under the flow", f"{-flow.log_prob(posterior).mean() * bits:.3f} bits per coordinate"),
        Row("the same under N(0, I)", f"{normal.mean() * bits:.3f} bits per coordinate"),
        *frequency_rows(metrics.read(judges[1], metrics.in_batches(vae.decode, sampled)).labels, "samples"),
        Row("largest error of flow(inverse(noise))", f"{error:.1e}", "below 1e-3"),
    ]
    return rows


def gan_table(models: Path, count: int) -> list[Row]:
    """Validity, coverage and distance of `count` samples."""
    generator = AvatarGenerator.from_pretrained(models / "avatar-gan").eval().requires_grad_(False)
    judges = [metrics.judge(name, models) for name in ("avatar-judge", "avatar-judge-2")]
    z = torch.from_numpy(
        np.concatenate([np.random.RandomState(seed).randn(1, generator.z_dim) for seed in range(count)])
    ).float()
    images = metrics.in_batches(generator, z)
    truncated = metrics.in_batches(lambda part: generator(part, 0.7), z[:2000])
    true, _ = metrics.drawn([natural(seed) for seed in seeds(Split.HELD_OUT, 2 * count)], generator.size)
    first, other = true[:count], true[count:]
    seen = [metrics.read(judge, images) for judge in judges]
    real, floor = metrics.read(judges[0], first), metrics.read(judges[0], other)
    blends = metrics.read(judges[0], 0.5 * first + 0.5 * other)
    missing = _missing(seen[0])
    total = sum(len(attribute.values) for attribute in ATTRIBUTES)
    feature_kid = metrics.kid(seen[0].features, real.features)
    return [
        Row("samples judged valid", percent(seen[0].valid.mean()), "85 % (aim 95 %)", f"{count} samples, psi 1"),
        Row("the same by the second judge", percent(seen[1].valid.mean()), "", "true portraits are valid to 99 %"),
        Row("at truncation psi 0.7", percent(metrics.read(judges[0], truncated).valid.mean())),
        Row("true portraits judged valid", percent(real.valid.mean()), "", "the ceiling"),
        Row("blends of two true portraits judged valid", percent(blends.valid.mean()), "", "should be near 0"),
        Row(
            f"attribute values of the world that occur in {count} samples",
            percent(1 - len(missing) / total),
            "95 % (aim 100 %)",
            f"missing: {', '.join(missing) or 'none'}",
        ),
        Row(
            "KID x 1,000 (features of avatar-judge)",
            f"{feature_kid:.2f}",
            "shown",
            f"real against real {metrics.kid(floor.features, real.features):.2f}, "
            f"blends {metrics.kid(blends.features, real.features):.2f}",
        ),
        *frequency_rows(seen[0].labels[seen[0].valid], "valid samples"),
    ]


def _valid(judge: AvatarJudge, vae: AvatarVAE, latents: Tensor) -> float:
    return float(metrics.read(judge, metrics.in_batches(vae.decode, latents)).valid.mean())


def _missing(reading: metrics.Reading) -> list[str]:
    """Values that no valid sample shows."""
    shown = reading.labels[reading.valid]
    return [
        str(value)
        for index, attribute in enumerate(ATTRIBUTES)
        for number, value in enumerate(attribute.values)
        if not (shown[:, index] == number).any()
    ]
