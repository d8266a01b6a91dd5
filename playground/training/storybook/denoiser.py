"""The recipe of Storybook's denoiser: noise to the latent of a scene, led by words in English or Chinese.

A stock `UNet2DConditionModel` with cross-attention (Rombach et al. 2022, arXiv:2112.10752) that predicts v (Salimans
& Ho 2022, arXiv:2202.00512) on a schedule that ends in pure noise (Lin et al. 2023, arXiv:2305.08891). One caption in
ten is left out for guidance (Ho & Salimans 2022, arXiv:2207.12598). Two losses beside that make it listen sooner:
* a head names what each place shows from the innermost states (after Yu et al. 2025, arXiv:2410.06940);
* the autoencoder's `CellReader` must read the scene in the clean latent it predicts (a perceptual loss, after Berrada
  et al. 2025, arXiv:2411.04873).

Invariants:
    Autoencoder, reader and text encoder are there before and stay as they are.
    Latents are encoded once and kept on disk; words are made anew every time a scene is met.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from playground.training.recipes.muon import Both
from playground.training.recipes.training_loop import Run, Schedule, device, placed, reduced, tiled, to_uint8
from playground.training.storybook.autoencoder import CellReader, cell_labels, encode, reading_loss
from playground.training.storybook.shards import SceneShards

WIDTHS = (144, 240)
UNCAPTIONED = 0.1
NAMING = 0.05  # weight of naming places from the innermost states
READ = 0.1  # weight of what the reader reads in the predicted clean latent
READ_NOISE = 0.4  # standard deviations of noise it reads through, at most
STEPS, GUIDANCE = 12, 3.0

Describe = Callable[[np.ndarray, np.random.Generator], list[str]]
"""Rows of the shards and a generator to a new caption for each."""


def build(text_width: int, channels: int, side: int, widths: tuple[int, ...] = WIDTHS) -> UNet2DConditionModel:
    """The untrained UNet over latents (channels, side, side) that looks at text states of `text_width`."""
    levels = len(widths)
    return UNet2DConditionModel(
        sample_size=side,
        in_channels=channels,
        out_channels=channels,
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        block_out_channels=widths,
        layers_per_block=1,
        cross_attention_dim=text_width,
        attention_head_dim=4,  # a misnomer of diffusers: it is the number of heads
        norm_num_groups=16,
        # The caption as a whole goes in beside the time, to every block: cross-attention alone learns slowly.
        addition_embed_type="text",
        addition_embed_type_num_heads=max(1, text_width // 32),
    )


def scheduler() -> DDIMScheduler:
    """The schedule of Stable Diffusion, rescaled so that its last step is pure noise."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=True,
        steps_offset=1,
    )  # fmt: skip


