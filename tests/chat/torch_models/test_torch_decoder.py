"""The torch decoder on tiny random checkpoints of the real classes: what it says must be what `generate` says,
whatever was said, stopped, edited or made anew before."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import decoders

from playground.chat import torch_decoder
from playground.chat.torch_decoder import TorchDecoder
from playground.chat.types import Decoder, Done, Read, Turn
from playground.errors import Cancelled, UserError
from playground.inference.types import Sampling, Token
from playground.runtime.task import Phase, Task

pytestmark = pytest.mark.slow

HELLO = (Turn("user", "Hello, how are you today?"),)
GREEDY = 12
ROUNDING = 2e-3  # of fp32 through a recurrent cache, 2e-4 seen; a token of the prompt too few changes 1e-2 or more


@pytest.fixture
def llama(folders: dict[str, Path]) -> TorchDecoder:
    return load(folders["llama"])


def load(folder: Path, **options: int) -> TorchDecoder:
    return TorchDecoder.from_folder(folder, "cpu", "float32", 512, Task(), **options)


def prompt_of(decoder: TorchDecoder, turns: tuple[Turn, ...] = HELLO) -> list[int]:
    return [piece.id for piece in decoder.tokenize(decoder.render(turns, False, False))]


def run(
    decoder: Decoder,
    ids: list[int],
    limit: int = GREEDY,
    alternatives: int = 0,
    task: Task | None = None,
    **wish: float,
) -> tuple[list[Token], Read, Done]:
    sampling = Sampling(max_new_tokens=limit, **({"temperature": 0} | wish))  # type: ignore[arg-type]
    events = list(decoder.decode(ids, sampling, alternatives, task or Task()))
    assert isinstance(events[0], Read)
    assert isinstance(events[-1], Done)
    assert all(isinstance(event, Token) for event in events[1:-1])
    return events[1:-1], events[0], events[-1]  # type: ignore[return-value]


def said(tokens: list[Token]) -> list[int]:
    return [token.id for token in tokens if token.id is not None]


def generated(decoder: TorchDecoder, ids: list[int], limit: int = GREEDY, **options: object) -> list[int]:
    found = decoder.model.generate(torch.tensor([ids]), max_new_tokens=limit, do_sample=False, **options)
    reply = found[0, len(ids) :].tolist()
    return reply[:-1] if reply[-1] == decoder.tokenizer.eos_token_id else reply


def logprobs(decoder: TorchDecoder, ids: list[int], reply: list[int]) -> torch.Tensor:
    """Of every token at each place of the reply, (reply, vocab), by one pass over everything without a cache."""
    with torch.no_grad():
        logits = decoder.model(torch.tensor([ids + reply]), use_cache=False).logits[0]
    return logits[len(ids) - 1 : -1].log_softmax(-1)


def check(decoder: TorchDecoder, ids: list[int], reused: int) -> list[int]:
    """Answer greedily: the reply must be the one of `generate`, each token as likely as in one pass over
    everything without a cache, and so many tokens of `ids` reused."""
    tokens, read, done = run(decoder, ids)
    assert said(tokens) == generated(decoder, ids)
    rows = logprobs(decoder, ids, said(tokens))
    expected = [float(row[token.id]) for row, token in zip(rows, tokens, strict=True)]
    assert [token.logprob for token in tokens] == pytest.approx(expected, abs=ROUNDING)
    assert read == Read(reused, len(ids) - reused)
    assert done == Done("length" if len(tokens) == GREEDY else "end", len(ids), reused, len(tokens))
    return said(tokens)


# --- the reply ----------------------------------------------------------------------------------------


def test_a_first_reply_is_that_of_generate(decoder: TorchDecoder) -> None:
    check(decoder, prompt_of(decoder), reused=0)


def test_the_prompt_may_be_read_in_any_chunks(decoder: TorchDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = prompt_of(decoder) * 3
    expected = generated(decoder, ids)
    for chunk in (7, 30):
        monkeypatch.setattr(torch_decoder, "CHUNK", chunk)
        decoder.shelf.clear()
        phases: list[Phase] = []
        assert said(run(decoder, ids, task=Task(phases.append))[0]) == expected
        assert [phase.done for phase in phases] == sorted({phase.done for phase in phases})
        assert {(phase.kind, phase.total) for phase in phases} == {("reading", len(ids))}


def test_probabilities_are_the_models_own(decoder: TorchDecoder) -> None:
    ids = prompt_of(decoder)
    run(decoder, ids)  # so that the next reply comes from a reused cache
    tokens, _, _ = run(decoder, ids, alternatives=5, temperature=1.3, top_k=7, repetition_penalty=1.5)
    for token, row in zip(tokens, logprobs(decoder, ids, said(tokens)), strict=True):
        top = row.topk(5)
        assert token.logprob == pytest.approx(float(row[token.id]), abs=ROUNDING)
        assert [a.logprob for a in token.alternatives] == pytest.approx(top.values.tolist(), abs=ROUNDING)
        assert [a.id for a in token.alternatives] == top.indices.tolist()
        assert [a.text for a in token.alternatives] == [decoder.token_text(a.id or 0) for a in token.alternatives]


def test_the_repetition_penalty_is_that_of_generate(llama: TorchDecoder) -> None:
    ids = prompt_of(llama)
    expected = generated(llama, ids, repetition_penalty=1.4)
    assert expected != generated(llama, ids)
    assert said(run(llama, ids, repetition_penalty=1.4)[0]) == expected


def test_a_seed_gives_the_same_reply_from_a_fresh_and_from_a_used_cache(decoder: TorchDecoder) -> None:
    ids = prompt_of(decoder)
    one, two, other = (
        said(run(decoder, ids, temperature=1.5, top_k=0, top_p=1.0, seed=seed)[0]) for seed in (5, 5, 6)
    )
    assert one == two
    assert one != other


def test_the_text_comes_in_whole_characters(llama: TorchDecoder) -> None:
    reply = llama.tokenizer("你好 é 🙂 world", add_special_tokens=False).input_ids
    head = llama.model.get_output_embeddings()
    place = iter(reply)  # the model is made to say this: one pass for the prompt, one for each token

    def say_next(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        return output.index_fill(-1, torch.tensor([next(place)]), 1e4)

    with head.register_forward_hook(say_next):
        tokens, _, _ = run(llama, prompt_of(llama), limit=len(reply))
    assert "".join(token.text for token in tokens) == "你好 é 🙂 world"
    assert "" in [token.text for token in tokens]
    assert not any("\ufffd" in token.text for token in tokens)


def test_a_reply_that_goes_on_keeps_the_blank_before_its_first_word(llama: TorchDecoder) -> None:
    """Tokenizers of SentencePiece's kind drop a blank at the start of a text, and here is no start."""
    drops = [decoders.ByteLevel(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    llama.tokenizer.backend_tokenizer.decoder = decoders.Sequence(drops)
    (blank_word,) = llama.tokenizer(" you", add_special_tokens=False).input_ids
    assert llama.tokenizer.decode([blank_word]) == "you"

    def say(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        return output.index_fill(-1, torch.tensor([blank_word]), 1e4)

    with llama.model.get_output_embeddings().register_forward_hook(say):
        tokens, _, _ = run(llama, [*prompt_of(llama), *llama.tokenizer("I").input_ids], limit=1, alternatives=1)
    assert tokens[0].text == " you"
    assert tokens[0].alternatives[0].text == " you"


def test_the_end_token_ends_the_reply_and_is_not_part_of_it(folders: dict[str, Path], tmp_path: Path) -> None:
    first = load(folders["llama"])
    ids = prompt_of(first)
    reply = generated(first, ids)
    end = next(token for place, token in enumerate(reply) if place > 3 and token not in reply[:place])
    folder = shutil.copytree(folders["llama"], tmp_path / "ends")
    config = json.loads((folder / "generation_config.json").read_text())
    config["eos_token_id"] = [config["eos_token_id"], end]
    (folder / "generation_config.json").write_text(json.dumps(config))
    decoder = load(folder)
    tokens, _, done = run(decoder, ids)
    assert said(tokens) == reply[: reply.index(end)]
    assert done == Done("end", len(ids), 0, reply.index(end))
    again, read, _ = run(decoder, ids + said(tokens) + [end] + ids)
    assert read.reused == len(ids) + len(tokens)
    assert said(again) == said(run(load(folder), ids + said(tokens) + [end] + ids)[0])


def test_the_reply_ends_where_the_context_does(llama: TorchDecoder) -> None:
    ids = (prompt_of(llama) * 40)[:505]
    tokens, _, done = run(llama, ids, limit=100)
    assert len(tokens) == 7
    assert done.reason == "length"


def test_a_model_is_not_read_beyond_what_it_was_trained_for(folders: dict[str, Path]) -> None:
    assert TorchDecoder.from_folder(folders["llama"], "cpu", "float32", 100_000, Task()).context == 512
    assert TorchDecoder.from_folder(folders["llama"], "cpu", "float32", 64, Task()).context == 64


def test_another_default_dtype_changes_nothing(decoder: TorchDecoder) -> None:
    ids = prompt_of(decoder)
    expected = said(run(decoder, ids, temperature=1.0)[0])
    decoder.shelf.clear()
    torch.set_default_dtype(torch.bfloat16)  # as a model that loads beside it does
    try:
        assert said(run(decoder, ids, temperature=1.0)[0]) == expected
    finally:
        torch.set_default_dtype(torch.float32)


def test_bfloat16_runs(folders: dict[str, Path], kind: str) -> None:
    decoder = TorchDecoder.from_folder(folders[kind], "cpu", "bfloat16", 512, Task())
    tokens, _, _ = run(decoder, prompt_of(decoder), alternatives=3, temperature=1.0)
    assert len(tokens) == GREEDY
    assert decoder.nbytes < load(folders[kind]).nbytes


# --- caches over turns --------------------------------------------------------------------------------


def rewinds(kind: str) -> bool:
    return kind == "llama"


def end_of_message(decoder: TorchDecoder, ids: list[int]) -> int:
    """Where the last message of the prompt ends: what a model keeps that cannot be rewound."""
    return len(ids) - ids[::-1].index(decoder.tokenizer.eos_token_id)


def test_turn_after_turn(decoder: TorchDecoder) -> None:
    ids = prompt_of(decoder)
    reused = 0
    for question in ("Tell me a story.", "And another?", "Thank you."):
        reply = check(decoder, ids, reused)
        reused = len(ids) + len(reply) - 1
        ids = ids + reply + [decoder.tokenizer.eos_token_id, *prompt_of(decoder, (Turn("user", question),))]


def test_regenerate(decoder: TorchDecoder, kind: str) -> None:
    ids = prompt_of(decoder)
    check(decoder, ids, reused=0)
    again = len(ids) - 1 if rewinds(kind) else end_of_message(decoder, ids)
    for _ in range(3):
        check(decoder, ids, again)


def test_edit_an_earlier_turn(decoder: TorchDecoder, kind: str) -> None:
    first = prompt_of(decoder)
    reply = check(decoder, first, reused=0)
    end = decoder.tokenizer.eos_token_id
    second = first + reply + [end, *prompt_of(decoder, (Turn("user", "And you?"),))]
    check(decoder, second, reused=len(first) + len(reply) - 1)
    # The assistant's reply is cut short by hand, and something else is asked.
    edited = first + reply[:5] + [end, *prompt_of(decoder, (Turn("user", "What is the capital of France?"),))]
    kept = len(first) + 5 if rewinds(kind) else end_of_message(decoder, first)
    check(decoder, edited, kept)
    # And back to what was there before: it is still on the shelf, or its checkpoint is.
    check(decoder, second, len(second) - 1 if rewinds(kind) else end_of_message(decoder, second))


def test_reasoning_that_is_not_sent_again(decoder: TorchDecoder, kind: str) -> None:
    """The next prompt leaves the reply at its very beginning, inside what the template put before it."""
    opened = [*prompt_of(decoder), *decoder.tokenizer("<think>\n").input_ids]
    check(decoder, opened, reused=0)
    plain = [*prompt_of(decoder), *decoder.tokenizer("I am well.").input_ids, decoder.tokenizer.eos_token_id]
    following = plain + prompt_of(decoder, (Turn("user", "And you?"),))
    check(decoder, following, len(prompt_of(decoder)) if rewinds(kind) else end_of_message(decoder, opened))


@pytest.mark.parametrize("how", ["stop", "leave"])
def test_stopped_in_the_middle_and_gone_on(decoder: TorchDecoder, kind: str, how: str) -> None:
    ids = prompt_of(decoder)
    whole = generated(decoder, ids)
    task = Task()
    events = decoder.decode(ids, Sampling(temperature=0, max_new_tokens=GREEDY), 0, task)
    kept = [next(events) for _ in range(9)][1:]
    if how == "stop":
        task.cancel()
        with pytest.raises(Cancelled):
            next(events)
    else:
        events.close()  # type: ignore[attr-defined]
    assert [token.id for token in kept if isinstance(token, Token)] == whole[:8]
    # Continue: the eighth token was said, but not read yet.
    check(decoder, ids + whole[:8], len(ids) + 7)
    check(decoder, ids, len(ids) - 1 if rewinds(kind) else end_of_message(decoder, ids))


def test_stopped_while_reading(decoder: TorchDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_decoder, "CHUNK", 8)
    ids = prompt_of(decoder) * 3

    def stop(phase: Phase) -> None:
        if phase.done >= 16:
            task.cancel()

    task = Task(stop)
    with pytest.raises(Cancelled):
        run(decoder, ids, task=task)
    check(decoder, ids, reused=24)


def test_a_cache_that_an_error_left_half_written_is_not_used(decoder: TorchDecoder, kind: str) -> None:
    ids = prompt_of(decoder)
    reply = check(decoder, ids, reused=0)
    last = decoder.model.get_decoder().layers[-1]

    def fail(module: torch.nn.Module, inputs: object) -> None:
        raise torch.OutOfMemoryError("no more")

    longer = ids + reply + prompt_of(decoder)
    with last.register_forward_pre_hook(fail), pytest.raises(torch.OutOfMemoryError):
        run(decoder, longer)
    assert not any(len(reading.ids) > len(ids) and not reading.sealed for reading in decoder.shelf)
    check(decoder, longer, 0 if rewinds(kind) else end_of_message(decoder, ids))


def test_two_visitors_take_turns(decoder: TorchDecoder) -> None:
    """Their chats share a system prompt; each finds its own cache again."""
    system = Turn("system", "You are a helpful assistant. " * 4)
    end = decoder.tokenizer.eos_token_id
    chats = [prompt_of(decoder, (system, Turn("user", text))) for text in ("Hello!", "Tell me about the sea.")]
    read = [0, 0]
    for round_ in range(3):
        for visitor in (0, 1):
            ids = chats[visitor]
            tokens, got, _ = run(decoder, ids)
            assert said(tokens) == generated(decoder, ids)
            if round_ > 0:
                assert got.reused == read[visitor]
            read[visitor] = len(ids) + len(tokens) - 1
            chats[visitor] = ids + said(tokens) + [end, *prompt_of(decoder, (Turn("user", "Go on."),))]


def test_another_visitors_chat_begins_with_all_that_was_said_in_this_one(decoder: TorchDecoder) -> None:
    ids = prompt_of(decoder)
    reply = check(decoder, ids, reused=0)
    for question in ("One?", "Two?"):  # both go on from the same reply
        tokens, _, _ = run(decoder, asked := ids + reply + prompt_of(decoder, (Turn("user", question),)))
        assert said(tokens) == generated(decoder, asked)


def test_old_caches_leave_when_their_memory_is_wanted(folders: dict[str, Path], kind: str) -> None:
    decoder = load(folders[kind], cache_bytes=1)
    one, two = (prompt_of(decoder, (Turn("user", text),)) for text in ("Hello!", "What is the capital of France?"))
    run(decoder, one)
    assert len(list(decoder.shelf)) == 1  # one is always kept
    run(decoder, two)
    assert [reading.ids[: len(two)] == two for reading in decoder.shelf] == [True]
    roomy = load(folders[kind])
    for ids in (one, two):
        run(roomy, ids)
    assert sum(reading.bytes for reading in roomy.shelf) > sum(reading.bytes for reading in decoder.shelf)
    assert run(roomy, one)[1].reused >= len(one) // 2


def test_it_moves(llama: TorchDecoder) -> None:
    ids = prompt_of(llama)
    check(llama, ids, reused=0)
    llama.move("cpu")
    check(llama, ids, reused=0)


# --- words: template and tokens -----------------------------------------------------------------------


def test_the_text_of_a_message_arrives_as_it_is(llama: TorchDecoder) -> None:
    text = "  def f():\n\treturn 1\n\n\n"
    assert llama.render((Turn("user", text),), False, False) == (
        f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    )


def test_pieces_spell_the_text(llama: TorchDecoder) -> None:
    text = "<|im_start|>user\n  tabs\tand  blanks<|im_end|>"
    pieces = llama.tokenize(text)
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.text for piece in pieces[:2]] == ["<|im_start|>", "user"]
    assert set("".join(piece.text for piece in llama.tokenize("🙂"))) == {"\ufffd"}


def test_continue_goes_on_behind_what_the_model_said(llama: TorchDecoder) -> None:
    said_by_model = Turn("assistant", "<think>\nHm, ", tokens=(Token("<think>\nHm, ", 1),))
    prompt = llama.render(HELLO, False, True)
    assert llama.render((*HELLO, said_by_model), True, True) == prompt + "<think>\nHm, "
    assert llama.render((*HELLO, Turn("assistant", "")), True, True) == prompt
    written = Turn("assistant", "The sea \n")
    assert llama.render((*HELLO, written), True, True) == prompt + "The sea \n"
    reasoned = Turn("assistant", "", reasoning="Let me see")
    assert llama.render((*HELLO, reasoned), True, True) == prompt + "<think>\nLet me see"


def with_template(llama: TorchDecoder, template: str | None) -> TorchDecoder:
    llama.tokenizer.chat_template = template
    return llama


def test_blanks_a_template_trims_stay_at_the_end_of_an_unfinished_reply(llama: TorchDecoder) -> None:
    decoder = with_template(
        llama, "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] | trim }}{% endfor %}{{ '[assistant]' }}"
    )
    assert decoder.render((*HELLO, Turn("assistant", "The sea  ")), True, True).endswith("[assistant]The sea  ")


def test_the_thinking_switch_reaches_a_template_that_has_one(llama: TorchDecoder) -> None:
    decoder = with_template(llama, "{{ messages[0]['content'] }}{% if enable_thinking %}<think>{% endif %}")
    assert decoder.render(HELLO, False, True).endswith("<think>")
    assert not decoder.render(HELLO, False, False).endswith("<think>")


def test_a_template_without_system_role_gets_it_with_the_first_message(llama: TorchDecoder) -> None:
    decoder = with_template(
        llama,
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}",
    )
    assert decoder.render((Turn("system", "Be brief."), *HELLO), False, False) == (
        "user: Be brief.\n\nHello, how are you today?\n"
    )
    with pytest.raises(UserError, match="System role not supported"):
        decoder.render((Turn("system", "Be brief."),), False, False)


def test_a_model_without_template_reads_a_written_dialogue(llama: TorchDecoder) -> None:
    decoder = with_template(llama, None)
    turns = (Turn("system", "Be brief."), *HELLO, Turn("assistant", "Well."), Turn("user", "And?"))
    assert decoder.render(turns, False, False) == (
        "Be brief.\n\nUser:\nHello, how are you today?\n\nAssistant:\nWell.\n\nUser:\nAnd?\n\nAssistant:\n"
    )
    assert decoder.render(turns[:3], True, False).endswith("Assistant:\nWell.")


# --- what the user can mend ---------------------------------------------------------------------------


def test_prompts_that_cannot_be_read(llama: TorchDecoder) -> None:
    for ids, words in (([], "Write a message"), ([5] * 512, "512 tokens long"), ([5, 360], "special token")):
        with pytest.raises(UserError, match=words):
            run(llama, ids)


def test_numbers_that_overflow_are_told(llama: TorchDecoder) -> None:
    llama.model.get_decoder().norm.weight.fill_(torch.nan)
    for temperature in (0.0, 1.0):
        with pytest.raises(UserError, match="overflowed"):
            run(llama, prompt_of(llama), temperature=temperature)


def edit_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return spoil


def only_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def lose_a_shard(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "one.safetensors")
    names = dict.fromkeys(load_file(folder / "one.safetensors"), "two.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))


def foreign_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('the code ran')")


UP = "model.layers.1.mlp.up_proj.weight"
SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickle": (only_pickle, "pickle"),
    "nothing": (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
    "cut": (cut_weights, "damaged or cut short"),
    "empty": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "damaged or cut short"),
    "missing": (edit_weights(lambda weights: weights.pop(UP)), f"{UP} is missing"),
    "shape": (edit_weights(lambda weights: weights.update({UP: torch.zeros(3, 3)})), "do not fit"),
    "shard": (lose_a_shard, "two.safetensors"),
    "config": (lambda folder: (folder / "config.json").write_text("{"), "not a language model"),
    "code": (foreign_code, "not a language model"),
    "tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
}


@pytest.mark.parametrize("fault", list(SPOILT))
def test_a_bad_folder_is_refused_with_words(folders: dict[str, Path], tmp_path: Path, fault: str) -> None:
    spoil, words = SPOILT[fault]
    folder = shutil.copytree(folders["llama"], tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(UserError, match=words) as told:
        load(folder)
    assert "choose another" in str(told.value).lower() or "Choose a model" in str(told.value)
