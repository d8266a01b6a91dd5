"""The recipe of `avatar-clip`: a picture and its caption point the same way, Radford et al. (2021), arXiv:2103.00020.

Invariants: two parts, each of which can be resumed on its own.

1. `words`: the text half learns to say which word comes next, what a caption claims so far, at the end of every
   phrase (only there is told whose the colour was), and at its end of whom it speaks. Words alone are cheap.
2. `sight`: the picture half is trained contrastively against the text half, which stays as it is (locked, as in Zhai
   et al. 2022, arXiv:2111.07991, with the halves changed over), so the diffusion model may use it after part 1.

The contrast is between people who differ in one thing: half of each batch are portraits, the other half the same
people after one edit. What a caption says is known exactly, so a picture that it happens to be true of is never held
against it. Beside the contrast the picture half names what it sees, as a whole and patch by patch (`dense`); the heads
that name do not ship. Eyes that learnt to look elsewhere may be lent to it (`borrow`), which saves most of the way.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    BatchEncoding,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
    VisionTextDualEncoderModel,
    VisionTextDualEncoderProcessor,
)
from transformers.models.idefics3.modeling_idefics3 import Idefics3VisionTransformer

from playground.drawn_world.attributes import HIDDEN
from playground.drawn_world.captions import Caption
from playground.drawn_world.nouns import TRAITS, traits
from playground.training.dataset import World
from playground.training.recipes.attribute_losses import reading_loss, seeing_loss
from playground.training.recipes.caption_targets import Captions, allowed, new_captions, value_offsets
from playground.training.recipes.clip_tokenizer import TOKENS
from playground.training.recipes.dense_supervision import PORTRAIT_ZONES, naming_by_zone
from playground.training.recipes.training_loop import Run, Schedule, device, pictures

WIDTH = 192
GROUPS_EVERY = 4  # every so many batches are group pictures
HEADS, PATCHES = 0.5, 0.5  # weights of naming what is seen, by the whole picture and by each patch


@dataclass
class Clip:
    """The model with its tokenizer, as it ships."""

    model: VisionTextDualEncoderModel
    tokenizer: CLIPTokenizer

    def save(self, folder: Path) -> None:
        """Model, tokenizer and image processor in one folder, for `from_pretrained`."""
        size = self.model.config.vision_config.image_size
        images = SiglipImageProcessorPil(size={"height": size, "width": size})
        self.model.save_pretrained(folder, max_shard_size="9MB")
        VisionTextDualEncoderProcessor(images, self.tokenizer).save_pretrained(folder)


def build(tokenizer: CLIPTokenizer, size: int, width: int = WIDTH, depth: tuple[int, int] = (6, 4)) -> Clip:
    """An untrained model: `depth` layers of picture and of text, for pictures of `size` pixels in patches of 8."""
    vision = SiglipVisionConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=depth[0], num_attention_heads=width // 32,
        image_size=size, patch_size=8, hidden_act="gelu_pytorch_tanh",
    )  # fmt: skip
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=4 * width, num_hidden_layers=depth[1],
        num_attention_heads=width // 32, max_position_embeddings=TOKENS, projection_dim=width,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    halves = SiglipVisionModel(vision), CLIPTextModel(text)
    model = VisionTextDualEncoderModel(vision_model=halves[0], text_model=halves[1])
    return Clip(model, tokenizer)


def load(folder: Path) -> Clip:
    """What `Clip.save` wrote."""
    return Clip(VisionTextDualEncoderModel.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder))


def borrow(clip: Clip, eyes: Idefics3VisionTransformer) -> None:
    """The picture half goes on from a ViT of the same width and patches; places are stretched to its own grid."""
    lent = eyes.state_dict()
    places = lent["embeddings.position_embedding.weight"]
    before = round(len(places) ** 0.5)
    own = clip.model.config.vision_config
    side = own.image_size // own.patch_size
    grid = F.interpolate(places.T.unflatten(1, (before, before))[None], (side, side), mode="bicubic", antialias=True)
    lent["embeddings.position_embedding.weight"] = grid[0].flatten(1).T
    missing = clip.model.vision_model.load_state_dict(lent, strict=False)
    assert not missing.unexpected_keys and all(key.startswith("head.") for key in missing.missing_keys)


def words(
    clip: Clip, groups: World | None, out: Path, schedule: Schedule, head_start: int = 0
) -> None:  # fmt: skip
    """Part 1. Leaves the averaged text half in `clip`.

    During the first `head_start` captions only what reads the text half learns, so that a text half that knows much
    already is not led by one that knows nothing, Kumar et al. (2022), arXiv:2202.10054.
    """
    where = device()
    text, tokenizer = clip.model.text_model.to(where).train(), clip.tokenizer
    values = value_offsets()[-1]
    read = nn.Linear(text.config.hidden_size, values + len(TRAITS)).to(where)
    networks: dict[str, nn.Module] = {"text": text, "read": read}
    learning = [*text.parameters(), *read.parameters()]
    optimiser = torch.optim.AdamW(learning, schedule.rate, betas=(0.9, 0.98), weight_decay=0.02)
    run = Run(out, networks, {"adam": optimiser}, schedule, ("text",), "avatar-clip, words")
    rng = np.random.default_rng((31, run.seen))
    crowds = [record["caption"] for record in groups.records()] if groups is not None else []

    def step(batch: int) -> dict[str, float]:
        of_groups = batch // 4 if crowds else 0
        captions = new_captions(batch - of_groups, rng)
        texts = [caption.text for caption in captions]
        texts += [crowds[row] for row in rng.integers(len(crowds), size=of_groups)] if crowds else []
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt").to(where)
        with torch.set_grad_enabled(run.seen >= head_start):
            found = text(tokens.input_ids)
        ends, claims = said(tokens, captions)
        scores = found.last_hidden_state[:, :-1] @ text.get_input_embeddings().weight.T  # (B, L - 1, vocabulary)
        follows = tokens.input_ids[:, 1:].masked_fill(tokens.attention_mask[:, 1:] == 0, -100)
        next_word = F.cross_entropy(scores.flatten(0, 1), follows.flatten())
        claim = reading_loss(read(found.last_hidden_state[ends])[:, :values], claims)
        whole = found.last_hidden_state[torch.arange(len(captions)), tokens.attention_mask[: len(captions)].sum(1) - 1]
        about = reading_loss(read(whole)[:, values:], np.array([traits(caption.who) for caption in captions]))
        optimiser.zero_grad(set_to_none=True)
        (0.3 * next_word + claim + about).backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        return {"next": next_word.item(), "claims": claim.item(), "about": about.item()}

    run.train(step)
    text.load_state_dict(run.average("text"))


def sight(
    clip: Clip, portraits: World, edits: World, groups: World | None, out: Path, schedule: Schedule
) -> None:  # fmt: skip
    """Part 2. Leaves the averaged weights in `clip`; the text half is not touched."""
    where = device()
    model, tokenizer = clip.model.to(where).train(), clip.tokenizer
    model.text_model.eval().requires_grad_(False)
    width = model.config.vision_config.hidden_size
    seen_by, seen_there = (nn.Linear(width, value_offsets()[-1]).to(where) for _ in range(2))
    networks: dict[str, nn.Module] = {"clip": model, "seen": seen_by, "there": seen_there}
    learning = [p for network in networks.values() for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learning, schedule.rate, betas=(0.9, 0.98), weight_decay=0.02)
    run = Run(out, networks, {"adam": optimiser}, schedule, ("clip",), "avatar-clip, sight")
    rng = np.random.default_rng((23, run.seen))
    portrayed = Captions(portraits), Captions(edits)
    crowds = [record["caption"] for record in groups.records()] if groups is not None else []

    def embedded(images: np.ndarray, texts: list[str]) -> tuple[Any, Tensor, Tensor]:
        """What was seen, as a whole and by patches, and the unit embeddings (B, width) of pictures and texts."""
        seen = model.vision_model(pictures(images, where).contiguous(), interpolate_pos_encoding=True)
        image = model.visual_projection(seen.pooler_output)
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt").to(where)
        with torch.no_grad():
            read = model.text_model(tokens.input_ids).pooler_output
        return seen, F.normalize(image, dim=1), F.normalize(model.text_projection(read), dim=1)

    def patches(seen: Tensor, labels: np.ndarray) -> tuple[Tensor, float]:
        """What the patches (B, P, width) of portraits with these labels (B, A) say of them."""
        number = seen.shape[1]
        side = round(number**0.5)
        down = (torch.arange(number, device=where) // side + 0.5).div(side).repeat(len(seen))
        known = torch.from_numpy(labels.astype(np.int64)).to(where).repeat_interleave(number, 0)
        return naming_by_zone(seen_there(seen.flatten(0, 1)), known, down, PORTRAIT_ZONES)

    def step(batch: int) -> dict[str, float]:
        if groups is not None and run.seen // batch % GROUPS_EVERY == GROUPS_EVERY - 1:
            rows = np.sort(rng.integers(len(groups), size=batch // 2))
            _, image, text = embedded(groups.images(rows), [crowds[row] for row in rows])
            loss, right = contrast(image, text, model.logit_scale, torch.eye(len(rows), device=where).bool())
            found = {"groups": loss.item(), "right_g": right}
        else:
            rows = np.sort(rng.integers(len(portraits), size=batch // 2))
            images = np.concatenate([portraits.images(rows), edits.images(rows)])
            labels = np.concatenate([portraits.labels(rows), edits.labels(rows)])
            captions = [*portrayed[0].of(rows, rng), *portrayed[1].of(rows, rng)]
            claims = np.stack([allowed(caption.claims) for caption in captions])
            seen, image, text = embedded(images, [caption.text for caption in captions])
            agree = torch.from_numpy(agreement(labels, claims)).to(where)
            loss, right = contrast(image, text, model.logit_scale, agree)
            naming = seeing_loss(seen_by(seen.pooler_output), labels)
            looking, named = patches(seen.last_hidden_state, labels)
            found = {"contrast": loss.item(), "right": right, "naming": naming.item(), "named": named}
            loss = loss + HEADS * naming + PATCHES * looking
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        model.logit_scale.data.clamp_(0, np.log(100))
        return found

    run.train(step)
    model.load_state_dict(run.average("clip"))
    model.eval()


def said(tokens: BatchEncoding, captions: list[Caption]) -> tuple[tuple[Tensor, Tensor], np.ndarray]:
    """Where in the tokens something was just said, as rows and columns (m,), and what is claimed by then (m, V).

    That is where a phrase ends, and the end of the text, which is the state that stands for all of it.
    """
    rows, columns, claims = [], [], []
    for row, caption in enumerate(captions):
        for end, claimed in caption.parts:
            column = tokens.char_to_token(row, end - 1)
            if column is not None:  # else it was cut off
                rows.append(row)
                columns.append(column)
                claims.append(allowed(claimed))
        rows.append(row)
        columns.append(int(tokens.attention_mask[row].sum()) - 1)
        claims.append(claims[-1] if rows[-2:-1] == [row] else allowed({}))
    return (torch.tensor(rows), torch.tensor(columns)), np.stack(claims)


def contrast(image: Tensor, text: Tensor, log_scale: Tensor, agree: Tensor) -> tuple[Tensor, float]:
    """The symmetric cross-entropy over (B, width) unit embeddings, and the share of pictures that find their caption.

    `agree` (B, B) bool: row i, column j is true where caption j is true of picture i; such pairs are left out,
    the diagonal apart.
    """
    scores = log_scale.exp() * image @ text.T
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    scores = scores.masked_fill(agree & ~own, -1e4)
    answer = torch.arange(len(scores), device=scores.device)
    loss = 0.5 * (F.cross_entropy(scores, answer) + F.cross_entropy(scores.T, answer))
    return loss, (scores.argmax(1) == answer).float().mean().item()


def agreement(labels: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(B, B) bool: whether what caption j allows (B, V) holds for the picture with labels i (B, A)."""
    agree = np.ones((len(labels), len(allowed)), bool)
    offsets = value_offsets()
    for index, (start, end) in enumerate(pairwise(offsets)):
        said = np.any(allowed[:, start:end], axis=1)  # (B,) of captions
        value = labels[:, index]
        holds = np.where(value[:, None] == HIDDEN, False, allowed[:, start:end].T[np.maximum(value, 0)])
        agree &= holds | ~said[None]
    return agree
