"""The GAN's named endpoints: a contract, with plain typed arguments, also listed as MCP tools."""

import gradio as gr
from gradio.data_classes import FileDataDict

from playground.gan.service import GanService
from tabs.common.errors import raised
from tabs.common.image_files import png_file


def gan_endpoints(service: GanService) -> None:
    """Add `/gan_sample` to the app under construction."""
    default = service.catalog.of_tab("gan")[0]

    def gan_sample(seeds: list[int] | str, model: str = default.id, truncation: float = 1.0) -> list[FileDataDict]:
        """Draw one picture for each seed with a GAN; the same seed gives the same picture.

        Args:
            seeds: Whole numbers from 0 to 4294967295, or text such as "1-16, 40"; at most 64. The pictures come in
                this order.
            model: A GAN's id, as listed by /models.
            truncation: 1 leaves the pictures as they are, towards 0 they grow alike and more typical (-2 to 2).
        """
        samples = service.samples(model, seeds, truncation)
        about = f"Model: {model}, Truncation: {truncation:g}, Seed: "
        return [png_file(each.picture, f"seed-{each.seed}", f"{about}{each.seed}") for each in samples]

    gr.api(raised(gan_sample), api_name="gan_sample", concurrency_id="gan_sample", concurrency_limit=2)
