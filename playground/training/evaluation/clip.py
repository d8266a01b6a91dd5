"""How well `avatar-clip` knows which words belong to which picture, on held-out portraits.

Invariants: a hundred pictures and their hundred captions at a time; chance is 1 %. A caption can be true of more
than its own picture, so that choice is counted apart. A probe is linear, on the picture's embedding.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer, VisionTextDualEncoderModel

from playground.drawn_world.attributes import ATTRIBUTES, HIDDEN
from playground.drawn_world.captions import caption_of
from playground.drawn_world.sampling import Split, person, seeds
from playground.training.evaluation import metrics
from playground.training.evaluation.model_card import Row, percent
from playground.training.recipes.caption_targets import allowed
from playground.training.recipes.clip import agreement

AMONG = 100
PROBED = 4096  # portraits of the training split that the probes learn from


@torch.no_grad()
def table(models: Path, count: int) -> list[Row]:
    """Retrieval among 100 and linear probes, from `count` held-out pairs."""
    folder = models / "avatar-clip"
    model = VisionTextDualEncoderModel.from_pretrained(folder).eval()
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    size = model.config.vision_config.image_size
    chosen = seeds(Split.HELD_OUT, count // AMONG * AMONG)
    people = [person(seed) for seed in chosen]
    pictures, labels = metrics.drawn(people, size)
    captions = [caption_of(seed, who) for seed, who in zip(chosen, people, strict=True)]
    image = metrics.in_batches(lambda part: seen(model, part), pictures)
    text = read(model, tokenizer, [caption.text for caption in captions])
    claims = np.stack([allowed(caption.claims) for caption in captions])
    own = {"image": 0.0, "text": 0.0}
    true = {"image": 0.0, "text": 0.0}
    for part in metrics.chunks(len(chosen), AMONG):
        scores = image[part] @ text[part].T
        agree = agreement(labels[part], claims[part])
        every = np.arange(AMONG)
        for way, found in (("image", scores.argmax(1).numpy()), ("text", scores.argmax(0).numpy())):
            own[way] += (found == every).sum()
            true[way] += (agree[every, found] if way == "image" else agree[found, every]).sum()
    mean_own = 100 * (image * text).sum(1).mean()
    mean_other = 100 * (image * text.roll(1, 0)).sum(1).mean()
    total = len(chosen)
    rows = [
        Row("image to text, its own caption among 100", percent(own["image"] / total), "", "chance 1 %"),
        Row("image to text, a caption that is true", percent(true["image"] / total)),
        Row("text to image, its own picture among 100", percent(own["text"] / total), "", "chance 1 %"),
        Row("text to image, a picture it is true of", percent(true["text"] / total)),
        Row("100 cos of a pair, and with the next caption", f"{mean_own:.1f} and {mean_other:.1f}"),
    ]
    probes = _probes(model, size, image, labels)
    rows.append(Row("attributes read by a linear probe, mean", percent(float(np.mean(list(probes.values()))))))
    return rows + [Row(f"– {name.replace('_', ' ')}", percent(share)) for name, share in probes.items()]


def seen(model: VisionTextDualEncoderModel, pictures: Tensor) -> Tensor:
    """(B, 3, S, S) in -1..1 to unit embeddings (B, width)."""
    found = model.visual_projection(model.vision_model(pictures.contiguous()).pooler_output)
    return torch.nn.functional.normalize(found, dim=1)


def read(model: VisionTextDualEncoderModel, tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Unit embeddings (N, width) of texts."""
    parts = []
    for part in metrics.chunks(len(texts), metrics.BATCH):
        ids = tokenizer(texts[part], padding=True, truncation=True, return_tensors="pt").input_ids
        parts.append(model.text_projection(model.text_model(ids).pooler_output))
    return torch.nn.functional.normalize(torch.cat(parts), dim=1)


def _probes(model: VisionTextDualEncoderModel, size: int, image: Tensor, labels: np.ndarray) -> dict[str, float]:
    """The share of held-out portraits whose value a ridge regression on one-hot values finds, per attribute."""
    known, truth = metrics.drawn([person(seed) for seed in seeds(Split.TRAIN, PROBED)], size)
    x = _with_one(metrics.in_batches(lambda part: seen(model, part), known))
    found = {}
    for index, attribute in enumerate(ATTRIBUTES):
        shown, wanted = truth[:, index] != HIDDEN, labels[:, index] != HIDDEN
        one_hot = torch.from_numpy((truth[:, index, None] == np.arange(len(attribute.values))).astype(np.float32))
        inner = x[shown]
        weight = torch.linalg.inv(inner.T @ inner + 1e-3 * torch.eye(x.shape[1])) @ inner.T @ one_hot[shown]
        answer = (_with_one(image[wanted]) @ weight).argmax(1).numpy()
        found[attribute.name] = float((answer == labels[wanted, index]).mean())
    return found


def _with_one(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones(len(x), 1)], dim=1)
