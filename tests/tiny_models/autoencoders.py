"""Tiny random autoencoders of diffusers' own classes, saved to disk by the tests, and a catalogue of them."""

from pathlib import Path

ENTRY = """
[[model]]
id = "{id}"
tab = "vae"
label = "Tiny {id}"
family = "{family}"
licence = "CC0"
memory_bytes = 200_000
sources = [{{ kind = "path", path = "{path}" }}]
"""
WIDTHS = (8, 8, 8, 8)  # 8 pixels a latent pixel, like the real ones


def tiny_taesd(folder: Path, channels: int = 4, seed: int = 0) -> Path:
    """Save a random `AutoencoderTiny` (19 000 parameters) into `folder`, and return it."""
    import torch
    from diffusers import AutoencoderTiny

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoencoderTiny(
            encoder_block_out_channels=WIDTHS,
            decoder_block_out_channels=WIDTHS,
            num_encoder_blocks=(1, 1, 1, 1),
            num_decoder_blocks=(1, 1, 1, 1),
            latent_channels=channels,
        )
    model.save_pretrained(folder)
    return folder


def tiny_kl(folder: Path, scaling: float = 0.18215, shift: float | None = None, seed: int = 0) -> Path:
    """Save a random `AutoencoderKL` (25 000 parameters) into `folder`, and return it."""
    import torch
    from diffusers import AutoencoderKL

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoencoderKL(
            block_out_channels=WIDTHS,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=4,
            layers_per_block=1,
            scaling_factor=scaling,
            shift_factor=shift,
        )
    model.save_pretrained(folder)
    return folder


def poison(folder: Path, value: float = float("nan")) -> Path:
    """Make one weight of the saved model `value`, the way damaged weights or an overflow show."""
    from safetensors.torch import load_file, save_file

    path = folder / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.startswith("decoder") and name.endswith("weight"))
    weights[name].view(-1)[0] = value
    save_file(weights, path, metadata={"format": "pt"})
    return folder


def catalogue(folder: Path) -> Path:
    """A catalogue file of both kinds, one poisoned: ids `tiny`, `kl`, `broken`."""
    made = {
        "tiny": ("autoencoder-tiny", tiny_taesd(folder / "tiny")),
        "kl": ("autoencoder-kl", tiny_kl(folder / "kl")),
        "broken": ("autoencoder-tiny", poison(tiny_taesd(folder / "broken"))),
    }
    path = folder / "autoencoders.toml"
    path.write_text(
        "".join(ENTRY.format(id=name, family=family, path=where) for name, (family, where) in made.items())
    )
    return path
