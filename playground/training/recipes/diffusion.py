"""The recipe of `avatar-diffusion`: noise to the latent of a portrait, led by a caption. Rombach et al. (2022).

Invariants: what is trained here is the UNet alone; autoencoder and text encoder are there before and stay as
they are. The network predicts v, Salimans & Ho (2022), arXiv:2202.00512, on a schedule that ends in pure noise, Lin et
al. (2023), arXiv:2305.08891. One caption in ten is left out, so that guidance has something to lead away from.

Two things that do not ship help it to listen. A head names the portrait's attributes from the innermost states, after
Yu et al. (2025), arXiv:2410.06940: a network that knows inside whom it draws learns sooner. And a reader of latents
(`reader`), which is not trained meanwhile, must read in the predicted clean latent what the portrait has: a perceptual
loss, after Berrada et al. (2025), arXiv:2411.04873. The squared error alone is content with a blend. Once it draws
people, the reader also reads what it draws without a portrait beside it (`feedback`).
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from playground.training.dataset import World
from playground.training.recipes.attribute_losses import seeing_loss
from playground.training.recipes.caption_targets import Captions, allowed, value_offsets
from playground.training.recipes.latent_classifier import LatentReader
from playground.training.recipes.muon import Both
from playground.training.recipes.on_policy_finetuning import GUIDANCE, STEPS, Drawings, apart, meant, shares_of
from playground.training.recipes.training_loop import Run, Schedule, device, pictures, placed, reduced, tiled, to_uint8

UNCAPTIONED = 0.1
NAMING = 0.1  # the weight of naming attributes beside the error of v
READ = 0.25  # the weight of what the reader reads
READ_NOISE = 0.5  # standard deviations it reads through, at most
SURE = 350  # time below which it is clear whom the noise hides: there the error is not squared, as in `feedback`
DECIDED = 0.5  # share of the schedule by which it is decided whom the noise hides
UNSQUARED = 0.5  # the weight of such an error, which at its usual size then pulls as the square does
OWN = 2.0  # the weight of what its own drawings should have been
DRAWN = 64  # of those at a time
WIDTHS = (128, 192)


def build(text_width: int, channels: int, side: int, widths: tuple[int, ...] = WIDTHS) -> UNet2DConditionModel:
    """The untrained UNet over latents (channels, side, side), which looks at text states of `text_width`."""
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


def train(
    world: World, latents: Tensor, autoencoder: AutoencoderKL, text: CLIPTextModel, tokenizer: CLIPTokenizer,
    reader: LatentReader, out: Path, schedule: Schedule, init_from: Path | None = None,
    widths: tuple[int, ...] = WIDTHS,
) -> StableDiffusionPipeline:  # fmt: skip
    """Train, or go on, and return the whole pipeline with the averaged UNet.

    `latents` (N, C, h, w) are those of the first N portraits of `world`, not scaled; `reader` reads scaled ones.
    """
    where = device()
    reader = reader.to(where).eval().requires_grad_(False)
    text = text.to(where).eval().requires_grad_(False)
    if init_from is not None:
        unet = UNet2DConditionModel.from_pretrained(init_from / "unet", torch_dtype=torch.float32)
    else:
        unet = build(text.config.hidden_size, latents.shape[1], latents.shape[2], widths)
    unet = placed(unet, where).train()
    inside: list[Tensor] = []  # what the middle of the UNet knows of the pictures it is given, (B, width, h, w)
    unet.mid_block.register_forward_hook(lambda _, __, found: inside.append(found))
    smallest = latents.shape[2] >> (len(unet.config.block_out_channels) - 1)
    naming = nn.Linear(unet.config.block_out_channels[-1] * smallest**2, value_offsets()[-1]).to(where)
    networks: dict[str, nn.Module] = {"unet": unet, "naming": naming}
    learning = [*unet.parameters(), *naming.parameters()]
    hidden = [*unet.down_blocks.parameters(), *unet.mid_block.parameters(), *unet.up_blocks.parameters()]
    optimiser = Both([{"params": learning}], hidden, schedule.rate, (0.9, 0.99), 0.01)
    run = Run(out, networks, optimiser.each, schedule, ("unet",), "avatar-diffusion")
    rng = np.random.default_rng((29, run.seen))
    captions = Captions(world)
    known = np.arange(len(latents))
    natural = known[captions.unnamed(known)]
    noising = scheduler()
    begins = schedule.images // 2  # what it draws at first is nobody yet, or not as frequent as the captions say
    signals = noising.alphas_cumprod.to(where)  # the share of the clean latent's variance at each time

    def states(texts: list[str]) -> Tensor:
        """(B, tokens, width) of captions, padded as the pipeline pads them."""
        ids = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return text(ids.to(where)).last_hidden_state

    def step(batch: int) -> dict[str, float]:
        rows = rng.integers(len(latents), size=batch)
        wordless = rng.random(batch) < UNCAPTIONED
        if len(natural):  # without words nothing is named, so what is likely must not be what captions name evenly
            rows[wordless] = rng.choice(natural, int(wordless.sum()))
        clean = latents[rows].to(where).mul(autoencoder.config.scaling_factor)
        clean = clean.contiguous(memory_format=torch.channels_last)
        noise = torch.randn_like(clean)
        # One time per equal share of the schedule: as random, and less noise in the gradient.
        shares = (torch.arange(batch) + torch.rand(batch)) / batch
        if init_from is not None:  # drawing it can: what remains to be learnt is whom, and that is decided in noise
            shares[1::2] = DECIDED + (1 - DECIDED) * shares[1::2]
        times = (shares * noising.config.num_train_timesteps).long().to(where)
        said = ["" if none else c.text for none, c in zip(wordless, captions.of(rows, rng), strict=True)]
        with torch.no_grad():
            seen = states(said)
        noised = noising.add_noise(clean, noise, times)
        with reduced(where):
            found = unet(noised, times, seen).sample.float()
        wanted = noising.get_velocity(clean, noise, times)
        each = F.mse_loss(found, wanted, reduction="none").mean((1, 2, 3))
        learnt = torch.where(times < SURE, UNSQUARED * apart(found, wanted), each)
        labels = world.labels(rows)
        named = seeing_loss(naming(inside.pop().float().flatten(1)), labels)
        # The clean latent it predicts, (B, C, h, w), counts the more the less noise there was.
        signal = signals[times].view(-1, 1, 1, 1)
        predicted = signal.sqrt() * noised - (1 - signal).sqrt() * found
        through = READ_NOISE * torch.rand_like(signal) * torch.randn_like(predicted)
        read = seeing_loss(reader(predicted + through), labels, signal.flatten().sqrt())
        optimiser.zero_grad()
        (learnt.mean() + NAMING * named + READ * read).backward()
        own = {}
        if run.seen >= begins:
            if not own_drawings.waiting:
                asked = captions.of(rng.integers(len(latents), size=DRAWN), rng)
                with torch.no_grad():
                    words = states([caption.text for caption in asked])
                off.append(own_drawings.draw(words, np.stack([allowed(caption.claims) for caption in asked])))
            loss, whom = own_drawings.loss(batch)
            decided = seeing_loss(naming(inside.pop().float().flatten(1)), whom)
            (OWN * loss + NAMING * decided).backward()
            inside.clear()
            own = {"own": loss.item(), "off": off[-1], "decided": decided.item()}
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        noisy = times >= DECIDED * noising.config.num_train_timesteps
        errors = {"v_clear": each[~noisy].mean().item(), "v_noisy": each[noisy].mean().item()}
        return {**errors, **own, "named": named.item(), "read": read.item()}

    def encode(images: np.ndarray) -> Tensor:
        clean: Tensor = autoencoder.encode(pictures(images, where)).latent_dist.mode()
        return clean * autoencoder.config.scaling_factor

    size = autoencoder.config.sample_size
    own_drawings = Drawings(
        unet, scheduler(), reader, encode, size, states([""]).detach(), shares_of(world.labels(known))
    )
    off = list[float]()
    averaged = placed(UNet2DConditionModel.from_config(unet.config), where).eval()
    drawn = StableDiffusionPipeline(
        autoencoder.to(where).eval(), text, tokenizer, averaged, scheduler(), None, None,
        requires_safety_checker=False,
    )  # fmt: skip
    drawn.set_progress_bar_config(disable=True)

    @torch.no_grad()
    def grid() -> np.ndarray:
        """Portraits and, below them, what their captions give."""
        averaged.load_state_dict(run.average("unet"))
        shown = np.arange(16)
        texts = [caption.text for caption in captions.of(shown, np.random.default_rng(0))]
        noise = [torch.Generator().manual_seed(row) for row in range(16)]
        images = drawn(
            texts, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=noise, output_type="pt"
        ).images
        return tiled(np.concatenate([world.images(shown), to_uint8(images * 2 - 1)]), 16)

    run.train(step, grid)
    averaged.load_state_dict(run.average("unet"))
    return drawn


@torch.no_grad()
def drawings(
    pipeline: StableDiffusionPipeline, world: World, reader: LatentReader, count: int
) -> tuple[Tensor, np.ndarray]:
    """Latents (count, C, h, w), not scaled, as visitors would get them, and labels (count, A) of whom they show."""
    rng, captions, where = np.random.default_rng(53), Captions(world), pipeline.device
    latents, labels = [], []
    for start in range(0, count, DRAWN):
        asked = captions.of(rng.integers(len(world), size=min(DRAWN, count - start)), rng)
        texts = [caption.text for caption in asked]
        noise = [torch.Generator().manual_seed(start + i) for i in range(len(asked))]
        with reduced(where):
            drawn = pipeline(
                texts, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=noise, output_type="latent"
            ).images.float()
        said = reader.to(where)(drawn)
        labels.append(meant(said, np.zeros(said.shape, bool)))  # whom it shows, whatever was asked for
        latents.append(drawn.cpu() / pipeline.vae.config.scaling_factor)
    return torch.cat(latents), np.concatenate(labels)


def save(pipeline: StableDiffusionPipeline, folder: Path) -> None:
    """In files below 10 MB, as `DiffusionPipeline.from_pretrained(folder)` reads and runs them without arguments.

    Half precision, but for the text encoder: transformers opens a model in the type it is stored in, diffusers in
    float32, and a pipeline must have one.
    """
    pipeline.to(dtype=torch.float16).text_encoder.float()
    pipeline.save_pretrained(folder, max_shard_size="9MB")
    pipeline.to(dtype=torch.float32)
