"""Depth's named endpoint, also listed as an MCP tool."""

from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.data_classes import FileDataDict

from playground.imaging import uploads
from tabs.common.errors import raised
from tabs.common.image_files import uploaded
from tabs.common.jobs import job_results
from tabs.common.session import visitor_of
from tests.examples.depth_tab.service import DepthService


def depth_endpoint(service: DepthService) -> None:
    """Add `/depth` to the app under construction."""
    default = service.entries()[0].id

    def depth(
        image: FileDataDict,
        model: str = default,
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio fills it in
    ) -> dict[str, Any]:
        """Estimate how near each place of a picture is.

        Gives {"depth": rows of numbers in 0..1, as many as the picture has pixels, larger is nearer}.

        Args:
            image: A picture file.
            model: A depth model's id, as listed by /models.
        """
        (found,) = job_results(service.estimate(visitor_of(request), model, uploads.read(uploaded(image))))
        return {"depth": found.round(4).tolist()}

    # Like `gr.api`, whose schema of a file no client and no MCP agent would know for one.
    a_file: Any = gr.File(render=False).api_info()
    inputs = [Api(None, a_file, "image"), Api(default, {"type": "string"}, "model")]
    gr.Button(visible=False).click(
        raised(depth), inputs, [Api(None, {"type": "object"}, "found")], api_name="depth", concurrency_id="depth-api",
        concurrency_limit=None,
    )  # fmt: skip
