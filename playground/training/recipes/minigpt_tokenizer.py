"""The tokenizer of `avatar-minigpt`.

Invariants: every word of the world's questions is one token, so is every coordinate; any text can be spelled.
"""

from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from playground.drawn_world.questions import questions
from playground.grounding.minigpt_prompt import added_tokens


def every_text(records: list[dict[str, Any]], size: int) -> list[str]:
    """What a tokenizer should have seen: questions and answers of all kinds, and every expression."""
    rng, texts = np.random.default_rng(0), []
    for record in records[:4000]:
        for asked in questions(record, size, rng, 12):
            texts += [asked.prompt, asked.answer]
        texts += [expression["text"] for expression in record["expressions"]]
    return texts


def new_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE over these texts; coordinates, tags and markup are single tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special, markup = added_tokens()
    trainer = trainers.BpeTrainer(
        vocab_size=1400, initial_alphabet=sorted(alphabet), special_tokens=special, show_progress=False
    )
    plain = set(texts) | {" " + text for text in texts}
    inner.train_from_iterator(sorted(plain), trainer)
    inner.add_special_tokens(special)
    inner.add_tokens(markup)
    marks = dict(zip(("bos_token", "eos_token", "pad_token"), ("<s>", "</s>", "<pad>"), strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, model_max_length=2048, clean_up_tokenization_spaces=False, **marks
    )
