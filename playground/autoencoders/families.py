"""The families of hub autoencoders for photographs."""

from playground.autoencoders.options import AutoencoderOptions, TinyAutoencoderOptions
from playground.families import Extension, Family, lazy

EXTENSION = Extension(
    families=(
        Family(
            name="autoencoder-tiny",
            tab="vae",
            load=lazy("playground.autoencoders.photo_autoencoder:load_tiny"),
            options=TinyAutoencoderOptions,
        ),
        Family(
            name="autoencoder-kl",
            tab="vae",
            load=lazy("playground.autoencoders.photo_autoencoder:load_kl"),
            options=AutoencoderOptions,
        ),
    )
)
