"""The token inspector against full forward passes of tiny random checkpoints of the real classes."""

import math
from pathlib import Path

import pytest
import torch
from transformers import GraniteConfig, GraniteForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithPast

from playground.chat import torch_decoder
from playground.chat.inspection import inspect_position
from playground.chat.torch_decoder import TorchDecoder
from playground.chat.types import Turn
from playground.errors import Cancelled, UserError
from playground.inference.sampling import sample_probabilities
from playground.inference.types import Sampling, Token
from playground.runtime.task import Task
from tests.tiny_models.causal_lm_variants import WINDOW

SAMPLING = Sampling(temperature=0.8, top_k=12, top_p=0.9, repetition_penalty=1.3)


def chat(decoder: TorchDecoder, length: int = 12) -> tuple[list[int], list[Token]]:
    """A short chat: its prompt, and the tokens of the reply."""
    text = decoder.render((Turn("user", "What is the capital of France?"),), False, False)
    ids = [piece.id for piece in decoder.tokenize(text)]
    events = decoder.decode(ids, Sampling(temperature=1.0, max_new_tokens=length), 0, Task())
    return ids, [event for event in events if isinstance(event, Token)]


def ids_of(decoder: TorchDecoder) -> tuple[list[int], int]:
    """All ids of a chat, and where its reply starts."""
    prompt, tokens = chat(decoder)
    return prompt + [token.id for token in tokens if token.id is not None], len(prompt)


def full_pass(decoder: TorchDecoder, ids: list[int]) -> object:
    """Everything at once, without a cache, with attention that shows its weights."""
    decoder.model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            return decoder.model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True)
    finally:
        decoder.model.set_attn_implementation("sdpa")


