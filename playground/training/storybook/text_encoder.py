"""The recipe of Storybook's text encoder: what English and Chinese sentences say, kept where attention can find it.

A stock `CLIPTextModel` learns to answer questions about captions before it ever sees a picture: a small decoder that
does not ship looks at its states (cross-attention, as the denoiser will) and is asked of single things which count,
colour, size and place the words give them, of pairs of things which relation, and of the whole which background and
which things. A denoiser would learn the same from pictures, but many times more slowly.

Invariants:
    The id of the end token is 1, because transformers gives 2 a meaning of its own; any text can be spelled.
    Held-out texts and the hand-written paraphrases are never learnt from.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from playground.storybook.claims import INDEX, KINDS, MOST, Claims, Place
from playground.storybook.grammar import caption, held_out
from playground.storybook.scenes import random_scene
from playground.storybook.types import Background, Colour, Relation, Scene, Size
from playground.training.recipes.training_loop import Run, Schedule, device, reduced
from playground.training.storybook.shards import SceneShards

TOKENS = 64  # of a text at most
WORDS = 6000  # size of the vocabulary
WIDTH, LAYERS, HEADS = 256, 4, 4
SINGLES, PAIRS = 8, 6  # questions asked of every caption
PER_SCENE = 4  # captions
COUNTS = MOST + 3  # not said; none; one to five; several
_LISTS: tuple[Sequence[Any], ...] = (list(Colour), list(Size), list(Place))


def new_tokenizer(texts: Iterator[str]) -> CLIPTokenizer:
    """A byte-pair tokenizer in CLIP's form over these texts. Any text can be spelled with it, in bytes at worst."""
    start, end = "<|startoftext|>", "<|endoftext|>"
    empty = CLIPTokenizer(vocab={start: 0, end: 1}, merges=[])
    learnt: Any = empty.train_new_from_iterator(texts, vocab_size=WORDS, show_progress=False)
    state = json.loads(learnt.backend_tokenizer.to_str())["model"]
    merges = [tuple(merge) for merge in state["merges"]]
    letters = sorted(ByteLevel.alphabet())
    tokens = [start, end, *letters, *(letter + "</w>" for letter in letters), *("".join(merge) for merge in merges)]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges)
    tokenizer.model_max_length = TOKENS
    return tokenizer


