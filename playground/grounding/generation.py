"""Words from a generative model one token at a time: what every adapter here decodes with.

Invariants: transformers prepares (encoder, cache, position ids, processors of logits) and the loop is ours, run
by whoever reads it: no thread, one chance to stop at every token and before every layer, one waiting for the device.
Random numbers come from a generator of this run's own. Imports torch; imported lazily.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from playground.errors import UserError
from playground.inference.hooks import between_layers, blocks_of
from playground.inference.sampling import draw_index
from playground.runtime.task import Task

_HALF = "�"  # how a tokenizer shows a character of which bytes are missing


def generated(
    model: Any,
    tokenizer: Any,
    inputs: Mapping[str, Any],
    task: Task,
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    skip: frozenset[int] = frozenset(),
) -> Iterator[tuple[str, int]]:
    """Yield (raw text so far, tokens so far) after every token; special tokens are kept as text.

    Greedy at temperature 0; above it drawn from what the checkpoint's own top-k and top-p leave, with `seed`. The
    token that ends the answer is neither shown nor counted, so that as many tokens as `max_new_tokens` mean the answer
    was cut. Tokens in `skip` are counted and not shown. A character that is not whole yet is held back.

    `inputs` are the keywords of `model.generate` for one picture and prompt; tensors are brought to the model's
    device, and floats to its dtype. The model may be of any kind with `generate`: decoder-only, encoder-decoder, or
    one that hands on to its text model (Kosmos-2).

    Raises:
        Cancelled: at the next token or layer after `task.cancel()`.
        UserError: the prompt fills the model's context; the model's numbers overflowed.
    """
    given = {name: _placed(value, model) for name, value in inputs.items() if value is not None}
    generator = torch.Generator("cpu").manual_seed(seed % 2**63)
    said: list[int] = []
    # Made anew for every run, and gone with it: nothing of one answer reaches the next.
    with between_layers(blocks_of(model), task.check):
        task.check()
        # A ready function in place of the decoding loop: `generate` prepares, calls it and returns what it returns.
        run: _Run = model.generate(**given, custom_generate=_Run.begun, **_options(max_new_tokens, temperature))
        for _ in range(run.room(max_new_tokens)):
            task.check()
            token = run.next(temperature, generator)
            if token in run.ends:
                return
            said.append(token)
            yield _text(tokenizer, [token for token in said if token not in skip]), len(said)


@dataclass
class _Run:
    """A generation under way: what `generate` prepared, and the ids so far, (1, length)."""

    model: Any
    ids: torch.Tensor
    processors: Any
    extra: dict[str, Any]  # keywords of the next forward pass, the cache among them
    ends: frozenset[int]
    first: bool = True

    @classmethod
    def begun(
        cls,
        model: Any,
        input_ids: Any,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **extra: Any,
    ) -> "_Run":
        """Called by `generate` in place of its own loop (its parameter `custom_generate`)."""
        named = generation_config.eos_token_id
        ends = named if isinstance(named, list) else [named]
        return cls(model, input_ids, logits_processor, extra, frozenset(end for end in ends if end is not None))

    def room(self, wanted: int) -> int:
        """How many tokens may follow: at most `wanted`, and no more than the model has positions for."""
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
    """Ours over the checkpoint's own: beams cannot be streamed, and what only sampling uses is off where none is."""
    options: dict[str, Any] = {
        "max_new_tokens": max_new_tokens, "num_beams": 1, "use_cache": True, "do_sample": temperature > 0,
    }  # fmt: skip
    return options | (
        {"temperature": temperature} if temperature > 0 else {"temperature": None, "top_p": None, "top_k": None}
    )


def _placed(value: Any, model: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return value.to(model.device, model.dtype) if value.is_floating_point() else value.to(model.device)


def _text(tokenizer: Any, ids: list[int]) -> str:
    text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return str(text).rstrip(_HALF)
