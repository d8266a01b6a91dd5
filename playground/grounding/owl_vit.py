"""OWL-ViT and OWLv2: boxes with scores for named things, and for things that look like a part of the picture.

Invariants: one box per patch, scored against embeddings of queries, whether they come from words or from a
patch. Pictures are brought to the size here: OWLv2's own preparation needs scipy.

Minderer et al. 2022, arXiv:2205.06230; Minderer et al. 2023, arXiv:2306.09683.
"""

import re
import time
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from transformers import Owlv2ForObjectDetection, OwlViTForObjectDetection

from playground.families import LoadRequest
from playground.grounding.boxes import box_iou
from playground.grounding.checkpoint import Checkpoint, open_checkpoint
from playground.grounding.detection import all_detections, best_detection, cxcywh_to_xyxy, parse_queries, stoppable
from playground.grounding.types import Answer, Asked, Box, GroundingEvent, GroundingTask, ParsedAnswer, Question
from playground.runtime.records import LoadedModel
from playground.runtime.task import Task

CLASSES = {"owlvit": OwlViTForObjectDetection, "owlv2": Owlv2ForObjectDetection}
GREY = (128, 128, 128)  # beside and below a picture that is no square, as OWLv2 was trained
CLOSE = 0.8  # of the best overlap: boxes that stand for the parse_queries part as well as the best does
SAME_THING = 0.3  # IoU; what looks like the part is a whole thing each time, and things overlap little


class OwlDetector:
    """A loaded detector. One thread at a time."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model = checkpoint.model
        self._prepare = checkpoint.processor.image_processor
        self._tokenizer = checkpoint.processor.tokenizer
        config = checkpoint.model.config
        self._squares = config.model_type == "owlv2"
        self._side = config.vision_config.image_size
        self._tokens = config.text_config.max_position_embeddings  # 16, both ends included

    def answer(self, question: Question, task: Task) -> Iterator[GroundingEvent]:
        """`Asked`, then `Answer`: all boxes are there at once."""
        began = time.monotonic()
        wanted, notes = parse_queries(question)
        queries = [_query(phrase) for phrase in wanted]
        read = self._tokenizer(queries, truncation=True, max_length=self._tokens + 1)["input_ids"]
        if max(map(len, read)) > self._tokens:
            notes.append(f"The model reads {self._tokens - 2} tokens of each phrase, and no further.")
        yield Asked("\n".join(queries), tuple(notes))
        words = self._tokenizer(
            queries, padding="max_length", truncation=True, max_length=self._tokens, return_tensors="pt"
        )
        with stoppable(self._model, task):
            out = self._model(
                input_ids=words["input_ids"].to(self._model.device),
                attention_mask=words["attention_mask"].to(self._model.device),
                pixel_values=self._pixels(question.image),
            )
        corners = self._of_picture(cxcywh_to_xyxy(out.pred_boxes[0]).cpu(), question.image)
        scores = out.logits[0].float().sigmoid().cpu()  # (patches, phrases)
        parsed = (
            best_detection(wanted[0], corners, scores)
            if question.task == GroundingTask.REFER
            else all_detections(wanted, corners, scores)
        )
        yield Answer(parsed, "", "\n".join(queries), time.monotonic() - began)

    def similar(self, image: Image.Image, box: Box, task: Task) -> ParsedAnswer:
        """What looks like the part `box` of the picture: one entity, its phrase "", the part itself among its boxes.

        The query is the embedding of a patch whose own box lies on the part (section 4.4 of the first paper), so it is
        seen in its surroundings and the picture is read once. These scores are not those of words: start near 0.6.
        """
        with stoppable(self._model, task):
            features = self._model.image_embedder(pixel_values=self._pixels(image))[0]  # (1, rows, columns, dim)
            patches = features.flatten(1, 2)  # (1, patches, dim)
            corners = cxcywh_to_xyxy(self._model.box_predictor(patches, features)[0])
            embeddings = self._model.class_predictor(patches)[1][0]  # (patches, query dim)
            query = embeddings[self._patch_on(box, image, corners, embeddings)]
            scores = self._model.class_predictor(patches, query[None, None])[0][0].sigmoid()  # (patches, 1)
        return all_detections([""], self._of_picture(corners.cpu(), image), scores, SAME_THING)

    def _patch_on(self, box: Box, image: Image.Image, corners: torch.Tensor, embeddings: torch.Tensor) -> int:
        """The patch that stands for `box`: of those whose boxes lie on it about equally well the one that is least
        like the picture as a whole, for background resembles everything."""
        part = torch.tensor([box.x0, box.y0, box.x1, box.y1]) / torch.tensor(self._stretch(image) * 2)
        corners = corners.float().cpu()
        overlap = torch.from_numpy(box_iou(part.numpy(), corners.numpy()))  # (patches,)
        if not bool((overlap > 0).any()):  # nothing was seen there: the patch whose box is nearest
            return int((corners - part).abs().sum(dim=1).argmin())
        close = (overlap >= CLOSE * overlap.max()).nonzero()[:, 0].to(embeddings.device)
        return int(close[(embeddings[close] @ embeddings.mean(dim=0)).argmin()])

    def _pixels(self, image: Image.Image) -> torch.Tensor:
        """(1, 3, side, side), normalised."""
        if self._squares:
            side = max(image.size)
            whole = Image.new("RGB", (side, side), GREY)
            whole.paste(image)
            image = whole
        image = image.resize((self._side, self._side), Image.Resampling.BICUBIC)
        options: dict[str, Any] = {"do_resize": False, "return_tensors": "pt"}
        if self._squares:
            options["do_pad"] = False
        return self._prepare(images=image, **options)["pixel_values"].to(self._model.device)

    def _stretch(self, image: Image.Image) -> tuple[float, float]:
        """What the model calls 1 across and down, in widths and heights of the picture."""
        side = max(image.size)
        return (side / image.width, side / image.height) if self._squares else (1.0, 1.0)

    def _of_picture(self, corners: torch.Tensor, image: Image.Image) -> torch.Tensor:
        return corners * torch.tensor(self._stretch(image) * 2)


def _query(phrase: str) -> str:
    """The phrase in the one of CLIP's templates that the models know best."""
    return f"a photo of a {re.sub(r'^(an?|the) ', '', phrase.lower())}"


def load(request: LoadRequest) -> LoadedModel:
    """A detector of the family from its folder, in float32 (see `playground.grounding.families`).

    Args:
        request: the model, its folder, device and dtype.

    Raises:
        UserError: the files are not of such a model.
    """
    checkpoint = open_checkpoint(request, CLASSES)
    return LoadedModel(OwlDetector(checkpoint), nbytes=checkpoint.nbytes, move=checkpoint.move)