def build(vocabulary: int) -> CLIPTextModel:
    """The untrained text encoder."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=LAYERS,
            num_attention_heads=HEADS, max_position_embeddings=TOKENS, projection_dim=WIDTH, hidden_act="gelu",
            bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )
    )  # fmt: skip


def new_caption(scene: Scene, rng: np.random.Generator, chinese: float = 0.4) -> tuple[str, Claims]:
    """A caption that may be learnt, in Chinese with that probability, and what it claims."""
    language = "zh" if rng.random() < chinese else "en"
    while held_out((found := caption(scene, rng, language)).text):
        pass
    return found.text, found.claims


@dataclass(frozen=True)
class Questions:
    """What is asked of a batch of captions, and the answers.

    Attributes:
        single: things asked about, (B, SINGLES).
        answers: whether the words give the thing each count, colour, size and place, and the last whether they name
            it at all, (B, SINGLES, COUNTS + 8 + 3 + 9 + 1) of 0 and 1.
        pairs: ordered pairs of things, (B, PAIRS, 2).
        relations: whether the words say so of the first and the second, (B, PAIRS, 8).
        background: its index, or their number where none is named, (B,).
        things: whether the words name each thing, (B, things).
    """

    single: Tensor
    answers: Tensor
    pairs: Tensor
    relations: Tensor
    background: Tensor
    things: Tensor


def questions(claims: Sequence[Claims], rng: np.random.Generator) -> Questions:
    """Questions about the things that captions name and, as many again, about others."""
    size, relations, backgrounds = len(claims), list(Relation), list(Background)
    answer_width = COUNTS + sum(map(len, _LISTS)) + 1
    single = rng.integers(len(KINDS), size=(size, SINGLES))
    answers = np.zeros((size, SINGLES, answer_width), np.float32)
    pairs = rng.integers(len(KINDS), size=(size, PAIRS, 2))
    said = np.zeros((size, PAIRS, len(relations)), np.float32)
    ground = np.full(size, len(backgrounds))
    named = np.zeros((size, len(KINDS)), np.float32)
    for row, each in enumerate(claims):
        things = [INDEX[claim.thing] for claim in each.things]
        if each.background is not None:
            ground[row] = backgrounds.index(each.background)
        for claim, thing in zip(each.things, things, strict=True):
            named[row, thing] = claim.count != 0
        distinct = list(dict.fromkeys(things))
        single[row, : len(distinct)] = distinct[:SINGLES]
        for claim, thing in zip(each.things, things, strict=True):
            for slot in np.flatnonzero(single[row] == thing):
                given = answers[row, slot]
                given[COUNTS - 1 if claim.count is None else claim.count + 1] = 1
                start = COUNTS
                for values, value in zip(_LISTS, (claim.colour, claim.size, claim.place), strict=True):
                    if value is not None:
                        given[start + values.index(value)] = 1
                    start += len(values)
                given[-1] = 1
        told: dict[tuple[int, int], set[int]] = {}
        for relation in each.relations:
            for other in (relation.object, relation.second):
                if other is not None:
                    key = (things[relation.subject], things[other])
                    told.setdefault(key, set()).add(relations.index(relation.relation))
        # What is said, the same the other way round, and other pairs of things that are named.
        asked = [pair for key in told for pair in (key, key[::-1])]
        if len(distinct) > 1:
            asked += [tuple(rng.choice(distinct, 2, replace=False).tolist()) for _ in range(PAIRS)]
        if asked:
            pairs[row, : len(asked[:PAIRS])] = asked[:PAIRS]
        for place, (first, second) in enumerate(pairs[row].tolist()):
            for index in told.get((first, second), ()):
                said[row, place, index] = 1
    return Questions(*(torch.from_numpy(array) for array in (single, answers, pairs, said, ground, named)))


class Answerer(nn.Module):
    """Answers `Questions` from a text's states; it does not ship.

    Two layers of cross-attention from what is asked about to the states (B, T, width).
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.thing = nn.Embedding(len(KINDS), width)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True) for _ in range(2)
        )
        self.single = nn.Linear(width, COUNTS + sum(map(len, _LISTS)) + 1)
        self.relation = nn.Linear(width, len(Relation))
        self.background, self.things = nn.Linear(width, len(Background) + 1), nn.Linear(width, len(KINDS))

    def forward(self, asked: Questions, states: Tensor, pooled: Tensor, padding: Tensor) -> tuple[Tensor, ...]:
        """Logits of answers, relations, background and things, from states (B, T, W) and the end's state (B, W)."""
        pairs = self.first(self.thing(asked.pairs[..., 0])) + self.second(self.thing(asked.pairs[..., 1]))
        queries = torch.cat([self.thing(asked.single), pairs], 1)  # (B, SINGLES + PAIRS, W)
        # Questions do not see each other, or one would give away another's answer.
        apart = ~torch.eye(queries.shape[1], dtype=torch.bool, device=queries.device)
        for layer in self.layers:
            queries = layer(queries, states, tgt_mask=apart, memory_key_padding_mask=padding)
        single, pair = queries.split([SINGLES, PAIRS], 1)
        return self.single(single), self.relation(pair), self.background(pooled), self.things(pooled)


