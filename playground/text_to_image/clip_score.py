"""How well pictures fit words: 100 times the cosine between CLIP's embeddings of both.

Invariants: torch and transformers live here and are imported when the first score is wanted. Scores of two
different CLIPs cannot be compared, so a score is always shown with the name of its CLIP.

The measure is that of Hessel et al. 2021 (CLIPScore, arXiv:2104.08718) without their factor of 2.5 and their cut at 0:
100 cos(image, text), as figures of text-to-image models are usually given.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, CLIPModel, VisionTextDualEncoderModel

from playground.errors import UserError
from playground.families import LoadRequest
from playground.inference.loading_errors import CHOOSE_ANOTHER, explained, refuse_incomplete
from playground.runtime.records import LoadedModel

# model_type of the config: the class that reads it
CLASSES: dict[str, Any] = {"clip": CLIPModel, "vision-text-dual-encoder": VisionTextDualEncoderModel}
AT_ONCE = 16  # pictures in one forward pass


class ClipScore:
    """A loaded CLIP with its own preparation of pictures and words. One thread at a time.

    Args:
        model: CLIP.
        processor: Its image processor.
        tokenizer: Its tokenizer.
        label: The model's name, for errors.
    """

    def __init__(self, model: Any, processor: Any, tokenizer: Any, label: str) -> None:
        self._model = model.eval().requires_grad_(False)
        self._processor = processor
        self._tokenizer = tokenizer
        self._label = label
        config = model.config.text_config
        # What the tokenizer was trained with may be the smaller of the two: the last position is the end token's.
        self.tokens = int(min(config.max_position_embeddings, tokenizer.model_max_length))

    @property
    def nbytes(self) -> int:
        """Bytes of weights."""
        return int(self._model.get_memory_footprint())

    def move(self, device: str) -> None:
        """Move the weights.

        Args:
            device: "cuda:0", "mps" or "cpu".
        """
        self._model.to(device)

    def score(self, images: Sequence[Image.Image], text: str) -> list[float]:
        """100 cos(image, text) for each picture.

        Args:
            images: Any number of pictures.
            text: Words beyond `tokens` are not read.

        Returns:
            -100..100 for each.

        Raises:
            UserError: The scores are not finite.
        """
        if not images:
            return []
        with torch.inference_mode():
            words = self._embed_text(text)  # (1, dim)
            parts = [self._embed_images(images[at : at + AT_ONCE]) for at in range(0, len(images), AT_ONCE)]
            cosines = torch.cat(parts) @ words[0]  # (pictures,)
        scores = (100 * cosines).float().cpu()
        if not bool(torch.isfinite(scores).all()):
            raise UserError(
                f"{self._label} gave scores that are not finite: its weights are damaged. {CHOOSE_ANOTHER}"
            )
        return [float(score) for score in scores]

    def _embed_text(self, text: str) -> torch.Tensor:
        """(1, dim), of length 1."""
        # Padded to the full length, as CLIP was trained; its causal text tower reads nothing behind the end token.
        given = self._tokenizer(
            [text], padding="max_length", truncation=True, max_length=self.tokens, return_tensors="pt"
        )
        names = ("input_ids", "attention_mask")
        features = self._model.get_text_features(**{name: given[name].to(self._model.device) for name in names})
        return F.normalize(features.pooler_output.float(), dim=-1)

    def _embed_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """(pictures, dim), each of length 1."""
        given = self._processor(images=[image.convert("RGB") for image in images], return_tensors="pt")
        pixels = given["pixel_values"].to(self._model.device, self._model.dtype)
        return F.normalize(self._model.get_image_features(pixel_values=pixels).pooler_output.float(), dim=-1)


def load(request: LoadRequest) -> LoadedModel:
    """A CLIP from its folder: config, safetensors, tokenizer and the preparation of pictures, as they were saved.

    In float32: it is small, and cosines of nearby pictures differ in the third digit.

    Args:
        request: the model, its folder and device.

    Raises:
        UserError: the files are not those of a CLIP.
    """
    folder, label = request.path, request.entry.label
    with explained(label, "a CLIP"):
        kind = CLASSES.get(AutoConfig.from_pretrained(folder, local_files_only=True).model_type)
        if kind is None:
            raise UserError(f"{label} is no CLIP. Mend `family` of its catalogue entry, or choose another model.")
        model, report = kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    refuse_incomplete(label, report)
    rows = model.config.text_config.vocab_size
    if not rows // 2 < len(tokenizer) <= rows:  # without its files a tokenizer is made all the same, and is empty
        raise UserError(
            f"{label} has {rows} embeddings for words and a tokenizer of {len(tokenizer)}. {CHOOSE_ANOTHER}"
        )
    clip = ClipScore(model.to(request.device), processor, tokenizer, label)
    return LoadedModel(clip, nbytes=clip.nbytes, move=clip.move)
