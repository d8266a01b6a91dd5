"""Token-by-token text generation with a transformers model: what every local engine here generates with.

Invariants: transformers prepares (encoder, KV cache, position ids, logits processors) and the loop is ours, run
by its reader: no thread, Stop is checked at every token and before every layer, and the device is synchronized once a
token. Random numbers come from a generator of this run alone. Imports torch; imported lazily.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from playground.errors import UserError
from playground.grounding.answer_decoding import TextStream
from playground.inference.hooks import between_layers, blocks_of
from playground.inference.sampling import draw_index
from playground.runtime.task import Task

_REPLACEMENT = "�"  # how a tokenizer shows a character of which bytes are missing


def generate_text(
    model: Any,
    tokenizer: Any,
    inputs: Mapping[str, Any],
    task: Task,
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    skip: frozenset[int] = frozenset(),
) -> TextStream:
    """Yield (raw text so far, tokens so far) after every token; special tokens are kept as text.

    The end-of-sequence token is neither shown nor counted, so that `max_new_tokens` tokens mean the answer was cut. A
    character that is not complete yet is held back.

    Args:
        model: Any transformers model with `generate`: decoder-only, encoder-decoder, or one that hands on to its text
            model (Kosmos-2).
        tokenizer: Decodes the tokens.
        inputs: Keywords of `model.generate` for one picture and prompt; tensors are moved to the model's device,
            floats cast to its dtype.
        task: Cancelled by Stop.
        max_new_tokens: At least 1.
        temperature: 0 (default) is greedy; above, sampled from what the checkpoint's own top-k and top-p leave.
        seed: Of the sampling. Default 0.
        skip: Tokens that are counted and not shown. Default: none.

    Raises:
        Cancelled: at the next token or layer after `task.cancel()`.
        UserError: the prompt fills the model's context; the logits are not finite.
    """
    given = {name: _to_model(value, model) for name, value in inputs.items() if value is not None}
    generator = torch.Generator("cpu").manual_seed(seed % 2**63)
    tokens: list[int] = []
    # Made anew for every run, and gone with it: nothing of one answer reaches the next.
    with between_layers(blocks_of(model), task.check):
        task.check()
        # A ready function in place of the decoding loop: `generate` prepares, calls it and returns what it returns.
        run: _Run = model.generate(**given, custom_generate=_Run.start, **_options(max_new_tokens, temperature))
        for _ in range(run.room(max_new_tokens)):
            task.check()
            token = run.next(temperature, generator)
            if token in run.ends:
                return
            tokens.append(token)
            yield _text(tokenizer, [token for token in tokens if token not in skip]), len(tokens)


@dataclass
class _Run:
    """A generation under way: what `generate` prepared, and the token ids so far, (1, length)."""

    model: Any
    ids: torch.Tensor
    processors: Any
    extra: dict[str, Any]  # keywords of the next forward pass, the cache among them
    ends: frozenset[int]
    first: bool = True

    @classmethod
    def start(
        cls,
        model: Any,
        input_ids: Any,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **extra: Any,
    ) -> "_Run":
        """Called by `generate` in place of its own loop (its parameter `custom_generate`)."""
        eos = generation_config.eos_token_id
        ends = eos if isinstance(eos, list) else [eos]
        return cls(model, input_ids, logits_processor, extra, frozenset(end for end in ends if end is not None))

    def room(self, wanted: int) -> int:
        """The number of tokens that may follow: `wanted`, or as many as the model has positions for."""
        config = self.model.config.get_text_config(decoder=True)
        positions = getattr(config, "max_position_embeddings", None)
        left = wanted if positions is None else min(wanted, positions - self.ids.shape[1])
        if left < 1:
            raise UserError(
                f"The question and the picture take {self.ids.shape[1]:,} tokens, and this model reads at most "
                f"{positions:,}. Shorten the question, or begin a new conversation."
            )
        return int(left)

    @torch.no_grad()
    def next(self, temperature: float, generator: torch.Generator) -> int:
        """One forward pass, one token."""
        given = self.model.prepare_inputs_for_generation(
            self.ids, next_sequence_length=None if self.first else 1, is_first_iteration=self.first, **self.extra
        )
        outputs = self.model(**given, return_dict=True)
        self.first = False
        self.extra = self.model._update_model_kwargs_for_generation(
            outputs, self.extra, is_encoder_decoder=self.model.config.is_encoder_decoder
        )
        logits = outputs.logits[:, -1].to(dtype=torch.float32, device=self.ids.device, copy=True)  # (1, vocab)
        scores = self.processors(self.ids, logits)[0]  # (vocab,)
        chosen = scores.argmax() if temperature == 0 else draw_index(scores.softmax(-1), generator)
        # Packed, so that the device is waited for once. Ids are exact in float32 up to 2**24.
        token, score = torch.stack([chosen.float(), scores[chosen]]).tolist()
        if not math.isfinite(score):
            raise UserError(
                "The model's numbers overflowed, so there is no next token. Load it in bfloat16 or float32 instead of "
                "float16, or choose another model."
            )
        self.ids = torch.cat([self.ids, chosen.view(1, 1).to(self.ids)], dim=1)
        return int(token)


def _options(max_new_tokens: int, temperature: float) -> dict[str, Any]:
    """Generation options over the checkpoint's own: no beams, which cannot be streamed; sampling only if asked for."""
    options: dict[str, Any] = {
        "max_new_tokens": max_new_tokens, "num_beams": 1, "use_cache": True, "do_sample": temperature > 0,
    }  # fmt: skip
    return options | (
        {"temperature": temperature} if temperature > 0 else {"temperature": None, "top_p": None, "top_k": None}
    )


def _to_model(value: Any, model: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return value.to(model.device, model.dtype) if value.is_floating_point() else value.to(model.device)


def _text(tokenizer: Any, ids: list[int]) -> str:
    text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return str(text).rstrip(_REPLACEMENT)
