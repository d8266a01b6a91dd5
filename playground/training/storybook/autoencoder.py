"""The recipe of Storybook's KL autoencoder: 128x128 pixels to 8x8 places of 16 numbers, and back.

Rombach et al. (2022), arXiv:2112.10752, section 3.1, in small, with a stock `AutoencoderKL`. Two things are added:
* the decoder sees latents that are a little off, as those of a denoiser are;
* a small reader (`CellReader`) must name, through noise, the thing, its colour and the background in each place of the
  latent, which makes latents easier to predict from words (after Yao et al. 2025, arXiv:2501.01423, who align latents
  with features of a vision model). The reader does not ship; the denoiser's recipe uses it as a perceptual loss.

Invariants:
    It learns from crops of 64 pixels on the grid of the cells: a quarter of the work of a whole picture, and the
    network is convolutional.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from playground.storybook.claims import KINDS
from playground.storybook.types import Background, Colour
from playground.training.recipes.training_loop import Run, Schedule, device, pictures, placed, reduced, tiled, to_uint8
from playground.training.storybook.shards import CELL, SceneShards

WIDTHS = (16, 32, 64, 128, 192)
CHANNELS = 16
KL = 1e-3  # of the mean over the latent's numbers
SQUARED = 2.0  # weight of the squared error beside the absolute one
READ = 0.03  # weight of what the reader misses
OFF = 0.3  # standard deviations by which latents may be off before they are decoded, at most
READ_NOISE = 0.6  # standard deviations of noise the reader reads through, at most
CROP = 64


class CellReader(nn.Module):
    """Names what each place of a latent shows.

    Args:
        channels: numbers a place of the latent has.
        width: channels inside.
    """

    def __init__(self, channels: int = CHANNELS, width: int = 256) -> None:
        super().__init__()
        self.sizes = (len(KINDS) + 1, len(Colour) + 1, len(Background))
        self.inside = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(8, width), nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.GELU(),
        )  # fmt: skip
        self.out = nn.Conv2d(width, sum(self.sizes), 1)

    def forward(self, latents: Tensor) -> tuple[Tensor, ...]:
        """Latents (B, C, h, w) of about unit variance to logits (B, n, h, w) of things, colours and backgrounds.

        The last thing and the last colour mean that there is none.
        """
        return torch.as_tensor(self.out(self.inside(latents))).split(self.sizes, 1)


def reading_loss(said: tuple[Tensor, ...], labels: tuple[Tensor, Tensor, Tensor], weights: Tensor) -> Tensor:
    """Cross-entropy of what a `CellReader` says.

    Args:
        said: logits of things, colours, backgrounds, each (B, n, h, w).
        labels: things (B, h, w) and colours (B, h, w) with -1 for none, backgrounds (B,).
        weights: of each picture, (B,).
    """
    things, colours, backgrounds = labels
    none = said[0].shape[1] - 1, said[1].shape[1] - 1
    covered = things >= 0
    thing = F.cross_entropy(said[0].float(), torch.where(covered, things, none[0]), reduction="none")
    # Places with a thing are fewer than those without, and there is more to say of them.
    thing = thing * torch.where(covered, 1.0, 0.3)
    colour = F.cross_entropy(said[1].float(), torch.where(colours >= 0, colours, none[1]), reduction="none")
    wide = backgrounds[:, None, None].expand_as(things)
    ground = F.cross_entropy(said[2].float(), wide, reduction="none")
    each = thing.mean((1, 2)) + (colour * covered).mean((1, 2)) + 0.3 * (ground * ~covered).mean((1, 2))
    return (each * weights).mean()


_WHOLE = (slice(None), slice(None))


def cell_labels(
    shards: SceneShards, rows: np.ndarray, where: torch.device, window: tuple[slice, slice] = _WHOLE
) -> tuple[Tensor, Tensor, Tensor]:
    """Things and colours (n, h, w) and backgrounds (n,) of these rows, as int64 on `where`."""
    things = shards.rows("things", rows)[:, *window]
    colours = shards.rows("colours", rows)[:, *window]
    found = (things, colours, shards.rows("backgrounds", rows))
    first, second, third = (torch.from_numpy(array.astype(np.int64)).to(where) for array in found)
    return first, second, third


def build(size: int = 128, widths: tuple[int, ...] = WIDTHS, channels: int = CHANNELS) -> AutoencoderKL:
    """The untrained autoencoder; it divides sides by 2 ** (len(widths) - 1)."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        block_out_channels=widths,
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=2,  # groups of few channels lose the colour of plain pictures and find it slowly
        sample_size=size,
        mid_block_add_attention=False,
        force_upcast=False,
    )


def train(
    shards: SceneShards, out: Path, schedule: Schedule, init_from: Path | None = None, decoder_only: bool = False
) -> tuple[AutoencoderKL, CellReader]:
    """Train, or go on, and return the averaged autoencoder, with its scaling factor, and the averaged reader.

    Args:
        shards: scenes to learn from.
        out: folder of the run; an existing state is gone on with.
        schedule: counts crops.
        init_from: folder of an autoencoder to start from.
        decoder_only: keep encoder and reader as they are, so that latents made before stay valid.
    """
    where = device()
    model = AutoencoderKL.from_pretrained(init_from, torch_dtype=torch.float32) if init_from else build()
    model, reader = placed(model, where).train(), placed(CellReader(), where).train()
    if decoder_only:
        model.encoder.requires_grad_(False)
        model.quant_conv.requires_grad_(False)
        reader.requires_grad_(False)
    learning = [p for p in (*model.parameters(), *reader.parameters()) if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, schedule.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    networks: dict[str, nn.Module] = {"autoencoder": model, "reader": reader}
    run = Run(out, networks, {"adam": optimiser}, schedule, tuple(networks), "Storybook autoencoder")
    rng = np.random.default_rng((61, run.seen))
    steps = (shards.plan.size - CROP) // CELL + 1  # offsets a crop may have along a side

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(shards), size=batch))
        top, left = (int(value) for value in rng.integers(steps, size=2))
        window = slice(top, top + CROP // CELL), slice(left, left + CROP // CELL)
        images = shards.rows("images", rows)
        crop = images[:, top * CELL : top * CELL + CROP, left * CELL : left * CELL + CROP]
        wanted = pictures(np.ascontiguousarray(crop), where)
        with reduced(where):
            posterior = model.encode(wanted).latent_dist
            latents = posterior.sample()
            off = OFF * torch.rand(batch, 1, 1, 1, device=where) * torch.randn_like(latents)
            drawn = model.decode(latents + off).sample
            through = READ_NOISE * torch.rand(batch, 1, 1, 1, device=where) * torch.randn_like(latents)
            said = reader(latents + through)
        drawn = drawn.float()
        pixels, squared = F.l1_loss(drawn, wanted), F.mse_loss(drawn, wanted)  # the square finds colours sooner
        edges = F.l1_loss(drawn.diff(dim=2), wanted.diff(dim=2)) + F.l1_loss(drawn.diff(dim=3), wanted.diff(dim=3))
        divergence = posterior.kl().float().mean() / posterior.mean[0].numel()
        read = reading_loss(said, cell_labels(shards, rows, where, window), torch.ones(batch, device=where))
        optimiser.zero_grad(set_to_none=True)
        (pixels + SQUARED * squared + edges + KL * divergence + READ * read).backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        mse = F.mse_loss(drawn.detach().clamp(-1, 1), wanted).item() / 4
        return {
            "l1": pixels.item(), "psnr": -10 * np.log10(mse), "kl": divergence.item(), "read": read.item(),
            "std": latents.detach().float().std().item(),
        }  # fmt: skip

    averaged = placed(AutoencoderKL.from_config(model.config), where).eval()
    shown = np.arange(24) % len(shards)

    @torch.no_grad()
    def grid() -> np.ndarray:
        """Scenes and, below each row, what comes back."""
        averaged.load_state_dict(run.average("autoencoder"))
        before = shards.rows("images", shown)
        with reduced(where):
            after = to_uint8(averaged.decode(averaged.encode(pictures(before, where)).latent_dist.mode()).sample)
        return tiled(np.concatenate([before[:12], after[:12], before[12:], after[12:]]), 12)

    run.train(step, grid)
    averaged.load_state_dict(run.average("autoencoder"))
    reader.load_state_dict(run.average("reader"))
    found = encode(averaged, shards.rows("images", np.arange(min(1024, len(shards)))))
    averaged.register_to_config(scaling_factor=round(1 / found.std().item(), 4))
    return averaged, reader.eval()


def save(model: AutoencoderKL, folder: Path) -> None:
    """In half precision, in files below 10 MB."""
    model.register_to_config(_name_or_path="")  # not where its first weights came from
    model.to(torch.float16).save_pretrained(folder, max_shard_size="9MB")
    model.float()


@torch.no_grad()
def encode(model: AutoencoderKL, images: np.ndarray, batch: int = 32) -> Tensor:
    """Means of the posteriors of (N, S, S, 3) uint8: (N, C, h, w) float32 on the CPU, not scaled."""
    where = next(model.parameters()).device
    parts = []
    for start in range(0, len(images), batch):
        with reduced(where):
            posterior = model.encode(pictures(images[start : start + batch], where)).latent_dist
        parts.append(posterior.mode().float().cpu())
    return torch.cat(parts).contiguous()


def reader_of(shards: SceneShards, latents: np.ndarray, out: Path, images: int = 120_000) -> CellReader:
    """A `CellReader` for an autoencoder that stays as it is, learnt from its latents as far as it is not yet.

    Args:
        shards: scenes.
        latents: their scaled latents, (N, C, h, w).
        out: folder of the run.
        images: how many latents to see in all.
    """
    where = device()
    reader = placed(CellReader(latents.shape[1]), where).train()
    schedule = Schedule(images, 64, 1.5e-3, averaging=8000)
    optimiser = torch.optim.AdamW(reader.parameters(), schedule.rate, weight_decay=0.02)
    run = Run(out, {"reader": reader}, {"adam": optimiser}, schedule, ("reader",), "Storybook reader")
    rng = np.random.default_rng((79, run.seen))
    kept = min(1024, len(latents) // 8)  # measured on, not learnt from

    def batch_of(rows: np.ndarray) -> Tensor:
        given = torch.from_numpy(latents[rows]).to(where).float().contiguous(memory_format=torch.channels_last)
        return given + READ_NOISE * torch.rand(len(rows), 1, 1, 1, device=where) * torch.randn_like(given)

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(kept, len(latents), size=batch))
        with reduced(where):
            said = reader(batch_of(rows))
        loss = reading_loss(said, cell_labels(shards, rows, where), torch.ones(batch, device=where))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return {"loss": loss.item()}

    averaged = placed(CellReader(latents.shape[1]), where).eval()

    @torch.no_grad()
    def measure() -> dict[str, float]:
        """Shares of covered places whose thing is named, and of places whose background is."""
        averaged.load_state_dict(run.average("reader"))
        rows = np.arange(kept)
        things, _, backgrounds = cell_labels(shards, rows, where)
        said = averaged(batch_of(rows))
        covered = things >= 0
        ground = said[2].argmax(1) == backgrounds[:, None, None]
        return {
            "things": (said[0].argmax(1) == things)[covered].float().mean().item(),
            "backgrounds": ground[~covered].float().mean().item(),
        }

    run.train(step, every=measure)
    averaged.load_state_dict(run.average("reader"))
    return averaged.requires_grad_(False)
