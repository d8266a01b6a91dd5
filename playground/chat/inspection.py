"""A look into the model at one token it said: what else it might have said, where it looked, when it knew.

Invariants: everything is computed by the model itself for exactly what it saw; nothing is estimated,
and what a kind of model cannot show is left out with a note. Imports torch; imported lazily.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from playground.chat.torch_decoder import TorchDecoder
from playground.errors import UserError
from playground.inference.sampling import sample_probabilities
from playground.inference.types import Sampling
from playground.runtime.task import Task

_WITHOUT_MAPS = ("linear_attention", "conv", "mamba", "mamba2")
_NORMS = ("norm", "final_layernorm", "final_layer_norm", "ln_f", "norm_f", "embedding_norm")  # of the last state


@dataclass(frozen=True)
class Choice:
    """One token and its probability (0..1) before and after the sampler."""

    id: int
    text: str
    before: float
    after: float


@dataclass(frozen=True)
class LayerAttention:
    """How much the layer (1 is the first) looked at each earlier token and at the last one itself:
    `weights[i]` for token i, the mean over its heads; they sum to 1."""

    layer: int
    weights: tuple[float, ...]


@dataclass(frozen=True)
class LayerLens:
    """What the model would have said after this layer (1 is the first; the last is what it did say).

    `top`: the three likeliest tokens, (text, probability). `rank` (1 = likeliest) and `probability` are
    those of the token that was said.
    """

    layer: int
    top: tuple[tuple[str, float], ...]
    rank: int
    probability: float


@dataclass(frozen=True)
class Inspection:
    """What stood behind the token at `position`.

    `surprise_bits`: -log2 of its probability before the sampler; `entropy_bits`: how undecided the model
    was. `before` and `after`: the likeliest tokens, most likely first, by their probability before and
    after the sampler. `mean_attention`: over all layers that have it, one number for each of the
    `position` tokens before; empty, as `attention` is, where there is none. `lens` (the logit lens of
    nostalgebraist, 2020) is empty where the model's head is of an unknown kind. `notes` say what is missing.
    """

    position: int
    said: Choice
    surprise_bits: float
    entropy_bits: float
    before: tuple[Choice, ...]
    after: tuple[Choice, ...]
    attention: tuple[LayerAttention, ...]
    mean_attention: tuple[float, ...]
    lens: tuple[LayerLens, ...]
    notes: tuple[str, ...]


@torch.no_grad()
def inspect_position(
    decoder: TorchDecoder,
    ids: Sequence[int],
    position: int,
    sampling: Sampling,
    top: int = 10,
    task: Task | None = None,
) -> Inspection:
    """Look at the token `ids[position]`, which `ids[:position]` led to.

    The prompt is read with the usual attention, and from the KV cache where one is kept; only the last
    step runs with the attention that shows its weights, so memory grows with `position`, not its square.
    The kept caches stay as they are. On the thread that decodes, as it switches the model's attention
    for a moment. Raises `UserError` for the first token, which nothing led to, and for a prompt the model
    cannot read; `Cancelled` between chunks of the prompt.
    """
    if not 0 < position < len(ids):
        raise UserError("The model did not predict this token. Choose one of its reply.")
    prompt = list(ids[:position])
    decoder.check(prompt)
    output = _step(decoder, prompt, task or Task())

    logits = output.logits[0, -1].float()  # (vocab,)
    before = logits.softmax(-1)
    after = sample_probabilities(logits, prompt, sampling)

    def choices(order: Tensor) -> tuple[Choice, ...]:
        columns = zip(order.tolist(), before[order].tolist(), after[order].tolist(), strict=True)
        return tuple(Choice(token, decoder.token_text(token), p, q) for token, p, q in columns)

    said = torch.tensor([ids[position]], dtype=torch.int64, device=logits.device)
    attention, mean_attention, attention_notes = _attention(decoder.model, output, position)
    lens, lens_notes = _lens(decoder, output, ids[position])
    log2 = logits.log_softmax(-1) / math.log(2)  # (vocab,)
    return Inspection(
        position=position,
        said=choices(said)[0],
        surprise_bits=-float(log2[said]),
        entropy_bits=-float((before * log2.nan_to_num(neginf=0.0)).sum()),
        before=choices(before.topk(min(top, before.shape[0])).indices),
        after=tuple(choice for choice in choices(after.topk(min(top, after.shape[0])).indices) if choice.after > 0),
        attention=attention,
        mean_attention=mean_attention,
        lens=lens,
        notes=attention_notes + lens_notes,
    )


def _step(decoder: TorchDecoder, prompt: list[int], task: Task) -> ModelOutput:
    """Read all of `prompt`, the last token with attention weights and hidden states on show."""
    reading = decoder.shelf.borrow(prompt) or decoder.new_reading()
    decoder.read(reading, prompt[:-1], task)
    with _eager_attention(decoder.model):
        return decoder.model(
            input_ids=torch.tensor([prompt[-1:]], dtype=torch.int64, device=decoder.model.device),
            past_key_values=reading.cache,
            use_cache=True,
            logits_to_keep=1,
            output_attentions=True,
            output_hidden_states=True,
        )


@contextmanager
def _eager_attention(model: PreTrainedModel) -> Iterator[None]:
    """The plain attention, which returns its weights; the one the model had comes back, whatever happens."""
    usual = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(usual)


def _attention(
    model: PreTrainedModel, output: ModelOutput, length: int
) -> tuple[tuple[LayerAttention, ...], tuple[float, ...], tuple[str, ...]]:
    config = model.config.get_text_config(decoder=True)
    maps = output.attentions or ()
    if not maps:
        return (), (), ("The layers of this model have no attention maps.",)
    notes: tuple[str, ...] = ()
    kinds = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    layers = [layer for layer, kind in enumerate(kinds, start=1) if kind not in _WITHOUT_MAPS]
    if len(layers) != len(maps):
        return (), (), ("It is not known which layers of this model its attention maps belong to.",)
    if len(layers) < len(kinds):
        notes += (
            f"Attention maps exist for {len(maps)} of the {len(kinds)} layers; the others carry what they read in a "
            "state of fixed size.",
        )
    rows = torch.zeros((len(maps), length), dtype=torch.float32)
    for row, weights in zip(rows, maps, strict=True):
        heads = weights[0, :, -1].float().mean(0).cpu()  # (keys,): a sliding window has the last ones only
        row[length - heads.shape[0] :] = heads
    mean = rows.mean(0)
    if float(mean.sum()) < 0.98:
        notes += ("The rest of the attention went to the model's sink, which is no token.",)
    shown = tuple(LayerAttention(layer, tuple(row.tolist())) for layer, row in zip(layers, rows, strict=True))
    return shown, tuple(mean.tolist()), notes


def _lens(decoder: TorchDecoder, output: ModelOutput, said: int) -> tuple[tuple[LayerLens, ...], tuple[str, ...]]:
    """`head(norm(state))` after each layer; the last state comes normed already."""
    states = torch.stack([state[0, -1] for state in output.hidden_states[1:]])  # (layers, hidden)
    logits = output.logits[0, -1].float()  # (vocab,)
    norm, head = _norm(decoder.model), _head(decoder.model)
    seen = head(torch.cat([norm(states[:-1]), states[-1:]])) if norm is not None else states  # (layers, vocab)
    # Some models scale or cap their logits in ways of their own: the lens must give what the model gave.
    if norm is None or not torch.allclose(seen[-1], logits, rtol=1e-2, atol=1e-2):
        return (), ("The logit lens does not know how this model gets from its last state to tokens.",)
    seen[-1] = logits
    probabilities = seen.softmax(-1)
    likeliest = probabilities.topk(3)
    ranks = 1 + (seen > seen[:, said : said + 1]).sum(-1)
    columns = (likeliest.indices, likeliest.values, ranks, probabilities[:, said])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    layers = tuple(
        LayerLens(number, tuple(zip(map(decoder.token_text, tokens), values, strict=True)), rank, probability)
        for number, (tokens, values, rank, probability) in enumerate(rows, start=1)
    )
    return layers, ()


def _norm(model: PreTrainedModel) -> nn.Module | None:
    body = model.get_decoder()
    return next((getattr(body, name) for name in _NORMS if hasattr(body, name)), None)


def _head(model: PreTrainedModel) -> Callable[[Tensor], Tensor]:
    """From normed states (..., hidden) to logits (..., vocab) float32, with the scale or cap the config names."""
    config = model.config.get_text_config(decoder=True)
    embeddings = model.get_output_embeddings()
    cap = getattr(config, "final_logit_softcapping", None)  # Gemma
    scale = getattr(config, "logit_scale", None) or 1 / getattr(config, "logits_scaling", 1)  # Cohere, Granite

    def head(state: Tensor) -> Tensor:
        logits = embeddings(state).float() * scale
        return (logits / cap).tanh() * cap if cap else logits

    return head