def train(
    tokenizer: CLIPTokenizer, out: Path, schedule: Schedule, init_from: Path | None = None
) -> tuple[CLIPTextModel, dict[str, float]]:
    """Train, or go on, and return the averaged text encoder and how it does on held-out scenes.

    Args:
        tokenizer: in CLIP's form.
        out: folder of the run.
        schedule: counts captions.
        init_from: folder of a text encoder to start from.
    """
    where = device()
    model = CLIPTextModel.from_pretrained(init_from, dtype=torch.float32) if init_from else build(len(tokenizer))
    model, answerer = model.to(where).train(), Answerer().to(where).train()
    learning = [*model.parameters(), *answerer.parameters()]
    optimiser = torch.optim.AdamW(learning, schedule.rate, betas=(0.9, 0.98), weight_decay=0.02)
    networks: dict[str, nn.Module] = {"text": model, "answerer": answerer}
    run = Run(out, networks, {"adam": optimiser}, schedule, tuple(networks), "Storybook text encoder")
    rng = np.random.default_rng((71, run.seen))

    def answers(texts: list[str], asked: Questions, text: CLIPTextModel, decoder: Answerer) -> tuple[Tensor, ...]:
        batch = tokenizer(texts, padding="longest", truncation=True, return_tensors="pt").to(where)
        with reduced(where):
            seen = text(batch.input_ids)
            found = decoder(asked, seen.last_hidden_state, seen.pooler_output, batch.attention_mask == 0)
        return tuple(each.float() for each in found)

    def batch_of(size: int, generator: np.random.Generator) -> tuple[list[str], Questions]:
        # A scene takes twenty times as long to make as a caption, so each is described a few times.
        scenes = [random_scene(generator) for _ in range(-(-size // PER_SCENE))]
        made = [new_caption(scene, generator) for scene in scenes for _ in range(PER_SCENE)][:size]
        asked = questions([claims for _, claims in made], generator)
        placed = Questions(*(value.to(where) for value in vars(asked).values()))
        return [text for text, _ in made], placed

    def step(batch: int) -> dict[str, float]:
        texts, asked = batch_of(batch, rng)
        single, relation, background, things = answers(texts, asked, model, answerer)
        losses = {
            "single": F.binary_cross_entropy_with_logits(single, asked.answers) * 10,
            "relation": F.binary_cross_entropy_with_logits(relation, asked.relations) * 10,
            "background": F.cross_entropy(background, asked.background) * 0.3,
            "things": F.binary_cross_entropy_with_logits(things, asked.things) * 30,
        }
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        return {name: value.item() for name, value in losses.items()}

    averaged, answering = CLIPTextModel(model.config).to(where).eval(), Answerer().to(where).eval()

    @torch.no_grad()
    def measure() -> dict[str, float]:
        """Shares of captions of other scenes about which every question is answered right."""
        averaged.load_state_dict(run.average("text"))
        answering.load_state_dict(run.average("answerer"))
        generator = np.random.default_rng(2_000_000_011)
        texts, asked = batch_of(256, generator)
        single, relation, background, things = answers(texts, asked, averaged, answering)
        return {
            "single": ((single > 0) == (asked.answers > 0.5)).all(2).all(1).float().mean().item(),
            "relation": ((relation > 0) == (asked.relations > 0.5)).all(2).all(1).float().mean().item(),
            "background": (background.argmax(1) == asked.background).float().mean().item(),
            "things": ((things > 0) == (asked.things > 0.5)).all(1).float().mean().item(),
        }

    run.train(step, every=measure)
    found = measure()
    return averaged, found


def tokenizer_of(folder: Path, captions: int = 40_000) -> CLIPTokenizer:
    """The tokenizer in this folder; made from captions of the training scenes, and kept there, where there is none."""
    if not (folder / "tokenizer.json").exists():
        rng = np.random.default_rng(89)
        new_tokenizer(new_caption(random_scene(rng), rng, 0.5)[0] for _ in range(captions)).save_pretrained(folder)
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder)
    return tokenizer


def save(model: CLIPTextModel, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Text encoder and tokenizer in one folder, in half precision."""
    model.to(torch.float16).save_pretrained(folder, max_shard_size="9MB")
    model.float()
    tokenizer.save_pretrained(folder)


def load(folder: Path) -> tuple[CLIPTextModel, CLIPTokenizer]:
    """What `save` wrote, in single precision."""
    return CLIPTextModel.from_pretrained(folder, dtype=torch.float32), CLIPTokenizer.from_pretrained(folder)


def describer(shards: SceneShards) -> Callable[[np.ndarray, np.random.Generator], list[str]]:
    """Makes a new caption for each of some rows of the shards."""

    def describe(rows: np.ndarray, rng: np.random.Generator) -> list[str]:
        return [new_caption(shards.scene(int(row)), rng)[0] for row in rows]

    return describe
