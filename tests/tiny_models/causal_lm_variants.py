"""More tiny random checkpoints: models whose KV cache cannot be cut back, and a GGUF file.

Invariants: as in `tests.tiny_models.causal_lm`, whose tokenizer they share.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from tests.tiny_models.causal_lm import byte_level_tokenizer, common_config, saved

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

WINDOW = 16  # tokens the sliding layers of `tiny_gemma3` look back


def tiny_qwen35(folder: Path, context: int = 512) -> Path:
    """Save a random `Qwen3_5ForCausalLM` (text): three layers of linear attention to one of full attention."""
    from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

    tokenizer = byte_level_tokenizer(vocabulary=360, context=context)
    config = Qwen3_5TextConfig(
        **common_config(tokenizer, context),
        num_hidden_layers=4,
        head_dim=8,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        linear_conv_kernel_dim=4,
    )
    assert config.layer_types == ["linear_attention"] * 3 + ["full_attention"]
    return saved(Qwen3_5ForCausalLM, config, tokenizer, folder)


def tiny_gemma3(folder: Path, context: int = 512) -> Path:
    """Save a random `Gemma3ForCausalLM`: five layers with a sliding window of `WINDOW` tokens, then a full one.

    Its embeddings are not tied (tied, it would say one token for ever), and its logits are capped as Gemma 2's.
    """
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    tokenizer = byte_level_tokenizer(vocabulary=360, context=context)
    config = Gemma3TextConfig(
        **common_config(tokenizer, context) | {"tie_word_embeddings": False},
        num_hidden_layers=6,
        head_dim=8,
        query_pre_attn_scalar=8,
        sliding_window=WINDOW,
        final_logit_softcapping=5.0,
    )
    assert set(config.layer_types) == {"sliding_attention", "full_attention"}
    return saved(Gemma3ForCausalLM, config, tokenizer, folder)


def tiny_gguf(path: Path, context: int = 512) -> Path:
    """Write a random Llama as an F32 GGUF file that llama.cpp reads.

    Its tokenizer is of SmolLM2's kind, which splits every digit off before anything is merged.
    """
    import numpy as np
    from gguf import GGUFWriter, TokenType

    tokenizer = _code_tokenizer(context)
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    hidden, heads, inner, layers = 64, 2, 96, 2
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(hidden)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_dimension_count(hidden // heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(vocabulary))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(vocabulary)
    special = set(tokenizer.all_special_tokens)
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL for token in vocabulary])
    writer.add_token_merges([" ".join(pair) for pair in _merges(tokenizer)])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_bos_token_id(tokenizer.convert_tokens_to_ids("<|im_start|>"))
    writer.add_unk_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(str(tokenizer.chat_template))
    random = np.random.default_rng(0)

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.standard_normal(shape, dtype=np.float32) * np.float32(0.2))

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(hidden, dtype=np.float32))

    tensor("token_embd.weight", len(vocabulary), hidden)  # no output.weight: tied
    ones("output_norm.weight")
    for layer in range(layers):
        ones(f"blk.{layer}.attn_norm.weight")
        ones(f"blk.{layer}.ffn_norm.weight")
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{layer}.{name}.weight", hidden, hidden)
        tensor(f"blk.{layer}.ffn_gate.weight", inner, hidden)
        tensor(f"blk.{layer}.ffn_up.weight", inner, hidden)
        tensor(f"blk.{layer}.ffn_down.weight", hidden, inner)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _code_tokenizer(context: int) -> "PreTrainedTokenizerFast":
    """Trained on code and numbers, so that it matters where a text is split before byte-level BPE."""
    code = ["def f(x):\n\treturn x\n\n\n    if  x:\t\t1\n", "a 1  22   333\t\t4\n\n5 ½ ²"] * 20
    return byte_level_tokenizer(vocabulary=360, context=context).train_new_from_iterator(code, vocab_size=360)


def _merges(tokenizer: "PreTrainedTokenizerFast") -> list[list[str]]:
    import json

    return json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
