"""The recipe of `avatar-minigpt`: eyes, one linear layer, a small Llama. Chen et al. (2023), arXiv:2310.09478.

Invariants: two parts, each of which can be resumed on its own.

1. `eyes`: the ViT learns what every patch of a group picture is a part of (`dense`), without words. It begins as
   `mimetic` says: begun from avatar-clip's eyes it learnt more slowly.
2. `words`: all together learn to answer; the questions about a picture share its sequence and see the picture and
   themselves only, as if each were asked alone. In one picture of four they are a conversation instead. The eyes keep
   their dense task meanwhile, and some heads learn what to look for and where (`pointing`).

Neighbouring coordinates start as neighbours, and a coordinate that is nearly right is held to be nearly right.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3VisionConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
)

from playground.drawn_world.questions import questions
from playground.grounding.minigpt_prompt import COORDINATES, IMAGE
from playground.training.dataset import World
from playground.training.recipes import mimetic_init
from playground.training.recipes.attention_supervision import Gaze, fractions
from playground.training.recipes.dense_supervision import DenseHeads, Scenes
from playground.training.recipes.muon import Both
from playground.training.recipes.sequence_packing import Blurred, Packed, pack
from playground.training.recipes.training_loop import Run, Schedule, device, pictures, reduced

EYES_WIDTH, WIDTH, LAYERS = 192, 256, 4
QUESTIONS = 12  # a picture, of which those are learnt that fit
TALKS = 0.25  # share of pictures whose questions follow each other as a conversation
EYES = 0.5  # weight of the dense task beside the words
SEARCHING, TRACING = 1.0, 0.3  # weights of looking at what is asked about, and at what is spelled
CLAIMS = 0.3  # weight of knowing what to look for
SHOWN = 1.0  # weight of the words' knowing whom the picture shows


@dataclass
class MiniGPT:
    """The model with its tokenizer, as it ships."""

    model: Idefics3ForConditionalGeneration
    tokenizer: PreTrainedTokenizerFast

    def save(self, folder: Path) -> None:
        """In half precision, for `from_pretrained`."""
        self.model.to(torch.float16).save_pretrained(folder, max_shard_size="9MB")
        self.model.to(torch.float32)
        self.tokenizer.save_pretrained(folder)
        side = {"longest_edge": self.model.config.vision_config.image_size}
        half = [0.5] * 3
        images = Idefics3ImageProcessorPil(
            size=side, max_image_size=side, do_image_splitting=False, image_mean=half, image_std=half
        )
        images.save_pretrained(folder)


def load(folder: Path) -> MiniGPT:
    """What `MiniGPT.save` wrote, in float32."""
    model = Idefics3ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return MiniGPT(model, PreTrainedTokenizerFast.from_pretrained(folder))


def build(tokenizer: PreTrainedTokenizerFast, size: int, eyes: int = EYES_WIDTH, width: int = WIDTH) -> MiniGPT:
    """An untrained model for pictures of `size` pixels in patches of 8: eyes of width `eyes`, a Llama of `width`."""
    vision = Idefics3VisionConfig(
        hidden_size=eyes, intermediate_size=4 * eyes, num_hidden_layers=6, num_attention_heads=eyes // 32,
        image_size=size, patch_size=8, hidden_act="gelu_pytorch_tanh",
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=3 * width, num_hidden_layers=LAYERS,
        num_attention_heads=width // 32, num_key_value_heads=width // 32, max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True, initializer_range=0.02,
    )  # fmt: skip
    config = Idefics3Config(
        vision_config=vision, text_config=text, scale_factor=2, tie_word_embeddings=True,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE), pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    model = Idefics3ForConditionalGeneration(config)
    mimetic_init.begin(model.model.vision_model, vision)
    ids = torch.tensor(tokenizer.convert_tokens_to_ids(list(COORDINATES)))
    with torch.no_grad():
        model.get_input_embeddings().weight[ids] = _neighbours(len(ids), width)
    return MiniGPT(model, tokenizer)


def eyes(own: MiniGPT, groups: World, out: Path, schedule: Schedule) -> dict[str, Tensor]:
    """Part 1. Leaves the averaged ViT in `own`, and returns the averaged dense heads for part 2."""
    where = device()
    scenes = _scenes(groups)
    vision = own.model.model.vision_model.to(where).train()
    heads = DenseHeads(vision.config.hidden_size).to(where)
    networks: dict[str, nn.Module] = {"eyes": vision, "heads": heads}
    learning = [p for network in networks.values() for p in network.parameters()]
    optimiser = Both([{"params": learning}], vision.encoder.parameters(), schedule.rate, (0.9, 0.98), 0.02)
    run = Run(out, networks, optimiser.each, schedule, ("eyes", "heads"), "avatar-minigpt, eyes")
    rng = np.random.default_rng((37, run.seen))

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(groups), size=batch))
        with reduced(where):
            seen = vision(pictures(groups.images(rows), where).contiguous()).last_hidden_state
        loss, measured = heads.loss(seen.float(), scenes, rows)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        return measured

    run.train(step)
    vision.load_state_dict(run.average("eyes"))
    return run.average("heads")


def words(own: MiniGPT, groups: World, out: Path, schedule: Schedule, heads: dict[str, Tensor]) -> None:
    """Part 2. Leaves the averaged weights in `own`. `heads` are the dense heads that `eyes` returned."""
    where = device()
    scenes, records = _scenes(groups), groups.records()
    model, tokenizer = own.model.to(where).train(), own.tokenizer
    if where.type == "cpu":  # a fifth faster there than the fused one, with such masks
        model.set_attn_implementation("eager")
    dense = DenseHeads(model.config.vision_config.hidden_size).to(where)
    dense.load_state_dict(heads)
    gaze = Gaze(model.model.text_model)
    sight = [*model.model.vision_model.parameters(), *dense.parameters()]
    llama = [*model.model.connector.parameters(), *model.model.text_model.parameters()]
    rest = [*llama, *gaze.claimed.to(where).parameters(), *gaze.shown.to(where).parameters()]
    parts: list[dict[str, Any]] = [{"params": sight, "share": 0.5}, {"params": rest}]
    hidden = [
        *model.model.vision_model.encoder.parameters(), *model.model.connector.parameters(),
        *model.model.text_model.layers.parameters(),
    ]  # fmt: skip
    optimiser = Both(parts, hidden, schedule.rate, (0.9, 0.98), 0.02)
    # Without the head, whose weights are the embeddings'.
    networks = {"model": model.model, "dense": dense, "claimed": gaze.claimed, "shown": gaze.shown}
    run = Run(out, networks, optimiser.each, schedule, ("model",), "avatar-minigpt, words")
    rng = np.random.default_rng((41, run.seen))
    soft = Blurred(tokenizer, where)
    boxes = [fractions(record, groups.plan.size) for record in records]

    def step(batch: int) -> dict[str, float]:
        rows = np.sort(rng.integers(len(groups), size=batch))
        asked = [questions(records[row], groups.plan.size, rng, QUESTIONS) for row in rows]
        talks = rng.random(batch) < TALKS
        packed = pack(tokenizer, [[(q.prompt, q.answer) for q in some] for some in asked], talks, where)
        with reduced(where):
            seen = model.model.vision_model(pictures(groups.images(rows), where).contiguous()).last_hidden_state
            scores, at = answers(model, seen, packed)
        seeing, measured = dense.loss(seen.float(), scenes, rows)
        text, coordinates = soft.losses(scores.float(), packed.ids.flatten()[at + 1])
        pictured = torch.nonzero(packed.ids[0] == model.config.image_token_id)[:, 0]
        searched, traced = gaze.losses(packed, pictured, asked, [boxes[row] for row in rows])
        claimed = gaze.claims_loss(packed, asked)
        shown, told = gaze.shown_loss(pictured, scenes, rows)
        pointing = SEARCHING * searched + TRACING * traced + CLAIMS * claimed + SHOWN * shown
        loss = text + coordinates + EYES * seeing + pointing
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*sight, *rest], 1.0)
        optimiser.step()
        found = {"text": text.item(), "boxes": coordinates.item()}
        found |= {"searched": searched.item(), "traced": traced.item(), "claims": claimed.item()}
        return {**found, **measured, "shown": shown.item(), "told": told}

    run.train(step)
    model.model.load_state_dict(run.average("model"))
    model.set_attn_implementation("sdpa")
    model.eval()


def answers(model: Idefics3ForConditionalGeneration, seen: Tensor, packed: Packed) -> tuple[Tensor, Tensor]:
    """Scores (m, vocabulary) before every wanted token, and where in the flat batch they stand."""
    embedded = model.get_input_embeddings()(packed.ids)
    image = model.model.connector(seen)  # (B, P / 4, width)
    holes = packed.ids == model.config.image_token_id
    embedded = embedded.masked_scatter(holes[..., None], image.to(embedded.dtype))
    # Added, not chosen by: the plain attention takes no other mask.
    mask = torch.zeros_like(packed.mask, dtype=embedded.dtype).masked_fill(~packed.mask, -torch.inf)
    found = model.model.text_model(
        inputs_embeds=embedded, attention_mask=mask, position_ids=packed.places, use_cache=False
    ).last_hidden_state
    at = torch.nonzero(packed.wanted.flatten())[:, 0] - 1
    return model.lm_head(found.flatten(0, 1)[at]), at


def _neighbours(count: int, width: int) -> Tensor:
    """(count, width) embeddings of numbers in a row, alike where the numbers are near: random Fourier features."""
    generator = torch.Generator().manual_seed(count)
    waves = torch.randn(1, width, generator=generator) * 12.0
    phase = torch.rand(1, width, generator=generator) * 2 * torch.pi
    return 0.02 * 2**0.5 * torch.cos(waves * torch.linspace(0, 1, count)[:, None] + phase)


def _scenes(groups: World) -> Scenes:
    return Scenes(groups.records(), groups.labels(np.arange(len(groups))), groups.plan.size)
