"""The families of the project's own networks over the drawn world: VAE, flow, GAN and judge."""

from playground.families import Extension, Family, always_cpu, lazy

_LOADERS = "playground.avatars.loading"

EXTENSION = Extension(
    families=tuple(
        Family(
            name=name,
            tab=tab,
            load=lazy(f"{_LOADERS}:{function}"),
            device=always_cpu,
            dtype="float32",
            one_core="always",
        )
        for name, tab, function in (
            ("avatar-vae", "vae", "load_vae"),
            ("avatar-gan", "gan", "load_gan"),
            ("avatar-flow", "companion", "load_flow"),
            ("avatar-judge", "companion", "load_judge"),
        )
    )
)
