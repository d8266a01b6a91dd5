"""An answer as other programs read it: JSON, COCO, YOLO.

Invariants: text out, nothing written to disk and nothing in a path that a model said. `annotation.py` has
the pictures.
"""

import json
from typing import Any

from playground.grounding.annotation import crops, draw_boxes
from playground.grounding.boxes import to_pixels
from playground.grounding.palette import colour
from playground.grounding.types import Answer, Box, Entity, ParsedAnswer

__all__ = ["as_coco", "as_dict", "as_json", "as_yolo", "colour", "crops", "draw_boxes"]

NAMELESS = "object"  # the class of a box without a phrase
DIGITS = 5  # of a fraction: a tenth of a pixel in a picture of 10,000


def as_dict(answer: Answer) -> dict[str, Any]:
    """What the endpoint `/ground` gives: `text`, `entities`, `raw`, `prompt`, `warnings`.

    An entity has `phrase`, `span` ([start, end] in characters of `text`, or None), `boxes` ([x0, y0, x1, y1] in 0..1
    of the upright picture), `scores` (of each box, or None) and `score`, the highest of them, or None.
    """
    return {
        "text": answer.parsed.text,
        "entities": [_entity(entity) for entity in answer.parsed.entities],
        "raw": answer.raw,
        "prompt": answer.prompt,
        "warnings": list(answer.parsed.warnings),
    }


def as_json(answer: Answer, size: tuple[int, int], model: str = "", file_name: str = "picture.png") -> str:
    """`as_dict` as JSON text, with the picture's size, the model, and every box in pixels too (`pixels`).

    `pixels` are whole numbers [left, top, right, bottom]; right and bottom lie outside the box.
    """
    whole = as_dict(answer)
    for told, entity in zip(whole["entities"], answer.parsed.entities, strict=True):
        told["pixels"] = [list(to_pixels(box, size)) for box in entity.boxes]
    picture = {"file": file_name, "width": size[0], "height": size[1]}
    more = {"seconds": round(answer.seconds, 3), "tokens": answer.tokens, "stopped": answer.stopped}
    return _text({"image": picture, "model": model, **whole, **more})


def as_coco(parsed: ParsedAnswer, size: tuple[int, int], file_name: str = "picture.png") -> str:
    """The boxes as a COCO detection file: a category per phrase, `bbox` = [left, top, width, height] in pixels."""
    width, height = size
    names = classes(parsed)
    annotations: list[dict[str, Any]] = []
    for entity, box in _boxes(parsed):
        sides = (box.x1 - box.x0) * width, (box.y1 - box.y0) * height
        annotation = {
            "id": len(annotations) + 1,
            "image_id": 1,
            "category_id": names.index(_class(entity)) + 1,
            "bbox": [round(value, 2) for value in (box.x0 * width, box.y0 * height, *sides)],
            "area": round(sides[0] * sides[1], 2),
            "iscrowd": 0,
        }
        annotations.append(annotation if box.score is None else {**annotation, "score": round(box.score, DIGITS)})
    return _text(
        {
            "images": [{"id": 1, "file_name": file_name, "width": width, "height": height}],
            "annotations": annotations,
            "categories": [{"id": number, "name": name} for number, name in enumerate(names, start=1)],
        }
    )


def as_yolo(parsed: ParsedAnswer) -> tuple[str, str]:
    """The boxes as YOLO writes them: (labels, class names), two text files.

    A line of the labels is `class centre_x centre_y width height`, all but the class in fractions; the class is the
    number, from 0, of a line of the names.
    """
    names = classes(parsed)
    lines = []
    for entity, box in _boxes(parsed):
        values = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.x1 - box.x0, box.y1 - box.y0
        lines.append(f"{names.index(_class(entity))} {' '.join(f'{value:.6f}' for value in values)}\n")
    return "".join(lines), "".join(f"{name}\n" for name in names)


def classes(parsed: ParsedAnswer) -> list[str]:
    """The phrases that have boxes, each once, in their order, each on one line."""
    return list(dict.fromkeys(_class(entity) for entity, _ in _boxes(parsed)))


def _entity(entity: Entity) -> dict[str, Any]:
    scores = [None if box.score is None else round(box.score, DIGITS) for box in entity.boxes]
    known = [score for score in scores if score is not None]
    return {
        "phrase": entity.phrase,
        "span": list(entity.span) if entity.span is not None else None,
        "boxes": [[round(edge, DIGITS) for edge in (box.x0, box.y0, box.x1, box.y1)] for box in entity.boxes],
        "scores": scores if known else None,
        "score": max(known, default=None),
    }


def _boxes(parsed: ParsedAnswer) -> list[tuple[Entity, Box]]:
    return [(entity, box) for entity in parsed.entities for box in entity.boxes]


def _class(entity: Entity) -> str:
    return " ".join(entity.phrase.split()) or NAMELESS


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
