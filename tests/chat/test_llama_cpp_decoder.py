"""The embedded model for real: SmolLM2 through llama.cpp, as the chat uses it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from playground.chat.llama_cpp_decoder import LlamaCppDecoder
from playground.chat.local import LocalChat
from playground.chat.reply import Reply
from playground.chat.types import ChatRequest, Prompt, Read, Turn
from playground.errors import Cancelled, UserError
from playground.inference.types import Sampling, Token
from playground.runtime.task import Phase, Task

pytestmark = pytest.mark.slow

CONTEXT = 1024


@pytest.fixture(scope="module")
def engine(smollm2_gguf: Path) -> Iterator[LocalChat]:
    decoder = LlamaCppDecoder(smollm2_gguf, CONTEXT)
    yield LocalChat(decoder)
    decoder.close()


def answer(engine: LocalChat, *turns: Turn, continue_last: bool = False, **sampling: float) -> Reply:
    request = ChatRequest(turns, Sampling(**({"max_new_tokens": 24} | sampling)), continue_last)  # type: ignore[arg-type]
    reply = Reply("m", before=turns[-1] if continue_last else None)
    for event in engine.stream(request, Task()):
        reply.add(event)
    return reply


def test_it_answers_and_tells_every_token_with_its_alternatives(engine: LocalChat) -> None:
    reply = answer(engine, Turn("user", "What is the capital of France? One word."), temperature=0)
    assert "Paris" in reply.turn().text
    assert reply.prompt is not None and reply.prompt.text.endswith("<|im_start|>assistant\n")
    assert "".join(piece.text for piece in reply.prompt.pieces) == reply.prompt.text
    for token in reply.tokens:
        assert token.id is not None
        assert len(token.alternatives) == 8
        assert token.alternatives[0].id == token.id  # greedy
        assert token.logprob == token.alternatives[0].logprob <= 0
        logprobs = [other.logprob for other in token.alternatives]
        assert logprobs == sorted(logprobs, reverse=True)


def test_the_second_turn_reads_only_what_is_new_and_keeps_the_ids_it_said(engine: LocalChat) -> None:
    first = Turn("user", "Write two short sentences with the emoji 🌟 and the word 你好 in them.")
    said = answer(engine, first, seed=3, max_new_tokens=48)
    second = answer(engine, first, replace(said.turn(), cut=""), Turn("user", "Thanks. Now say goodbye."))
    assert said.prompt and second.prompt and second.read
    ids = [token.id for token in said.tokens]
    start = len(said.prompt.pieces)
    assert [piece.id for piece in second.prompt.pieces[start : start + len(ids)]] == ids
    assert second.read.reused >= start + len(ids) - 1
    assert second.read.new <= len(second.prompt.pieces) - start - len(ids) + 1


def test_characters_of_several_tokens_come_whole_and_with_all_their_ids(engine: LocalChat) -> None:
    turn = Turn("user", "Repeat exactly, nothing else: 🌟 🦀 龙 🌟 🦀 龙")
    reply = answer(engine, turn, temperature=0, max_new_tokens=40)
    assert "\ufffd" not in reply.turn().text
    spelled = [token for token in reply.tokens if not token.text]
    assert spelled, "the prompt must make it spell a character in several tokens"
    assert all(token.id is not None for token in reply.tokens)


def test_same_seed_same_reply_whatever_the_cache_held(engine: LocalChat) -> None:
    turn = Turn("user", "Invent a name for a ship.")
    one = answer(engine, turn, seed=11).turn().text
    answer(engine, Turn("user", "Something else entirely"))
    assert answer(engine, turn, seed=11).turn().text == one
    assert len({answer(engine, turn, seed=seed, temperature=1.5).turn().text for seed in range(4)}) > 1


def test_a_cut_reply_goes_on_where_it_ended(engine: LocalChat) -> None:
    turn = Turn("user", "Count from one to ten in words, separated by commas.")
    whole = answer(engine, turn, temperature=0, max_new_tokens=30)
    start = answer(engine, turn, temperature=0, max_new_tokens=8)
    assert start.turn().cut == "length"
    rest = answer(engine, turn, start.turn(), continue_last=True, temperature=0, max_new_tokens=22)
    assert rest.turn().text == whole.turn().text
    assert [token.id for token in rest.turn().tokens] == [token.id for token in whole.tokens]


def test_text_reaches_the_model_as_it_was_typed(engine: LocalChat) -> None:
    text = "  leading blanks\n\tdef f(x):\n\t\treturn x\n\n🙂 你好 12345  "
    prompt = next(engine.stream(ChatRequest((Turn("user", text),)), Task()))
    assert isinstance(prompt, Prompt)
    assert f"<|im_start|>user\n{text}<|im_end|>" in prompt.text
    assert [piece.text for piece in engine.decoder.tokenize("1234")] == ["1", "2", "3", "4"]


def test_a_full_context_leaves_out_the_oldest_and_says_so(engine: LocalChat) -> None:
    old = [Turn(role, f"number {i}: " + "old words " * 40) for i in range(12) for role in ("user", "assistant")]
    system = Turn("system", "Remember the lighthouse.")
    reply = answer(engine, system, *old, Turn("user", "And now?"), max_new_tokens=200)
    assert reply.prompt is not None
    assert reply.prompt.dropped_turns > 0 and reply.prompt.dropped_turns % 2 == 0
    assert "Remember the lighthouse." in reply.prompt.text and "And now?" in reply.prompt.text
    assert "number 0:" not in reply.prompt.text
    assert len(reply.prompt.pieces) + 200 <= CONTEXT
    assert reply.done is not None


def test_a_message_longer_than_the_context_is_refused_with_numbers(engine: LocalChat) -> None:
    with pytest.raises(UserError, match=r"1,024.*Shorten"):
        answer(engine, Turn("user", "word " * 2000))


def test_stop_while_reading_and_while_writing_leaves_it_usable(engine: LocalChat) -> None:
    question = Turn("user", "What is the capital of France? One word.")
    before = answer(engine, question, temperature=0).turn().text
    long = Turn("user", "Read this. " + "The quick brown fox jumps over the lazy dog. " * 70)
    task = Task(lambda phase: task.cancel() if phase.kind == "reading" and 0 < phase.done < phase.total else None)
    with pytest.raises(Cancelled):
        for event in engine.stream(ChatRequest((long,)), task):
            assert not isinstance(event, Token | Read)
    task = Task()
    seen = 0
    with pytest.raises(Cancelled):
        for event in engine.stream(ChatRequest((Turn("user", "Tell a long story."),)), task):
            if isinstance(event, Token):
                seen += 1
                if seen == 5:
                    task.cancel()
    assert seen <= 6
    assert answer(engine, question, temperature=0).turn().text == before


def test_the_prompt_is_read_in_announced_steps(engine: LocalChat) -> None:
    phases: list[Phase] = []
    request = ChatRequest((Turn("user", "word " * 300),), Sampling(max_new_tokens=1))
    list(engine.stream(request, Task(phases.append)))
    read = [phase for phase in phases if phase.kind == "reading"]
    assert len(read) >= 2 and read[-1].done == read[-1].total


def test_a_damaged_file_is_told(tmp_path: Path, smollm2_gguf: Path) -> None:
    damaged = tmp_path / "half.gguf"
    damaged.write_bytes(smollm2_gguf.read_bytes()[:1_000_000])
    with pytest.raises(UserError, match=r"half.gguf"):
        LlamaCppDecoder(damaged, CONTEXT)