def latents_of(model: AutoencoderKL, shards: SceneShards, folder: Path, per_file: int = 8192) -> np.ndarray:
    """Scaled latents (N, C, h, w) float16 of all rows, encoded as far as `folder` does not hold them yet."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(shards), per_file):
        path = folder / f"latents-{start:08d}.safetensors"
        if not path.exists():
            rows = np.arange(start, min(start + per_file, len(shards)))
            found = encode(model, shards.rows("images", rows)) * model.config.scaling_factor
            save_file({"latents": found.half().numpy()}, path.with_suffix(".part"))
            path.with_suffix(".part").replace(path)
        parts.append(load_file(path)["latents"])
    return np.concatenate(parts)


class _Naming(nn.Module):
    """Logits of things, colours and backgrounds (B, n, 2s, 2s) from the innermost states (B, width, s, s)."""

    def __init__(self, width: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        self.out = nn.Conv2d(width, 4 * sum(sizes), 1)

    def forward(self, inside: Tensor) -> tuple[Tensor, ...]:
        return F.pixel_shuffle(self.out(inside), 2).split(self.sizes, 1)


def train(
    shards: SceneShards, latents: np.ndarray, autoencoder: AutoencoderKL, reader: CellReader, text: CLIPTextModel,
    tokenizer: CLIPTokenizer, describe: Describe, out: Path, schedule: Schedule, init_from: Path | None = None,
    widths: tuple[int, ...] = WIDTHS,
) -> StableDiffusionPipeline:  # fmt: skip
    """Train, or go on, and return the whole pipeline with the averaged UNet.

    Args:
        shards: scenes to learn from.
        latents: their scaled latents, (N, C, h, w).
        autoencoder, reader, text, tokenizer: as they ship; the reader does not.
        describe: makes captions.
        out: folder of the run; an existing state is gone on with.
        schedule: counts pictures.
        init_from: folder of a pipeline whose UNet to start from.
        widths: channels of the UNet's levels, where it starts from nothing.
    """
    where = device()
    reader = placed(reader, where).eval().requires_grad_(False)
    text = text.to(where).eval().requires_grad_(False)
    if init_from is not None:
        unet = UNet2DConditionModel.from_pretrained(init_from / "unet", torch_dtype=torch.float32)
    else:
        unet = build(text.config.hidden_size, latents.shape[1], latents.shape[2], widths)
    unet = placed(unet, where).train()
    inside: list[Tensor] = []
    unet.mid_block.register_forward_hook(lambda _, __, found: inside.append(found))
    naming = _Naming(unet.config.block_out_channels[-1], reader.sizes).to(where)
    learning = [*unet.parameters(), *naming.parameters()]
    hidden = [*unet.down_blocks.parameters(), *unet.mid_block.parameters(), *unet.up_blocks.parameters()]
    optimiser = Both([{"params": learning}], hidden, schedule.rate, (0.9, 0.99), 0.01)
    run = Run(out, {"unet": unet, "naming": naming}, optimiser.each, schedule, ("unet",), "storybook-diffusion")
    rng = np.random.default_rng((67, run.seen))
    noising = scheduler()
    signals = noising.alphas_cumprod.to(where)  # the share of the clean latent's variance at each time
    total = noising.config.num_train_timesteps

    def states(texts: list[str]) -> Tensor:
        """(B, tokens, width) of captions, padded as the pipeline pads them."""
        ids = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        with torch.no_grad(), reduced(where):
            return text(ids.to(where)).last_hidden_state.float()

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(latents), size=batch))
        clean = torch.from_numpy(latents[rows]).to(where).float().contiguous(memory_format=torch.channels_last)
        noise = torch.randn_like(clean)
        # One time per equal share of the schedule, in random order: as random, and less noise in the gradient.
        times = ((torch.randperm(batch) + torch.rand(batch)) * total / batch).long().to(where)
        said = ["" if rng.random() < UNCAPTIONED else caption for caption in describe(rows, rng)]
        seen = states(said)
        noised = noising.add_noise(clean, noise, times)
        signal = signals[times].view(-1, 1, 1, 1)
        with reduced(where):
            found = unet(noised, times, seen).sample.float()
            named = naming(inside.pop())
            predicted = signal.sqrt() * noised - (1 - signal).sqrt() * found
            through = READ_NOISE * torch.rand_like(signal) * torch.randn_like(predicted)
            read = reader(predicted + through)
        wanted = noising.get_velocity(clean, noise, times)
        error = F.mse_loss(found, wanted, reduction="none").mean((1, 2, 3))
        labels = cell_labels(shards, rows, where)
        naming_loss = reading_loss(named, labels, torch.ones(batch, device=where))
        # What is predicted from much noise cannot be read yet.
        read_loss = reading_loss(read, labels, signal.flatten().sqrt())
        optimiser.zero_grad()
        (error.mean() + NAMING * naming_loss + READ * read_loss).backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        order = times.argsort()
        clear, noisy = error[order[: batch // 2]].mean().item(), error[order[batch // 2 :]].mean().item()
        return {"v_clear": clear, "v_noisy": noisy, "named": naming_loss.item(), "read": read_loss.item()}

    averaged = placed(UNet2DConditionModel.from_config(unet.config), where).eval()
    pipeline = StableDiffusionPipeline(
        autoencoder.to(where).eval(), text, tokenizer, averaged, scheduler(), None, None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    shown = np.arange(24) % len(shards)
    texts = describe(shown, np.random.default_rng(0))
    (out / "captions.txt").write_text("\n".join(texts))

    @torch.no_grad()
    def grid() -> np.ndarray:
        """Scenes and, below each row, what their captions give."""
        averaged.load_state_dict(run.average("unet"))
        noise = [torch.Generator().manual_seed(int(row)) for row in shown]
        with reduced(where):
            images = pipeline(
                texts, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=noise, output_type="pt"
            ).images.float()
        drawn, before = to_uint8(images * 2 - 1), shards.rows("images", shown)
        return tiled(np.concatenate([before[:12], drawn[:12], before[12:], drawn[12:]]), 12)

    run.train(step, grid)
    averaged.load_state_dict(run.average("unet"))
    return pipeline


def save(pipeline: StableDiffusionPipeline, folder: Path) -> None:
    """In half precision, in files below 10 MB, as `DiffusionPipeline.from_pretrained` reads them without arguments."""
    pipeline.to(dtype=torch.float16).save_pretrained(folder, max_shard_size="9MB")
    pipeline.to(dtype=torch.float32)
    # transformers opens weights in the precision that their config names, diffusers in single precision.
    path = folder / "text_encoder" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "dtype": "float32"}, indent=2) + "\n")
