"""A depth estimator in memory. Imports torch and transformers; imported when the first model is asked for."""

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForDepthEstimation

from playground.families import LoadRequest
from playground.inference.loading_errors import explained, refuse_incomplete
from playground.runtime.records import LoadedModel


class DepthEstimator:
    """A loaded model with its image processor."""

    def __init__(self, request: LoadRequest) -> None:
        label = request.entry.label
        with explained(label, "a depth estimator"):
            self._processor = AutoImageProcessor.from_pretrained(request.path, local_files_only=True, backend="pil")
            self.model, report = AutoModelForDepthEstimation.from_pretrained(
                request.path,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=getattr(torch, request.dtype),
                output_loading_info=True,
            )
        refuse_incomplete(label, report)
        self.model.to(request.device).eval().requires_grad_(False)

    def estimate(self, image: Image.Image) -> np.ndarray:
        """Relative inverse depth, (h, w) float32 as large as the picture: larger is nearer."""
        inputs = self._processor(image, return_tensors="pt").to(self.model.device, self.model.dtype)
        with torch.inference_mode():
            outputs = self.model(**inputs)
        size = [(image.height, image.width)]
        depth = self._processor.post_process_depth_estimation(outputs, target_sizes=size)[0]["predicted_depth"]
        found: np.ndarray = depth.float().cpu().numpy()
        return found


def load(request: LoadRequest) -> LoadedModel:
    """A depth estimator from its folder. Raises `UserError` for files that are not of one."""
    estimator = DepthEstimator(request)

    def move(device: str) -> None:
        estimator.model.to(device)

    return LoadedModel(estimator, nbytes=estimator.model.get_memory_footprint(), move=move)
