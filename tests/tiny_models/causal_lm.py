"""Tiny random checkpoints of the real classes, built by the tests and saved to disk.

Invariants: each builder writes a folder that `from_pretrained` reads without a network, the
same bytes on every run, small enough that loading and running it costs next to nothing. What these
models say is noise; how they are loaded, templated, decoded and stopped is the real thing.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

_TEXT = (
    "You are a helpful assistant. Hello, how are you today? I am well, thank you. "
    "The quick brown fox jumps over the lazy dog. A person with red hair and round glasses smiles. "
    "What is the capital of France? The capital of France is Paris. Tell me a story about the sea. "
    "user system assistant\n你好，世界。今天天气很好。"
)


def tiny_llama(folder: Path, context: int = 512, seed: int = 0) -> Path:
    """Save a random `LlamaForCausalLM` with its tokenizer into `folder`, and return `folder`.

    About 12 000 fp32 parameters in two layers, tied embeddings, a byte-level BPE vocabulary of 360
    trained on a few sentences (so every text can be written, and a token may be part of a
    character), ChatML template, `<|im_end|>` as the end of a reply, `context` positions. Greedy
    decoding, like sampling, is varied and rarely ends by itself: bound it with a token limit.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_level_tokenizer(vocabulary=360, context=context)
    config = LlamaConfig(**common_config(tokenizer, context), num_hidden_layers=2)
    return saved(LlamaForCausalLM, config, tokenizer, folder, seed, do_sample=True)


def byte_level_tokenizer(vocabulary: int, context: int) -> "PreTrainedTokenizerFast":
    """A byte-level BPE `PreTrainedTokenizerFast` of exactly `vocabulary` tokens, ChatML specials included."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([_TEXT], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHATML,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def common_config(tokenizer: "PreTrainedTokenizerFast", context: int) -> dict[str, Any]:
    """What the configs of all language models here have in common."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 48,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context,
        # Wide weights: the likeliest tokens differ clearly, so a wrong cache or position changes the reply.
        "initializer_range": 0.4,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": True,
        "dtype": "float32",
    }


def saved(
    kind: "type[PreTrainedModel]",
    config: Any,
    tokenizer: "PreTrainedTokenizerFast",
    folder: Path,
    seed: int = 0,
    **generation: Any,
) -> Path:
    """Save a random model of this kind, its tokenizer and its generation config; gives the folder."""
    import torch
    from transformers import GenerationConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, **generation
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
