"""Tiny random pipelines of diffusers' own classes, saved to disk by the tests, and a catalogue of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SENTENCES = (
    "a smiling person with long red hair and round glasses, blue hoodie, on a green background",
    "a person with a black beard, brown eyes and a white shirt on a yellow background",
    "Two foxes; 12 cats, 3 dogs & one bird! 人 ü",
)
KL = {
    "block_out_channels": (8, 8, 8, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "norm_num_groups": 4,
    "layers_per_block": 1,
}
ENTRY = """
[[model]]
id = "{id}"
tab = "image"
label = "Tiny {id}"
family = "diffusion"
licence = "CC0"
memory_bytes = 3_000_000
sources = [{{ kind = "path", path = "{path}" }}]
options = {{ {image} }}
"""
# What the catalogue says of each: fields of `ImageOptions`.
IMAGE = {
    "drawn": 'scheduler = "DDIMScheduler", steps = [1, 6, 60], guidance = [1.0, 3.0, 12.0], sizes = [32, 64, 128], '
    "tokens = 16, batch = 2, count = 6, vocabulary = true, working_bytes = 10_000_000",
    "xl": 'pipeline = "StableDiffusionXLPipeline", scheduler = "EulerAncestralDiscreteScheduler", few_steps = true, '
    "steps = [1, 2, 4], guidance = [0.0, 0.0, 2.0], sizes = [32, 64, 128], batch = 2, working_bytes = 10_000_000",
    "klein": 'pipeline = "Flux2KleinPipeline", process = "flow", few_steps = true, steps = [1, 3, 8], '
    "guidance = [1.0, 1.0, 1.0], negative = false, sizes = [64, 64, 128], multiple = 16, tokens = 512, batch = 2, "
    "working_bytes = 10_000_000",
    "z": 'pipeline = "ZImagePipeline", process = "flow", few_steps = true, steps = [1, 3, 9], '
    "guidance = [0.0, 0.0, 4.0], sizes = [32, 64, 128], multiple = 16, tokens = 512, batch = 2, "
    "working_bytes = 10_000_000",
    "sprint": 'pipeline = "SanaSprintPipeline", process = "trigflow", few_steps = true, steps = [1, 2, 4], '
    "guidance = [1.0, 4.5, 8.0], negative = false, sizes = [64, 64, 128], multiple = 32, tokens = 300, batch = 2, "
    "working_bytes = 10_000_000",
}


def tiny_diffusion(folder: Path, seed: int = 0, prediction: str = "v_prediction") -> Path:
    """Save a random `StableDiffusionPipeline` like the drawn world's: 64 x 64 pictures, 8 latent channels."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    tokenizer = clip_tokenizer(16)

    def build() -> Any:
        return StableDiffusionPipeline(
            vae=AutoencoderKL(**KL, latent_channels=8, sample_size=64, mid_block_add_attention=False),
            text_encoder=CLIPTextModel(clip_config(tokenizer)),
            tokenizer=tokenizer,
            unet=UNet2DConditionModel(**_unet(8)),
            scheduler=DDIMScheduler(
                beta_schedule="scaled_linear",
                beta_start=0.00085,
                beta_end=0.012,
                prediction_type=prediction,
                rescale_betas_zero_snr=prediction == "v_prediction",
                timestep_spacing="trailing",
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )

    return _saved(build, folder, seed)


def tiny_xl(folder: Path, seed: int = 0) -> Path:
    """Save a random `StableDiffusionXLPipeline` with the scheduler of SDXL-Turbo."""
    from diffusers import (
        AutoencoderKL,
        EulerAncestralDiscreteScheduler,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = clip_tokenizer(77)

    def build() -> Any:
        more = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 6 * 8 + 16,
        }
        return StableDiffusionXLPipeline(
            vae=AutoencoderKL(**KL, latent_channels=4, sample_size=64),
            text_encoder=CLIPTextModel(clip_config(tokenizer)),
            text_encoder_2=CLIPTextModelWithProjection(clip_config(tokenizer)),
            tokenizer=tokenizer,
            tokenizer_2=clip_tokenizer(77),
            unet=UNet2DConditionModel(**_unet(4, cross=32) | more),
            scheduler=EulerAncestralDiscreteScheduler(
                beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, timestep_spacing="trailing"
            ),
        )

    return _saved(build, folder, seed)


def tiny_klein(folder: Path, seed: int = 0) -> Path:
    """Save a random `Flux2KleinPipeline`: Qwen3, latents packed in patches of 2 x 2."""
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from transformers import Qwen3ForCausalLM

    tokenizer = qwen_tokenizer()

    def build() -> Any:
        return Flux2KleinPipeline(
            vae=AutoencoderKLFlux2(**KL, latent_channels=8, sample_size=64),
            text_encoder=Qwen3ForCausalLM(_qwen_config(tokenizer, layers=28)),
            tokenizer=tokenizer,
            transformer=Flux2Transformer2DModel(
                in_channels=32,
                num_layers=1,
                num_single_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=3 * 16,
                timestep_guidance_channels=16,
                axes_dims_rope=(4, 4, 4, 4),
                guidance_embeds=False,
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
            is_distilled=True,
        )

    return _saved(build, folder, seed)


def tiny_z(folder: Path, seed: int = 0) -> Path:
    """Save a random `ZImagePipeline`."""
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen3Model

    tokenizer = qwen_tokenizer()

    def build() -> Any:
        return ZImagePipeline(
            vae=AutoencoderKL(**KL, latent_channels=16, sample_size=64, scaling_factor=0.36, shift_factor=0.12),
            text_encoder=Qwen3Model(_qwen_config(tokenizer, layers=2)),
            tokenizer=tokenizer,
            transformer=ZImageTransformer2DModel(
                in_channels=16,
                dim=32,
                n_layers=1,
                n_refiner_layers=1,
                n_heads=2,
                n_kv_heads=2,
                cap_feat_dim=16,
                axes_dims=[8, 4, 4],
                axes_lens=[1024, 64, 64],
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        )

    return _saved(build, folder, seed)


def tiny_sprint(folder: Path, seed: int = 0) -> Path:
    """Save a random `SanaSprintPipeline`: Gemma 2, a deep-compression autoencoder, one guidance embedding."""
    from diffusers import AutoencoderDC, SanaSprintPipeline, SanaTransformer2DModel, SCMScheduler
    from transformers import Gemma2Config, Gemma2Model

    tokenizer = gemma_tokenizer()

    def build() -> Any:
        blocks = ("ResBlock", "ResBlock", "ResBlock", "EfficientViTBlock", "EfficientViTBlock")
        return SanaSprintPipeline(
            vae=AutoencoderDC(
                latent_channels=8,
                attention_head_dim=4,
                encoder_block_types=blocks,
                decoder_block_types=blocks,
                encoder_block_out_channels=(8,) * 5,
                decoder_block_out_channels=(8,) * 5,
                encoder_layers_per_block=(1,) * 5,
                decoder_layers_per_block=(1,) * 5,
                encoder_qkv_multiscales=((), (), (), (5,), (5,)),
                decoder_qkv_multiscales=((), (), (), (5,), (5,)),
                scaling_factor=0.41407,
            ),
            text_encoder=Gemma2Model(
                Gemma2Config(
                    vocab_size=len(tokenizer),
                    hidden_size=16,
                    intermediate_size=32,
                    num_hidden_layers=1,
                    num_attention_heads=2,
                    num_key_value_heads=2,
                    head_dim=8,
                )
            ),
            tokenizer=tokenizer,
            transformer=SanaTransformer2DModel(
                in_channels=8,
                out_channels=8,
                num_attention_heads=2,
                attention_head_dim=8,
                num_layers=1,
                num_cross_attention_heads=2,
                cross_attention_head_dim=8,
                cross_attention_dim=16,
                caption_channels=16,
                sample_size=4,
                guidance_embeds=True,
                guidance_embeds_scale=0.1,
                qk_norm="rms_norm_across_heads",
                timestep_scale=1000.0,
            ),
            scheduler=SCMScheduler(),
        )

    return _saved(build, folder, seed)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "drawn": tiny_diffusion,
    "xl": tiny_xl,
    "klein": tiny_klein,
    "z": tiny_z,
    "sprint": tiny_sprint,
}


def catalogue(folder: Path, *names: str, **more: str) -> Path:
    """A catalogue file of these pipelines (all of them by default); `more` adds fields to the `image` of each."""
    extra = "".join(f", {name} = {value}" for name, value in more.items())
    path = folder / "images.toml"
    path.write_text(
        "".join(
            ENTRY.format(id=name, path=MAKERS[name](folder / name), image=IMAGE[name] + extra)
            for name in names or tuple(MAKERS)
        ),
        encoding="utf-8",
    )
    return path


def poison(folder: Path, part: str = "unet", value: float = float("nan")) -> Path:
    """Make one weight of a saved part `value`, the way damaged weights or an overflow show."""
    from safetensors.torch import load_file, save_file

    path = folder / part / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if "conv_out" in name and name.endswith("weight"))
    weights[name].view(-1)[0] = value
    save_file(weights, path, metadata={"format": "pt"})
    return folder


def clip_tokenizer(longest: int) -> Any:
    """A working `CLIPTokenizer`: byte-level pairs learned from `SENTENCES`."""
    from transformers import CLIPTokenizer

    vocab, merges = _pairs(["<|startoftext|>", "<|endoftext|>"], end="</w>")
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=longest)


