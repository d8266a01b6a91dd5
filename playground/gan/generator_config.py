"""What is known of a generator from its `config.json` alone, before any model library is imported."""

import json
from pathlib import Path

from playground.errors import UserError
from playground.gan.types import GeneratorConfig


def read(folder: Path) -> GeneratorConfig:
    """Sizes and layers of the generator in `folder`. Raises `UserError` for a folder of something else."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        size, z_dim, w_dim, levels = config["size"], config["z_dim"], config["w_dim"], len(config["widths"])
        if not all(isinstance(each, int) and each > 0 for each in (size, z_dim, w_dim)) or size != 4 << levels:
            raise ValueError("sizes that contradict each other")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"The config.json of this model is not that of an avatar-gan ({error}). Save the generator with its own "
            "save_pretrained, or choose another model."
        ) from error
    layers = 2 * levels - 1  # one at 4 pixels, then two for every doubling
    return GeneratorConfig(size, z_dim, w_dim, tuple(4 << ((layer + 1) // 2) for layer in range(layers)))