def test_attention_is_the_row_of_a_full_pass(decoder: TorchDecoder, kind: str) -> None:
    ids, start = ids_of(decoder)
    for position in (start, start + 5, len(ids) - 1):
        full = full_pass(decoder, ids[:position])
        found = inspect_position(decoder, ids, position, SAMPLING)
        rows = [weights[0, :, -1].mean(0) for weights in full.attentions]  # type: ignore[attr-defined]
        layers = {"llama": [1, 2], "qwen3.5": [4], "gemma3": [1, 2, 3, 4, 5, 6]}[kind]
        assert [layer.layer for layer in found.attention] == layers
        assert len(rows) == len(layers)
        for layer, row in zip(found.attention, rows, strict=True):
            torch.testing.assert_close(torch.tensor(layer.weights), row, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(torch.tensor(found.mean_attention), torch.stack(rows).mean(0), atol=1e-5, rtol=1e-4)
        assert len(found.mean_attention) == position
        assert sum(found.mean_attention) == pytest.approx(1, abs=1e-5)


def test_a_sliding_window_looks_no_further_back(folders: dict[str, Path]) -> None:
    decoder = TorchDecoder.from_folder(folders["gemma3"], "cpu", "float32", 512, Task())
    ids, start = ids_of(decoder)
    sliding, whole = (inspect_position(decoder, ids, start, SAMPLING).attention[place].weights for place in (0, 5))
    assert set(sliding[: start - WINDOW]) == {0.0}
    assert min(sliding[start - WINDOW :]) > 0
    assert min(whole) > 0


def test_layers_without_attention_maps_are_told(folders: dict[str, Path], kind: str, decoder: TorchDecoder) -> None:
    ids, start = ids_of(decoder)
    notes = inspect_position(decoder, ids, start, SAMPLING).notes
    assert len(notes) == (1 if kind == "qwen3.5" else 0)
    assert all("1 of the 4 layers" in note for note in notes)


def test_the_lens_looks_through_the_models_own_head(decoder: TorchDecoder) -> None:
    ids, start = ids_of(decoder)
    position = start + 3
    full = full_pass(decoder, ids[:position])
    found = inspect_position(decoder, ids, position, SAMPLING)
    states = full.hidden_states[1:]  # type: ignore[attr-defined]
    assert [layer.layer for layer in found.lens] == list(range(1, len(states) + 1))

    last = full.logits[0, -1].softmax(-1)  # type: ignore[attr-defined]
    assert found.lens[-1].top == tuple(
        (choice.text, pytest.approx(choice.before, abs=1e-5)) for choice in found.before[:3]
    )
    assert found.lens[-1].probability == pytest.approx(float(last[ids[position]]), abs=1e-5)

    model = decoder.model
    for layer, state in zip(found.lens[:-1], states[:-1], strict=True):
        with torch.no_grad():
            logits = model.get_output_embeddings()(model.get_decoder().norm(state[0, -1]))
        if cap := getattr(model.config, "final_logit_softcapping", None):
            logits = cap * torch.tanh(logits / cap)
        expected = logits.softmax(-1)
        top = expected.topk(3)
        assert [text for text, _ in layer.top] == [decoder.token_text(token) for token in top.indices.tolist()]
        assert [probability for _, probability in layer.top] == pytest.approx(top.values.tolist(), abs=1e-4)
        assert layer.probability == pytest.approx(float(expected[ids[position]]), abs=1e-4)
        assert layer.rank == 1 + int((expected > expected[ids[position]]).sum())


def test_alternatives_before_and_after_the_sampler(decoder: TorchDecoder) -> None:
    ids, start = ids_of(decoder)
    position = start + 4
    logits = full_pass(decoder, ids[:position]).logits[0, -1]  # type: ignore[attr-defined]
    before = logits.softmax(-1)
    after = sample_probabilities(logits, ids[:position], SAMPLING)
    found = inspect_position(decoder, ids, position, SAMPLING, top=20)
    for choices, by in ((found.before, before), (found.after, after)):
        expected = by.topk(20)
        assert [choice.id for choice in choices] == expected.indices[expected.values > 0].tolist()
        for choice in choices:
            assert choice.before == pytest.approx(float(before[choice.id]), abs=1e-5)
            assert choice.after == pytest.approx(float(after[choice.id]), abs=1e-4)
            assert choice.text == decoder.token_text(choice.id)
    assert len(found.before) == 20
    assert 0 < len(found.after) <= 12
    assert found.said.id == ids[position]
    assert found.surprise_bits == pytest.approx(-math.log2(float(before[ids[position]])), abs=1e-3)
    assert found.entropy_bits == pytest.approx(float(-(before * before.log2()).sum()), abs=1e-3)
    assert found.position == position


def test_it_agrees_with_what_the_decoder_told_and_leaves_it_as_it_was(decoder: TorchDecoder) -> None:
    prompt, tokens = chat(decoder)
    ids = prompt + [token.id for token in tokens if token.id is not None]
    shelf = [(reading.ids[:], reading.cache.get_seq_length()) for reading in decoder.shelf]
    for place, token in enumerate(tokens):
        found = inspect_position(decoder, ids, len(prompt) + place, SAMPLING)
        assert found.surprise_bits == pytest.approx(-(token.logprob or 0) / math.log(2), abs=1e-3)
    assert [(reading.ids, reading.cache.get_seq_length()) for reading in decoder.shelf] == shelf
    assert decoder.model.config._attn_implementation == "sdpa"
    _, same = chat(decoder)
    assert [token.id for token in same] == [token.id for token in tokens]
    # From an empty shelf, with the prompt read in small chunks, it is the same.
    kept = inspect_position(decoder, ids, len(ids) - 1, SAMPLING)
    decoder.shelf.clear()
    fresh = inspect_position(decoder, ids, len(ids) - 1, SAMPLING)
    assert fresh.mean_attention == pytest.approx(kept.mean_attention, abs=1e-5)
    assert not list(decoder.shelf)


def test_the_first_prediction_of_all(decoder: TorchDecoder) -> None:
    ids, _ = ids_of(decoder)
    found = inspect_position(decoder, ids, 1, SAMPLING)
    assert found.mean_attention == pytest.approx((1.0,))


def test_the_usual_attention_comes_back_after_an_error(decoder: TorchDecoder) -> None:
    ids, start = ids_of(decoder)
    decoder.shelf.clear()
    last = decoder.model.get_decoder().layers[-1]

    def fail(module: torch.nn.Module, inputs: object) -> None:
        if decoder.model.config._attn_implementation == "eager":
            raise torch.OutOfMemoryError("no more")

    with last.register_forward_pre_hook(fail), pytest.raises(torch.OutOfMemoryError):
        inspect_position(decoder, ids, start, SAMPLING)
    assert decoder.model.config._attn_implementation == "sdpa"
    inspect_position(decoder, ids, start, SAMPLING)


def test_it_can_be_stopped(decoder: TorchDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_decoder, "CHUNK", 4)
    ids, start = ids_of(decoder)
    decoder.shelf.clear()
    task = Task(lambda phase: task.cancel() if phase.done >= 8 else None)
    with pytest.raises(Cancelled):
        inspect_position(decoder, ids, start, SAMPLING, task=task)


def test_tokens_that_were_not_predicted(decoder: TorchDecoder) -> None:
    ids, _ = ids_of(decoder)
    for position in (0, -1, len(ids)):
        with pytest.raises(UserError, match="Choose one of its reply"):
            inspect_position(decoder, ids, position, SAMPLING)


def test_a_model_that_scales_its_logits(folders: dict[str, Path], tmp_path: Path) -> None:
    tokenizer = TorchDecoder.from_folder(folders["llama"], "cpu", "float32", 512, Task()).tokenizer
    config = GraniteConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, initializer_range=0.4, logits_scaling=3.0, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=None, dtype="float32",
    )  # fmt: skip
    decoder = TorchDecoder(GraniteForCausalLM(config).eval(), tokenizer, 512)
    ids, start = ids_of(decoder)
    found = inspect_position(decoder, ids, start, SAMPLING)
    assert len(found.lens) == 2
    assert found.notes == ()

    def twice(module: torch.nn.Module, inputs: object, output: CausalLMOutputWithPast) -> CausalLMOutputWithPast:
        assert output.logits is not None
        return CausalLMOutputWithPast(**{**output, "logits": 2 * output.logits})

    with decoder.model.register_forward_hook(twice):  # a head the config does not tell of: no lens, not a wrong one
        found = inspect_position(decoder, ids, start, SAMPLING)
    assert found.lens == ()
    assert "logit lens" in found.notes[0]