def qwen_tokenizer() -> Any:
    """A working `Qwen2Tokenizer` with a chat template of Qwen's form."""
    from transformers import Qwen2Tokenizer

    vocab, merges = _pairs(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n"
    )
    return Qwen2Tokenizer(
        vocab=vocab, merges=merges, chat_template=template, extra_special_tokens=["<|im_start|>", "<|im_end|>"]
    )


def gemma_tokenizer() -> Any:
    """A working `GemmaTokenizer`: single characters, and bytes for what it does not know."""
    from transformers import GemmaTokenizer

    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    letters = sorted({letter for text in SENTENCES for letter in text.replace(" ", "▁")})
    return GemmaTokenizer(vocab={piece: number for number, piece in enumerate([*pieces, *letters])}, merges=[])


def _pairs(special: list[str], end: str = "") -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a small byte-level BPE."""
    import json

    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE(end_of_word_suffix=end))
    learner.normalizer = normalizers.Lowercase()
    if end:  # words without the space before them, like CLIP's
        learner.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    else:
        learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix=end,
        special_tokens=[] if end else special,
        show_progress=False,
    )
    learner.train_from_iterator(SENTENCES, trainer)
    model = json.loads(learner.to_str())["model"]
    pieces = list(model["vocab"])
    if end:  # every letter also as the last of a word
        letters = pre_tokenizers.ByteLevel.alphabet()
        pieces += [piece for letter in sorted(letters) if (piece := letter + end) not in model["vocab"]]
        pieces += special  # at the end, so that the end's id is the largest and not 2
    return {piece: number for number, piece in enumerate(pieces)}, [tuple(pair) for pair in model["merges"]]


def clip_config(tokenizer: Any) -> Any:
    """A `CLIPTextConfig` of 16 dimensions and two layers for this tokenizer."""
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        projection_dim=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _qwen_config(tokenizer: Any, layers: int) -> Any:
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
    )


def _unet(channels: int, cross: int = 16) -> dict[str, Any]:
    return {
        "sample_size": 8,
        "in_channels": channels,
        "out_channels": channels,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": cross,
        "attention_head_dim": 4,
        "norm_num_groups": 4,
    }


def _saved(build: Callable[[], Any], folder: Path, seed: int) -> Path:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipeline = build()
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder
