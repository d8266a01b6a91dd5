"""The decode loop of a local model run by torch and transformers.

Invariants: the loop is ours, the model is the library's. Between two tokens there is one wait for
the device and one chance to stop; every tensor made here names its dtype (another model may be loading
beside it). One thread at a time. Imports torch and transformers; imported lazily.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tokenizers.decoders import DecodeStream
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerFast

from playground.chat import chat_template
from playground.chat.checkpoint import load_checkpoint
from playground.chat.prefix_cache import CachedPrefix, PrefixCache
from playground.chat.types import Done, Piece, Read, Turn
from playground.errors import UserError
from playground.inference.sampling import draw_index, sample_probabilities
from playground.inference.types import Alternative, Sampling, Token
from playground.runtime.task import Phase, Task

CACHE_BYTES = 512 * 2**20
CHUNK = 256  # tokens read at once; fixed, because other chunks round otherwise and could change a reply
_TAIL = 64  # how far before the end of a prompt its last message may end, in tokens


class TorchDecoder:
    """A `Decoder` (see `playground.chat.types`) for any causal language model of transformers.

    `context` in tokens; `cache_bytes` for the KV caches of earlier replies, of which one is always kept
    (and the one in use is not counted).
    """

    inspectable = True  # `playground.chat.inspection` can look into it

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        context: int,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        trained = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", context)
        self.context = min(context, trained)
        self.model = model
        self.tokenizer = tokenizer
        self.shelf = PrefixCache(cache_bytes)
        self.ends = _end_ids(model, tokenizer)
        self._vocabulary = model.get_input_embeddings().weight.shape[0]
        self._texts: dict[int, str] = {}
        # An ordinary token to stand before another: some tokenizers drop a blank at the start of a text.
        self._anchor = tokenizer("a", add_special_tokens=False).input_ids

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        device: str,
        dtype: str,
        context: int,
        task: Task,
        cache_bytes: int = CACHE_BYTES,
    ) -> "TorchDecoder":
        """Load a folder in `from_pretrained` layout; raises as `load_checkpoint` does. Not to be run concurrently."""
        task.check()
        task.report(Phase("loading", folder.name))
        model, tokenizer = load_checkpoint(folder, device, dtype)
        task.check()
        return cls(model, tokenizer, context, cache_bytes)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights, tied ones counted once; the KV caches come on top."""
        return int(self.model.get_memory_footprint())

    def move(self, device: str) -> None:
        """Bring the weights to another device, and forget the caches on this one."""
        self.shelf.clear()
        self.model.to(device)

    def render(self, turns: Sequence[Turn], continue_last: bool, thinking: bool) -> str:
        """See `playground.chat.chat_template`, whose plain template serves models that have none."""
        return chat_template.render(self.tokenizer, turns, continue_last, thinking)

    def tokenize(self, text: str) -> list[Piece]:
        """Special tokens in `text` are read as such; nothing is added."""
        ids = self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        return [Piece(token, self.token_text(token)) for token in ids]

    def token_text(self, token: int) -> str:
        """The text of one token inside a text, leading blank included; a part of a character is \\ufffd."""
        if token not in self._texts:
            start = self.tokenizer.decode(self._anchor)
            self._texts[token] = str(self.tokenizer.decode([*self._anchor, token]))[len(start) :]
        return self._texts[token]

    def decode(
        self, ids: Sequence[int], sampling: Sampling, alternatives: int, task: Task
    ) -> Iterator[Read | Token | Done]:
        """See `Decoder.decode`. The token that ends the reply is not yielded.

        Reuse is exact up to the rounding of the number format: the same tokens read in other portions.
        Raises `UserError` where `ids` are too long for the context or hold an id the model does not
        know, and where the model's numbers overflow.
        """
        prompt = list(ids)
        self.check(prompt)
        limit = min(sampling.max_new_tokens, self.context - len(prompt))
        reading = self.shelf.take(prompt) or self.new_reading()
        reused = len(reading.ids)
        try:
            logits = self.read(reading, prompt, task, checkpoint=True)
            yield Read(reused, len(prompt) - reused)
            said = 0
            for token, ended in self._say(reading, logits, sampling, alternatives, limit, task):
                if ended:
                    yield Done("end", len(prompt), reused, said)
                    return
                said += 1
                yield token
            yield Done("length", len(prompt), reused, said)
        finally:
            self.shelf.keep(reading)

    def new_reading(self) -> CachedPrefix:
        return CachedPrefix(DynamicCache(config=self.model.config))

    def read(self, reading: CachedPrefix, prompt: Sequence[int], task: Task, checkpoint: bool = False) -> Tensor:
        """Read on in chunks to the end of `prompt`; the logits (vocab,) after its last token, float32.

        With `checkpoint`, a copy of the cache at the end of the last message goes on the shelf if the
        model cannot be rewound, so that the reply can be made anew or its reasoning dropped.
        """
        start, total = len(reading.ids), len(prompt)
        stop = self._end_of_last_message(prompt) if checkpoint and not reading.can_always_rewind else 0
        logits = torch.empty(0, dtype=torch.float32)
        while (position := len(reading.ids)) < total:
            task.check()
            task.report(Phase("reading", "", position - start, total - start))
            end = min(position + CHUNK, stop if position < stop else total)
            logits = self.forward(reading, prompt[position:end])
            if end == stop:
                self.shelf.keep(reading.sealed_copy())
        task.check()
        return logits

    @torch.no_grad()
    def forward(self, reading: CachedPrefix, ids: Sequence[int]) -> Tensor:
        """One pass over `ids` that come after `reading`; the logits (vocab,) after the last, float32."""
        with reading.extended(ids):
            output = self.model(
                input_ids=torch.tensor([ids], dtype=torch.int64, device=self.model.device),  # (1, new)
                past_key_values=reading.cache,
                use_cache=True,
                logits_to_keep=1,
            )
        return output.logits[0, -1].float()

    def _say(
        self, reading: CachedPrefix, logits: Tensor, sampling: Sampling, alternatives: int, limit: int, task: Task
    ) -> Iterator[tuple[Token, bool]]:
        """Each token with False; at the end of the reply, if the model ends it, once with True."""
        generator = torch.Generator("cpu").manual_seed(sampling.seed)
        backend = self.tokenizer.backend_tokenizer
        stream = DecodeStream(reading.ids[-8:], skip_special_tokens=True)
        context = list(reading.ids)
        for number in range(limit):
            token, logprob, others = self._choose(logits, context, sampling, alternatives, generator)
            ended = token in self.ends
            text = "" if ended else stream.step(backend, token) or ""
            yield Token(text, token, logprob, others), ended
            task.check()
            if ended or number + 1 == limit:
                return
            context.append(token)
            logits = self.forward(reading, [token])

    @torch.no_grad()
    def _choose(
        self, logits: Tensor, context: Sequence[int], sampling: Sampling, alternatives: int, generator: torch.Generator
    ) -> tuple[int, float, tuple[Alternative, ...]]:
        """Draw a token: its id, its own log-probability before the sampler, and the likeliest alternatives."""
        chosen = draw_index(sample_probabilities(logits, context, sampling), generator).to(logits.device)
        logprobs = logits.log_softmax(-1)  # (vocab,)
        top = logprobs.topk(min(alternatives, logprobs.shape[0]))
        # Packed, so that the device is waited for once. Ids are exact in float32 up to 2**24.
        packed = torch.cat(
            [chosen.float().view(1), logprobs.index_select(0, chosen.view(1)), top.indices.float(), top.values]
        ).tolist()
        if math.isnan(packed[1]):
            raise UserError(
                "The model's numbers overflowed, so there is no next token. Load it in bfloat16 or float32 instead of "
                "float16, or choose another model."
            )
        half = 2 + top.indices.shape[0]
        # Equally likely ones in the order of their ids, as the sampler takes them.
        ranked = sorted(zip(packed[2:half], packed[half:], strict=True), key=lambda pair: (-pair[1], pair[0]))
        others = tuple(Alternative(int(token), self.token_text(int(token)), logprob) for token, logprob in ranked)
        return int(packed[0]), packed[1], others

    def check(self, prompt: Sequence[int]) -> None:
        """Raises `UserError` for a prompt this model cannot read."""
        if not prompt:
            raise UserError("There is nothing to answer: the prompt is empty. Write a message.")
        if len(prompt) >= self.context:
            raise UserError(
                f"The conversation is {len(prompt)} tokens long and this model reads at most {self.context}, its "
                "reply included. Start a new chat or shorten a message."
            )
        # On a GPU an unknown id would end the whole process: some tokenizers have tokens for pictures.
        if (unknown := max(prompt)) >= self._vocabulary:
            raise UserError(
                f"The model does not know the special token “{self.token_text(unknown)}”. Take it out of the message."
            )

    def _end_of_last_message(self, prompt: Sequence[int]) -> int:
        """Where to leave a checkpoint: behind the last end-of-message token, which any next prompt shares;
        the prompt without its last token where that is not near its end."""
        for position in range(len(prompt) - 2, max(-1, len(prompt) - 2 - _TAIL), -1):
            if prompt[position] in self.ends:
                return position + 1
        return len(prompt) - 1


def _end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> frozenset[int]:
    """The tokens that end a reply, by the generation config and the tokenizer."""
    generation = model.generation_config
    named = generation.eos_token_id if generation is not None else None
    several = named if isinstance(named, list) else [named]
    return frozenset(token for token in (*several, tokenizer.eos_token_id) if token is not None)
