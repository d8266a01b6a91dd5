"""Grounding DINO and its kin (MM-Grounding-DINO, LLMDet): boxes with scores for any named things.

Invariants: which box belongs to which phrase is read from the scores of the phrase's own tokens, by their place
in the sentence that was sent. transformers decodes the tokens that lit up, and its labels come out merged or empty.

Liu et al. 2023, arXiv:2303.05499; Zhao et al. 2024, arXiv:2401.02361; Fu et al. 2025 (LLMDet), arXiv:2501.18954.
"""

import re
import time
from collections.abc import Iterator, Sequence

import torch
from PIL import Image
from transformers import GroundingDinoForObjectDetection, MMGroundingDinoForObjectDetection

from playground.errors import UserError
from playground.families import LoadRequest
from playground.grounding.checkpoint import Checkpoint, open_checkpoint
from playground.grounding.detection import all_detections, best_detection, cxcywh_to_xyxy, parse_queries, stoppable
from playground.grounding.types import Answer, Asked, GroundingEvent, GroundingTask, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

CLASSES = {
    "grounding-dino": GroundingDinoForObjectDetection,
    "mm-grounding-dino": MMGroundingDinoForObjectDetection,  # LLMDet's checkpoints are of this class too
}
MAX_ASPECT_RATIO = 30  # times as long as wide; there are more queries (900) than places in a strip that is thinner


class DinoDetector:
    """A loaded detector. One thread at a time."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model = checkpoint.model
        self._prepare = checkpoint.processor.image_processor
        self._tokenizer = checkpoint.processor.tokenizer

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """`Asked`, then `Answer`: all boxes are there at once."""
        began = time.monotonic()
        wanted, notes = parse_queries(question)
        sentence, places = _sentence(wanted)
        tokens, left_out = self._tokens(sentence, places)
        notes += [f"{left_out} of {len(wanted)} things left out: the model reads no further."] if left_out else []
        yield Asked(sentence, tuple(notes))
        corners, scores = self._seen(question.image, tokens, places, task)
        parsed = (
            best_detection(wanted[0], corners, scores)
            if question.task == GroundingTask.REFER
            else all_detections(wanted, corners, scores)
        )
        yield Answer(parsed, "", sentence, time.monotonic() - began)

    def _tokens(self, sentence: str, places: Sequence[tuple[int, int]]) -> tuple[dict[str, torch.Tensor], int]:
        """The sentence as the model takes it, `offset_mapping` (1, tokens, 2) among it, and how many phrases are cut
        off."""
        most = self._model.config.max_text_len
        tokens = self._tokenizer(
            sentence, truncation=True, max_length=most, return_offsets_mapping=True, return_tensors="pt"
        )
        read = int(tokens["offset_mapping"].max())
        return dict(tokens), sum(start >= read for start, _ in places)

    def _seen(
        self, image: Image.Image, tokens: dict[str, torch.Tensor], places: Sequence[tuple[int, int]], task: Task
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Corners (queries, 4) in fractions of the picture, and scores (queries, phrases)."""
        if max(image.size) > MAX_ASPECT_RATIO * min(image.size):
            raise UserError(
                f"This picture is more than {MAX_ASPECT_RATIO} times as long as wide, and this model sees nothing in "
                "such a strip. Crop it."
            )
        starts, ends = tokens["offset_mapping"][0].unbind(-1)  # (tokens,) each, in characters of the sentence
        given = {name: tokens[name] for name in ("input_ids", "token_type_ids", "attention_mask")}
        given |= dict(self._prepare(images=image, return_tensors="pt"))
        with stoppable(self._model, task):
            out = self._model(**{name: value.to(self._model.device) for name, value in given.items()})
        # (queries, most tokens); -inf, and so 0, behind the last token
        lit = out.logits[0].float().sigmoid().cpu()[:, : len(starts)]
        scores = [
            lit[:, (starts >= start) & (ends <= end) & (ends > starts)] for start, end in places
        ]  # per phrase (queries, its tokens)
        best = [part.amax(dim=1) if part.shape[1] else torch.zeros(len(lit)) for part in scores]
        return cxcywh_to_xyxy(out.pred_boxes[0]), torch.stack(best, dim=1)


def _sentence(wanted: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The phrases as the family was trained, "glasses. a hat.", and where each stands in it, in characters.

    A full stop or question mark within a phrase would cut it in two, as the model masks its text.
    """
    sentence, places = "", []
    for phrase in wanted:
        plain = " ".join(re.sub(r"[.?]", " ", phrase.lower()).split())
        start = len(sentence) + bool(sentence)
        places.append((start, start + len(plain)))
        sentence += f"{' ' if sentence else ''}{plain}."
    return sentence, places


def load(request: LoadRequest) -> LoadedModel:
    """A detector of the family from its folder, in float32 (see `playground.grounding.families`).

    Args:
        request: the model, its folder, device and dtype.

    Raises:
        UserError: the files are not of such a model.
    """
    checkpoint = open_checkpoint(request, CLASSES)
    return LoadedModel(DinoDetector(checkpoint), nbytes=checkpoint.nbytes, move=checkpoint.move)
