"""The VAE's named endpoints: a contract, with plain typed arguments, also listed as MCP tools."""

from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.data_classes import FileDataDict

from playground.core import Playground
from playground.errors import UserError
from playground.imaging import uploads
from playground.vae.auxiliary_models import FAMILY
from playground.vae.types import Encoded
from tabs.common.errors import raised
from tabs.common.image_files import png_file, uploaded

MAX_DB = 100.0  # stands for a picture that comes back without any error, which JSON cannot say


def vae_endpoints(playground: Playground) -> None:
    """Add `/vae_encode` and `/vae_decode` to the app under construction."""
    service = playground.vae
    default = next(entry for entry in playground.catalog.of_tab("vae") if entry.family == FAMILY)

    def vae_encode(image: FileDataDict, model: str = default.id) -> tuple[dict[str, Any], FileDataDict]:
        """Bring a picture into a VAE: its latent and attributes, and the picture as it comes back.

        Args:
            image: A picture file. The centred square of it is seen.
            model: A VAE's id, as listed by /models.
        """
        found = service.encode(_text(model), uploads.read(uploaded(image)))
        return _to_json(found), png_file(found.reconstruction, "reconstruction", f"Model: {model}")

    def vae_decode(
        latent: list[float] | None = None,
        attributes: dict[str, float | str] | None = None,
        model: str = default.id,
        seed: int = 0,
    ) -> FileDataDict:
        """Draw the picture of a latent with a VAE, after setting attributes in it.

        Args:
            latent: The numbers that /vae_encode gave as `latent`; null for a new face, drawn from the prior.
            attributes: Names and values as /vae_encode gives them, applied to the latent: a number on the attribute's
                scale, or one of its words, for instance {"mouth": 4, "glasses": "round glasses"}.
            model: A VAE's id, as listed by /models.
            seed: Decides the new face where the latent is null (0 to 4294967295).
        """
        z = service.edit_latent(_text(model), latent, attributes if attributes is not None else {}, seed)
        settings = f"Model: {model}" if latent is not None else f"Model: {model}, Seed: {seed}"
        return png_file(service.render(model, z), "decoded", settings)

    gr.api(raised(vae_decode), api_name="vae_decode", concurrency_id="vae", concurrency_limit=4)
    # Like `gr.api`, whose schema of a file no client and no MCP agent would know for one.
    a_file: Any = gr.File(render=False).api_info()
    inputs = [Api(None, a_file, "image"), Api(default.id, {"type": "string"}, "model")]
    outputs = [Api(None, {"type": "object"}, "found"), Api(None, a_file, "reconstruction")]
    gr.Button(visible=False).click(
        raised(vae_encode),
        inputs,
        outputs,
        api_name="vae_encode",
        concurrency_id="vae",
        concurrency_limit=4,
    )


def _to_json(found: Encoded) -> dict[str, Any]:
    """As JSON: numbers rounded to what they mean, none of them infinite."""
    typicality = found.typicality
    return {
        "latent": [round(number, 5) for number in found.latent.tolist()],
        "attributes": {
            name: value if isinstance(value, str) else round(value, 3) for name, value in found.values.items()
        },
        "psnr": round(min(found.psnr, MAX_DB), 2),
        "ssim": round(found.ssim, 4),
        "typicality": typicality
        and {"bits_per_dim": round(typicality.bits_per_dim, 3), "percentile": round(typicality.percentile, 3)},
        "of_this_world": found.in_distribution,
        "crop": [found.crop.left, found.crop.top, found.crop.side, found.crop.side],
    }


def _text(model: object) -> str:
    if not isinstance(model, str):
        raise UserError("`model` is the id of a model, as listed by /models.")
    return model
