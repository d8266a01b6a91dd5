"""Read a generator's shapes from its `config.json`, without a model library."""

import json
from pathlib import Path

from playground.errors import UserError
from playground.gan.types import GeneratorConfig


def read_generator_config(folder: Path) -> GeneratorConfig:
    """Shapes of the generator in `folder`.

    Args:
        folder: a model folder as `AvatarGenerator.save_pretrained` writes it.

    Raises:
        UserError: the folder holds something else, or the shapes contradict each other.
    """
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
