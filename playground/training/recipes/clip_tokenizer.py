"""The tokenizer of `avatar-clip`.

Invariants: CLIP's form, this world's words; the id of the end token is 1, because transformers gives 2 a meaning
of its own, and any text can be spelled.
"""

import json
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

TOKENS = 64  # a caption at most


def new_tokenizer(texts: list[str]) -> CLIPTokenizer:
    """A byte-pair tokenizer in CLIP's form over these texts. Any text can be spelled with it, in bytes at worst.

    The id of the end token is 1: transformers gives 2 a meaning of its own.
    """
    start, end = "<|startoftext|>", "<|endoftext|>"
    empty = CLIPTokenizer(vocab={start: 0, end: 1}, merges=[])
    learnt: Any = empty.train_new_from_iterator(texts, vocab_size=1200, show_progress=False)
    state = json.loads(learnt.backend_tokenizer.to_str())["model"]
    merges = [tuple(merge) for merge in state["merges"]]
    letters = sorted(ByteLevel.alphabet())
    tokens = [start, end, *letters, *(letter + "</w>" for letter in letters), *("".join(merge) for merge in merges)]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges)
    tokenizer.model_max_length = TOKENS
    return tokenizer
